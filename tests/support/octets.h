/* octets.h - comparing octets, and saying how they differ.
 *
 * What is shown has its control octets, NULs and 8-bit octets escaped.
 */
#ifndef POPINJAY_TESTS_OCTETS_H
#define POPINJAY_TESTS_OCTETS_H

#include "base/buf.h"
#include "base/span.h"

/* Fails the test, showing both, unless they are the same octets. */
#define assert_octets(actual, expected) \
    octets_compare(actual, expected, "", __FILE__, __LINE__)
#define assert_octets_string(actual, expected) \
    assert_octets(actual, span_from_string(expected))
#define assert_buf_string(b, expected) \
    assert_octets_string(buf_span(b), expected)

/* |where| says in words which of many comparisons it was. */
void octets_compare(struct span actual, struct span expected, const char *where,
                    const char *file, int line);

/* Appends |s| so that a person can read it: \r, \n, \xHH, and the rest as it
 * is.
 */
void octets_escape(struct span s, struct buf *out);

#endif
