/* token_state.h - when a token is good, and when another is asked for. Pure.
 *
 * Time is of a clock that does not jump, in ms: what a server says of a lifetime
 * is counted from when it said so. The wall clock is only looked at for tokens
 * that were kept over a restart, and believed less.
 *
 *     obtained        renew_ms             expires_ms        its end
 *     |---------------|--------------------|-----------------|
 *      used            used, and renewed    not used any more
 */
#ifndef POPINJAY_ACCESS_TOKEN_STATE_H
#define POPINJAY_ACCESS_TOKEN_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "access/oauth_message.h"
#include "base/attributes.h"

struct token_state {
    bool has_token;
    bool was_rejected; /* the one before it */
    uint64_t obtained_ms;
    uint64_t renew_ms;
    uint64_t expires_ms;
    /* Since the last success. */
    unsigned failures;
    enum oauth_result failure; /* the last; OAUTH_OK: none */
    uint64_t retry_ms;         /* the server is not asked before */
    bool is_refused;           /* somebody must agree anew: it is not asked */
};

enum token_verdict {
    TOKEN_USE,
    TOKEN_OBTAIN,  /* there is none to be used: ask for one */
    TOKEN_HOLD,    /* the same, but the server has just failed: not yet */
    TOKEN_REFUSED, /* the same, and it would be refused again */
};

/* What a login is told now. */
enum token_verdict token_state_judge(const struct token_state *s,
                                     uint64_t now_ms);

/* Whether another is to be asked for, ahead of the end of this one. */
bool token_state_is_due(const struct token_state *s, uint64_t now_ms);

/* |lifetime_s|, 0 where nobody knows, counts from |now_ms|. */
void token_state_obtain(struct token_state *s, uint64_t lifetime_s,
                        uint64_t now_ms);

/* None was had: |result| is not OAUTH_OK. */
void token_state_fail(struct token_state *s, enum oauth_result result,
                      uint64_t now_ms);

/* After that, where the server has said how long it wants to be left alone. */
void token_state_pause(struct token_state *s, uint64_t pause_s,
                       uint64_t now_ms);

/* The token is used, and another one asked for as soon as may be. */
void token_state_hurry(struct token_state *s, uint64_t now_ms);

/* The server that the token is for has refused it: it is used no more. But where
 * it has just come in the place of another that was refused, one more would
 * fare no better, and it stays.
 */
void token_state_reject(struct token_state *s, uint64_t now_ms);

/* The token is not for use any more. */
void token_state_forget(struct token_state *s);

/* Somebody has agreed anew. */
void token_state_forgive(struct token_state *s);

/* What is left, in s, of a token that was obtained at |obtained_s| of the wall
 * clock for |lifetime_s|, when that clock says |now_s|; 0: it is not to be
 * used. A clock that has gone back says nothing.
 */
uint64_t token_lifetime_left(uint64_t obtained_s, uint64_t lifetime_s,
                             uint64_t now_s);

#endif
