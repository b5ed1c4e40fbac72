/* snapshot_builder.h - rows of a listing, as servers send them, become the
 * snapshots of a mailbox.
 *
 * Source: RFC 9051 §7.5.2; CONFORMANCE DEC-1, IMAP-18.
 */
#ifndef POPINJAY_SESSION_SNAPSHOT_BUILDER_H
#define POPINJAY_SESSION_SNAPSHOT_BUILDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "imap/response.h"
#include "session/snapshot.h"

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

/* What one FETCH answer said of |uid|, from its events. Later words on the same
 * UID complete or replace earlier ones.
 */
struct snapshot_facts {
    bool has_size;
    bool has_flags;
    bool deleted; /* \Deleted; counts with has_flags */
    uint64_t size_octets;
};
void snapshot_facts_take(struct snapshot_facts *facts,
                         const struct imap_event *ev);
MUST_CHECK enum snapshot_status snapshot_builder_add(
    struct snapshot_builder *b, uint32_t uid,
    const struct snapshot_facts *facts);

/* Every row with a UID below |uid| is of a message of |base|. */
bool snapshot_builder_stays_within(const struct snapshot_builder *b,
                                   const struct snapshot_halves *base,
                                   uint32_t uid);

/* Hands the result over: |base|, unless it is NULL, as the rows complete and
 * change it. What is flagged \Deleted stands apart. The
 * builder is then empty. On failure it keeps its rows.
 */
MUST_CHECK enum snapshot_status snapshot_builder_finish(
    struct snapshot_builder *b, const struct snapshot_halves *base,
    struct snapshot_halves *result);

#endif
