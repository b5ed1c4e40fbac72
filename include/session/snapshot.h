/* snapshot.h - the messages of a mailbox at one moment, in UID order.
 *
 * Written once, by whoever made it, then immutable: sessions of any thread
 * share it by a count. Eight octets a message: a UID and a size of 32 bits
 * each; the few larger sizes stand in a table of their own.
 * Source: RFC 9051 §2.3.1.1; CONFORMANCE DEC-1.
 */
#ifndef POPINJAY_SESSION_SNAPSHOT_H
#define POPINJAY_SESSION_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"

struct snapshot; /* opaque */

/* An empty one with room for |count| messages, of which |large_count| have a
 * size that snapshot_size_is_large. The one reference is the caller's. NULL
 * where there is no memory.
 */
MUST_CHECK struct snapshot *snapshot_new(uint32_t count, uint32_t large_count);
bool snapshot_size_is_large(uint64_t size_octets);

/* Before it is shared; |uid| is greater than all before it (asserted). */
void snapshot_append(struct snapshot *s, uint32_t uid, uint64_t size_octets);

/* One more reference, and one less: the last one frees it. NULL is fine. */
struct snapshot *snapshot_ref(struct snapshot *s);
void snapshot_unref(struct snapshot *s);

/* Messages in it; they are addressed by index, 0 to count - 1. */
uint32_t snapshot_count(const struct snapshot *s);
uint32_t snapshot_uid(const struct snapshot *s, uint32_t index);
uint64_t snapshot_size_octets(const struct snapshot *s, uint32_t index);

/* The sum of all sizes. */
uint64_t snapshot_total_octets(const struct snapshot *s);

/* The index of |uid|, or snapshot_count where it is not in it. */
uint32_t snapshot_find(const struct snapshot *s, uint32_t uid);

/* How many messages have a lower UID. */
uint32_t snapshot_count_below(const struct snapshot *s, uint32_t uid);

/* The memory that it takes. */
size_t snapshot_memory_octets(const struct snapshot *s);

/* A mailbox in two: most maildrops show only the first half. Both are there, or
 * both are NULL.
 */
struct snapshot_halves {
    struct snapshot *listed;
    struct snapshot *hidden; /* flagged \Deleted by another client */
};

/* Both as one: the first with one more reference where the second is empty, else
 * a new one. NULL where there is no memory.
 */
MUST_CHECK struct snapshot *snapshot_halves_join(
    const struct snapshot_halves *h);

struct snapshot_halves snapshot_halves_share(const struct snapshot_halves *h);
void snapshot_halves_drop(struct snapshot_halves *h);

#endif
