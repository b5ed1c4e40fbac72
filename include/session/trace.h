/* trace.h - what one session says on its wires, line by line, for an operator
 * who looks for a fault: without passwords and without mail.
 *
 * Octets of four wires in, lines for people out. Shown is what is known to be
 * harmless; all else is a count: `PASS (12 octets)`. So it is with arguments of
 * PASS, APOP, AUTH, LOGIN and AUTHENTICATE, lines that answer a challenge, lines of a
 * client that are no command, literals and strings in FETCH answers, and the
 * messages that the client gets. From a login on until it is accepted, of what
 * the server says only conditions, codes and capabilities are shown: it may
 * repeat what it was sent, also behind its NO.
 *
 * It reads along from the first octet on, whether what it reads is shown or not:
 * what a line is depends on those before it.
 *
 * Pure. Memory: about 3 KB, and nothing else.
 */
#ifndef POPINJAY_SESSION_TRACE_H
#define POPINJAY_SESSION_TRACE_H

#include <stdbool.h>

#include "base/attributes.h"
#include "base/span.h"

enum trace_wire {
    TRACE_FROM_CLIENT,
    TRACE_TO_CLIENT,
    TRACE_TO_UPSTREAM,
    TRACE_FROM_UPSTREAM,
    TRACE_WIRE_COUNT,
};

struct trace; /* opaque */

/* NULL where there is no memory. */
MUST_CHECK struct trace *trace_new(void);

/* Wipes. NULL is fine. */
void trace_free(struct trace *t);

/* Another upstream connection: of the one before, nothing is to come. */
void trace_restart_upstream(struct trace *t);

/* Takes octets of a wire, in the order in which they pass.
 *
 * True: |line| is one to show, without its end, any octets in it, valid until
 * the next call. Call again. False: |in| is consumed.
 */
MUST_CHECK bool trace_next(struct trace *t, enum trace_wire wire,
                           struct span *in, struct span *line);

/* "C", "S" (from the client, to it), ">U", "<U" (to the upstream, from it). */
const char *trace_wire_name(enum trace_wire wire);

#endif
