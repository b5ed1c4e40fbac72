/* policy.h - what the configuration asks of a session: of every one of a
 * listener, of those at one upstream, of what is done with one mailbox.
 *
 * They are apart because they become known apart: the first with the
 * connection, the other two with the answer to a login (bridge.h). All are
 * immutable while a session uses them, but for the budget that one names.
 * Times in milliseconds.
 */
#ifndef POPINJAY_SESSION_POLICY_H
#define POPINJAY_SESSION_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "session/mailbox_list.h"
#include "session/unique_id.h"
#include "session/window.h"

struct octet_budget;
struct unique_id_map;

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

/* What DELE means at QUIT: removal.h. */
enum on_delete {
    ON_DELETE_EXPUNGE,
    ON_DELETE_TRASH,
    ON_DELETE_SEEN,
    ON_DELETE_KEEP,
    ON_DELETE_COUNT,
};

/* Of an upstream. */
struct upstream_policy {
    enum tls_mode tls;
    bool send_id;
    bool forward_client_address;  /* in the ID */
    uint64_t upstream_timeout_ms; /* silence while an answer is awaited */
    uint64_t upstream_reuse_ms; /* how long a connection rests; 0: none does */
    const char *version;        /* for the ID */
    unsigned index;             /* whose times are counted: counters.h */
    unsigned mechanisms; /* of a login: one BIT(enum imap_mechanism) each; 0:
                            all that there are */
};

/* What CAPA says of mailboxes: RFC 2449 §6.5, §6.7. */
struct announcement {
    const char *expire;      /* NEVER, or days; NULL: nothing is said */
    uint64_t login_delay_ms; /* between two logins of a user; 0: none */
    /* Before login, where users differ: the least retention, the longest delay.
     */
    bool expire_varies;
    bool login_delay_varies;
};

/* Of what may be done with a mailbox. */
struct mailbox_policy {
    bool mark_seen;
    bool hide_deleted;
    bool
        examine_only; /* EXAMINE: nothing can be changed, not even by mistake */
    enum removal_guard without_uidplus;
    enum on_delete on_delete;
    /* ON_DELETE_TRASH: the mailbox, in UTF-8; NULL: the one that the server
     * says it is.
     */
    const char *trash_mailbox;
    const char *keep_keyword;     /* ON_DELETE_KEEP: keyword.h's pattern */
    struct mailbox_window window; /* what is shown of it */
    /* Messages of a mailbox that is listed whatever the window: excerpt.h. */
    uint32_t list_whole_max;
    struct mailbox_list mailboxes; /* the policy's own */
    bool plus_folder;              /* a login may name one: user+Folder */
    const char *folders_allowed;   /* plus_name_is_allowed; NULL: every one */
    enum unique_id_format unique_ids;
    const struct unique_id_map *unique_id_map; /* NULL: nothing is imported */
    struct announcement announced;
};

/* Of a listener. */
struct session_policy {
    enum tls_mode client_tls;
    bool allow_plaintext_login;
    bool show_implementation; /* IMPLEMENTATION in CAPA */
    unsigned mechanisms;      /* of AUTH: one BIT(enum sasl_mechanism) each */
    bool apop;                /* the greeting is to have a timestamp */
    struct announcement announced; /* before login */
    /* Where logins go, and a connection is made before there is one. NULL:
     * that is not known, or connections are too dear.
     */
    const struct upstream_policy *early_upstream;
    uint64_t login_timeout_ms;             /* connection to login, all in all */
    uint64_t session_timeout_ms;           /* 600,000 at least: RFC 1939 §3 */
    uint64_t auth_failure_delay_ms;        /* times the number of failures */
    uint64_t readahead_octets;             /* of one session; 0: none is done */
    struct octet_budget *readahead_budget; /* of all; NULL: no limit */
};

#endif
