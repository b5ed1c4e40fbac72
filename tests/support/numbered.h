/* numbered.h - a maildrop whose messages cannot be taken for each other.
 *
 * Message n has the UID 10n and a body of NUMBERED_OCTETS: "m0007".
 */
#ifndef POPINJAY_TESTS_NUMBERED_H
#define POPINJAY_TESTS_NUMBERED_H

#include "support/session_harness.h"

#define NUMBERED_OCTETS 5
#define NUMBERED_MAX 200

/* |count| messages, and as much as one likes is read ahead; or |octets|. */
void numbered_log_in(struct harness *h, unsigned count);
void numbered_log_in_within(struct harness *h, unsigned count, uint64_t octets);

/* --- in --- */

void says_retr(struct harness *h, unsigned n);

/* The server's whole answer, to the oldest command without one. */
void says_message(struct harness *h, unsigned n);

/* The message alone: more is to come before the tagged response. */
void says_body(struct harness *h, unsigned n);

/* The one behind the oldest is answered first. */
void swap_answers(struct harness *h);

/* --- out --- */

#define expect_fetch(h, n) numbered_expect_fetch(h, n, __FILE__, __LINE__)
/* The messages from |n| to |to|, with one command. */
#define expect_fetches(h, n, to) \
    numbered_expect_fetches(h, n, to, __FILE__, __LINE__)
#define expect_message(h, n) numbered_expect_message(h, n, __FILE__, __LINE__)

void numbered_expect_fetch(struct harness *h, unsigned n, const char *file,
                           int line);
void numbered_expect_fetches(struct harness *h, unsigned n, unsigned to,
                             const char *file, int line);
void numbered_expect_message(struct harness *h, unsigned n, const char *file,
                             int line);

/* --- plays --- */

/* RETR 1, which is answered; 2 is on its way. */
void retrieve_first(struct harness *h);

/* The server has nothing more to say: all that it said was taken. */
#define assert_all_taken(h) assert_int_equal(buf_length(&(h)->from_upstream), 0)

/* What it says is not read. */
#define assert_waits(h) assert_int_equal(bridge_upstream_room((h)->bridge), 0)

#endif
