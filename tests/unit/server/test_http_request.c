/* test_http_request.c - rows HTTP-1 to HTTP-15 as far as a request shows them.
 *
 * Each input is read whole, cut at every octet, and octet by octet. The trace
 * has a line a request: method, path and whether the connection goes on, or
 * what is wrong; after an error nothing more is read, so a request hidden
 * behind it would show.
 */
#include "server/http_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/cut.h"

static const char *const method_names[] = {
    [HTTP_METHOD_GET] = "GET",
    [HTTP_METHOD_HEAD] = "HEAD",
    [HTTP_METHOD_NOT_ALLOWED] = "405",
    [HTTP_METHOD_UNKNOWN] = "unknown",
};

/* A connection as the status server keeps it: after a request that is not to
 * be followed by another, and after an error, nothing is read.
 */
struct connection {
    struct http_reader reader;
    bool over;
};

static void start(void *context)
{
    struct connection *c = context;

    http_reader_init(&c->reader);
    c->over = false;
}

static void note(struct buf *trace, const struct http_request *request,
                 bool bad)
{
    (void)buf_append_string(trace, method_names[request->method]);
    (void)buf_append_octet(trace, ' ');
    if (bad) {
        (void)buf_append_string(trace, "error ");
        (void)buf_append_number(trace, request->error);
    } else {
        (void)buf_append(trace, request->path);
        (void)buf_append_string(trace,
                                request->keep_alive ? " keep" : " close");
    }
    (void)buf_append_octet(trace, '\n');
}

static void feed(void *context, struct span *in, struct buf *trace)
{
    struct connection *c = context;
    struct http_request request;
    enum http_request_status status;

    while (!c->over) {
        status = http_request_next(&c->reader, in, &request);
        if (status == HTTP_REQUEST_MORE)
            break;
        note(trace, &request, status == HTTP_REQUEST_BAD);
        c->over = status == HTTP_REQUEST_BAD || !request.keep_alive;
        if (status == HTTP_REQUEST_BAD)
            assert_int_equal(http_request_next(&c->reader, in, &request),
                             HTTP_REQUEST_BAD);
    }
    if (c->over)
        (void)span_take(in, in->len);
}

static void check(const char *input, const char *expected)
{
    struct connection c;
    const struct cut_subject subject = { start, feed, NULL, &c };

    cut_check(&subject, span_from_string(input), span_from_string(expected));
}

#define H "Host: a\r\n"
#define GET "GET /x HTTP/1.1\r\n" H
#define NEXT GET "\r\n"

/* HTTP-1, HTTP-3, HTTP-4 */
static void test_methods(void **state)
{
    static const char *const refused[] = { "POST",    "PUT",   "DELETE",
                                           "OPTIONS", "TRACE", "PATCH" };
    static const char *const unknown[] = { "get",     "Get",      "BREW",
                                           "GETX",    "GE",       "PROPFIND",
                                           "PRI",     "M-SEARCH", "SOURCE",
                                           "DESCRIBE" };
    char line[128];

    (void)state;
    check("GET / HTTP/1.1\r\n" H "\r\n", "GET / keep\n");
    check("HEAD /a HTTP/1.1\r\n" H "\r\n", "HEAD /a keep\n");
    for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
        (void)snprintf(line, sizeof(line), "%s /x HTTP/1.1\r\n" H "\r\n",
                       refused[i]);
        check(line, "405  keep\n");
    }
    for (size_t i = 0; i < ARRAY_LENGTH(unknown); i++) {
        (void)snprintf(line, sizeof(line), "%s / HTTP/1.1\r\n" H "\r\n" NEXT,
                       unknown[i]);
        check(line, "unknown error 501\n");
    }
    check("OPTIONS * HTTP/1.1\r\n" H "\r\n", "405  keep\n");
    check("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n" NEXT, "405  close\n");
}

/* HTTP-4: the query is cut off, and nothing is decoded. */
static void test_targets(void **state)
{
    (void)state;
    check("GET /metrics?x=1 HTTP/1.1\r\n" H "\r\n", "GET /metrics keep\n");
    check("GET /metrics? HTTP/1.1\r\n" H "\r\n", "GET /metrics keep\n");
    check("GET /%6detrics HTTP/1.1\r\n" H "\r\n", "GET /%6detrics keep\n");
    check("GET //a/../b HTTP/1.1\r\n" H "\r\n", "GET //a/../b keep\n");
    check("GET /a#b HTTP/1.1\r\n" H "\r\n" NEXT, "GET error 400\n");
    check("GET * HTTP/1.1\r\n" H "\r\n" NEXT, "GET error 400\n");
    check("GET a HTTP/1.1\r\n" H "\r\n" NEXT, "GET error 400\n");
    check("GET a:80 HTTP/1.1\r\n" H "\r\n" NEXT, "GET error 400\n");
    check("GET /\xC3\xA4 HTTP/1.1\r\n" H "\r\n" NEXT, "unknown error 400\n");
}

/* HTTP-5 */
static void test_host(void **state)
{
    static const char *const good[] = { "a",     "a.b-c_d:80", "127.0.0.1:8110",
                                        "[::1]", "[::1]:8110", "a:",
                                        "a%20b", "  a  ",      "\ta\t" };
    static const char *const bad[] = {
        "",         " ",        "a b",  "a, b",  "a/b", "a@b",
        "a:b",      "a:80:80",  ":80",  "[::1",  "[]",  "[x]",
        "a:123456", "\xC3\xA4", "a\\b", "\"a\"", "<a>"
    };
    char line[128];

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
        (void)snprintf(line, sizeof(line), "GET / HTTP/1.1\r\nHost: %s\r\n\r\n",
                       good[i]);
        check(line, "GET / keep\n");
    }
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        (void)snprintf(line, sizeof(line),
                       "GET / HTTP/1.1\r\nHost: %s\r\n\r\n" NEXT, bad[i]);
        check(line, "GET error 400\n");
        (void)snprintf(line, sizeof(line),
                       "GET / HTTP/1.0\r\nHost: %s\r\n\r\n" NEXT, bad[i]);
        check(line, "GET error 400\n");
    }
    check("GET / HTTP/1.1\r\n\r\n" NEXT, "GET error 400\n");
    check("GET / HTTP/1.1\r\n" H H "\r\n" NEXT, "GET error 400\n");
    check("GET / HTTP/1.1\r\n" H "hOST: b\r\n\r\n" NEXT, "GET error 400\n");
    check("GET / HTTP/1.0\r\n" H H "\r\n" NEXT, "GET error 400\n");
    check("POST / HTTP/1.1\r\n\r\n" NEXT, "405 error 400\n");
    check("GET / HTTP/1.1\r\nHost:a\r\n\r\n", "GET / keep\n");
}

/* HTTP-6 */
static void test_absolute_form(void **state)
{
    (void)state;
    check("GET http://h/healthz HTTP/1.1\r\n" H "\r\n", "GET /healthz keep\n");
    check("GET HTTP://h:80/x?y HTTP/1.1\r\n" H "\r\n", "GET /x keep\n");
    check("GET http://[::1]:8110/x HTTP/1.1\r\n" H "\r\n", "GET /x keep\n");
    check("GET http://h HTTP/1.1\r\n" H "\r\n", "GET / keep\n");
    check("GET http://h?q HTTP/1.1\r\n" H "\r\n", "GET / keep\n");
    check("GET http:///x HTTP/1.1\r\n" H "\r\n" NEXT, "GET error 400\n");
    check("GET http://u@h/x HTTP/1.1\r\n" H "\r\n" NEXT, "GET error 400\n");
    check("GET http://h/x HTTP/1.1\r\n\r\n" NEXT, "GET error 400\n");
    check("GET ftp://h/x HTTP/1.1\r\n" H "\r\n" NEXT, "GET error 400\n");
}

/* HTTP-15: what is no request line. */
static void test_request_line(void **state)
{
    static const char *const bad[] = {
        " GET / HTTP/1.1",
        "GET  / HTTP/1.1",
        "GET / HTTP/1.1 ",
        "GET /  HTTP/1.1",
        "GET\t/ HTTP/1.1",
        "GET /\tHTTP/1.1",
        "GET / HTTP/1.1 x",
        "GET /a b HTTP/1.1",
        "GET /",
        "GET",
        "GET /  ",
        "GET / HTTP/1",
        "GET / HTTP/1.1.1",
        "GET / http/1.1",
        "GET / HTTP/x.y",
        "GET / HTTP/ 1.1",
        "GET / RTSP/1.0",
        "GET / ICE/1.0",
        "(GET) / HTTP/1.1",
        "\x16\x03\x01",
        "GET / HTTP/11",
        "GET / HTTP/1.10",
        "\xC3\xA4 / HTTP/1.1",
    };
    char line[128];
    struct connection c;
    const struct cut_subject subject = { start, feed, NULL, &c };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        struct http_request request;
        struct http_reader r;
        struct span in;

        (void)snprintf(line, sizeof(line), "%s\r\n" H "\r\n" NEXT, bad[i]);
        http_reader_init(&r);
        in = span_from_string(line);
        assert_int_equal(http_request_next(&r, &in, &request),
                         HTTP_REQUEST_BAD);
        assert_int_equal(request.error, HTTP_BAD_REQUEST);
        /* At the end of the line at the latest: HTTP/0.9 has no head. */
        assert_true(strlen(line) - in.len <= strlen(bad[i]) + 2);
        assert_false(request.keep_alive);
    }
    check("GET / HTTP/2.0\r\n" H "\r\n" NEXT, "GET error 505\n");
    check("GET / HTTP/1.2\r\n" H "\r\n" NEXT, "GET error 505\n");
    check("GET / HTTP/0.9\r\n" H "\r\n" NEXT, "GET error 505\n");
    check("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "unknown error 505\n");
    /* One empty line before a request is ignored, a second one is not. */
    check("\r\n" NEXT, "GET /x keep\n");
    check(NEXT "\r\n" NEXT, "GET /x keep\nGET /x keep\n");
    check("\r\n\r\n" NEXT, "unknown error 400\n");
    cut_check_literal(&subject, "GET /\0 HTTP/1.1\r\n" H "\r\n" NEXT,
                      "unknown error 400\n");
    cut_check_literal(&subject, GET "a: \0\r\n\r\n" NEXT, "GET error 400\n");
}

/* |head| and |count| times |c| and |tail|, read at once. */
static enum http_code read_long(const char *head, char c, size_t count,
                                const char *tail)
{
    size_t size = strlen(head) + count + strlen(tail);
    char *text = malloc(size);
    struct http_reader *r = malloc(sizeof(*r));
    struct http_request request;
    enum http_request_status status;
    struct span in;

    assert_non_null(text);
    assert_non_null(r);
    memcpy(text, head, strlen(head));
    memset(text + strlen(head), c, count);
    memcpy(text + strlen(head) + count, tail, strlen(tail));
    in = span_make(text, size);
    http_reader_init(r);
    status = http_request_next(r, &in, &request);
    assert_int_not_equal(status, HTTP_REQUEST_MORE);
    free(text);
    free(r);
    return status == HTTP_REQUEST_READY ? HTTP_OK : request.error;
}

/* HTTP-7: HTTP_REQUEST_LINE_MAX is the line with its CRLF. */
static void test_long_target(void **state)
{
    const char *tail = " HTTP/1.1\r\n" H "\r\n";
    size_t rest = strlen("GET / HTTP/1.1\r\n");

    (void)state;
    assert_int_equal(read_long("GET /", 'a', 8000 - rest + 2, tail), HTTP_OK);
    assert_int_equal(
        read_long("GET /", 'a', HTTP_REQUEST_LINE_MAX - rest, tail), HTTP_OK);
    assert_int_equal(
        read_long("GET /", 'a', HTTP_REQUEST_LINE_MAX - rest + 1, tail),
        HTTP_TARGET_TOO_LONG);
    assert_int_equal(read_long("GET /", 'a', 9000, tail), HTTP_TARGET_TOO_LONG);
    assert_int_equal(read_long("", 'a', 9000, tail), HTTP_TARGET_TOO_LONG);
}

static void check_fields(size_t count, const char *expected)
{
    struct connection c;
    const struct cut_subject subject = { start, feed, NULL, &c };
    struct buf text;

    buf_init(&text, 4096);
    (void)buf_append_string(&text, "GET / HTTP/1.1\r\n" H);
    for (size_t i = 1; i < count; i++)
        (void)buf_append_string(&text, "a: b\r\n");
    assert_true(buf_append_string(&text, "\r\n" NEXT));
    cut_check(&subject, buf_span(&text), span_from_string(expected));
    buf_fini(&text);
}

/* HTTP-8 */
static void test_large_head(void **state)
{
    const char *head = GET "a: ";
    const char *tail = "\r\n\r\n";
    size_t rest = strlen(head) + strlen(tail);

    (void)state;
    assert_int_equal(read_long(head, 'a', HTTP_HEAD_MAX - rest, tail), HTTP_OK);
    assert_int_equal(read_long(head, 'a', HTTP_HEAD_MAX - rest + 1, tail),
                     HTTP_HEAD_TOO_LARGE);
    assert_int_equal(read_long(GET, 'a', HTTP_HEAD_MAX, tail),
                     HTTP_HEAD_TOO_LARGE);
    check_fields(HTTP_FIELDS_MAX, "GET / keep\nGET /x keep\n");
    check_fields(HTTP_FIELDS_MAX + 1, "GET error 431\n");
}

/* HTTP-9, HTTP-10 */
static void test_field_lines(void **state)
{
    static const char *const bad[] = {
        "Host : a\r\n",
        "Host\t: a\r\n",
        " a: b\r\n",
        "\ta: b\r\n",
        "a: b\r\n c\r\n",
        "a: b\r\n\tc\r\n",
        "a: b\rc\r\n",
        "a: b\r\r\n",
        "\ra: b\r\n",
        "a: b\n",
        "\n",
        ": b\r\n",
        "a\r\n",
        "a b: c\r\n",
        "a(: c\r\n",
        "a: \x7f\r\n",
        "a: \x01\r\n",
        "\xC3\xA4: b\r\n",
        "a: b\r\n\r \r\n",
        "a: b\vc\r\n",
    };
    char text[256];

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        (void)snprintf(text, sizeof(text), GET "%s\r\n" NEXT, bad[i]);
        check(text, "GET error 400\n");
    }
    /* Blank-led right behind the request line. */
    check("GET / HTTP/1.1\r\n " H "\r\n" NEXT, "GET error 400\n");
    check("GET / HTTP/1.1\r\n \r\n" H "\r\n" NEXT, "GET error 400\n");
    check("GET / HTTP/1.1\n" H "\r\n" NEXT, "unknown error 400\n");
    check("GET / HTTP/1.1\r" H "\r\n" NEXT, "unknown error 400\n");
    check(GET "a:\r\nb:  \t \r\nc: \xC3\xA4 d\te\r\n\r\n", "GET /x keep\n");
}

/* HTTP-11, HTTP-12, HTTP-13: a hidden request is never answered. */
static void test_bodies(void **state)
{
    static const char *const bad[] = {
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: chunked, gzip\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked,\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: \"chunked\"\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: \vchunked\r\n",
        "Transfer-Encoding:\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -5\r\n",
        "Content-Length: 5, 6\r\n",
        "Content-Length: 5,5\r\n",
        "Content-Length: 5 5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 5a\r\n",
        "Content-Length:\r\n",
        "Content-Length: 999999999999999999999999999999\r\n",
        "Content-Length: 18446744073709551616\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 0\r\nContent-Length: 0\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
    };
    char text[512];

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        (void)snprintf(text, sizeof(text), GET "%s\r\n0\r\n\r\n" NEXT, bad[i]);
        check(text, "GET error 400\n");
    }
    check("GET /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" NEXT,
          "GET error 400\n");
    check(GET "Content-Length: 5\r\n\r\nhello" NEXT, "GET /x close\n");
    check("POST /x HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello" NEXT,
          "405  close\n");
    check(GET "Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n" NEXT,
          "GET /x close\n");
    check(GET "Content-Length: 0\r\n\r\n" NEXT, "GET /x keep\nGET /x keep\n");
    check(GET "Content-Length: 00\r\n\r\n" NEXT, "GET /x keep\nGET /x keep\n");
    check(GET "Upgrade: h2c\r\nConnection: upgrade\r\n\r\n" NEXT,
          "GET /x keep\nGET /x keep\n");
}

/* HTTP-14 */
static void test_persistence(void **state)
{
    (void)state;
    check(NEXT NEXT NEXT, "GET /x keep\nGET /x keep\nGET /x keep\n");
    check(GET "Connection: close\r\n\r\n" NEXT, "GET /x close\n");
    check(GET "Connection: ClOsE\r\n\r\n" NEXT, "GET /x close\n");
    check(GET "Connection: x, close\r\n\r\n" NEXT, "GET /x close\n");
    check(GET "Connection: x,close ,y\r\n\r\n" NEXT, "GET /x close\n");
    check(GET "Connection: keep-alive\r\nConnection: close\r\n\r\n" NEXT,
          "GET /x close\n");
    check(GET "Connection: close\r\nConnection: keep-alive\r\n\r\n" NEXT,
          "GET /x close\n");
    check(GET "Connection: closed\r\n\r\n" NEXT, "GET /x keep\nGET /x keep\n");
    check("GET / HTTP/1.0\r\n\r\n" NEXT, "GET / close\n");
    check("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" NEXT,
          "GET / keep\nGET /x keep\n");
    check("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n" NEXT,
          "GET / close\n");
    check("GET / HTTP/1.0\r\nConnection: close\r\nConnection: keep-alive\r\n"
          "\r\n" NEXT,
          "GET / close\n");
}

/* HTTP-15: what cannot become a request is refused at its first octet. */
static void test_first_octet(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        unsigned char octet = (unsigned char)c;
        struct span in = span_make(&octet, 1);
        bool may_begin =
            c == '\r' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
            (c >= 'a' && c <= 'z') ||
            (c > ' ' && c < 0x7f && strchr("!#$%&'*+-.^_`|~", (int)c) != NULL);
        struct http_request request;
        struct http_reader r;

        http_reader_init(&r);
        assert_int_equal(http_request_next(&r, &in, &request),
                         may_begin ? HTTP_REQUEST_MORE : HTTP_REQUEST_BAD);
    }
}

static void test_has_begun(void **state)
{
    struct http_reader r;
    struct http_request request;
    struct span in = SPAN_LITERAL("\r\n");

    (void)state;
    http_reader_init(&r);
    assert_false(http_reader_has_begun(&r));
    assert_int_equal(http_request_next(&r, &in, &request), HTTP_REQUEST_MORE);
    assert_false(http_reader_has_begun(&r));
    in = SPAN_LITERAL("G");
    assert_int_equal(http_request_next(&r, &in, &request), HTTP_REQUEST_MORE);
    assert_true(http_reader_has_begun(&r));
    in = SPAN_LITERAL("ET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_int_equal(http_request_next(&r, &in, &request), HTTP_REQUEST_READY);
    assert_int_equal(http_request_next(&r, &in, &request), HTTP_REQUEST_MORE);
    assert_false(http_reader_has_begun(&r));
}

int main(void)
{
    const struct CMUnitTest http_request[] = {
        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_host),
        cmocka_unit_test(test_absolute_form),
        cmocka_unit_test(test_request_line),
        cmocka_unit_test(test_long_target),
        cmocka_unit_test(test_large_head),
        cmocka_unit_test(test_field_lines),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_persistence),
        cmocka_unit_test(test_first_octet),
        cmocka_unit_test(test_has_begun),
    };

    return cmocka_run_group_tests(http_request, NULL, NULL);
}
