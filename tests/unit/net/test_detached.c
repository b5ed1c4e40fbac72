/* test_detached.c - a connection leaves one loop and goes on in another, of
 * another thread; and what becomes of one that rests.
 */
#include "net/detached.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "net/tls_tickets.h"
#include "support/x509.h"

#define TURNS_MAX 10000

static char folder[] = "/tmp/popinjay-test-detached-XXXXXX";
static struct tls_context *server_tls;
static struct tls_context *client_tls;
static struct tls_tickets *tickets;

/* A loop and one connection in it. */
struct place {
    uv_loop_t loop;
    struct connection_space space;
    struct connection *c;
};

static void on_stir(void *owner)
{
    (void)owner;
}

static void begin(struct place *p)
{
    memset(p, 0, sizeof(*p));
    assert_int_equal(uv_loop_init(&p->loop), 0);
    assert_true(connection_space_init(&p->space, &p->loop));
}

/* The loop comes to its end by itself: no handle is left behind. */
static void end(struct place *p)
{
    connection_abort(p->c);
    uv_run(&p->loop, UV_RUN_DEFAULT);
    assert_int_equal(p->space.connections, 0);
    connection_space_fini(&p->space);
    assert_int_equal(uv_loop_close(&p->loop), 0);
}

static void open_at(struct place *p, int fd)
{
    uv_tcp_t *tcp = malloc(sizeof(*tcp));

    assert_non_null(tcp);
    assert_int_equal(uv_tcp_init(&p->loop, tcp), 0);
    assert_int_equal(uv_tcp_open(tcp, fd), 0);
    p->c = connection_new(&p->space, tcp, on_stir, p);
    assert_non_null(p->c);
}

static bool is_shaking_hands(const struct place *p)
{
    return connection_state(p->c) == CONNECTION_HANDSHAKING;
}

/* Sessions are kept in |resumption|; NULL: none is. */
static void start_tls(struct place *client, struct place *server,
                      struct tls_resumption *resumption)
{
    const struct address_text address = { "192.0.2.1", 993 };

    connection_start_tls(server->c, tls_new_server(server_tls));
    connection_start_tls(client->c, tls_new_client(client_tls, "localhost",
                                                   NULL, resumption, &address));
    for (unsigned i = 0; is_shaking_hands(client) || is_shaking_hands(server);
         i++) {
        assert_true(i < TURNS_MAX);
        uv_run(&client->loop, UV_RUN_NOWAIT);
        uv_run(&server->loop, UV_RUN_NOWAIT);
    }
    assert_int_equal(connection_state(client->c), CONNECTION_OPEN);
}

static void begin_pair(struct place *client, struct place *server, bool tls)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    begin(client);
    begin(server);
    open_at(client, fds[0]);
    open_at(server, fds[1]);
    if (tls)
        start_tls(client, server, NULL);
}

/* --- octets --- */

static void say(struct place *p, const char *text)
{
    struct span octets = span_from_string(text);

    assert_int_equal(connection_write(p->c, octets), octets.len);
}

/* All of |text| comes, and is what comes first. */
static void hear(struct place *p, const char *text)
{
    struct span wanted = span_from_string(text);
    struct span octets;

    for (unsigned i = 0; wanted.len > 0; i++) {
        assert_true(i < TURNS_MAX);
        connection_want(p->c, wanted.len);
        uv_run(&p->loop, UV_RUN_NOWAIT);
        if (connection_read(p->c, wanted.len, &octets) != CONNECTION_OK)
            continue;
        assert_memory_equal(octets.data, span_take(&wanted, octets.len).data,
                            octets.len);
    }
}

/* Nothing more than the end comes. */
static void hear_the_end(struct place *p)
{
    enum connection_status status;
    struct span octets;
    unsigned i = 0;

    do {
        assert_true(i++ < TURNS_MAX);
        connection_want(p->c, READ_CHUNK);
        uv_run(&p->loop, UV_RUN_NOWAIT);
        status = connection_read(p->c, READ_CHUNK, &octets);
        assert_int_not_equal(status, CONNECTION_OK);
    } while (status == CONNECTION_MORE);
}

/* --- to another loop --- */

/* A thread takes up what rests, hears what came meanwhile, answers, and lets it
 * rest again.
 */
static void go_on(void *arg)
{
    struct detached *d = arg;
    struct place p;

    begin(&p);
    p.c = connection_attach(&p.space, d, on_stir, &p);
    assert_non_null(p.c);
    hear(&p, "said meanwhile");
    say(&p, "heard");
    assert_true(connection_detach(p.c, d));
    p.c = NULL;
    end(&p);
}

static void move(bool tls)
{
    struct place client;
    struct place server;
    struct detached d;

    begin_pair(&client, &server, tls);
    say(&client, "hello");
    hear(&server, "hello");
    assert_true(connection_detach(client.c, &d));
    client.c = NULL;
    end(&client);
    for (unsigned i = 0; i < 3; i++) {
        uv_thread_t thread;

        say(&server, "said meanwhile");
        assert_true(detached_is_alive(&d));
        assert_int_equal(uv_thread_create(&thread, go_on, &d), 0);
        uv_thread_join(&thread);
        hear(&server, "heard");
    }
    detached_end(&d, span_from_string("goodbye"));
    hear(&server, "goodbye");
    hear_the_end(&server);
    end(&server);
}

static void test_goes_on_elsewhere(void **state)
{
    (void)state;
    move(false);
    move(true);
}

/* Where the sessions to be resumed are kept belongs to the loop that it left:
 * the ticket that lies in the socket is read when that may be gone.
 */
static void test_leaves_resumption_behind(void **state)
{
    struct tls_resumption *resumption = calloc(1, sizeof(*resumption));
    uv_thread_t thread;
    struct place client;
    struct place server;
    struct detached d;

    (void)state;
    assert_non_null(resumption);
    begin_pair(&client, &server, false);
    start_tls(&client, &server, resumption);
    assert_true(connection_detach(client.c, &d));
    client.c = NULL;
    end(&client);
    tls_resumption_fini(resumption);
    free(resumption);
    say(&server, "said meanwhile");
    assert_int_equal(uv_thread_create(&thread, go_on, &d), 0);
    uv_thread_join(&thread);
    hear(&server, "heard");
    detached_end(&d, (struct span){ NULL, 0 });
    end(&server);
}

/* In the same loop too, though the descriptor is another. */
static void test_comes_back(void **state)
{
    struct place client;
    struct place server;
    struct detached d;

    (void)state;
    begin_pair(&client, &server, true);
    assert_true(connection_detach(client.c, &d));
    client.c = connection_attach(&client.space, &d, on_stir, &client);
    assert_non_null(client.c);
    say(&server, "welcome back");
    hear(&client, "welcome back");
    end(&client);
    end(&server);
}

/* What was received cannot be given back to the socket. */
static void stay(bool tls)
{
    struct place client;
    struct place server;
    struct detached d;
    struct span octets;

    begin_pair(&client, &server, tls);
    say(&server, "two");
    do {
        connection_want(client.c, 3);
        uv_run(&client.loop, UV_RUN_NOWAIT);
    } while (connection_read(client.c, 1, &octets) != CONNECTION_OK);
    assert_false(connection_detach(client.c, &d));
    hear(&client, "wo");
    assert_true(connection_detach(client.c, &d));
    client.c = NULL;
    detached_end(&d, (struct span){ NULL, 0 });
    hear_the_end(&server);
    end(&client);
    end(&server);
}

static void test_not_with_octets_unread(void **state)
{
    (void)state;
    stay(false);
    stay(true);
}

static void test_not_with_octets_unsent(void **state)
{
    struct span much = span_make(calloc(1, SEND_CHUNK), SEND_CHUNK);
    struct place client;
    struct place server;
    struct detached d;

    (void)state;
    assert_non_null(much.data);
    begin_pair(&client, &server, false);
    while (connection_unsent(client.c) == 0)
        (void)connection_write(client.c, much);
    assert_false(connection_detach(client.c, &d));
    end(&client);
    end(&server);
    free((void *)(uintptr_t)much.data);
}

static void test_not_while_shaking_hands(void **state)
{
    struct place client;
    struct place server;
    struct detached d;

    (void)state;
    begin_pair(&client, &server, false);
    connection_start_tls(
        client.c, tls_new_client(client_tls, "localhost", NULL, NULL, NULL));
    assert_false(connection_detach(client.c, &d));
    end(&client);
    end(&server);
}

/* --- meanwhile --- */

static void test_a_peer_that_closed_is_noticed(void **state)
{
    struct place client;
    struct place server;
    struct detached d;

    (void)state;
    begin_pair(&client, &server, true);
    assert_true(connection_detach(client.c, &d));
    client.c = NULL;
    say(&server, "* BYE");
    assert_true(detached_is_alive(&d));
    end(&server);
    assert_false(detached_is_alive(&d));
    detached_end(&d, span_from_string("nobody hears it")); /* and no SIGPIPE */
    end(&client);
}

static int set_up(void **state)
{
    char error[256] = "";
    struct x509_pair pair;
    struct tls_pair shown;
    struct tls_server_wish wish = { &shown, 1, TLS_VERSION_1_2, NULL };

    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    pair = x509_make(folder, "localhost",
                     (struct x509_wish){ .common_name = "localhost",
                                         .alternative_names = "DNS:localhost",
                                         .authority = true,
                                         .days_left = 30 });
    shown = (struct tls_pair){ pair.certificate, pair.key };
    tickets = tls_tickets_new(NULL, NULL, error, sizeof(error));
    wish.tickets = tickets;
    server_tls = tls_context_new_server(&wish, error, sizeof(error));
    client_tls = tls_context_new_client(pair.certificate, error, sizeof(error));
    unlink(pair.certificate);
    unlink(pair.key);
    return tickets != NULL && server_tls != NULL && client_tls != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    tls_context_free(server_tls);
    tls_context_free(client_tls);
    tls_tickets_release(tickets);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_goes_on_elsewhere),
        cmocka_unit_test(test_leaves_resumption_behind),
        cmocka_unit_test(test_comes_back),
        cmocka_unit_test(test_not_with_octets_unread),
        cmocka_unit_test(test_not_with_octets_unsent),
        cmocka_unit_test(test_not_while_shaking_hands),
        cmocka_unit_test(test_a_peer_that_closed_is_noticed),
    };

    signal(SIGPIPE, SIG_DFL); /* whoever sends must not be killed by it */
    return cmocka_run_group_tests_name("net/detached", tests, set_up,
                                       tear_down);
}
