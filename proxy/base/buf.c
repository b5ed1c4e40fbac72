#include "base/buf.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 512
/* The digits of 2^64 - 1. */
#define NUMBER_DIGITS_MAX 20

void wipe(void *data, size_t len)
{
    if (len > 0)
        explicit_bzero(data, len);
}

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){ .max = max };
}

/* Not only what is held is wiped: what was consumed still lies before |start|,
 * or behind |end| once they went back to 0. Memory that was never written to is
 * not made to exist for it.
 */
static void give_back(struct buf *b)
{
    wipe(b->data, b->touched);
    free(b->data);
    b->data = NULL;
    b->start = 0;
    b->end = 0;
    b->touched = 0;
    b->capacity = 0;
}

void buf_fini(struct buf *b)
{
    give_back(b);
}

void buf_clear(struct buf *b)
{
    give_back(b);
}

void buf_truncate(struct buf *b, size_t length)
{
    size_t end = b->start + length;

    assert(end <= b->end);
    if (end < b->end)
        wipe(b->data + end, b->end - end);
    b->end = end;
}

void buf_release(struct buf *b)
{
    if (b->start == b->end)
        give_back(b);
}

static void compact(struct buf *b)
{
    size_t length = b->end - b->start;

    memmove(b->data, b->data + b->start, length);
    wipe(b->data + length, b->start);
    b->start = 0;
    b->end = length;
}

static size_t capacity_for(size_t needed, size_t max)
{
    size_t capacity = CAPACITY_MIN;

    while (capacity < needed && capacity <= max / 2)
        capacity *= 2;
    if (capacity < needed || capacity > max)
        return max;
    return capacity;
}

/* Not by realloc, which may move the octets and leave the old ones behind. */
static bool grow(struct buf *b, size_t needed)
{
    size_t length = b->end - b->start;
    size_t capacity = capacity_for(needed, b->max);
    unsigned char *data = malloc(capacity);

    if (data == NULL)
        return false;
    if (length > 0)
        memcpy(data, b->data + b->start, length);
    give_back(b);
    b->data = data;
    b->end = length;
    b->touched = length;
    b->capacity = capacity;
    return true;
}

unsigned char *buf_reserve(struct buf *b, size_t n)
{
    size_t needed;

    if (b->failed)
        return NULL;
    if (n > buf_room(b)) {
        b->failed = true;
        return NULL;
    }
    needed = buf_length(b) + n;
    if (b->data == NULL || needed > b->capacity)
        b->failed = !grow(b, needed);
    else if (n > b->capacity - b->end)
        compact(b);
    if (b->failed)
        return NULL;
    if (b->touched < b->end + n)
        b->touched = b->end + n;
    return b->data + b->end;
}

void buf_prepare(struct buf *b, size_t length)
{
    assert(length <= b->max);
    if (!b->failed && length > b->capacity)
        b->failed = !grow(b, length);
}

void buf_commit(struct buf *b, size_t n)
{
    assert(n <= b->capacity - b->end);
    b->end += n;
}

bool buf_append(struct buf *b, struct span s)
{
    unsigned char *to;

    if (s.len == 0)
        return !b->failed;
    to = buf_reserve(b, s.len);
    if (to == NULL)
        return false;
    memcpy(to, s.data, s.len);
    buf_commit(b, s.len);
    return true;
}

bool buf_append_string(struct buf *b, const char *text)
{
    return buf_append(b, span_from_string(text));
}

bool buf_append_octet(struct buf *b, unsigned char octet)
{
    return buf_append(b, span_make(&octet, 1));
}

bool buf_append_number(struct buf *b, uint64_t value)
{
    unsigned char digits[NUMBER_DIGITS_MAX];
    size_t first = sizeof(digits);

    do {
        digits[--first] = (unsigned char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return buf_append(b, span_make(digits + first, sizeof(digits) - first));
}

size_t buf_length(const struct buf *b)
{
    return b->end - b->start;
}

size_t buf_room(const struct buf *b)
{
    return b->max - buf_length(b);
}

bool buf_failed(const struct buf *b)
{
    return b->failed;
}

struct span buf_span(const struct buf *b)
{
    if (b->start == b->end)
        return (struct span){ NULL, 0 };
    return span_make(b->data + b->start, b->end - b->start);
}

void buf_consume(struct buf *b, size_t n)
{
    assert(n <= buf_length(b));
    b->start += n;
    if (b->start == b->end) {
        b->start = 0;
        b->end = 0;
    }
}
