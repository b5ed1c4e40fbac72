/* The figures as JSON. Its keys are a contract: deploy/docs/watching.md says
 * what each means, a test holds the two together, and what changes in meaning
 * or goes raises SCHEMA.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "pop3/command.h"
#include "server/limit.h"
#include "server/status_page.h"
#include "session/bridge.h"

#define SCHEMA 2

struct row {
    const char *key; /* NULL: the last */
    uint64_t value;
};

/* JSON has no integers beyond 2^63 in jansson; no count will get there. */
static bool put(json_t *object, const char *key, uint64_t value)
{
    json_int_t number = value > INT64_MAX ? INT64_MAX : (json_int_t)value;

    return json_object_set_new(object, key, json_integer(number)) == 0;
}

static bool put_text(json_t *object, const char *key, const char *text)
{
    return json_object_set_new(object, key, json_string(text)) == 0;
}

/* Unix time; 0 is never, and so null. */
static bool put_time(json_t *object, const char *key, int64_t unix_s)
{
    return unix_s > 0 ? put(object, key, (uint64_t)unix_s)
                      : json_object_set_new(object, key, json_null()) == 0;
}

/* A new object below |key|; borrowed. NULL where there is no memory. */
static json_t *put_object(json_t *parent, const char *key)
{
    json_t *object = json_object();

    return json_object_set_new(parent, key, object) == 0 ? object : NULL;
}

static bool put_rows(json_t *parent, const char *key, const struct row *rows)
{
    json_t *object = put_object(parent, key);
    bool good = object != NULL;

    for (; good && rows->key != NULL; rows++)
        good = put(object, rows->key, rows->value);
    return good;
}

static bool put_faults(json_t *parent, const char *key, unsigned first,
                       const uint64_t *values)
{
    json_t *object = put_object(parent, key);
    bool good = object != NULL;

    for (unsigned i = first; good && i < FAULT_COUNT; i++)
        good = put(object, fault_name((enum fault)i), values[i]);
    return good;
}

/* --- sessions --- */

static bool put_phases(json_t *parent, const struct counters_total *t)
{
    json_t *object = put_object(parent, "by_state");
    bool good = object != NULL;

    for (unsigned i = 0; good && i < BRIDGE_PHASE_COUNT; i++)
        good = put(object, bridge_phase_name((enum bridge_phase)i),
                   counters_in_phase(t, i));
    return good;
}

static bool put_by_listener(json_t *parent, const struct status_figures *f)
{
    json_t *object = put_object(parent, "by_listener");
    bool good = object != NULL;

    for (unsigned i = 0; good && i < COUNTERS_LISTENERS; i++) {
        const char *name = listener_names_find(f->listener_names, i);
        uint64_t active = 0;

        for (unsigned n = 0; n < BRIDGE_PHASE_COUNT; n++)
            active += f->totals.sessions_in_phase[i][n];
        if (name != NULL)
            good = put_rows(object, name,
                            (struct row[]){ { "active", active },
                                            { "total", f->totals.sessions[i] },
                                            { NULL, 0 } });
    }
    return good;
}

static bool put_sessions(json_t *page, const struct status_figures *f)
{
    const struct counters_total *t = &f->totals;
    json_t *object = put_object(page, "sessions");

    return object != NULL && put(object, "active", f->sessions) &&
           put(object, "total", t->value[COUNTER_SESSIONS]) &&
           put(object, "limit", f->max_sessions) && put_phases(object, t) &&
           put_by_listener(object, f) &&
           put_faults(object, "ended", FAULT_NONE, t->session_ends);
}

static bool put_logins(json_t *page, const struct status_figures *f)
{
    const struct counters_total *t = &f->totals;
    json_t *object = put_object(page, "logins");

    return object != NULL && put(object, "ok", t->value[COUNTER_LOGINS_OK]) &&
           put(object, "failed", t->value[COUNTER_LOGINS_FAILED]) &&
           put_faults(object, "failed_by_reason", FAULT_NONE + 1,
                      t->login_failures);
}

static bool put_commands(json_t *page, const struct counters_total *t)
{
    json_t *object = put_object(page, "commands");
    bool good = object != NULL;

    for (unsigned i = 0; good && i < POP3_VERB_COUNT; i++)
        good = put_rows(object, pop3_verb_name((enum pop3_verb)i),
                        (struct row[]){ { "ok", t->commands_ok[i] },
                                        { "err", t->commands_failed[i] },
                                        { NULL, 0 } });
    return good;
}

static bool put_last_hour(json_t *page, const struct history *history)
{
    struct history_minute hour = history_hour(history);
    json_t *object = put_object(page, "last_hour");

    return object != NULL && put(object, "sessions_most", hour.sessions) &&
           put(object, "logins_ok", hour.value[COUNTER_LOGINS_OK]) &&
           put(object, "logins_failed", hour.value[COUNTER_LOGINS_FAILED]) &&
           put(object, "messages_retrieved",
               hour.value[COUNTER_MESSAGES_RETRIEVED]) &&
           put_faults(object, "logins_failed_by_reason", FAULT_NONE + 1,
                      hour.login_failures);
}

/* --- upstreams --- */

static bool put_health(json_t *upstream, const struct upstream_health_view *v)
{
    json_t *object = put_object(upstream, "health");

    return object != NULL &&
           put_text(object, "verdict", upstream_verdict_name(v->verdict)) &&
           put_time(object, "last_success", (int64_t)v->success_unix_s) &&
           put_time(object, "last_failure", (int64_t)v->failure_unix_s) &&
           put_text(object, "last_error", v->failure) &&
           put(object, "successes", v->successes) &&
           put(object, "failures", v->failures) &&
           put_rows(object, "recent",
                    (struct row[]){ { "minutes", UPSTREAM_HEALTH_MINUTES },
                                    { "successes", v->recent_successes },
                                    { "failures", v->recent_failures },
                                    { NULL, 0 } });
}

static bool put_servers(json_t *upstream, const struct status_upstream *u)
{
    json_t *array = json_array();
    bool good = json_object_set_new(upstream, "servers", array) == 0;

    for (size_t i = 0; good && i < u->server_count; i++) {
        const struct upstream_server_view *server = &u->servers[i];
        json_t *object = json_object();

        good =
            json_array_append_new(array, object) == 0 &&
            put_text(object, "address", server->text) &&
            put(object, "aside_ms", server->aside_ms) &&
            put(object, "successes", server->successes) &&
            put(object, "failures", server->failures) &&
            put_text(object, "last_error", server->failure) &&
            put_time(object, "certificate_expires", server->certificate_end_s);
    }
    return good;
}

static bool put_stages(json_t *parent, const struct histogram_total *stages,
                       unsigned count)
{
    json_t *object = put_object(parent, "latency_ms");
    bool good = object != NULL;

    for (unsigned i = 0; good && i < count; i++) {
        const struct histogram_total *h = &stages[i];

        good =
            put_rows(object, status_stage_name((enum counter_stage)i),
                     (struct row[]){ { "count", histogram_count(h) },
                                     { "p50", histogram_percentile_ms(h, 50) },
                                     { "p95", histogram_percentile_ms(h, 95) },
                                     { NULL, 0 } });
    }
    return good;
}

static bool put_one_upstream(json_t *object, const struct status_upstream *u)
{
    const uint64_t *n = u->counts;

    return put_text(object, "name", u->name) &&
           put_text(object, "address", u->address) &&
           put_health(object, &u->health) && put(object, "open", u->open) &&
           put(object, "limit", u->limit) && put(object, "queue", u->queue) &&
           put(object, "parked", u->parked) &&
           put(object, "connections", n[UPSTREAM_CONNECTS]) &&
           put(object, "reused", n[UPSTREAM_REUSED]) &&
           put(object, "failures", n[UPSTREAM_FAILURES]) &&
           put(object, "logins_ok", n[UPSTREAM_LOGINS_OK]) &&
           put(object, "logins_failed", n[UPSTREAM_LOGINS_FAILED]) &&
           put_faults(object, "logins_failed_by_reason", FAULT_NONE + 1,
                      u->login_failures) &&
           put_stages(object, u->stage, COUNTER_UPSTREAM_STAGES) &&
           put_servers(object, u);
}

static bool put_upstreams(json_t *page, const struct status_figures *f)
{
    json_t *array = json_array();
    bool good = json_object_set_new(page, "upstreams", array) == 0;

    for (size_t i = 0; good && i < f->upstream_count; i++) {
        json_t *object = json_object();

        good = json_array_append_new(array, object) == 0 &&
               put_one_upstream(object, &f->upstreams[i]);
    }
    return good;
}

/* --- the rest --- */

static bool put_certificates(json_t *page, const struct status_figures *f)
{
    json_t *array = json_array();
    bool good = json_object_set_new(page, "certificates", array) == 0;

    for (size_t i = 0; good && i < f->certificate_count; i++) {
        const struct settings_certificate *c = &f->certificates[i];
        json_t *object = json_object();

        good = json_array_append_new(array, object) == 0 &&
               put_text(object, "listener", c->listener) &&
               put(object, "number", c->number) &&
               put_text(object, "name", c->facts.name) &&
               json_object_set_new(object, "expires",
                                   json_integer(c->facts.not_after_s)) == 0;
    }
    return good;
}

static bool put_limits(json_t *page, const struct counters_total *t)
{
    json_t *object = put_object(page, "limits_hit");
    bool good = object != NULL;

    for (unsigned i = 0; good && i < LIMIT_COUNT; i++)
        good = put(object, limit_name((enum limit)i),
                   t->value[limit_counter((enum limit)i)]);
    return good;
}

static bool put_refused(json_t *page, const struct status_figures *f)
{
    return put_rows(page, "refused_now",
                    (struct row[]){ { "clients", f->blocked_clients },
                                    { "logins", f->blocked_logins },
                                    { "throttled", f->throttled_logins },
                                    { NULL, 0 } });
}

static bool put_tls(json_t *page, const struct counters_total *t)
{
    const uint64_t *v = t->value;

    return put_rows(
               page, "client_tls_handshakes",
               (struct row[]){ { "new", v[COUNTER_CLIENT_TLS_NEW] },
                               { "resumed", v[COUNTER_CLIENT_TLS_RESUMED] },
                               { NULL, 0 } }) &&
           put_rows(page, "client_tls_versions",
                    (struct row[]){ { "1.0", v[COUNTER_CLIENT_TLS_1_0] },
                                    { "1.1", v[COUNTER_CLIENT_TLS_1_1] },
                                    { "1.2", v[COUNTER_CLIENT_TLS_1_2] },
                                    { "1.3", v[COUNTER_CLIENT_TLS_1_3] },
                                    { NULL, 0 } }) &&
           put_rows(
               page, "upstream_tls_handshakes",
               (struct row[]){ { "new", v[COUNTER_UPSTREAM_TLS_NEW] },
                               { "resumed", v[COUNTER_UPSTREAM_TLS_RESUMED] },
                               { NULL, 0 } });
}

static bool put_work(json_t *page, const struct counters_total *t)
{
    const uint64_t *v = t->value;

    return put_rows(page, "listings",
                    (struct row[]){ { "full", v[COUNTER_LISTINGS_FULL] },
                                    { "updated", v[COUNTER_LISTINGS_UPDATED] },
                                    { "fresh", v[COUNTER_LISTINGS_FRESH] },
                                    { "window", v[COUNTER_LISTINGS_WINDOW] },
                                    { NULL, 0 } }) &&
           put_rows(
               page, "messages",
               (struct row[]){ { "retrieved", v[COUNTER_MESSAGES_RETRIEVED] },
                               { "deleted", v[COUNTER_MESSAGES_DELETED] },
                               { "moved", v[COUNTER_MESSAGES_MOVED] },
                               { "flagged", v[COUNTER_MESSAGES_FLAGGED] },
                               { "kept", v[COUNTER_MESSAGES_KEPT] },
                               { "hidden", v[COUNTER_MESSAGES_HIDDEN] },
                               { NULL, 0 } }) &&
           put_rows(page, "readahead",
                    (struct row[]){ { "used", v[COUNTER_READAHEAD_USED] },
                                    { "wasted", v[COUNTER_READAHEAD_WASTED] },
                                    { NULL, 0 } }) &&
           put_rows(page, "octets",
                    (struct row[]){
                        { "from_clients", v[COUNTER_CLIENT_OCTETS_IN] },
                        { "to_clients", v[COUNTER_CLIENT_OCTETS_OUT] },
                        { "from_upstream", v[COUNTER_UPSTREAM_OCTETS_IN] },
                        { "to_upstream", v[COUNTER_UPSTREAM_OCTETS_OUT] },
                        { NULL, 0 } }) &&
           put(page, "octets_retrieved", v[COUNTER_OCTETS_RETRIEVED]) &&
           put(page, "size_mismatches", v[COUNTER_SIZE_MISMATCHES]) &&
           put(page, "sessions_below_tls_1_2", v[COUNTER_SESSIONS_OLD_TLS]) &&
           put(page, "sni_unmatched", v[COUNTER_SNI_UNMATCHED]) &&
           put(page, "clients_not_allowed", v[COUNTER_CLIENTS_NOT_ALLOWED]);
}

/* Of all upstreams together. */
static bool put_upstream(json_t *page, const struct status_figures *f)
{
    const uint64_t *v = f->totals.value;

    return put_upstreams(page, f) &&
           put(page, "upstream_connections", v[COUNTER_UPSTREAM_CONNECTS]) &&
           put(page, "upstream_open", f->upstream_open) &&
           put(page, "upstream_queue", f->upstream_queue) &&
           put(page, "upstream_reused", v[COUNTER_UPSTREAM_REUSED]) &&
           put(page, "parked_connections", f->parked) &&
           put(page, "upstream_failures", v[COUNTER_UPSTREAM_FAILURES]) &&
           put(page, "upstream_rejects", v[COUNTER_UPSTREAM_REJECTS]) &&
           put_stages(page, f->totals.stage, COUNTER_STAGE_COUNT);
}

static bool put_tokens(json_t *page, const struct status_figures *f)
{
    json_t *object = put_object(page, "oauth");
    bool good = object != NULL;

    for (size_t i = 0; good && i < token_desk_sources(f->tokens); i++) {
        struct token_source_figures t = token_desk_figures(f->tokens, i);
        json_t *source = put_object(object, t.source);
        json_t *requests =
            source != NULL ? put_object(source, "requests") : NULL;

        good = requests != NULL && put(source, "good", t.good) &&
               put(source, "failing", t.failing) &&
               put(source, "refused", t.refused) &&
               put(source, "oldest_token_seconds", t.oldest_s) &&
               put(source, "next_expiry_seconds", t.next_expiry_s);
        for (unsigned n = 0; good && n < OAUTH_RESULT_COUNT; n++)
            good = put(requests, oauth_result_name((enum oauth_result)n),
                       t.tries[n]);
    }
    return good;
}

static bool put_accounts(json_t *page, const struct status_figures *f)
{
    const uint64_t *v = f->totals.value;
    json_t *object = put_object(page, "accounts");

    return object != NULL && put(object, "count", f->accounts) &&
           put(object, "judged_now", f->verifications) &&
           put_rows(
               object, "logins",
               (struct row[]){ { "password", v[COUNTER_LOGINS_BY_PASSWORD] },
                               { "apop", v[COUNTER_LOGINS_BY_APOP] },
                               { "cram_md5", v[COUNTER_LOGINS_BY_CRAM_MD5] },
                               { "scram_sha_256", v[COUNTER_LOGINS_BY_SCRAM] },
                               { NULL, 0 } });
}

static bool put_process(json_t *page, const struct process_figures *p)
{
    return put_rows(page, "process",
                    (struct row[]){ { "cpu_ms", p->cpu_ms },
                                    { "resident_bytes", p->resident_octets },
                                    { "open_files", p->open_files },
                                    { "max_files", p->max_files },
                                    { NULL, 0 } });
}

static bool put_all(json_t *page, const struct status_figures *f)
{
    return put(page, "schema", SCHEMA) &&
           put_text(page, "version", f->version) &&
           put_text(page, "state", status_state_name(f->state)) &&
           put(page, "time", f->now_seconds) &&
           put(page, "started", f->started_seconds) &&
           put(page, "uptime_seconds", f->uptime_seconds) &&
           put(page, "config_loaded", f->adopted_seconds) &&
           json_object_set_new(page, "config_reload_good",
                               json_boolean(f->reload_good != 0)) == 0 &&
           put(page, "workers", f->workers) && put_sessions(page, f) &&
           put_logins(page, f) && put_commands(page, &f->totals) &&
           put_last_hour(page, f->history) && put_upstream(page, f) &&
           put_tls(page, &f->totals) && put_certificates(page, f) &&
           put_limits(page, &f->totals) && put_refused(page, f) &&
           put_work(page, &f->totals) && put_accounts(page, f) &&
           put_tokens(page, f) && put_process(page, &f->process);
}

bool status_page_json(const struct status_figures *f, struct buf *out)
{
    json_t *page = json_object();
    char *text = NULL;
    bool good = page != NULL && put_all(page, f);

    if (good)
        text = json_dumps(page, JSON_INDENT(2));
    if (text != NULL) {
        (void)buf_append_string(out, text);
        (void)buf_append_octet(out, '\n');
    }
    good = text != NULL && !buf_failed(out);
    free(text);
    json_decref(page);
    return good;
}
