/* The figures for Prometheus: one family after the other, by a table. */
#include <string.h>

#include "server/status_page.h"
#include "session/bridge.h"

enum source {
    FROM_UPTIME,
    FROM_READY,
    FROM_WORKERS,
    FROM_MAX_SESSIONS,
    FROM_BUILD,    /* value 1, a label of text */
    FROM_UPSTREAM, /* the same */
    FROM_PHASES,
    FROM_PARKED,
    FROM_COUNTER,
    FROM_LOGIN_FAILURES,
    FROM_SESSION_ENDS,
    FROM_LISTINGS,
    FROM_CLIENT_TLS,
    FROM_UPSTREAM_TLS,
};

/* A family of one label: its values, and where each is counted. */
struct part {
    const char *value;
    enum counter counter;
};

static const struct part listings[] = {
    { "full", COUNTER_LISTINGS_FULL },
    { "updated", COUNTER_LISTINGS_UPDATED },
    { "fresh", COUNTER_LISTINGS_FRESH },
    { NULL, 0 },
};

static const struct part client_tls[] = {
    { "new", COUNTER_CLIENT_TLS_NEW },
    { "resumed", COUNTER_CLIENT_TLS_RESUMED },
    { NULL, 0 },
};

static const struct part upstream_tls[] = {
    { "new", COUNTER_UPSTREAM_TLS_NEW },
    { "resumed", COUNTER_UPSTREAM_TLS_RESUMED },
    { NULL, 0 },
};

/* CONFORMANCE MET-6: one prefix, base units, _total on counters, _info. */
static const struct family {
    const char *name;
    const char *type;
    const char *help;
    enum source source;
    enum counter counter; /* FROM_COUNTER */
} families[] = {
    { "popinjay_build_info", "gauge", "The version that runs.", FROM_BUILD, 0 },
    { "popinjay_upstream_info", "gauge", "The IMAP server, as configured.",
      FROM_UPSTREAM, 0 },
    { "popinjay_uptime_seconds", "gauge", "Time since the start.", FROM_UPTIME,
      0 },
    { "popinjay_ready", "gauge",
      "1 if mail can be served: not starting, not draining, upstream reached.",
      FROM_READY, 0 },
    { "popinjay_workers", "gauge", "Threads that serve sessions.", FROM_WORKERS,
      0 },
    { "popinjay_sessions_limit", "gauge",
      "Sessions beyond which logins are refused.", FROM_MAX_SESSIONS, 0 },
    { "popinjay_active_sessions", "gauge", "Sessions now, by state.",
      FROM_PHASES, 0 },
    { "popinjay_sessions_total", "counter", "Sessions accepted.", FROM_COUNTER,
      COUNTER_SESSIONS },
    { "popinjay_session_ends_total", "counter",
      "Sessions ended, by the reason.", FROM_SESSION_ENDS, 0 },
    { "popinjay_logins_total", "counter", "Logins that succeeded.",
      FROM_COUNTER, COUNTER_LOGINS_OK },
    { "popinjay_login_failures_total", "counter",
      "Logins that failed, by the reason.", FROM_LOGIN_FAILURES, 0 },
    { "popinjay_listings_total", "counter",
      "Listings at login: full, updated by what changed, fresh without any.",
      FROM_LISTINGS, 0 },
    { "popinjay_client_tls_handshakes_total", "counter",
      "TLS handshakes with clients: new sessions, and resumed ones.",
      FROM_CLIENT_TLS, 0 },
    { "popinjay_upstream_tls_handshakes_total", "counter",
      "TLS handshakes with the upstream: new sessions, and resumed ones.",
      FROM_UPSTREAM_TLS, 0 },
    { "popinjay_messages_retrieved_total", "counter",
      "Messages sent whole to a client.", FROM_COUNTER,
      COUNTER_MESSAGES_RETRIEVED },
    { "popinjay_retrieved_bytes_total", "counter",
      "Size of those messages as the upstream holds them.", FROM_COUNTER,
      COUNTER_OCTETS_RETRIEVED },
    { "popinjay_messages_deleted_total", "counter",
      "Messages gone from the upstream at QUIT.", FROM_COUNTER,
      COUNTER_MESSAGES_DELETED },
    { "popinjay_upstream_connections_total", "counter",
      "Connections to the upstream that came up.", FROM_COUNTER,
      COUNTER_UPSTREAM_CONNECTS },
    { "popinjay_upstream_reused_total", "counter",
      "Sessions that went on with a parked connection.", FROM_COUNTER,
      COUNTER_UPSTREAM_REUSED },
    { "popinjay_parked_connections", "gauge",
      "Connections to the upstream that rest until the next session.",
      FROM_PARKED, 0 },
    { "popinjay_upstream_failures_total", "counter",
      "Connections to the upstream that failed or broke.", FROM_COUNTER,
      COUNTER_UPSTREAM_FAILURES },
    { "popinjay_upstream_rejects_total", "counter",
      "Commands that the upstream did not understand: defects of the proxy.",
      FROM_COUNTER, COUNTER_UPSTREAM_REJECTS },
    { "popinjay_size_mismatches_total", "counter",
      "Messages whose size the upstream had misstated.", FROM_COUNTER,
      COUNTER_SIZE_MISMATCHES },
    { "popinjay_sessions_below_tls_1_2_total", "counter",
      "Sessions of clients that spoke TLS 1.0 or 1.1.", FROM_COUNTER,
      COUNTER_SESSIONS_OLD_TLS },
    { "popinjay_sni_unmatched_total", "counter",
      "TLS clients that asked for a name that no certificate covers.",
      FROM_COUNTER, COUNTER_SNI_UNMATCHED },
    { "popinjay_clients_not_allowed_total", "counter",
      "Clients closed at once because of where they came from.", FROM_COUNTER,
      COUNTER_CLIENTS_NOT_ALLOWED },
};

/* A backslash and a LF have escapes everywhere, a quote only in labels. */
static void append_escaped(struct buf *out, const char *text, bool in_label)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n') {
            (void)buf_append_string(out, "\\n");
            continue;
        }
        if (*text == '\\' || (*text == '"' && in_label))
            (void)buf_append_octet(out, '\\');
        (void)buf_append_octet(out, (unsigned char)*text);
    }
}

static void append_sample(struct buf *out, const struct family *family,
                          uint64_t value)
{
    (void)buf_append_string(out, family->name);
    (void)buf_append_octet(out, ' ');
    (void)buf_append_number(out, value);
    (void)buf_append_octet(out, '\n');
}

static void append_labelled(struct buf *out, const struct family *family,
                            const char *label, const char *text, uint64_t value)
{
    (void)buf_append_string(out, family->name);
    (void)buf_append_octet(out, '{');
    (void)buf_append_string(out, label);
    (void)buf_append_string(out, "=\"");
    append_escaped(out, text, true);
    (void)buf_append_string(out, "\"} ");
    (void)buf_append_number(out, value);
    (void)buf_append_octet(out, '\n');
}

static void append_by_phase(struct buf *out, const struct family *family,
                            const uint64_t *values)
{
    for (unsigned i = 0; i < BRIDGE_PHASE_COUNT; i++)
        append_labelled(out, family, "state",
                        bridge_phase_name((enum bridge_phase)i), values[i]);
}

static void append_by_fault(struct buf *out, const struct family *family,
                            unsigned first, const uint64_t *values)
{
    for (unsigned i = first; i < FAULT_COUNT; i++)
        append_labelled(out, family, "reason", fault_name((enum fault)i),
                        values[i]);
}

static void append_parts(struct buf *out, const struct family *family,
                         const char *label, const struct part *parts,
                         const uint64_t *values)
{
    for (; parts->value != NULL; parts++)
        append_labelled(out, family, label, parts->value,
                        values[parts->counter]);
}

static void append_samples(struct buf *out, const struct family *family,
                           const struct status_figures *f)
{
    const struct counters_total *t = &f->totals;

    switch (family->source) {
    case FROM_UPTIME:
        append_sample(out, family, f->uptime_seconds);
        break;
    case FROM_READY:
        append_sample(out, family, f->state == STATUS_SERVING);
        break;
    case FROM_WORKERS:
        append_sample(out, family, f->workers);
        break;
    case FROM_MAX_SESSIONS:
        append_sample(out, family, f->max_sessions);
        break;
    case FROM_BUILD:
        append_labelled(out, family, "version", f->version, 1);
        break;
    case FROM_UPSTREAM:
        append_labelled(out, family, "upstream", f->upstream, 1);
        break;
    case FROM_PHASES:
        append_by_phase(out, family, t->sessions_in_phase);
        break;
    case FROM_PARKED:
        append_sample(out, family, f->parked);
        break;
    case FROM_COUNTER:
        append_sample(out, family, t->value[family->counter]);
        break;
    case FROM_LOGIN_FAILURES:
        append_by_fault(out, family, FAULT_NONE + 1, t->login_failures);
        break;
    case FROM_SESSION_ENDS:
        append_by_fault(out, family, FAULT_NONE, t->session_ends);
        break;
    case FROM_LISTINGS:
        append_parts(out, family, "kind", listings, t->value);
        break;
    case FROM_CLIENT_TLS:
        append_parts(out, family, "session", client_tls, t->value);
        break;
    case FROM_UPSTREAM_TLS:
        append_parts(out, family, "session", upstream_tls, t->value);
        break;
    }
}

bool status_page_metrics(const struct status_figures *f, struct buf *out)
{
    for (size_t i = 0; i < ARRAY_LENGTH(families); i++) {
        const struct family *family = &families[i];

        (void)buf_append_string(out, "# HELP ");
        (void)buf_append_string(out, family->name);
        (void)buf_append_octet(out, ' ');
        append_escaped(out, family->help, false);
        (void)buf_append_string(out, "\n# TYPE ");
        (void)buf_append_string(out, family->name);
        (void)buf_append_octet(out, ' ');
        (void)buf_append_string(out, family->type);
        (void)buf_append_octet(out, '\n');
        append_samples(out, family, f);
    }
    return !buf_failed(out);
}
