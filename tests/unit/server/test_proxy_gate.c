/* test_proxy_gate.c - connections that wait for their PROXY header. */
#include "server/proxy_gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "base/limits.h"
#include "net/tcp.h"
#include "server/log.h"
#include "support/alloc_fail.h"

static uv_loop_t loop;
static struct counters counters;
static struct proxy_gate gate;
static struct network loopback;
static char name[] = "door";
static struct config_listener config;
/* Held here, so that the gate never frees it. */
static struct settings settings = { .holders = 1 };
static struct settings_listener listener = { .settings = &settings,
                                             .config = &config };

/* What has passed the gate last. */
static struct origin passed;
static unsigned passed_count;
static uv_tcp_t *passed_tcp;

static void on_passed(void *owner, const struct settings_listener *l,
                      uv_tcp_t *tcp, const struct origin *origin)
{
    assert_ptr_equal(owner, &gate);
    assert_ptr_equal(l, &listener);
    passed = *origin;
    passed_count++;
    passed_tcp = tcp;
}

static uint64_t counted(enum counter which)
{
    return atomic_load(&counters.value[which]);
}

/* A connection that was accepted, and its other end. */
static int knock(uv_tcp_t **accepted)
{
    int ends[2];
    int server = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = { .sin_family = AF_INET };
    socklen_t len = sizeof(at);
    struct sockaddr *as_is = (void *)&at;
    uv_tcp_t *tcp = malloc(sizeof(*tcp));

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(server, as_is, len), 0);
    assert_int_equal(listen(server, 1), 0);
    assert_int_equal(getsockname(server, as_is, &len), 0);
    ends[0] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(ends[0], as_is, len), 0);
    ends[1] = accept(server, NULL, NULL);
    close(server);
    assert_int_equal(uv_tcp_init(&loop, tcp), 0);
    assert_int_equal(uv_tcp_open(tcp, ends[1]), 0);
    *accepted = tcp;
    return ends[0];
}

static int come_in(void)
{
    uv_tcp_t *tcp;
    int fd = knock(&tcp);

    proxy_gate_enter(&gate, &listener, tcp);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* Until what has been said is read; no time passes. */
static void turn(void)
{
    for (int i = 0; i < 3; i++)
        uv_run(&loop, UV_RUN_NOWAIT);
}

static bool is_closed(int fd)
{
    char octet;

    turn();
    return recv(fd, &octet, 1, MSG_DONTWAIT) == 0;
}

static int set_up(void **state)
{
    const struct log_settings quiet = { .level = LOG_LEVEL_ERROR };
    char error[256];

    (void)state;
    assert_true(log_open(&quiet, error, sizeof(error)));
    assert_true(network_parse(SPAN_LITERAL("127.0.0.1"), &loopback));
    config = (struct config_listener){
        .name = name,
        .proxy_protocol = PROXY_PROTOCOL_ANY,
        .proxy_from = { .at = &loopback, .count = 1 },
    };
    memset(&counters, 0, sizeof(counters));
    passed_count = 0;
    assert_int_equal(uv_loop_init(&loop), 0);
    proxy_gate_init(&gate, &loop, &counters, on_passed, &gate);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    proxy_gate_clear(&gate);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    assert_int_equal(settings.holders, 1);
    return 0;
}

/* What stands behind the header is still in the socket. */
static void test_no_octet_is_lost(void **state)
{
    char rest[16];
    int fd = come_in();
    uv_os_fd_t socket;

    (void)state;
    say(fd, "PROXY TCP4 192.0.2.7 198.51.100.1 7 995\r\nUSER u\r\n");
    turn();
    assert_int_equal(passed_count, 1);
    assert_int_equal(gate.waiting_count, 0);
    assert_string_equal(address_describe(&passed.client).host, "192.0.2.7");
    assert_string_equal(address_describe(&passed.via).host, "127.0.0.1");
    assert_false(passed.is_check);
    assert_int_equal(uv_fileno((uv_handle_t *)passed_tcp, &socket), 0);
    assert_int_equal(read(socket, rest, sizeof(rest)), 8);
    assert_memory_equal(rest, "USER u\r\n", 8);
    tcp_discard(passed_tcp);
    close(fd);
}

/* Two descriptors for each of those that wait. */
static void allow_files(void)
{
    struct rlimit files;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    files.rlim_cur = files.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
    assert_true(files.rlim_cur > 2 * PROXY_HEADERS_AWAITED_MAX + 64);
}

/* PP-2: of too many, those that wait longest make room. */
static void test_the_oldest_makes_room(void **state)
{
    int fds[PROXY_HEADERS_AWAITED_MAX];
    int first;
    int second;

    (void)state;
    allow_files();
    first = come_in();
    second = come_in();
    for (size_t i = 2; i < PROXY_HEADERS_AWAITED_MAX; i++)
        fds[i] = come_in();
    assert_false(is_closed(first));
    fds[0] = come_in();
    assert_int_equal(gate.waiting_count, PROXY_HEADERS_AWAITED_MAX);
    assert_true(is_closed(first));
    assert_int_equal(counted(COUNTER_PROXY_LATE), 1);
    say(second, "PROXY UNKNOWN\r\n"); /* whoever is heard needs no room */
    turn();
    assert_int_equal(passed_count, 1);
    fds[1] = come_in();
    assert_int_equal(counted(COUNTER_PROXY_LATE), 1);
    for (size_t i = 0; i < PROXY_HEADERS_AWAITED_MAX; i++)
        close(fds[i]);
    turn();
    assert_int_equal(counted(COUNTER_PROXY_CLOSED), PROXY_HEADERS_AWAITED_MAX);
    tcp_discard(passed_tcp);
    close(first);
    close(second);
}

/* PP-1 */
static void test_a_stranger(void **state)
{
    int fd;

    (void)state;
    config.proxy_from.count = 0;
    fd = come_in();
    assert_true(is_closed(fd));
    assert_int_equal(counted(COUNTER_PROXY_UNTRUSTED), 1);
    close(fd);
}

static void test_the_end(void **state)
{
    int fd = come_in();

    (void)state;
    proxy_gate_clear(&gate);
    assert_true(is_closed(fd));
    assert_int_equal(gate.waiting_count, 0);
    close(fd);
}

/* Each allocation fails in turn: it is closed, or nothing has failed. */
static void test_no_memory(void **state)
{
    unsigned failures = 0;

    (void)state;
    for (unsigned nth = 1; passed_count == 0; nth++) {
        uv_tcp_t *tcp;
        int fd = knock(&tcp);

        assert_in_range(nth, 1, 50);
        say(fd, "PROXY UNKNOWN\r\n");
        alloc_fail_at(nth);
        proxy_gate_enter(&gate, &listener, tcp);
        turn();
        alloc_fail_at(0);
        if (passed_count == 0)
            failures++;
        close(fd);
    }
    tcp_discard(passed_tcp);
    assert_in_range(failures, 1, 50);
    assert_int_equal(gate.waiting_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_no_octet_is_lost, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_the_oldest_makes_room, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_stranger, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_memory, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("server/proxy_gate", tests, NULL, NULL);
}
