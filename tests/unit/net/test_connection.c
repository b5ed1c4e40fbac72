/* test_connection.c - two ends of a loopback connection in one loop: what one
 * writes the other reads, under back-pressure, in clear and under TLS, and
 * whoever goes first.
 */
#include "net/connection.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "net/dialer.h"
#include "net/listener.h"
#include "support/x509.h"

#define MAIL_SIZE ((size_t)20 * 1024 * 1024)
#define PATIENCE_MS 10000

static char folder[] = "/tmp/popinjay-test-connection-XXXXXX";
static struct tls_context *server_tls;
static struct tls_context *client_tls;

struct end {
    struct connection *c;
    unsigned stirred;
};

struct pair {
    uv_loop_t loop;
    struct connection_space space;
    struct listener *listener;
    struct end server;
    struct end client;
    uv_timer_t alarm;
    bool late;
};

/* --- two ends --- */

static void on_stir(void *owner)
{
    struct end *e = owner;

    e->stirred++;
}

static struct connection *adopt(struct pair *p, uv_tcp_t *tcp, struct end *e)
{
    struct connection *c = connection_new(&p->space, tcp, on_stir, e);

    assert_non_null(c);
    return c;
}

static void on_accepted(void *owner, uv_tcp_t *tcp)
{
    struct pair *p = owner;

    p->server.c = adopt(p, tcp, &p->server);
}

static void on_paused(void *owner, const char *reason)
{
    (void)owner;
    fail_msg("accepting rests: %s", reason);
}

static void on_dialed(void *owner, uv_tcp_t *tcp, const char *failure)
{
    struct pair *p = owner;

    if (tcp == NULL)
        fail_msg("%s", failure);
    p->client.c = adopt(p, tcp, &p->client);
}

static void on_alarm(uv_timer_t *alarm)
{
    struct pair *p = alarm->data;

    p->late = true;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_in name;
    socklen_t len = sizeof(name);

    assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &len), 0);
    return ntohs(name.sin_port);
}

/* One turn of the loop; a test that waits in vain ends here. */
static void turn(struct pair *p)
{
    uv_run(&p->loop, UV_RUN_ONCE);
    if (p->late)
        fail_msg("nothing happens");
}

static void begin(struct pair *p)
{
    char error[256] = "";
    int fd = listener_bind("127.0.0.1", 0, false, error, sizeof(error));

    assert_string_equal(error, "");
    memset(p, 0, sizeof(*p));
    assert_int_equal(uv_loop_init(&p->loop), 0);
    assert_true(connection_space_init(&p->space, &p->loop));
    uv_timer_init(&p->loop, &p->alarm);
    p->alarm.data = p;
    uv_timer_start(&p->alarm, on_alarm, PATIENCE_MS, 0);
    p->listener = listener_new(&p->loop, fd, on_accepted, on_paused, p);
    assert_non_null(p->listener);
    assert_non_null(
        dialer_start(&p->loop, "127.0.0.1", port_of(fd), on_dialed, p));
    while (p->server.c == NULL || p->client.c == NULL)
        turn(p);
}

/* The loop comes to its end by itself: no handle is left behind. */
static void end(struct pair *p)
{
    connection_abort(p->server.c);
    connection_abort(p->client.c);
    listener_close(p->listener);
    uv_close((uv_handle_t *)&p->alarm, NULL);
    uv_run(&p->loop, UV_RUN_DEFAULT);
    assert_int_equal(p->space.connections, 0);
    connection_space_fini(&p->space);
    assert_int_equal(uv_loop_close(&p->loop), 0);
}

static void start_tls(struct pair *p, const char *name)
{
    connection_start_tls(p->server.c, tls_new_server(server_tls));
    connection_start_tls(p->client.c,
                         tls_new_client(client_tls, name, NULL, NULL, NULL));
    while (connection_state(p->server.c) == CONNECTION_HANDSHAKING ||
           connection_state(p->client.c) == CONNECTION_HANDSHAKING)
        turn(p);
}

static void begin_with(struct pair *p, bool tls)
{
    begin(p);
    if (tls)
        start_tls(p, "localhost");
}

/* --- octets --- */

static unsigned char *make_mail(void)
{
    unsigned char *mail = malloc(MAIL_SIZE);

    assert_non_null(mail);
    for (size_t i = 0; i < MAIL_SIZE; i++)
        mail[i] = (unsigned char)(i * 31 + i / 4093);
    return mail;
}

/* Reads what there is, |cap| at a time, and compares. */
static enum connection_status check(struct end *e, size_t cap,
                                    const unsigned char *mail, size_t *done)
{
    enum connection_status status;
    struct span octets;

    while ((status = connection_read(e->c, cap, &octets)) == CONNECTION_OK) {
        assert_true(octets.len > 0 && octets.len <= cap);
        assert_true(*done + octets.len <= MAIL_SIZE);
        assert_memory_equal(octets.data, mail + *done, octets.len);
        *done += octets.len;
    }
    connection_want(e->c, cap);
    return status;
}

static void write_more(struct end *e, const unsigned char *mail, size_t *sent)
{
    *sent += connection_write(e->c, span_make(mail + *sent, MAIL_SIZE - *sent));
    assert_true(connection_unsent(e->c) <= CONNECTION_UNSENT_MAX);
}

static void carry_all(bool tls, size_t cap)
{
    unsigned char *mail = make_mail();
    struct pair p;
    size_t sent = 0;
    size_t done = 0;

    begin_with(&p, tls);
    connection_want(p.client.c, cap);
    while (done < MAIL_SIZE) {
        write_more(&p.server, mail, &sent);
        turn(&p);
        assert_int_equal(check(&p.client, cap, mail, &done), CONNECTION_MORE);
    }
    assert_int_equal(connection_unsent(p.server.c), 0);
    end(&p);
    free(mail);
}

static void test_all_octets_arrive(void **state)
{
    (void)state;
    carry_all(false, READ_CHUNK);
    carry_all(false, 1000);
    carry_all(true, READ_CHUNK);
    carry_all(true, 1000);
}

/* A reader that wants nothing: the writer is stopped with a bounded amount
 * taken, and a reader that wants again gets everything.
 */
static void push_back(bool tls)
{
    unsigned char *mail = make_mail();
    struct pair p;
    size_t sent = 0;
    size_t before;
    size_t done = 0;

    begin_with(&p, tls);
    connection_want(p.client.c, 0);
    do { /* until the kernel takes no more */
        before = sent;
        write_more(&p.server, mail, &sent);
        uv_run(&p.loop, UV_RUN_NOWAIT);
    } while (sent > before);
    assert_true(sent < MAIL_SIZE);
    assert_true(connection_unsent(p.server.c) > 0);
    assert_int_equal(connection_write(p.server.c, span_make(mail + sent, 1)),
                     0);

    p.server.stirred = 0;
    connection_want(p.client.c, READ_CHUNK);
    while (done < sent) {
        turn(&p);
        assert_int_equal(check(&p.client, READ_CHUNK, mail, &done),
                         CONNECTION_MORE);
    }
    assert_true(p.server.stirred > 0); /* told that there is room again */
    assert_int_equal(done, sent);
    end(&p);
    free(mail);
}

static void test_a_reader_that_wants_nothing(void **state)
{
    (void)state;
    push_back(false);
    push_back(true);
}

/* In clear no octet beyond the room is received: it stays in the kernel, where
 * the handshake would find it, and not in a buffer behind the handshake's back.
 */
static void test_room_is_kept_in_clear(void **state)
{
    struct span octets;
    struct pair p;

    (void)state;
    begin(&p);
    assert_int_equal(connection_write(p.client.c, SPAN_LITERAL("STLS\r\nUSER")),
                     10);
    connection_want(p.server.c, 6);
    while (connection_read(p.server.c, 6, &octets) == CONNECTION_MORE)
        turn(&p);
    assert_true(span_equals(octets, SPAN_LITERAL("STLS\r\n")));
    connection_want(p.server.c, 0);
    for (int i = 0; i < 10; i++)
        uv_run(&p.loop, UV_RUN_NOWAIT);
    assert_int_equal(connection_read(p.server.c, 6, &octets), CONNECTION_MORE);
    end(&p);
}

/* TLS-3: what was sent in clear behind STLS never comes out of the TLS side. */
static void test_clear_octets_do_not_survive_into_tls(void **state)
{
    struct pair p;

    (void)state;
    for (int kept = 0; kept < 2; kept++) {
        begin(&p);
        (void)connection_write(p.client.c, SPAN_LITERAL("USER x\r\n"));
        if (kept == 1) { /* received, and not read by the owner */
            connection_want(p.server.c, 100);
            while (p.server.stirred == 0)
                turn(&p);
        }
        connection_start_tls(p.server.c, tls_new_server(server_tls));
        while (connection_state(p.server.c) == CONNECTION_HANDSHAKING)
            turn(&p);
        assert_int_equal(connection_state(p.server.c), CONNECTION_BROKEN);
        assert_non_null(connection_failure(p.server.c));
        if (kept == 1)
            assert_string_equal(connection_failure(p.server.c),
                                "octets in clear where TLS begins");
        end(&p);
    }
}

/* close_notify within the handshake is an end, whatever comes behind it. */
static void test_close_notify_ends_a_handshake(void **state)
{
    static const char hello[] = "\x16\x03\x01"; /* a record that begins */
    static const char notify[] = "\x15\x03\x03\0\x02\x01"; /* and its NUL */
    struct tls *tls = tls_new_client(client_tls, "localhost", NULL, NULL, NULL);
    struct span none = { NULL, 0 };
    struct buf flight;
    struct pair p;

    (void)state;
    buf_init(&flight, 8192);
    assert_int_equal(tls_handshake(tls, &none, &flight), TLS_MORE);
    begin(&p);
    connection_start_tls(p.server.c, tls_new_server(server_tls));
    (void)connection_write(p.client.c, buf_span(&flight));
    connection_want(p.client.c, 1);
    while (p.client.stirred == 0) /* the server has answered */
        turn(&p);
    (void)connection_write(p.client.c, span_make(notify, sizeof(notify)));
    (void)connection_write(p.client.c, span_make(hello, sizeof(hello)));
    while (connection_state(p.server.c) == CONNECTION_HANDSHAKING)
        turn(&p);
    assert_int_equal(connection_state(p.server.c), CONNECTION_BROKEN);
    assert_string_equal(connection_failure(p.server.c),
                        "ended within the handshake");
    connection_close(p.server.c);
    p.server.c = NULL;
    end(&p);
    buf_fini(&flight);
    tls_free(tls);
}

/* --- the end of it --- */

/* All that was written before closing arrives, then the end. */
static void close_behind(bool tls)
{
    unsigned char *mail = make_mail();
    enum connection_status status = CONNECTION_MORE;
    struct pair p;
    size_t sent = 0;
    size_t done = 0;
    uint64_t began_ms;

    begin_with(&p, tls);
    connection_want(p.client.c, 0);
    write_more(&p.server, mail, &sent);
    began_ms = uv_now(&p.loop);
    connection_close(p.server.c);
    p.server.c = NULL;
    connection_want(p.client.c, READ_CHUNK);
    while (status != CONNECTION_END) {
        turn(&p);
        status = check(&p.client, READ_CHUNK, mail, &done);
    }
    assert_int_equal(done, sent);
    /* As soon as it was sent, and not only when patience was at its end. */
    assert_true(uv_now(&p.loop) - began_ms < CLOSE_TIMEOUT_MS);
    assert_int_equal(connection_state(p.client.c), CONNECTION_OPEN);
    /* The other way is open until this end is closed too. */
    assert_int_equal(connection_write(p.client.c, SPAN_LITERAL("QUIT")), 4);
    connection_close(p.client.c);
    p.client.c = NULL;
    end(&p);
    free(mail);
}

static void test_closing_sends_what_is_left(void **state)
{
    (void)state;
    close_behind(false);
    close_behind(true);
}

/* A peer that takes nothing does not keep a closed connection for ever. */
static void test_closing_does_not_wait_for_ever(void **state)
{
    unsigned char *mail = make_mail();
    struct pair p;
    size_t sent = 0;
    size_t before;
    uint64_t began_ms;

    (void)state;
    begin(&p);
    connection_want(p.client.c, 0);
    do {
        before = sent;
        write_more(&p.server, mail, &sent);
        uv_run(&p.loop, UV_RUN_NOWAIT);
    } while (sent > before);
    assert_int_equal(p.space.connections, 2);
    began_ms = uv_now(&p.loop);
    connection_close(p.server.c);
    p.server.c = NULL;
    uv_timer_start(&p.alarm, on_alarm, 4 * CLOSE_TIMEOUT_MS, 0);
    while (p.space.connections == 2)
        turn(&p);
    assert_true(uv_now(&p.loop) - began_ms >= CLOSE_TIMEOUT_MS - 50);
    end(&p);
    free(mail);
}

static void test_a_vanished_peer_is_noticed(void **state)
{
    unsigned char *mail = make_mail();
    struct pair p;
    struct span octets;
    size_t sent = 0;

    (void)state;
    begin(&p);
    connection_abort(p.client.c);
    p.client.c = NULL;
    /* By the writer, who then is spared the rest of it ... */
    while (connection_state(p.server.c) != CONNECTION_BROKEN) {
        write_more(&p.server, mail, &sent);
        uv_run(&p.loop, UV_RUN_NOWAIT);
        if (sent == MAIL_SIZE)
            break;
    }
    assert_int_equal(connection_state(p.server.c), CONNECTION_BROKEN);
    assert_int_equal(connection_write(p.server.c, span_make(mail, MAIL_SIZE)),
                     MAIL_SIZE);
    /* ... and by the reader. */
    assert_int_equal(connection_read(p.server.c, 1, &octets), CONNECTION_END);
    end(&p);
    free(mail);
}

static void test_an_untrusted_server(void **state)
{
    struct pair p;
    struct span octets;

    (void)state;
    begin(&p);
    start_tls(&p, "elsewhere.example");
    assert_int_equal(connection_state(p.client.c), CONNECTION_UNTRUSTED);
    assert_string_equal(connection_failure(p.client.c), "hostname mismatch");
    assert_int_equal(connection_read(p.client.c, 1, &octets), CONNECTION_END);
    end(&p);
}

static void test_the_peer_has_a_name(void **state)
{
    struct address_text peer;
    struct pair p;

    (void)state;
    begin(&p);
    peer = connection_peer(p.client.c);
    assert_string_equal(peer.host, "127.0.0.1");
    assert_true(peer.port > 0);
    end(&p);
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
    server_tls = tls_context_new_server(&wish, error, sizeof(error));
    client_tls = tls_context_new_client(pair.certificate, error, sizeof(error));
    unlink(pair.certificate);
    unlink(pair.key);
    return server_tls != NULL && client_tls != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    tls_context_free(server_tls);
    tls_context_free(client_tls);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_octets_arrive),
        cmocka_unit_test(test_a_reader_that_wants_nothing),
        cmocka_unit_test(test_room_is_kept_in_clear),
        cmocka_unit_test(test_clear_octets_do_not_survive_into_tls),
        cmocka_unit_test(test_close_notify_ends_a_handshake),
        cmocka_unit_test(test_closing_sends_what_is_left),
        cmocka_unit_test(test_closing_does_not_wait_for_ever),
        cmocka_unit_test(test_a_vanished_peer_is_noticed),
        cmocka_unit_test(test_an_untrusted_server),
        cmocka_unit_test(test_the_peer_has_a_name),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("net/connection", tests, set_up,
                                       tear_down);
}
