/* test_file_stamp.c - every way in which a file is replaced shows. */
#include "net/file_stamp.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/test_file_stamp.XXXXXX";
static char file[64], other[64], link_to[64];

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(file, sizeof(file), "%s/file", folder);
    (void)snprintf(other, sizeof(other), "%s/other", folder);
    (void)snprintf(link_to, sizeof(link_to), "%s/link", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(file);
    (void)unlink(other);
    (void)unlink(link_to);
    return rmdir(folder);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

/* Whether |path| is not what |seen| says; |seen| is what it is now. */
static bool changed(const char *path, struct file_stamp *seen)
{
    struct file_stamp now = file_stamp_of(path);
    bool differs = !file_stamp_equals(&now, seen);

    *seen = now;
    return differs;
}

static void test_changes(void **state)
{
    struct file_stamp seen = { .inode = 0 };

    (void)state;
    assert_false(changed(file, &seen)); /* none there, none there */
    write_file(file, "one");
    assert_true(changed(file, &seen));
    assert_false(changed(file, &seen));
    write_file(other, "two");
    assert_int_equal(rename(other, file), 0);
    assert_true(changed(file, &seen));
    write_file(file, "longer");
    assert_true(changed(file, &seen));
    write_file(other, "again");
    assert_int_equal(symlink(file, link_to), 0);
    (void)changed(link_to, &seen);
    assert_false(changed(file, &seen)); /* the link is what it names */
    assert_int_equal(unlink(link_to), 0);
    assert_int_equal(symlink(other, link_to), 0);
    assert_true(changed(link_to, &seen));
    assert_int_equal(unlink(other), 0);
    assert_true(changed(link_to, &seen));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes),
    };

    return cmocka_run_group_tests_name("net/file_stamp", tests, set_up,
                                       tear_down);
}
