#include "cli/status.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/datetime.h"
#include "cli/http_get.h"

#define ERROR_MAX 256
#define ANSWER_MAX (2 * 1024 * 1024)
#define SECONDS_A_DAY (24 * 60 * 60)

/* --- reading what it said --- */

static const json_t *member(const json_t *object, const char *first,
                            const char *second)
{
    const json_t *value = json_object_get(object, first);

    return second == NULL ? value : json_object_get(value, second);
}

static long long number(const json_t *page, const char *first,
                        const char *second)
{
    return json_integer_value(member(page, first, second));
}

/* What another program says is shown without control octets. */
static const char *plain(const char *said, char *shown, size_t size)
{
    (void)snprintf(shown, size, "%s", said);
    for (char *c = shown; *c != '\0'; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
    return shown;
}

/* Never NULL. */
static const char *text(const json_t *object, const char *key, char *shown,
                        size_t size)
{
    const char *value = json_string_value(json_object_get(object, key));

    return plain(value != NULL ? value : "", shown, size);
}

/* --- the table --- */

static void row(const char *key, const char *words)
{
    (void)printf("%-16s%s\n", key, words);
}

static void print_uptime(const json_t *page)
{
    long long seconds = number(page, "uptime_seconds", NULL);

    (void)printf("%-16s%lld d %lld h %lld min\n", "up", seconds / SECONDS_A_DAY,
                 seconds / 3600 % 24, seconds / 60 % 60);
}

/* Why, where there is a reason. */
static void print_failures(const json_t *page)
{
    const json_t *reasons = member(page, "logins", "failed_by_reason");
    char shown[64];
    const char *key;
    json_t *value;

    json_object_foreach ((json_t *)(uintptr_t)reasons, key, value)
        if (json_integer_value(value) > 0)
            (void)printf("%-16s%lld %s\n", "", json_integer_value(value),
                         plain(key, shown, sizeof(shown)));
}

static void print_end(const char *name, const char *of, long long left_s)
{
    long long days = left_s / SECONDS_A_DAY;

    (void)printf("%-16s%s (%s): ", "certificate", name, of);
    if (left_s < 0)
        (void)printf("has ended\n");
    else
        (void)printf("ends in %lld %s\n", days, days == 1 ? "day" : "days");
}

/* Of logins there, all of each. */
static void print_latency(const json_t *upstream)
{
    const json_t *login = member(upstream, "latency_ms", "client_login");

    if (number(login, "count", NULL) > 0)
        (void)printf("%-16s%lld good, %lld failed; half in %lld ms, 95 of 100 "
                     "in %lld ms\n",
                     "logins there", number(upstream, "logins_ok", NULL),
                     number(upstream, "logins_failed", NULL),
                     number(login, "p50", NULL), number(login, "p95", NULL));
}

/* Of several servers, what becomes of each. */
static void print_servers(const json_t *servers)
{
    char address[300];
    char error[200];

    for (size_t i = 0;
         json_array_size(servers) > 1 && i < json_array_size(servers); i++) {
        const json_t *server = json_array_get(servers, i);
        long long aside_ms = number(server, "aside_ms", NULL);

        (void)printf("%-16s%s: ", "server",
                     text(server, "address", address, sizeof(address)));
        if (aside_ms == 0)
            (void)printf("in use\n");
        else
            (void)printf("aside for %lld s: %s\n", (aside_ms + 999) / 1000,
                         text(server, "last_error", error, sizeof(error)));
    }
}

static void print_upstream(const json_t *upstream)
{
    const json_t *health = json_object_get(upstream, "health");
    char name[64];
    char shown[200];

    (void)printf("%-16s%s, %s: ", "upstream",
                 text(upstream, "name", name, sizeof(name)),
                 text(upstream, "address", shown, sizeof(shown)));
    (void)printf("%s\n", text(health, "verdict", shown, sizeof(shown)));
    print_servers(json_object_get(upstream, "servers"));
    print_latency(upstream);
    (void)printf("%-16s%lld open, %lld parked; %lld connected, %lld failed\n",
                 "connections", number(upstream, "open", NULL),
                 number(upstream, "parked", NULL),
                 number(upstream, "connections", NULL),
                 number(upstream, "failures", NULL));
    if (text(health, "last_error", shown, sizeof(shown))[0] != '\0')
        row("last error", shown);
}

/* Those of its servers that have shown one. */
static void print_server_certificates(const json_t *upstream, long long now_s)
{
    const json_t *servers = json_object_get(upstream, "servers");
    char name[64];
    char address[300];

    for (size_t i = 0; i < json_array_size(servers); i++) {
        const json_t *server = json_array_get(servers, i);
        long long end_s = number(server, "certificate_expires", NULL);

        if (end_s > 0)
            print_end(text(server, "address", address, sizeof(address)),
                      text(upstream, "name", name, sizeof(name)),
                      end_s - now_s);
    }
}

static void print_upstreams(const json_t *page)
{
    const json_t *all = json_object_get(page, "upstreams");

    for (size_t i = 0; i < json_array_size(all); i++)
        print_upstream(json_array_get(all, i));
}

static void print_certificates(const json_t *page)
{
    const json_t *all = json_object_get(page, "certificates");
    long long now_s = number(page, "time", NULL);
    char listener[64];
    char name[200];

    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *one = json_array_get(all, i);

        print_end(text(one, "name", name, sizeof(name)),
                  text(one, "listener", listener, sizeof(listener)),
                  number(one, "expires", NULL) - now_s);
    }
    all = json_object_get(page, "upstreams");
    for (size_t i = 0; i < json_array_size(all); i++)
        print_server_certificates(json_array_get(all, i), now_s);
}

static void print_troubled(const char *source, long long accounts,
                           const char *what)
{
    char shown[64];

    if (accounts > 0)
        (void)printf("%-16s%s: %lld %s %s\n", "tokens",
                     plain(source, shown, sizeof(shown)), accounts,
                     accounts == 1 ? "account" : "accounts", what);
}

/* Of accounts, by their [oauth NAME]; nothing of those that are well. */
static void print_tokens(const json_t *page)
{
    json_t *all = json_object_get(page, "oauth");
    const char *name;
    json_t *source;

    json_object_foreach (all, name, source) {
        print_troubled(name, number(source, "refused", NULL),
                       "to be agreed to anew (token_refused in the log)");
        print_troubled(name, number(source, "failing", NULL),
                       "without a token for now (token_failed in the log)");
    }
}

static void print_table(const json_t *page)
{
    char shown[200];

    row("state", text(page, "state", shown, sizeof(shown)));
    row("version", text(page, "version", shown, sizeof(shown)));
    print_uptime(page);
    (void)printf("%-16s%lld of %lld; %lld since the start\n", "sessions",
                 number(page, "sessions", "active"),
                 number(page, "sessions", "limit"),
                 number(page, "sessions", "total"));
    (void)printf("%-16s%lld good, %lld failed; last hour %lld, %lld\n",
                 "logins", number(page, "logins", "ok"),
                 number(page, "logins", "failed"),
                 number(page, "last_hour", "logins_ok"),
                 number(page, "last_hour", "logins_failed"));
    print_failures(page);
    (void)printf("%-16s%lld retrieved, %lld deleted\n", "messages",
                 number(page, "messages", "retrieved"),
                 number(page, "messages", "deleted"));
    print_upstreams(page);
    print_tokens(page);
    print_certificates(page);
}

/* --- */

int status_run(const char *host, uint16_t port)
{
    char error[ERROR_MAX];
    char state[64];
    struct buf answer;
    json_t *page = NULL;
    bool serves = false;

    buf_init(&answer, ANSWER_MAX);
    if (!http_get(host, port, "/status", &answer, error, sizeof(error))) {
        (void)fprintf(stderr,
                      "popinjay: no status at %s port %u: %s\n"
                      "Is it running, and is [status] address the same?\n",
                      host, (unsigned)port, error);
        buf_fini(&answer);
        return EXIT_FAILURE;
    }
    page = json_loadb((const char *)buf_span(&answer).data, buf_length(&answer),
                      0, NULL);
    if (json_is_object(page)) {
        print_table(page);
        text(page, "state", state, sizeof(state));
        serves = strcmp(state, "serving") == 0;
    } else {
        (void)fprintf(stderr, "popinjay: what answers there is no popinjay\n");
    }
    json_decref(page);
    buf_fini(&answer);
    return serves ? EXIT_SUCCESS : EXIT_FAILURE;
}
