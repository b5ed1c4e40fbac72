/* canned.h - what an ordinary IMAP server would answer, so that a fuzzer need
 * not find it out octet by octet.
 */
#ifndef POPINJAY_TESTS_FUZZ_CANNED_H
#define POPINJAY_TESTS_FUZZ_CANNED_H

#include "base/buf.h"
#include "base/limits.h"
#include "wire.h"

/* An answer, be it of a whole batch, is never longer. */
#define CANNED_MAX (4 * CLIENT_OUTPUT_MAX)

/* The answer to the last command on |w|, or the greeting where there was none.
 * |how| makes it less ordinary: see canned.c.
 */
void canned_answer(const struct wire *w, unsigned how, struct buf *out);

/* The same to the oldest fetch of a body without an answer, or the newest.
 * False: there is none.
 */
bool canned_body(const struct wire *w, unsigned how, struct buf *out);

#endif
