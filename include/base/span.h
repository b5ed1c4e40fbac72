/* span.h - a borrowed run of octets.
 *
 * A span never owns what it points at and is valid only as long as the
 * buffer behind it stays where it is. Octets are unsigned and may be any
 * value, NUL included; nothing here looks for an end mark or at the locale.
 */
#ifndef POPINJAY_BASE_SPAN_H
#define POPINJAY_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"

struct span {
    const unsigned char *data; /* NULL only when len is 0 */
    size_t len;                /* octets */
};

/* A span over a string constant, without its NUL. */
#define SPAN_LITERAL(text) \
    ((struct span){ (const unsigned char *)(text), sizeof(text) - 1 })

struct span span_make(const void *data, size_t len);

/* |text| must be NUL-terminated and outlive the span. */
struct span span_from_string(const char *text);

bool span_equals(struct span a, struct span b);

/* Letters A-Z and a-z compare equal; all other octets as they are. */
bool span_equals_nocase(struct span a, struct span b);
bool span_starts_with_nocase(struct span s, struct span prefix);

/* Splits off the first |n| octets; n must not be greater than s->len. */
struct span span_take(struct span *s, size_t n);

/* The index of the first |octet| in |s|, or s.len if there is none. */
size_t span_find(struct span s, unsigned char octet);

bool span_contains(struct span s, unsigned char octet);

/* A whole span of decimal digits as a number: no sign, no blank, at least
 * one digit. False, and |value| untouched, where it is anything else or
 * greater than |max|. Leading zeros are accepted.
 */
MUST_CHECK bool span_to_number(struct span s, uint64_t max, uint64_t *value);

#endif
