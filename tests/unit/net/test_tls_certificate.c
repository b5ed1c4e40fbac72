/* test_tls_certificate.c - which name stands for a certificate, and its end. */
#include "net/tls_certificate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "support/x509.h"

#define DAY 86400

static char folder[] = "/tmp/test_tls_certificate.XXXXXX";

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[64];

    (void)state;
    (void)snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command);
}

static struct tls_pair make(struct x509_pair *at, const char *name,
                            const char *alternative_names, int days)
{
    *at = x509_make(folder, name,
                    (struct x509_wish){ .common_name = name,
                                        .alternative_names = alternative_names,
                                        .days_left = days });
    return (struct tls_pair){ at->certificate, at->key };
}

static void expect(const struct tls_context *context, size_t i,
                   const char *name, int days)
{
    struct tls_certificate c = tls_context_certificate(context, i);
    int64_t left_s = c.not_after_s - time(NULL);

    assert_string_equal(c.name, name);
    assert_true(left_s > days * DAY - 120 && left_s <= days * DAY + 120);
}

static void test_all_that_are_shown(void **state)
{
    struct x509_pair files[4];
    struct tls_pair pairs[] = {
        make(&files[0], "common", NULL, 3),
        make(&files[1], "other", "IP:192.0.2.1,DNS:a.example,DNS:b.example", 9),
        make(&files[2], "gone", "IP:192.0.2.1", -1),
        make(&files[3], "odd name\"\n", NULL, 1),
    };
    struct tls_server_wish wish = { pairs, 4, TLS_VERSION_1_2, NULL };
    char error[256];
    struct tls_context *c = tls_context_new_server(&wish, error, sizeof(error));

    (void)state;
    assert_non_null(c);
    assert_int_equal(tls_context_certificates(c), 4);
    expect(c, 0, "common", 3);
    expect(c, 1, "a.example", 9);
    expect(c, 2, "gone", -1);
    expect(c, 3, "odd?name\"?", 1);
    tls_context_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_that_are_shown),
    };

    return cmocka_run_group_tests_name("net/tls_certificate", tests, set_up,
                                       tear_down);
}
