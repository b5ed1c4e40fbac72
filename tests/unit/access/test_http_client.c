/* test_http_client.c - asked and answered, cut off, silent, endless, cancelled. */
#include "access/http_client.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "access/http_url.h"
#include "support/alloc_fail.h"
#include "support/http_stand.h"

struct stage {
    uv_loop_t loop;
    struct http_stand stand;
    struct http_client *client;
    unsigned told;
    enum http_outcome outcome;
    unsigned status;
    char body[256];
    char field[64];
    bool close_when_told;
};

static void on_done(void *owner, const struct http_answer *answer)
{
    struct stage *s = owner;
    const char *field;

    s->told++;
    s->outcome = answer->outcome;
    s->status = answer->status;
    if (answer->outcome != HTTP_ANSWERED) {
        assert_true(answer->failure[0] != '\0');
        return;
    }
    assert_string_equal(answer->failure, "");
    (void)snprintf(s->body, sizeof(s->body), "%.*s", (int)answer->body.len,
                   (const char *)answer->body.data);
    field = http_answer_field(answer, "auth-status");
    (void)snprintf(s->field, sizeof(s->field), "%s",
                   field != NULL ? field : "(none)");
    assert_null(http_answer_field(answer, "Auth-Other"));
    if (s->close_when_told)
        http_client_close(s->client);
}

static void begin(struct stage *s)
{
    memset(s, 0, sizeof(*s));
    assert_int_equal(uv_loop_init(&s->loop), 0);
    http_stand_open(&s->stand, &s->loop);
    s->client = http_client_new(&s->loop);
    assert_non_null(s->client);
}

/* The loop ends by itself: nothing is left behind. */
static void end(struct stage *s)
{
    if (!s->close_when_told)
        http_client_close(s->client);
    http_stand_close(&s->stand);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&s->loop), 0);
}

static void answer_with(struct stage *s, const char *text)
{
    s->stand.answers[s->stand.answer_count++] = text;
}

static struct http_request to(const struct stage *s)
{
    return (struct http_request){
        .url = s->stand.url,
        .timeout_ms = 10000,
        .answer_max = 100,
    };
}

static void ask(struct stage *s, const struct http_request *request)
{
    unsigned before = s->told;

    assert_non_null(http_client_send(s->client, request, on_done, s));
    assert_int_equal(s->told, before); /* never from within */
    while (s->told == before)
        uv_run(&s->loop, UV_RUN_ONCE);
}

#define GOOD \
    "HTTP/1.1 200 OK\r\nAuth-Status: OK\r\nContent-Length: 4\r\n\r\nword"

static void test_get(void **state)
{
    static const char *const fields[] = { "Auth-User: someone",
                                          "Auth-Pass: secret" };
    struct stage s;
    struct http_request request;

    (void)state;
    begin(&s);
    answer_with(&s, GOOD);
    request = to(&s);
    request.fields = fields;
    request.field_count = 2;
    ask(&s, &request);
    assert_int_equal(s.outcome, HTTP_ANSWERED);
    assert_int_equal(s.status, 200);
    assert_string_equal(s.body, "word");
    assert_string_equal(s.field, "OK");
    assert_non_null(strstr(s.stand.request, "GET / HTTP/1.1\r\n"));
    assert_non_null(strstr(s.stand.request, "\r\nAuth-User: someone\r\n"));
    assert_non_null(strstr(s.stand.request, "\r\nAuth-Pass: secret\r\n"));
    end(&s);
}

static void test_post(void **state)
{
    struct stage s;
    struct http_request request;

    (void)state;
    begin(&s);
    answer_with(&s, "HTTP/1.1 400 Bad\r\nContent-Length: 2\r\n\r\n{}");
    answer_with(&s, GOOD);
    request = to(&s);
    request.content_type = "application/x-www-form-urlencoded";
    request.body = SPAN_LITERAL("a=b&c=d");
    ask(&s, &request);
    assert_int_equal(s.outcome, HTTP_ANSWERED);
    assert_int_equal(s.status, 400);
    assert_string_equal(s.body, "{}");
    assert_string_equal(s.field, "(none)");
    assert_non_null(strstr(s.stand.request, "POST / HTTP/1.1\r\n"));
    assert_non_null(strstr(s.stand.request,
                           "\r\nContent-Type: "
                           "application/x-www-form-urlencoded\r\n"));
    assert_non_null(strstr(s.stand.request, "\r\n\r\na=b&c=d"));
    request.body = SPAN_LITERAL("");
    ask(&s, &request);
    assert_int_equal(s.status, 200);
    assert_non_null(strstr(s.stand.request, "\r\nContent-Length: 0\r\n"));
    end(&s);
}

/* The question may hold a secret: it goes nowhere else. */
static void test_redirect_is_an_answer(void **state)
{
    struct stage s;
    struct http_request request;

    (void)state;
    begin(&s);
    answer_with(&s, "HTTP/1.1 307 Elsewhere\r\nLocation: /b\r\n"
                    "Content-Length: 0\r\n\r\n");
    request = to(&s);
    ask(&s, &request);
    assert_int_equal(s.status, 307);
    assert_int_equal(s.stand.requests, 1);
    end(&s);
}

static void test_too_big(void **state)
{
    struct stage s;
    struct http_request request;

    (void)state;
    begin(&s);
    answer_with(&s, GOOD);
    answer_with(&s, "HTTP/1.1 200 OK\r\n\r\nand five");
    request = to(&s);
    request.answer_max = 4;
    ask(&s, &request);
    assert_int_equal(s.outcome, HTTP_ANSWERED);
    ask(&s, &request);
    assert_int_equal(s.outcome, HTTP_TOO_BIG);
    end(&s);
}

static void test_silent_gone_and_absent(void **state)
{
    struct stage s;
    struct http_request request;

    (void)state;
    begin(&s);
    answer_with(&s, NULL);
    answer_with(&s, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
    request = to(&s);
    request.timeout_ms = 50;
    ask(&s, &request);
    assert_int_equal(s.outcome, HTTP_TIMED_OUT);
    request.timeout_ms = 10000;
    ask(&s, &request);
    assert_int_equal(s.outcome, HTTP_UNREACHABLE);
    request.url = "http://127.0.0.1:1/";
    ask(&s, &request);
    assert_int_equal(s.outcome, HTTP_UNREACHABLE);
    end(&s);
}

static void test_cancelled_and_closed(void **state)
{
    struct stage s;
    struct http_request request;
    struct http_exchange *e;

    (void)state;
    begin(&s);
    answer_with(&s, NULL);
    answer_with(&s, GOOD);
    request = to(&s);
    e = http_client_send(s.client, &request, on_done, &s);
    assert_non_null(e);
    while (s.stand.requests == 0)
        uv_run(&s.loop, UV_RUN_ONCE);
    http_exchange_cancel(e);
    http_exchange_cancel(NULL);
    /* One that is told closes all; the other hears nothing. */
    s.close_when_told = true;
    assert_non_null(http_client_send(s.client, &request, on_done, &s));
    assert_non_null(http_client_send(s.client, &request, on_done, &s));
    while (s.told == 0)
        uv_run(&s.loop, UV_RUN_ONCE);
    end(&s);
    assert_int_equal(s.told, 1);
}

static void test_permitted(void **state)
{
    static const struct {
        const char *url;
        bool in_clear;
        bool permitted;
    } cases[] = {
        { "https://example.com/token", false, true },
        { "http://127.0.0.1:80/a", false, true },
        { "http://127.3.2.1/a", false, true },
        { "http://[::1]:8080/a", false, true },
        { "http://LOCALHOST/a", false, true },
        { "http://example.com/a", false, false },
        { "http://example.com/a", true, true },
        { "http://localhost.example.com/a", false, false },
        { "http://192.0.2.1/a", false, false },
        { "http://[::2]/a", false, false },
        { "http://127.0.0.1.example.com/", false, false },
        { "https://user:secret@example.com/", true, false },
        { "file:///etc/passwd", true, false },
        { "ftp://example.com/", true, false },
        { "example.com", true, false },
        { "", true, false },
    };
    struct stage s;
    struct http_request request;
    const char *why;

    (void)state;
    begin(&s);
    request = to(&s);
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        assert_int_equal(
            http_url_is_permitted(cases[i].url, cases[i].in_clear, &why),
            cases[i].permitted);
        assert_true((why == NULL) == cases[i].permitted);
        request.url = cases[i].url;
        if (!cases[i].permitted && !cases[i].in_clear)
            assert_null(http_client_send(s.client, &request, on_done, &s));
    }
    end(&s);
}

/* What was asked and answered is wiped before libcurl gives it back. */
static bool saw_secret;
static unsigned freed;

static void look(const unsigned char *memory, size_t size)
{
    freed++;
    if (memmem(memory, size, "pl4nted", 7) != NULL)
        saw_secret = true;
}

static void test_wiped(void **state)
{
    static const char *const fields[] = { "Auth-Pass: pl4nted-1" };
    static const char text[] = "HTTP/1.1 200 OK\r\nX-Token: pl4nted-2\r\n"
                               "Content-Length: 9\r\n\r\npl4nted-3";
    struct stage s;
    struct http_request request;

    (void)state;
    begin(&s);
    answer_with(&s, text);
    request = to(&s);
    request.fields = fields;
    request.field_count = 1;
    request.content_type = "text/plain";
    request.body = SPAN_LITERAL("pl4nted-4");
    s.close_when_told = true;
    saw_secret = false;
    freed = 0;
    alloc_watch_free(look);
    assert_non_null(http_client_send(s.client, &request, on_done, &s));
    while (s.told == 0)
        uv_run(&s.loop, UV_RUN_ONCE);
    end(&s);
    alloc_watch_free(NULL);
    assert_true(freed > 20);
    assert_false(saw_secret);
    assert_int_equal(s.outcome, HTTP_ANSWERED);
}

static void test_no_memory(void **state)
{
    struct stage s;
    struct http_request request;
    unsigned long n;
    bool sent = false;

    (void)state;
    begin(&s);
    answer_with(&s, GOOD);
    request = to(&s);
    for (n = 1; !sent; n++) {
        struct http_exchange *e;

        alloc_fail_at(n);
        e = http_client_send(s.client, &request, on_done, &s);
        sent = e != NULL && alloc_fail_count() < n;
        alloc_fail_at(0);
        http_exchange_cancel(e);
    }
    assert_true(n > 5);
    ask(&s, &request);
    assert_int_equal(s.outcome, HTTP_ANSWERED);
    end(&s);
}

static int prepare(void **state)
{
    (void)state;
    return http_client_prepare_process() ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_post),
        cmocka_unit_test(test_redirect_is_an_answer),
        cmocka_unit_test(test_too_big),
        cmocka_unit_test(test_silent_gone_and_absent),
        cmocka_unit_test(test_cancelled_and_closed),
        cmocka_unit_test(test_permitted),
        cmocka_unit_test(test_wiped),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, prepare, NULL);
}
