/* buf.h - a bounded queue of octets: written at its end, read at its front.
 *
 * The positions are always 0 <= start <= end <= touched <= capacity <= max; the
 * octets between start and end are what it holds. It owns no memory while it has
 * never been written to, and none after buf_release, so an idle session
 * holds none.
 *
 * Failure sticks: the first append that would pass |max| or finds no memory
 * marks the buffer failed; it then takes nothing more, and its owner asks
 * buf_failed once instead of after each write.
 *
 * What it held is wiped before memory is given back, when it moves and when
 * it is freed: it may be a password or somebody's mail.
 */
#ifndef POPINJAY_BASE_BUF_H
#define POPINJAY_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/span.h"

struct buf {
    unsigned char *data;
    size_t start;
    size_t end;
    size_t touched; /* of the memory, this much may have been written */
    size_t capacity;
    size_t max; /* octets it may hold at most */
    bool failed;
};

/* An empty buffer that never holds more than |max| octets. */
void buf_init(struct buf *b, size_t max);

/* Wipes and frees; |b| may be used again after buf_init only. */
void buf_fini(struct buf *b);

/* True unless the buffer is or becomes failed. |s| must not lie in |b|. */
bool buf_append(struct buf *b, struct span s);
bool buf_append_string(struct buf *b, const char *text);
bool buf_append_octet(struct buf *b, unsigned char octet);

/* |value| in decimal digits. */
bool buf_append_number(struct buf *b, uint64_t value);

/* Room for |n| more octets at the end, or NULL (the buffer is then failed).
 * The pointer holds until the next call that may move the buffer. What was
 * written there counts after buf_commit.
 */
MUST_CHECK unsigned char *buf_reserve(struct buf *b, size_t n);
void buf_commit(struct buf *b, size_t n);

/* Sees to memory for |length| octets in all, at once, where many appends are to
 * follow; length <= max. Failure sticks.
 */
void buf_prepare(struct buf *b, size_t length);

size_t buf_length(const struct buf *b);

/* How many more octets fit under |max|. */
size_t buf_room(const struct buf *b);

bool buf_failed(const struct buf *b);

/* The octets held; valid until the buffer is next written, consumed or freed.
 */
struct span buf_span(const struct buf *b);

/* Drops |n| octets from the front, wiping nothing; n <= buf_length. */
void buf_consume(struct buf *b, size_t n);

/* Takes back what was written last: |length| octets stay, the rest is wiped;
 * length <= buf_length. A failed buffer stays failed.
 */
void buf_truncate(struct buf *b, size_t length);

/* Drops all that it holds, wipes the memory and gives it back. A failed buffer
 * stays failed.
 */
void buf_clear(struct buf *b);

/* Wipes the memory and gives it back if the buffer is empty. */
void buf_release(struct buf *b);

/* memset that the compiler may not leave out. */
void wipe(void *data, size_t len);

#endif
