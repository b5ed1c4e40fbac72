/* status_figures.h - what the pages of the status server are made of: gathered
 * at one time by server.c, true a moment ago.
 *
 * All that is pointed to is borrowed, for as long as the pages are written.
 */
#ifndef POPINJAY_SERVER_STATUS_FIGURES_H
#define POPINJAY_SERVER_STATUS_FIGURES_H

#include <stdint.h>

#include "access/token_desk.h"
#include "base/counters.h"
#include "server/history.h"
#include "server/listener_names.h"
#include "server/process_figures.h"
#include "server/settings.h"
#include "server/upstream.h"

enum status_state {
    STATUS_STARTING,
    STATUS_SERVING,
    STATUS_UPSTREAM_FAILING, /* all of them: upstream_health.h */
    STATUS_DRAINING,
    STATUS_STATE_COUNT,
};

/* "serving" */
const char *status_state_name(enum status_state state);

/* "first_octet", for JSON and metrics. */
const char *status_stage_name(enum counter_stage stage);

/* Of one upstream. */
struct status_upstream {
    const char *name;
    const char *address; /* HOST:PORT,HOST:PORT */
    struct upstream_health_view health;
    uint64_t open;   /* connections now, parked ones too */
    uint64_t limit;  /* of those; 0: none */
    uint64_t queue;  /* logins that wait for one */
    uint64_t parked; /* of those that are open */
    uint64_t counts[UPSTREAM_COUNT_COUNT];
    uint64_t login_failures[FAULT_COUNT]; /* by enum fault */
    struct histogram_total stage[COUNTER_UPSTREAM_STAGES];
    size_t server_count;
    struct upstream_server_view servers[UPSTREAM_SERVERS_MAX];
};

struct status_figures {
    const char *version;
    const struct status_upstream *upstreams; /* in the order of the file */
    size_t upstream_count;
    enum status_state state;
    uint64_t started_seconds; /* Unix time */
    uint64_t uptime_seconds;
    uint64_t adopted_seconds; /* Unix time: of what it serves by */
    uint64_t reload_good;     /* 0: the last reload was refused */
    uint64_t workers;
    uint64_t max_sessions;
    uint64_t sessions;         /* alive now */
    uint64_t upstream_open;    /* connections, parked ones too */
    uint64_t upstream_queue;   /* logins that wait */
    uint64_t blocked_clients;  /* refused for their wrong passwords */
    uint64_t blocked_logins;   /* the same, of a user from a client or all */
    uint64_t throttled_logins; /* refused because the server asked for that */
    uint64_t parked;           /* upstream connections that rest */
    uint64_t cache_octets;     /* of listings that are known */
    uint64_t cache_mailboxes;
    uint64_t readahead_octets; /* on their way, or waiting */
    uint64_t verifications;    /* of accounts' passwords; the same */
    uint64_t accounts;         /* that there are */
    uint64_t headers_awaited;  /* connections without their PROXY header */
    struct process_figures process;
    const struct history *history;
    const struct listener_names *listener_names;
    const struct config_listener *listeners;
    size_t listener_count;
    const struct settings_certificate *certificates;
    size_t certificate_count;
    const struct token_desk *tokens; /* NULL: none */
    uint64_t now_seconds;            /* Unix time */
    struct counters_total totals;
};

#endif
