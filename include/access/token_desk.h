/* token_desk.h - the one place of the process that has tokens: each account's is
 * asked for once, whoever needs it, ahead of its end, and given to all.
 *
 * It works on the main loop. Workers ask it from theirs, by token_counter.h.
 * What a reload changes holds from the next token on, which is had at once where
 * a source has become another one; an account that was refused is tried again
 * then, and when `popinjay oauth login` has stored something new for it.
 *
 *     token_desk_new
 *     token_desk_adopt                      the sources, at the start and anew
 *     token_desk_keep, token_desk_command   what it may use, at the start
 *     token_desk_close                      after the last worker has ended
 *
 * Thread: the main loop's, but for what token_counter.c calls.
 */
#ifndef POPINJAY_ACCESS_TOKEN_DESK_H
#define POPINJAY_ACCESS_TOKEN_DESK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "access/command_client.h"
#include "access/oauth_message.h"
#include "access/token_source.h"
#include "access/token_store.h"
#include "base/attributes.h"

struct token_desk; /* opaque */

/* What has come of one try. Valid during the call. */
struct token_report {
    const char *source;
    const char *account; /* "" of a source whose token is for all */
    enum oauth_result result;
    const char *error;    /* the server's or the system's words; may be "" */
    bool is_kept;         /* it was in the store: nobody was asked */
    uint64_t lifetime_s;  /* OAUTH_OK; 0: nobody knows */
    uint64_t retry_in_ms; /* otherwise; 0: not before somebody has agreed */
};

typedef void token_desk_tell(void *owner, const struct token_report *report);

/* NULL where there is no memory. */
MUST_CHECK struct token_desk *token_desk_new(uv_loop_t *loop,
                                             token_desk_tell *tell,
                                             void *owner);

/* Takes them; NULL: there is none. Those whose last answer was lost with another
 * process are asked for at once.
 */
void token_desk_keep(struct token_desk *d, struct token_store *store);
void token_desk_command(struct token_desk *d, struct command_client *commands);

/* Refresh tokens can be had, and kept. */
bool token_desk_can_keep(const struct token_desk *d);

/* What they are kept in goes by |key|, or there is nothing to keep them in. */
bool token_desk_keeps_by(const struct token_desk *d, struct span key);

/* Holds |sources|. False: there is no memory, and all is as before. */
MUST_CHECK bool token_desk_adopt(struct token_desk *d,
                                 struct token_sources *sources);

/* Its memory is given back by the loop. NULL is fine. */
void token_desk_close(struct token_desk *d);

/* --- figures --- */

struct token_source_figures {
    const char *source;
    uint64_t tries[OAUTH_RESULT_COUNT]; /* of asking the source */
    /* Accounts that logins have asked for. */
    unsigned good;    /* with a token that is used */
    unsigned failing; /* the last try has failed, and is made again */
    unsigned refused; /* somebody must agree anew */
    /* Of the tokens that are used. */
    bool has_token;
    uint64_t oldest_s;      /* since one was obtained */
    uint64_t next_expiry_s; /* until one ends */
};

/* How many there are; of NULL none. */
size_t token_desk_sources(const struct token_desk *d);

/* Number |i| of them, in the order of the file. */
struct token_source_figures token_desk_figures(const struct token_desk *d,
                                               size_t i);

#endif
