/* command_line.h - what the operator asked for.
 *
 * The contract: deploy/docs/command-line.md.
 */
#ifndef POPINJAY_CLI_COMMAND_LINE_H
#define POPINJAY_CLI_COMMAND_LINE_H

#include <sys/types.h>

#include "base/attributes.h"

/* Where the configuration is that nobody names. */
#define USUAL_CONFIG "/etc/popinjay/proxy.conf"

/* A mistake in the command line or in the configuration. */
#define EXIT_MISTAKE 2

enum command {
    COMMAND_SERVE,
    COMMAND_CHECK,
    COMMAND_PROBE,
    COMMAND_STATUS,
    COMMAND_ACCOUNT, /* what follows is cli/account_options.h's */
    COMMAND_OAUTH,   /* the rest of the line is cli/oauth.h's */
    COMMAND_VERSION,
    COMMAND_HELP,
    COMMAND_WRONG, /* what is wrong has been said */
};

struct command_line {
    enum command command;
    const char *config;   /* the usual place where none is given, and one may be
                           left out */
    pid_t replaces;       /* SERVE: in the place of that process; 0: none */
    const char *user;     /* PROBE: who logs in; NULL: nobody */
    const char *upstream; /* PROBE: NAME of it; NULL: the first one */
    const char *url; /* STATUS: whom to ask; NULL: as the configuration says
                         */
};

/* Borrows from |argv|. */
MUST_CHECK struct command_line command_line_parse(int argc, char **argv);

extern const char command_line_usage[];

/* PROBE, STATUS: the exit code. */
MUST_CHECK int command_line_probe(const struct command_line *line,
                                  const char *version);
MUST_CHECK int command_line_status(const struct command_line *line);

#endif
