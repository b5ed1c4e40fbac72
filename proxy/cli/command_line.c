#include "cli/command_line.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "cli/probe.h"
#include "cli/prompt.h"
#include "cli/status.h"
#include "config.h"
#include "config_keys.h"
#include "pop3/sasl.h"
#include "process.h"

#define ERROR_MAX 2048
#define URL_MAX 512

#define SYNOPSIS                                                  \
    "usage: popinjay -c FILE [--replace PID]\n"                   \
    "       popinjay [-c FILE] --check\n"                         \
    "       popinjay probe [-c FILE] [--user NAME] [UPSTREAM]\n"  \
    "       popinjay status [-c FILE | URL]\n"                    \
    "       popinjay account | oauth COMMAND, see their --help\n" \
    "       popinjay --version | --help\n"

/* One screen: 24 lines of 80. */
const char command_line_usage[] = SYNOPSIS
    "\n"
    "Serves POP3 to clients whose mail lies on an IMAP server.\n"
    "\n"
    "  -c, --config FILE  the configuration; all but serving have a default:\n"
    "                     " USUAL_CONFIG "\n"
    "      --check        say what is wrong with it, and end\n"
    "      --replace PID  serve in the place of that process, which drains\n"
    "  -h, --help         say this, and end; --version: which version it is\n"
    "\n"
    "  probe              connect to the IMAP server, the first one or that "
    "of\n"
    "                     [upstream UPSTREAM], say what it is like; change "
    "nothing\n"
    "  -u, --user NAME    ask for the password, log in, list INBOX\n"
    "  status             ask the running popinjay how it is; URL is such as\n"
    "                     http://127.0.0.1:8110\n"
    "  account, oauth     names and passwords of devices, tokens; see --help\n"
    "exit: 0 all is well; 1 it failed, or does not serve; 2 a mistake. SIGHUP\n"
    "reads the configuration anew, SIGTERM ends when the sessions have.\n";

/* --- parsing --- */

static struct command_line show_usage(void)
{
    (void)fputs(SYNOPSIS "popinjay --help tells more\n", stderr);
    return (struct command_line){ .command = COMMAND_WRONG };
}

static struct command_line wrong(const char *what, const char *which)
{
    (void)fprintf(stderr, "popinjay: %s%s\n", what, which);
    return show_usage();
}

/* Words that are no options: a command, and what belongs to it. */
static struct command_line take_words(struct command_line line, char **words,
                                      int count)
{
    if (count > 0 && line.command == COMMAND_SERVE) {
        if (strcmp(words[0], "probe") == 0)
            line.command = COMMAND_PROBE;
        else if (strcmp(words[0], "status") == 0)
            line.command = COMMAND_STATUS;
        else if (strcmp(words[0], "account") == 0)
            return wrong("account stands first: popinjay account", "");
        else
            return wrong("there is no command ", words[0]);
        words++;
        count--;
    }
    if (count > 0 && line.command == COMMAND_PROBE) {
        line.upstream = words[0];
        count--;
        words++;
    }
    if (count > 0 && line.command == COMMAND_STATUS) {
        line.url = words[0];
        count--;
        words++;
    }
    if (count > 0)
        return wrong("one word too many: ", words[0]);
    return line;
}

static struct command_line judge(struct command_line line)
{
    if (line.command == COMMAND_SERVE && line.config == NULL)
        return wrong("to serve it needs -c FILE", "");
    if (line.replaces != 0 && line.command != COMMAND_SERVE)
        return wrong("--replace belongs to serving", "");
    if (line.user != NULL && line.command != COMMAND_PROBE)
        return wrong("--user belongs to probe", "");
    if (line.url != NULL && line.config != NULL)
        return wrong("either -c FILE or a URL", "");
    if (line.config == NULL)
        line.config = USUAL_CONFIG;
    return line;
}

struct command_line command_line_parse(int argc, char **argv)
{
    static const struct option options[] = {
        { "config", required_argument, NULL, 'c' },
        { "check", no_argument, NULL, 'k' },
        { "replace", required_argument, NULL, 'r' },
        { "user", required_argument, NULL, 'u' },
        { "version", no_argument, NULL, 'V' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    struct command_line line = { .command = COMMAND_SERVE };
    int c;

    if (argc > 1 && strcmp(argv[1], "account") == 0)
        return (struct command_line){ .command = COMMAND_ACCOUNT };
    if (argc > 1 && strcmp(argv[1], "oauth") == 0)
        return (struct command_line){ .command = COMMAND_OAUTH };
    while ((c = getopt_long(argc, argv, "c:u:h", options, NULL)) != -1) {
        switch (c) {
        case 'c':
            line.config = optarg;
            break;
        case 'k':
            line.command = COMMAND_CHECK;
            break;
        case 'r':
            if (!process_find(optarg, "popinjay", &line.replaces))
                return wrong("no process of popinjay: --replace ", optarg);
            break;
        case 'u':
            line.user = optarg;
            break;
        case 'V':
            return (struct command_line){ .command = COMMAND_VERSION };
        case 'h':
            return (struct command_line){ .command = COMMAND_HELP };
        default: /* getopt has said what is wrong */
            return show_usage();
        }
    }
    line = take_words(line, argv + optind, argc - optind);
    return line.command == COMMAND_WRONG ? line : judge(line);
}

/* --- probe --- */

static bool ask_password(const char *user, struct credentials *credentials)
{
    char question[SASL_PART_MAX + 32];
    struct buf password;
    bool good;

    (void)snprintf(question, sizeof(question), "Password of %s: ", user);
    buf_init(&password, SASL_PART_MAX);
    good = prompt_password(question, &password) &&
           sasl_part_is_valid(buf_span(&password)) &&
           credentials_set_secret(credentials, SECRET_PASSWORD,
                                  buf_span(&password));
    buf_fini(&password);
    if (!good)
        (void)fputs("popinjay: a password is one line of 1 to 255 octets\n",
                    stderr);
    return good;
}

static int probe_as(const struct config *config,
                    const struct config_upstream *upstream, const char *version,
                    const char *user)
{
    struct credentials credentials;
    int code = EXIT_MISTAKE;

    credentials_init(&credentials);
    if (!sasl_part_is_valid(span_from_string(user)) ||
        !credentials_set_user(&credentials, span_from_string(user)))
        (void)fputs("popinjay: a name is 1 to 255 octets of UTF-8\n", stderr);
    else if (ask_password(user, &credentials))
        code = probe_run(config, upstream, version, &credentials);
    credentials_wipe(&credentials);
    return code;
}

static struct config *load(const char *path)
{
    char error[ERROR_MAX];
    struct config *config = config_load(path, error, sizeof(error));

    if (config == NULL)
        (void)fprintf(stderr, "%s\n", error);
    return config;
}

/* The first one where |name| is NULL; NULL: there is none of that name. */
static const struct config_upstream *find_upstream(const struct config *config,
                                                   const char *name)
{
    return name != NULL ? config_upstream_find(config, name)
                        : &config->upstreams[0];
}

int command_line_probe(const struct command_line *line, const char *version)
{
    struct config *config = load(line->config);
    const struct config_upstream *upstream;
    int code = EXIT_MISTAKE;

    if (config == NULL)
        return EXIT_MISTAKE;
    upstream = find_upstream(config, line->upstream);
    if (upstream == NULL)
        (void)fprintf(stderr, "%s: there is no [upstream %s]\n", line->config,
                      line->upstream);
    else if (line->user != NULL)
        code = probe_as(config, upstream, version, line->user);
    else
        code = probe_run(config, upstream, version, NULL);
    config_free(config);
    return code;
}

/* --- status --- */

/* `http://HOST:PORT/...`, as well without its begin and its end. The address is
 * read as any of the configuration.
 */
static int ask_url(const char *given)
{
    const struct config_key *key = config_key_find(CONFIG_UPSTREAM, "address");
    static const char scheme[] = "http://";
    struct config_upstream parsed = { .line = 0 };
    char address[URL_MAX];
    char why[URL_MAX + 100];
    const char *url = given;
    int code = EXIT_MISTAKE;

    if (strncmp(url, scheme, sizeof(scheme) - 1) == 0)
        url += sizeof(scheme) - 1;
    (void)snprintf(address, sizeof(address), "%.*s", (int)strcspn(url, "/"),
                   url);
    if (config_key_set(key, &parsed, address, why, sizeof(why)))
        code = status_run(parsed.addresses.at->host, parsed.addresses.at->port);
    else
        (void)fprintf(stderr,
                      "popinjay: a URL is such as http://127.0.0.1:8110, "
                      "is \"%s\"\n",
                      given);
    config_key_free(key, &parsed);
    return code;
}

int command_line_status(const struct command_line *line)
{
    struct config *config;
    int code = EXIT_MISTAKE;

    if (line->url != NULL)
        return ask_url(line->url);
    config = load(line->config);
    if (config == NULL)
        return EXIT_MISTAKE;
    if (config->has_status)
        code = status_run(config->status.host, config->status.port);
    else
        (void)fprintf(stderr,
                      "%s: there is no [status] section, so nobody answers\n",
                      line->config);
    config_free(config);
    return code;
}
