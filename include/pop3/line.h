/* line.h - client octets in, POP3 lines out.
 *
 * Source: RFC 1939 §3, RFC 2449 §4. Decision CONFORMANCE DEC-24: a line ends
 * with CRLF, a lone LF is taken too; any other control octet in it is an
 * error; a line that is too long is dropped to its end and is one error.
 * Memory: none. A line borrows from |in|.
 */
#ifndef POPINJAY_POP3_LINE_H
#define POPINJAY_POP3_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "base/span.h"

enum pop3_line_status {
    POP3_LINE_READY = 1,
    POP3_LINE_MORE = 0,
    POP3_LINE_ETOOLONG = -1, /* a whole line was dropped */
    POP3_LINE_ECONTROL = -2, /* a whole line was dropped: CR, NUL ... in it */
};

struct pop3_line_reader {
    bool skipping; /* inside a line that was too long */
};

void pop3_line_reader_init(struct pop3_line_reader *r);

/* Takes at most one line off the front of |in|.
 *
 * in    [in,out] octets; advanced past the line, or past what is dropped
 * limit octets of a line with its line end
 * line  [out] the line without its end; written only with POP3_LINE_READY
 *
 * POP3_LINE_MORE leaves a partial line in |in|: append to it and call again.
 * Errors do not stick: each stands for one line, and the next is read.
 * Octets 0x80 and above pass, TAB passes; DEL is a control octet.
 */
MUST_CHECK enum pop3_line_status pop3_line_next(struct pop3_line_reader *r,
                                                struct span *in, size_t limit,
                                                struct span *line);

#endif
