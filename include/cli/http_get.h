/* http_get.h - one page from our own status server; waits for it.
 *
 * Source: RFC 9110, RFC 9112. No TLS, no redirects.
 */
#ifndef POPINJAY_CLI_HTTP_GET_H
#define POPINJAY_CLI_HTTP_GET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buf.h"

/* Appends the body of the answer, which must be 200. False: |error| is one line
 * that says why not.
 */
MUST_CHECK bool http_get(const char *host, uint16_t port, const char *path,
                         struct buf *body, char *error, size_t error_size);

#endif
