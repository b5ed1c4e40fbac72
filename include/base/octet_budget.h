/* octet_budget.h - octets that many may take from, and must give back.
 *
 * Thread: any, also for another limit; each call is one atomic step.
 */
#ifndef POPINJAY_BASE_OCTET_BUDGET_H
#define POPINJAY_BASE_OCTET_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"

struct octet_budget {
    atomic_uint_least64_t max;
    atomic_uint_least64_t taken;
};

void octet_budget_init(struct octet_budget *b, uint64_t max);

/* Where more is taken already, nobody gets any until enough came back. */
void octet_budget_set_max(struct octet_budget *b, uint64_t max);

/* All of |octets| or, with false, none of them. */
MUST_CHECK bool octet_budget_take(struct octet_budget *b, uint64_t octets);
void octet_budget_give(struct octet_budget *b, uint64_t octets);

/* True a moment ago. */
uint64_t octet_budget_taken(const struct octet_budget *b);

#endif
