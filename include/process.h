/* process.h - what the process asks of the system, once, before it serves. */
#ifndef POPINJAY_PROCESS_H
#define POPINJAY_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/attributes.h"

/* What is to be standard input, output or error, and is closed, is /dev/null: no
 * file or socket of ours takes its place. Nothing can be written there.
 */
void process_fill_standard_files(void);

/* No SIGPIPE: a peer that has gone is an error code. No core dumps: they would
 * hold passwords and mail. As many open files as the system permits.
 */
void process_prepare(void);

/* Whether |text| is the number of a process whose program is called |name|. */
MUST_CHECK bool process_find(const char *text, const char *name, pid_t *pid);

/* Becomes |user| with its groups, for good, if the process runs as root;
 * otherwise, or with NULL, does nothing. Call it while there is one thread.
 * On failure |error| says why, and the process must end.
 */
MUST_CHECK bool process_become(const char *user, char *error,
                               size_t error_size);

#endif
