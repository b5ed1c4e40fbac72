/* utf8.h - is it UTF-8?
 *
 * Source: RFC 3629 §4 (no overlong forms, no surrogates, at most U+10FFFF).
 */
#ifndef POPINJAY_BASE_UTF8_H
#define POPINJAY_BASE_UTF8_H

#include <stdbool.h>

#include "base/span.h"

bool utf8_is_valid(struct span s);

/* True if every octet is below 0x80. */
bool utf8_is_ascii(struct span s);

#endif
