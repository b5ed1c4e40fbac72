#include "cli/account.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access/account_file.h"
#include "access/account_text.h"
#include "access/secret_key.h"
#include "base/limits.h"
#include "cli/account_parts.h"
#include "cli/command_line.h"

#define ERROR_MAX 2048
#define PROOFS_MAX 64

/* All that the actions have in common. */
struct editing {
    const struct account_options *options;
    const struct config *config;
    struct buf key;
    struct accounts *accounts;    /* as they stand; NULL: no file yet */
    const struct account *before; /* NULL: there is none of that name */
    struct account_secrets secrets;
};

static bool complain(const char *why)
{
    (void)fprintf(stderr, "%s\n", why);
    return false;
}

/* --- the file --- */

/* A new file is for the user who is to read it. */
static void find_owner(const struct config *config, uid_t *owner, gid_t *group)
{
    const struct passwd *entry = NULL;

    if (config->user != NULL && geteuid() == 0)
        entry = getpwnam(config->user);
    *owner = entry != NULL ? entry->pw_uid : geteuid();
    *group = entry != NULL ? entry->pw_gid : getegid();
}

static bool set(struct buf *text, const char *name, const char *key,
                const struct buf *value)
{
    struct buf words;
    bool done;

    if (buf_length(value) == 0)
        return true;
    buf_init(&words, value->max + 1);
    (void)buf_append(&words, buf_span(value));
    done =
        buf_append_octet(&words, '\0') &&
        account_text_set(text, name, key, (const char *)buf_span(&words).data);
    buf_fini(&words);
    return done;
}

static bool set_secrets(struct buf *text, const struct editing *e)
{
    const char *name = e->options->name;

    return set(text, name, "password", &e->secrets.hash) &&
           set(text, name, "scram_sha_256", &e->secrets.scram) &&
           set(text, name, "recoverable_password", &e->secrets.recoverable) &&
           set(text, name, "secret", &e->secrets.secret);
}

static bool set_values(struct buf *text, const struct account_options *o)
{
    for (unsigned i = 0; i < ACCOUNT_SET_COUNT; i++)
        if (o->value[i] != NULL &&
            !account_text_set(text, o->name,
                              account_setting_key((enum account_setting)i),
                              o->value[i]))
            return false;
    return true;
}

/* It may have been edited since it was read. */
static const char *change(struct buf *text, const struct editing *e)
{
    static const char no_memory[] = "popinjay: out of memory";
    const char *name = e->options->name;
    bool is_there = account_text_has(buf_span(text), name);

    if (e->options->action == ACCOUNT_ADD ? is_there : !is_there)
        return "popinjay: somebody else has just changed this account";
    if (e->options->action == ACCOUNT_REMOVE)
        return account_text_remove(text, name) ? NULL : no_memory;
    if (!is_there && !account_text_add(text, name))
        return no_memory;
    return set_values(text, e->options) && set_secrets(text, e) ? NULL
                                                                : no_memory;
}

static bool save(const struct editing *e)
{
    struct account_file file;
    char error[ERROR_MAX];
    const char *problem;
    uid_t owner;
    gid_t group;
    bool saved;

    find_owner(e->config, &owner, &group);
    if (!account_file_open(&file, e->config->accounts_file, owner, group, error,
                           sizeof(error)))
        return complain(error);
    problem = change(&file.text, e);
    saved = problem == NULL
                ? account_file_save(&file, e->config, buf_span(&e->key), error,
                                    sizeof(error)) ||
                      complain(error)
                : complain(problem);
    account_file_close(&file);
    return saved;
}

/* --- actions --- */

static void tell_how_to_reload(void)
{
    (void)fputs(
        "popinjay: done; it is taken up within a minute, or at once by: "
        "systemctl reload popinjay\n",
        stderr);
}

/* Another account of that name would go by what the one before was granted. */
static void tell_what_is_left(const struct editing *e)
{
    const struct config *config = e->config;
    const char *source = e->before->oauth;

    for (size_t i = 0; source != NULL && i < config->oauth_count; i++)
        if (strcmp(config->oauths[i].name, source) == 0 &&
            config->oauths[i].grant == OAUTH_REFRESH_TOKEN)
            (void)fprintf(stderr,
                          "popinjay: what its owner has agreed to may still be "
                          "kept; forget it by: popinjay\noauth remove %s "
                          "--source %s\n",
                          e->options->name, source);
}

/* Nobody else knows it. */
static bool print_password(const struct editing *e)
{
    const struct buf *password = &e->secrets.password;

    if (printf("%.*s\n", (int)buf_length(password),
               (const char *)buf_span(password).data) > 0 &&
        fflush(stdout) == 0)
        return true;
    (void)fprintf(stderr,
                  "popinjay: done, but the password could not be printed: %s; "
                  "make another one by:\npopinjay account passwd %s "
                  "--generate\n",
                  strerror(errno), e->options->name);
    return false;
}

static int edit(struct editing *e)
{
    if ((e->options->action == ACCOUNT_ADD ||
         e->options->action == ACCOUNT_PASSWD) &&
        !account_secrets_ask(&e->secrets, e->options, e->before,
                             buf_span(&e->key)))
        return EXIT_FAILURE;
    if (!save(e))
        return EXIT_FAILURE;
    if (e->options->generates && !print_password(e))
        return EXIT_FAILURE;
    if (e->options->action == ACCOUNT_REMOVE)
        tell_what_is_left(e);
    tell_how_to_reload();
    return EXIT_SUCCESS;
}

static const char *or_dash(const char *text)
{
    return text != NULL ? text : "-";
}

static const char *secret_of(const struct account *a)
{
    enum secret_box_kind kind;

    if (a->oauth != NULL)
        return "oauth";
    if (a->secret == NULL)
        return "passed-on";
    return secret_box_kind_of(span_from_string(a->secret), &kind) &&
                   kind == SECRET_BOX_BY_PASSWORD
               ? "by-password"
               : "by-key";
}

/* "password,scram" */
static const char *proofs_of(const struct account *a, char *text, size_t size)
{
    (void)snprintf(text, size, "%s%s%s", a->password != NULL ? ",password" : "",
                   a->scram != NULL ? ",scram" : "",
                   a->recoverable_password != NULL ? ",recoverable" : "");
    return text[0] != '\0' ? text + 1 : "none";
}

/* Columns for people, words for scripts: one account a line, no blank in any
 * field but the last ones. What proves the device, where its secret comes from,
 * who it is upstream.
 */
static int list(const struct editing *e)
{
    size_t count = e->accounts != NULL ? e->accounts->count : 0;
    char proofs[PROOFS_MAX];

    if (count > 0)
        (void)printf("%-24s %-26s %-12s %-12s %s\n", "ACCOUNT", "PROOF",
                     "SECRET", "UPSTREAM", "USER");
    for (size_t i = 0; i < count; i++) {
        const struct account *a = &e->accounts->at[i];

        (void)printf("%-24s %-26s %-12s %-12s %s\n", a->name,
                     proofs_of(a, proofs, sizeof(proofs)), secret_of(a),
                     or_dash(a->upstream), a->user != NULL ? a->user : a->name);
    }
    return EXIT_SUCCESS;
}

static int act(struct editing *e)
{
    const struct account_options *o = e->options;

    if (o->name != NULL)
        e->before = accounts_find(e->accounts, span_from_string(o->name));
    if (o->action == ACCOUNT_LIST)
        return list(e);
    if ((o->action == ACCOUNT_ADD) == (e->before != NULL)) {
        (void)fprintf(stderr,
                      "popinjay: there is %s account of that name: %s\n",
                      e->before != NULL ? "already an" : "no", o->name);
        return EXIT_FAILURE;
    }
    return edit(e);
}

static bool read_all(struct editing *e)
{
    const char *path = e->config->accounts_file;
    char error[ERROR_MAX];

    if (path == NULL)
        return complain("popinjay: the configuration names no file of "
                        "accounts: [accounts] file");
    if (!secret_key_read(e->config->accounts_key_file, &e->key, error,
                         sizeof(error)))
        return complain(error);
    if (access(path, F_OK) != 0)
        return true;
    e->accounts = accounts_read(path, error, sizeof(error));
    return e->accounts != NULL || complain(error);
}

static int run_with(const struct account_options *options,
                    const struct config *config)
{
    struct editing e = { .options = options, .config = config };
    int code = EXIT_MISTAKE;

    buf_init(&e.key, SECRET_KEY_MAX);
    account_secrets_init(&e.secrets);
    if (read_all(&e))
        code = act(&e);
    account_secrets_fini(&e.secrets);
    buf_fini(&e.key);
    accounts_free(e.accounts);
    return code;
}

int account_run(const struct account_options *options)
{
    char error[ERROR_MAX];
    struct config *config;
    int code;

    if (options->action == ACCOUNT_WRONG)
        return EXIT_MISTAKE;
    if (options->action == ACCOUNT_HELP) {
        (void)fputs(account_options_usage, stdout);
        return EXIT_SUCCESS;
    }
    config =
        config_load(options->config != NULL ? options->config : USUAL_CONFIG,
                    error, sizeof(error));
    if (config == NULL) {
        (void)complain(error);
        return EXIT_MISTAKE;
    }
    code = run_with(options, config);
    config_free(config);
    return code;
}
