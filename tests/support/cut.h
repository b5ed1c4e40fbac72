/* cut.h - how the input is cut must not change what comes of it.
 *
 * A codec under test is wrapped into three functions that write what it says
 * into a trace: events as text, or the octets it puts out. cut_check runs it
 * over the input whole, then cut in two at every octet, then octet by octet,
 * and compares each trace with the one expected.
 *
 * Every time the codec is called its input lies in memory of its own, exactly
 * as long as it is, and the memory of the call before is gone: reading past
 * the end, or keeping a pointer into the input, is an error that the address
 * sanitizer sees.
 */
#ifndef POPINJAY_TESTS_CUT_H
#define POPINJAY_TESTS_CUT_H

#include "base/buf.h"
#include "base/span.h"

#define CUT_TRACE_MAX (1024 * 1024)

struct cut_subject {
    /* Makes the codec new. */
    void (*start)(void *context);

    /* Takes what it can off the front of |in|. What it leaves is there again
     * in the next call, with more behind it; |in| may be empty.
     */
    void (*feed)(void *context, struct span *in, struct buf *trace);

    /* The input is over, and |rest| was not taken. May be NULL: then nothing
     * may be left.
     */
    void (*finish)(void *context, struct span rest, struct buf *trace);

    void *context;
};

#define cut_check(subject, input, expected) \
    cut_check_at(subject, input, expected, __FILE__, __LINE__)

/* The same for string constants: NULs inside count, the last does not. */
#define cut_check_literal(subject, input, expected) \
    cut_check(subject, SPAN_LITERAL(input), SPAN_LITERAL(expected))

void cut_check_at(const struct cut_subject *subject, struct span input,
                  struct span expected, const char *file, int line);

#endif
