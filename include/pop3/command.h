/* command.h - one POP3 line in, one command out.
 *
 * Source: RFC 1939 §3, §5, §7; RFC 2449 §3-5; RFC 2595 §4; RFC 5034 §4.
 * Reading is lenient where old devices are not exact (CONFORMANCE POP-3):
 * repeated and trailing spaces are dropped, PASS excepted (POP-30).
 * Memory: none. The spans borrow from the line.
 */
#ifndef POPINJAY_POP3_COMMAND_H
#define POPINJAY_POP3_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/span.h"

enum pop3_verb {
    POP3_USER,
    POP3_PASS,
    POP3_AUTH,
    POP3_APOP,
    POP3_CAPA,
    POP3_STLS,
    POP3_STAT,
    POP3_LIST,
    POP3_RETR,
    POP3_DELE,
    POP3_NOOP,
    POP3_RSET,
    POP3_TOP,
    POP3_UIDL,
    POP3_QUIT,
    POP3_UNKNOWN, /* no such command, or one that is not offered */
    POP3_VERB_COUNT,
};

#define POP3_ARGUMENTS_MAX 2

struct pop3_command {
    enum pop3_verb verb;
    /* All behind the keyword and one space. Of PASS as it came, and its data
     * NULL where not even the space did; else without the spaces around it.
     */
    struct span rest;
    unsigned arguments; /* how many words follow; may exceed the array */
    struct span argument[POP3_ARGUMENTS_MAX];
};

/* Splits |line| (no line end in it). The keyword is compared without case.
 * Never fails: what is not a command is POP3_UNKNOWN. How many arguments are
 * right is the verb's business: see pop3_command_has_arguments.
 */
void pop3_command_parse(struct span line, struct pop3_command *command);

/* Does the number of arguments fit the verb? PASS takes any rest, also an
 * empty one behind its space; USER takes one word or more (names may hold
 * spaces: the rest is the name). Anything fits POP3_UNKNOWN.
 */
bool pop3_command_has_arguments(const struct pop3_command *command);

/* A message number, 1 and up, or a line count, 0 and up. What does not fit
 * 32 bits is false for a message number and UINT32_MAX for a line count.
 */
MUST_CHECK bool pop3_argument_message(struct span word, uint32_t *number);
MUST_CHECK bool pop3_argument_lines(struct span word, uint32_t *lines);

/* The keyword in capitals, for logs and tests. */
const char *pop3_verb_name(enum pop3_verb verb);

#endif
