/* test_upstream_talk.c - a look at a server that greets, ends or is not there. */
#include "server/upstream_talk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/listener.h"
#include "support/alloc_fail.h"

struct stage {
    uv_loop_t loop;
    struct connection_space space;
    struct config_upstream upstream;
    struct upstream_server address;
    struct upstream_policy policy;
    struct upstream_talk_to to;
    struct upstream_talk talk;
    unsigned stirred;
    int listening;
    int server; /* its end of the connection; -1: none */
};

static void on_stir(void *owner)
{
    struct stage *s = owner;

    s->stirred++;
}

static void begin(struct stage *s)
{
    static char host[] = "127.0.0.1";
    char error[256] = "";
    struct sockaddr_in name;
    socklen_t len = sizeof(name);
    void *as_is = &name;

    memset(s, 0, sizeof(*s));
    s->server = -1;
    s->listening = listener_bind(host, 0, true, error, sizeof(error));
    assert_string_equal(error, "");
    assert_int_equal(getsockname(s->listening, as_is, &len), 0);
    s->address = (struct upstream_server){ .host = host,
                                           .port = ntohs(name.sin_port),
                                           .name = host };
    s->policy.tls = TLS_MODE_NONE;
    s->to.upstream = &s->upstream;
    s->to.server = &s->address;
    s->to.policy = &s->policy;
    assert_int_equal(uv_loop_init(&s->loop), 0);
    assert_true(connection_space_init(&s->space, &s->loop));
}

static bool start(struct stage *s)
{
    return upstream_talk_start(&s->talk, &s->to, &s->space, on_stir, s);
}

/* The loop ends by itself: nothing is left behind. */
static void end(struct stage *s)
{
    upstream_talk_fini(&s->talk);
    upstream_talk_fini(&s->talk);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    connection_space_fini(&s->space);
    assert_int_equal(uv_loop_close(&s->loop), 0);
    if (s->server >= 0)
        close(s->server);
    close(s->listening);
}

static enum upstream_talk_status next(struct stage *s,
                                      struct imap_session_event *ev)
{
    enum upstream_talk_status status;

    while ((status = upstream_talk_next(&s->talk, ev)) == UPSTREAM_TALK_MORE) {
        unsigned before = s->stirred;

        while (s->stirred == before)
            uv_run(&s->loop, UV_RUN_ONCE);
    }
    return status;
}

static void connect_to(struct stage *s, const char *greeting)
{
    struct imap_session_event ev;

    assert_true(start(s));
    assert_int_equal(s->stirred, 0); /* never from within */
    assert_int_equal(upstream_talk_next(&s->talk, &ev), UPSTREAM_TALK_MORE);
    while (s->stirred == 0)
        uv_run(&s->loop, UV_RUN_ONCE);
    s->server = accept(s->listening, NULL, NULL);
    assert_true(s->server >= 0);
    assert_int_equal(write(s->server, greeting, strlen(greeting)),
                     strlen(greeting));
}

static void test_greeted(void **state)
{
    struct stage s;
    struct imap_session_event ev;
    char said[64] = "";

    (void)state;
    begin(&s);
    connect_to(&s, "* OK [CAPABILITY IMAP4rev1] ready\r\n");
    assert_int_equal(next(&s, &ev), UPSTREAM_TALK_EVENT);
    assert_int_equal(ev.kind, IMAP_SESSION_READY);
    upstream_talk_leave(&s.talk);
    upstream_talk_close(&s.talk);
    assert_int_equal(upstream_talk_next(&s.talk, &ev), UPSTREAM_TALK_MORE);
    upstream_talk_close(&s.talk);
    assert_true(read(s.server, said, sizeof(said) - 1) > 0);
    assert_string_equal(said, "A1 LOGOUT\r\n");
    shutdown(s.server, SHUT_RDWR);
    end(&s);
}

/* Half a greeting, and no more. */
static void test_ended(void **state)
{
    struct stage s;
    struct imap_session_event ev;

    (void)state;
    begin(&s);
    connect_to(&s, "* OK [CAPAB");
    shutdown(s.server, SHUT_RDWR);
    assert_int_equal(next(&s, &ev), UPSTREAM_TALK_EVENT);
    assert_int_equal(ev.kind, IMAP_SESSION_FAILED);
    assert_int_equal(ev.fault, FAULT_UPSTREAM_GONE);
    assert_int_equal(ev.item.text.len, 0);
    end(&s);
}

static void test_nobody_there(void **state)
{
    struct stage s;
    struct imap_session_event ev;

    (void)state;
    begin(&s);
    shutdown(s.listening, SHUT_RDWR);
    assert_true(start(&s));
    assert_int_equal(next(&s, &ev), UPSTREAM_TALK_FAILED);
    assert_string_equal(s.talk.failure, "connection refused");
    assert_false(s.talk.is_untrusted);
    assert_int_equal(upstream_talk_next(&s.talk, &ev), UPSTREAM_TALK_FAILED);
    end(&s);
}

static void test_cancelled(void **state)
{
    struct stage s;

    (void)state;
    begin(&s);
    assert_true(start(&s));
    end(&s); /* while it dials */
    assert_int_equal(s.stirred, 0);
}

static void test_no_memory(void **state)
{
    struct stage s;
    bool started;

    (void)state;
    begin(&s);
    alloc_fail_at(1);
    started = start(&s);
    alloc_fail_at(0);
    assert_false(started);
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_greeted),      cmocka_unit_test(test_ended),
        cmocka_unit_test(test_nobody_there), cmocka_unit_test(test_cancelled),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests_name("server/upstream_talk", tests, NULL,
                                       NULL);
}
