/* imap_events.h - the events of the IMAP response parser as lines of text, so
 * that what a test expects reads as a transcript.
 *
 *     tagged 1 OK UIDNEXT 5 "Done."     condition, code, number, text
 *     fetch 3
 *     fetch uid 7
 *     fetch flags seen deleted
 *     body whole 5 / body nil / body <10> 5
 *     body data "hello"                 all the data of one body
 *     body end
 *     error syntax                      error toobig, error nomem
 *     unfinished                        the input ends within a response
 */
#ifndef POPINJAY_TESTS_IMAP_EVENTS_H
#define POPINJAY_TESTS_IMAP_EVENTS_H

#include "base/buf.h"
#include "base/span.h"
#include "imap/response.h"

/* The keyword that the parser is told to watch. */
#define IMAP_EVENTS_WATCHED "$Watched"

/* Fails the test unless |wire| has the events |expected|: whole, cut in two at
 * each octet, and octet by octet.
 */
#define imap_events_check(wire, expected) \
    imap_events_check_at(wire, expected, __FILE__, __LINE__)

/* The same for string constants: NULs inside count. */
#define imap_events_check_literal(wire, expected) \
    imap_events_check(SPAN_LITERAL(wire), SPAN_LITERAL(expected))

void imap_events_check_at(struct span wire, struct span expected,
                          const char *file, int line);

/* Appends the events of |wire|, read in pieces of |step| octets; 0: whole. */
void imap_events_record(struct span wire, size_t step, struct buf *trace);

#endif
