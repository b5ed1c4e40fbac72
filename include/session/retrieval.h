/* retrieval.h - the task that brings one message to the client: RETR, TOP.
 *
 * RETR is one `UID FETCH u (UID BODY.PEEK[])`, streamed; or it was sent long
 * ago, together with others: see readahead.h. TOP reads windows
 * `BODY.PEEK[]<offset.64K>` until it has its lines. `+OK` is written when the
 * body opens, the lone dot only behind the tagged OK, or where that is still to
 * come for others, behind the end of the answer. What was not had together with
 * others is asked for alone, since it may be their fault. A message that cannot
 * be had is looked up after a NOOP: is it gone, or just unreadable? So is a
 * short one that is not of the size listed: Courier answers for a message that
 * another client expunged with one that it makes up.
 * Source: RFC 1939 §5, §7; RFC 9051 §6.4.5, §7.5.2; CONFORMANCE DEC-8, DEC-10,
 * DEC-11, DEC-14, IMAP-18 to IMAP-26, MAP-11; general rules 1 to 3 of
 * PROVIDER_QUIRKS.md.
 */
#ifndef POPINJAY_SESSION_RETRIEVAL_H
#define POPINJAY_SESSION_RETRIEVAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "pop3/transform.h"
#include "session/fault.h"
#include "session/imap_session.h"
#include "session/pop3_session.h"
#include "session/readahead.h"
#include "session/task.h"

enum retrieval_step {
    RETRIEVAL_FETCH,
    RETRIEVAL_NOOP,
    RETRIEVAL_LOOKUP,
};

struct retrieval {
    struct imap_session *imap;
    struct pop3_session *pop3;
    struct maildrop *maildrop; /* of the mailbox that is selected */
    struct readahead *ahead;
    struct pop3_transform transform;
    enum retrieval_step step;
    uint32_t tag;   /* of the command under way */
    bool waiting;   /* to send it, until no other is under way */
    bool together;  /* the command is a batch: see readahead.h */
    uint32_t index; /* in the maildrop */
    uint32_t uid;
    bool top;
    uint64_t octets;        /* of the message, taken so far */
    uint64_t window_octets; /* of the body of this command */
    uint32_t answer_uid;    /* of the FETCH answer being read; 0: unknown */
    bool answer_has_body;   /* ours, and its UID may still be unknown */
    bool answer_passes_by;  /* a body of it was not taken */
    bool in_body;           /* its octets are ours */
    bool has_body;          /* this command's body has come */
    bool found;             /* by the lookup */
    bool suspect;           /* a body was there, and was not taken */
    bool vouched;           /* the lookup found it: take what comes */
    bool opened;            /* its `+OK` is written */
    enum fault fault;
};

/* |request| is a POP3_REQUEST_MESSAGE, its index one of |maildrop|, whose mailbox
 * is selected. A message that was read ahead is on its
 * way already; the others that are must not be taken for it.
 */
void retrieval_start(struct retrieval *r, struct imap_session *imap,
                     struct pop3_session *pop3, struct maildrop *maildrop,
                     struct readahead *ahead,
                     const struct pop3_request *request);

/* One of those has come to its end. */
void retrieval_on_other_end(struct retrieval *r);

MUST_CHECK enum task_status retrieval_on_event(
    struct retrieval *r, const struct imap_session_event *ev);
void retrieval_resume(struct retrieval *r);

/* Its fetch is sent, and what is to come next may be fetched behind it. */
bool retrieval_may_be_followed(const struct retrieval *r);

/* The client has a part of the answer: a failure can only be told by closing.
 */
bool retrieval_has_left(const struct retrieval *r);

/* The body is whole, and its tagged OK is all that is missing. */
bool retrieval_is_ending(const struct retrieval *r);

/* The size that LIST gave is not what came (DEC-8). After TASK_DONE. */
bool retrieval_size_differs(const struct retrieval *r);

#endif
