/* test_command.c - a runner and programs that print, fail, go on and on. */
#include "access/command_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/test_command.XXXXXX";

static const struct program {
    const char *name;
    const char *text;
} programs[] = {
    { "prints", "#!/bin/sh\necho \"$POPINJAY_SOURCE $POPINJAY_ACCOUNT $*\"\n" },
    { "lists", "#!/bin/sh\nexport -p | wc -l\nls /proc/self/fd | wc -l\n" },
    { "fails", "#!/bin/sh\necho half\nexit 3\n" },
    { "floods", "#!/bin/sh\nexec yes\n" },
    { "lingers", "#!/bin/sh\necho all\nexec sleep 60 >&-\n" },
};

#define SOURCES (ARRAY_LENGTH(programs) + 1)

struct stage {
    uv_loop_t loop;
    struct config config;
    struct config_oauth oauths[SOURCES];
    struct command_client *client;
    unsigned told;
    enum command_outcome outcome;
    char printed[256];
};

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    for (size_t i = 0; i < ARRAY_LENGTH(programs); i++) {
        char path[128];
        FILE *file;

        (void)snprintf(path, sizeof(path), "%s/%s", folder, programs[i].name);
        file = fopen(path, "w");
        if (file == NULL || fputs(programs[i].text, file) < 0 ||
            fclose(file) != 0 || chmod(path, 0700) != 0)
            return -1;
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(programs); i++) {
        char path[128];

        (void)snprintf(path, sizeof(path), "%s/%s", folder, programs[i].name);
        (void)unlink(path);
    }
    return rmdir(folder);
}

static void begin(struct stage *s)
{
    static char names[SOURCES][16];
    static char commands[SOURCES][128];
    char error[256] = "";
    int fd = -1;

    memset(s, 0, sizeof(*s));
    for (size_t i = 0; i < SOURCES; i++) {
        const char *name =
            i < ARRAY_LENGTH(programs) ? programs[i].name : "absent";

        (void)snprintf(names[i], sizeof(names[i]), "%s", name);
        (void)snprintf(commands[i], sizeof(commands[i]), "%s/%s  a b ", folder,
                       name);
        s->oauths[i].name = names[i];
        s->oauths[i].command = commands[i];
    }
    s->config.oauths = s->oauths;
    s->config.oauth_count = SOURCES;
    assert_true(command_runner_is_needed(&s->config));
    assert_int_equal(uv_loop_init(&s->loop), 0);
    assert_true(command_runner_start(&s->config, &fd, error, sizeof(error)));
    s->client = command_client_new(&s->loop, fd);
    assert_non_null(s->client);
}

static void end(struct stage *s)
{
    command_client_close(s->client);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&s->loop), 0);
}

static void on_done(void *owner, enum command_outcome outcome,
                    struct span printed)
{
    struct stage *s = owner;

    s->told++;
    s->outcome = outcome;
    (void)snprintf(s->printed, sizeof(s->printed), "%.*s", (int)printed.len,
                   (const char *)printed.data);
}

static void wait_for(struct stage *s, unsigned told)
{
    uv_timer_t alarm;

    /* The client does not keep a loop alive. */
    assert_int_equal(uv_timer_init(&s->loop, &alarm), 0);
    assert_int_equal(uv_timer_start(&alarm, (uv_timer_cb)abort, 20000, 0), 0);
    while (s->told < told)
        uv_run(&s->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&alarm, NULL);
    uv_run(&s->loop, UV_RUN_NOWAIT);
}

static enum command_outcome run(struct stage *s, const char *source)
{
    assert_non_null(command_client_ask(s->client, source, "rose", on_done, s));
    wait_for(s, s->told + 1);
    return s->outcome;
}

static void test_outcomes(void **state)
{
    struct stage s;

    (void)state;
    begin(&s);
    assert_int_equal(run(&s, "prints"), COMMAND_PRINTED);
    assert_string_equal(s.printed, "prints rose a b\n");
    /* dash adds PWD; and three, and the one by which the folder is read. */
    assert_int_equal(run(&s, "lists"), COMMAND_PRINTED);
    assert_string_equal(s.printed, "4\n4\n");
    assert_int_equal(run(&s, "fails"), COMMAND_FAILED);
    assert_string_equal(s.printed, "");
    assert_int_equal(run(&s, "floods"), COMMAND_TOO_LONG);
    assert_int_equal(run(&s, "lingers"), COMMAND_TIMED_OUT);
    assert_string_equal(s.printed, "");
    assert_int_equal(run(&s, "absent"), COMMAND_ABSENT);
    assert_int_equal(run(&s, "other"), COMMAND_UNKNOWN);
    for (unsigned i = 0; i <= COMMAND_GONE; i++)
        assert_non_null(command_outcome_text((enum command_outcome)i));
    end(&s);
}

static void test_several(void **state)
{
    struct stage s;

    (void)state;
    begin(&s);
    for (unsigned i = 0; i < 3; i++)
        assert_non_null(
            command_client_ask(s.client, "prints", "fern", on_done, &s));
    command_call_cancel(
        command_client_ask(s.client, "prints", "moss", on_done, &s));
    command_call_cancel(NULL);
    wait_for(&s, 3);
    assert_string_equal(s.printed, "prints fern a b\n");
    end(&s);
    assert_int_equal(s.told, 3);
}

static void test_refused(void **state)
{
    char name[COMMAND_NAME_MAX + 1];
    struct stage s;
    int ends[2];

    (void)state;
    begin(&s);
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_null(command_client_ask(s.client, "prints", name, on_done, &s));
    end(&s);
    /* A runner that has gone. */
    assert_int_equal(uv_loop_init(&s.loop), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    s.client = command_client_new(&s.loop, ends[0]);
    assert_non_null(
        command_client_ask(s.client, "prints", "rose", on_done, &s));
    close(ends[1]);
    wait_for(&s, 1);
    assert_int_equal(s.outcome, COMMAND_GONE);
    assert_null(command_client_ask(s.client, "prints", "rose", on_done, &s));
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outcomes),
        cmocka_unit_test(test_several),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
