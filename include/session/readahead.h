/* readahead.h - messages that are on their way before the client asks.
 *
 * A client that retrieves in order is going to ask for the next message, and
 * one that pipelines has asked for it already: so the fetch is sent now, and
 * over a long way the answer is there when it is wanted. The octets wait where
 * they are, in the windows of TCP: while the client has asked for nothing the
 * bridge does not read, so what is read ahead takes no memory of ours.
 *
 * How far ahead: a message for each one that was retrieved in order before, so
 * that a client which takes two and leaves has cost two more; within the
 * octets of a session and of the process. Nothing is fetched with a side
 * effect (BODY.PEEK), so what is never asked for has changed nothing.
 *
 * Answers come in the order of the commands from all servers that are known.
 * RFC 9051 §5.5 permits another: an answer that passes by before its message
 * was asked for is lost, and the message is fetched anew.
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
    bool lost; /* its answer, when it comes, is of no use any more */
};

struct readahead {
    uint64_t max;                /* octets of this session; 0: off */
    struct octet_budget *budget; /* of the process; NULL: no limit */
    uint64_t octets;             /* taken of both */
    uint32_t next;               /* index of the message expected next */
    uint32_t in_order;           /* retrieved so, one behind the other */
    unsigned count;              /* fetches under way */
    struct readahead_message at[READAHEAD_MESSAGES_MAX]; /* as sent */
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

/* The message that will be asked for behind those under way. False: there is
 * none, or nothing is known.
 */
MUST_CHECK bool readahead_expected(const struct readahead *r,
                                   const struct maildrop *maildrop,
                                   uint32_t *index);

/* The tagged response |tag| has come. False: it is none of these. */
bool readahead_completed(struct readahead *r, uint32_t tag);

/* An answer of |index|, or of nobody knows which message, has passed by. */
void readahead_lose(struct readahead *r, uint32_t index);
void readahead_lose_all(struct readahead *r);

/* Answers are still to come. */
bool readahead_is_under_way(const struct readahead *r);

#endif
