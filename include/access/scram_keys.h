/* scram_keys.h - what is kept of a password for SCRAM-SHA-256: enough to judge
 * whoever knows it, and not enough to be that one.
 *
 * Source: RFC 5802 §3, RFC 7677; the form of the text is that of RFC 5803 §2:
 *     SCRAM-SHA-256$4096:SALT$STOREDKEY:SERVERKEY      (base64 each)
 */
#ifndef POPINJAY_ACCESS_SCRAM_KEYS_H
#define POPINJAY_ACCESS_SCRAM_KEYS_H

#include <stdbool.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/span.h"
#include "session/scram.h"

struct scram_keys {
    unsigned iterations;
    size_t salt_length;
    unsigned char salt[SCRAM_SALT_MAX];
    unsigned char stored[SCRAM_KEY_SIZE];
    unsigned char server[SCRAM_KEY_SIZE];
};

/* False: |text| has another form, or fewer iterations than RFC 7677 §4 asks
 * for.
 */
MUST_CHECK bool scram_keys_parse(struct span text, struct scram_keys *keys);

/* Appends the text for |password|, with a salt of its own. False: no memory, no
 * randomness, or a password that SASLprep (RFC 4013) forbids.
 */
MUST_CHECK bool scram_keys_write(struct span password, struct buf *text);

#endif
