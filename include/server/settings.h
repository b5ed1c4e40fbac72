/* settings.h - one reading of the configuration, and what is made of it: the
 * policy of each listener, the upstreams, the TLS contexts with their
 * certificates, the keys of session tickets.
 *
 * Immutable once read, and counted: whoever goes by it holds it. A session
 * holds the settings that it began with until it ends, whatever is read
 * meanwhile. What outlives a reading is in service.h.
 *
 * Thread: any may hold and release.
 */
#ifndef POPINJAY_SERVER_SETTINGS_H
#define POPINJAY_SERVER_SETTINGS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "access/access_rules.h"
#include "access/token_source.h"
#include "base/attributes.h"
#include "base/octet_budget.h"
#include "config.h"
#include "net/file_stamp.h"
#include "net/tls_certificate.h"
#include "net/tls_context.h"
#include "server/listener_names.h"
#include "server/upstream.h"
#include "server/upstream_servers.h"
#include "session/policy.h"

struct settings;

struct settings_listener {
    struct settings *settings; /* which it is a part of, and lives as long as */
    const struct config_listener *config;
    struct session_policy policy;
    struct session_policy policy_in_clear; /* of clients in plaintext_from */
    struct tls_context *tls;               /* NULL with tls = none */
    unsigned number;                       /* of its name, for the figures */
};

/* One that a listener shows. */
struct settings_certificate {
    const char *listener;
    unsigned number; /* in the listener's order, from 1 */
    struct tls_certificate facts;
};

/* One that logins may be sent to. */
struct settings_upstream {
    const struct config_upstream *config;
    struct upstream *lasting; /* what outlives this reading of it */
    struct upstream_policy policy;
    struct upstream_servers *servers; /* held */
    struct tls_context *tls;          /* NULL with tls = none */
    struct file_stamp authorities;    /* as they were before they were read */
    char *address;                    /* HOST:PORT,HOST:PORT, for people */
    char *place; /* server_name:port, half a maildrop's name */
    /* The same and a number that is another one whenever the upstream is, or
     * who is trusted to be it: under it stands what must not be taken over from
     * one to the other.
     */
    char *key;
    unsigned number;
    bool is_unlisted; /* its server is one that only an answer has named */
    struct settings_upstream *next; /* of those that a relay has; utlist */
};

/* Where settings come from. All of it must outlive them. */
struct settings_source {
    const char *path;
    const char *version;
    struct octet_budget *readahead; /* of all sessions */
    struct listener_names *listener_names;
    struct upstreams *upstreams;
};

struct settings {
    atomic_uint holders;
    const struct settings_source *source;
    struct config *config;
    struct settings_listener *listeners;     /* config->listener_count */
    struct mailbox_policy *mailbox_policies; /* config->policy_count */
    struct unique_id_map **unique_id_maps;   /* the same; NULL: another has it,
                                                or there is none */
    struct settings_certificate *certificates;
    size_t certificate_count;
    struct settings_upstream *upstreams; /* in the order of the file */
    size_t upstream_count;               /* 1 at least */
    struct access_rules *access;
    struct token_sources *token_sources;
    struct tls_tickets *tickets;
    /* Of certificates, keys and trusted authorities, as they were before they
     * were read.
     */
    struct file_stamp *stamps;
};

/* Reads the configuration and all files that it names, so keys must be
 * readable. |before| is what holds until now, or NULL: from it come the random
 * keys of session tickets, and whether the upstream is still the same. The
 * caller holds the result. On failure it is NULL and one line stands in
 * |error|: `FILE:LINE: what is wrong`, or `FILE: ...`.
 */
MUST_CHECK struct settings *settings_read(const struct settings_source *source,
                                          const struct settings *before,
                                          char *error, size_t error_size);

/* The same, by the configuration that |before| was made of: only the files
 * that it names are read again.
 */
MUST_CHECK struct settings *settings_renew(const struct settings *before,
                                           char *error, size_t error_size);

/* What |policy|, which is one of |s|, says of a mailbox. */
const struct mailbox_policy *settings_mailbox_policy(
    const struct settings *s, const struct config_policy *policy);

/* Whether one of these files is not what it was when it was read. */
bool settings_are_stale(const struct settings *s);

/* By its name; NULL: there is none. By its policy, which must be one of them. */
const struct settings_upstream *settings_find_upstream(const struct settings *s,
                                                       const char *name);
const struct settings_upstream *settings_upstream_of(
    const struct settings *s, const struct upstream_policy *policy);

void settings_hold(struct settings *s);

/* The last holder frees it. NULL is fine. */
void settings_release(struct settings *s);

#endif
