/* test_auth_http_protocol.c - the question of nginx's auth_http protocol, and
 * what each answer means.
 */
#include "access/auth_http_protocol.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "support/alloc_fail.h"
#include "support/octets.h"

static const struct auth_http_login in_clear = {
    .method = AUTH_HTTP_PLAIN,
    .user = { (const unsigned char *)"rose@example.com", 16 },
    .secret = { (const unsigned char *)"Kestrel-7", 9 },
    .attempt = 1,
    .client = "192.0.2.42",
};

/* All fields, a line each. */
static void assert_asked(const struct auth_http_login *login, const char *lines)
{
    const char *list[AUTH_HTTP_FIELDS_MAX];
    struct auth_http_fields f;
    struct buf all;

    buf_init(&all, 8192);
    assert_true(auth_http_fields_init(&f, login));
    auth_http_fields_list(&f, list);
    for (size_t i = 0; i < f.count; i++) {
        buf_append_string(&all, list[i]);
        buf_append_octet(&all, '\n');
    }
    assert_buf_string(&all, lines);
    buf_fini(&all);
    auth_http_fields_fini(&f);
}

static void test_question(void **state)
{
    struct auth_http_login login = in_clear;

    (void)state;
    assert_asked(&login, "Auth-Method: plain\n"
                         "Auth-User: rose@example.com\n"
                         "Auth-Pass: Kestrel-7\n"
                         "Auth-Protocol: pop3\n"
                         "Auth-Login-Attempt: 1\n"
                         "Client-IP: 192.0.2.42\n");
    login.method = AUTH_HTTP_APOP;
    login.secret = SPAN_LITERAL("c4c9334bac560ecc979e58001b3e22fb");
    login.salt = SPAN_LITERAL("<1896.697170952@dbc.mtview.ca.us>");
    login.attempt = 3;
    login.client = "2001:db8::1";
    login.tls_protocol = "TLSv1.3";
    login.tls_cipher = "TLS_AES_256_GCM_SHA384";
    assert_asked(&login, "Auth-Method: apop\n"
                         "Auth-User: rose@example.com\n"
                         "Auth-Pass: c4c9334bac560ecc979e58001b3e22fb\n"
                         "Auth-Salt: <1896.697170952@dbc.mtview.ca.us>\n"
                         "Auth-Protocol: pop3\n"
                         "Auth-Login-Attempt: 3\n"
                         "Client-IP: 2001:db8::1\n"
                         "Auth-SSL: on\n"
                         "Auth-SSL-Protocol: TLSv1.3\n"
                         "Auth-SSL-Cipher: TLS_AES_256_GCM_SHA384\n");
    login.method = AUTH_HTTP_CRAM_MD5;
    login.tls_protocol = NULL;
    assert_asked(&login, "Auth-Method: cram-md5\n"
                         "Auth-User: rose@example.com\n"
                         "Auth-Pass: c4c9334bac560ecc979e58001b3e22fb\n"
                         "Auth-Salt: <1896.697170952@dbc.mtview.ca.us>\n"
                         "Auth-Protocol: pop3\n"
                         "Auth-Login-Attempt: 3\n"
                         "Client-IP: 2001:db8::1\n");
}

/* No octet ends a field or begins another one. */
static void test_nothing_is_smuggled(void **state)
{
    struct auth_http_login login = in_clear;
    unsigned char every[256];
    const char *list[AUTH_HTTP_FIELDS_MAX];
    struct auth_http_fields f;

    (void)state;
    login.user = SPAN_LITERAL("a b%41\r\nAuth-User: c");
    login.secret = SPAN_LITERAL("z\xC3\xA4\t");
    assert_asked(&login, "Auth-Method: plain\n"
                         "Auth-User: a%20b%2541%0D%0AAuth-User:%20c\n"
                         "Auth-Pass: z\xC3\xA4%09\n"
                         "Auth-Protocol: pop3\n"
                         "Auth-Login-Attempt: 1\n"
                         "Client-IP: 192.0.2.42\n");
    for (size_t i = 0; i < sizeof(every); i++)
        every[i] = (unsigned char)i;
    login.secret = span_make(every, sizeof(every));
    assert_true(auth_http_fields_init(&f, &login));
    auth_http_fields_list(&f, list);
    /* The name of the field, and what of 256 octets is written as three. */
    assert_int_equal(strlen(list[2]), strlen("Auth-Pass: ") + 256 + 2 * 34);
    assert_null(strpbrk(list[2], "\r\n\t"));
    auth_http_fields_fini(&f);
}

/* The longest that a client can give still fits, and memory may run out. */
static void test_extremes(void **state)
{
    static unsigned char longest[POP3_SASL_LINE_MAX];
    struct auth_http_login login = in_clear;
    struct auth_http_fields f;
    unsigned long needed;

    (void)state;
    memset(longest, '%', sizeof(longest));
    login.method = AUTH_HTTP_TOKEN;
    login.user = span_make(longest, SASL_PART_MAX);
    login.secret = span_make(longest, sizeof(longest));
    alloc_fail_at(0);
    assert_true(auth_http_fields_init(&f, &login));
    needed = alloc_fail_count();
    auth_http_fields_fini(&f);
    assert_true(needed > 0);
    for (unsigned long n = 1; n <= needed; n++) {
        alloc_fail_at(n);
        assert_false(auth_http_fields_init(&f, &login));
        auth_http_fields_fini(&f);
    }
    alloc_fail_at(0);
}

static struct auth_http_ruling judge(struct auth_http_reply reply)
{
    if (reply.http_status == 0)
        reply.http_status = 200;
    return auth_http_judge(&reply, AUTH_HTTP_PLAIN);
}

static void test_granted(void **state)
{
    struct auth_http_ruling r = judge((struct auth_http_reply){
        .status = "OK", .server = "198.51.100.1", .port = "993" });

    (void)state;
    assert_int_equal(r.verdict, AUTH_HTTP_GRANTED);
    assert_string_equal(r.server, "198.51.100.1");
    assert_int_equal(r.port, 993);
    assert_null(r.user);
    assert_null(r.pass);
    r = judge((struct auth_http_reply){ .status = "OK",
                                        .server = "office",
                                        .user = "rose",
                                        .pass = "with spaces % and %41" });
    assert_int_equal(r.verdict, AUTH_HTTP_GRANTED);
    assert_string_equal(r.server, "office");
    assert_int_equal(r.port, 0);
    assert_string_equal(r.user, "rose");
    assert_string_equal(r.pass, "with spaces % and %41");
    /* The status line does not matter, for better or for worse. */
    r = judge((struct auth_http_reply){ .http_status = 404, .status = "OK" });
    assert_int_equal(r.verdict, AUTH_HTTP_GRANTED);
    assert_null(r.server);
}

static void test_refused(void **state)
{
    struct auth_http_ruling r =
        judge((struct auth_http_reply){ .status = "Invalid login or password",
                                        .wait = "3",
                                        .server = "198.51.100.1",
                                        .port = "0" });

    (void)state;
    assert_int_equal(r.verdict, AUTH_HTTP_REFUSED);
    assert_int_equal(r.wait_ms, 3000);
    assert_null(r.server);
    /* "OK" and nothing else is OK. */
    assert_int_equal(judge((struct auth_http_reply){ .status = "ok" }).verdict,
                     AUTH_HTTP_REFUSED);
    assert_int_equal(judge((struct auth_http_reply){ .status = "" }).verdict,
                     AUTH_HTTP_REFUSED);
    r = judge(
        (struct auth_http_reply){ .status = "no", .error_code = "535 5.7.0" });
    assert_int_equal(r.verdict, AUTH_HTTP_REFUSED);
    assert_int_equal(r.wait_ms, 0);
}

static void test_later(void **state)
{
    static const struct auth_http_reply replies[] = {
        { 200, .status = "Temporary server problem, try again later",
          .error_code = "451 4.3.0", .wait = "2" },
        { 500, .wait = "2" },
        { 503, .status = "OK", .server = "198.51.100.1", .port = "993",
          .wait = "2" },
        { 500, .status = "WAIT", .wait = "2" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(replies); i++) {
        struct auth_http_ruling r = judge(replies[i]);

        assert_int_equal(r.verdict, AUTH_HTTP_LATER);
        assert_int_equal(r.wait_ms, 2000);
        assert_null(r.server);
    }
}

static void test_wait_is_bounded(void **state)
{
    static const struct {
        const char *wait;
        uint64_t wait_ms;
    } table[] = {
        { "0", 0 },
        { "60", AUTH_HTTP_WAIT_MAX_MS },
        { "61", AUTH_HTTP_WAIT_MAX_MS },
        { "4294967295", AUTH_HTTP_WAIT_MAX_MS },
        { "99999999999999999999", 0 },
        { "-1", 0 },
        { "soon", 0 },
        { "", 0 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(table); i++)
        assert_int_equal(judge((struct auth_http_reply){
                                   .status = "no", .wait = table[i].wait })
                             .wait_ms,
                         table[i].wait_ms);
}

static void test_garbled(void **state)
{
    static const struct auth_http_reply replies[] = {
        { 200, .server = "198.51.100.1", .port = "993" },
        { 404, .status = NULL },
        { 200, .status = "OK", .server = "" },
        { 200, .status = "OK", .server = "198.51.100.1", .port = "0" },
        { 200, .status = "OK", .server = "198.51.100.1", .port = "65536" },
        { 200, .status = "OK", .server = "198.51.100.1", .port = "imaps" },
        { 200, .status = "OK", .server = "198.51.100.1", .port = "" },
        { 200, .status = "OK", .user = "" },
        { 200, .status = "OK", .user = "a\nb" },
        { 200, .status = "OK", .user = "\xFF" },
        { 200, .status = "OK", .pass = "" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(replies); i++) {
        struct auth_http_ruling r = judge(replies[i]);

        assert_int_equal(r.verdict, AUTH_HTTP_GARBLED);
        assert_string_not_equal(r.why, "");
        assert_null(r.server);
        assert_null(r.user);
    }
}

/* A digest is of no use upstream. */
static void test_digests_need_a_password(void **state)
{
    static const enum auth_http_method methods[] = { AUTH_HTTP_APOP,
                                                     AUTH_HTTP_CRAM_MD5 };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(methods); i++) {
        struct auth_http_reply reply = { 200, .status = "OK" };

        assert_int_equal(auth_http_judge(&reply, methods[i]).verdict,
                         AUTH_HTTP_GARBLED);
        reply.pass = "Kestrel-7";
        assert_int_equal(auth_http_judge(&reply, methods[i]).verdict,
                         AUTH_HTTP_GRANTED);
        reply.status = "no";
        reply.pass = NULL;
        assert_int_equal(auth_http_judge(&reply, methods[i]).verdict,
                         AUTH_HTTP_REFUSED);
    }
}

/* To be asked again, and not in a hurry. */
static void test_wait(void **state)
{
    static const struct {
        const char *wait;
        uint64_t wait_ms;
    } table[] = {
        { "2", 2000 },
        { "61", AUTH_HTTP_WAIT_MAX_MS },
        { "0", AUTH_HTTP_WAIT_MIN_MS },
        { "soon", AUTH_HTTP_WAIT_MIN_MS },
        { NULL, AUTH_HTTP_WAIT_MIN_MS },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
        struct auth_http_ruling r =
            judge((struct auth_http_reply){ .status = "WAIT",
                                            .wait = table[i].wait,
                                            .server = "198.51.100.1",
                                            .error_code = "535 5.7.0" });

        assert_int_equal(r.verdict, AUTH_HTTP_WAIT);
        assert_int_equal(r.wait_ms, table[i].wait_ms);
        assert_null(r.server);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_question),
        cmocka_unit_test(test_nothing_is_smuggled),
        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_granted),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_later),
        cmocka_unit_test(test_wait_is_bounded),
        cmocka_unit_test(test_garbled),
        cmocka_unit_test(test_digests_need_a_password),
        cmocka_unit_test(test_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
