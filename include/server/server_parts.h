/* server_parts.h - the inside of the server, shared by its source files only:
 * server.c (its life), server_reload.c (what it serves by),
 * server_certificates.c, server_watchdog.c, server_handover.c, server_log.c.
 */
#ifndef POPINJAY_SERVER_SERVER_PARTS_H
#define POPINJAY_SERVER_SERVER_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "server/notify.h"
#include "server/server.h"
#include "server/status_server.h"
#include "server/watcher.h"
#include "server/worker.h"

enum server_state {
    SERVER_STARTING,
    SERVER_SERVING,
    SERVER_LEAVING,  /* as before, but whoever asks is told: drain_delay */
    SERVER_DRAINING, /* no new sessions */
    SERVER_ABORTING, /* drain_timeout is over */
};

#define SERVER_SIGNALS 4

/* A worker and how its thread says that it has ended. */
struct member {
    struct server *server;
    struct worker *worker;
    uv_async_t ended;
    bool is_running;
};

struct server {
    struct settings *settings; /* held; NULL: none were adopted yet */
    struct config *begun_by;   /* held: what cannot change is as it says */
    struct service *service;
    const char *version;
    struct status_upstream *upstreams; /* UPSTREAMS_MAX, for figures */
    enum server_state state;
    bool handed_over;    /* it drains for that reason, and had no SIGTERM yet */
    uint64_t started_ms; /* by the loop's clock */
    uint64_t started_seconds; /* Unix time */
    uint64_t adopted_seconds; /* the settings: Unix time */
    bool reload_failed;       /* the last one */

    uv_loop_t loop;
    uv_signal_t signals[SERVER_SIGNALS];
    uv_timer_t drain_timer;
    uv_timer_t sweep_timer; /* of parked connections */
    pid_t replaces;         /* that process, once this one serves; or 0 */
    uv_timer_t take_over_timer;
    struct inherited inherited;
    struct notify notify;
    uv_timer_t watchdog_timer;
    uv_timer_t certificate_timer;
    unsigned bad_looks;   /* at files that have changed, in a row */
    uv_timer_t log_timer; /* failures that were counted are told */
    struct status_source source;
    struct status_server *status; /* NULL: none */
    struct watcher *watcher;
    struct session_gather *gather;
    struct member *members; /* |workers| */
    unsigned workers;
    unsigned running;
};

/* --- server_reload.c --- */

/* Has all workers serve |fresh|, which the server then holds. All or nothing:
 * nobody hears of it before everything that it takes is there. On failure one
 * line stands in |error|.
 */
MUST_CHECK bool server_adopt(struct server *s, struct settings *fresh,
                             char *error, size_t error_size);

/* SIGHUP. What is wrong with the file is told the log, and changes nothing. */
void server_reload(struct server *s);

/* --- server_tokens.c --- */

/* The desk, on the server's loop, before there are workers. */
MUST_CHECK bool server_set_up_tokens(struct server *s);

/* The sources are those of the settings from here on. */
MUST_CHECK bool server_renew_tokens(struct server *s,
                                    struct settings *settings);

/* --- server_certificates.c --- */

/* From here on files are looked at as the settings say. */
void server_watch_certificates(struct server *s);

/* --- server_watchdog.c --- */

/* If the service manager wants it. */
void server_start_watchdog(struct server *s);

/* --- server_handover.c --- */

/* SIGUSR2: another process serves in the place of this one, which drains. */
void server_hand_over(struct server *s);

/* Tells the process that this one replaces. False: it cannot be told, and
 * |error| says why.
 */
MUST_CHECK bool server_take_over(struct server *s, char *error,
                                 size_t error_size);

/* --- server.c --- */

/* No session ends by itself later than drain_timeout from now. */
void server_limit_drain(struct server *s);

/* --- server_sessions.c: the list of them, for the status server --- */

bool server_may_list(void *server, const union address *address);
void server_ask_sessions(void *server);
void server_tell_sessions(void *server, const struct session_facts *facts,
                          size_t count, bool complete);

/* --- server_log.c --- */

void server_log_ready(const struct server *s);
void server_log_reloaded(const struct server *s);
void server_log_sessions(const struct server *s, const char *event);

#endif
