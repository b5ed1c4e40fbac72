/* test_secret_key.c - the key file, and the credential in its place. */
#include "access/secret_key.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "support/alloc_fail.h"

static char folder[] = "/tmp/test_secret_key.XXXXXX";
static char credential[64];

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(credential, sizeof(credential), "%s/%s", folder,
                   SECRET_KEY_CREDENTIAL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(credential);
    return rmdir(folder);
}

static void write_octets(size_t count)
{
    int fd = open(credential, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;

    assert_non_null(f);
    for (size_t i = 0; i < count; i++)
        assert_int_not_equal(putc((int)(i % 256), f), EOF);
    assert_int_equal(fclose(f), 0);
}

/* The octets that were read, or -1 with |problem| in the error. */
static long read_key(const char *path, const char *problem)
{
    char error[256] = "";
    struct buf key;
    long length = -1;

    buf_init(&key, SECRET_KEY_MAX);
    if (secret_key_read(path, &key, error, sizeof(error))) {
        length = (long)buf_length(&key);
        for (long i = 0; i < length; i++)
            assert_int_equal(buf_span(&key).data[i], i % 256);
    } else {
        assert_non_null(strstr(error, problem));
    }
    buf_fini(&key);
    return length;
}

static void test_file(void **state)
{
    (void)state;
    write_octets(SECRET_KEY_MIN);
    assert_int_equal(read_key(credential, ""), SECRET_KEY_MIN);
    write_octets(SECRET_KEY_MAX);
    assert_int_equal(read_key(credential, ""), SECRET_KEY_MAX);
    write_octets(SECRET_KEY_MIN - 1);
    assert_int_equal(read_key(credential, "is too short for a key"), -1);
    write_octets(SECRET_KEY_MAX + 1);
    assert_int_equal(read_key(credential, "is too long: 4096 octets at most"),
                     -1);
    assert_int_equal(read_key("/nonexistent", "No such file"), -1);
    assert_int_equal(read_key(folder, "not a file"), -1);
}

static void test_credential(void **state)
{
    (void)state;
    write_octets(32);
    assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
    assert_int_equal(read_key(NULL, ""), 0);
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", folder, 1), 0);
    assert_int_equal(read_key(NULL, ""), 32);
    assert_int_equal(unlink(credential), 0);
    assert_int_equal(read_key(NULL, ""), 0);
    assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
}

static void test_no_memory(void **state)
{
    (void)state;
    write_octets(32);
    alloc_fail_at(1);
    assert_int_equal(read_key(credential, "no memory"), -1);
    alloc_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_credential),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
