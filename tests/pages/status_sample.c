/* status_sample.c - the status page as it would be after an hour or a month that
 * no test can wait for: made up figures, the real page.
 *
 *     status_sample busy|trouble|fresh >page.html
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/status_page.h"
#include "session/fault.h"

#define NOW_S UINT64_C(1782900000) /* 2026-07-01 */
#define DAY_S INT64_C(86400)
#define MINUTE_MS UINT64_C(60000)

static struct history history;
static struct listener_names names;
static struct status_upstream upstreams[] = {
    { .name = "default",
      .address = "imap1.example.com:993,imap2.example.com:993",
      .health = { .verdict = UPSTREAM_REACHED, .success_unix_s = NOW_S - 4 },
      .server_count = 2,
      .servers = { { .text = "imap1.example.com:993" },
                   { .text = "imap2.example.com:993" } } },
    { .name = "branch",
      .address = "mail.branch.example:993",
      .health = { .verdict = UPSTREAM_REACHED, .success_unix_s = NOW_S - 9 },
      .server_count = 1,
      .servers = { { .text = "mail.branch.example:993" } } },
    { .name = "gmail",
      .address = "imap.gmail.com:993",
      .health = { .verdict = UPSTREAM_REACHED, .success_unix_s = NOW_S - 2 },
      .server_count = 1,
      .servers = { { .text = "imap.gmail.com:993" } } },
};
static struct settings_certificate certificates[] = {
    { "pop3s", 1, { "mail.example.com", 0 } },
    { "pop3s", 2, { "pop.example.org", 0 } },
    { "pop3", 1, { "mail.example.com", 0 } },
};

/* A few dozen devices that poll, more of them every ten minutes. */
static void live_an_hour(struct status_figures *f, unsigned trouble)
{
    unsigned noise = 7;

    for (unsigned minute = 0; minute < HISTORY_MINUTES; minute++) {
        uint64_t sessions = 31 + minute / 4;

        noise = noise * 75 % 65537;
        sessions += noise % 9 + (minute % 10 < 2 ? 38 : 0);
        f->sessions = sessions;
        f->totals.value[COUNTER_LOGINS_OK] += sessions * 3;
        f->totals.value[COUNTER_MESSAGES_RETRIEVED] += sessions * 4;
        if (noise % 4 == 0 || minute >= HISTORY_MINUTES - trouble) {
            f->totals.login_failures[FAULT_CREDENTIALS] += 1 + noise % 2;
            f->totals.value[COUNTER_LOGINS_FAILED] += 1 + noise % 2;
        }
        if (minute >= HISTORY_MINUTES - trouble) {
            f->totals.login_failures[FAULT_UPSTREAM_UNREACHABLE] += 25;
            f->totals.value[COUNTER_LOGINS_FAILED] += 25;
        }
        history_sample(&history, minute * MINUTE_MS, sessions, &f->totals);
    }
}

/* |distance|: how much slower an upstream is than a near one, in classes. */
static void take_times(struct counters_total *t, struct status_upstream *u,
                       unsigned distance)
{
    static const unsigned classes[COUNTER_STAGE_COUNT] = { 4, 5, 4, 6, 4, 5,
                                                           4, 6, 7, 6, 4 };
    static const uint64_t counts[] = { 9000, 700, 300 };

    for (unsigned i = 0; i < COUNTER_STAGE_COUNT; i++)
        for (unsigned n = 0; n < ARRAY_LENGTH(counts); n++) {
            t->stage[i].count[classes[i] + distance + n] += counts[n];
            if (i < COUNTER_UPSTREAM_STAGES)
                u->stage[i].count[classes[i] + distance + n] += counts[n];
        }
}

/* It has a share of all that is done. */
static void be_used(struct status_upstream *u, uint64_t percent)
{
    u->open = 2 + 3 * percent;
    u->parked = 2 * percent;
    u->health.recent_successes = (uint32_t)(1 + percent);
    u->counts[UPSTREAM_LOGINS_OK] = 31804 * percent;
    u->counts[UPSTREAM_LOGINS_FAILED] = 332 * percent;
    u->login_failures[FAULT_CREDENTIALS] = 331 * percent;
    u->login_failures[FAULT_IN_USE] = percent;
    u->counts[UPSTREAM_REUSED] = 26901 * percent;
    u->counts[UPSTREAM_FAILURES] = 1 + percent;
    for (size_t i = 0; i < u->server_count; i++)
        u->servers[i].certificate_end_s =
            (int64_t)NOW_S + (int64_t)(23 + percent) * DAY_S;
}

static struct status_figures begin(void)
{
    struct status_figures f = {
        .version = "1.0",
        .upstreams = upstreams,
        .upstream_count = ARRAY_LENGTH(upstreams),
        .state = STATUS_SERVING,
        .uptime_seconds = 19,
        .reload_good = 1,
        .workers = 4,
        .max_sessions = 10000,
        .process = { .resident_octets = 21 * 1000 * 1000,
                     .open_files = 90,
                     .max_files = 20480 },
        .history = &history,
        .listener_names = &names,
        .certificates = certificates,
        .certificate_count = 3,
        .now_seconds = NOW_S,
    };

    certificates[0].facts.not_after_s = (int64_t)NOW_S + 61 * DAY_S;
    certificates[1].facts.not_after_s = (int64_t)NOW_S + 47 * DAY_S;
    certificates[2].facts.not_after_s = (int64_t)NOW_S + 61 * DAY_S;
    (void)listener_names_take(&names, "pop3s");
    (void)listener_names_take(&names, "pop3");
    return f;
}

static void be_busy(struct status_figures *f, unsigned trouble)
{
    struct counters_total *t = &f->totals;

    f->uptime_seconds = 21 * 86400 + 5 * 3600 + 320;
    t->value[COUNTER_LOGINS_OK] = 3180412;
    t->value[COUNTER_SESSIONS] = 3214087;
    t->value[COUNTER_MESSAGES_RETRIEVED] = 4120938;
    t->value[COUNTER_OCTETS_RETRIEVED] = UINT64_C(311204118220);
    t->value[COUNTER_MESSAGES_DELETED] = 3900210;
    t->value[COUNTER_LISTINGS_FRESH] = 2710044;
    t->value[COUNTER_LISTINGS_FULL] = 12011;
    t->value[COUNTER_CLIENT_TLS_NEW] = 401220;
    t->value[COUNTER_CLIENT_TLS_RESUMED] = 2811044;
    t->value[COUNTER_LOGINS_FAILED] = 33571;
    f->accounts = 214;
    t->value[COUNTER_LOGINS_BY_PASSWORD] = 791430;
    t->value[COUNTER_LOGINS_BY_CRAM_MD5] = 20514;
    t->login_failures[FAULT_CREDENTIALS] = 33120;
    t->login_failures[FAULT_IN_USE] = 402;
    t->login_failures[FAULT_UPSTREAM_BUSY] = 49;
    history_sample(&history, 0, 0, t);
    history = (struct history){ .last = 0 };
    memcpy(history.then_value, t->value, sizeof(history.then_value));
    memcpy(history.then_failures, t->login_failures,
           sizeof(history.then_failures));
    live_an_hour(f, trouble);
    take_times(t, &upstreams[0], 0);
    take_times(t, &upstreams[1], 1);
    take_times(t, &upstreams[2], 2);
    t->sessions[0] = 3100900;
    t->sessions[1] = 113187;
    t->sessions_in_phase[0][2] = f->sessions - 14;
    t->sessions_in_phase[0][0] = 6;
    t->sessions_in_phase[0][1] = 3;
    t->sessions_in_phase[1][2] = 5;
    t->session_ends[FAULT_NONE] = 3179911;
    t->session_ends[FAULT_CLIENT_GONE] = 33020;
    t->session_ends[FAULT_CLIENT_IDLE] = 1156;
    be_used(&upstreams[0], 58);
    be_used(&upstreams[1], 11);
    be_used(&upstreams[2], 31);
}

static void be_in_trouble(struct status_figures *f)
{
    f->reload_good = 0;
    upstreams[0].servers[1].aside_ms = 37000;
    (void)snprintf(upstreams[0].servers[1].failure, UPSTREAM_HEALTH_TEXT_MAX,
                   "connection timed out");
    upstreams[2].servers[0].certificate_end_s = (int64_t)NOW_S + 5 * DAY_S;
    upstreams[1].health = (struct upstream_health_view){
        .verdict = UPSTREAM_FAILING,
        .success_unix_s = NOW_S - 611,
        .failure_unix_s = NOW_S - 2,
        .failure = "connection refused",
        .recent_failures = 60,
    };
    certificates[1].facts.not_after_s = (int64_t)NOW_S + 9 * DAY_S;
    certificates[2].facts.not_after_s = (int64_t)NOW_S - DAY_S / 2;
}

int main(int argc, char **argv)
{
    const char *which = argc > 1 ? argv[1] : "busy";
    struct status_figures f = begin();
    struct buf page;
    int code = EXIT_FAILURE;

    if (strcmp(which, "fresh") != 0)
        be_busy(&f, strcmp(which, "trouble") == 0 ? 10 : 0);
    if (strcmp(which, "trouble") == 0)
        be_in_trouble(&f);
    buf_init(&page, STATUS_PAGE_MAX);
    if (status_page_html(&f, &page) &&
        fwrite(buf_span(&page).data, 1, buf_length(&page), stdout) ==
            buf_length(&page))
        code = EXIT_SUCCESS;
    buf_fini(&page);
    listener_names_fini(&names);
    return code;
}
