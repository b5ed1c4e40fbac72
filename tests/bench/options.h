/* options.h - what the programs of the benchmark have in common in their
 * command lines, and how they give up.
 */
#ifndef POPINJAY_TESTS_BENCH_OPTIONS_H
#define POPINJAY_TESTS_BENCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>

#include "base/attributes.h"

#define EXIT_FAILED 1
#define EXIT_USAGE 2

/* Says why on stderr and ends the process. */
noreturn void die(int code, const char *text, ...) PRINTF_LIKE(2, 3);

/* A descriptor a connection: 10,000 are more than most shells allow. */
void raise_open_files(void);

/* A whole number from |min| to |max|, or the process ends. */
uint64_t option_number(const char *name, const char *text, uint64_t min,
                       uint64_t max);

/* The index of |text| in |names|, which ends with NULL, or the process ends. */
unsigned option_choice(const char *name, const char *text,
                       const char *const *names);

/* "none" or "implicit". */
bool option_tls(const char *text);

/* Ends the process where |value| was not given. */
void option_require(const char *name, const void *value);

#endif
