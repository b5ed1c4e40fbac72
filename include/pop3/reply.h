/* reply.h - values in, POP3 reply lines out.
 *
 * Source: RFC 1939 §3; RFC 2449 §4, §6.4, §8; RFC 3206.
 * Every text is ours, plain ASCII, and does not begin with `[`; upstream
 * text is never passed on (CONFORMANCE DEC-21, CAP-7).
 * Failure to write sticks in |out| (buf.h).
 */
#ifndef POPINJAY_POP3_REPLY_H
#define POPINJAY_POP3_REPLY_H

#include <stdint.h>

#include "base/buf.h"
#include "pop3/command.h"

enum pop3_code {
    POP3_CODE_NONE,
    POP3_CODE_AUTH,        /* RFC 3206 §5 */
    POP3_CODE_IN_USE,      /* RFC 2449 §8.1.2 */
    POP3_CODE_LOGIN_DELAY, /* RFC 2449 §8.1.1 */
    POP3_CODE_SYS_TEMP,    /* RFC 3206 §4 */
    POP3_CODE_SYS_PERM,    /* RFC 3206 §4 */
    POP3_CODE_COUNT,
};

/* `+OK text` or, with an empty text, `+OK`. */
void pop3_reply_ok(struct buf *out, const char *text);

/* `-ERR [CODE] text`. Which code may stand in the answer to which verb is
 * asserted (CONFORMANCE CAP-9); POP3_UNKNOWN carries none.
 */
void pop3_reply_error(struct buf *out, enum pop3_verb verb, enum pop3_code code,
                      const char *text);

bool pop3_code_is_allowed(enum pop3_verb verb, enum pop3_code code);

/* `+OK first second`: STAT and LIST n. */
void pop3_reply_numbers(struct buf *out, uint64_t first, uint64_t second);

/* `number size`: a line of the scan listing. */
void pop3_write_scan_line(struct buf *out, uint32_t number, uint64_t size);

/* `number id`, with |prefix| before it ("+OK " or ""). */
void pop3_write_unique_id(struct buf *out, const char *prefix, uint32_t number,
                          const char *id);

/* `+ challenge`, the challenge already in base64 and perhaps empty:
 * exactly `+`, one space, CRLF then (RFC 5034 §4).
 */
void pop3_reply_challenge(struct buf *out, struct span challenge);

/* The lone dot that ends a multi-line reply. */
void pop3_write_end(struct buf *out);

#endif
