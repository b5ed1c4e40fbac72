/* policy.h - what the configuration asks of every session of a listener.
 *
 * Immutable while a session uses it, but for the budget that it names. Times in
 * milliseconds.
 */
#ifndef POPINJAY_SESSION_POLICY_H
#define POPINJAY_SESSION_POLICY_H

#include <stdbool.h>
#include <stdint.h>

struct octet_budget;

enum tls_mode {
    TLS_MODE_IMPLICIT,
    TLS_MODE_STARTTLS,
    TLS_MODE_NONE,
};

/* What QUIT does where UIDPLUS is missing: CONFORMANCE DEC-5. */
enum removal_guard {
    REMOVAL_GUARDED,
    REMOVAL_REFUSE,
};

struct session_policy {
    enum tls_mode client_tls;
    bool allow_plaintext_login;
    enum tls_mode upstream_tls;
    bool mark_seen;
    bool hide_deleted;
    bool send_id;
    bool
        examine_only; /* EXAMINE: nothing can be changed, not even by mistake */
    bool forward_client_address; /* in the ID */
    bool show_implementation;    /* IMPLEMENTATION in CAPA */
    bool pass_identity; /* SASL PLAIN may name somebody to act as: SASL-10 */
    enum removal_guard without_uidplus;
    const char *expire; /* EXPIRE's argument, or NULL: not announced */
    bool ask_logins;    /* of the owner, before the upstream hears of one */
    bool connect_late;  /* no connection before there is a login for it */
    uint64_t login_delay_ms;        /* between two logins of a user; 0: none */
    uint64_t login_timeout_ms;      /* connection to login, all in all */
    uint64_t session_timeout_ms;    /* 600,000 at least: RFC 1939 §3 */
    uint64_t upstream_timeout_ms;   /* silence while an answer is awaited */
    uint64_t auth_failure_delay_ms; /* times the number of failures */
    uint64_t upstream_reuse_ms; /* how long a connection rests; 0: none does */
    uint64_t readahead_octets;  /* of one session; 0: none is done */
    struct octet_budget *readahead_budget; /* of all; NULL: no limit */
    const char *version;                   /* for ID and IMPLEMENTATION */
};

#endif
