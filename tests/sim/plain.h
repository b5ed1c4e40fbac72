/* plain.h - what a client should receive of a message, worked out the slow
 * and obvious way. It shares no code with the proxy.
 *
 * Source: RFC 1939 §3, §7; CONFORMANCE DEC-9, DEC-11.
 */
#ifndef POPINJAY_TESTS_SIM_PLAIN_H
#define POPINJAY_TESTS_SIM_PLAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

/* Appends the lines of |message| and the lone dot; if |top|, only the header,
 * the blank line and |lines| lines of the body.
 */
void plain_message(struct span message, bool top, uint32_t lines,
                   struct buf *out);

#endif
