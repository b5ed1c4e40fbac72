/* test_status_page.c - the pages, and rows MET-1 to MET-6 and MET-8 of
 * CONFORMANCE.md by a checker that reads the metrics page as a scraper would.
 */
#include "server/status_page.h"

#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/span.h"
#include "base/utf8.h"
#include "server/status_answer.h"
#include "session/bridge.h"
#include "support/alloc_fail.h"
#include "support/octets.h"

static struct listener_names names;
static struct history history;
static const struct settings_certificate certificate = {
    "pop3s", 1, { "mail.example.com", 1700864100 } /* in 10 days */
};

static int set_up(void **state)
{
    (void)state;
    assert_int_equal(listener_names_take(&names, "pop3s"), 0);
    assert_int_equal(listener_names_take(&names, "pop3"), 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    listener_names_fini(&names);
    return 0;
}

static struct status_upstream upstreams[2];

static struct status_upstream first_upstream(void)
{
    struct status_upstream u = {
        .name = "default",
        .address = "imap.example.com:993",
        .health = { .verdict = UPSTREAM_REACHED,
                    .success_unix_s = 1700000050,
                    .successes = 27,
                    .failures = 28 },
        .open = 18,
        .limit = 29,
        .queue = 30,
        .parked = 17,
        .server_count = 2,
        .servers = { { .text = "imap1:993",
                       .successes = 31,
                       .failures = 32,
                       .certificate_end_s = 1700000100 + 86400 },
                     { .text = "imap2:993",
                       .aside_ms = 4000,
                       .failures = 33,
                       .failure = "<refused>" } },
    };

    for (unsigned i = 0; i < UPSTREAM_COUNT_COUNT; i++)
        u.counts[i] = 7000 + i;
    for (unsigned i = 0; i < FAULT_COUNT; i++)
        u.login_failures[i] = 8000 + i;
    for (unsigned i = 0; i < COUNTER_UPSTREAM_STAGES; i++) {
        u.stage[i].count[0] = 200 + i;
        u.stage[i].count[3] = 10;
        u.stage[i].count[HISTOGRAM_CLASSES - 1] = 1;
        u.stage[i].sum_ms = 55050 + i;
    }
    return u;
}

/* Every figure another number, so that none can stand in another's place. */
static struct status_figures sample(void)
{
    struct status_figures f = {
        .version = "1.2",
        .upstreams = upstreams,
        .upstream_count = 1,
        .state = STATUS_SERVING,
        .started_seconds = 1700000000,
        .uptime_seconds = 93784, /* 1 d 2 h 3 min 4 s */
        .upstream_open = 18,
        .cache_octets = 19,
        .cache_mailboxes = 20,
        .readahead_octets = 21,
        .verifications = 31,
        .accounts = 32,
        .process = { .cpu_ms = 12034,
                     .resident_octets = 22,
                     .virtual_octets = 23,
                     .open_files = 24,
                     .max_files = 25,
                     .threads = 26 },
        .listener_names = &names,
        .history = &history,
        .certificates = &certificate,
        .certificate_count = 1,
        .now_seconds = 1700000100,
        .workers = 2,
        .max_sessions = 10000,
        .sessions = 15,
        .parked = 17,
    };

    for (unsigned i = 0; i < COUNTER_COUNT; i++)
        f.totals.value[i] = 1000 + i;
    upstreams[0] = first_upstream();
    upstreams[1] = first_upstream();
    upstreams[1].name = "second";
    f.totals.value[COUNTER_OCTETS_RETRIEVED] = UINT64_C(5000000000);
    for (unsigned i = 0; i < COUNTERS_PHASES; i++) {
        f.totals.sessions_in_phase[0][i] = 1 + i;
        f.totals.sessions_in_phase[1][i] = 11 + i;
    }
    f.totals.sessions[0] = 4000;
    f.totals.sessions[1] = 4001;
    for (unsigned i = 0; i < COUNTERS_VERBS; i++) {
        f.totals.commands_ok[i] = 5000 + i;
        f.totals.commands_failed[i] = 6000 + i;
    }
    for (unsigned i = 0; i < COUNTER_STAGE_COUNT; i++) {
        f.totals.stage[i].count[0] = 100 + i;
        f.totals.stage[i].count[3] = 10;
        f.totals.stage[i].count[HISTOGRAM_CLASSES - 1] = 1;
        f.totals.stage[i].sum_ms = 45050 + i;
    }
    for (unsigned i = 0; i < COUNTERS_FAULTS; i++) {
        f.totals.login_failures[i] = 2000 + i;
        f.totals.session_ends[i] = 3000 + i;
    }
    return f;
}

/* --- a reader of the exposition format 0.0.4 --- */

#define NAMES_MAX 2048
#define NAME_MAX_OCTETS 512

struct page_check {
    char family[NAME_MAX_OCTETS]; /* whose lines come now */
    char type[16];
    bool has_help;
    bool has_type;
    bool has_sample;
    char seen[NAMES_MAX][NAME_MAX_OCTETS]; /* families, then series */
    size_t seen_count;
};

/* |kind| keeps a family apart from a series that has no labels. */
static void check_new(struct page_check *p, const char *kind, const char *text)
{
    char name[NAME_MAX_OCTETS];

    (void)snprintf(name, sizeof(name), "%s %s", kind, text);
    for (size_t i = 0; i < p->seen_count; i++)
        assert_string_not_equal(p->seen[i], name);
    assert_true(p->seen_count < NAMES_MAX);
    (void)snprintf(p->seen[p->seen_count++], sizeof(p->seen[0]), "%s", name);
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text);

    return length >= strlen(end) &&
           strcmp(text + length - strlen(end), end) == 0;
}

/* MET-5, MET-6 */
static void check_family_name(const char *name, const char *type)
{
    static const char *const bad_units[] = { "_ms", "_milliseconds", "_octets",
                                             "_kilobytes", "_minutes" };

    assert_true(strncmp(name, "popinjay_", 9) == 0 ||
                strncmp(name, "process_", 8) == 0);
    assert_int_equal(
        name[strspn(name, "abcdefghijklmnopqrstuvwxyz_0123456789")], 0);
    assert_int_equal(strcmp(type, "counter") == 0, ends_with(name, "_total"));
    for (size_t i = 0; i < ARRAY_LENGTH(bad_units); i++)
        assert_null(strstr(name, bad_units[i]));
}

static void check_sample_family(struct page_check *p, const char *name,
                                size_t length)
{
    assert_true(p->has_help && p->has_type);
    assert_true(length >= strlen(p->family));
    assert_memory_equal(p->family, name, strlen(p->family));
    if (length > strlen(p->family)) {
        const char *suffix = name + strlen(p->family);

        assert_string_equal(p->type, "histogram");
        assert_true(strncmp(suffix, "_bucket{", 8) == 0 ||
                    strncmp(suffix, "_sum", 4) == 0 ||
                    strncmp(suffix, "_count", 6) == 0);
    }
    p->has_sample = true;
}

/* MET-4, MET-5: `name="value"` pairs; returns what follows the brace. */
static const char *check_labels(const char *at)
{
    for (;;) {
        assert_int_not_equal(strncmp(at, "__", 2), 0);
        assert_true(strspn(at, "abcdefghijklmnopqrstuvwxyz_") > 0);
        at += strspn(at, "abcdefghijklmnopqrstuvwxyz_");
        assert_int_equal(strncmp(at, "=\"", 2), 0);
        for (at += 2; *at != '"'; at++) {
            assert_int_not_equal(*at, '\0');
            if (*at == '\\') {
                at++;
                assert_true(*at == '\\' || *at == '"' || *at == 'n');
            }
        }
        at++;
        if (*at == '}')
            return at + 1;
        assert_int_equal(*at++, ',');
    }
}

static void check_sample(struct page_check *p, char *line)
{
    size_t name = strcspn(line, "{ ");
    const char *end = line + name;
    char *value;

    check_sample_family(p, line, name);
    if (*end == '{')
        end = check_labels(end + 1);
    assert_int_equal(*end, ' ');
    value = line + (end - line);
    *value++ = '\0';
    check_new(p, "series", line);
    assert_true(*value != '\0');
    assert_int_equal(value[strspn(value, "0123456789.")], 0);
    if (ends_with(p->family, "_info"))
        assert_string_equal(value, "1");
}

/* MET-3: HELP, TYPE, then the samples. */
static void check_comment(struct page_check *p, char *line)
{
    char *name = line + strlen("# HELP ");
    char *rest = strchr(name, ' ');

    assert_non_null(rest);
    *rest++ = '\0';
    assert_true(*rest != '\0');
    if (strncmp(line, "# HELP ", 7) == 0) {
        assert_true(p->seen_count == 0 || p->has_sample);
        check_new(p, "family", name);
        assert_in_range(strlen(name), 1, sizeof(p->family) - 1);
        memcpy(p->family, name, strlen(name) + 1);
        p->has_help = true;
        p->has_type = false;
        p->has_sample = false;
        return;
    }
    assert_int_equal(strncmp(line, "# TYPE ", 7), 0);
    assert_string_equal(name, p->family);
    assert_true(p->has_help && !p->has_type && !p->has_sample);
    assert_true(strcmp(rest, "counter") == 0 || strcmp(rest, "gauge") == 0 ||
                strcmp(rest, "histogram") == 0);
    (void)snprintf(p->type, sizeof(p->type), "%s", rest);
    check_family_name(name, rest);
    p->has_type = true;
}

/* MET-2, then line by line. */
static void check_metrics(struct span page)
{
    struct page_check *p = calloc(1, sizeof(*p));
    char line[2048];

    assert_non_null(p);
    assert_true(utf8_is_valid(page));
    assert_false(span_contains(page, '\r'));
    assert_true(page.len > 0 && page.data[page.len - 1] == '\n');
    while (page.len > 0) {
        struct span text = span_take(&page, span_find(page, '\n'));

        (void)span_take(&page, 1);
        assert_in_range(text.len, 1, sizeof(line) - 1);
        memcpy(line, text.data, text.len);
        line[text.len] = '\0';
        if (line[0] == '#')
            check_comment(p, line);
        else
            check_sample(p, line);
    }
    assert_true(p->has_sample);
    free(p);
}

static bool holds(struct span page, const char *text)
{
    return memmem(page.data, page.len, text, strlen(text)) != NULL;
}

static void test_metrics(void **state)
{
    static const char *const lines[] = {
        "\npopinjay_uptime_seconds 93784\n",
        "\npopinjay_ready 1\n",
        "\npopinjay_workers 2\n",
        "\npopinjay_sessions_limit 10000\n",
        "\npopinjay_build_info{version=\"1.2\"} 1\n",
        "\npopinjay_upstream_info{upstream=\"default\","
        "address=\"imap.example.com:993\"} 1\n",
        "\npopinjay_upstream_up{upstream=\"default\"} 1\n",
        "\npopinjay_upstream_server_up{upstream=\"default\","
        "address=\"imap1:993\"} 1\n",
        "\npopinjay_upstream_server_up{upstream=\"default\","
        "address=\"imap2:993\"} 0\n",
        "\npopinjay_upstream_server_failures_total{upstream=\"default\","
        "address=\"imap2:993\"} 33\n",
        "\npopinjay_upstream_certificate_expiry_timestamp_seconds{upstream="
        "\"default\",address=\"imap1:993\"} 1700086500\n",
        "\npopinjay_upstream_logins_total{upstream=\"default\","
        "result=\"ok\"} 7003\n",
        "\npopinjay_upstream_logins_total{upstream=\"default\","
        "result=\"failed\"} 7004\n",
        "\npopinjay_upstream_login_failures_total{upstream=\"default\","
        "reason=\"credentials\"} 8008\n",
        "\npopinjay_upstream_queue_length{upstream=\"default\"} 30\n",
        "\npopinjay_active_sessions{listener=\"pop3s\","
        "state=\"authorization\"} 1\n",
        "\npopinjay_active_sessions{listener=\"pop3\","
        "state=\"closing\"} 15\n",
        "\npopinjay_sessions_total{listener=\"pop3s\"} 4000\n",
        "\npopinjay_sessions_total{listener=\"pop3\"} 4001\n",
        "\npopinjay_commands_total{command=\"USER\",result=\"ok\"} 5000\n",
        "\npopinjay_commands_total{command=\"UNKNOWN\",result=\"err\"} "
        "6015\n",
        "\npopinjay_login_duration_seconds_bucket{upstream=\"default\","
        "le=\"0.001\"} 208\n",
        "\npopinjay_login_duration_seconds_bucket{upstream=\"default\","
        "le=\"0.01\"} 218\n",
        "\npopinjay_login_duration_seconds_bucket{upstream=\"default\","
        "le=\"30\"} 218\n",
        "\npopinjay_login_duration_seconds_bucket{upstream=\"default\","
        "le=\"+Inf\"} 219\n",
        "\npopinjay_login_duration_seconds_sum{upstream=\"default\"} 55.058\n",
        "\npopinjay_login_duration_seconds_count{upstream=\"default\"} 219\n",
        "\npopinjay_verification_duration_seconds_bucket{le=\"0.01\"} 119\n",
        "\npopinjay_verification_duration_seconds_count 120\n",
        "\npopinjay_upstream_duration_seconds_bucket{upstream=\"default\","
        "stage=\"connect\",le=\"0.001\"} 200\n",
        "\npopinjay_upstream_duration_seconds_sum{upstream=\"default\","
        "stage=\"removal\"} 55.057\n",
        "\npopinjay_upstream_open_connections{upstream=\"default\"} 18\n",
        "\npopinjay_snapshot_cache_bytes 19\n",
        "\npopinjay_snapshot_cache_mailboxes 20\n",
        "\npopinjay_accounts 32\n",
        "\npopinjay_verifications 31\n",
        "\npopinjay_readahead_bytes 21\n",
        "\nprocess_cpu_seconds_total 12.034\n",
        "\npopinjay_upstream_attempts_total{upstream=\"default\","
        "result=\"failed\"} 28\n",
        "\npopinjay_upstream_last_success_timestamp_seconds{upstream="
        "\"default\"} 1700000050\n",
        "\npopinjay_certificate_expiry_timestamp_seconds{listener=\"pop3s\","
        "certificate=\"1\",name=\"mail.example.com\"} 1700864100\n",
        "\nprocess_resident_memory_bytes 22\n",
        "\nprocess_virtual_memory_bytes 23\n",
        "\nprocess_open_fds 24\n",
        "\nprocess_max_fds 25\n",
        "\nprocess_threads 26\n",
        "\nprocess_start_time_seconds 1700000000\n",
        "\npopinjay_logins_total 1001\n",
        "\npopinjay_messages_retrieved_total 1003\n",
        "\npopinjay_retrieved_bytes_total 5000000000\n",
        "\npopinjay_messages_deleted_total 1005\n",
        "\npopinjay_upstream_connections_total{upstream=\"default\"} 7000\n",
        "\npopinjay_upstream_reused_total{upstream=\"default\"} 7002\n",
        "\npopinjay_parked_connections{upstream=\"default\"} 17\n",
        "\npopinjay_upstream_failures_total{upstream=\"default\"} 7001\n",
        "\npopinjay_upstream_rejects_total 1008\n",
        "\npopinjay_size_mismatches_total 1009\n",
        "\npopinjay_listings_total{kind=\"full\"} 1013\n",
        "\npopinjay_listings_total{kind=\"updated\"} 1014\n",
        "\npopinjay_listings_total{kind=\"fresh\"} 1015\n",
        "\npopinjay_listings_total{kind=\"window\"} 1063\n",
        "\npopinjay_client_tls_handshakes_total{session=\"new\"} 1017\n",
        "\npopinjay_client_tls_handshakes_total{session=\"resumed\"} 1018\n",
        "\npopinjay_upstream_tls_handshakes_total{session=\"new\"} 1019\n",
        "\npopinjay_upstream_tls_handshakes_total{session=\"resumed\"} 1020\n",
        "\npopinjay_session_ends_total{reason=\"quit\"} 3000\n",
        "\npopinjay_session_ends_total{reason=\"client_gone\"} 3001\n",
        "\npopinjay_login_failures_total{reason=\"credentials\"} 2008\n",
    };
    struct status_figures f = sample();
    struct buf page;

    (void)state;
    assert_int_equal(FAULT_CREDENTIALS, 8);
    buf_init(&page, STATUS_PAGE_MAX);
    assert_true(status_page_metrics(&f, &page));
    check_metrics(buf_span(&page));
    for (size_t i = 0; i < ARRAY_LENGTH(lines); i++)
        if (!holds(buf_span(&page), lines[i]))
            fail_msg("missing: %s", lines[i]);
    buf_fini(&page);
}

/* MET-4 */
static void test_metrics_escapes(void **state)
{
    struct status_figures f = sample();
    struct buf page;

    (void)state;
    upstreams[0].address = "a\"b\\c\nd";
    upstreams[0].servers[0].text = "e\"}\n"; /* DNS may say anything */
    buf_init(&page, STATUS_PAGE_MAX);
    assert_true(status_page_metrics(&f, &page));
    check_metrics(buf_span(&page));
    assert_true(holds(buf_span(&page), ",address=\"a\\\"b\\\\c\\nd\"} 1\n"));
    assert_true(holds(buf_span(&page), ",address=\"e\\\"}\\n\"} 1700086500\n"));
    buf_fini(&page);
}

static size_t count_lines(const struct status_figures *f)
{
    struct buf page;
    struct span rest;
    size_t lines = 0;

    buf_init(&page, STATUS_PAGE_MAX);
    assert_true(status_page_metrics(f, &page));
    for (rest = buf_span(&page); rest.len > 0; lines++)
        (void)span_take(&rest, span_find(rest, '\n') + 1);
    buf_fini(&page);
    return lines;
}

/* MET-8: all series from the start, and none more later. */
static void test_metrics_are_bounded(void **state)
{
    struct status_figures none = { .version = "",
                                   .upstreams = upstreams,
                                   .upstream_count = 1,
                                   .certificates = &certificate,
                                   .certificate_count = 1,
                                   .listener_names = &names };
    struct status_figures all = sample();

    (void)state;
    assert_int_equal(count_lines(&none), count_lines(&all));
}

static json_int_t number_at(json_t *page, const char *a, const char *b,
                            const char *c)
{
    json_t *value = json_object_get(page, a);

    if (b != NULL)
        value = json_object_get(value, b);
    if (c != NULL)
        value = json_object_get(value, c);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

static void test_json(void **state)
{
    struct status_figures f = sample();
    struct buf text;
    json_t *page;

    (void)state;
    buf_init(&text, STATUS_PAGE_MAX);
    assert_true(status_page_json(&f, &text));
    page = json_loadb((const char *)buf_span(&text).data, buf_length(&text),
                      JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(page);
    assert_string_equal(json_string_value(json_object_get(page, "version")),
                        "1.2");
    assert_string_equal(json_string_value(json_object_get(page, "state")),
                        "serving");
    assert_int_equal(number_at(page, "uptime_seconds", NULL, NULL), 93784);
    assert_int_equal(number_at(page, "sessions", "active", NULL), 15);
    assert_int_equal(number_at(page, "sessions", "total", NULL), 1000);
    assert_int_equal(number_at(page, "sessions", "by_state", "authorization"),
                     12);
    assert_int_equal(number_at(page, "sessions", "ended", "quit"), 3000);
    assert_int_equal(number_at(page, "logins", "ok", NULL), 1001);
    assert_int_equal(number_at(page, "logins", "failed", NULL), 1002);
    assert_int_equal(
        number_at(page, "logins", "failed_by_reason", "credentials"),
        2000 + FAULT_CREDENTIALS);
    assert_int_equal(number_at(page, "listings", "full", NULL), 1013);
    assert_int_equal(number_at(page, "listings", "updated", NULL), 1014);
    assert_int_equal(number_at(page, "listings", "fresh", NULL), 1015);
    assert_int_equal(number_at(page, "listings", "window", NULL), 1063);
    assert_int_equal(number_at(page, "client_tls_handshakes", "new", NULL),
                     1017);
    assert_int_equal(
        number_at(page, "upstream_tls_handshakes", "resumed", NULL), 1020);
    assert_int_equal(number_at(page, "messages", "retrieved", NULL), 1003);
    assert_int_equal(number_at(page, "messages", "deleted", NULL), 1005);
    assert_int_equal(number_at(page, "octets_retrieved", NULL, NULL),
                     5000000000);
    assert_int_equal(number_at(page, "upstream_failures", NULL, NULL), 1007);
    assert_int_equal(number_at(page, "accounts", "count", NULL), 32);
    assert_int_equal(number_at(page, "accounts", "judged_now", NULL), 31);
    assert_int_equal(number_at(page, "accounts", "logins", "apop"),
                     1000 + COUNTER_LOGINS_BY_APOP);
    assert_int_equal(number_at(page, "upstream_reused", NULL, NULL), 1016);
    assert_int_equal(number_at(page, "parked_connections", NULL, NULL), 17);
    assert_int_equal(json_object_size(json_object_get(
                         json_object_get(page, "logins"), "failed_by_reason")),
                     FAULT_COUNT - 1);
    json_decref(page);
    buf_fini(&text);
}

static void test_html(void **state)
{
    struct status_figures f = sample();
    struct buf page;

    (void)state;
    upstreams[0].address = "<b>&\"x";
    upstreams[0].servers[0].text = "<b>y\">";
    upstreams[0].servers[1].text = "<b>&z";
    f.state = STATUS_DRAINING;
    buf_init(&page, STATUS_PAGE_MAX);
    assert_true(status_page_html(&f, &page));
    assert_true(utf8_is_valid(buf_span(&page)));
    assert_true(holds(buf_span(&page), "&lt;b&gt;&amp;&quot;x"));
    /* A server's name stands in a notice, and with its certificate. */
    assert_true(holds(buf_span(&page), "server &lt;b&gt;y&quot;&gt; of the"));
    assert_true(holds(buf_span(&page), ">&lt;b&gt;y&quot;&gt;</td>"));
    assert_true(holds(buf_span(&page), "server &lt;b&gt;&amp;z of the"));
    assert_true(holds(buf_span(&page), ">&lt;b&gt;&amp;z</th>"));
    assert_false(holds(buf_span(&page), "<b>"));
    assert_false(holds(buf_span(&page), "<script"));
    assert_true(holds(buf_span(&page), ">draining</strong>"));
    assert_true(holds(buf_span(&page), "up for 1 d 2 h 3 min,"));
    assert_true(holds(buf_span(&page), "<td>5 GB</td>"));
    assert_true(holds(buf_span(&page), "it is stopping"));
    assert_true(holds(buf_span(&page), ">accounts</th><td>32</td>"));
    assert_true(holds(buf_span(&page), "expires in 10 days"));
    buf_fini(&page);
}

static size_t position(struct span page, const char *text)
{
    const unsigned char *at = memmem(page.data, page.len, text, strlen(text));

    assert_non_null(at);
    return (size_t)(at - page.data);
}

/* Alarms come before warnings, whatever they are about. */
static void test_notices(void **state)
{
    struct status_figures f = sample();
    struct buf page;

    (void)state;
    f.state = STATUS_UPSTREAM_FAILING;
    upstreams[0].health.verdict = UPSTREAM_FAILING;
    (void)snprintf(upstreams[0].health.failure, UPSTREAM_HEALTH_TEXT_MAX,
                   "<refused>");
    f.reload_good = 0;
    f.process.open_files = f.process.max_files;
    buf_init(&page, STATUS_PAGE_MAX);
    assert_true(status_page_html(&f, &page));
    assert_true(holds(buf_span(&page), "not reached: &lt;refused&gt;"));
    assert_true(holds(buf_span(&page),
                      "the certificate of the server imap1:993 "
                      "of the upstream default expires in 1 "
                      "day: whoever runs it"));
    assert_true(position(buf_span(&page), "file descriptors are nearly") <
                position(buf_span(&page), "expires in 10 days"));
    assert_true(position(buf_span(&page), "expires in 10 days") <
                position(buf_span(&page), "reload was refused"));
    assert_false(holds(buf_span(&page), "Nothing needs attention"));
    buf_fini(&page);
    f = sample();
    f.certificate_count = 0;
    f.reload_good = 1;
    f.process.open_files = 1;
    upstreams[0].servers[1].aside_ms = 0;
    upstreams[0].servers[0].certificate_end_s = 0;
    buf_init(&page, STATUS_PAGE_MAX);
    assert_true(status_page_html(&f, &page));
    assert_true(holds(buf_span(&page), "Nothing needs attention"));
    buf_fini(&page);
}

/* A row of several that fails is named, and is an alarm while others serve. */
static void test_several_upstreams(void **state)
{
    struct status_figures f = sample();
    json_t *page, *all;
    struct buf text;

    (void)state;
    f.upstream_count = 2;
    upstreams[1].health.verdict = UPSTREAM_FAILING;
    buf_init(&text, STATUS_PAGE_MAX);
    assert_true(status_page_html(&f, &text));
    assert_true(holds(buf_span(&text), "the upstream second is not reached"));
    assert_true(holds(buf_span(&text), "shows: popinjay probe second</li>"));
    assert_true(holds(buf_span(&text), "Upstream default"));
    assert_true(holds(buf_span(&text), "aside for 4 s</span> &lt;refused&gt;"));
    assert_true(holds(buf_span(&text), "the server imap2:993 of the upstream "
                                       "default is put aside, the others have "
                                       "its users: &lt;refused&gt;."));
    assert_true(holds(buf_span(&text), "before 2 upstreams, up for"));
    assert_true(holds(buf_span(&text), "<a href=\"#upstream2\">second</a>"));
    assert_true(holds(buf_span(&text), "<h2 id=\"upstream2\">Upstream second"));
    assert_true(holds(buf_span(&text), "<td class=\"text\">imap1:993</td><td>"
                                       "<span>2023-11-15"));
    buf_fini(&text);
    buf_init(&text, STATUS_PAGE_MAX);
    assert_true(status_page_metrics(&f, &text));
    check_metrics(buf_span(&text));
    assert_true(holds(buf_span(&text), "_up{upstream=\"second\"} 0\n"));
    assert_true(holds(buf_span(&text), "_up{upstream=\"default\"} 1\n"));
    buf_fini(&text);
    buf_init(&text, STATUS_PAGE_MAX);
    assert_true(status_page_json(&f, &text));
    page = json_loadb((const char *)buf_span(&text).data, buf_length(&text), 0,
                      NULL);
    all = json_object_get(page, "upstreams");
    assert_int_equal(json_array_size(all), 2);
    assert_int_equal(
        number_at(json_array_get(all, 1), "health", "failures", NULL), 28);
    assert_int_equal(number_at(json_array_get(all, 1), "logins_ok", NULL, NULL),
                     7003);
    assert_int_equal(number_at(json_array_get(all, 1), "latency_ms",
                               "client_login", "count"),
                     219);
    assert_int_equal(number_at(page, "latency_ms", "client_login", "count"),
                     119);
    assert_int_equal(number_at(json_array_get(all, 1),
                               "logins_failed_by_reason", "in_use", NULL),
                     8000 + FAULT_IN_USE);
    json_decref(page);
    buf_fini(&text);
}

/* As many as there may be fit on each page. */
static void test_most_upstreams(void **state)
{
    static struct status_upstream most[UPSTREAMS_MAX];
    struct status_figures f = sample();
    struct buf page;

    (void)state;
    for (size_t i = 0; i < UPSTREAMS_MAX; i++) {
        most[i] = upstreams[0];
        most[i].name = "a-name-of-forty-nine-octets-which-is-all-it-can-b";
        most[i].health.verdict = UPSTREAM_FAILING;
        most[i].server_count = UPSTREAM_SERVERS_MAX;
        for (size_t n = 0; n < UPSTREAM_SERVERS_MAX; n++)
            most[i].servers[n] = most[i].servers[1];
        memset(most[i].health.failure, '&', UPSTREAM_HEALTH_TEXT_MAX - 1);
    }
    f.upstreams = most;
    f.upstream_count = UPSTREAMS_MAX;
    buf_init(&page, STATUS_PAGE_MAX);
    assert_true(status_page_html(&f, &page));
    buf_fini(&page);
    buf_init(&page, STATUS_PAGE_MAX);
    assert_true(status_page_json(&f, &page));
    buf_fini(&page);
    buf_init(&page, STATUS_PAGE_MAX);
    assert_true(status_page_metrics(&f, &page));
    buf_fini(&page);
}

/* A browser draws what is within the picture: from 0 to 600, and 0 to 130. */
static void test_picture(void **state)
{
    struct status_figures f = sample();
    struct history busy = { .last = 0 };
    struct counters_total totals = { .value = { 0 } };
    struct buf page;

    (void)state;
    for (unsigned i = 0; i < HISTORY_MINUTES; i++) {
        totals.value[COUNTER_LOGINS_FAILED] += i;
        history_sample(&busy, i * UINT64_C(60000), i + 1, &totals);
    }
    f.history = &busy;
    buf_init(&page, STATUS_PAGE_MAX);
    assert_true(status_page_html(&f, &page));
    assert_true(holds(buf_span(&page), "d=\"M600 100L600 4H590L590 6H580"));
    assert_true(holds(buf_span(&page), "H0V100Z\"/>"));
    assert_true(holds(buf_span(&page), "<rect class=\"bar\" x=\"592\" "
                                       "y=\"104\" width=\"6\" "
                                       "height=\"26\"/>"));
    assert_true(holds(buf_span(&page), "logins that failed: 1"));
    buf_fini(&page);
}

/* Where logins failed is told, and by which word the log has them. */
static void test_failures_have_a_place(void **state)
{
    struct status_figures f = sample();
    struct history hour = { .last = 0 };
    struct counters_total totals = { .value = { 0 } };
    struct buf page;

    (void)state;
    totals.login_failures[FAULT_UPSTREAM_BUSY] = 1;
    history_sample(&hour, 0, 1, &totals);
    f.history = &hour;
    f.upstream_count = 2;
    upstreams[0].login_failures[FAULT_UPSTREAM_BUSY] = 0;
    buf_init(&page, STATUS_PAGE_MAX);
    assert_true(status_page_html(&f, &page));
    assert_true(holds(buf_span(&page),
                      "1 login failed in the last hour: mail server is busy, "
                      "try again later (reason=upstream_busy in the log). "
                      "Since the start at: second</li>"));
    buf_fini(&page);
}

static bool picture_says(uint64_t most_sessions, const char *text)
{
    struct status_figures f = sample();
    struct history hour = { .last = 0 };
    struct counters_total totals = { .value = { 0 } };
    struct buf page;
    bool says;

    history_sample(&hour, 0, most_sessions, &totals);
    f.history = &hour;
    buf_init(&page, STATUS_PAGE_MAX);
    assert_true(status_page_html(&f, &page));
    says = holds(buf_span(&page), text);
    buf_fini(&page);
    return says;
}

/* One is not many, and none is. */
static void test_number_of_sessions(void **state)
{
    (void)state;
    assert_true(picture_says(0, ">0 sessions</p>"));
    assert_true(picture_says(1, ">1 session</p>"));
    assert_true(picture_says(2, ">2 sessions</p>"));
}

/* The policy of the page names the hash of its style; print the right one. */
static void test_style_hash(void **state)
{
    unsigned char digest[32];
    unsigned char text[64];
    unsigned length = 0;

    (void)state;
    assert_int_equal(EVP_Digest(status_page_style, strlen(status_page_style),
                                digest, &length, EVP_sha256(), NULL),
                     1);
    (void)EVP_EncodeBlock(text, digest, (int)length);
    assert_string_equal((const char *)text, STATUS_STYLE_HASH);
}

/* A page that finds no memory is none, wherever that is. */
static void test_no_memory(void **state)
{
    static bool (*const pages[])(const struct status_figures *,
                                 struct buf *) = { status_page_metrics,
                                                   status_page_json,
                                                   status_page_html };
    struct status_figures f = sample();

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(pages); i++) {
        struct buf page;
        bool good = false;

        for (unsigned long n = 1; !good; n++) {
            buf_init(&page, STATUS_PAGE_MAX);
            alloc_fail_at(n);
            good = pages[i](&f, &page);
            assert_true(good || alloc_fail_count() >= n);
            assert_true(!good || alloc_fail_count() < n);
            alloc_fail_at(0);
            buf_fini(&page);
        }
    }
}

/* A cap too small is a failure, not a half page. */
static void test_no_room(void **state)
{
    struct status_figures f = sample();
    struct buf page;

    (void)state;
    for (size_t max = 0; max < 1000; max += 100) {
        buf_init(&page, max);
        assert_false(status_page_metrics(&f, &page));
        buf_fini(&page);
        buf_init(&page, max);
        assert_false(status_page_json(&f, &page));
        buf_fini(&page);
        buf_init(&page, max);
        assert_false(status_page_html(&f, &page));
        buf_fini(&page);
    }
}

/* --- answers: HTTP-2, HTTP-3, HTTP-4, HTTP-15, HTTP-16, MET-1 --- */

static void ask(enum http_method method, const char *path,
                enum status_state state, struct buf *out)
{
    struct http_request request = { .method = method,
                                    .path = span_from_string(path) };
    struct status_figures f = sample();

    f.state = state;
    buf_init(out, STATUS_ANSWER_MAX);
    assert_true(status_answer_write(&request, &f, true, 784111777, out));
}

/* The head with its empty line. */
static struct span head_of(const struct buf *answer)
{
    struct span all = buf_span(answer);
    const unsigned char *end = memmem(all.data, all.len, "\r\n\r\n", 4);

    assert_non_null(end);
    return span_make(all.data, (size_t)(end - all.data) + 4);
}

static void check_answer(const char *path, enum status_state state,
                         const char *line, const char *type)
{
    struct buf get, head;
    char length[64];

    ask(HTTP_METHOD_GET, path, state, &get);
    ask(HTTP_METHOD_HEAD, path, state, &head);
    assert_octets(buf_span(&head), head_of(&get));
    (void)snprintf(length, sizeof(length), "\r\nContent-Length: %zu\r\n",
                   buf_length(&get) - head_of(&get).len);
    assert_true(holds(head_of(&get), length));
    assert_memory_equal(buf_span(&get).data, line, strlen(line));
    assert_true(holds(head_of(&get), type));
    assert_true(
        holds(head_of(&get), "\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
    assert_true(holds(head_of(&get), "\r\nCache-Control: no-store\r\n"));
    assert_true(holds(head_of(&get), "\r\nConnection: keep-alive\r\n"));
    buf_fini(&get);
    buf_fini(&head);
}

static void test_answers(void **state)
{
    static const char ok[] = "HTTP/1.1 200 OK\r\n";
    static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\n";
    static const char none[] = "HTTP/1.1 404 Not Found\r\n";
    static const char plain[] = "\r\nContent-Type: text/plain; "
                                "charset=utf-8\r\n";

    (void)state;
    check_answer("/", STATUS_SERVING, ok, "text/html; charset=utf-8\r\n");
    check_answer("/status", STATUS_SERVING, ok, "application/json\r\n");
    check_answer("/metrics", STATUS_SERVING, ok,
                 "\r\nContent-Type: text/plain; version=0.0.4; "
                 "charset=utf-8\r\n");
    check_answer("/healthz", STATUS_SERVING, ok, plain);
    check_answer("/healthz", STATUS_DRAINING, ok, plain);
    check_answer("/readyz", STATUS_SERVING, ok, plain);
    check_answer("/readyz", STATUS_STARTING, busy, plain);
    check_answer("/readyz", STATUS_DRAINING, busy, plain);
    check_answer("/readyz", STATUS_UPSTREAM_FAILING, busy, plain);
    check_answer("/x", STATUS_SERVING, none, plain);
    check_answer("/status/", STATUS_SERVING, none, plain);
    check_answer("/Status", STATUS_SERVING, none, plain);
    check_answer("/%73tatus", STATUS_SERVING, none, plain);
}

static void test_errors(void **state)
{
    struct buf answer;

    (void)state;
    ask(HTTP_METHOD_NOT_ALLOWED, "/status", STATUS_SERVING, &answer);
    assert_true(holds(head_of(&answer), "HTTP/1.1 405 Method Not Allowed\r\n"));
    assert_true(holds(head_of(&answer), "\r\nAllow: GET, HEAD\r\n"));
    buf_fini(&answer);
    buf_init(&answer, STATUS_ANSWER_MAX);
    assert_true(status_answer_write_error(HTTP_BAD_REQUEST, HTTP_METHOD_UNKNOWN,
                                          784111777, &answer));
    assert_true(holds(head_of(&answer), "HTTP/1.1 400 Bad Request\r\n"));
    assert_true(holds(head_of(&answer), "\r\nConnection: close\r\n"));
    assert_true(holds(head_of(&answer), "\r\nDate: "));
    assert_true(holds(buf_span(&answer), "\r\n\r\n400 Bad Request\n"));
    buf_fini(&answer);
}

int main(void)
{
    const struct CMUnitTest status_page[] = {
        cmocka_unit_test(test_metrics),
        cmocka_unit_test(test_metrics_escapes),
        cmocka_unit_test(test_metrics_are_bounded),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_html),
        cmocka_unit_test(test_notices),
        cmocka_unit_test(test_several_upstreams),
        cmocka_unit_test(test_most_upstreams),
        cmocka_unit_test(test_failures_have_a_place),
        cmocka_unit_test(test_picture),
        cmocka_unit_test(test_number_of_sessions),
        cmocka_unit_test(test_style_hash),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_errors),
    };

    return cmocka_run_group_tests(status_page, set_up, tear_down);
}
