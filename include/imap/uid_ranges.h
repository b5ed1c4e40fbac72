/* uid_ranges.h - the UIDs that a search names, in any order and number, and the
 * highest of them for one command.
 *
 * Only of use to ask for messages: a range may hold UIDs that no message has,
 * or that was not named by itself. What is changed is named by a uid_set.
 * Memory: IMAP_UID_SPANS_MAX ranges, whatever is named. Where that is not
 * enough the lowest are forgotten, and |forgotten| says up to where.
 * Source: RFC 9051 §7.3.4, §9 (sequence-set).
 */
#ifndef POPINJAY_IMAP_UID_RANGES_H
#define POPINJAY_IMAP_UID_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"

/* Of so many in one command each may be as long as a range can be. */
#define IMAP_UID_RANGES_PICKED_MAX 40

struct imap_uid_range {
    uint32_t first;
    uint32_t last;
};

struct imap_uid_ranges {
    struct imap_uid_range *ranges;
    uint32_t count;
    uint32_t forgotten; /* what is named up to this UID; 0: nothing is */
    bool is_settled;
};

/* False where there is no memory. */
MUST_CHECK bool imap_uid_ranges_init(struct imap_uid_ranges *r);
void imap_uid_ranges_fini(struct imap_uid_ranges *r);

/* |first| is not 0, nor greater than |last| (asserted). */
void imap_uid_ranges_add(struct imap_uid_ranges *r, uint32_t first,
                         uint32_t last);

/* In order, and none touches another: once all are added, before the rest of
 * these may be asked for (asserted).
 */
void imap_uid_ranges_settle(struct imap_uid_ranges *r);

bool imap_uid_ranges_have(const struct imap_uid_ranges *r, uint32_t uid);

/* UIDs in all of them. */
uint64_t imap_uid_ranges_width(const struct imap_uid_ranges *r);

/* The highest UIDs below |below|, |width| at most, ascending; returns how many
 * ranges they are, 0 to IMAP_UID_RANGES_PICKED_MAX.
 */
size_t imap_uid_ranges_pick(
    const struct imap_uid_ranges *r, uint64_t below, uint64_t width,
    struct imap_uid_range picked[IMAP_UID_RANGES_PICKED_MAX]);

#endif
