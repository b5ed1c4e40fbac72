/* base64.h - base64 as SASL uses it: padded, no line breaks.
 *
 * Source: RFC 4648 §4; strictness by RFC 5034 §4 (no alien octets, no `=`
 * inside, the length a multiple of four, unused bits zero).
 */
#ifndef POPINJAY_BASE_BASE64_H
#define POPINJAY_BASE_BASE64_H

#include <stdbool.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/span.h"

/* Appends the encoded form; false if |out| is or becomes failed. */
bool base64_encode(struct span in, struct buf *out);

/* Appends the octets that |in| stands for. False if it is not well formed or
 * |out| is or becomes failed; |out| may then hold a part.
 */
MUST_CHECK bool base64_decode(struct span in, struct buf *out);

#endif
