/* snapshot.h - the messages of a mailbox at one moment, in UID order.
 *
 * Built once from the rows of a listing, then immutable. Eight octets a
 * message: a UID and a size of 32 bits each; the few larger sizes stand in a
 * table of their own.
 * Source: RFC 9051 §2.3.1.1; CONFORMANCE DEC-1, IMAP-18.
 */
#ifndef POPINJAY_SESSION_SNAPSHOT_H
#define POPINJAY_SESSION_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"

struct snapshot; /* opaque, immutable */

void snapshot_free(struct snapshot *s);

/* Messages in it; they are addressed by index, 0 to count - 1. */
uint32_t snapshot_count(const struct snapshot *s);
uint32_t snapshot_uid(const struct snapshot *s, uint32_t index);
uint64_t snapshot_size_octets(const struct snapshot *s, uint32_t index);

/* The index of |uid|, or snapshot_count where it is not in it. */
uint32_t snapshot_find(const struct snapshot *s, uint32_t uid);

enum snapshot_status {
    SNAPSHOT_OK = 0,
    SNAPSHOT_EINCOMPLETE = -1, /* a message has no size */
    SNAPSHOT_ETOOBIG = -2,     /* MAILDROP_MESSAGES_MAX */
    SNAPSHOT_ENOMEM = -3,
};

/* Collects rows in any order, split and repeated as servers send them. */
struct snapshot_builder {
    struct snapshot_row *rows;
    size_t count;
    size_t capacity;
};

void snapshot_builder_init(struct snapshot_builder *b);
void snapshot_builder_fini(struct snapshot_builder *b);

/* What one FETCH answer said of |uid|. Later words on the same UID complete
 * or replace earlier ones.
 */
struct snapshot_facts {
    bool has_size;
    bool has_flags;
    bool deleted; /* \Deleted; counts with has_flags */
    uint64_t size_octets;
};
MUST_CHECK enum snapshot_status snapshot_builder_add(
    struct snapshot_builder *b, uint32_t uid,
    const struct snapshot_facts *facts);

/* Sorts and merges what was collected: has each message a size? */
bool snapshot_builder_is_complete(struct snapshot_builder *b);

/* Hands the result over, without the messages flagged \Deleted if
 * |hide_deleted|; the builder is then empty. On failure it keeps its rows.
 */
MUST_CHECK enum snapshot_status snapshot_builder_finish(
    struct snapshot_builder *b, bool hide_deleted, struct snapshot **snapshot);

#endif
