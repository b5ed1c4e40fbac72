/* quit_plays.h - sessions that mark messages, and what their QUIT comes to.
 */
#ifndef POPINJAY_TESTS_QUIT_PLAYS_H
#define POPINJAY_TESTS_QUIT_PLAYS_H

#include "support/session_harness.h"

/* Begun as the harness says and logged in; the client has marked 1 and 3, UIDs 10
 * and 30, and said QUIT.
 */
void mark_two_and_quit(struct harness *h);

/* The server is left, the client hears +OK or `-ERR [CODE]`, and it is over. */
void expect_end(struct harness *h, const char *code, enum fault fault);

/* There is no session any more: another one may begin. */
void end(struct harness *h);

/* Both. */
void finish(struct harness *h, const char *code, enum fault fault);

#endif
