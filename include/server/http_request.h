/* http_request.h - octets in, HTTP requests out, one at a time.
 *
 * llhttp parses. What it lets pass and our rows do not is judged here before
 * it sees the line: every line ends with CRLF and has no other control octet
 * than HTAB, no line is folded, a field name is a token right before its
 * colon, the request line is METHOD SP TARGET SP HTTP/1.x, and each limit has
 * its own answer.
 *
 * Source: RFC 9112 §2 to §7, §9.3; RFC 9110 §5.4, §7.2, §8.6, §9.1, §15;
 *         CONFORMANCE HTTP-1, HTTP-3 to HTTP-15.
 * Memory: none allocated; a reader holds one head of HTTP_HEAD_MAX octets.
 * A body is never read: whoever sends one is answered, and then the
 * connection is closed (keep_alive is false).
 */
#ifndef POPINJAY_SERVER_HTTP_REQUEST_H
#define POPINJAY_SERVER_HTTP_REQUEST_H

#include <llhttp.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "base/limits.h"
#include "base/span.h"

enum http_method {
    HTTP_METHOD_GET,
    HTTP_METHOD_HEAD,
    HTTP_METHOD_NOT_ALLOWED, /* a method that we know and do not have */
    HTTP_METHOD_UNKNOWN,
};

/* The codes that a reader finds on its own; others are its owner's. */
enum http_code {
    HTTP_OK = 200,
    HTTP_BAD_REQUEST = 400,
    HTTP_FORBIDDEN = 403,
    HTTP_NOT_FOUND = 404,
    HTTP_METHOD_REFUSED = 405,
    HTTP_TIMEOUT = 408,
    HTTP_TARGET_TOO_LONG = 414,
    HTTP_HEAD_TOO_LARGE = 431,
    HTTP_NO_SUCH_METHOD = 501,
    HTTP_UNAVAILABLE = 503,
    HTTP_NO_SUCH_VERSION = 505,
};

struct http_request {
    enum http_method method;
    struct span path; /* absolute, without query; valid until the next call
                           of http_request_next */
    bool keep_alive;
    enum http_code error; /* HTTP_REQUEST_BAD */
};

enum http_request_status {
    HTTP_REQUEST_BAD = -1, /* answer |error|, close, read nothing more */
    HTTP_REQUEST_MORE = 0,
    HTTP_REQUEST_READY = 1,
};

struct http_reader {
    llhttp_t parser;
    llhttp_settings_t settings;
    size_t length;     /* of |head| so far */
    size_t line_start; /* in |head|, of the line at hand */
    size_t lines;      /* complete ones of this head, empty ones aside */
    bool skipped_empty_line;
    bool failed;
    /* of the head at hand */
    struct span target;
    unsigned *awaited; /* the count of the field whose value comes next */
    unsigned values_awaited;
    unsigned hosts;
    unsigned content_lengths;
    unsigned transfer_encodings;
    bool has_body;
    bool is_head_complete;
    struct http_request request;
    unsigned char head[HTTP_HEAD_MAX];
};

void http_reader_init(struct http_reader *r);

/* Whether a part of a request was read. */
bool http_reader_has_begun(const struct http_reader *r);

/* Takes at most one request off the front of |in|.
 *
 * HTTP_REQUEST_READY  |request| is set; call again before reading more.
 * HTTP_REQUEST_MORE   |in| was used up; append and call again.
 * HTTP_REQUEST_BAD    |request| says the method, if it was read, and the
 *                     error. Errors stick.
 */
MUST_CHECK enum http_request_status http_request_next(
    struct http_reader *r, struct span *in, struct http_request *request);

#endif
