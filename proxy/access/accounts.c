#include "access/accounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "config_file.h"
#include "config_keys.h"

#define SECTION "account "
#define WHY_MAX 512

/* --- keys --- */

#define TEXT(name, field)                                     \
    {                                                         \
        CONFIG_SECTION_COUNT, name, CONFIG_TEXT,              \
            offsetof(struct account, field), NULL, 0, 0, NULL \
    }

/* Their kinds and places, as those of proxy.conf. */
static const struct config_key keys[] = {
    TEXT("password", password),
    TEXT("scram_sha_256", scram),
    TEXT("recoverable_password", recoverable_password),
    { CONFIG_SECTION_COUNT, "networks", CONFIG_NETWORKS,
      offsetof(struct account, networks), NULL, 0, 0, NULL },
    TEXT("listeners", listeners),
    TEXT("upstream", upstream),
    TEXT("user", user),
    TEXT("identity", identity),
    TEXT("secret", secret),
    TEXT("oauth", oauth),
    TEXT("policy", policy),
    TEXT("mailboxes", mailboxes),
};

static const struct config_key *find_key(const char *name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(keys); i++)
        if (strcmp(keys[i].name, name) == 0)
            return &keys[i];
    return NULL;
}

/* Sealed, it may be longer than a line: its lines are put together. */
static bool is_in_pieces(const struct config_key *key)
{
    return key->offset == offsetof(struct account, secret) ||
           key->offset == offsetof(struct account, recoverable_password);
}

/* --- reading --- */

struct reading {
    struct accounts *accounts;
    unsigned seen[ARRAY_LENGTH(keys)]; /* lines of the section at hand */
    unsigned line;
    char why[WHY_MAX];
};

static bool wrong(struct reading *r, unsigned line, const char *format, ...)
    PRINTF_LIKE(3, 4);

static bool wrong(struct reading *r, unsigned line, const char *format, ...)
{
    va_list args;

    r->line = line;
    va_start(args, format);
    (void)vsnprintf(r->why, sizeof(r->why), format, args);
    va_end(args);
    return false;
}

/* What would not be found again in brackets, or is taken for a comment there;
 * the rest of what a name may hold is that of any login.
 */
bool account_name_is_valid(struct span name)
{
    if (name.len == 0 || name.len > ACCOUNT_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (name.data[i] <= ' ' || name.data[i] == 0x7f ||
            memchr("[];#\"", name.data[i], 5) != NULL)
            return false;
    return true;
}

static bool begin_section(void *data, const char *words, unsigned line)
{
    struct reading *r = data;
    struct accounts *a = r->accounts;
    const char *name = words + sizeof(SECTION) - 1;
    struct account *more;

    if (strncmp(words, SECTION, sizeof(SECTION) - 1) != 0)
        return wrong(r, line, "there is no section [%s], only [account NAME]",
                     words);
    name += strspn(name, " ");
    if (!account_name_is_valid(span_from_string(name)))
        return wrong(r, line,
                     "[account NAME]: NAME must be 1 to %d octets without "
                     "blanks, quotes, brackets, ; and #, is \"%s\"",
                     ACCOUNT_NAME_MAX, name);
    if (a->count == ACCOUNTS_MAX)
        return wrong(r, line, "there are more than %d accounts", ACCOUNTS_MAX);
    more = reallocarray(a->at, a->count + 1, sizeof(*more));
    if (more == NULL)
        return wrong(r, line, "out of memory");
    a->at = more;
    a->at[a->count] = (struct account){ .name = strdup(name), .line = line };
    if (a->at[a->count++].name == NULL)
        return wrong(r, line, "out of memory");
    memset(r->seen, 0, sizeof(r->seen));
    return true;
}

static bool append(char **text, const char *piece)
{
    char *whole = NULL;

    if (*text == NULL)
        return (*text = strdup(piece)) != NULL;
    if (asprintf(&whole, "%s%s", *text, piece) < 0)
        return false;
    free(*text);
    *text = whole;
    return true;
}

static bool take_piece(struct reading *r, const struct config_key *key,
                       struct account *account, const char *value,
                       unsigned line)
{
    char **text = (void *)((char *)account + key->offset);

    if (*text != NULL && strlen(*text) + strlen(value) > 2 * SECRET_MAX)
        return wrong(r, line, "[account %s] %s: is too long", account->name,
                     key->name);
    return append(text, value) || wrong(r, line, "out of memory");
}

static bool take_key(void *data, const char *name, const char *value,
                     unsigned line)
{
    struct reading *r = data;
    const struct config_key *key = find_key(name);
    struct account *account;
    char why[WHY_MAX / 2];
    unsigned *seen;

    if (r->accounts->count == 0)
        return wrong(r, line, "%s stands before the first [account NAME]",
                     name);
    account = &r->accounts->at[r->accounts->count - 1];
    if (key == NULL)
        return wrong(r, line, "[account %s] %s: there is no such key",
                     account->name, name);
    seen = &r->seen[key - keys];
    if (*seen != 0 && !is_in_pieces(key) && !config_key_is_list(key))
        return wrong(r, line, "[account %s] %s: stands at line %u already",
                     account->name, name, *seen);
    *seen = line;
    if (is_in_pieces(key))
        return take_piece(r, key, account, value, line);
    if (!config_key_set(key, account, value, why, sizeof(why)))
        return wrong(r, line, "[account %s] %s: %s", account->name, name, why);
    return true;
}

/* --- the table --- */

static int compare(const void *a, const void *b)
{
    const struct account *one = a;
    const struct account *other = b;
    int by_name = strcmp(one->name, other->name);

    if (by_name != 0)
        return by_name;
    return one->line < other->line ? -1 : one->line > other->line;
}

static bool sort(struct reading *r)
{
    struct accounts *a = r->accounts;

    if (a->count > 0)
        qsort(a->at, a->count, sizeof(*a->at), compare);
    for (size_t i = 1; i < a->count; i++)
        if (strcmp(a->at[i - 1].name, a->at[i].name) == 0)
            return wrong(r, a->at[i].line,
                         "[account %s] stands at line %u already",
                         a->at[i].name, a->at[i - 1].line);
    return true;
}

/* The name of a span that has no NUL. */
static int compare_name(const void *name, const void *account)
{
    const struct span *wanted = name;
    struct span found =
        span_from_string(((const struct account *)account)->name);
    size_t shorter = wanted->len < found.len ? wanted->len : found.len;
    int order = shorter == 0 ? 0 : memcmp(wanted->data, found.data, shorter);

    if (order != 0)
        return order;
    return wanted->len < found.len ? -1 : wanted->len > found.len;
}

const struct account *accounts_find(const struct accounts *accounts,
                                    struct span name)
{
    if (accounts == NULL || accounts->count == 0)
        return NULL;
    return bsearch(&name, accounts->at, accounts->count, sizeof(*accounts->at),
                   compare_name);
}

/* --- from a file --- */

static struct accounts *make(const char *path)
{
    struct accounts *a = calloc(1, sizeof(*a));

    if (a == NULL)
        return NULL;
    a->path = strdup(path);
    if (a->path != NULL)
        return a;
    free(a);
    return NULL;
}

static bool read_file(struct reading *r, FILE *file)
{
    static const struct config_file_events events = {
        begin_section, take_key, sizeof(SECTION) + ACCOUNT_NAME_MAX
    };

    return config_file_read(file, &events, r, &r->line, r->why,
                            sizeof(r->why)) &&
           sort(r);
}

/* A pipe would keep us waiting for whoever writes to it. */
static FILE *open_file(const char *path, const char **why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    FILE *file = NULL;
    struct stat st;

    if (fd >= 0 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode))
        *why = "not a file";
    else if (fd < 0 || (file = fdopen(fd, "r")) == NULL)
        *why = strerror(errno);
    if (file == NULL && fd >= 0)
        (void)close(fd);
    return file;
}

struct accounts *accounts_read(const char *path, char *error, size_t error_size)
{
    struct reading r = { .why = "out of memory" };
    const char *why = NULL;
    FILE *file = open_file(path, &why);

    if (file == NULL) {
        (void)snprintf(error, error_size, "%s: %s", path, why);
        return NULL;
    }
    r.accounts = make(path);
    if (r.accounts != NULL && read_file(&r, file)) {
        (void)fclose(file);
        return r.accounts;
    }
    (void)fclose(file);
    accounts_free(r.accounts);
    if (r.line != 0)
        (void)snprintf(error, error_size, "%s:%u: %s", path, r.line, r.why);
    else
        (void)snprintf(error, error_size, "%s: %s", path, r.why);
    return NULL;
}

void accounts_free(struct accounts *accounts)
{
    if (accounts == NULL)
        return;
    for (size_t i = 0; i < accounts->count; i++) {
        for (size_t k = 0; k < ARRAY_LENGTH(keys); k++)
            config_key_free(&keys[k], &accounts->at[i]);
        free(accounts->at[i].name);
    }
    free(accounts->at);
    free(accounts->path);
    free(accounts);
}
