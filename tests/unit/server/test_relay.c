/* test_relay.c - the pump of a relay, between connections that are none: what
 * a client has sent is there at once, and all that it is sent is taken.
 */
#include "server/relay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/detached.h"
#include "net/tcp.h"
#include "server/log.h"

/* The replies of the most of these are more than a turn sends. */
#define ASKED_MIN 500
#define ASKED_MAX 1000
#define ASKED_STEP 10

static char folder[] = "/tmp/popinjay-test-relay-XXXXXX";
static char config_path[64];
static struct service *service;
static struct settings *settings;
static uv_loop_t loop;
static struct relay_host host;

/* --- the connection: in place of that of net/ --- */

struct connection {
    uv_tcp_t *tcp;
};

static char said[ASKED_MAX * 6 + 64]; /* by the client */
static struct span unread;

struct connection *connection_new(struct connection_space *space, uv_tcp_t *tcp,
                                  connection_stir *stir, void *owner)
{
    struct connection *c = calloc(1, sizeof(*c));

    (void)space;
    (void)stir;
    (void)owner;
    assert_non_null(c);
    c->tcp = tcp;
    return c;
}

enum connection_state connection_state(const struct connection *c)
{
    (void)c;
    return CONNECTION_OPEN;
}

enum connection_status connection_read(struct connection *c, size_t cap,
                                       struct span *octets)
{
    (void)c;
    *octets = span_take(&unread, cap < unread.len ? cap : unread.len);
    return octets->len > 0 ? CONNECTION_OK : CONNECTION_MORE;
}

size_t connection_write(struct connection *c, struct span octets)
{
    (void)c;
    return octets.len;
}

void connection_abort(struct connection *c)
{
    if (c != NULL)
        tcp_discard(c->tcp);
    free(c);
}

void connection_close(struct connection *c)
{
    connection_abort(c);
}

struct address_text connection_peer(const struct connection *c)
{
    (void)c;
    return (struct address_text){ "192.0.2.1", 1 };
}

void connection_want(struct connection *c, size_t room)
{
    (void)c;
    (void)room;
}

const struct tls *connection_tls(const struct connection *c)
{
    (void)c;
    return NULL;
}

const char *connection_failure(const struct connection *c)
{
    (void)c;
    return NULL;
}

void connection_start_tls(struct connection *c, struct tls *tls)
{
    (void)c;
    (void)tls;
    fail();
}

bool connection_detach(struct connection *c, struct detached *d)
{
    (void)c;
    (void)d;
    return false;
}

struct connection *connection_attach(struct connection_space *space,
                                     struct detached *d, connection_stir *stir,
                                     void *owner)
{
    (void)space;
    (void)d;
    (void)stir;
    (void)owner;
    return NULL;
}

bool detached_is_alive(const struct detached *d)
{
    (void)d;
    return false;
}

void detached_end(struct detached *d, struct span last_words)
{
    (void)d;
    (void)last_words;
}

/* --- */

static void write_config(void)
{
    FILE *f = fopen(config_path, "w");

    assert_non_null(f);
    fputs("[listen plain]\naddress = 127.0.0.1:1\ntls = none\n"
          "allow_plaintext_login = yes\n"
          "[upstream]\naddress = 127.0.0.1:1\ntls = none\n",
          f);
    assert_int_equal(fclose(f), 0);
}

static int set_up(void **state)
{
    const struct log_settings quiet = { .level = LOG_LEVEL_ERROR };
    struct settings_source source = { .path = config_path, .version = "test" };
    char error[256];

    (void)state;
    assert_true(log_open(&quiet, error, sizeof(error)));
    assert_non_null(mkdtemp(folder));
    snprintf(config_path, sizeof(config_path), "%s/proxy.conf", folder);
    write_config();
    service = service_new();
    assert_non_null(service);
    source.readahead = &service->readahead;
    source.listener_names = &service->listener_names;
    source.upstreams = &service->upstreams;
    settings = settings_read(&source, NULL, error, sizeof(error));
    assert_non_null(settings);
    service_adopt(service, settings, NULL);
    assert_int_equal(uv_loop_init(&loop), 0);
    host.service = service;
    host.workers = 1;
    memset(&host.counters, 0, sizeof(host.counters));
    assert_true(connection_space_init(&host.space, &loop));
    access_init(&host.access, &loop,
                &(struct access_shared){ .crypt = &service->crypt,
                                         .decoys = service->decoys },
                &host.counters);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    connection_space_fini(&host.space);
    assert_int_equal(uv_loop_close(&loop), 0);
    settings_release(settings);
    service_free(service);
    unlink(config_path);
    rmdir(folder);
    return 0;
}

/* A client that has said |asked| times CAPA, and then its name and password. */
static void say_much(unsigned asked)
{
    size_t length = 0;

    for (unsigned i = 0; i < asked; i++) {
        memcpy(said + length, "CAPA\r\n", 6);
        length += 6;
    }
    memcpy(said + length, "USER u\r\nPASS p\r\n", 16);
    unread = span_make(said, length + 16);
}

static void begin(void)
{
    static const struct origin unknown = { .client.any.sa_family = AF_UNSPEC };
    uv_tcp_t *tcp = malloc(sizeof(*tcp));

    assert_non_null(tcp);
    assert_int_equal(uv_tcp_init(&loop, tcp), 0);
    relay_admit(&host, &settings->listeners[0], tcp, &unknown);
}

/* A turn that has sent enough ends wherever it is. What comes next may be the
 * end of the session, which must not find wishes of the bridge that nobody has
 * served: they would be served when they do not hold any more.
 */
static void test_a_turn_leaves_no_wish_behind(void **state)
{
    (void)state;
    for (unsigned asked = ASKED_MIN; asked < ASKED_MAX; asked += ASKED_STEP) {
        say_much(asked);
        begin();
        relay_shut_down_all(&host);
        uv_run(&loop, UV_RUN_DEFAULT);
        assert_null(host.relays);
        assert_int_equal(
            upstream_gate_connections(settings->upstreams->lasting->gate), 0);
        assert_int_equal(admission_sessions(service->admission), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_turn_leaves_no_wish_behind),
    };

    return cmocka_run_group_tests_name("relay", tests, set_up, tear_down);
}
