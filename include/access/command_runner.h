/* command_runner.h - a small process that runs the programs which print tokens,
 * since the one that serves has given up running any.
 *
 * It is begun as the user that serves, before that one is contained, and knows
 * the commands of the configuration as it was then: it is asked by the names of
 * a source and an account, and for nothing else. Each program has a process
 * group of its own, no input, a bare environment (PATH, POPINJAY_SOURCE,
 * POPINJAY_ACCOUNT), COMMAND_TIMEOUT_MS, and room for COMMAND_OUTPUT_MAX octets;
 * what it writes to standard error is thrown away. Once its output is closed it
 * ends within COMMAND_END_MS, or is killed. All end with the process that serves.
 *
 * A question and an answer are one packet each.
 */
#ifndef POPINJAY_ACCESS_COMMAND_RUNNER_H
#define POPINJAY_ACCESS_COMMAND_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/limits.h"
#include "config.h"

enum command_outcome {
    COMMAND_PRINTED,   /* and ended well */
    COMMAND_FAILED,    /* another exit code than 0, or a signal */
    COMMAND_TIMED_OUT, /* and was killed */
    COMMAND_TOO_LONG,  /* what it printed */
    COMMAND_ABSENT,    /* there is no such program, or it may not be run */
    COMMAND_UNKNOWN,   /* no such source when the runner began */
    COMMAND_BUSY,      /* COMMANDS_MAX run already, or there is no memory */
    COMMAND_GONE,      /* the runner */
};

/* "failed": for people. */
const char *command_outcome_text(enum command_outcome outcome);

struct command_question {
    uint64_t number;
    char source[COMMAND_NAME_MAX];
    char account[COMMAND_NAME_MAX];
};

struct command_answer {
    uint64_t number;
    uint32_t outcome; /* enum command_outcome */
    uint32_t length;
    unsigned char printed[COMMAND_OUTPUT_MAX];
};

/* Whether a command stands in |config|. */
bool command_runner_is_needed(const struct config *config);

/* Forks. |fd| is set to the end of the one that serves. While there is one
 * thread. On failure |error| says why.
 */
MUST_CHECK bool command_runner_start(const struct config *config, int *fd,
                                     char *error, size_t error_size);

#endif
