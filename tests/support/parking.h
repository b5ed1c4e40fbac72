/* parking.h - sessions whose upstream connections rest in between: plays for
 * the harness, with its server.
 */
#ifndef POPINJAY_TESTS_PARKING_H
#define POPINJAY_TESTS_PARKING_H

#include "session/imap_parked.h"
#include "support/session_harness.h"

#define LISTING "# UID FETCH 1:* (UID FLAGS RFC822.SIZE)\r\n"

/* As expect_park found it. */
extern struct imap_parked parked;

/* As begin, with connections that are parked. */
void begin_parking(struct harness *h);

/* The session is over, and another begins. */
void begin_next(struct harness *h);

/* USER and PASS up to the question for a parked connection: USER alone asks
 * nobody.
 */
void give_password(struct harness *h);

/* Its answer; NULL: there is none. */
void answer_reuse(struct harness *h, const struct imap_parked *found);

/* A new connection, up to the password. */
void greet_and_log_in(struct harness *h);

/* From SELECT to `+OK`. */
void open_mailbox(struct harness *h);

/* All of the first session's login: nothing is parked. */
void log_in_anew(struct harness *h);

void expect_park(struct harness *h);

/* QUIT is answered, and the connection rests. */
void expect_parked_end(struct harness *h);
void quit_and_park(struct harness *h);

/* A session, its QUIT, and the next one's login up to the lock. */
void take_up(struct harness *h);

#endif
