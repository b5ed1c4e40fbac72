/* test_unique_id_file.c - a map of unique-ids is read, or its file is blamed. */
#include "server/unique_id_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/alloc_fail.h"

static char path[] = "/tmp/test_unique_id_file.XXXXXX";

static int make_file(void **state)
{
    int fd = mkstemp(path);

    (void)state;
    return fd >= 0 ? close(fd) : -1;
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static void write_file(const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void check_problem(const char *name, const char *expected)
{
    char error[200] = "";

    assert_null(unique_id_file_read(name, error, sizeof(error)));
    assert_memory_equal(error, name, strlen(name));
    assert_string_equal(error + strlen(name), expected);
}

static void test_good(void **state)
{
    const struct unique_id_list *list;
    struct unique_id_map *map;
    char error[200];

    (void)state;
    write_file("user bob\nmailbox 7 INBOX\n3 x\n");
    map = unique_id_file_read(path, error, sizeof(error));
    assert_non_null(map);
    list = unique_id_user_list(unique_id_map_find(map, SPAN_LITERAL("bob")),
                               SPAN_LITERAL("INBOX"));
    assert_string_equal(unique_id_list_get(list, 3), "x");
    unique_id_map_free(map);
    write_file("");
    map = unique_id_file_read(path, error, sizeof(error));
    assert_non_null(map);
    unique_id_map_free(map);
}

static void test_bad(void **state)
{
    (void)state;
    write_file("user bob\nmailbox 7 INBOX\n0 x\n");
    check_problem(path, ":3: is none of `user NAME`, `mailbox UIDVALIDITY "
                        "NAME`, `UID UNIQUE-ID`");
    write_file("user bob\nuser bob\n");
    check_problem(path, ": a user stands there twice");
    check_problem("/nonexistent", ": No such file or directory");
    check_problem("/dev/null", ": not a file");
    write_file("");
    alloc_fail_at(1);
    check_problem(path, ": no memory");
    alloc_fail_at(0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
    };

    return cmocka_run_group_tests_name("server/unique_id_file", tests,
                                       make_file, remove_file);
}
