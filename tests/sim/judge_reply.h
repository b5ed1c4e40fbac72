/* judge_reply.h - one reply, and what the parts of its judgement share. */
#ifndef POPINJAY_TESTS_SIM_JUDGE_REPLY_H
#define POPINJAY_TESTS_SIM_JUDGE_REPLY_H

#include "sim/session.h"

struct reply {
    bool ok;
    bool challenge;
    struct span code; /* "SYS/TEMP"; empty: none */
    struct span first, rest;
};

void judge_must(struct session *s, const struct op *op, bool ok,
                const struct reply *r);

/* +OK unless something happened that excuses -ERR. True: it is +OK, and worth
 * a closer look.
 */
bool judge_should(struct session *s, const struct op *op,
                  const struct reply *r);

/* judge_maildrop.c: the commands on it. */
void judge_on_stat(struct session *s, const struct op *op,
                   const struct reply *r);
void judge_on_listing(struct session *s, const struct op *op,
                      const struct reply *r);
void judge_on_listing_one(struct session *s, const struct op *op,
                          const struct reply *r);
void judge_on_message(struct session *s, const struct op *op,
                      const struct reply *r);
void judge_on_dele(struct session *s, const struct op *op,
                   const struct reply *r);
void judge_on_rset(struct session *s, const struct op *op,
                   const struct reply *r);
void judge_on_quit(struct session *s, const struct op *op,
                   const struct reply *r);

#endif
