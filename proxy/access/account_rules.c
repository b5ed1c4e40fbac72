/* What an account means: to a login, and as a whole. */
#include <crypt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "access/accounts.h"
#include "base/limits.h"
#include "config_keys.h"
#include "config_sections.h"

/* --- questions --- */

bool account_has_proof(const struct account *account)
{
    return account->password != NULL || account->scram != NULL ||
           account->recoverable_password != NULL;
}

/* The next of the names in |list|, with commas and blanks between them; empty
 * where there is none.
 */
static struct span next_name(const char **list)
{
    const char *begin = *list + strspn(*list, ", \t");
    size_t length = strcspn(begin, ", \t");

    *list = begin + length;
    return span_make(begin, length);
}

static bool is_at(const struct account *account, const char *listener)
{
    const char *list = account->listeners;
    struct span name;

    if (list == NULL)
        return true;
    for (name = next_name(&list); name.len > 0; name = next_name(&list))
        if (span_equals(name, span_from_string(listener)))
            return true;
    return false;
}

bool account_admits(const struct account *account, const char *listener,
                    const union address *client)
{
    return is_at(account, listener) &&
           (account->networks.count == 0 ||
            network_any_holds(account->networks.at, account->networks.count,
                              &client->any));
}

bool accounts_any_scram(const struct accounts *accounts, const char *listener)
{
    for (size_t i = 0; accounts != NULL && i < accounts->count; i++)
        if (accounts->at[i].scram != NULL && is_at(&accounts->at[i], listener))
            return true;
    return false;
}

bool accounts_any_recoverable(const struct accounts *accounts,
                              const char *listener)
{
    for (size_t i = 0; accounts != NULL && i < accounts->count; i++)
        if (accounts->at[i].recoverable_password != NULL &&
            is_at(&accounts->at[i], listener))
            return true;
    return false;
}

size_t accounts_count(const struct accounts *accounts)
{
    return accounts != NULL ? accounts->count : 0;
}

size_t accounts_count_recoverable(const struct accounts *accounts)
{
    size_t count = 0;

    for (size_t i = 0; accounts != NULL && i < accounts->count; i++)
        count += accounts->at[i].recoverable_password != NULL;
    return count;
}

struct secret_lock account_lock(const struct account *account,
                                enum secret_box_kind kind, struct span octets,
                                const char *purpose)
{
    return (struct secret_lock){ .kind = kind,
                                 .octets = octets,
                                 .purpose = purpose,
                                 .name = span_from_string(account->name) };
}

/* --- judging --- */

struct judging {
    const struct accounts *accounts;
    const struct config *config;
    struct span key;
    char *error;
    size_t error_size;
};

static bool wrong(const struct judging *j, const struct account *a,
                  const char *format, ...) PRINTF_LIKE(3, 4);

static bool wrong(const struct judging *j, const struct account *a,
                  const char *format, ...)
{
    int n = snprintf(j->error, j->error_size, "%s:%u: [account %s] ",
                     j->accounts->path, a->line, a->name);
    va_list args;

    if (n < 0 || (size_t)n >= j->error_size)
        return false;
    va_start(args, format);
    (void)vsnprintf(j->error + n, j->error_size - (size_t)n, format, args);
    va_end(args);
    return false;
}

static bool has_listener(const struct config *config, struct span name)
{
    for (size_t i = 0; i < config->listener_count; i++)
        if (span_equals(span_from_string(config->listeners[i].name), name))
            return true;
    return false;
}

static bool judge_mailboxes(const struct judging *j, const struct account *a)
{
    struct mailbox_list list;
    const char *problem = NULL;

    if (a->mailboxes != NULL) {
        problem = mailbox_list_parse(&list, span_from_string(a->mailboxes));
        mailbox_list_fini(&list);
    }
    return problem == NULL || wrong(j, a, "mailboxes: %s", problem);
}

static bool judge_listeners(const struct judging *j, const struct account *a)
{
    const char *list = a->listeners;
    struct span name;

    if (list == NULL)
        return true;
    for (name = next_name(&list); name.len > 0; name = next_name(&list))
        if (!has_listener(j->config, name))
            return wrong(j, a, "listeners: there is no [listen %.*s]",
                         (int)name.len, (const char *)name.data);
    return true;
}

/* A section of proxy.conf that the account goes by. */
static bool judge_named(const struct judging *j, const struct account *a,
                        enum config_section section, const char *key,
                        const char *name)
{
    if (name == NULL || config_named_line(j->config, section, name) != 0)
        return true;
    return wrong(j, a, "%s: there is no [%s %s]", key,
                 config_section_name(section), name);
}

/* A hash that crypt(3) knows; the empty word and `*` are none. */
static bool judge_password(const struct judging *j, const struct account *a)
{
    if (a->password == NULL || (crypt_checksalt(a->password) == CRYPT_SALT_OK &&
                                strlen(a->password) < CRYPT_OUTPUT_SIZE))
        return true;
    return wrong(j, a,
                 "password: is no hash of crypt(5) that is good enough; "
                 "popinjay account passwd %s makes one",
                 a->name);
}

static bool judge_scram(const struct judging *j, const struct account *a)
{
    struct scram_keys keys;

    if (a->scram == NULL || scram_keys_parse(span_from_string(a->scram), &keys))
        return true;
    return wrong(j, a,
                 "scram_sha_256: has not the form "
                 "SCRAM-SHA-256$4096:SALT$STOREDKEY:SERVERKEY");
}

static bool try_open(const struct judging *j, const struct account *a,
                     const char *key_name, const char *sealed,
                     const char *purpose)
{
    const struct secret_lock lock =
        account_lock(a, SECRET_BOX_BY_KEY, j->key, purpose);
    enum secret_box_status status;
    struct buf secret;

    if (j->key.len == 0)
        return wrong(j, a,
                     "%s: is sealed with a key file, and there is none; name "
                     "it in proxy.conf: [accounts] key_file",
                     key_name);
    buf_init(&secret, SECRET_MAX);
    status = secret_box_open(&lock, span_from_string(sealed), &secret);
    buf_fini(&secret);
    return status == SECRET_BOX_OK ||
           wrong(j, a, "%s: %s", key_name, secret_box_problem(status));
}

static bool judge_recoverable(const struct judging *j, const struct account *a)
{
    enum secret_box_kind kind;

    if (a->recoverable_password == NULL)
        return true;
    if (!secret_box_kind_of(span_from_string(a->recoverable_password), &kind) ||
        kind != SECRET_BOX_BY_KEY)
        return wrong(j, a,
                     "recoverable_password: %s; popinjay account passwd %s "
                     "--recoverable makes one",
                     secret_box_problem(SECRET_BOX_EFORM), a->name);
    return try_open(j, a, "recoverable_password", a->recoverable_password,
                    ACCOUNT_PASSWORD_PURPOSE);
}

/* What the device's own password opens is closed to whoever proves it without
 * saying it.
 */
static bool judge_secret(const struct judging *j, const struct account *a)
{
    enum secret_box_kind kind;

    if (a->secret == NULL)
        return true;
    if (!secret_box_kind_of(span_from_string(a->secret), &kind))
        return wrong(j, a, "secret: %s; popinjay account add seals one",
                     secret_box_problem(SECRET_BOX_EFORM));
    if (kind == SECRET_BOX_BY_KEY)
        return try_open(j, a, "secret", a->secret, ACCOUNT_SECRET_PURPOSE);
    if (a->scram != NULL || a->recoverable_password != NULL)
        return wrong(j, a,
                     "secret: is sealed with the device's password, which "
                     "APOP, CRAM-MD5 and SCRAM do not tell; seal it with a "
                     "key file");
    return true;
}

/* Nobody gets in by a secret that he did not have to prove anything for, and a
 * password of ours is of no use at the upstream.
 */
static bool judge_whole(const struct judging *j, const struct account *a)
{
    bool has_secret = a->secret != NULL || a->oauth != NULL;

    if (a->secret != NULL && a->oauth != NULL)
        return wrong(j, a, "secret: either this or oauth");
    if (has_secret && !account_has_proof(a))
        return wrong(j, a, "password: is missing, so anybody could use the %s",
                     a->secret != NULL ? "secret" : "tokens");
    if (!has_secret && account_has_proof(a))
        return wrong(j, a,
                     "secret: is missing, or oauth: with a password of its own "
                     "the device gives none for the upstream");
    return true;
}

static bool judge(const struct judging *j, const struct account *a)
{
    return judge_whole(j, a) && judge_listeners(j, a) &&
           judge_mailboxes(j, a) &&
           judge_named(j, a, CONFIG_UPSTREAM, "upstream", a->upstream) &&
           judge_named(j, a, CONFIG_POLICY, "policy", a->policy) &&
           judge_named(j, a, CONFIG_OAUTH, "oauth", a->oauth) &&
           judge_password(j, a) && judge_scram(j, a) &&
           judge_recoverable(j, a) && judge_secret(j, a);
}

bool accounts_judge(const struct accounts *accounts,
                    const struct config *config, struct span key, char *error,
                    size_t error_size)
{
    const struct judging j = { accounts, config, key, error, error_size };

    for (size_t i = 0; i < accounts->count; i++)
        if (!judge(&j, &accounts->at[i]))
            return false;
    return true;
}
