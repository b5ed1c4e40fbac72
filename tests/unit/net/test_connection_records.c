/* test_connection_records.c - how large the TLS records of a burst are, as the
 * peer finds them on the wire: the other end is a socket that gives each send
 * back as one packet.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "net/connection.h"
#include "support/x509.h"

#define SEALING 22 /* header, tag and kind of a record: RFC 8446 §5.2 */
#define RECORD_HEADER 5
#define LARGE 16384
#define PACKET_MAX (SEND_CHUNK + LARGE)

static char folder[] = "/tmp/popinjay-test-records-XXXXXX";
static struct tls_context *server_tls;
static struct tls_context *client_tls;
static unsigned char packet[PACKET_MAX];
static const unsigned char mail[SEND_CHUNK];

struct pair {
    uv_loop_t loop;
    struct connection_space space;
    struct connection *server;
    struct tls *client;
    int other; /* end */
};

static void on_stir(void *owner)
{
    (void)owner;
}

static struct span receive(struct pair *p)
{
    ssize_t got = recv(p->other, packet, sizeof(packet), MSG_DONTWAIT);

    return span_make(packet, got > 0 ? (size_t)got : 0);
}

static void shake_hands(struct pair *p)
{
    enum tls_status status = TLS_MORE;
    struct buf out;

    buf_init(&out, PACKET_MAX);
    while (status == TLS_MORE ||
           connection_state(p->server) == CONNECTION_HANDSHAKING) {
        struct span in = receive(p);

        status = tls_handshake(p->client, &in, &out);
        assert_true(status == TLS_OK || status == TLS_MORE);
        if (buf_length(&out) > 0)
            assert_int_equal(
                send(p->other, buf_span(&out).data, buf_length(&out), 0),
                buf_length(&out));
        buf_clear(&out);
        uv_run(&p->loop, UV_RUN_NOWAIT);
    }
    buf_fini(&out);
}

static void begin(struct pair *p)
{
    uv_tcp_t *tcp = malloc(sizeof(*tcp));
    int ends[2];

    assert_non_null(tcp);
    assert_int_equal(
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    p->other = ends[1];
    assert_int_equal(uv_loop_init(&p->loop), 0);
    assert_true(connection_space_init(&p->space, &p->loop));
    assert_int_equal(uv_tcp_init(&p->loop, tcp), 0);
    assert_int_equal(uv_tcp_open(tcp, ends[0]), 0);
    p->server = connection_new(&p->space, tcp, on_stir, p);
    assert_non_null(p->server);
    p->client = tls_new_client(client_tls, "localhost", NULL, NULL, NULL);
    connection_start_tls(p->server, tls_new_server(server_tls));
    shake_hands(p);
}

static void end(struct pair *p)
{
    connection_abort(p->server);
    uv_run(&p->loop, UV_RUN_DEFAULT);
    connection_space_fini(&p->space);
    assert_int_equal(uv_loop_close(&p->loop), 0);
    tls_free(p->client);
    close(p->other);
}

/* |size| octets leave in one packet, in these records; 0: no more. */
static void expect_records(struct pair *p, size_t size, size_t first,
                           size_t second, size_t third)
{
    const size_t plain[] = { first, second, third };
    struct span left;

    assert_int_equal(connection_write(p->server, span_make(mail, size)), size);
    left = receive(p);
    for (size_t i = 0; i < 3 && plain[i] > 0; i++) {
        struct span record;

        assert_true(left.len > RECORD_HEADER);
        assert_int_equal(left.data[3] << 8 | left.data[4],
                         plain[i] + SEALING - RECORD_HEADER);
        record = span_take(&left, plain[i] + SEALING);
        assert_int_equal(record.len, plain[i] + SEALING);
    }
    assert_int_equal(left.len, 0);
    assert_int_equal(receive(p).len, 0);
}

static void test_a_burst_begins_with_a_small_record(void **state)
{
    const size_t rest = 20000 - BURST_FIRST_RECORD;
    struct pair p;

    (void)state;
    begin(&p);
    expect_records(&p, 20000, BURST_FIRST_RECORD, LARGE, rest - LARGE);
    expect_records(&p, 20000, LARGE, 20000 - LARGE, 0);
    expect_records(&p, LARGE, LARGE, 0, 0);
    end(&p);
}

static void test_what_fits_is_not_split(void **state)
{
    struct pair p;

    (void)state;
    begin(&p);
    expect_records(&p, 1, 1, 0, 0);
    expect_records(&p, BURST_FIRST_RECORD, BURST_FIRST_RECORD, 0, 0);
    /* None of these was a burst. */
    expect_records(&p, BURST_FIRST_RECORD + 1, BURST_FIRST_RECORD, 1, 0);
    expect_records(&p, BURST_FIRST_RECORD + 1, BURST_FIRST_RECORD + 1, 0, 0);
    end(&p);
}

static void on_rested(uv_timer_t *timer)
{
    bool *rested = timer->data;

    *rested = true;
}

/* Little things in between are no burst. */
static void test_another_begins_behind_a_rest(void **state)
{
    bool rested = false;
    uv_timer_t timer;
    struct pair p;

    (void)state;
    begin(&p);
    expect_records(&p, 2000, BURST_FIRST_RECORD, 2000 - BURST_FIRST_RECORD, 0);
    uv_timer_init(&p.loop, &timer);
    timer.data = &rested;
    uv_timer_start(&timer, on_rested, BURST_REST_MS, 0);
    while (!rested)
        uv_run(&p.loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&timer, NULL);
    expect_records(&p, 10, 10, 0, 0);
    expect_records(&p, 2000, BURST_FIRST_RECORD, 2000 - BURST_FIRST_RECORD, 0);
    expect_records(&p, 2000, 2000, 0, 0);
    end(&p);
}

static int set_up(void **state)
{
    char error[256] = "";
    struct x509_pair pair;
    struct tls_pair shown;
    struct tls_server_wish wish = { &shown, 1, TLS_VERSION_1_3, NULL };

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
        cmocka_unit_test(test_a_burst_begins_with_a_small_record),
        cmocka_unit_test(test_what_fits_is_not_split),
        cmocka_unit_test(test_another_begins_behind_a_rest),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("net/connection records", tests, set_up,
                                       tear_down);
}
