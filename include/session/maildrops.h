/* maildrops.h - the mailboxes that a session shows as one maildrop, in order.
 *
 * What the client counts from 1 on goes through all of them; what is done in a
 * mailbox (readahead.h, removal.h) goes by its own maildrop. An index is a
 * message number - 1.
 * Source: RFC 1939 §5, §7; CONFORMANCE DEC-12, POP-11 to POP-18, POP-28.
 */
#ifndef POPINJAY_SESSION_MAILDROPS_H
#define POPINJAY_SESSION_MAILDROPS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "session/fault.h"
#include "session/maildrop.h"
#include "session/unique_id.h"
#include "session/unique_id_map.h"

/* How the messages of one mailbox are called. */
struct unique_id_rule {
    enum unique_id_format format;
    uint32_t mailbox_mark;
    const struct unique_id_user *user; /* imported; NULL: nothing is */
    const struct unique_id_list *list; /* of this mailbox, of its UIDVALIDITY;
                                          NULL: there is none */
    uint64_t *gmail_ids;               /* UNIQUE_ID_GMAIL: by index; owned */
};

struct maildrop_part {
    struct maildrop *maildrop;
    struct unique_id_rule unique_ids;
};

/* Empty is all zero. */
struct maildrops {
    struct maildrop_part *parts;
    unsigned count;
};

/* Behind those that are there; |part| and what it owns are taken. False, and
 * nothing is taken, where there is no memory.
 */
MUST_CHECK bool maildrops_add(struct maildrops *m,
                              const struct maildrop_part *part);
void maildrop_part_fini(struct maildrop_part *part);
/* It is then empty. */
void maildrops_fini(struct maildrops *m);
struct maildrops maildrops_take(struct maildrops *m);

struct maildrop_place {
    unsigned part;
    uint32_t index; /* in its maildrop */
};
/* |index| < maildrops_count (asserted). */
struct maildrop_place maildrops_place(const struct maildrops *m,
                                      uint32_t index);

/* As the functions of one, over all. */
uint32_t maildrops_count(const struct maildrops *m);
uint32_t maildrops_listed_count(const struct maildrops *m);
uint64_t maildrops_listed_octets(const struct maildrops *m);
uint32_t maildrops_deleted_count(const struct maildrops *m);
bool maildrops_have_unique_ids(const struct maildrops *m);
/* Why DELE is refused in one of them; FAULT_NONE: it is in none. */
enum fault maildrops_removal_fault(const struct maildrops *m);
uint64_t maildrops_size_octets(const struct maildrops *m, uint32_t index);
bool maildrops_is_deleted(const struct maildrops *m, uint32_t index);
MUST_CHECK enum fault maildrops_mark_deleted(struct maildrops *m,
                                             uint32_t index);
void maildrops_unmark_all(struct maildrops *m);

/* The one that was imported, or else by the format. */
struct unique_id maildrops_unique_id(const struct maildrops *m, uint32_t index);

#endif
