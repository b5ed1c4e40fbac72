/* uid_set.h - ascending UIDs in, a sequence-set for one command out.
 *
 * Source: RFC 9051 §9 (sequence-set); RFC 2683 §3.2.1.5 for its length.
 * Only UIDs that follow each other without a gap are joined into a range: a
 * gap in a listing may hide messages that were not shown to us, and a range
 * over it would flag and expunge them. `*` cannot be written at all
 * (CONFORMANCE IMAP-27).
 */
#ifndef POPINJAY_IMAP_UID_SET_H
#define POPINJAY_IMAP_UID_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/limits.h"
#include "base/span.h"

struct imap_uid_set {
    uint32_t first; /* of the range that may still grow; 0: set is empty */
    uint32_t last;
    unsigned ranges;
    size_t len;
    size_t max; /* octets of text; no more than IMAP_UID_SET_MAX */
    char text[IMAP_UID_SET_MAX];
};

void imap_uid_set_init(struct imap_uid_set *set);

/* The same for a command in which |taken| octets more than usual, fewer than
 * IMAP_UID_SET_MAX, stand beside the set.
 */
void imap_uid_set_init_beside(struct imap_uid_set *set, size_t taken);

/* Adds |uid|, which is not 0 and greater than all before it (asserted). False
 * and unchanged when the set is full: send it and begin a new one.
 */
MUST_CHECK bool imap_uid_set_add(struct imap_uid_set *set, uint32_t uid);

bool imap_uid_set_is_empty(const struct imap_uid_set *set);

/* The text, valid until the set is changed. */
struct span imap_uid_set_text(const struct imap_uid_set *set);

#endif
