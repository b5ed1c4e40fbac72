/* test_token_desk.c - one request for all who ask; kept, rotated, revoked, dead. */
#include "access/token_desk.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "access/http_client.h"
#include "access/token_counter.h"
#include "support/alloc_fail.h"
#include "support/http_stand.h"

/* --- the system's, for all that is linked here --- */

static int64_t clock_ahead_s;

/* time(2), of a wall clock that can be set. */
time_t time(time_t *to)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (to != NULL)
        *to = now.tv_sec + clock_ahead_s;
    return now.tv_sec + clock_ahead_s;
}

/* fsync(2), of a disk that can be held. */
static pthread_mutex_t disk = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool is_disk_asked;
static atomic_bool is_asked_by_loop;
static pthread_t loop_thread;

int fsync(int fd)
{
    is_disk_asked = true;
    if (pthread_equal(pthread_self(), loop_thread))
        is_asked_by_loop = true; /* it would wait for itself */
    else
        (void)pthread_mutex_lock(&disk);
    if (!pthread_equal(pthread_self(), loop_thread))
        (void)pthread_mutex_unlock(&disk);
    return (int)syscall(SYS_fsync, fd);
}

/* --- the stage --- */

static char folder[] = "/tmp/test_token_desk.XXXXXX";
static const struct token_owner rose = { "people", "rose" };

struct stage {
    uv_loop_t loop;
    struct http_stand stand;
    struct config config;
    struct config_oauth oauths[2];
    struct token_sources *sources;
    struct token_desk *desk;
    struct token_counter *counter;
    unsigned given;
    enum token_outcome outcome;
    char token[64];
    unsigned reports;
    struct token_report report;
    char error[128];
};

static void on_report(void *owner, const struct token_report *report)
{
    struct stage *s = owner;

    s->reports++;
    s->report = *report;
    (void)snprintf(s->error, sizeof(s->error), "%s", report->error);
}

static void on_given(void *owner, enum token_outcome outcome, struct span token)
{
    struct stage *s = owner;

    s->given++;
    s->outcome = outcome;
    (void)snprintf(s->token, sizeof(s->token), "%.*s", (int)token.len,
                   (const char *)token.data);
}

static struct token_store *open_store(void)
{
    char error[256] = "";
    struct token_store *store =
        token_store_open(folder, SPAN_LITERAL("key"), error, sizeof(error));

    assert_string_equal(error, "");
    return store;
}

static void keep_access(struct stage *s, const char *refresh,
                        const char *access)
{
    struct token_store *store = open_store();
    char *refresh_text = strdup(refresh);
    char *access_text = access != NULL ? strdup(access) : NULL;
    struct token_record record = { refresh_text, access_text,
                                   (uint64_t)time(NULL), 3600, "" };

    assert_true(token_source_mark(token_sources_find(s->sources, rose.source),
                                  record.granted_by));
    assert_int_equal(token_store_save(store, &rose, &record), TOKEN_STORE_OK);
    token_store_free(store);
    free(refresh_text);
    free(access_text);
}

/* As `popinjay oauth import` does. */
static void agree(struct stage *s, const char *refresh)
{
    keep_access(s, refresh, NULL);
}

static void check_kept(const char *refresh, const char *access)
{
    struct token_store *store = open_store();
    struct token_record record;

    assert_int_equal(token_store_load(store, &rose, &record), TOKEN_STORE_OK);
    assert_string_equal(record.refresh, refresh);
    assert_string_equal(record.access, access);
    token_record_fini(&record);
    token_store_free(store);
}

static void remove_kept(void)
{
    struct token_store *store = open_store();

    assert_int_not_equal(token_store_remove(store, &rose), TOKEN_STORE_EFAILED);
    token_store_free(store);
}

static void open_desk(struct stage *s)
{
    s->desk = token_desk_new(&s->loop, on_report, s);
    assert_non_null(s->desk);
    assert_true(token_desk_adopt(s->desk, s->sources));
    token_desk_keep(s->desk, open_store());
    s->counter = token_counter_new(s->desk, &s->loop);
    assert_non_null(s->counter);
}

static void close_desk(struct stage *s)
{
    token_counter_close(s->counter);
    token_desk_close(s->desk);
}

static void begin(struct stage *s)
{
    static char people[] = "people";
    static char robots[] = "robots";
    static char client[] = "popinjay";
    static char endpoint[128];
    static char issuer[64];
    char error[256] = "";

    memset(s, 0, sizeof(*s));
    assert_int_equal(uv_loop_init(&s->loop), 0);
    http_stand_open(&s->stand, &s->loop);
    (void)snprintf(endpoint, sizeof(endpoint), "%s/token", s->stand.url);
    (void)snprintf(issuer, sizeof(issuer), "%s", s->stand.url);
    for (size_t i = 0; i < 2; i++)
        s->oauths[i] = (struct config_oauth){
            .name = i == 0 ? people : robots,
            .grant = i == 0 ? OAUTH_REFRESH_TOKEN : OAUTH_CLIENT_CREDENTIALS,
            .client_id = client,
            .token_endpoint = i == 0 ? endpoint : NULL,
            .issuer = issuer,
            .request_timeout_ms = 10000,
        };
    atomic_init(&s->config.holders, 2); /* it is no allocated one */
    s->config.oauths = s->oauths;
    s->config.oauth_count = 2;
    s->sources = token_sources_new(&s->config, error, sizeof(error));
    assert_non_null(s->sources);
    assert_true(token_sources_are_kept(s->sources));
    open_desk(s);
}

/* A reload, which found |config|. */
static void adopt(struct stage *s, struct config *config)
{
    char error[256] = "";

    atomic_fetch_add(&config->holders, 1);
    token_sources_release(s->sources);
    s->sources = token_sources_new(config, error, sizeof(error));
    assert_non_null(s->sources);
    assert_true(token_desk_adopt(s->desk, s->sources));
}

static void renew_sources(struct stage *s)
{
    adopt(s, &s->config);
}

/* The loop ends by itself: nothing is left behind. */
static void end(struct stage *s)
{
    close_desk(s);
    http_stand_close(&s->stand);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&s->loop), 0);
    token_sources_release(s->sources);
    remove_kept();
}

static int set_up(void **state)
{
    (void)state;
    loop_thread = pthread_self();
    return mkdtemp(folder) != NULL && http_client_prepare_process() ? 0 : -1;
}

static int tear_down(void **state)
{
    char path[128];

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/tokens/lock", folder);
    (void)unlink(path);
    (void)snprintf(path, sizeof(path), "%s/tokens", folder);
    return rmdir(path) == 0 && rmdir(folder) == 0 ? 0 : -1;
}

static void answer_with(struct stage *s, const char *text)
{
    s->stand.answers[s->stand.answer_count++] = text;
}

/* |again|: the last one that was given is refused. */
static struct token_wish *wish(struct stage *s, const char *source,
                               const char *account, bool again)
{
    struct token_wish *w =
        token_counter_ask(s->counter, source, account,
                          span_from_string(again ? s->token : ""), on_given, s);

    assert_non_null(w);
    return w;
}

static void wait_for(struct stage *s, unsigned given)
{
    while (s->given < given)
        uv_run(&s->loop, UV_RUN_ONCE);
}

static enum token_outcome ask(struct stage *s, const char *source, bool again)
{
    (void)wish(s, source, "rose", again);
    wait_for(s, s->given + 1);
    return s->outcome;
}

#define JSON "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
#define TOKEN_A JSON "{\"access_token\":\"access-a\",\"expires_in\":3600}"
#define TOKEN_B                                                \
    JSON "{\"access_token\":\"access-b\",\"expires_in\":3600," \
         "\"refresh_token\":\"refresh-b\"}"
#define BAD "HTTP/1.1 400 Bad\r\nConnection: close\r\n\r\n"
#define REVOKED BAD "{\"error\":\"invalid_grant\"}"
#define DEAD "HTTP/1.1 503 No\r\nConnection: close\r\n\r\n"
#define BUSY                                         \
    "HTTP/1.1 429 Too Many\r\nConnection: close\r\n" \
    "Retry-After: 30\r\n\r\n{\"error\":\"slow_down\"}"

static void test_one_for_all(void **state)
{
    struct stage s;
    struct token_source_figures f;

    (void)state;
    begin(&s);
    agree(&s, "refresh-a");
    answer_with(&s, TOKEN_A);
    for (int i = 0; i < 5; i++)
        (void)wish(&s, "people", "rose", false);
    token_wish_cancel(wish(&s, "people", "rose", false));
    wait_for(&s, 5);
    assert_int_equal(s.outcome, TOKEN_GIVEN);
    assert_string_equal(s.token, "access-a");
    assert_int_equal(s.stand.requests, 1);
    assert_non_null(strstr(s.stand.request,
                           "\r\n\r\ngrant_type=refresh_token&"
                           "client_id=popinjay&refresh_token=refresh-a"));
    assert_int_equal(ask(&s, "people", false), TOKEN_GIVEN);
    assert_int_equal(s.stand.requests, 1);
    assert_int_equal(s.reports, 1);
    assert_int_equal(s.report.lifetime_s, 3600);
    check_kept("refresh-a", "access-a");
    assert_int_equal(token_desk_sources(s.desk), 2);
    f = token_desk_figures(s.desk, 0);
    assert_string_equal(f.source, "people");
    assert_int_equal(f.tries[OAUTH_OK], 1);
    assert_int_equal(f.good, 1);
    assert_true(f.has_token);
    assert_in_range(f.next_expiry_s, 3500, 3570);
    end(&s);
    assert_int_equal(s.given, 6);
}

static void test_kept(void **state)
{
    struct stage s;

    (void)state;
    begin(&s);
    agree(&s, "refresh-a");
    answer_with(&s, TOKEN_B);
    assert_int_equal(ask(&s, "people", false), TOKEN_GIVEN);
    assert_string_equal(s.token, "access-b");
    check_kept("refresh-b", "access-b");
    close_desk(&s);
    open_desk(&s); /* a restart */
    assert_int_equal(ask(&s, "people", false), TOKEN_GIVEN);
    assert_string_equal(s.token, "access-b");
    assert_true(s.report.is_kept);
    assert_int_equal(s.stand.requests, 1);
    end(&s);
}

/* The mail server has refused it: once, another is asked for. */
static void test_rejected(void **state)
{
    struct stage s;

    (void)state;
    begin(&s);
    agree(&s, "refresh-a");
    answer_with(&s, TOKEN_A);
    answer_with(&s, TOKEN_B);
    assert_int_equal(ask(&s, "people", false), TOKEN_GIVEN);
    assert_int_equal(ask(&s, "people", true), TOKEN_GIVEN);
    assert_string_equal(s.token, "access-b");
    assert_int_equal(ask(&s, "people", true), TOKEN_GIVEN);
    assert_string_equal(s.token, "access-b");
    assert_int_equal(s.stand.requests, 2);
    end(&s);
}

/* What a session held for long is refused by now; the one in its place is not,
 * and is given as it is.
 */
static void test_refused_long_ago(void **state)
{
    struct stage s;

    (void)state;
    begin(&s);
    agree(&s, "refresh-a");
    answer_with(&s, TOKEN_B);
    assert_int_equal(ask(&s, "people", false), TOKEN_GIVEN);
    (void)snprintf(s.token, sizeof(s.token), "access-a");
    assert_int_equal(ask(&s, "people", true), TOKEN_GIVEN);
    assert_string_equal(s.token, "access-b");
    assert_int_equal(s.stand.requests, 1);
    end(&s);
}

/* It is being renewed when it is refused: the fresh one is waited for. */
static void test_refused_while_renewed(void **state)
{
    struct stage s;

    (void)state;
    begin(&s);
    agree(&s, "refresh-a");
    answer_with(&s, TOKEN_A);
    answer_with(&s, TOKEN_B);
    assert_int_equal(ask(&s, "people", false), TOKEN_GIVEN);
    (void)wish(&s, "people", "rose", true);
    (void)wish(&s, "people", "rose", true);
    wait_for(&s, 3);
    assert_string_equal(s.token, "access-b");
    assert_int_equal(s.stand.requests, 2);
    end(&s);
}

static void test_revoked(void **state)
{
    struct stage s;

    (void)state;
    begin(&s);
    agree(&s, "refresh-a");
    answer_with(&s, REVOKED);
    answer_with(&s, TOKEN_A);
    assert_int_equal(ask(&s, "people", false), TOKEN_WITHHELD);
    assert_string_equal(s.token, "");
    assert_int_equal(s.report.result, OAUTH_INVALID_GRANT);
    assert_string_equal(s.error, "invalid_grant");
    assert_int_equal(s.report.retry_in_ms, 0);
    assert_int_equal(ask(&s, "people", false), TOKEN_WITHHELD);
    assert_int_equal(s.stand.requests, 1);
    assert_int_equal(token_desk_figures(s.desk, 0).refused, 1);
    agree(&s, "refresh-c");
    assert_int_equal(ask(&s, "people", false), TOKEN_GIVEN);
    assert_non_null(strstr(s.stand.request, "refresh_token=refresh-c"));
    assert_int_equal(token_desk_figures(s.desk, 0).refused, 0);
    end(&s);
}

static void test_nobody_agreed(void **state)
{
    struct stage s;

    (void)state;
    begin(&s);
    answer_with(&s, TOKEN_A);
    assert_int_equal(ask(&s, "people", false), TOKEN_WITHHELD);
    assert_string_equal(s.error, "nobody has agreed yet");
    assert_int_equal(s.stand.requests, 0);
    assert_int_equal(ask(&s, "unknown", false), TOKEN_UNAVAILABLE);
    end(&s);
}

/* Nobody is told to agree to what an application does by itself. */
static void test_application_refused(void **state)
{
    static char endpoint[64];
    struct stage s;

    (void)state;
    begin(&s);
    answer_with(&s, REVOKED);
    (void)snprintf(endpoint, sizeof(endpoint), "%s", s.stand.url);
    s.oauths[1].token_endpoint = endpoint;
    renew_sources(&s);
    assert_int_equal(ask(&s, "robots", false), TOKEN_UNAVAILABLE);
    assert_int_equal(s.report.result, OAUTH_INVALID_CLIENT);
    assert_string_equal(s.error, "invalid_grant");
    assert_true(s.report.retry_in_ms > 0);
    end(&s);
}

/* In a field of HTTP, and then not in the form. */
static void test_basic(void **state)
{
    static char secret_file[] = "/tmp/test_token_desk.secret.XXXXXX";
    struct stage s;
    int fd = mkstemp(secret_file);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "word\n", 5), 5);
    assert_int_equal(close(fd), 0);
    begin(&s);
    answer_with(&s, TOKEN_A);
    s.oauths[1].client_secret_file = secret_file;
    s.oauths[1].client_authentication = OAUTH_PROOF_BASIC;
    s.oauths[1].token_endpoint = s.stand.url;
    renew_sources(&s);
    assert_int_equal(ask(&s, "robots", false), TOKEN_GIVEN);
    assert_non_null(strstr(s.stand.request,
                           "\r\nAuthorization: Basic cG9waW5qYXk6d29yZA=="));
    assert_null(strstr(s.stand.request, "client_secret"));
    end(&s);
    assert_int_equal(unlink(secret_file), 0);
}

/* Another process, or the command line, is at it. */
static void test_locked(void **state)
{
    struct stage s;
    struct token_store *other;

    (void)state;
    begin(&s);
    agree(&s, "refresh-a");
    answer_with(&s, TOKEN_A);
    other = open_store();
    assert_true(token_store_try_lock(other, &rose));
    (void)wish(&s, "people", "rose", false);
    for (int i = 0; i < 3; i++) /* the wish arrives, and tries are made */
        uv_run(&s.loop, UV_RUN_ONCE);
    assert_int_equal(s.given, 0);
    assert_int_equal(s.stand.requests, 0);
    token_store_free(other);
    wait_for(&s, 1);
    assert_int_equal(s.outcome, TOKEN_GIVEN);
    end(&s);
}

/* The new refresh token, which is the one that is good now, is not lost where
 * the disk fails: nobody has the access token before it is there.
 */
static void test_not_saved_at_once(void **state)
{
    struct stage s;
    char here[128];
    char away[128];

    (void)state;
    (void)snprintf(here, sizeof(here), "%s/tokens", folder);
    (void)snprintf(away, sizeof(away), "%s/away", folder);
    begin(&s);
    agree(&s, "refresh-a");
    answer_with(&s, TOKEN_B);
    (void)wish(&s, "people", "rose", false);
    while (s.stand.requests == 0)
        uv_run(&s.loop, UV_RUN_ONCE);
    assert_int_equal(rename(here, away), 0);
    wait_for(&s, 1);
    assert_int_equal(s.outcome, TOKEN_UNAVAILABLE);
    assert_string_equal(s.error, "the new token cannot be written");
    assert_int_equal(rename(away, here), 0);
    assert_true(token_desk_adopt(s.desk, s.sources));
    assert_int_equal(ask(&s, "people", false), TOKEN_GIVEN);
    assert_string_equal(s.token, "access-b");
    assert_int_equal(s.stand.requests, 1);
    check_kept("refresh-b", "access-b");
    end(&s);
}

/* --- a disk that is slow, or fails --- */

static void count_turn(uv_timer_t *timer)
{
    unsigned *turns = timer->data;

    ++*turns;
}

/* All else goes on meanwhile; and nobody has the token before it is safe. */
static void test_slow_disk(void **state)
{
    unsigned turns = 0;
    uv_timer_t timer;
    struct stage s;

    (void)state;
    begin(&s);
    agree(&s, "refresh-a");
    answer_with(&s, TOKEN_B);
    assert_int_equal(uv_timer_init(&s.loop, &timer), 0);
    timer.data = &turns;
    assert_int_equal(uv_timer_start(&timer, count_turn, 1, 1), 0);
    assert_int_equal(pthread_mutex_lock(&disk), 0);
    is_asked_by_loop = is_disk_asked = false;
    (void)wish(&s, "people", "rose", false);
    while (!is_disk_asked)
        uv_run(&s.loop, UV_RUN_ONCE);
    for (turns = 0; turns < 50;)
        uv_run(&s.loop, UV_RUN_ONCE);
    assert_false(is_asked_by_loop);
    assert_int_equal(s.given, 0);
    assert_int_equal(pthread_mutex_unlock(&disk), 0);
    wait_for(&s, 1);
    assert_string_equal(s.token, "access-b");
    check_kept("refresh-b", "access-b");
    uv_close((uv_handle_t *)&timer, NULL);
    end(&s);
}

/* The file that a new record is written to, which is to fail. */
static void new_file(char path[128])
{
    (void)snprintf(path, 128, "%s/tokens/people:rose.token.new", folder);
}

/* A new token that could not be written; what is kept is refresh-a still. */
static void fail_to_write(struct stage *s)
{
    char path[128];

    begin(s);
    agree(s, "refresh-a");
    answer_with(s, TOKEN_B);
    answer_with(s, TOKEN_A);
    new_file(path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(ask(s, "people", false), TOKEN_UNAVAILABLE);
    assert_string_equal(s->error, "the new token cannot be written");
    assert_int_equal(rmdir(path), 0);
}

/* Somebody has agreed anew before the desk could write: that counts. */
static void test_consent_before_unsaved(void **state)
{
    struct stage s;

    (void)state;
    fail_to_write(&s);
    agree(&s, "refresh-c");
    assert_int_equal(ask(&s, "people", false), TOKEN_GIVEN);
    assert_string_equal(s.token, "access-a");
    assert_int_equal(s.stand.requests, 2);
    assert_non_null(strstr(s.stand.request, "refresh_token=refresh-c"));
    check_kept("refresh-c", "access-a");
    end(&s);
}

/* And where the desk was first. */
static void test_consent_behind_unsaved(void **state)
{
    struct stage s;

    (void)state;
    fail_to_write(&s);
    assert_true(token_desk_adopt(s.desk, s.sources));
    assert_int_equal(ask(&s, "people", false), TOKEN_GIVEN);
    assert_string_equal(s.token, "access-b");
    check_kept("refresh-b", "access-b");
    agree(&s, "refresh-c");
    assert_int_equal(ask(&s, "people", true), TOKEN_GIVEN);
    assert_string_equal(s.token, "access-a");
    assert_non_null(strstr(s.stand.request, "refresh_token=refresh-c"));
    check_kept("refresh-c", "access-a");
    end(&s);
}

/* What was forgotten meanwhile stays forgotten. */
static void test_forgotten_before_unsaved(void **state)
{
    struct stage s;

    (void)state;
    fail_to_write(&s);
    remove_kept();
    assert_int_equal(ask(&s, "people", false), TOKEN_WITHHELD);
    assert_string_equal(s.error, "nobody has agreed yet");
    assert_int_equal(s.stand.requests, 1);
    end(&s);
}

/* A backup that is brought back asks for no lock. */
static void test_replaced_in_the_midst(void **state)
{
    struct stage s;

    (void)state;
    begin(&s);
    agree(&s, "refresh-a");
    answer_with(&s, TOKEN_B);
    answer_with(&s, TOKEN_A);
    (void)wish(&s, "people", "rose", false);
    while (s.stand.requests == 0)
        uv_run(&s.loop, UV_RUN_ONCE);
    agree(&s, "refresh-c");
    wait_for(&s, 1);
    assert_int_equal(s.outcome, TOKEN_UNAVAILABLE);
    assert_string_equal(s.error, "another token was kept meanwhile");
    assert_int_equal(ask(&s, "people", false), TOKEN_GIVEN);
    assert_non_null(strstr(s.stand.request, "refresh_token=refresh-c"));
    check_kept("refresh-c", "access-a");
    end(&s);
}

/* The end of the process is the last chance. */
static void test_unsaved_at_the_end(void **state)
{
    struct stage s;

    (void)state;
    fail_to_write(&s);
    close_desk(&s);
    check_kept("refresh-b", "access-b");
    open_desk(&s);
    end(&s);
}

static void test_never_saved(void **state)
{
    struct stage s;
    char path[128];

    (void)state;
    fail_to_write(&s);
    new_file(path);
    assert_int_equal(mkdir(path, 0700), 0);
    close_desk(&s);
    assert_string_equal(s.error,
                        "the new token could not be written before the end");
    assert_int_equal(s.report.retry_in_ms, 0); /* who mends it is told how */
    assert_int_equal(rmdir(path), 0);
    open_desk(&s);
    end(&s);
}

/* --- an answer that is lost --- */

/* The process before has ended while it waited for an answer. */
static void lose_answer(struct stage *s, const char *access)
{
    struct token_store *store;

    keep_access(s, "refresh-a", access);
    store = open_store();
    token_store_note_question(store, &rose);
    token_store_free(store);
}

/* What is kept is used, and another one asked for, without a login: some servers
 * take the refresh token that they have replaced for a while.
 */
static void test_answer_lost(void **state)
{
    struct stage s;

    (void)state;
    begin(&s);
    close_desk(&s);
    lose_answer(&s, "access-a");
    answer_with(&s, TOKEN_B);
    open_desk(&s);
    while (s.reports < 1)
        uv_run(&s.loop, UV_RUN_ONCE);
    assert_true(s.report.is_kept);
    assert_int_equal(ask(&s, "people", false), TOKEN_GIVEN);
    assert_string_equal(s.token, "access-a");
    while (s.reports < 2)
        uv_run(&s.loop, UV_RUN_ONCE);
    assert_int_equal(s.report.result, OAUTH_OK);
    assert_non_null(strstr(s.stand.request, "refresh_token=refresh-a"));
    check_kept("refresh-b", "access-b");
    close_desk(&s);
    open_desk(&s);
    assert_int_equal(ask(&s, "people", false), TOKEN_GIVEN);
    assert_true(s.report.is_kept);
    assert_int_equal(s.stand.requests, 1); /* nothing is lost any more */
    end(&s);
}

/* It was used up: who has to agree anew is told by what. */
static void test_answer_lost_for_good(void **state)
{
    struct stage s;

    (void)state;
    begin(&s);
    lose_answer(&s, NULL);
    answer_with(&s, REVOKED);
    assert_int_equal(ask(&s, "people", false), TOKEN_WITHHELD);
    assert_string_equal(s.error,
                        "invalid_grant, after an answer that was lost");
    renew_sources(&s);
    assert_int_equal(ask(&s, "people", false), TOKEN_WITHHELD);
    assert_string_equal(s.error,
                        "invalid_grant, after an answer that was lost");
    agree(&s, "refresh-c");
    assert_int_equal(ask(&s, "people", false), TOKEN_WITHHELD);
    assert_string_equal(s.error, "invalid_grant");
    end(&s);
}

/* --- clocks --- */

/* A clock that is set while we run changes nothing; over a restart it is
 * believed only where it says that there is time left.
 */
static void check_clock(int64_t ahead_s)
{
    struct stage s;

    begin(&s);
    agree(&s, "refresh-a");
    answer_with(&s, TOKEN_A);
    answer_with(&s, TOKEN_B);
    assert_int_equal(ask(&s, "people", false), TOKEN_GIVEN);
    clock_ahead_s = ahead_s;
    assert_int_equal(ask(&s, "people", false), TOKEN_GIVEN);
    assert_string_equal(s.token, "access-a");
    assert_int_equal(s.stand.requests, 1);
    close_desk(&s);
    open_desk(&s);
    assert_int_equal(ask(&s, "people", false), TOKEN_GIVEN);
    assert_string_equal(s.token, "access-b");
    assert_int_equal(s.stand.requests, 2);
    check_kept("refresh-b", "access-b");
    /* What was obtained by the clock as it is now goes by it. */
    close_desk(&s);
    open_desk(&s);
    assert_int_equal(ask(&s, "people", false), TOKEN_GIVEN);
    assert_int_equal(s.stand.requests, 2);
    clock_ahead_s = 0;
    end(&s);
}

static void test_clock_set_forward(void **state)
{
    (void)state;
    check_clock(86400);
}

static void test_clock_set_back(void **state)
{
    (void)state;
    check_clock(-86400);
    check_clock(-600);
}

/* --- a section that becomes another one --- */

/* |change| makes another of the section: what was granted to the one before is
 * neither shown nor sent, until somebody has agreed anew or it is itself again.
 */
static void check_another(void (*change)(struct config_oauth *oauth))
{
    struct config_oauth oauths[2];
    struct config config;
    struct stage s;

    begin(&s);
    agree(&s, "refresh-a");
    answer_with(&s, TOKEN_A);
    answer_with(&s, TOKEN_B);
    answer_with(&s, TOKEN_A);
    assert_int_equal(ask(&s, "people", false), TOKEN_GIVEN);
    memcpy(oauths, s.oauths, sizeof(oauths));
    change(&oauths[0]);
    memset(&config, 0, sizeof(config));
    atomic_init(&config.holders, 2);
    config.oauths = oauths;
    config.oauth_count = 2;
    adopt(&s, &config);
    assert_int_equal(ask(&s, "people", false), TOKEN_WITHHELD);
    assert_string_equal(s.error, "another provider or client granted it");
    assert_int_equal(s.report.result, OAUTH_INVALID_GRANT);
    assert_int_equal(s.stand.requests, 1);
    check_kept("refresh-a", "access-a");
    renew_sources(&s);
    assert_int_equal(ask(&s, "people", false), TOKEN_GIVEN);
    assert_non_null(strstr(s.stand.request, "refresh_token=refresh-a"));
    adopt(&s, &config);
    assert_int_equal(ask(&s, "people", false), TOKEN_WITHHELD);
    agree(&s, "refresh-c");
    assert_int_equal(ask(&s, "people", false), TOKEN_GIVEN);
    assert_string_equal(s.token, "access-a");
    assert_int_equal(s.stand.requests, 3);
    assert_non_null(strstr(s.stand.request, "refresh_token=refresh-c"));
    adopt(&s, &config); /* nothing has changed */
    assert_int_equal(ask(&s, "people", false), TOKEN_GIVEN);
    assert_int_equal(s.stand.requests, 3);
    end(&s);
}

static void change_client(struct config_oauth *oauth)
{
    static char client[] = "another";

    oauth->client_id = client;
}

static void change_issuer(struct config_oauth *oauth)
{
    static char issuer[] = "https://another.example";

    oauth->issuer = issuer;
}

static void change_endpoint(struct config_oauth *oauth)
{
    static char endpoint[160];

    (void)snprintf(endpoint, sizeof(endpoint), "%s2", oauth->token_endpoint);
    oauth->token_endpoint = endpoint;
}

static void test_another_client(void **state)
{
    (void)state;
    check_another(change_client);
}

static void test_another_provider(void **state)
{
    (void)state;
    check_another(change_issuer);
    check_another(change_endpoint);
}

/* Whatever there is no memory for, the answer comes, and nothing is lost. What is
 * kept is still good: libcurl has bugs of its own where memory runs out.
 */
static void test_no_memory(void **state)
{
    struct stage s;
    bool all = false;

    (void)state;
    begin(&s);
    keep_access(&s, "refresh-a", "access-a");
    answer_with(&s, TOKEN_B);
    for (unsigned long n = 1; !all; n++) {
        struct token_wish *w;

        close_desk(&s);
        open_desk(&s);
        alloc_fail_at(n);
        w = token_counter_ask(s.counter, "people", "rose", SPAN_LITERAL(""),
                              on_given, &s);
        if (w != NULL)
            wait_for(&s, s.given + 1);
        all = w != NULL && alloc_fail_count() < n;
        alloc_fail_at(0);
        assert_true(!all || s.outcome == TOKEN_GIVEN);
        assert_int_equal(s.stand.requests, 0);
    }
    assert_string_equal(s.token, "access-a");
    check_kept("refresh-a", "access-a");
    end(&s);
}

static void test_dead(void **state)
{
    struct stage s;

    (void)state;
    begin(&s);
    agree(&s, "refresh-a");
    answer_with(&s, DEAD);
    answer_with(&s, TOKEN_A);
    assert_int_equal(ask(&s, "people", false), TOKEN_UNAVAILABLE);
    assert_string_equal(s.error, "status 503");
    assert_int_equal(s.report.retry_in_ms, 1000);
    assert_int_equal(ask(&s, "people", false), TOKEN_UNAVAILABLE);
    assert_int_equal(s.stand.requests, 1); /* it is left alone */
    assert_int_equal(token_desk_figures(s.desk, 0).failing, 1);
    /* A reload has it tried again. */
    assert_true(token_desk_adopt(s.desk, s.sources));
    assert_int_equal(ask(&s, "people", false), TOKEN_GIVEN);
    end(&s);
}

/* It says itself how long it wants to be left alone. */
static void test_busy(void **state)
{
    struct stage s;

    (void)state;
    begin(&s);
    agree(&s, "refresh-a");
    answer_with(&s, BUSY);
    answer_with(&s, TOKEN_A);
    assert_int_equal(ask(&s, "people", false), TOKEN_UNAVAILABLE);
    assert_string_equal(s.error, "status 429");
    assert_int_equal(s.report.retry_in_ms, 30000);
    end(&s);
}

/* Under the issuer, which is asked in two ways; one token for all mailboxes. */
static void test_application(void **state)
{
    struct stage s;
    char metadata[512];

    (void)state;
    begin(&s);
    answer_with(&s, "HTTP/1.1 404 No\r\nConnection: close\r\n\r\n");
    (void)snprintf(metadata, sizeof(metadata),
                   JSON "{\"issuer\":\"%s\",\"token_endpoint\":\"%s/t\"}",
                   s.stand.url, s.stand.url);
    answer_with(&s, metadata);
    answer_with(&s, TOKEN_A);
    assert_int_equal(ask(&s, "robots", false), TOKEN_GIVEN);
    assert_int_equal(s.stand.requests, 3);
    assert_non_null(strstr(s.stand.request, "POST /t "));
    assert_non_null(strstr(s.stand.request,
                           "\r\n\r\ngrant_type=client_credentials&"
                           "client_id=popinjay"));
    (void)wish(&s, "robots", "fern", false);
    wait_for(&s, 2);
    assert_int_equal(s.outcome, TOKEN_GIVEN);
    assert_int_equal(s.stand.requests, 3);
    assert_int_equal(ask(&s, "robots", true), TOKEN_GIVEN);
    assert_int_equal(s.stand.requests, 4); /* the endpoint is known */
    end(&s);
}

/* An answer that is on its way may hold the one refresh token that is good: the
 * end waits for it.
 */
static void test_end_in_the_midst(void **state)
{
    struct stage s;

    (void)state;
    begin(&s);
    agree(&s, "refresh-a");
    answer_with(&s, TOKEN_B);
    token_wish_cancel(wish(&s, "people", "rose", false));
    while (s.stand.requests == 0)
        uv_run(&s.loop, UV_RUN_ONCE);
    assert_int_equal(s.reports, 0);
    close_desk(&s);
    http_stand_close(&s.stand);
    uv_run(&s.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&s.loop), 0);
    check_kept("refresh-b", "access-b");
    token_sources_release(s.sources);
    assert_int_equal(s.given, 0);
    remove_kept();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_for_all),
        cmocka_unit_test(test_kept),
        cmocka_unit_test(test_rejected),
        cmocka_unit_test(test_refused_long_ago),
        cmocka_unit_test(test_refused_while_renewed),
        cmocka_unit_test(test_revoked),
        cmocka_unit_test(test_nobody_agreed),
        cmocka_unit_test(test_application_refused),
        cmocka_unit_test(test_basic),
        cmocka_unit_test(test_locked),
        cmocka_unit_test(test_not_saved_at_once),
        cmocka_unit_test(test_slow_disk),
        cmocka_unit_test(test_consent_before_unsaved),
        cmocka_unit_test(test_consent_behind_unsaved),
        cmocka_unit_test(test_forgotten_before_unsaved),
        cmocka_unit_test(test_replaced_in_the_midst),
        cmocka_unit_test(test_unsaved_at_the_end),
        cmocka_unit_test(test_never_saved),
        cmocka_unit_test(test_answer_lost),
        cmocka_unit_test(test_answer_lost_for_good),
        cmocka_unit_test(test_clock_set_forward),
        cmocka_unit_test(test_clock_set_back),
        cmocka_unit_test(test_busy),
        cmocka_unit_test(test_another_client),
        cmocka_unit_test(test_another_provider),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_dead),
        cmocka_unit_test(test_application),
        cmocka_unit_test(test_end_in_the_midst),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
