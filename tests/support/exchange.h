/* exchange.h - logins by what is no password: how such sessions begin and end.
 */
#ifndef POPINJAY_TESTS_EXCHANGE_H
#define POPINJAY_TESTS_EXCHANGE_H

#include "support/session_harness.h"

/* The session begins; it offers |mechanisms|, a bit each. */
void begin_with(struct harness *h, unsigned mechanisms);

/* The connection that is wished for is made, and the server greets. */
void greet(struct harness *h, const char *greeting);

/* The server takes the login, its mailbox is empty, and the client leaves. */
void expect_login(struct harness *h);

#endif
