/* model_mailbox.h - a mailbox as a server holds it, and what befalls it.
 *
 * Messages keep their place in the array for good, also when they are gone:
 * the index is a message's identity, whatever becomes of its UID. They stand
 * in ascending order of their UIDs, as IMAP has it (RFC 9051 §2.3.1.1).
 *
 * Each change has a mod-sequence (RFC 7162 §3.1). An expunge need not have one;
 * a mailbox may also give new mail none of its own, as it should not.
 */
#ifndef POPINJAY_TESTS_MODEL_MAILBOX_H
#define POPINJAY_TESTS_MODEL_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "support/random.h"

/* Days since 1970: the last one on which mail has come. */
#define MODEL_TODAY 20000

struct model_message {
    uint32_t uid;
    uint32_t said_size;  /* RFC822.SIZE, not always the truth */
    size_t size;         /* octets of the body */
    unsigned char *body; /* as the server holds it */
    uint64_t modseq;     /* of its last change */
    bool seen;
    bool deleted;        /* \Deleted, whoever set it */
    bool foreign;        /* ... another client did */
    uint64_t foreign_at; /* the change that did it */
    bool has_keyword;    /* MODEL_KEYWORD */
    bool in_trash;       /* a copy of it is */
    bool chosen;         /* MODEL_CHOSEN */
    uint32_t day;        /* of INTERNALDATE, since 1970 */
    bool body_asked;     /* for its body, or a part of it, in this session */
    bool unreadable;     /* listed, but its body is never given */
    bool gone;
};

struct model_mailbox {
    struct random_source *random;
    uint32_t uidvalidity;
    uint32_t uid_next;
    struct model_message *messages;
    size_t count; /* the gone ones too */
    size_t capacity;
    uint64_t modseq;      /* HIGHESTMODSEQ */
    bool low_modseq;      /* new mail does not raise it */
    bool counts_expunges; /* they raise it */
    uint64_t changes;     /* counts what other clients did */
    bool sizes_inexact;   /* RFC822.SIZE of new mail is off by a little */
};

void model_mailbox_init(struct model_mailbox *box, struct random_source *r);
void model_mailbox_fini(struct model_mailbox *box);

/* New mail. |size| is about how large; 0: an empty message. */
void model_mailbox_add(struct model_mailbox *box, size_t size);

/* New mail of a size as mail has: most small, some empty, a few large. */
void model_mailbox_add_any(struct model_mailbox *box);

/* INTERNALDATE of |m|, as Unix time. */
uint64_t model_message_came_s(const struct model_message *m);

/* Another client does something: adds, flags, clears a flag, expunges. */
void model_mailbox_disturb(struct model_mailbox *box);

/* Another client expunges, and as many new ones come. */
void model_mailbox_exchange(struct model_mailbox *box);

/* The mailbox is made anew: another UIDVALIDITY, and most UIDs now belong to
 * another message than before.
 */
void model_mailbox_renumber(struct model_mailbox *box);

/* The same with the same UIDs, counts and mod-sequences, two messages under
 * each other's UIDs. Only between sessions: their indices are changed too.
 */
void model_mailbox_recreate(struct model_mailbox *box);

/* Something about |m| has changed; something is gone. */
void model_mailbox_touch(struct model_mailbox *box, struct model_message *m);
void model_mailbox_note_expunge(struct model_mailbox *box);

/* Messages that are there. */
size_t model_mailbox_living(const struct model_mailbox *box);

#endif
