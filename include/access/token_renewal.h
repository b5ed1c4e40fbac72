/* token_renewal.h - one try to come by a token of a source for an account.
 *
 * With a refresh token: the lock of the account, the record that is kept, which
 * may hold a token that another process has just got, and else the token
 * endpoint; what it answers is on the disk before anybody has it. It takes the
 * place of the record that it came of and of no other: what somebody has agreed
 * to meanwhile counts.
 *
 * It runs to its end: the answer may hold the one refresh token that is good from
 * then on. Thread: that of its loop, which the disk does not stop.
 */
#ifndef POPINJAY_ACCESS_TOKEN_RENEWAL_H
#define POPINJAY_ACCESS_TOKEN_RENEWAL_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "access/command_client.h"
#include "access/disk_queue.h"
#include "access/oauth_request.h"
#include "access/token_store.h"
#include "base/attributes.h"

struct token_renewal; /* opaque */

/* A record that could not be saved, and the one that it came of. */
struct token_unsaved {
    struct token_record record; /* |access| NULL: there is none */
    struct token_digest from;
};

/* All of it outlives the renewal, unless it says otherwise. */
struct token_renewal_to {
    uv_loop_t *loop;
    struct disk_queue *disk;
    struct http_client *http;
    struct token_store *store;       /* NULL: there is none */
    struct command_client *commands; /* NULL: the same */
    const struct token_source *source;
    struct token_owner owner;
    const char *token_endpoint; /* copied; NULL: to be discovered */
    /* Which it tries again to save before anything else: the server may know no
     * other refresh token. Both ways.
     */
    struct token_unsaved *unsaved;
    /* The access token that must not be taken from the store: it was refused,
     * or its time is over; NULL: none.
     */
    const char *but_not;
};

struct token_gain {
    enum oauth_result result;
    const struct oauth_error *error;
    const char *access; /* with OAUTH_OK; valid during the call */
    uint64_t lifetime_s;
    bool is_kept; /* it was in the store: nobody was asked */
    /* The answer to the question before was lost, and the refresh token perhaps
     * with it: some servers still take the old one for a while.
     */
    bool is_urgent;
    const char *token_endpoint; /* as it was discovered; NULL: it was not */
    struct file_stamp stamp;    /* of the record, as it was read */
};

typedef void token_renewal_done(void *data, const struct token_gain *gain);

/* |done| is called once, never from within this call, and the renewal is over
 * then. NULL where there is no memory.
 */
MUST_CHECK struct token_renewal *token_renewal_start(
    const struct token_renewal_to *to, token_renewal_done *done, void *data);

#endif
