#include "cli/oauth.h"

#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "access/access_rules.h"
#include "access/http_client.h"
#include "access/token_state.h"
#include "access/token_store.h"
#include "base/limits.h"
#include "cli/command_line.h"
#include "cli/oauth_login.h"
#include "cli/prompt.h"
#include "process.h"

#define ERROR_MAX 2048
#define USER_NAME_MAX 256
#define LOCK_TRIES 100
#define LOCK_RETRY_US 100000

#define SYNOPSIS                                                      \
    "usage: popinjay oauth login NAME [-c FILE] [--source SOURCE]\n"  \
    "       popinjay oauth import NAME [-c FILE] [--source SOURCE]\n" \
    "       popinjay oauth remove NAME [-c FILE] [--source SOURCE]\n" \
    "       popinjay oauth list [-c FILE]\n"

static const char usage[] = SYNOPSIS
    "\n"
    "Keeps what it takes to read the mail of accounts that name [oauth "
    "SOURCE].\n"
    "NAME is that of the account in accounts.conf.\n"
    "\n"
    "  login    say where to agree, wait until somebody has, keep the token\n"
    "  import   keep a refresh token that is there already: it is asked for,\n"
    "           or read from standard input\n"
    "  remove   forget it; the provider still knows it\n"
    "  list     what is kept\n"
    "\n"
    "      --source SOURCE  of [oauth SOURCE]; else the one the account "
    "names\n";

/* --- options --- */

static struct oauth_options show_usage(void)
{
    (void)fputs(SYNOPSIS "popinjay oauth --help tells more\n", stderr);
    return (struct oauth_options){ .action = OAUTH_WRONG };
}

static struct oauth_options wrong(const char *what, const char *which)
{
    (void)fprintf(stderr, "popinjay: %s%s\n", what, which);
    return show_usage();
}

static struct oauth_options take_words(struct oauth_options o, char **words,
                                       int count)
{
    static const char *const actions[] = {
        [OAUTH_LOGIN] = "login",
        [OAUTH_IMPORT] = "import",
        [OAUTH_LIST] = "list",
        [OAUTH_REMOVE] = "remove",
    };
    int most;

    o.action = OAUTH_WRONG;
    for (unsigned i = 0; count > 0 && i < ARRAY_LENGTH(actions); i++)
        if (strcmp(words[0], actions[i]) == 0)
            o.action = (enum oauth_action)i;
    if (o.action == OAUTH_WRONG)
        return wrong("login, import, remove or list? ",
                     count > 0 ? words[0] : "");
    most = o.action == OAUTH_LIST ? 1 : 2;
    if (count > most)
        return wrong("one word too many: ", words[most]);
    if (count < most)
        return wrong("whose? NAME is missing", "");
    o.name = words[1];
    return o;
}

struct oauth_options oauth_options_parse(int argc, char **argv)
{
    static const struct option options[] = {
        { "config", required_argument, NULL, 'c' },
        { "source", required_argument, NULL, 's' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    struct oauth_options o = { .config = USUAL_CONFIG };
    int c;

    while ((c = getopt_long(argc, argv, "c:s:h", options, NULL)) != -1) {
        switch (c) {
        case 'c':
            o.config = optarg;
            break;
        case 's':
            o.source = optarg;
            break;
        case 'h':
            return (struct oauth_options){ .action = OAUTH_HELP };
        default: /* getopt has said what is wrong */
            return show_usage();
        }
    }
    return take_words(o, argv + optind, argc - optind);
}

/* --- what the configuration says --- */

/* All that the actions have in common. */
struct keeping {
    const struct oauth_options *options;
    struct config *config;
    struct access_rules *rules;
    struct token_sources *sources;
    struct token_store *store;
    const struct token_source *source;
    struct token_owner owner;
};

static bool complain(const char *why)
{
    (void)fprintf(stderr, "%s\n", why);
    return false;
}

/* A problem of a file is told with the line that names it. */
static bool complain_of(const struct keeping *k, const char *problem)
{
    char error[ERROR_MAX];

    config_locate(k->config, k->options->config, problem, error, sizeof(error));
    return complain(error);
}

/* The state directory's owner may make of what lies in it what he likes, so
 * nothing is written there as root; and what is new in it is to be his.
 */
static bool become_owner(const char *folder, char *error, size_t error_size)
{
    char name[USER_NAME_MAX];
    const struct passwd *owner;
    struct stat there;

    if (geteuid() != 0 || stat(folder, &there) != 0)
        return true; /* the store says what is wrong */
    owner = getpwuid(there.st_uid);
    if (owner == NULL) {
        (void)snprintf(error, error_size, "%s: its owner, %u, is no user",
                       folder, (unsigned)there.st_uid);
        return false;
    }
    (void)snprintf(name, sizeof(name), "%s", owner->pw_name);
    return process_become(name, error, error_size);
}

static bool read_all(struct keeping *k)
{
    char error[ERROR_MAX];

    k->config = config_load(k->options->config, error, sizeof(error));
    if (k->config == NULL)
        return complain(error);
    k->rules = access_rules_read(k->config, error, sizeof(error));
    if (k->rules == NULL)
        return complain_of(k, error);
    k->sources = token_sources_new(k->config, error, sizeof(error));
    if (k->sources == NULL)
        return complain_of(k, error);
    if (buf_length(&k->rules->key) == 0)
        return complain("popinjay: [accounts] key_file is missing: there is "
                        "nothing to seal tokens with");
    if (become_owner(k->config->state_directory, error, sizeof(error)))
        k->store =
            token_store_open(k->config->state_directory,
                             buf_span(&k->rules->key), error, sizeof(error));
    if (k->store != NULL)
        return true;
    (void)fprintf(stderr,
                  "popinjay: [server] state_directory: %s; it is to be a "
                  "folder of the user that popinjay runs as\n",
                  error);
    return false;
}

static bool find_source(struct keeping *k)
{
    const struct oauth_options *o = k->options;
    const struct account *account = NULL;
    const char *name = o->source;

    if (k->rules->accounts != NULL)
        account = accounts_find(k->rules->accounts, span_from_string(o->name));
    if (name == NULL && account != NULL)
        name = account->oauth;
    if (name == NULL) {
        (void)fprintf(stderr,
                      "popinjay: no account %s names a source of tokens "
                      "(oauth = SOURCE), and there is no --source\n",
                      o->name);
        return false;
    }
    k->source = token_sources_find(k->sources, name);
    if (k->source == NULL) {
        (void)fprintf(stderr, "%s: there is no [oauth %s]\n", o->config, name);
        return false;
    }
    k->owner = (struct token_owner){ name, o->name };
    if (o->action == OAUTH_REMOVE ||
        k->source->config->grant == OAUTH_REFRESH_TOKEN)
        return true;
    (void)fprintf(stderr,
                  "popinjay: [oauth %s] has no grant = refresh_token: nobody "
                  "has to agree\n",
                  name);
    return false;
}

/* --- actions --- */

/* The process that serves may be in the midst of a renewal. */
static bool lock(struct keeping *k)
{
    for (unsigned i = 0; i < LOCK_TRIES; i++) {
        if (token_store_try_lock(k->store, &k->owner))
            return true;
        (void)usleep(LOCK_RETRY_US);
    }
    return complain("popinjay: another process has the token");
}

static bool keep(struct keeping *k, const struct oauth_token *token)
{
    struct token_record record = {
        .refresh = token->refresh,
        .access = token->access,
        .obtained_s = (uint64_t)time(NULL),
        .lifetime_s = token->lifetime_s,
    };
    enum token_store_status status;

    if (!token_source_mark(k->source, record.granted_by))
        return complain("popinjay: no memory");
    if (!lock(k))
        return false;
    status = token_store_save(k->store, &k->owner, &record);
    token_store_unlock(k->store, &k->owner);
    if (status != TOKEN_STORE_OK) {
        (void)fprintf(stderr, "popinjay: the token of %s %s\n",
                      k->owner.account, token_store_problem(status));
        return false;
    }
    (void)printf("Kept. Logins of %s use it from now on.\n", k->owner.account);
    return true;
}

static bool log_in(struct keeping *k)
{
    struct oauth_token token;
    bool good;

    if (!http_client_prepare_process())
        return complain("popinjay: no memory");
    if (!oauth_login_run(k->source, &token))
        return false;
    good = token.refresh != NULL;
    if (!good)
        (void)complain("popinjay: the provider gave no refresh token: its "
                       "scope may have to name offline_access");
    good = good && keep(k, &token);
    oauth_token_fini(&token);
    return good;
}

static bool import(struct keeping *k)
{
    struct oauth_token token = { .access = NULL };
    struct oauth_token printed;
    struct buf line;
    bool good;

    buf_init(&line, OAUTH_TOKEN_MAX);
    good = prompt_password("Refresh token: ", &line) &&
           oauth_printed_parse(buf_span(&line), &printed) == OAUTH_OK;
    buf_fini(&line);
    if (!good)
        return complain("popinjay: a refresh token is one line of visible "
                        "letters");
    token.refresh = printed.access;
    good = keep(k, &token);
    oauth_token_fini(&printed);
    return good;
}

static bool forget(struct keeping *k)
{
    enum token_store_status status;

    if (!lock(k))
        return false;
    status = token_store_remove(k->store, &k->owner);
    token_store_unlock(k->store, &k->owner);
    if (status == TOKEN_STORE_OK)
        return true;
    (void)fprintf(stderr, "popinjay: the token of %s %s\n", k->owner.account,
                  token_store_problem(status));
    return false;
}

/* A section that is gone grants nothing, nor does it send anything. */
static bool is_of_another(const struct keeping *k, const char *source,
                          const struct token_record *record)
{
    const struct token_source *s = token_sources_find(k->sources, source);
    char mark[TOKEN_MARK_SIZE];

    return s != NULL && token_source_mark(s, mark) &&
           strcmp(mark, record->granted_by) != 0;
}

static void print_one(void *keeping, const struct token_owner *whose)
{
    struct keeping *k = keeping;
    struct token_record record;
    enum token_store_status status = token_store_load(k->store, whose, &record);
    uint64_t left_s = 0;

    if (status == TOKEN_STORE_OK)
        left_s = token_lifetime_left(record.obtained_s, record.lifetime_s,
                                     (uint64_t)time(NULL));
    (void)printf("%-16s %-32s ", whose->source, whose->account);
    if (status != TOKEN_STORE_OK)
        (void)printf("%s\n", token_store_problem(status));
    else if (is_of_another(k, whose->source, &record))
        (void)printf("granted by another provider or client: popinjay oauth "
                     "login\n");
    else if (left_s > 0)
        (void)printf("access for %llu s\n", (unsigned long long)left_s);
    else
        (void)printf("to be renewed\n");
    if (status == TOKEN_STORE_OK)
        token_record_fini(&record);
}

static bool act(struct keeping *k)
{
    if (!read_all(k))
        return false;
    if (k->options->action == OAUTH_LIST)
        return token_store_list(k->store, print_one, k) ||
               complain("popinjay: the folder of tokens cannot be read");
    if (!find_source(k))
        return false;
    if (k->options->action == OAUTH_REMOVE)
        return forget(k);
    return k->options->action == OAUTH_LOGIN ? log_in(k) : import(k);
}

int oauth_run(const struct oauth_options *options)
{
    struct keeping k = { .options = options };
    bool good;

    if (options->action == OAUTH_HELP) {
        (void)fputs(usage, stdout);
        return EXIT_SUCCESS;
    }
    if (options->action == OAUTH_WRONG)
        return EXIT_MISTAKE;
    good = act(&k);
    token_store_free(k.store);
    token_sources_release(k.sources);
    access_rules_free(k.rules);
    config_free(k.config);
    if (good)
        return EXIT_SUCCESS;
    return k.store == NULL ? EXIT_MISTAKE : EXIT_FAILURE;
}
