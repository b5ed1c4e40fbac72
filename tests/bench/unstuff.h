/* unstuff.h - the body of a multi-line POP3 reply, without its stuffed dots.
 *
 * Source: RFC 1939 §3. Takes any cut of the stream; hands out the longest runs
 * that need no change, found by looking for dots: mail has fewer of them than
 * it has lines.
 */
#ifndef POPINJAY_TESTS_BENCH_UNSTUFF_H
#define POPINJAY_TESTS_BENCH_UNSTUFF_H

#include <stdbool.h>

#include "base/attributes.h"
#include "base/span.h"

enum unstuff_state {
    UNSTUFF_LINE_START,
    UNSTUFF_TEXT,
    UNSTUFF_DOT,    /* at a line start: stuffed, or the end */
    UNSTUFF_DOT_CR, /* the same */
    UNSTUFF_DONE,   /* the lone dot has come */
};

struct unstuff {
    enum unstuff_state state;
};

void unstuff_init(struct unstuff *u);

/* The next run of the body in |in|, which is advanced behind it, and behind
 * dots. False: |in| is used up, or the body has ended and |in| holds what
 * follows it.
 */
MUST_CHECK bool unstuff_next(struct unstuff *u, struct span *in,
                             struct span *run);

bool unstuff_is_done(const struct unstuff *u);

#endif
