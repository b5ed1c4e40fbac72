/* reuse_plays.h - one user's sessions, one after the other, before a server
 * with CONDSTORE; what one keeps, the next is offered.
 */
#ifndef POPINJAY_TESTS_REUSE_PLAYS_H
#define POPINJAY_TESTS_REUSE_PLAYS_H

#include "support/session_harness.h"

#define SELECT "# SELECT INBOX (CONDSTORE)\r\n"
#define LIST_ALL "# UID FETCH 1:* (UID FLAGS RFC822.SIZE)\r\n"
#define NEW(first, last) \
    "# UID FETCH " first ":" last " (UID FLAGS RFC822.SIZE)\r\n"
#define CHANGES(last, modseq)                         \
    "# UID FETCH 1:" last " (UID FLAGS RFC822.SIZE) " \
    "(CHANGEDSINCE " modseq ")\r\n"

/* The mailbox of the first session: UIDs 10, 20 and 30, and 25 hidden. */
#define FIRST                                                          \
    "* 4 EXISTS\r\n* OK [UIDVALIDITY 77] x\r\n* OK [UIDNEXT 31] x\r\n" \
    "* OK [HIGHESTMODSEQ 100] x\r\n"
#define FIRST_ROWS                                             \
    "* 1 FETCH (UID 10 FLAGS () RFC822.SIZE 5)\r\n"            \
    "* 2 FETCH (UID 20 FLAGS () RFC822.SIZE 200)\r\n"          \
    "* 3 FETCH (UID 25 FLAGS (\\Deleted) RFC822.SIZE 250)\r\n" \
    "* 4 FETCH (UID 30 FLAGS () RFC822.SIZE 300)\r\n# OK\r\n"
#define FIRST_STAT "+OK 3 505\r\n"

#define EXISTS "* 4 EXISTS\r\n"
#define UIDVALIDITY "* OK [UIDVALIDITY 77] x\r\n"
#define UIDNEXT "* OK [UIDNEXT 31] x\r\n"

/* What SELECT says later on, of the same mailbox. */
#define LATER(exists, uidnext, modseq)                             \
    "* " exists " EXISTS\r\n" UIDVALIDITY "* OK [UIDNEXT " uidnext \
    "] x\r\n* OK [HIGHESTMODSEQ " modseq "] x\r\n"

/* Up to SELECT, which is sent and not yet answered; with an answer. */
void log_in_to_select(struct harness *h);
void select_and_say(struct harness *h, const char *untagged);

/* Logged in, and nothing is left to be expected but |stat|. */
void expect_stat(struct harness *h, const char *stat);

/* The same, then QUIT, and the bridge is freed; kept: the mailbox is. */
void end_session(struct harness *h, const char *stat);
void end_session_kept(struct harness *h, const char *stat);
void restart_session(struct harness *h);

/* Nothing is known, then FIRST is. */
void first_session(struct harness *h);

/* The login's listing was counted as |verdict|. */
void expect_counted(struct harness *h, enum known_verdict verdict);

#endif
