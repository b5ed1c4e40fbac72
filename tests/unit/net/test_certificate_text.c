/* test_certificate_text.c - a certificate in words, whoever wrote it. */
#include "net/certificate_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "support/x509.h"

static char folder[] = "/tmp/pjcert.XXXXXX";

static void describe(struct x509_wish wish, char *text, size_t size)
{
    struct x509_pair pair = x509_make(folder, "shown", wish);
    FILE *file = fopen(pair.certificate, "r");
    struct buf out;
    X509 *x;

    assert_non_null(file);
    x = PEM_read_X509(file, NULL, NULL, NULL);
    assert_non_null(x);
    assert_int_equal(fclose(file), 0);
    buf_init(&out, 65536);
    assert_true(certificate_text_write(x, &out));
    assert_in_range(buf_length(&out), 1, size - 1);
    memcpy(text, buf_span(&out).data, buf_length(&out));
    text[buf_length(&out)] = '\0';
    for (const char *c = text; *c != '\0'; c++)
        assert_true(*c == '\n' || (*c >= ' ' && *c <= '~'));
    buf_fini(&out);
    X509_free(x);
    assert_int_equal(unlink(pair.certificate), 0);
    assert_int_equal(unlink(pair.key), 0);
}

static void test_names(void **state)
{
    char text[4096];

    (void)state;
    describe(
        (struct x509_wish){ .common_name = "mail.example",
                            .alternative_names =
                                "DNS:a.example,DNS:*.b.example,IP:192.0.2.1,"
                                "IP:2001:db8::1",
                            .days_left = 30 },
        text, sizeof(text));
    assert_non_null(strstr(text, "  subject     CN=mail.example\n"));
    assert_non_null(strstr(text, "  issuer      CN=mail.example\n"));
    assert_non_null(strstr(text, "  names       a.example *.b.example "
                                 "192.0.2.1 2001:db8::1\n"));
    assert_true(strstr(text, ", in 29 days\n") != NULL ||
                strstr(text, ", in 30 days\n") != NULL);
}

static void test_no_names(void **state)
{
    char text[4096];

    (void)state;
    describe((struct x509_wish){ .common_name = "x", .days_left = -3 }, text,
             sizeof(text));
    assert_non_null(strstr(text, "  names       none\n"));
    assert_non_null(strstr(text, ", in -3 days\n"));
}

/* What would move a terminal's cursor, or look like a line of ours. */
static void test_hostile_name(void **state)
{
    char text[4096];

    (void)state;
    describe((struct x509_wish){ .common_name = "a\x1b[2J\n  issuer      b",
                                 .days_left = 3 },
             text, sizeof(text));
    assert_null(strstr(text, "\n  issuer      b"));
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_no_names),
        cmocka_unit_test(test_hostile_name),
    };

    return cmocka_run_group_tests_name("net/certificate_text", tests, set_up,
                                       tear_down);
}
