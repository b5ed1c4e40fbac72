#include "server/status_page.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "pop3/command.h"
#include "session/bridge.h"

/* base/counters.h counts what only session/ can name. */
_Static_assert(COUNTERS_PHASES == BRIDGE_PHASE_COUNT, "counters.h: phases");
_Static_assert(COUNTERS_FAULTS >= FAULT_COUNT, "counters.h: faults");
_Static_assert(COUNTERS_VERBS == POP3_VERB_COUNT, "counters.h: verbs");

const char *status_state_name(enum status_state state)
{
    switch (state) {
    case STATUS_STARTING:
        return "starting";
    case STATUS_SERVING:
        return "serving";
    case STATUS_UPSTREAM_FAILING:
        return "upstream failing";
    case STATUS_DRAINING:
        return "draining";
    case STATUS_STATE_COUNT:
        break;
    }
    return "";
}

/* --- JSON --- */

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

static bool put_faults(json_t *parent, const char *key, unsigned first,
                       const uint64_t *values)
{
    json_t *object = json_object();
    bool good = object != NULL;

    for (unsigned i = first; good && i < FAULT_COUNT; i++)
        good = put(object, fault_name((enum fault)i), values[i]);
    return json_object_set_new(parent, key, object) == 0 && good;
}

static bool put_phases(json_t *parent, const struct counters_total *t)
{
    json_t *object = json_object();
    bool good = object != NULL;

    for (unsigned i = 0; good && i < BRIDGE_PHASE_COUNT; i++)
        good = put(object, bridge_phase_name((enum bridge_phase)i),
                   counters_in_phase(t, i));
    return json_object_set_new(parent, "by_state", object) == 0 && good;
}

static bool put_sessions(json_t *page, const struct status_figures *f)
{
    const struct counters_total *t = &f->totals;
    json_t *object = json_object();
    bool good = object != NULL && put(object, "active", f->sessions) &&
                put(object, "total", t->value[COUNTER_SESSIONS]) &&
                put(object, "limit", f->max_sessions) &&
                put_phases(object, t) &&
                put_faults(object, "ended", FAULT_NONE, t->session_ends);

    return json_object_set_new(page, "sessions", object) == 0 && good;
}

static bool put_logins(json_t *page, const struct status_figures *f)
{
    const struct counters_total *t = &f->totals;
    json_t *object = json_object();
    bool good = object != NULL &&
                put(object, "ok", t->value[COUNTER_LOGINS_OK]) &&
                put(object, "failed", t->value[COUNTER_LOGINS_FAILED]) &&
                put_faults(object, "failed_by_reason", FAULT_NONE + 1,
                           t->login_failures);

    return json_object_set_new(page, "logins", object) == 0 && good;
}

static bool put_listings(json_t *page, const struct counters_total *t)
{
    json_t *object = json_object();
    bool good = object != NULL &&
                put(object, "full", t->value[COUNTER_LISTINGS_FULL]) &&
                put(object, "updated", t->value[COUNTER_LISTINGS_UPDATED]) &&
                put(object, "fresh", t->value[COUNTER_LISTINGS_FRESH]);

    return json_object_set_new(page, "listings", object) == 0 && good;
}

static bool put_handshakes(json_t *page, const char *name,
                           const struct counters_total *t, enum counter fresh,
                           enum counter resumed)
{
    json_t *object = json_object();
    bool good = object != NULL && put(object, "new", t->value[fresh]) &&
                put(object, "resumed", t->value[resumed]);

    return json_object_set_new(page, name, object) == 0 && good;
}

static bool put_messages(json_t *page, const struct counters_total *t)
{
    json_t *object = json_object();
    bool good =
        object != NULL &&
        put(object, "retrieved", t->value[COUNTER_MESSAGES_RETRIEVED]) &&
        put(object, "deleted", t->value[COUNTER_MESSAGES_DELETED]);

    return json_object_set_new(page, "messages", object) == 0 && good;
}

static bool put_all(json_t *page, const struct status_figures *f)
{
    const struct counters_total *t = &f->totals;

    return put_text(page, "version", f->version) &&
           put_text(page, "state", status_state_name(f->state)) &&
           put(page, "uptime_seconds", f->uptime_seconds) &&
           put(page, "workers", f->workers) &&
           put_text(page, "upstream", f->upstream) && put_sessions(page, f) &&
           put_logins(page, f) && put_listings(page, t) &&
           put_messages(page, t) &&
           put_handshakes(page, "client_tls_handshakes", t,
                          COUNTER_CLIENT_TLS_NEW, COUNTER_CLIENT_TLS_RESUMED) &&
           put_handshakes(page, "upstream_tls_handshakes", t,
                          COUNTER_UPSTREAM_TLS_NEW,
                          COUNTER_UPSTREAM_TLS_RESUMED) &&
           put(page, "octets_retrieved", t->value[COUNTER_OCTETS_RETRIEVED]) &&
           put(page, "upstream_connections",
               t->value[COUNTER_UPSTREAM_CONNECTS]) &&
           put(page, "upstream_reused", t->value[COUNTER_UPSTREAM_REUSED]) &&
           put(page, "parked_connections", f->parked) &&
           put(page, "upstream_failures",
               t->value[COUNTER_UPSTREAM_FAILURES]) &&
           put(page, "upstream_rejects", t->value[COUNTER_UPSTREAM_REJECTS]) &&
           put(page, "size_mismatches", t->value[COUNTER_SIZE_MISMATCHES]) &&
           put(page, "sessions_below_tls_1_2",
               t->value[COUNTER_SESSIONS_OLD_TLS]) &&
           put(page, "sni_unmatched", t->value[COUNTER_SNI_UNMATCHED]) &&
           put(page, "clients_not_allowed",
               t->value[COUNTER_CLIENTS_NOT_ALLOWED]);
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
