/* test_auth_http.c - a service is asked, and answers, or does not. */
#include "access/auth_http.h"

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

#include "access/http_client.h"
#include "support/alloc_fail.h"
#include "support/http_stand.h"
#include "support/octets.h"

static char path[] = "/tmp/test_auth_http.XXXXXX";

struct stage {
    uv_loop_t loop;
    struct http_stand stand;
    struct http_client *client;
    struct auth_http_rules rules;
    unsigned told;
    enum auth_http_verdict verdict;
    char server[64];
    char user[64];
    char pass[64];
    char failure[256];
};

static const struct auth_http_login login = {
    .method = AUTH_HTTP_PLAIN,
    .user = { (const unsigned char *)"rose", 4 },
    .secret = { (const unsigned char *)"Kestrel 7", 9 },
    .attempt = 2,
    .client = "192.0.2.42",
};

static void keep(char *to, size_t size, const char *text)
{
    (void)snprintf(to, size, "%s", text != NULL ? text : "(none)");
}

static void on_done(void *owner, const struct auth_http_ruling *ruling,
                    const char *failure)
{
    struct stage *s = owner;

    s->told++;
    s->verdict = ruling->verdict;
    keep(s->server, sizeof(s->server), ruling->server);
    keep(s->user, sizeof(s->user), ruling->user);
    keep(s->pass, sizeof(s->pass), ruling->pass);
    keep(s->failure, sizeof(s->failure), failure);
}

static void hold(const char *text)
{
    int fd = open(path, O_WRONLY | O_TRUNC);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(close(fd), 0);
}

static void begin(struct stage *s, const char *answer)
{
    char error[256];

    memset(s, 0, sizeof(*s));
    assert_int_equal(uv_loop_init(&s->loop), 0);
    http_stand_open(&s->stand, &s->loop);
    s->stand.answers[s->stand.answer_count++] = answer;
    s->client = http_client_new(&s->loop);
    assert_non_null(s->client);
    s->rules.url = s->stand.url;
    s->rules.timeout_ms = 10000;
    hold("X-Auth-Key: a secret of ours\r\n\r\nX-Site:north\n");
    assert_true(auth_http_rules_init(&s->rules, path, error, sizeof(error)));
}

static void end(struct stage *s)
{
    auth_http_rules_fini(&s->rules);
    http_client_close(s->client);
    http_stand_close(&s->stand);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&s->loop), 0);
}

static void ask(struct stage *s)
{
    unsigned before = s->told;

    assert_non_null(
        auth_http_ask(s->client, &s->loop, &s->rules, &login, on_done, s));
    assert_int_equal(s->told, before);
    while (s->told == before)
        uv_run(&s->loop, UV_RUN_ONCE);
}

#define GOOD                                                        \
    "HTTP/1.0 200 OK\r\nAuth-Status: OK\r\nauth-server: office\r\n" \
    "Auth-User:  rose@example.com \r\nAuth-Pass: Merlin 8\r\n\r\nignored"

static void test_asked_and_answered(void **state)
{
    struct stage s;

    (void)state;
    begin(&s, GOOD);
    ask(&s);
    assert_int_equal(s.verdict, AUTH_HTTP_GRANTED);
    assert_string_equal(s.server, "office");
    assert_string_equal(s.user, "rose@example.com");
    assert_string_equal(s.pass, "Merlin 8");
    assert_string_equal(s.failure, "");
    assert_non_null(strstr(s.stand.request, "GET / HTTP/1."));
    assert_non_null(strstr(s.stand.request,
                           "\r\nAuth-Method: plain\r\nAuth-User: rose\r\n"
                           "Auth-Pass: Kestrel%207\r\nAuth-Protocol: pop3\r\n"
                           "Auth-Login-Attempt: 2\r\n"
                           "Client-IP: 192.0.2.42\r\n"
                           "X-Auth-Key: a secret of ours\r\n"
                           "X-Site: north\r\n"));
    end(&s);
}

static void test_of_no_use(void **state)
{
    static const struct {
        const char *answer;
        enum auth_http_verdict verdict;
        const char *failure;
    } table[] = {
        { "HTTP/1.1 503 No\r\nAuth-Status: OK\r\nContent-Length: 0\r\n\r\n",
          AUTH_HTTP_LATER, "failed" },
        { "HTTP/1.1 302 No\r\nLocation: http://127.0.0.1:1/\r\n"
          "Content-Length: 0\r\n\r\n",
          AUTH_HTTP_GARBLED, "no Auth-Status" },
        { "SSH-2.0-OpenSSH_9.2p1\r\n", AUTH_HTTP_LATER, "" },
        { "HTTP/1.1 200 OK\r\nAuth-Status: no\r\nContent-Length: 0\r\n\r\n",
          AUTH_HTTP_REFUSED, NULL },
        { NULL, AUTH_HTTP_LATER, "" },
    };
    struct stage s;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
        begin(&s, table[i].answer);
        if (table[i].answer == NULL)
            s.rules.timeout_ms = 50;
        ask(&s);
        assert_int_equal(s.verdict, table[i].verdict);
        if (table[i].failure == NULL) {
            assert_string_equal(s.failure, "");
        } else {
            assert_string_not_equal(s.failure, "");
            assert_non_null(strstr(s.failure, table[i].failure));
        }
        assert_string_equal(s.server, "(none)");
        end(&s);
    }
}

#define WAIT                                              \
    "HTTP/1.1 200 OK\r\nAuth-Status: WAIT\r\nAuth-Wait: " \
    "1\r\nContent-Length: 0\r\n\r\n"

/* The same question again, and in its time. */
static void test_asked_again(void **state)
{
    char first[HTTP_STAND_REQUEST_MAX];
    uint64_t began_ms;
    struct stage s;

    (void)state;
    begin(&s, WAIT);
    s.stand.answers[s.stand.answer_count++] = GOOD;
    ask(&s);
    assert_int_equal(s.verdict, AUTH_HTTP_WAIT);
    assert_int_equal(s.stand.requests, 1);
    keep(first, sizeof(first), s.stand.request);
    began_ms = uv_now(&s.loop);
    while (s.told == 1)
        uv_run(&s.loop, UV_RUN_ONCE);
    assert_true(uv_now(&s.loop) >= began_ms + 1000);
    assert_int_equal(s.verdict, AUTH_HTTP_GRANTED);
    assert_string_equal(s.stand.request, first);
    assert_int_equal(s.stand.requests, 2);
    end(&s);
    assert_int_equal(s.told, 2);
}

static void test_cancelled_while_it_waits(void **state)
{
    struct auth_http_ask *ask;
    struct stage s;

    (void)state;
    begin(&s, WAIT);
    ask = auth_http_ask(s.client, &s.loop, &s.rules, &login, on_done, &s);
    assert_non_null(ask);
    while (s.told == 0)
        uv_run(&s.loop, UV_RUN_ONCE);
    auth_http_cancel(ask);
    end(&s);
    assert_int_equal(s.told, 1);
    assert_int_equal(s.stand.requests, 1);
}

static void test_no_memory_to_ask_again(void **state)
{
    struct stage s;

    (void)state;
    begin(&s, WAIT);
    ask(&s);
    alloc_fail_at(1);
    while (s.told == 1)
        uv_run(&s.loop, UV_RUN_ONCE);
    alloc_fail_at(0);
    assert_int_equal(s.verdict, AUTH_HTTP_LATER);
    assert_string_equal(s.failure, "no memory");
    end(&s);
    assert_int_equal(s.told, 2);
}

static void test_cancelled(void **state)
{
    struct auth_http_ask *ask;
    struct stage s;

    (void)state;
    begin(&s, NULL);
    ask = auth_http_ask(s.client, &s.loop, &s.rules, &login, on_done, &s);
    assert_non_null(ask);
    while (s.stand.requests == 0)
        uv_run(&s.loop, UV_RUN_ONCE);
    auth_http_cancel(ask);
    auth_http_cancel(NULL);
    end(&s);
    assert_int_equal(s.told, 0);
}

static void test_no_memory(void **state)
{
    struct auth_http_ask *asked = NULL;
    struct stage s;
    unsigned long n;

    (void)state;
    begin(&s, GOOD);
    for (n = 1; asked == NULL; n++) {
        unsigned long needed;

        alloc_fail_at(n);
        asked = auth_http_ask(s.client, &s.loop, &s.rules, &login, on_done, &s);
        needed = alloc_fail_count();
        alloc_fail_at(0);
        /* libcurl can do without some of what it asks for. */
        if (asked != NULL && needed >= n) {
            auth_http_cancel(asked);
            asked = NULL;
        }
    }
    assert_true(n > 4);
    while (s.told == 0)
        uv_run(&s.loop, UV_RUN_ONCE);
    assert_int_equal(s.verdict, AUTH_HTTP_GRANTED);
    end(&s);
}

static void test_header_file(void **state)
{
    static const struct {
        const char *text;
        const char *why;
    } table[] = {
        { "X-Auth-Key\n", "Name: value" },
        { ": secret\n", "Name: value" },
        { "X Key: secret\n", "Name: value" },
        { "X-Auth-Key:  \n", "without a value" },
        { "X-Auth-Key: a\vb\n", "control" },
        { "auth-user: boss\n", "question itself" },
        { "Client-IP: 127.0.0.1\n", "question itself" },
        { "host: elsewhere\n", "question itself" },
        { "A: 1\nA: 1\nA: 1\nA: 1\nA: 1\nA: 1\nA: 1\nA: 1\nA: 1\n",
          "too many" },
        { "", "empty" },
    };
    char error[256];

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
        struct auth_http_rules rules = { .url = "http://127.0.0.1" };

        hold(table[i].text);
        assert_false(auth_http_rules_init(&rules, path, error, sizeof(error)));
        assert_memory_equal(error, path, strlen(path));
        assert_non_null(strstr(error, table[i].why));
        auth_http_rules_fini(&rules);
    }
}

static void test_header_file_and_memory(void **state)
{
    struct auth_http_rules rules = { .url = "http://127.0.0.1" };
    char error[256];

    (void)state;
    hold("X-Auth-Key: secret");
    for (unsigned long n = 1; n <= 2; n++) {
        alloc_fail_at(n);
        assert_false(auth_http_rules_init(&rules, path, error, sizeof(error)));
        alloc_fail_at(0);
        assert_non_null(strstr(error, "no memory"));
        auth_http_rules_fini(&rules);
    }
    assert_true(auth_http_rules_init(&rules, NULL, error, sizeof(error)));
    assert_int_equal(rules.header_count, 0);
    auth_http_rules_fini(&rules);
}

static int prepare(void **state)
{
    int fd = mkstemp(path);

    (void)state;
    if (fd < 0 || close(fd) != 0)
        return -1;
    return http_client_prepare_process() ? 0 : -1;
}

static int tidy(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asked_and_answered),
        cmocka_unit_test(test_of_no_use),
        cmocka_unit_test(test_asked_again),
        cmocka_unit_test(test_no_memory_to_ask_again),
        cmocka_unit_test(test_cancelled_while_it_waits),
        cmocka_unit_test(test_cancelled),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_header_file),
        cmocka_unit_test(test_header_file_and_memory),
    };

    return cmocka_run_group_tests(tests, prepare, tidy);
}
