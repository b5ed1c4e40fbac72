/* fuzz.c - see fuzz.h. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fuzz_fail(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    abort();
}

struct span fuzz_copy(struct span s)
{
    unsigned char *octets = malloc(s.len);

    REQUIRE(octets != NULL || s.len == 0);
    if (s.len > 0)
        memcpy(octets, s.data, s.len);
    return span_make(octets, s.len);
}

void fuzz_drop(struct span copy)
{
    union {
        const void *borrowed;
        void *owned;
    } memory = { .borrowed = copy.data };

    free(memory.owned);
}

unsigned fuzz_take_octet(struct span *in)
{
    return (unsigned)fuzz_take_number(in, 1);
}

uint64_t fuzz_take_number(struct span *in, size_t octets)
{
    struct span s = fuzz_take(in, octets);
    uint64_t number = 0;

    for (size_t i = 0; i < s.len; i++)
        number = number << 8 | s.data[i];
    return number;
}

struct span fuzz_take(struct span *in, size_t n)
{
    return span_take(in, n < in->len ? n : in->len);
}

struct span fuzz_take_piece(struct span *wire, struct span lengths,
                            size_t *turn)
{
    size_t n = wire->len;

    if (lengths.len > 0)
        n = lengths.data[(*turn)++ % lengths.len];
    return fuzz_take(wire, n > 0 ? n : 256);
}

void fuzz_trace_number(struct buf *trace, uint64_t number)
{
    buf_append_octet(trace, ' ');
    buf_append_number(trace, number);
}

void fuzz_show(const char *what, unsigned number, struct span s)
{
    if (getenv("FUZZ_SHOW") == NULL)
        return;
    fprintf(stderr, "%-9s %2u ", what, number);
    for (size_t i = 0; i < s.len; i++)
        if (s.data[i] >= ' ' && s.data[i] < 0x7f)
            (void)fputc(s.data[i], stderr);
        else
            fprintf(stderr, "\\x%02x", s.data[i]);
    (void)fputc('\n', stderr);
}

bool fuzz_contains(struct span s, struct span part)
{
    return part.len > 0 && s.len >= part.len &&
           memmem(s.data, s.len, part.data, part.len) != NULL;
}
