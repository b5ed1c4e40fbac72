/* test_process_figures.c - against what this process does to itself. */
#include "server/process_figures.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MEGABYTE ((size_t)1024 * 1024)

static void test_files(void **state)
{
    struct process_figures before = process_figures_read();
    struct process_figures after;
    struct rlimit files;
    int fd = open("/dev/null", O_RDONLY);

    (void)state;
    assert_true(fd >= 0);
    after = process_figures_read();
    assert_int_equal(after.open_files, before.open_files + 1);
    assert_int_equal(close(fd), 0);
    assert_int_equal(process_figures_read().open_files, before.open_files);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    assert_true(after.max_files == files.rlim_cur);
}

static void test_memory(void **state)
{
    struct process_figures before = process_figures_read();
    struct process_figures after;
    char *block = malloc(64 * MEGABYTE);

    (void)state;
    assert_non_null(block);
    memset(block, 1, 64 * MEGABYTE);
    after = process_figures_read();
    assert_true(after.resident_octets >=
                before.resident_octets + 60 * MEGABYTE);
    assert_true(after.virtual_octets >= after.resident_octets);
    assert_int_equal(after.threads, 1);
    assert_int_equal(block[64 * MEGABYTE - 1], 1);
    free(block);
}

static void test_processor(void **state)
{
    uint64_t start = process_figures_read().cpu_ms;

    (void)state;
    while (process_figures_read().cpu_ms < start + 20)
        continue;
}

int main(void)
{
    const struct CMUnitTest process_figures[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_processor),
    };

    return cmocka_run_group_tests(process_figures, NULL, NULL);
}
