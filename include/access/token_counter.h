/* token_counter.h - where a worker asks the token desk, and is answered on its
 * own loop.
 *
 * Thread: that of its loop. One counter for each.
 */
#ifndef POPINJAY_ACCESS_TOKEN_COUNTER_H
#define POPINJAY_ACCESS_TOKEN_COUNTER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "access/token_desk.h"
#include "base/attributes.h"
#include "base/span.h"

struct token_counter; /* opaque */
struct token_wish;    /* opaque: one question until its answer */

enum token_outcome {
    TOKEN_GIVEN,
    TOKEN_WITHHELD,    /* somebody must agree anew */
    TOKEN_UNAVAILABLE, /* for now */
};

/* |token| is set with TOKEN_GIVEN, and valid during the call. */
typedef void token_given(void *owner, enum token_outcome outcome,
                         struct span token);

/* The desk must outlive it. NULL where there is no memory. */
MUST_CHECK struct token_counter *token_counter_new(struct token_desk *desk,
                                                   uv_loop_t *loop);

/* A token of [oauth |source|] for |account|, but not |refused|, which the server
 * that it is for has just refused; empty: none was. |given| is called once, never from within this call, unless
 * it is cancelled. NULL where there is no memory.
 */
MUST_CHECK struct token_wish *token_counter_ask(
    struct token_counter *c, const char *source, const char *account,
    struct span refused, token_given *given, void *owner);

/* |given| is not called any more. NULL is fine. */
void token_wish_cancel(struct token_wish *w);

/* With no wish that was not cancelled; its memory is given back by the loop.
 * NULL is fine.
 */
void token_counter_close(struct token_counter *c);

#endif
