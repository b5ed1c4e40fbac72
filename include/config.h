/* config.h - proxy.conf, read and judged.
 *
 * Shapes only: sections, keys, defaults, units and ranges are documented in
 * proxy.conf.sample, and the table in proxy/config_keys.c is their one source.
 * A loaded configuration is immutable and shared by all workers.
 */
#ifndef POPINJAY_CONFIG_H
#define POPINJAY_CONFIG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "access/oauth_provider.h"
#include "base/attributes.h"
#include "containment.h"
#include "net/network.h"
#include "net/proxy_header.h"
#include "net/tls_context.h"
#include "server/log.h"
#include "session/policy.h"

struct config_address {
    char *host; /* a name, an IPv4 or an IPv6 address without brackets */
    uint16_t port;
};

/* In the order of the file. */
struct config_addresses {
    struct config_address *at;
    size_t count;
};

/* The same words, that is: [::1] and [0::1] are different ones. */
bool config_address_equals(const struct config_address *a,
                           const struct config_address *b);

/* HOST:PORT as it is written, to be freed; NULL where there is no memory. */
char *config_address_text(const struct config_address *a);

/* In the order in which they stand in the file, each at its line. */
struct config_paths {
    struct config_path {
        char *text;
        unsigned line;
    } * at;
    size_t count;
};

struct config_networks {
    struct network *at;
    size_t count; /* 0: not given */
};

/* In the order of the file. */
struct config_words {
    char **at;
    size_t count;
};

struct config_listener {
    char *name;                    /* of [listen NAME] */
    struct config_address address; /* a numeric host */
    enum tls_mode tls;
    /* PEM; as many of each, that belong together; none with tls = none */
    struct config_paths certificates;
    struct config_paths private_keys;
    enum tls_version tls_min_version;
    struct config_networks allow_from; /* clients from elsewhere are closed */
    bool allow_plaintext_login;
    struct config_networks plaintext_from; /* or from there only */
    bool token_login; /* the client may give a bearer's token */
    enum proxy_protocol proxy_protocol; /* of balancers in front */
    struct config_networks proxy_from;  /* where those are */
    uint32_t max_sessions;              /* 0: no limit of its own */
    unsigned line;                      /* where its section begins */
};

enum route_case {
    ROUTE_CASE_KEEP,
    ROUTE_CASE_LOWER,
};

/* What the log and the figures call [upstream] without a name. */
#define CONFIG_UPSTREAM_DEFAULT "default"

struct config_upstream {
    char *name;    /* of [upstream NAME]; CONFIG_UPSTREAM_DEFAULT without one */
    unsigned line; /* where its section begins */
    struct config_addresses addresses; /* none with |srv| */
    char *srv;                         /* a domain; NULL: none */
    struct config_words srv_domains;   /* in which its servers may be, too */
    enum tls_mode tls;                 /* means nothing with |srv| */
    char *ca_file;                     /* NULL: the system's store */
    char *server_name; /* verified and sent as SNI; NULL: each server's host */
    bool allow_insecure_upstream; /* tls = none beyond loopback: a warning */
    bool alpn;                    /* `imap` is offered */
    uint32_t max_connections;     /* at one time; 0: no limit */
    uint32_t logins_per_second;   /* 0: no limit */
    uint32_t login_burst;
    uint32_t queue_length;
    uint64_t queue_timeout_ms; /* 0: no login waits */
    bool pass_identity;
    bool forward_client_address;
    unsigned mechanisms; /* of logins there: enum imap_mechanism; 0: all */
    struct config_words domains;        /* of names that belong there */
    struct config_words listeners;      /* the same, by NAME */
    char *user_template;                /* see access/route.h */
    enum route_case user_case;          /* of the name there */
    char *policy_name;                  /* NULL: [policy] */
    const struct config_policy *policy; /* of that name */
    unsigned ca_file_line;              /* 0: not given */
    unsigned srv_line;                  /* the same */
};

/* What [policy] is called, which holds where no other is named. */
#define CONFIG_POLICY_DEFAULT "default"

/* [policy] and [policy NAME]: what a session does with a mailbox. Each has the
 * values of [policy] but for those that it says itself.
 */
struct config_policy {
    char *name;    /* of [policy NAME]; CONFIG_POLICY_DEFAULT without one */
    unsigned line; /* where its section begins; 0: nowhere */
    bool mark_seen;
    bool hide_deleted;
    enum removal_guard without_uidplus;
    struct mailbox_list mailboxes;
    bool plus_folder;
    char *folders_allowed; /* NULL: every one */
    enum unique_id_format unique_ids;
    char *unique_id_map; /* NULL: nothing is imported */
    enum on_delete on_delete;
    char *trash_mailbox; /* in UTF-8; NULL: the one that is marked as such */
    char *keep_keyword;
    uint64_t login_delay_ms; /* 0: none */
    char *expire;            /* EXPIRE's argument; NULL: not announced */
    uint32_t newest;         /* window.h: 0: all; the same for the next two */
    uint32_t newer_than_days;
    uint64_t max_message_octets;
    uint32_t list_whole_max; /* mailbox_policy */
    bool unread_only;
    char *only_keyword; /* NULL: any */
};

/* Where tokens for an upstream come from: [oauth NAME]. */
struct config_oauth {
    char *name;
    unsigned line; /* where its section begins */
    enum oauth_provider provider;
    enum oauth_grant grant;
    char *client_id;          /* NULL with OAUTH_COMMAND only */
    char *client_secret_file; /* NULL: a public client */
    unsigned client_secret_file_line;
    enum oauth_client_proof client_authentication;
    char *tenant; /* OAUTH_MICROSOFT */
    char *scope;  /* never NULL with OAUTH_GMAIL and OAUTH_MICROSOFT */
    char *issuer; /* NULL: it is not asked for the endpoints */
    char *authorization_endpoint;
    char *token_endpoint;
    char *device_endpoint;
    char *ca_file; /* NULL: the system's store */
    char *command; /* OAUTH_COMMAND: a path and its arguments */
    uint64_t request_timeout_ms;
};

/* The service that is asked about each login: [auth_http]. */
struct config_auth_http {
    char *url;         /* NULL: there is none */
    char *ca_file;     /* NULL: the system's store */
    char *header_file; /* NULL: no further fields */
    uint64_t timeout_ms;
    bool allow_insecure;
    /* NAME of the upstream that servers are like which none of ours is; NULL:
     * no login goes there
     */
    char *unlisted_name;
    const struct config_upstream *unlisted; /* of that name */
    bool apop;                 /* is offered: the service can judge it */
    bool cram_md5;             /* the same */
    unsigned header_file_line; /* 0: not given */
};

struct config {
    atomic_uint holders; /* see config_hold */
    unsigned workers;    /* never 0: auto is resolved */
    char *user;          /* dropped to when started as root; NULL: stay */
    enum containment_mode seccomp;
    char *state_directory;             /* for what outlives the process */
    char *tls_ticket_key_file;         /* NULL: random keys */
    unsigned tls_ticket_key_file_line; /* 0: not given */
    uint64_t certificate_check_ms;     /* 0: never */
    struct log_settings log;
    char *resolver;   /* for |srv|, ADDRESS:PORT; NULL: the system's */
    char *trace_user; /* whose session is traced; NULL: nobody's */
    struct config_networks trace_client;

    struct config_listener *listeners;
    size_t listener_count; /* 1 at least */
    struct config_oauth *oauths;
    size_t oauth_count;
    struct config_upstream *upstreams; /* in the order of the file */
    size_t upstream_count;             /* 1 at least */
    struct config_policy *policies;    /* in any order */
    size_t policy_count;               /* 1 at least: there is a [policy] */

    struct config_auth_http auth_http;
    char *accounts_file;     /* NULL: there are no accounts of devices */
    char *accounts_key_file; /* NULL: a systemd credential, or none */
    bool accounts_only;
    unsigned accounts_file_line; /* 0: not given */
    unsigned accounts_key_file_line;

    bool has_status;
    struct config_address status;
    uint64_t probe_interval_ms; /* 0: the upstream is not asked */
    struct config_networks status_sessions_from; /* who may list them */

    uint32_t max_sessions;
    uint32_t max_sessions_per_client; /* 0: no limit */
    uint32_t max_unauthenticated;
    uint32_t client_prefix_v4; /* bits that make one client */
    uint32_t client_prefix_v6;
    struct config_networks exempt_networks; /* from limits of one client */
    uint32_t login_failures;                /* 0: no limit */
    uint32_t login_failures_per_client;     /* 0: no limit */
    uint64_t login_failure_window_ms;
    uint64_t login_block_ms;
    bool block_user_everywhere;
    uint64_t throttle_backoff_ms; /* where the server names no time */
    uint64_t drain_delay_ms;      /* 0: listeners are closed at once */
    uint64_t drain_timeout_ms;
    uint64_t login_timeout_ms;
    uint64_t session_timeout_ms;
    uint64_t upstream_timeout_ms;
    uint64_t auth_failure_delay_ms;
    uint64_t snapshot_cache_octets; /* 0: nothing is kept */
    uint64_t readahead_octets;      /* of one session; 0: none is done */
    uint64_t readahead_total_octets;
    uint64_t upstream_reuse_ms; /* 0: no connection is parked */
    uint64_t upstream_login_age_ms;
    uint32_t parked_connections;

    bool send_id;
    bool show_implementation;
};

/* Reads |path|. On failure the result is NULL and one line without its line
 * end stands in |error|: `FILE:LINE: what is wrong` (LINE is left out where
 * the file as a whole is meant, such as when it cannot be read).
 */
MUST_CHECK struct config *config_load(const char *path, char *error,
                                      size_t error_size);

/* Counted: whoever loaded it is the first holder; config_free gives up one
 * hold, and the last frees it. NULL is fine for config_free.
 */
void config_hold(struct config *config);
void config_free(struct config *config);

/* What is told of all users before one of them has logged in. */
struct announcement config_announcement(const struct config *config);

/* [policy] where |name| is NULL; NULL where there is none of that name. */
const struct config_policy *config_policy_find(const struct config *config,
                                               const char *name);

/* NULL where there is none of that name. */
const struct config_upstream *config_upstream_find(const struct config *config,
                                                   const char *name);

/* Of two configurations; NULL: not set. */
bool config_same_text(const char *a, const char *b);

/* Where a file that the configuration names, or a domain with servers, turned out
 * to be unusable later: |problem| is `THAT FILE: what is wrong`. Writes `FILE:LINE: [section] key:
 * ...` into |error|, or `FILE: problem` where no key names such a file.
 */
void config_locate(const struct config *config, const char *path,
                   const char *problem, char *error, size_t error_size);

/* What the sessions of |listener| are to do; where they may connect early is for
 * the caller to say.
 */
struct session_policy config_policy(const struct config *config,
                                    const struct config_listener *listener);

/* The same for those at |upstream|, and with mailboxes under |policy|; |version|
 * and |config| must outlive it. Which host it is, is for the caller to say.
 */
struct upstream_policy config_upstream_policy(
    const struct config *config, const struct config_upstream *upstream,
    const char *version);
struct mailbox_policy config_mailbox_policy(const struct config_policy *policy);

#endif
