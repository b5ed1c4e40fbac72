/* test_listener.c - who accepts, where several sockets share an address and some
 * of them go.
 */
#include "net/listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/tcp.h"

#define OLD 3 /* sockets of the process that goes */
#define NEW 3 /* of the one that comes */
#define ALL (OLD + NEW)
#define CLIENTS 40

struct place {
    struct listener *listener;
    unsigned accepted;
    bool drained;
};

static uv_loop_t loop;
static struct place places[ALL];
static uint16_t port;

static void on_accepted(void *owner, uv_tcp_t *tcp)
{
    struct place *p = owner;

    p->accepted++;
    tcp_discard(tcp);
}

static void on_paused(void *owner, const char *reason)
{
    (void)owner;
    fail_msg("%s", reason);
}

static void on_drained(void *owner)
{
    struct place *p = owner;

    p->drained = true;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_in at;
    socklen_t size = sizeof(at);

    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    return ntohs(at.sin_port);
}

static void listen_all(void)
{
    char error[128];

    assert_int_equal(uv_loop_init(&loop), 0);
    port = 0;
    for (unsigned i = 0; i < ALL; i++) {
        int fd = listener_bind("127.0.0.1", port, false, error, sizeof(error));

        assert_true(fd >= 0);
        port = port_of(fd);
        places[i] = (struct place){ .accepted = 0 };
        places[i].listener =
            listener_new(&loop, fd, on_accepted, on_paused, &places[i]);
        assert_non_null(places[i].listener);
    }
}

static void close_rest(void)
{
    for (unsigned i = 0; i < ALL; i++)
        if (!places[i].drained)
            listener_close(places[i].listener);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

/* So many connections that nobody has accepted yet: the kernel alone makes
 * them.
 */
static void connect_all(int *clients)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_port = htons(port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(
            connect(clients[i], (struct sockaddr *)&at, sizeof(at)), 0);
    }
}

/* Each was closed by its acceptor; none was reset by the kernel before. */
static void close_all(const int *clients)
{
    char octet;

    for (unsigned i = 0; i < CLIENTS; i++) {
        assert_int_equal(recv(clients[i], &octet, 1, 0), 0);
        close(clients[i]);
    }
}

static unsigned accepted(unsigned from, unsigned to)
{
    unsigned sum = 0;

    for (unsigned i = from; i < to; i++) {
        sum += places[i].accepted;
        places[i].accepted = 0;
    }
    return sum;
}

static void serve(void)
{
    for (unsigned i = 0; i < CLIENTS; i++)
        uv_run(&loop, UV_RUN_NOWAIT);
}

static void drain(unsigned i, bool leaves)
{
    listener_drain(places[i].listener, leaves, on_drained);
    while (!places[i].drained)
        uv_run(&loop, UV_RUN_NOWAIT);
}

/* What waits in a socket is accepted before it closes, and nothing is lost. */
static void test_what_waits_is_accepted(void **state)
{
    int clients[CLIENTS];

    (void)state;
    listen_all();
    connect_all(clients);
    for (unsigned i = 0; i < ALL; i++)
        listener_drain(places[i].listener, false, on_drained);
    while (!places[ALL - 1].drained)
        uv_run(&loop, UV_RUN_NOWAIT);
    serve();
    assert_int_equal(accepted(0, ALL), CLIENTS);
    close_all(clients);
    close_rest();
}

/* From the first word on only those behind get new connections, also while those
 * before close, in whatever order; then all that are left do.
 */
static void test_a_handover(void **state)
{
    static const unsigned orders[][OLD] = {
        { 0, 1, 2 }, { 2, 1, 0 }, { 1, 0, 2 }, { 1, 2, 0 }
    };
    int clients[CLIENTS];

    (void)state;
    for (size_t o = 0; o < sizeof(orders) / sizeof(orders[0]); o++) {
        listen_all();
        for (unsigned i = 0; i < OLD; i++)
            listener_divert(places[i].listener, OLD);
        for (unsigned i = 0; i <= OLD; i++) {
            connect_all(clients);
            serve();
            assert_int_equal(accepted(0, OLD), 0);
            assert_int_equal(accepted(OLD, ALL), CLIENTS);
            close_all(clients);
            if (i < OLD)
                drain(orders[o][i], false);
        }
        for (unsigned i = OLD; i < ALL; i++)
            listener_undivert(places[i].listener);
        for (unsigned i = 0; i < 5; i++) {
            connect_all(clients);
            serve();
            close_all(clients);
        }
        for (unsigned i = OLD; i < ALL; i++)
            assert_true(places[i].accepted > 0);
        close_rest();
    }
}

/* Somebody else has the socket, and takes what waits in it. */
static void test_what_is_left_to_others(void **state)
{
    char error[128];
    int fd = listener_bind("127.0.0.1", 0, true, error, sizeof(error));
    int other = dup(fd);
    struct place p = { .accepted = 0 };
    int clients[CLIENTS];

    (void)state;
    assert_true(other >= 0);
    assert_int_equal(uv_loop_init(&loop), 0);
    port = port_of(fd);
    connect_all(clients);
    p.listener = listener_new(&loop, fd, on_accepted, on_paused, &p);
    assert_non_null(p.listener);
    listener_drain(p.listener, true, on_drained);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_true(p.drained);
    assert_int_equal(p.accepted, 0);
    for (unsigned i = 0; i < CLIENTS; i++) {
        int peer = accept(other, NULL, NULL);

        assert_true(peer >= 0);
        close(peer);
    }
    close_all(clients);
    close(other);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_waits_is_accepted),
        cmocka_unit_test(test_a_handover),
        cmocka_unit_test(test_what_is_left_to_others),
    };

    return cmocka_run_group_tests_name("net/listener", tests, NULL, NULL);
}
