/* The figures for Prometheus: one family after the other, by a table. A new
 * counter wants a line here; metrics_writer.c knows how it is written.
 */
#include "server/metrics_writer.h"
#include "server/status_families.h"
#include "server/status_page.h"

static const struct part spared[] = {
    { "trash", COUNTER_MESSAGES_MOVED },
    { "seen", COUNTER_MESSAGES_FLAGGED },
    { "keep", COUNTER_MESSAGES_KEPT },
    { NULL, 0 },
};

static const struct part listings[] = {
    { "full", COUNTER_LISTINGS_FULL },
    { "updated", COUNTER_LISTINGS_UPDATED },
    { "fresh", COUNTER_LISTINGS_FRESH },
    { "window", COUNTER_LISTINGS_WINDOW },
    { NULL, 0 },
};

static const struct part ahead[] = {
    { "used", COUNTER_READAHEAD_USED },
    { "wasted", COUNTER_READAHEAD_WASTED },
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

static const struct part client_versions[] = {
    { "1.0", COUNTER_CLIENT_TLS_1_0 },
    { "1.1", COUNTER_CLIENT_TLS_1_1 },
    { "1.2", COUNTER_CLIENT_TLS_1_2 },
    { "1.3", COUNTER_CLIENT_TLS_1_3 },
    { NULL, 0 },
};

static const struct part upstream_versions[] = {
    { "1.2", COUNTER_UPSTREAM_TLS_1_2 },
    { "1.3", COUNTER_UPSTREAM_TLS_1_3 },
    { NULL, 0 },
};

static const struct part received[] = {
    { "client", COUNTER_CLIENT_OCTETS_IN },
    { "upstream", COUNTER_UPSTREAM_OCTETS_IN },
    { NULL, 0 },
};

static const struct part sent[] = {
    { "client", COUNTER_CLIENT_OCTETS_OUT },
    { "upstream", COUNTER_UPSTREAM_OCTETS_OUT },
    { NULL, 0 },
};

static const struct part proofs[] = {
    { "passed_on", COUNTER_LOGINS_PASSED_ON },
    { "password", COUNTER_LOGINS_BY_PASSWORD },
    { "apop", COUNTER_LOGINS_BY_APOP },
    { "cram_md5", COUNTER_LOGINS_BY_CRAM_MD5 },
    { "scram_sha_256", COUNTER_LOGINS_BY_SCRAM },
    { NULL, 0 },
};

static const struct part auth_http[] = {
    { "granted", COUNTER_AUTH_HTTP_GRANTED },
    { "refused", COUNTER_AUTH_HTTP_REFUSED },
    { "wait", COUNTER_AUTH_HTTP_WAIT },
    { "later", COUNTER_AUTH_HTTP_LATER },
    { "garbled", COUNTER_AUTH_HTTP_GARBLED },
    { NULL, 0 },
};

static const struct part proxy_headers[] = {
    { "client", COUNTER_PROXY_CLIENT },
    { "unnamed", COUNTER_PROXY_UNNAMED },
    { "local", COUNTER_PROXY_LOCAL },
    { "untrusted", COUNTER_PROXY_UNTRUSTED },
    { "invalid", COUNTER_PROXY_INVALID },
    { "late", COUNTER_PROXY_LATE },
    { "closed", COUNTER_PROXY_CLOSED },
    { NULL, 0 },
};

#define COUNTER(NAME, WHICH, HELP)                       \
    {                                                    \
        .name = (NAME), .type = "counter", .help = HELP, \
        .write = series_counter, .counter = (WHICH)      \
    }
#define PARTS(NAME, LABEL, PARTS_OF, HELP)                           \
    {                                                                \
        .name = (NAME), .type = "counter", .help = HELP,             \
        .write = series_parts, .label = (LABEL), .parts = (PARTS_OF) \
    }
#define GAUGE(NAME, FIELD, HELP)                                              \
    {                                                                         \
        .name = (NAME), .type = "gauge", .help = HELP, .write = series_field, \
        .field = offsetof(struct status_figures, FIELD)                       \
    }
#define OF_EACH(NAME, TYPE, FIELD, HELP)                                       \
    {                                                                          \
        .name = (NAME), .type = (TYPE), .help = HELP, .write = series_of_each, \
        .field = offsetof(struct status_upstream, FIELD)                       \
    }
#define OF_SOURCE(NAME, FIELD, HELP)                          \
    {                                                         \
        .name = (NAME), .type = "gauge", .help = HELP,        \
        .write = series_of_source,                            \
        .field = offsetof(struct token_source_figures, FIELD) \
    }
#define STAGE(NAME, STAGE_OF, HELP)                        \
    {                                                      \
        .name = (NAME), .type = "histogram", .help = HELP, \
        .write = series_stage, .stage = (STAGE_OF)         \
    }
#define UPSTREAM_STAGE(NAME, STAGE_OF, HELP)                \
    {                                                       \
        .name = (NAME), .type = "histogram", .help = HELP,  \
        .write = series_upstream_stage, .stage = (STAGE_OF) \
    }
#define OTHER(NAME, TYPE, WRITE, HELP)                                 \
    {                                                                  \
        .name = (NAME), .type = (TYPE), .help = HELP, .write = (WRITE) \
    }

/* CONFORMANCE MET-6: one prefix, base units, _total on counters, _info; and
 * the names that Prometheus gives to what every process has.
 */
static const struct family families[] = {
    OTHER("popinjay_build_info", "gauge", series_build,
          "The version that runs."),
    OTHER("popinjay_upstream_info", "gauge", series_upstream,
          "The IMAP servers, as configured."),
    OTHER("popinjay_upstream_up", "gauge", series_up,
          "0 while the upstream is not reached."),
    OTHER("popinjay_upstream_server_up", "gauge", series_servers_up,
          "0 while a server of the upstream is put aside."),
    OTHER("popinjay_upstream_server_failures_total", "counter",
          series_server_failures,
          "Attempts to reach that server that failed, probes too."),
    GAUGE("popinjay_uptime_seconds", uptime_seconds, "Time since the start."),
    OTHER("popinjay_ready", "gauge", series_ready,
          "1 if mail can be served: not starting, not draining, an upstream "
          "reached."),
    GAUGE("popinjay_config_last_reload_successful", reload_good,
          "1 if what was read last, configuration or certificates, is what is "
          "served by."),
    GAUGE("popinjay_config_last_reload_success_timestamp_seconds",
          adopted_seconds, "When that was read, as Unix time."),
    GAUGE("popinjay_workers", workers, "Threads that serve sessions."),
    GAUGE("popinjay_sessions_limit", max_sessions,
          "Sessions beyond which logins are refused."),
    OTHER("popinjay_active_sessions", "gauge", series_active,
          "Sessions now, by listener and state."),
    OTHER("popinjay_sessions_total", "counter", series_sessions,
          "Sessions accepted, by listener."),
    OTHER("popinjay_session_ends_total", "counter", series_session_ends,
          "Sessions ended, by the reason."),
    COUNTER("popinjay_logins_total", COUNTER_LOGINS_OK,
            "Logins that succeeded."),
    OTHER("popinjay_login_failures_total", "counter", series_login_failures,
          "Logins that failed, by the reason."),
    PARTS(
        "popinjay_account_logins_total", "proof", proofs,
        "Logins that succeeded, by how the client proved itself; passed_on: to "
        "the upstream."),
    STAGE("popinjay_verification_duration_seconds", COUNTER_STAGE_VERIFY,
          "Passwords of accounts that were judged, from their coming to the "
          "verdict."),
    STAGE("popinjay_auth_http_duration_seconds", COUNTER_STAGE_AUTH_HTTP,
          "Questions to the authentication service, until their answer."),
    PARTS("popinjay_auth_http_answers_total", "verdict", auth_http,
          "What the authentication service said of logins; wait: it is asked "
          "again, later: it was of no use."),
    UPSTREAM_STAGE("popinjay_login_duration_seconds",
                   COUNTER_STAGE_CLIENT_LOGIN,
                   "Logins that succeeded, from the password to the answer."),
    OTHER("popinjay_commands_total", "counter", series_commands,
          "POP3 commands answered, by result; UNKNOWN is what is none."),
    COUNTER("popinjay_messages_retrieved_total", COUNTER_MESSAGES_RETRIEVED,
            "Messages sent whole to a client."),
    COUNTER("popinjay_retrieved_bytes_total", COUNTER_OCTETS_RETRIEVED,
            "Size of those messages as the upstream holds them."),
    COUNTER("popinjay_messages_deleted_total", COUNTER_MESSAGES_DELETED,
            "Messages gone from the upstream at QUIT."),
    PARTS("popinjay_messages_spared_total", "on_delete", spared,
          "Messages that DELE marked and the policy did not remove at QUIT."),
    COUNTER("popinjay_messages_hidden_total", COUNTER_MESSAGES_HIDDEN,
            "Messages that the policy did not show, at each login anew."),
    PARTS("popinjay_received_bytes_total", "side", received,
          "Octets received, without those of TLS."),
    PARTS("popinjay_sent_bytes_total", "side", sent,
          "Octets sent, without those of TLS."),
    PARTS("popinjay_listings_total", "kind", listings,
          "Listings at login: full, updated by what changed, fresh without "
          "any, or of what a policy shows alone."),
    GAUGE("popinjay_snapshot_cache_bytes", cache_octets,
          "Memory of the listings that are known."),
    GAUGE("popinjay_snapshot_cache_mailboxes", cache_mailboxes,
          "Mailboxes whose listing is known."),
    PARTS("popinjay_readahead_messages_total", "result", ahead,
          "Messages fetched before the client asked: used, or wasted."),
    GAUGE("popinjay_accounts", accounts, "Accounts of devices."),
    GAUGE("popinjay_verifications", verifications,
          "Passwords of accounts that are being judged, proofs of SCRAM that "
          "are being made, or wait for it."),
    GAUGE("popinjay_readahead_bytes", readahead_octets,
          "Size of the messages that are being read ahead."),
    PARTS("popinjay_client_tls_handshakes_total", "session", client_tls,
          "TLS handshakes with clients: new sessions, and resumed ones."),
    PARTS("popinjay_client_tls_versions_total", "version", client_versions,
          "The same handshakes by TLS version."),
    PARTS("popinjay_upstream_tls_handshakes_total", "session", upstream_tls,
          "TLS handshakes with the upstream: new sessions, and resumed ones."),
    COUNTER("popinjay_upstream_tls_proven_total", COUNTER_UPSTREAM_TLS_PROVEN,
            "Of the new ones those whose certificates had been verified within "
            "the hour, and were not again."),
    PARTS("popinjay_upstream_tls_versions_total", "version", upstream_versions,
          "The same handshakes by TLS version."),
    OF_EACH("popinjay_upstream_connections_total", "counter",
            counts[UPSTREAM_CONNECTS],
            "Connections to the upstream that came up."),
    OF_EACH("popinjay_upstream_reused_total", "counter",
            counts[UPSTREAM_REUSED],
            "Sessions that went on with a parked connection."),
    OTHER("popinjay_upstream_logins_total", "counter", series_logins,
          "Logins tried at the upstream, by what came of them."),
    OTHER("popinjay_upstream_login_failures_total", "counter",
          series_upstream_failures,
          "Those of them that failed, by the reason."),
    OF_EACH("popinjay_upstream_open_connections", "gauge", open,
            "Connections to the upstream now, parked ones too."),
    OF_EACH("popinjay_upstream_queue_length", "gauge", queue,
            "Logins that wait for a connection to the upstream."),
    GAUGE("popinjay_blocked_clients", blocked_clients,
          "Clients refused for a while after too many wrong passwords."),
    GAUGE("popinjay_blocked_logins", blocked_logins,
          "Users refused for a while, from one client or all, after too many "
          "wrong passwords."),
    GAUGE("popinjay_throttled_logins", throttled_logins,
          "Users not logged in for a while because the upstream asked for "
          "that."),
    OF_EACH("popinjay_parked_connections", "gauge", parked,
            "Connections to the upstream that rest until the next session."),
    OF_EACH("popinjay_upstream_failures_total", "counter",
            counts[UPSTREAM_FAILURES],
            "Connections to the upstream that failed or broke."),
    OTHER("popinjay_upstream_duration_seconds", "histogram", series_stages,
          "What is awaited of the upstream, by stage."),
    OTHER("popinjay_upstream_attempts_total", "counter", series_attempts,
          "Attempts to reach the upstream, probes too: reached once it has "
          "greeted."),
    OF_EACH("popinjay_upstream_last_success_timestamp_seconds", "gauge",
            health.success_unix_s,
            "When it was last reached, in Unix time; 0: never."),
    OF_EACH("popinjay_upstream_last_failure_timestamp_seconds", "gauge",
            health.failure_unix_s,
            "When it was last not reached, in Unix time; 0: never."),
    COUNTER("popinjay_upstream_rejects_total", COUNTER_UPSTREAM_REJECTS,
            "Commands that the upstream did not understand: defects of the "
            "proxy."),
    COUNTER("popinjay_size_mismatches_total", COUNTER_SIZE_MISMATCHES,
            "Messages whose size the upstream had misstated."),
    COUNTER("popinjay_sessions_below_tls_1_2_total", COUNTER_SESSIONS_OLD_TLS,
            "Sessions of clients that spoke TLS 1.0 or 1.1."),
    COUNTER("popinjay_sni_unmatched_total", COUNTER_SNI_UNMATCHED,
            "TLS clients that asked for a name that no certificate covers."),
    COUNTER("popinjay_clients_not_allowed_total", COUNTER_CLIENTS_NOT_ALLOWED,
            "Clients closed at once because of where they came from."),
    PARTS("popinjay_proxy_headers_total", "result", proxy_headers,
          "Connections of balancers, by what their PROXY header came to."),
    GAUGE("popinjay_proxy_headers_awaited", headers_awaited,
          "Connections of balancers that wait for their PROXY header."),
    OTHER("popinjay_limit_hits_total", "counter", series_limits,
          "What was refused, closed or not done because of a limit."),
    OTHER("popinjay_oauth_requests_total", "counter", series_token_requests,
          "Tokens of OAuth that were asked for, by what came of it."),
    OTHER("popinjay_oauth_accounts", "gauge", series_token_accounts,
          "Accounts by the state of their token; refused: somebody must agree "
          "anew."),
    OF_SOURCE("popinjay_oauth_token_age_seconds", oldest_s,
              "Since the oldest token in use was obtained; 0: none is."),
    OF_SOURCE("popinjay_oauth_token_expiry_seconds", next_expiry_s,
              "Until the first of the tokens in use ends; 0: none is."),
    OTHER("popinjay_certificate_expiry_timestamp_seconds", "gauge",
          series_certificates,
          "When a certificate that is shown to clients expires, in Unix "
          "time."),
    OTHER("popinjay_upstream_certificate_expiry_timestamp_seconds", "gauge",
          series_server_certificates,
          "When the certificate that a server of the upstream has shown "
          "expires, in Unix time."),
    OTHER("process_cpu_seconds_total", "counter", series_processor,
          "Processor time, user and system."),
    GAUGE("process_resident_memory_bytes", process.resident_octets,
          "Resident memory."),
    GAUGE("process_virtual_memory_bytes", process.virtual_octets,
          "Virtual memory."),
    GAUGE("process_open_fds", process.open_files, "Open file descriptors."),
    GAUGE("process_max_fds", process.max_files,
          "File descriptors that may be open."),
    GAUGE("process_threads", process.threads, "Threads."),
    GAUGE("process_start_time_seconds", started_seconds,
          "When the process started, in Unix time."),
};

/* One that has no samples, such as of tokens where none are used, is left out. */
static void write_family(struct buf *out, const struct family *family,
                         const struct status_figures *f)
{
    size_t before = buf_length(out);
    size_t begun;

    metrics_begin(out, family->name, family->type, family->help);
    begun = buf_length(out);
    family->write(out, family, f);
    if (buf_length(out) == begun)
        buf_truncate(out, before);
}

bool status_page_metrics(const struct status_figures *f, struct buf *out)
{
    for (size_t i = 0; i < ARRAY_LENGTH(families); i++)
        write_family(out, &families[i], f);
    return !buf_failed(out);
}
