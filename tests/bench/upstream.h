/* upstream.h - an IMAP server that costs nearly nothing, so that whoever
 * stands before it is what is measured.
 *
 *   upstream.c          the command line, threads, connections
 *   upstream_session.c  commands and their answers
 *   upstream_fetch.c    FETCH, as a job that goes on while there is room
 *   upstream_mail.c     the messages
 *
 * Every user and password is right, every user has the same mailbox: UIDs are
 * 1 to N, like the numbers, UIDVALIDITY and all mod-sequences are 1. Nothing
 * is kept: flags are not set, nothing is expunged.
 */
#ifndef POPINJAY_TESTS_BENCH_UPSTREAM_H
#define POPINJAY_TESTS_BENCH_UPSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/span.h"
#include "bench/loop.h"
#include "bench/security.h"
#include "bench/wire.h"

/* --- mail --- */

#define UPSTREAM_HEADER_MAX 512

/* A message is a header of its own and the body of all. */
struct upstream_mail {
    uint32_t count;
    size_t size; /* octets of each message */
    size_t header_size;
    unsigned char *body;
};

/* False: |size| is too small. */
MUST_CHECK bool upstream_mail_init(struct upstream_mail *m, uint32_t count,
                                   size_t size);
void upstream_mail_fini(struct upstream_mail *m);

/* |header| has room for UPSTREAM_HEADER_MAX; header_size octets are written. */
void upstream_mail_header(const struct upstream_mail *m, uint32_t number,
                          unsigned char *header);

/* `OCTETS SHA256` for each message. */
void upstream_mail_write_manifest(const struct upstream_mail *m,
                                  const char *file);

/* --- what was asked of it --- */

struct upstream_counts {
    uint64_t connections;
    uint64_t logins;
    uint64_t selects;
    uint64_t listings; /* FETCH commands for anything but octets */
    uint64_t bodies;   /* messages, or parts of them, that were sent */
    uint64_t octets;   /* of them */
};

/* --- FETCH --- */

enum upstream_item {
    UPSTREAM_ITEM_FLAGS,
    UPSTREAM_ITEM_SIZE,
    UPSTREAM_ITEM_DATE,
    UPSTREAM_ITEM_MODSEQ,
    UPSTREAM_ITEM_OCTETS, /* BODY[...], RFC822.HEADER */
};

struct upstream_fetch {
    const struct upstream_mail *mail;
    unsigned items;     /* one bit an item */
    struct span set;    /* what is left of it */
    struct span name;   /* of the octets, such as `BODY[HEADER]` */
    bool header_only;   /* of the octets */
    bool partial;       /* <first.count> */
    size_t first;       /* of the octets */
    size_t length_max;  /* the same */
    uint32_t number;    /* of the message that is under way; 0: none */
    uint32_t range_end; /* of the range that is under way */
    size_t at;          /* of the octets, still to be sent */
    size_t end;
    unsigned char header[UPSTREAM_HEADER_MAX];
};

/* |args| is what stands behind FETCH, and stays while the job lasts. */
void upstream_fetch_init(struct upstream_fetch *f,
                         const struct upstream_mail *mail, struct span args);

/* Appends answers until |out| holds |enough|; true when all are there. */
bool upstream_fetch_step(struct upstream_fetch *f, size_t enough,
                         struct buf *out, struct upstream_counts *counts);

/* The next number of a set such as `1,3:5,7:*`, within the mailbox; false: no
 * more.
 */
bool upstream_set_next(struct span *set, uint32_t count, uint32_t *number,
                       uint32_t *range_end);

/* The index behind |words| in |text|, any case; 0: not there. */
size_t upstream_find(struct span text, const char *words);

/* The digits at the front of |text| as a number, which are taken off it. */
uint64_t upstream_take_number(struct span *text);

/* --- sessions --- */

struct upstream {
    struct upstream_mail mail;
    struct security *security; /* NULL: in clear */
    bool condstore;
};

struct upstream_session;

struct upstream_thread {
    struct upstream *upstream;
    struct loop loop;
    struct source listener;
    struct buf answer; /* of the session that runs; empty between turns */
    struct upstream_counts counts;
    struct upstream_session *sessions;
};

/* Takes |fd|, and frees itself. */
void upstream_session_start(struct upstream_thread *t, int fd);
void upstream_session_end_all(struct upstream_thread *t);

#endif
