/* settings.h - one reading of the configuration, and what is made of it: the
 * policy of each listener, the TLS contexts with their certificates, the keys
 * of session tickets.
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
#include <stddef.h>

#include "base/attributes.h"
#include "base/octet_budget.h"
#include "config.h"
#include "net/tls_context.h"
#include "server/listener_names.h"
#include "session/policy.h"

struct settings;

struct settings_listener {
    struct settings *settings; /* which it is a part of, and lives as long as */
    const struct config_listener *config;
    struct session_policy policy;
    struct tls_context *tls; /* NULL with tls = none */
    unsigned number;         /* of its name, for the figures */
};

struct settings {
    atomic_uint holders;
    struct config *config;
    struct settings_listener *listeners; /* config->listener_count */
    struct tls_context *upstream_tls;    /* NULL with tls = none */
    struct tls_tickets *tickets;
    char *upstream_name; /* server_name:port, half a maildrop's name */
};

/* All of it must outlive the settings. */
struct settings_source {
    const char *path;
    const char *version;
    struct octet_budget *readahead; /* of all sessions */
    struct listener_names *listener_names;
};

/* Reads the configuration and all files that it names, so keys must be
 * readable. The caller holds the result. On failure it is NULL and one line
 * stands in |error|: `FILE:LINE: what is wrong`, or `FILE: ...`.
 */
MUST_CHECK struct settings *settings_read(const struct settings_source *source,
                                          char *error, size_t error_size);

void settings_hold(struct settings *s);

/* The last holder frees it. NULL is fine. */
void settings_release(struct settings *s);

#endif
