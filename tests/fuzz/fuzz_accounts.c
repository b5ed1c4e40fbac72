/* fuzz_accounts.c - whatever may stand in accounts.conf, read and edited.
 *
 * Property: the file is either taken or refused with one line. Where it is
 * taken, the editor finds the same accounts as the reader does; a key that is
 * set, or an account that is removed or added, is so for the reader, and all
 * other accounts are as they were.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "access/account_text.h"
#include "access/accounts.h"
#include "fuzz.h"

#define ERROR_MAX 1024
#define PATH_MAX_OCTETS 32
#define TEXT_MAX (16 * 1024 * 1024)
/* More than one line holds. */
#define LONG_VALUE 400

static struct accounts *read_text(struct span text)
{
    char path[PATH_MAX_OCTETS];
    char error[ERROR_MAX] = "";
    int file = memfd_create("accounts.conf", MFD_CLOEXEC);
    struct accounts *accounts;

    REQUIRE(file >= 0);
    REQUIRE(text.len == 0 ||
            write(file, text.data, text.len) == (ssize_t)text.len);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    accounts = accounts_read(path, error, sizeof(error));
    REQUIRE((accounts == NULL) == (error[0] != '\0'));
    (void)close(file);
    return accounts;
}

static bool same_text(const char *a, const char *b)
{
    return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

/* But for their lines, which an edit moves, and the one key that it sets. */
static bool same_account(const struct account *a, const struct account *b,
                         bool may_differ)
{
    return same_text(a->name, b->name) && same_text(a->password, b->password) &&
           same_text(a->scram, b->scram) &&
           same_text(a->recoverable_password, b->recoverable_password) &&
           a->networks.count == b->networks.count &&
           same_text(a->listeners, b->listeners) &&
           same_text(a->upstream, b->upstream) && same_text(a->user, b->user) &&
           same_text(a->identity, b->identity) &&
           (may_differ || same_text(a->secret, b->secret)) &&
           same_text(a->oauth, b->oauth) && same_text(a->policy, b->policy) &&
           same_text(a->mailboxes, b->mailboxes);
}

/* What |text| says now; |edited| is the account that has changed. */
static void check_edit(const struct accounts *before, struct span text,
                       const char *edited, size_t count, const char *secret)
{
    struct accounts *after = read_text(text);

    REQUIRE(after != NULL && after->count == count);
    for (size_t i = 0; i < before->count; i++) {
        const struct account *a = &before->at[i];
        const struct account *b =
            accounts_find(after, span_from_string(a->name));
        bool is_edited = strcmp(a->name, edited) == 0;

        if (is_edited && b == NULL) {
            REQUIRE(count == before->count - 1);
            continue;
        }
        REQUIRE(b != NULL && same_account(a, b, is_edited));
        if (is_edited && secret != NULL)
            REQUIRE(same_text(b->secret, secret));
    }
    accounts_free(after);
}

static void check_account(const struct accounts *accounts, struct span text,
                          const char *name)
{
    char secret[LONG_VALUE + 1];
    struct buf edited;

    memset(secret, 's', LONG_VALUE);
    secret[LONG_VALUE] = '\0';
    buf_init(&edited, TEXT_MAX);
    REQUIRE(buf_append(&edited, text));
    REQUIRE(account_text_has(buf_span(&edited), name));
    REQUIRE(account_text_set(&edited, name, "secret", secret));
    check_edit(accounts, buf_span(&edited), name, accounts->count, secret);
    REQUIRE(account_text_set(&edited, name, "secret", NULL));
    check_edit(accounts, buf_span(&edited), name, accounts->count, NULL);
    REQUIRE(account_text_remove(&edited, name));
    REQUIRE(!account_text_has(buf_span(&edited), name));
    check_edit(accounts, buf_span(&edited), name, accounts->count - 1, NULL);
    buf_fini(&edited);
}

static void check_new(const struct accounts *accounts, struct span text)
{
    static const char name[] = "a-new-one";
    struct buf edited;

    if (accounts_find(accounts, span_from_string(name)) != NULL)
        return;
    buf_init(&edited, TEXT_MAX);
    REQUIRE(text.len == 0 || buf_append(&edited, text));
    REQUIRE(!account_text_has(text, name));
    REQUIRE(account_text_add(&edited, name));
    check_edit(accounts, buf_span(&edited), name, accounts->count + 1, NULL);
    buf_fini(&edited);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = fuzz_copy(span_make(data, size));
    struct accounts *accounts = read_text(text);

    if (accounts != NULL) {
        check_new(accounts, text);
        if (accounts->count > 0)
            check_account(accounts, text,
                          accounts->at[size % accounts->count].name);
    }
    accounts_free(accounts);
    fuzz_drop(text);
    return 0;
}
