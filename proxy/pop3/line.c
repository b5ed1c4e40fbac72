#include "pop3/line.h"

void pop3_line_reader_init(struct pop3_line_reader *r)
{
    r->skipping = false;
}

static bool has_control(struct span line)
{
    for (size_t i = 0; i < line.len; i++) {
        unsigned char octet = line.data[i];

        if ((octet < 0x20 && octet != '\t') || octet == 0x7F)
            return true;
    }
    return false;
}

/* The line without its CRLF or LF. */
static struct span without_end(struct span line)
{
    line.len--;
    if (line.len > 0 && line.data[line.len - 1] == '\r')
        line.len--;
    return line;
}

enum pop3_line_status pop3_line_next(struct pop3_line_reader *r,
                                     struct span *in, size_t limit,
                                     struct span *line)
{
    size_t lf = span_find(*in, '\n');
    struct span taken;

    if (lf == in->len) {
        /* No line end within the limit: there is no need to keep it. */
        if (r->skipping || in->len >= limit) {
            r->skipping = true;
            span_take(in, in->len);
        }
        return POP3_LINE_MORE;
    }
    taken = span_take(in, lf + 1);
    if (r->skipping || taken.len > limit) {
        r->skipping = false;
        return POP3_LINE_ETOOLONG;
    }
    taken = without_end(taken);
    if (has_control(taken))
        return POP3_LINE_ECONTROL;
    *line = taken;
    return POP3_LINE_READY;
}
