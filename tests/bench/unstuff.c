#include "bench/unstuff.h"

void unstuff_init(struct unstuff *u)
{
    u->state = UNSTUFF_LINE_START;
}

bool unstuff_is_done(const struct unstuff *u)
{
    return u->state == UNSTUFF_DONE;
}

/* Where the run ends: at a dot that begins a line, or with |in|. */
static size_t run_length(struct span in)
{
    size_t at = 0;

    while (at < in.len) {
        at += span_find(span_make(in.data + at, in.len - at), '.');
        if (at == in.len || (at > 0 && in.data[at - 1] == '\n'))
            return at;
        at++;
    }
    return in.len;
}

static struct span take_run(struct unstuff *u, struct span *in)
{
    struct span run = span_take(in, run_length(*in));

    u->state =
        run.data[run.len - 1] == '\n' ? UNSTUFF_LINE_START : UNSTUFF_TEXT;
    return run;
}

bool unstuff_next(struct unstuff *u, struct span *in, struct span *run)
{
    while (in->len > 0) {
        switch (u->state) {
        case UNSTUFF_LINE_START:
            if (in->data[0] != '.') {
                *run = take_run(u, in);
                return true;
            }
            (void)span_take(in, 1);
            u->state = UNSTUFF_DOT;
            break;
        case UNSTUFF_TEXT:
            *run = take_run(u, in);
            return true;
        case UNSTUFF_DOT:
            if (in->data[0] != '\r') {
                u->state = UNSTUFF_TEXT;
                break;
            }
            (void)span_take(in, 1);
            u->state = UNSTUFF_DOT_CR;
            break;
        case UNSTUFF_DOT_CR:
            if (in->data[0] != '\n') { /* a stuffed line that begins with CR */
                *run = SPAN_LITERAL("\r");
                u->state = UNSTUFF_TEXT;
                return true;
            }
            (void)span_take(in, 1);
            u->state = UNSTUFF_DONE;
            return false;
        case UNSTUFF_DONE:
            return false;
        }
    }
    return false;
}
