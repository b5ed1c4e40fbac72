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
static struct status_upstream upstream = {
    .name = "default",
    .address = "imap.example.com:993",
    .health = { .verdict = UPSTREAM_REACHED,
                .success_unix_s = NOW_S - 4,
                .recent_successes = 1 },
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

static void take_times(struct counters_total *t)
{
    static const unsigned classes[COUNTER_STAGE_COUNT] = { 4, 5, 4, 6, 4,
                                                           5, 4, 6, 7 };

    for (unsigned i = 0; i < COUNTER_STAGE_COUNT; i++) {
        t->stage[i].count[classes[i]] = 9000;
        t->stage[i].count[classes[i] + 1] = 700;
        t->stage[i].count[classes[i] + 2] = 300;
    }
}

static struct status_figures begin(void)
{
    struct status_figures f = {
        .version = "1.0",
        .upstreams = &upstream,
        .upstream_count = 1,
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
    t->login_failures[FAULT_CREDENTIALS] = 33120;
    t->login_failures[FAULT_IN_USE] = 402;
    t->login_failures[FAULT_UPSTREAM_BUSY] = 49;
    history_sample(&history, 0, 0, t);
    history = (struct history){ .last = 0 };
    memcpy(history.then_value, t->value, sizeof(history.then_value));
    memcpy(history.then_failures, t->login_failures,
           sizeof(history.then_failures));
    live_an_hour(f, trouble);
    take_times(t);
    t->sessions[0] = 3100900;
    t->sessions[1] = 113187;
    t->sessions_in_phase[0][2] = f->sessions - 14;
    t->sessions_in_phase[0][0] = 6;
    t->sessions_in_phase[0][1] = 3;
    t->sessions_in_phase[1][2] = 5;
    t->session_ends[FAULT_NONE] = 3179911;
    t->session_ends[FAULT_CLIENT_GONE] = 33020;
    t->session_ends[FAULT_CLIENT_IDLE] = 1156;
    upstream.open = f->sessions + 212;
    upstream.parked = 212;
    upstream.health.recent_successes = 96;
    upstream.counts[UPSTREAM_LOGINS_OK] = 3180412;
    upstream.counts[UPSTREAM_LOGINS_FAILED] = 33120;
    upstream.counts[UPSTREAM_REUSED] = 2690118;
    upstream.counts[UPSTREAM_FAILURES] = 114;
}

static void be_in_trouble(struct status_figures *f)
{
    f->state = STATUS_UPSTREAM_FAILING;
    f->reload_good = 0;
    upstream.health = (struct upstream_health_view){
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
