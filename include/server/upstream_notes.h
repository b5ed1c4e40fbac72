/* upstream_notes.h - what was seen of one of an upstream's servers: noted, and
 * told the log where it changes who goes there.
 */
#ifndef POPINJAY_SERVER_UPSTREAM_NOTES_H
#define POPINJAY_SERVER_UPSTREAM_NOTES_H

#include <stdint.h>

#include "net/tls.h"
#include "server/settings.h"

/* |server| of |u| was reached (NULL), or was not: |failure|. Thread: any. */
void upstream_note_server(const struct settings_upstream *u,
                          const struct upstream_server *server,
                          const char *failure, uint64_t now_ms);

/* It has shown its certificate in a handshake that came to its end. A resumed
 * one shows none, and costs nothing here; NULL: there is no TLS. Thread: any.
 */
void upstream_note_certificate(const struct settings_upstream *u,
                               const struct upstream_server *server,
                               const struct tls *tls);

#endif
