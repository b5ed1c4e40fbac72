/* test_account_file.c - accounts.conf is replaced whole or not at all. */
#include "access/account_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "access/account_text.h"
#include "support/octets.h"

static char folder[] = "/tmp/test_account_file.XXXXXX";
static char path[64], link_to[64];
static char error[512];
static const struct config config; /* that has no upstream to be named */

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(path, sizeof(path), "%s/accounts.conf", folder);
    (void)snprintf(link_to, sizeof(link_to), "%s/link.conf", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return rmdir(folder);
}

static int clean(void **state)
{
    (void)state;
    (void)unlink(path);
    (void)unlink(link_to);
    return 0;
}

static void write_file(const char *text, mode_t mode)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void check_content(const char *text)
{
    char content[4096];
    FILE *f = fopen(path, "r");
    size_t length;

    assert_non_null(f);
    length = fread(content, 1, sizeof(content) - 1, f);
    content[length] = '\0';
    (void)fclose(f);
    assert_string_equal(content, text);
}

/* Nothing is left beside it. */
static size_t files(void)
{
    DIR *d = opendir(folder);
    size_t count = 0;

    assert_non_null(d);
    while (readdir(d) != NULL)
        count++;
    (void)closedir(d);
    return count - 2;
}

static bool open_file(struct account_file *f, const char *name)
{
    return account_file_open(f, name, geteuid(), getegid(), error,
                             sizeof(error));
}

static bool save_file(struct account_file *f)
{
    return account_file_save(f, &config, span_make(NULL, 0), error,
                             sizeof(error));
}

static void test_new(void **state)
{
    struct account_file f;
    struct stat st;

    (void)state;
    assert_true(open_file(&f, path));
    assert_true(f.is_new);
    assert_true(account_text_add(&f.text, "a"));
    assert_true(save_file(&f));
    account_file_close(&f);
    check_content("[account a]\n");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(files(), 1);
}

static void test_changed(void **state)
{
    struct account_file f;
    struct stat st;

    (void)state;
    write_file("; mine\n[account a]\n", 0644);
    assert_true(open_file(&f, path));
    assert_false(f.is_new);
    assert_true(account_text_set(&f.text, "a", "user", "x"));
    assert_true(save_file(&f));
    account_file_close(&f);
    check_content("; mine\n[account a]\nuser = x\n");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(files(), 1);
}

/* A link stays one: what it leads to is another file. */
static void test_link(void **state)
{
    struct account_file f;
    struct stat st;

    (void)state;
    write_file("[account a]\n", 0600);
    assert_int_equal(symlink(path, link_to), 0);
    assert_true(open_file(&f, link_to));
    assert_true(account_text_remove(&f.text, "a"));
    assert_true(save_file(&f));
    account_file_close(&f);
    check_content("");
    assert_int_equal(lstat(link_to, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
}

/* What could not be read afterwards is not written. */
static void test_bad(void **state)
{
    struct account_file f;
    char wanted[512];

    (void)state;
    write_file("[account a]\n", 0600);
    assert_true(open_file(&f, path));
    assert_true(account_text_set(&f.text, "a", "shoe", "1"));
    assert_false(save_file(&f));
    account_file_close(&f);
    (void)snprintf(wanted, sizeof(wanted),
                   "%s:2: [account a] shoe: there is no such key", path);
    assert_string_equal(error, wanted);
    check_content("[account a]\n");
    assert_int_equal(files(), 1);
    /* Nor what means nothing here. */
    assert_true(open_file(&f, path));
    assert_true(account_text_set(&f.text, "a", "upstream", "b"));
    assert_false(save_file(&f));
    account_file_close(&f);
    (void)snprintf(wanted, sizeof(wanted),
                   "%s:1: [account a] upstream: there is no [upstream b]",
                   path);
    assert_string_equal(error, wanted);
    check_content("[account a]\n");
}

static void test_no_folder(void **state)
{
    struct account_file f;

    (void)state;
    assert_false(open_file(&f, "/nonexistent/accounts.conf"));
    assert_string_equal(
        error, "/nonexistent/accounts.conf: No such file or directory");
    account_file_close(&f);
    assert_false(open_file(&f, folder)); /* is one */
    account_file_close(&f);
}

#define WRITERS 4
#define ROUNDS 8

static void *add_some(void *name)
{
    for (int i = 0; i < ROUNDS; i++) {
        struct account_file f;
        char account[32], why[256];

        (void)snprintf(account, sizeof(account), "%s%d", (char *)name, i);
        if (!account_file_open(&f, path, geteuid(), getegid(), why,
                               sizeof(why)))
            return NULL;
        if (!account_text_add(&f.text, account) ||
            !account_file_save(&f, &config, span_make(NULL, 0), why,
                               sizeof(why))) {
            account_file_close(&f);
            return NULL;
        }
        account_file_close(&f);
    }
    return name;
}

/* Nobody's change is lost. */
static void test_at_once(void **state)
{
    char names[WRITERS][2] = { "a", "b", "c", "d" };
    pthread_t threads[WRITERS];
    struct account_file f;
    void *result;

    (void)state;
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_some, names[i]),
                         0);
    for (int i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_non_null(result);
    }
    assert_true(open_file(&f, path));
    for (int i = 0; i < WRITERS; i++) {
        for (int n = 0; n < ROUNDS; n++) {
            char account[32];

            (void)snprintf(account, sizeof(account), "%s%d", names[i], n);
            assert_true(account_text_has(buf_span(&f.text), account));
        }
    }
    account_file_close(&f);
    assert_int_equal(files(), 1);
}

/* Who holds the lock for ever is not waited for as long. */
static void test_locked(void **state)
{
    struct account_file holder;
    struct account_file f;
    char wanted[512];

    (void)state;
    write_file("[account a]\n", 0600);
    assert_true(open_file(&holder, path));
    assert_false(open_file(&f, path));
    (void)snprintf(wanted, sizeof(wanted),
                   "%s: another program holds the lock of its folder: wait "
                   "for it to end, or end it (lslocks shows it), and try "
                   "again",
                   path);
    assert_string_equal(error, wanted);
    account_file_close(&f);
    account_file_close(&holder);
    assert_true(open_file(&f, path));
    account_file_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_new, clean),
        cmocka_unit_test_teardown(test_changed, clean),
        cmocka_unit_test_teardown(test_link, clean),
        cmocka_unit_test_teardown(test_bad, clean),
        cmocka_unit_test_teardown(test_no_folder, clean),
        cmocka_unit_test_teardown(test_at_once, clean),
        cmocka_unit_test_teardown(test_locked, clean),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
