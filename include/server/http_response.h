/* http_response.h - an answer of the status server as octets.
 *
 * Source: RFC 9110 §6.6.1 (Date), §8.6 (Content-Length), §9.3.2 (HEAD),
 *         §10.2.1 (Allow), §15; RFC 9112 §9.6 (Connection).
 */
#ifndef POPINJAY_SERVER_HTTP_RESPONSE_H
#define POPINJAY_SERVER_HTTP_RESPONSE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"
#include "server/http_request.h"

struct http_response {
    enum http_code code;
    const char *content_type;
    const char *fields; /* further ones, each with its CRLF; NULL: none */
    struct span body;
};

/* "Not Found" */
const char *http_code_name(enum http_code code);

/* Appends head and body; the body is left out where |method| is HEAD, and its
 * length said all the same. False if |out| is or becomes failed.
 */
MUST_CHECK bool http_response_write(const struct http_response *response,
                                    enum http_method method, bool keep_alive,
                                    uint64_t unix_seconds, struct buf *out);

#endif
