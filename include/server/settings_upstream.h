/* settings_upstream.h - the upstreams of one reading of the configuration: a part
 * of settings.h, apart from it for its length.
 */
#ifndef POPINJAY_SERVER_SETTINGS_UPSTREAM_H
#define POPINJAY_SERVER_SETTINGS_UPSTREAM_H

#include "server/settings.h"

/* Makes |u|, zeroed and a part of |settings|, by |config|; |before| is the one of
 * that name which holds until now, or NULL. False: |error| says why, or nothing
 * where there is no memory; settings_upstream_fini is due in any case.
 */
MUST_CHECK bool settings_upstream_init(struct settings_upstream *u,
                                       const struct settings *settings,
                                       const struct config_upstream *config,
                                       const struct settings_upstream *before,
                                       char *error, size_t error_size);

void settings_upstream_fini(struct settings_upstream *u);

/* As |of|, which must outlive it, but with the server at |address| for its only
 * one; what is known of either is not taken for the other. NULL where there is
 * no memory.
 */
MUST_CHECK struct settings_upstream *settings_upstream_elsewhere(
    const struct settings_upstream *of, const struct config_address *address);

/* NULL is fine. */
void settings_upstream_elsewhere_free(struct settings_upstream *u);

#endif
