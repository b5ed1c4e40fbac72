/* readahead.h - messages that are on their way before the client asks.
 *
 * A client that retrieves in order is going to ask for the next message, and
 * one that pipelines has asked for it already: so the next ones are fetched now,
 * and over a long way the answer is there when it is wanted. The octets wait
 * where they are, in the windows of TCP: while the client has asked for nothing
 * the bridge does not read, so what is read ahead takes no more memory of ours
 * than what was received together with the end of the last message.
 *
 * How far ahead: a message for each one that was retrieved in order before, so
 * that a client which takes two and leaves has cost two more, but never less
 * than what was asked for; within the octets of a session and of the process.
 * Nothing is fetched with a side effect (BODY.PEEK), so what is never asked for
 * has changed nothing.
 *
 * They are fetched as a batch, `UID FETCH set`, and the next batch only when of
 * this one nothing but the last message is to come, and that was asked for.
 * RFC 9051 §5.5 permits answers in any order, and Dovecot, when it has to wait
 * for us, serves the newest command first: of two batches the later one would
 * pass by before it was asked for. But a server whose octets were all taken need
 * not wait, and has begun its last message. Within a set all servers that are
 * known go upwards. An answer that passes by all the same is lost, and the
 * message is fetched anew.
 *
 * What was asked for has been delivered before the tagged response to its batch
 * comes. And Dovecot may begin the next batch before it calls the last message
 * of this one complete.
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
    uint32_t index;
    uint32_t octets; /* taken of the budgets */
    bool lost;       /* its answer, when it comes, is of no use any more */
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
    uint32_t tag;                /* of the batch under way; 0: none */
    unsigned count;              /* answers of it that are to come */
    uint64_t replaced;  /* bit tag % IMAP_PIPELINE_MAX: a batch before it, whose
                           tagged response is to come */
    uint64_t delivered; /* bit tag % IMAP_PIPELINE_MAX: the client has a
                           message of it, its tagged response is to come */
    /* As they were asked for, without the one that was taken. */
    struct readahead_message at[READAHEAD_MESSAGES_MAX];
};

/* |budget| must outlive it. */
void readahead_init(struct readahead *r, uint64_t max,
                    struct octet_budget *budget);

/* The connection is gone, and what was under way with it. */
void readahead_forget(struct readahead *r);

/* RETR of |index| begins. Returns the tag of its batch where it is under way and
 * of use, and is then no longer ahead; else 0.
 */
MUST_CHECK uint32_t readahead_take(struct readahead *r,
                                   const struct maildrop *maildrop,
                                   uint32_t index);

/* The one that was taken last did not come with its batch. */
void readahead_note_missed(struct readahead *r);

/* Something else than the next RETR was asked for: nobody knows what follows.
 */
void readahead_lose_order(struct readahead *r);

/* Another mailbox is about to be selected, and nothing is under way: its first
 * message is the one expected next.
 */
void readahead_change_mailbox(struct readahead *r);

/* May the next batch be sent? Yes where none is under way, or all that is still
 * to come of it is the message that was taken last.
 */
bool readahead_is_low(const struct readahead *r);

/* Sends the next batch. When it is low.
 *
 * asked    what the client has asked for, in this order: the first |count| that
 *          go upwards
 * goes_on  and then what it is expected to ask for, where those are in order
 */
void readahead_fetch(struct readahead *r, struct imap_session *imap,
                     const struct maildrop *maildrop, const uint32_t *asked,
                     unsigned count, bool goes_on);

/* Is |index| on its way, and of use? */
bool readahead_has(const struct readahead *r, uint32_t index);

/* Answers of |tag| are to come, beside that of the one that was taken last. */
bool readahead_has_others(const struct readahead *r, uint32_t tag);

/* A message of |tag| went to the client before its tagged response came; the
 * answer about |next_uid| has begun (0: none has).
 */
void readahead_note_delivered(struct readahead *r, uint32_t tag,
                              uint32_t next_uid);

/* The tagged response |tag| has come. True: it is about messages that the client
 * has, and none is missing that it could be about instead.
 */
MUST_CHECK bool readahead_completed(struct readahead *r, uint32_t tag);

/* An answer of |index|, or of nobody knows which message, has passed by. */
void readahead_pass(struct readahead *r, uint32_t index);
void readahead_lose_all(struct readahead *r);

/* Answers are still to come. */
bool readahead_is_under_way(const struct readahead *r);

#endif
