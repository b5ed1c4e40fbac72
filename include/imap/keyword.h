/* keyword.h - flags that a client makes up: IMAP's keywords.
 *
 * Source: RFC 9051 §2.3.2, §9 (flag-keyword, atom). Letters of both cases are
 * the same to some servers and not to others: ours are written one way.
 */
#ifndef POPINJAY_IMAP_KEYWORD_H
#define POPINJAY_IMAP_KEYWORD_H

#include <stdbool.h>

#include "base/attributes.h"
#include "base/limits.h"
#include "base/span.h"

/* An atom without a `\` before it, and no longer than IMAP_KEYWORD_MAX. */
bool imap_keyword_is_valid(struct span word);

/* What a keyword with `%u` in it becomes for the user |name|, NUL behind it.
 * Names that differ in more than the case of their letters give keywords that
 * differ: what an atom cannot hold is escaped, and what is too long is cut and
 * gets a checksum of 32 bits of all of it.
 *
 * |pattern|  one that imap_keyword_pattern_is_valid
 */
void imap_keyword_expand(const char *pattern, struct span name,
                         char keyword[IMAP_KEYWORD_MAX + 1]);

/* With no more than one `%u`, and room for it, a keyword. */
bool imap_keyword_pattern_is_valid(const char *pattern);

#endif
