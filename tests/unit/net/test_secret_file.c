/* test_secret_file.c - a file with a secret is read whole, or not at all. */
#include "net/secret_file.h"

#include <fcntl.h>
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
#include "support/octets.h"

static char path[] = "/tmp/popinjay-secret-XXXXXX";

/* Written anew, with that mode. */
static void hold(const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_TRUNC);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

static void assert_refused(const char *where, const char *why)
{
    char error[256] = "";
    struct buf content;

    buf_init(&content, 10);
    assert_true(buf_append_string(&content, "abc"));
    assert_false(secret_file_read(where, &content, error, sizeof(error)));
    assert_buf_string(&content, "abc");
    assert_memory_equal(error, where, strlen(where));
    assert_non_null(strstr(error, why));
    buf_fini(&content);
}

static void assert_read(const char *where, const char *text)
{
    char error[256] = "";
    struct buf content;

    buf_init(&content, 7);
    assert_true(secret_file_read(where, &content, error, sizeof(error)));
    assert_buf_string(&content, text);
    assert_string_equal(error, "");
    buf_fini(&content);
}

static void test_read(void **state)
{
    (void)state;
    hold("seven\n7", 0640);
    assert_read(path, "seven\n7");
}

static void test_refused(void **state)
{
    (void)state;
    hold("seven", 0644);
    assert_refused(path,
                   "open to all users; close it: chmod o= /tmp/popinjay-");
    hold("", 0600);
    assert_refused(path, "empty");
    hold("12345678", 0600);
    assert_refused(path, "is too long: 7 octets at most");
    assert_refused("/tmp", "not a file");
    assert_refused("/nonexistent/secret", "No such file");
    hold("seven", 0600);
}

/* Who may open those of systemd is systemd's to say; no other file gets by as
 * one of them.
 */
static void test_credential(void **state)
{
    char found[256];

    (void)state;
    hold("seven", 0644);
    assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
    assert_false(secret_file_credential("x", found, sizeof(found)));
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", "/tmp", 1), 0);
    assert_false(secret_file_credential("no-such", found, sizeof(found)));
    assert_false(secret_file_credential(path + 5, found, 5));
    assert_true(secret_file_credential(path + 5, found, sizeof(found)));
    assert_string_equal(found, path);
    assert_read(found, "seven");
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", "/tm", 1), 0);
    assert_refused(path, "open to all users");
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", "", 1), 0);
    assert_refused(path, "open to all users");
    assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
}

static void test_no_memory(void **state)
{
    char error[256];
    struct buf content;

    (void)state;
    hold("seven", 0600);
    buf_init(&content, 10);
    alloc_fail_at(1);
    assert_false(secret_file_read(path, &content, error, sizeof(error)));
    alloc_fail_at(0);
    assert_non_null(strstr(error, "no memory"));
    buf_fini(&content);
}

static int make(void **state)
{
    int fd = mkstemp(path);

    (void)state;
    return fd < 0 ? -1 : close(fd);
}

static int drop(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_credential),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, make, drop);
}
