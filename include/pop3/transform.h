/* transform.h - a message as the server holds it in, POP3 lines out.
 *
 * Source: RFC 1939 §3 (dot-stuffing), §7 (TOP); decisions DEC-9 and DEC-11 of
 * CONFORMANCE: a bare LF becomes CRLF, a dot at each line start is doubled, a
 * missing last CRLF is added, bare CR and NUL pass unchanged. Only LF ends a
 * line: a dot behind a bare CR is not doubled, and a message whose last octet
 * is CR gets CRLF behind it.
 * Memory: none. State is kept across calls, so any cut of the input gives
 * the same output.
 */
#ifndef POPINJAY_POP3_TRANSFORM_H
#define POPINJAY_POP3_TRANSFORM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

struct pop3_transform {
    uint64_t line_octets; /* of the line that is open; 0: at a line start */
    bool after_cr;        /* the last octet was CR */
    bool limited;         /* TOP */
    bool in_header;       /* TOP: the blank line has not come yet */
    bool complete;        /* TOP: all that was asked for is out */
    uint32_t lines_left;  /* TOP: body lines still wanted */
};

/* The most that |n| octets of input can become, the end included: every octet
 * a bare LF or a stuffed dot, and CRLF `.` CRLF.
 */
#define POP3_TRANSFORM_MAX(n) (2 * (n) + 5)

/* The whole message. */
void pop3_transform_init(struct pop3_transform *t);

/* The header, the blank line and |lines| lines of the body. */
void pop3_transform_init_top(struct pop3_transform *t, uint32_t lines);

/* Appends |in| as POP3 lines; the caller has seen to the room. Does nothing
 * once complete.
 */
void pop3_transform_feed(struct pop3_transform *t, struct span in,
                         struct buf *out);

/* TOP has all it wants: more input would change nothing. Always false for a
 * whole message.
 */
bool pop3_transform_is_complete(const struct pop3_transform *t);

/* Ends the last line if it is open and appends the lone dot. */
void pop3_transform_end(struct pop3_transform *t, struct buf *out);

#endif
