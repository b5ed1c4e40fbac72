/* fuzz.h - what the fuzz targets share.
 *
 * A target is one file fuzz_NAME.c with the function that libFuzzer calls. It
 * is linked with libFuzzer by `make fuzz`, and with replay.c, which runs the
 * inputs of tests/fuzz/corpus/NAME/ under any compiler, everywhere else.
 *
 * Each target states a property and aborts where an input breaks it: two ways
 * to the same result agree, what is written reads back as it was, a promise
 * of a header holds. That nothing crashes is seen by the sanitizers.
 */
#ifndef POPINJAY_TESTS_FUZZ_H
#define POPINJAY_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/span.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stays on in every build: it is the test. */
#define REQUIRE(condition) \
    ((condition) ? (void)0 : fuzz_fail(#condition, __FILE__, __LINE__))

_Noreturn void fuzz_fail(const char *what, const char *file, int line);

/* What a trace of events may grow to; more is a failure. */
#define FUZZ_TRACE_MAX (64 * 1024 * 1024)

/* A copy in memory of its own, exactly as long as it is, so that the address
 * sanitizer sees what is read beyond it or kept of it. To be given back with
 * fuzz_drop.
 */
MUST_CHECK struct span fuzz_copy(struct span s);
void fuzz_drop(struct span copy);

/* Values off the front of |in|; what is not there is 0. */
unsigned fuzz_take_octet(struct span *in);
uint64_t fuzz_take_number(struct span *in, size_t octets);

/* At most |n| octets. */
struct span fuzz_take(struct span *in, size_t n);

/* The next piece of |wire|: as long as |lengths| says in turn (0 stands for
 * 256), or all that is left where |lengths| is empty. |turn| counts.
 */
struct span fuzz_take_piece(struct span *wire, struct span lengths,
                            size_t *turn);

/* ` 123`: for traces. */
void fuzz_trace_number(struct buf *trace, uint64_t number);

/* With FUZZ_SHOW in the environment: a line of what goes on, to read a failing
 * input by. |number| and |s| are shown as they are, |s| escaped.
 */
void fuzz_show(const char *what, unsigned number, struct span s);

/* Does |part| occur in |s|? Nothing occurs nowhere: an empty |part| does not.
 */
bool fuzz_contains(struct span s, struct span part);

#endif
