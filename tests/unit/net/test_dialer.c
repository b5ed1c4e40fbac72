/* test_dialer.c - to a host of many addresses, or not; and listening. */
#include "net/dialer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/address.h"
#include "net/listener.h"
#include "net/tcp.h"

struct outcome {
    unsigned calls;
    uv_tcp_t *tcp;
    const char *failure;
    struct address_text peer;
};

static void on_dialed(void *owner, uv_tcp_t *tcp, const char *failure)
{
    struct outcome *o = owner;
    union address peer;

    o->calls++;
    o->tcp = tcp;
    o->failure = failure;
    if (tcp == NULL)
        return;
    peer = address_of_peer(tcp);
    o->peer = address_describe(&peer);
    tcp_discard(tcp);
}

/* A port with somebody behind it, at that address only. */
static int listen_at(const char *host, uint16_t *port)
{
    char error[256] = "";
    int fd = listener_bind(host, *port, true, error, sizeof(error));
    struct sockaddr_storage name;
    socklen_t len = sizeof(name);
    const void *as_is = &name;

    assert_string_equal(error, "");
    assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &len), 0);
    *port = name.ss_family == AF_INET
                ? ntohs(((const struct sockaddr_in *)as_is)->sin_port)
                : ntohs(((const struct sockaddr_in6 *)as_is)->sin6_port);
    return fd;
}

/* The loop ends by itself: the dialer leaves nothing behind. */
static struct outcome dial(const char *host, uint16_t port)
{
    struct outcome o = { 0 };
    uv_loop_t loop;

    assert_int_equal(uv_loop_init(&loop), 0);
    assert_non_null(dialer_start(&loop, host, port, on_dialed, &o));
    assert_int_equal(o.calls, 0); /* never from within */
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    assert_int_equal(o.calls, 1);
    return o;
}

static void test_an_address(void **state)
{
    uint16_t port = 0;
    int fd = listen_at("127.0.0.1", &port);
    struct outcome o = dial("127.0.0.1", port);

    (void)state;
    assert_non_null(o.tcp);
    assert_null(o.failure);
    assert_string_equal(o.peer.host, "127.0.0.1");
    assert_int_equal(o.peer.port, port);
    close(fd);
}

/* localhost is ::1 and 127.0.0.1; wherever somebody listens, it is found. */
static void test_a_name_with_several_addresses(void **state)
{
    uint16_t port = 0;
    int fd = listen_at("127.0.0.1", &port);
    struct outcome o = dial("localhost", port);

    (void)state;
    assert_non_null(o.tcp);
    assert_string_equal(o.peer.host, "127.0.0.1");
    close(fd);
}

static void test_nobody_there(void **state)
{
    uint16_t port = 0;
    struct outcome o;

    (void)state;
    close(listen_at("127.0.0.1", &port));
    o = dial("127.0.0.1", port);
    assert_null(o.tcp);
    assert_string_equal(o.failure, "connection refused");
    o = dial("localhost", port);
    assert_null(o.tcp);
    assert_non_null(o.failure);
}

static void test_no_such_name(void **state)
{
    struct outcome o = dial("no such host", 993);

    (void)state;
    assert_null(o.tcp);
    assert_non_null(o.failure);
}

/* Whenever it is cancelled: no call, and nothing left behind. */
static void test_cancelling(void **state)
{
    static const char *const hosts[] = { "127.0.0.1", "localhost",
                                         "192.0.2.1" };
    uint16_t port = 0;
    int fd = listen_at("127.0.0.1", &port);

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(hosts); i++) {
        for (int turns = 0; turns < 4; turns++) {
            struct outcome o = { 0 };
            struct dialer *d;
            uv_loop_t loop;

            assert_int_equal(uv_loop_init(&loop), 0);
            d = dialer_start(&loop, hosts[i], port, on_dialed, &o);
            assert_non_null(d);
            for (int t = 0; t < turns && o.calls == 0; t++)
                uv_run(&loop, UV_RUN_NOWAIT);
            if (o.calls == 0) {
                dialer_cancel(d);
                uv_run(&loop, UV_RUN_DEFAULT);
                assert_int_equal(o.calls, 0);
            }
            uv_run(&loop, UV_RUN_DEFAULT);
            assert_int_equal(uv_loop_close(&loop), 0);
        }
    }
    dialer_cancel(NULL);
    close(fd);
}

/* --- listening --- */

static void test_binding(void **state)
{
    char error[256] = "";
    char expected[64];
    uint16_t port = 0;
    int first = listen_at("127.0.0.1", &port);
    int second;

    (void)state;
    /* Another worker shares the port, another process must not. */
    second = listener_bind("127.0.0.1", port, false, error, sizeof(error));
    assert_true(second >= 0);
    assert_int_equal(
        listener_bind("127.0.0.1", port, true, error, sizeof(error)), -1);
    snprintf(expected, sizeof(expected), "127.0.0.1:%u: address already in use",
             port);
    assert_string_equal(error, expected);
    assert_int_equal(
        listener_bind("localhost", port, false, error, sizeof(error)), -1);
    snprintf(expected, sizeof(expected), "localhost:%u: invalid argument",
             port);
    assert_string_equal(error, expected);
    close(first);
    close(second);
}

struct visits {
    unsigned count;
    struct address_text last;
    struct listener *listener;
};

static void on_accepted(void *owner, uv_tcp_t *tcp)
{
    struct visits *v = owner;
    union address peer = address_of_peer(tcp);

    v->count++;
    v->last = address_describe(&peer);
    tcp_discard(tcp);
    if (v->count == 2)
        listener_close(v->listener);
}

static void on_paused(void *owner, const char *reason)
{
    (void)owner;
    fail_msg("%s", reason);
}

/* One socket takes both families, and shows IPv4 as IPv4. */
static void test_both_families_at_one_socket(void **state)
{
    struct visits v = { 0 };
    struct outcome o = { 0 };
    uint16_t port = 0;
    uv_loop_t loop;
    int fd = listen_at("::", &port);

    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    v.listener = listener_new(&loop, fd, on_accepted, on_paused, &v);
    assert_non_null(v.listener);
    assert_non_null(dialer_start(&loop, "127.0.0.1", port, on_dialed, &o));
    while (v.count < 1)
        uv_run(&loop, UV_RUN_ONCE);
    assert_string_equal(v.last.host, "127.0.0.1");
    assert_non_null(dialer_start(&loop, "::1", port, on_dialed, &o));
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(v.count, 2);
    assert_string_equal(v.last.host, "::1");
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_address),
        cmocka_unit_test(test_a_name_with_several_addresses),
        cmocka_unit_test(test_nobody_there),
        cmocka_unit_test(test_no_such_name),
        cmocka_unit_test(test_cancelling),
        cmocka_unit_test(test_binding),
        cmocka_unit_test(test_both_families_at_one_socket),
    };

    return cmocka_run_group_tests_name("net/dialer", tests, NULL, NULL);
}
