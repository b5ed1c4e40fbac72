/* maildrop.h - the snapshot that a POP3 session shows, and its marks.
 *
 * Source: RFC 1939 §4-6; CONFORMANCE DEC-1, DEC-6, DEC-14, POP-11 to POP-18.
 * Messages are addressed by index (message number - 1). Totals have 64 bits.
 */
#ifndef POPINJAY_SESSION_MAILDROP_H
#define POPINJAY_SESSION_MAILDROP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "session/fault.h"
#include "session/snapshot.h"

struct maildrop; /* opaque */

/* What SELECT said of the mailbox. */
struct maildrop_traits {
    uint32_t uidvalidity;
    bool has_unique_ids;      /* UIDVALIDITY is there and UIDs last */
    enum fault removal_fault; /* why DELE is refused; FAULT_NONE: it is not */
};

/* Shares |snapshot|. NULL where there is no memory. */
MUST_CHECK struct maildrop *maildrop_new(struct snapshot *snapshot,
                                         const struct maildrop_traits *traits);
void maildrop_free(struct maildrop *m);

/* A new snapshot: |whole|, which shows more or less of the same mailbox, without
 * what is marked as deleted. NULL where there is no memory.
 */
MUST_CHECK struct snapshot *maildrop_copy_left(const struct maildrop *m,
                                               const struct snapshot *whole);

uint32_t maildrop_uidvalidity(const struct maildrop *m);
bool maildrop_has_unique_ids(const struct maildrop *m);
enum fault maildrop_removal_fault(const struct maildrop *m);

/* All messages, marked or not: numbers run from 1 to this. */
uint32_t maildrop_count(const struct maildrop *m);
uint32_t maildrop_uid(const struct maildrop *m, uint32_t index);
uint64_t maildrop_size_octets(const struct maildrop *m, uint32_t index);

/* The index of |uid|, or maildrop_count. */
uint32_t maildrop_find(const struct maildrop *m, uint32_t uid);

/* Without the messages marked as deleted: what STAT says. */
uint64_t maildrop_listed_octets(const struct maildrop *m);

uint32_t maildrop_deleted_count(const struct maildrop *m);
bool maildrop_is_deleted(const struct maildrop *m, uint32_t index);

/* DELE: FAULT_NONE, or why not: the mailbox takes no removal, or the last
 * attempt to read the message failed. The message must be listed (asserted).
 */
MUST_CHECK enum fault maildrop_mark_deleted(struct maildrop *m, uint32_t index);

/* RSET. */
void maildrop_unmark_all(struct maildrop *m);

/* A retrieval ended: |whole| says that it was RETR, and not TOP. What RETR
 * failed to deliver, TOP does not make good.
 */
void maildrop_note_read(struct maildrop *m, uint32_t index, bool whole);
void maildrop_note_failed(struct maildrop *m, uint32_t index, bool whole);

/* Marked with DELE and, as far as is known, not yet removed, or whatever else
 * DELE means. A lookup forgets what is known, then notes each message that it
 * finds undone.
 */
bool maildrop_is_to_be_removed(const struct maildrop *m, uint32_t index);
uint32_t maildrop_to_be_removed_count(const struct maildrop *m);
void maildrop_note_all_removed(struct maildrop *m);
void maildrop_note_found(struct maildrop *m, uint32_t index);
void maildrop_note_removed(struct maildrop *m, uint32_t index);

/* The server is asked for messages of a kind, and names one: false if it was
 * named before.
 */
void maildrop_begin_search(struct maildrop *m);
bool maildrop_note_named(struct maildrop *m, uint32_t index);
bool maildrop_is_named(const struct maildrop *m, uint32_t index);

/* The server has confirmed a copy in the trash: for good. */
bool maildrop_is_copied(const struct maildrop *m, uint32_t index);
void maildrop_note_copied(struct maildrop *m, uint32_t index);

/* By RETR, whole. */
bool maildrop_is_delivered(const struct maildrop *m, uint32_t index);

#endif
