/* owner_parts.h - the inside of owner.h, shared by owner.c (calls of the bridge)
 * and owner_wishes.c (what it wishes for).
 */
#ifndef POPINJAY_TESTS_FUZZ_OWNER_PARTS_H
#define POPINJAY_TESTS_FUZZ_OWNER_PARTS_H

#include "owner.h"

/* Of the greeting, for APOP, and of CRAM-MD5. */
#define OWNER_TIMESTAMP "<1.2@pop3>"

/* --- owner.c --- */

/* At most |n| octets of its output go out; nothing is served after it. */
void owner_pass_to_client(struct owner *o, size_t n);
void owner_pass_to_server(struct owner *o, size_t n);

/* There is no connection to a server any more. */
void owner_drop_upstream(struct owner *o);

/* --- owner_wishes.c --- */

void owner_serve(struct owner *o, const struct bridge_wish *wish);

/* To the login that is asked for, if one is. */
void owner_answer_login(struct owner *o, bool well);

#endif
