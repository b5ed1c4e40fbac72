/* test_token_store.c - kept, sealed, replaced, locked, listed. */
#include "access/token_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/alloc_fail.h"

static char folder[] = "/tmp/test_token_store.XXXXXX";
static const struct token_owner rose = { "gmail", "rose@example.com" };
static const struct token_owner odd = { "gmail", "../a/b:%\xc3\xa9 c" };

static char secret_a[] = "pl4nted-refresh";
static char secret_b[] = "pl4nted-access";

static struct token_store *open_with(const char *key)
{
    char error[256] = "";
    struct token_store *s =
        token_store_open(folder, span_from_string(key), error, sizeof(error));

    assert_string_equal(error, "");
    assert_non_null(s);
    return s;
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static void save(struct token_store *s, const struct token_owner *owner)
{
    const struct token_record record = { secret_a, secret_b, 1000, 3600,
                                         "somebody" };

    assert_int_equal(token_store_save(s, owner, &record), TOKEN_STORE_OK);
}

static void remove_all(struct token_store *s)
{
    assert_int_not_equal(token_store_remove(s, &rose), TOKEN_STORE_EFAILED);
    assert_int_not_equal(token_store_remove(s, &odd), TOKEN_STORE_EFAILED);
    token_store_free(s);
}

static int tear_down(void **state)
{
    char path[128];

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/tokens/lock", folder);
    (void)unlink(path);
    (void)snprintf(path, sizeof(path), "%s/tokens", folder);
    return rmdir(path) == 0 && rmdir(folder) == 0 ? 0 : -1;
}

static void check(struct token_store *s, const struct token_owner *owner)
{
    struct token_record record;

    assert_int_equal(token_store_load(s, owner, &record), TOKEN_STORE_OK);
    assert_string_equal(record.refresh, secret_a);
    assert_string_equal(record.access, secret_b);
    assert_int_equal(record.obtained_s, 1000);
    assert_int_equal(record.lifetime_s, 3600);
    assert_string_equal(record.granted_by, "somebody");
    token_record_fini(&record);
}

static void test_kept(void **state)
{
    struct token_store *s = open_with("key");
    struct token_record record;
    char path[128];
    struct stat file;

    (void)state;
    assert_int_equal(token_store_load(s, &rose, &record), TOKEN_STORE_NONE);
    save(s, &rose);
    save(s, &odd);
    check(s, &rose);
    check(s, &odd);
    (void)snprintf(path, sizeof(path), "%s/tokens/gmail:rose@example.com.token",
                   folder);
    assert_int_equal(stat(path, &file), 0);
    assert_int_equal(file.st_mode & 0777, 0600);
    token_store_free(s);
    s = open_with("key");
    check(s, &rose);
    assert_int_equal(token_store_remove(s, &rose), TOKEN_STORE_OK);
    assert_int_equal(token_store_remove(s, &rose), TOKEN_STORE_NONE);
    assert_int_equal(token_store_load(s, &rose, &record), TOKEN_STORE_NONE);
    assert_int_equal(token_store_save(s, &rose, &(struct token_record){ 0 }),
                     TOKEN_STORE_OK);
    assert_int_equal(token_store_load(s, &rose, &record), TOKEN_STORE_OK);
    assert_null(record.refresh);
    remove_all(s);
}

/* Who has the file and not the key has nothing; nor who copies a file. */
static void test_sealed(void **state)
{
    struct token_store *s = open_with("key");
    struct token_record record;
    char from[128];
    char to[128];
    char text[8192] = "";
    FILE *file;

    (void)state;
    save(s, &rose);
    (void)snprintf(from, sizeof(from), "%s/tokens/gmail:rose@example.com.token",
                   folder);
    (void)snprintf(to, sizeof(to), "%s/tokens/gmail:fern@example.com.token",
                   folder);
    file = fopen(from, "r");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof(text) - 1, file) > 40);
    assert_int_equal(fclose(file), 0);
    assert_null(strstr(text, "pl4nted"));
    token_store_free(s);
    s = open_with("another");
    assert_true(token_store_has_key(s, SPAN_LITERAL("another")));
    assert_false(token_store_has_key(s, SPAN_LITERAL("key")));
    assert_false(token_store_has_key(s, SPAN_LITERAL("")));
    assert_int_equal(token_store_load(s, &rose, &record), TOKEN_STORE_EKEY);
    token_store_free(s);
    s = open_with("key");
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(
        token_store_load(
            s, &(struct token_owner){ "gmail", "fern@example.com" }, &record),
        TOKEN_STORE_EKEY);
    assert_int_equal(unlink(to), 0);
    remove_all(s);
}

/* Only what came of what is there takes its place. */
static void test_replaced_by_its_own(void **state)
{
    struct token_store *s = open_with("key");
    struct token_record first = { secret_a, secret_b, 1000, 3600, "somebody" };
    struct token_record next = { secret_b, secret_a, 2000, 3600, "somebody" };
    struct token_digest of_first, of_next;
    struct token_record record;

    (void)state;
    assert_true(token_record_digest(&first, &of_first));
    assert_true(token_record_digest(&next, &of_next));
    assert_int_equal(token_store_replace(s, &rose, &of_first, &next),
                     TOKEN_STORE_ECHANGED);
    assert_int_equal(token_store_load(s, &rose, &record), TOKEN_STORE_NONE);
    assert_int_equal(token_store_save(s, &rose, &first), TOKEN_STORE_OK);
    assert_int_equal(token_store_replace(s, &rose, &of_next, &next),
                     TOKEN_STORE_ECHANGED);
    check(s, &rose);
    assert_int_equal(token_store_replace(s, &rose, &of_first, &next),
                     TOKEN_STORE_OK);
    assert_int_equal(token_store_load(s, &rose, &record), TOKEN_STORE_OK);
    assert_string_equal(record.refresh, secret_b);
    token_record_fini(&record);
    assert_int_equal(token_store_replace(s, &rose, &of_first, &first),
                     TOKEN_STORE_ECHANGED);
    remove_all(s);
}

static void test_questions(void **state)
{
    struct token_store *s = open_with("key");

    (void)state;
    save(s, &rose);
    assert_false(token_store_has_question(s, &rose));
    token_store_note_question(s, &rose);
    token_store_note_question(s, &rose);
    assert_true(token_store_has_question(s, &rose));
    assert_false(token_store_has_question(s, &odd));
    token_store_end_question(s, &rose);
    assert_false(token_store_has_question(s, &rose));
    token_store_note_question(s, &rose);
    save(s, &rose);
    assert_false(token_store_has_question(s, &rose));
    token_store_note_question(s, &rose);
    assert_int_equal(token_store_remove(s, &rose), TOKEN_STORE_OK);
    assert_false(token_store_has_question(s, &rose));
    remove_all(s);
}

static void test_replaced(void **state)
{
    struct token_store *s = open_with("key");
    struct token_record record = { .refresh = secret_b };
    struct file_stamp none = { .inode = 0 };
    struct file_stamp before = token_store_stamp(s, &rose);
    struct file_stamp after;
    char path[128];

    (void)state;
    assert_true(file_stamp_equals(&before, &none));
    save(s, &rose);
    before = token_store_stamp(s, &rose);
    assert_false(file_stamp_equals(&before, &none));
    /* What a process left that ended in the midst of saving is in no way. */
    (void)snprintf(path, sizeof(path),
                   "%s/tokens/gmail:rose@example.com.token.new", folder);
    assert_int_equal(fclose(fopen(path, "w")), 0);
    assert_int_equal(token_store_save(s, &rose, &record), TOKEN_STORE_OK);
    assert_int_equal(access(path, F_OK), -1);
    after = token_store_stamp(s, &rose);
    assert_false(file_stamp_equals(&before, &after));
    assert_int_equal(token_store_load(s, &rose, &record), TOKEN_STORE_OK);
    assert_string_equal(record.refresh, secret_b);
    assert_null(record.access);
    token_record_fini(&record);
    remove_all(s);
}

static void test_locked(void **state)
{
    struct token_store *a = open_with("key");
    struct token_store *b = open_with("key"); /* as another process has it */

    (void)state;
    assert_true(token_store_try_lock(a, &rose));
    assert_false(token_store_try_lock(b, &rose));
    assert_true(token_store_try_lock(b, &odd));
    token_store_unlock(a, &rose);
    assert_true(token_store_try_lock(b, &rose));
    assert_false(token_store_try_lock(a, &rose));
    token_store_free(b);
    assert_true(token_store_try_lock(a, &rose));
    token_store_free(a);
}

static void note(void *owner, const struct token_owner *whose)
{
    unsigned *seen = owner;

    assert_string_equal(whose->source, "gmail");
    if (strcmp(whose->account, rose.account) == 0)
        *seen |= 1;
    else if (strcmp(whose->account, odd.account) == 0)
        *seen |= 2;
    else
        fail();
}

static void test_listed(void **state)
{
    struct token_store *s = open_with("key");
    unsigned seen = 0;

    (void)state;
    save(s, &rose);
    save(s, &odd);
    assert_true(token_store_list(s, note, &seen));
    assert_int_equal(seen, 3);
    remove_all(s);
}

static void test_not_to_be_had(void **state)
{
    char error[256] = "";
    char name[300];
    struct token_store *s = open_with("key");
    struct token_owner longest = { "gmail", name };
    const struct token_record record = { .refresh = secret_a };

    (void)state;
    assert_null(token_store_open("/nowhere", SPAN_LITERAL("key"), error,
                                 sizeof(error)));
    assert_string_equal(error, "/nowhere/tokens: No such file or directory");
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(token_store_save(s, &longest, &record),
                     TOKEN_STORE_EFAILED);
    token_store_free(s);
}

static void test_no_memory(void **state)
{
    struct token_store *s = open_with("key");
    const struct token_record record = { secret_a, secret_b, 1000, 3600,
                                         "somebody" };
    bool all = false;

    (void)state;
    save(s, &rose);
    for (unsigned long n = 1; !all; n++) {
        enum token_store_status saved;

        alloc_fail_at(n);
        saved = token_store_save(s, &rose, &record);
        all = alloc_fail_count() < n;
        alloc_fail_at(0);
        assert_int_equal(saved, all ? TOKEN_STORE_OK : TOKEN_STORE_EFAILED);
        check(s, &rose); /* there is always a whole one */
    }
    remove_all(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept),
        cmocka_unit_test(test_sealed),
        cmocka_unit_test(test_replaced),
        cmocka_unit_test(test_locked),
        cmocka_unit_test(test_listed),
        cmocka_unit_test(test_not_to_be_had),
        cmocka_unit_test(test_replaced_by_its_own),
        cmocka_unit_test(test_questions),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
