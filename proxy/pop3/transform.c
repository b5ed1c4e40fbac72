#include "pop3/transform.h"

#include <string.h>

#include "pop3/reply.h"

void pop3_transform_init(struct pop3_transform *t)
{
    *t = (struct pop3_transform){ .limited = false };
}

void pop3_transform_init_top(struct pop3_transform *t, uint32_t lines)
{
    *t = (struct pop3_transform){
        .limited = true,
        .in_header = true,
        .lines_left = lines,
    };
}

/* The rest of the line that |in| begins with, its LF included if it is there.
 */
static size_t line_length(struct span in)
{
    size_t lf = span_find(in, '\n');

    return lf < in.len ? lf + 1 : in.len;
}

/* How much of |in|, which begins with a line, are whole lines that pass as they
 * are. All of ordinary mail goes this way: one memchr a line and little else.
 */
static size_t plain_lines(struct span in)
{
    const unsigned char *line = in.data;
    const unsigned char *end = in.data + in.len;

    while (line < end && *line != '.') {
        const unsigned char *lf = memchr(line, '\n', (size_t)(end - line));

        if (lf == NULL || lf == line || lf[-1] != '\r')
            break;
        line = lf + 1;
    }
    return (size_t)(line - in.data);
}

/* TOP: one line has ended; |octets| counts what came before its line end. */
static void count_line(struct pop3_transform *t, uint64_t octets)
{
    if (!t->in_header) {
        t->lines_left--;
    } else if (octets == 0) {
        t->in_header = false;
    }
    t->complete = !t->in_header && t->lines_left == 0;
}

static void flush(struct span *run, struct buf *out)
{
    buf_append(out, *run);
    span_take(run, run->len);
}

/* Takes a line, or what there is of it. |run| is the input just before it that
 * passes unchanged and is not written yet; it is written only where something
 * has to be put in between, so ordinary mail is copied a chunk at a time.
 */
static void take_piece(struct pop3_transform *t, struct span piece,
                       struct span *run, struct buf *out)
{
    unsigned char last = piece.data[piece.len - 1];
    bool crlf;

    if (t->line_octets == 0 && piece.data[0] == '.') {
        flush(run, out);
        buf_append_octet(out, '.');
    }
    run->len += piece.len;
    t->line_octets += piece.len;
    if (last != '\n') {
        t->after_cr = last == '\r';
        return;
    }
    crlf = piece.len > 1 ? piece.data[piece.len - 2] == '\r' : t->after_cr;
    if (!crlf) {
        run->len--;
        flush(run, out);
        buf_append_octet(out, '\r');
        run->len++; /* the LF opens the next run */
    }
    if (t->limited)
        count_line(t, t->line_octets - (crlf ? 2 : 1));
    t->line_octets = 0;
    t->after_cr = false;
}

void pop3_transform_feed(struct pop3_transform *t, struct span in,
                         struct buf *out)
{
    struct span run = { in.data, 0 };

    while (in.len > 0 && !t->complete) {
        if (t->line_octets == 0 && !t->limited)
            run.len += span_take(&in, plain_lines(in)).len;
        if (in.len > 0)
            take_piece(t, span_take(&in, line_length(in)), &run, out);
    }
    buf_append(out, run);
}

bool pop3_transform_is_complete(const struct pop3_transform *t)
{
    return t->complete;
}

void pop3_transform_end(struct pop3_transform *t, struct buf *out)
{
    if (t->line_octets > 0)
        buf_append_string(out, "\r\n");
    t->line_octets = 0;
    t->after_cr = false;
    pop3_write_end(out);
}
