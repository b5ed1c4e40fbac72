/* account_text.h - the text of accounts.conf, edited: what is changed changes,
 * everything else stays as somebody wrote it, comments too.
 *
 * A section is its header with the comment right above it, down to the next
 * one's.
 */
#ifndef POPINJAY_ACCESS_ACCOUNT_TEXT_H
#define POPINJAY_ACCESS_ACCOUNT_TEXT_H

#include <stdbool.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/span.h"

/* Whether |text| has [account NAME]. */
bool account_text_has(struct span text, const char *name);

/* Each changes |text|; false: no memory, or over its cap, and it is as before.
 */

/* [account NAME] without keys, behind all others; there is none yet. */
MUST_CHECK bool account_text_add(struct buf *text, const char *name);

/* Its section goes; there is one. */
MUST_CHECK bool account_text_remove(struct buf *text, const char *name);

/* |key| of [account NAME], which is there, is |value| from here on and nothing
 * else; NULL: it is not given. What is too long for a line stands on several.
 */
MUST_CHECK bool account_text_set(struct buf *text, const char *name,
                                 const char *key, const char *value);

#endif
