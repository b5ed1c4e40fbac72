/* readahead.h - messages that are on their way before the client asks.
 *
 * A client that retrieves in order is going to ask for the next message, and
 * one that pipelines has asked for it already: so the fetch is sent now, and
 * over a long way the answer is there when it is wanted. The octets wait where
 * they are, in the windows of TCP: while the client has asked for nothing the
 * bridge does not read, so what is read ahead takes no more memory of ours than
 * what was received together with the end of the last message.
 *
 * How far ahead: a message for each one that was retrieved in order before, so
 * that a client which takes two and leaves has cost two more; within the
 * octets of a session and of the process. Nothing is fetched with a side
 * effect (BODY.PEEK), so what is never asked for has changed nothing.
 *
 * Answers come in the order of the commands from all servers that are known,
 * but Dovecot, when it has to wait for us, sends the next message before it
 * calls the last one complete: that one was delivered, and its tagged OK is
 * still to come. RFC 9051 §5.5 permits any order: an answer that passes by
 * before its message was asked for is lost, and the message is fetched anew.
 *
 * Whatever the reason why messages are fetched in vain (that, a client that jumps
 * or makes long pauses, failures): when they are READAHEAD_MESSAGES_MAX more
 * than those that were of use, no more are fetched.
 * Source: RFC 9051 §5.5; RFC 2449 §6.6; CONFORMANCE IMAP-20, IMAP-24.
 */
#ifndef POPINJAY_SESSION_READAHEAD_H
#define POPINJAY_SESSION_READAHEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/limits.h"
#include "base/octet_budget.h"
#include "session/imap_session.h"
#include "session/maildrop.h"

struct readahead_message {
    uint32_t tag; /* of its fetch */
    uint32_t index;
    uint32_t octets;
    bool lost;      /* its answer, when it comes, is of no use any more */
    bool delivered; /* ... since the client has it: only the OK is missing */
};

struct readahead {
    uint64_t max;                /* octets of this session; 0: off */
    struct octet_budget *budget; /* of the process; NULL: no limit */
    uint64_t octets;             /* taken of both */
    uint32_t next;               /* index of the message expected next */
    uint32_t in_order;           /* retrieved so, one behind the other */
    uint32_t useful;             /* taken when their turn came */
    uint32_t wasted;             /* lost, or over before it was asked for */
    uint32_t answer_uid;         /* of the answer that has begun; 0: none */
    unsigned count;              /* fetches under way */
    /* As they were sent; one more, for what was delivered. */
    struct readahead_message at[READAHEAD_MESSAGES_MAX + 1];
};

/* |budget| must outlive it. */
void readahead_init(struct readahead *r, uint64_t max,
                    struct octet_budget *budget);

/* The connection is gone, and what was under way with it. */
void readahead_forget(struct readahead *r);

/* RETR of |index| begins. Returns the tag of its fetch where that is under way
 * and of use, which is then no longer ahead; else 0.
 */
MUST_CHECK uint32_t readahead_take(struct readahead *r,
                                   const struct maildrop *maildrop,
                                   uint32_t index);

/* Something else than the next RETR was asked for: nobody knows what follows.
 */
void readahead_lose_order(struct readahead *r);

/* Fetches |index|, which the client has asked for or (|expected|) soon will.
 * False: not now, there is enough on the way.
 */
MUST_CHECK bool readahead_fetch(struct readahead *r, struct imap_session *imap,
                                const struct maildrop *maildrop, uint32_t index,
                                bool expected);

/* The client has asked for all these, in this order: fetches those that are not
 * under way in it, up to the first for which it is not the time. What would be
 * fetched behind that is lost when its turn comes.
 */
void readahead_fetch_asked(struct readahead *r, struct imap_session *imap,
                           const struct maildrop *maildrop,
                           const uint32_t *index, unsigned count);

/* Is it time to fetch what is expected? Not for each message that is taken: the
 * commands for several leave together.
 */
MUST_CHECK bool readahead_is_low(const struct readahead *r);

/* The message that will be asked for behind those under way. False: there is
 * none, or nothing is known.
 */
MUST_CHECK bool readahead_expected(const struct readahead *r,
                                   const struct maildrop *maildrop,
                                   uint32_t *index);

/* Is |index| on its way, and of use? */
bool readahead_has(const struct readahead *r, uint32_t index);

/* The message of |tag| went to the client before its tagged response came, and
 * the answer about |next_uid| has begun.
 */
void readahead_note_delivered(struct readahead *r, uint32_t tag, uint32_t index,
                              uint32_t next_uid);

/* The tagged response |tag| has come. False: it is none of these; else
 * |message| is what it was about.
 */
MUST_CHECK bool readahead_completed(struct readahead *r, uint32_t tag,
                                    struct readahead_message *message);

/* An answer of |index|, or of nobody knows which message, has passed by. */
void readahead_lose(struct readahead *r, uint32_t index);
void readahead_lose_all(struct readahead *r);

/* Answers are still to come. */
bool readahead_is_under_way(const struct readahead *r);

#endif
