#include "config_keys.h"

#include <string.h>

#include "base/limits.h"
#include "config.h"

#define SECOND 1000ULL
#define HOUR (3600 * SECOND)
/* Of mail on the server, as EXPIRE and newer_than count it. */
#define RETENTION_DAYS_MAX 9999
#define GB (1024ULL * 1024 * 1024)

#define IN_SERVER(field) offsetof(struct config, field)
#define IN_LISTEN(field) offsetof(struct config_listener, field)
#define IN_UPSTREAM(field) offsetof(struct config_upstream, field)
#define IN_OAUTH(field) offsetof(struct config_oauth, field)
#define IN_POLICY(field) offsetof(struct config_policy, field)

static const char *const section_names[CONFIG_SECTION_COUNT] = {
    [CONFIG_ACCOUNTS] = "accounts", [CONFIG_OAUTH] = "oauth",
    [CONFIG_SERVER] = "server",     [CONFIG_LISTEN] = "listen",
    [CONFIG_UPSTREAM] = "upstream", [CONFIG_AUTH_HTTP] = "auth_http",
    [CONFIG_STATUS] = "status",     [CONFIG_LIMITS] = "limits",
    [CONFIG_POLICY] = "policy",     [CONFIG_POLICY_OF_ALL] = "policy",
};

/* Each in the order of its enum. */
static const char *const containments[] = { "yes", "log", "no", NULL };
static const char *const log_levels[] = { "error", "warning", "info", "debug",
                                          NULL };
static const char *const log_formats[] = { "text", "json", NULL };
static const char *const log_places[] = { "stderr", "syslog", "journal", NULL };
static const char *const log_facilities[] = {
    "mail",   "daemon", "auth",   "authpriv", "user",   "local0", "local1",
    "local2", "local3", "local4", "local5",   "local6", "local7", NULL
};
static const char *const tls_modes[] = { "implicit", "starttls", "none", NULL };
static const char *const tls_versions[] = { "1.0", "1.1", "1.2", "1.3", NULL };
static const char *const proxy_protocols[] = { "no", "v1", "v2", "any", NULL };
static const char *const route_cases[] = { "keep", "lower", NULL };
static const char *const on_deletes[] = { "expunge", "trash", "seen", "keep",
                                          NULL };
static const char *const unique_id_formats[] = { "popinjay", "dovecot", "cyrus",
                                                 "courier",  "uw",      "uid",
                                                 "gmail",    NULL };
static const char *const removal_guards[] = { "guarded", "refuse", NULL };

static const char *const oauth_providers[] = { "generic", "gmail", "microsoft",
                                               NULL };
static const char *const oauth_client_proofs[] = { "form", "basic", NULL };
static const char *const oauth_grants[] = { "refresh_token",
                                            "client_credentials", "command",
                                            NULL };

_Static_assert(CONTAINMENT_KILL == 0 && CONTAINMENT_OFF == 2, "containments");
_Static_assert(LOG_LEVEL_ERROR == 0 && LOG_LEVEL_DEBUG == 3, "log_levels");
_Static_assert(LOG_FORMAT_TEXT == 0 && LOG_FORMAT_JSON == 1, "log_formats");
_Static_assert(LOG_TO_STDERR == 0 && LOG_TO_JOURNAL == 2, "log_places");
_Static_assert(ARRAY_LENGTH(log_facilities) == LOG_FACILITY_COUNT + 1,
               "log_facilities");
_Static_assert(TLS_MODE_IMPLICIT == 0 && TLS_MODE_NONE == 2, "tls_modes");
_Static_assert(TLS_VERSION_1_0 == 0 && TLS_VERSION_1_3 == 3, "tls_versions");
_Static_assert(PROXY_PROTOCOL_NO == 0 && PROXY_PROTOCOL_ANY == 3,
               "proxy_protocols");
_Static_assert(ROUTE_CASE_KEEP == 0 && ROUTE_CASE_LOWER == 1, "route_cases");
_Static_assert(ARRAY_LENGTH(unique_id_formats) == UNIQUE_ID_FORMAT_COUNT + 1,
               "unique_id_formats");
_Static_assert(REMOVAL_GUARDED == 0 && REMOVAL_REFUSE == 1, "removal_guards");
_Static_assert(ON_DELETE_EXPUNGE == 0 && ON_DELETE_KEEP == 3, "on_deletes");
_Static_assert(OAUTH_PROOF_FORM == 0 && OAUTH_PROOF_BASIC == 1,
               "oauth_client_proofs");
_Static_assert(OAUTH_GENERIC == 0 && OAUTH_MICROSOFT == 2, "oauth_providers");
_Static_assert(OAUTH_REFRESH_TOKEN == 0 && OAUTH_COMMAND == 2, "oauth_grants");

/* clang-format off: a table is read by its columns */
const struct config_key config_keys[] = {
    { CONFIG_SERVER, "workers", CONFIG_COUNT_OR_AUTO, IN_SERVER(workers),
      "auto", 1, 256, NULL },
    { CONFIG_SERVER, "user", CONFIG_TEXT, IN_SERVER(user), "", 0, 0, NULL },
    { CONFIG_SERVER, "seccomp", CONFIG_CHOICE, IN_SERVER(seccomp), "yes", 0, 0,
      containments },
    { CONFIG_SERVER, "log_level", CONFIG_CHOICE, IN_SERVER(log.level), "info",
      0, 0, log_levels },
    { CONFIG_SERVER, "log_format", CONFIG_CHOICE, IN_SERVER(log.format), "text",
      0, 0, log_formats },
    { CONFIG_SERVER, "log_to", CONFIG_CHOICE, IN_SERVER(log.to), "stderr", 0, 0,
      log_places },
    { CONFIG_SERVER, "log_facility", CONFIG_CHOICE, IN_SERVER(log.facility),
      "mail", 0, 0, log_facilities },
    { CONFIG_SERVER, "log_socket", CONFIG_TEXT, IN_SERVER(log.socket), "", 0, 0,
      NULL },
    { CONFIG_SERVER, "log_repeat_limit", CONFIG_NUMBER,
      IN_SERVER(log.repeat_limit), "10", 0, 1000000, NULL },
    { CONFIG_SERVER, "log_repeat_window", CONFIG_DURATION,
      IN_SERVER(log.repeat_window_ms), "60 s", SECOND, 24 * HOUR, NULL },
    { CONFIG_SERVER, "resolver", CONFIG_ADDRESS_TEXT, IN_SERVER(resolver), "",
      0, 0, NULL },
    { CONFIG_SERVER, "trace_user", CONFIG_TEXT, IN_SERVER(trace_user), "", 0, 0,
      NULL },
    { CONFIG_SERVER, "trace_client", CONFIG_NETWORKS, IN_SERVER(trace_client),
      "", 0, 0, NULL },
    { CONFIG_SERVER, "tls_ticket_key_file", CONFIG_FILE,
      IN_SERVER(tls_ticket_key_file), "", 0, 0, NULL },
    { CONFIG_SERVER, "certificate_check", CONFIG_DURATION,
      IN_SERVER(certificate_check_ms), "60 s", 0, 24 * HOUR, NULL },
    { CONFIG_SERVER, "state_directory", CONFIG_TEXT, IN_SERVER(state_directory),
      "/var/lib/popinjay", 0, 0, NULL },

    { CONFIG_LISTEN, "address", CONFIG_NUMERIC_ADDRESS, IN_LISTEN(address),
      NULL, 0, 0, NULL },
    { CONFIG_LISTEN, "tls", CONFIG_CHOICE, IN_LISTEN(tls), "implicit", 0, 0,
      tls_modes },
    { CONFIG_LISTEN, "certificate", CONFIG_FILES, IN_LISTEN(certificates), "",
      0, 0, NULL },
    { CONFIG_LISTEN, "private_key", CONFIG_FILES, IN_LISTEN(private_keys), "",
      0, 0, NULL },
    { CONFIG_LISTEN, "tls_min_version", CONFIG_CHOICE,
      IN_LISTEN(tls_min_version), "1.2", 0, 0, tls_versions },
    { CONFIG_LISTEN, "allow_from", CONFIG_NETWORKS, IN_LISTEN(allow_from), "",
      0, 0, NULL },
    { CONFIG_LISTEN, "allow_plaintext_login", CONFIG_BOOL,
      IN_LISTEN(allow_plaintext_login), "no", 0, 0, NULL },
    { CONFIG_LISTEN, "plaintext_from", CONFIG_NETWORKS,
      IN_LISTEN(plaintext_from), "", 0, 0, NULL },
    { CONFIG_LISTEN, "token_login", CONFIG_BOOL, IN_LISTEN(token_login), "no",
      0, 0, NULL },
    { CONFIG_LISTEN, "proxy_protocol", CONFIG_CHOICE, IN_LISTEN(proxy_protocol),
      "no", 0, 0, proxy_protocols },
    { CONFIG_LISTEN, "proxy_from", CONFIG_NETWORKS, IN_LISTEN(proxy_from), "",
      0, 0, NULL },
    { CONFIG_LISTEN, "max_sessions", CONFIG_NUMBER, IN_LISTEN(max_sessions),
      "0", 0, 1000000, NULL },

    { CONFIG_UPSTREAM, "address", CONFIG_ADDRESSES, IN_UPSTREAM(addresses),
      NULL, 0, 0, NULL },
    { CONFIG_UPSTREAM, "srv", CONFIG_HOST, IN_UPSTREAM(srv), "", 0, 0, NULL },
    { CONFIG_UPSTREAM, "srv_domains", CONFIG_WORDS, IN_UPSTREAM(srv_domains),
      "", 0, 0, NULL },
    { CONFIG_UPSTREAM, "tls", CONFIG_CHOICE, IN_UPSTREAM(tls), "implicit", 0, 0,
      tls_modes },
    { CONFIG_UPSTREAM, "ca_file", CONFIG_FILE, IN_UPSTREAM(ca_file), "", 0, 0,
      NULL },
    { CONFIG_UPSTREAM, "server_name", CONFIG_HOST, IN_UPSTREAM(server_name), "",
      0, 0, NULL },
    { CONFIG_UPSTREAM, "allow_insecure_upstream", CONFIG_BOOL,
      IN_UPSTREAM(allow_insecure_upstream), "no", 0, 0, NULL },
    { CONFIG_UPSTREAM, "alpn", CONFIG_BOOL, IN_UPSTREAM(alpn), "yes", 0, 0,
      NULL },
    { CONFIG_UPSTREAM, "max_connections", CONFIG_NUMBER,
      IN_UPSTREAM(max_connections), "0", 0, 1000000, NULL },
    { CONFIG_UPSTREAM, "logins_per_second", CONFIG_NUMBER,
      IN_UPSTREAM(logins_per_second), "0", 0, 100000, NULL },
    { CONFIG_UPSTREAM, "login_burst", CONFIG_NUMBER, IN_UPSTREAM(login_burst),
      "10", 1, 100000, NULL },
    { CONFIG_UPSTREAM, "queue_length", CONFIG_NUMBER, IN_UPSTREAM(queue_length),
      "1000", 0, 1000000, NULL },
    { CONFIG_UPSTREAM, "queue_timeout", CONFIG_DURATION,
      IN_UPSTREAM(queue_timeout_ms), "5 s", 0, 60 * SECOND, NULL },
    { CONFIG_UPSTREAM, "pass_identity", CONFIG_BOOL, IN_UPSTREAM(pass_identity),
      "no", 0, 0, NULL },
    { CONFIG_UPSTREAM, "forward_client_address", CONFIG_BOOL,
      IN_UPSTREAM(forward_client_address), "no", 0, 0, NULL },
    { CONFIG_UPSTREAM, "sasl_mechanisms", CONFIG_MECHANISMS,
      IN_UPSTREAM(mechanisms), "", 0, 0, NULL },
    { CONFIG_UPSTREAM, "domains", CONFIG_WORDS, IN_UPSTREAM(domains), "", 0, 0,
      NULL },
    { CONFIG_UPSTREAM, "listeners", CONFIG_WORDS, IN_UPSTREAM(listeners), "", 0,
      0, NULL },
    { CONFIG_UPSTREAM, "user_template", CONFIG_TEXT, IN_UPSTREAM(user_template),
      "%u", 0, 0, NULL },
    { CONFIG_UPSTREAM, "user_case", CONFIG_CHOICE, IN_UPSTREAM(user_case),
      "keep", 0, 0, route_cases },
    { CONFIG_UPSTREAM, "policy", CONFIG_TEXT, IN_UPSTREAM(policy_name), "", 0,
      0, NULL },

    { CONFIG_OAUTH, "provider", CONFIG_CHOICE, IN_OAUTH(provider), NULL, 0, 0,
      oauth_providers },
    { CONFIG_OAUTH, "grant", CONFIG_CHOICE, IN_OAUTH(grant), "refresh_token", 0,
      0, oauth_grants },
    { CONFIG_OAUTH, "client_id", CONFIG_TEXT, IN_OAUTH(client_id), NULL, 0, 0,
      NULL },
    { CONFIG_OAUTH, "client_secret_file", CONFIG_FILE,
      IN_OAUTH(client_secret_file), "", 0, 0, NULL },
    { CONFIG_OAUTH, "client_authentication", CONFIG_CHOICE,
      IN_OAUTH(client_authentication), "form", 0, 0, oauth_client_proofs },
    { CONFIG_OAUTH, "tenant", CONFIG_TEXT, IN_OAUTH(tenant), "organizations", 0,
      0, NULL },
    { CONFIG_OAUTH, "scope", CONFIG_TEXT, IN_OAUTH(scope), "", 0, 0, NULL },
    { CONFIG_OAUTH, "issuer", CONFIG_TEXT, IN_OAUTH(issuer), "", 0, 0, NULL },
    { CONFIG_OAUTH, "authorization_endpoint", CONFIG_TEXT,
      IN_OAUTH(authorization_endpoint), "", 0, 0, NULL },
    { CONFIG_OAUTH, "token_endpoint", CONFIG_TEXT, IN_OAUTH(token_endpoint), "",
      0, 0, NULL },
    { CONFIG_OAUTH, "device_endpoint", CONFIG_TEXT, IN_OAUTH(device_endpoint),
      "", 0, 0, NULL },
    { CONFIG_OAUTH, "ca_file", CONFIG_FILE, IN_OAUTH(ca_file), "", 0, 0, NULL },
    { CONFIG_OAUTH, "command", CONFIG_TEXT, IN_OAUTH(command), "", 0, 0, NULL },
    { CONFIG_OAUTH, "request_timeout", CONFIG_DURATION,
      IN_OAUTH(request_timeout_ms), "10 s", SECOND, 60 * SECOND, NULL },

    { CONFIG_AUTH_HTTP, "url", CONFIG_TEXT, IN_SERVER(auth_http.url), "", 0, 0,
      NULL },
    { CONFIG_AUTH_HTTP, "timeout", CONFIG_DURATION,
      IN_SERVER(auth_http.timeout_ms), "10 s", SECOND, 60 * SECOND, NULL },
    { CONFIG_AUTH_HTTP, "header_file", CONFIG_FILE,
      IN_SERVER(auth_http.header_file), "", 0, 0, NULL },
    { CONFIG_AUTH_HTTP, "ca_file", CONFIG_FILE, IN_SERVER(auth_http.ca_file),
      "", 0, 0, NULL },
    { CONFIG_AUTH_HTTP, "allow_insecure", CONFIG_BOOL,
      IN_SERVER(auth_http.allow_insecure), "no", 0, 0, NULL },
    { CONFIG_AUTH_HTTP, "unlisted_as", CONFIG_TEXT,
      IN_SERVER(auth_http.unlisted_name), "", 0, 0, NULL },
    { CONFIG_AUTH_HTTP, "apop", CONFIG_BOOL, IN_SERVER(auth_http.apop), "no", 0,
      0, NULL },
    { CONFIG_AUTH_HTTP, "cram_md5", CONFIG_BOOL, IN_SERVER(auth_http.cram_md5),
      "no", 0, 0, NULL },

    { CONFIG_ACCOUNTS, "file", CONFIG_TEXT, IN_SERVER(accounts_file), "", 0, 0,
      NULL },
    { CONFIG_ACCOUNTS, "key_file", CONFIG_FILE, IN_SERVER(accounts_key_file),
      "", 0, 0, NULL },
    { CONFIG_ACCOUNTS, "only", CONFIG_BOOL, IN_SERVER(accounts_only), "no", 0,
      0, NULL },

    { CONFIG_STATUS, "address", CONFIG_NUMERIC_ADDRESS, IN_SERVER(status), NULL,
      0, 0, NULL },
    { CONFIG_STATUS, "probe_interval", CONFIG_DURATION,
      IN_SERVER(probe_interval_ms), "5 s", 0, HOUR, NULL },
    { CONFIG_STATUS, "sessions_from", CONFIG_NETWORKS,
      IN_SERVER(status_sessions_from), "", 0, 0, NULL },

    { CONFIG_LIMITS, "max_sessions", CONFIG_NUMBER, IN_SERVER(max_sessions),
      "10000", 1, 1000000, NULL },
    { CONFIG_LIMITS, "max_sessions_per_client", CONFIG_NUMBER,
      IN_SERVER(max_sessions_per_client), "0", 0, 1000000, NULL },
    { CONFIG_LIMITS, "max_unauthenticated", CONFIG_NUMBER,
      IN_SERVER(max_unauthenticated), "2000", 1, 1000000, NULL },
    { CONFIG_LIMITS, "client_prefix_v4", CONFIG_NUMBER,
      IN_SERVER(client_prefix_v4), "32", 8, 32, NULL },
    { CONFIG_LIMITS, "client_prefix_v6", CONFIG_NUMBER,
      IN_SERVER(client_prefix_v6), "64", 16, 128, NULL },
    { CONFIG_LIMITS, "exempt_networks", CONFIG_NETWORKS,
      IN_SERVER(exempt_networks), "", 0, 0, NULL },
    { CONFIG_LIMITS, "login_failures", CONFIG_NUMBER, IN_SERVER(login_failures),
      "20", 0, 1000000, NULL },
    { CONFIG_LIMITS, "login_failures_per_client", CONFIG_NUMBER,
      IN_SERVER(login_failures_per_client), "200", 0, 1000000, NULL },
    { CONFIG_LIMITS, "login_failure_window", CONFIG_DURATION,
      IN_SERVER(login_failure_window_ms), "10 min", SECOND, 24 * HOUR, NULL },
    { CONFIG_LIMITS, "login_block", CONFIG_DURATION, IN_SERVER(login_block_ms),
      "10 min", SECOND, 24 * HOUR, NULL },
    { CONFIG_LIMITS, "block_user_everywhere", CONFIG_BOOL,
      IN_SERVER(block_user_everywhere), "no", 0, 0, NULL },
    { CONFIG_LIMITS, "throttle_backoff", CONFIG_DURATION,
      IN_SERVER(throttle_backoff_ms), "60 s", 0, HOUR, NULL },
    { CONFIG_LIMITS, "login_timeout", CONFIG_DURATION,
      IN_SERVER(login_timeout_ms), "180 s", SECOND, HOUR, NULL },
    /* 600 s at least: RFC 1939 §3, CONFORMANCE POP-24 */
    { CONFIG_LIMITS, "session_timeout", CONFIG_DURATION,
      IN_SERVER(session_timeout_ms), "600 s", 600 * SECOND, 24 * HOUR, NULL },
    { CONFIG_LIMITS, "upstream_timeout", CONFIG_DURATION,
      IN_SERVER(upstream_timeout_ms), "60 s", SECOND, HOUR, NULL },
    { CONFIG_LIMITS, "auth_failure_delay", CONFIG_DURATION,
      IN_SERVER(auth_failure_delay_ms), "1 s", 0, 60 * SECOND, NULL },
    { CONFIG_LIMITS, "snapshot_cache", CONFIG_SIZE,
      IN_SERVER(snapshot_cache_octets), "64 MB", 0, 1024 * GB, NULL },
    { CONFIG_LIMITS, "readahead", CONFIG_SIZE, IN_SERVER(readahead_octets),
      "1 MB", 0, READAHEAD_OCTETS_MAX, NULL },
    { CONFIG_LIMITS, "readahead_total", CONFIG_SIZE,
      IN_SERVER(readahead_total_octets), "256 MB", 0, 1024 * GB, NULL },
    { CONFIG_LIMITS, "upstream_reuse", CONFIG_DURATION,
      IN_SERVER(upstream_reuse_ms), "90 s", 0, HOUR / 2, NULL },
    { CONFIG_LIMITS, "upstream_login_age", CONFIG_DURATION,
      IN_SERVER(upstream_login_age_ms), "15 min", SECOND, 24 * HOUR, NULL },
    { CONFIG_LIMITS, "parked_connections", CONFIG_NUMBER,
      IN_SERVER(parked_connections), "1000", 1, 10000, NULL },
    { CONFIG_LIMITS, "drain_delay", CONFIG_DURATION, IN_SERVER(drain_delay_ms),
      "0 s", 0, HOUR, NULL },
    { CONFIG_LIMITS, "drain_timeout", CONFIG_DURATION,
      IN_SERVER(drain_timeout_ms), "30 s", 0, HOUR, NULL },

    { CONFIG_POLICY, "mark_seen", CONFIG_BOOL, IN_POLICY(mark_seen), "yes", 0,
      0, NULL },
    { CONFIG_POLICY, "hide_deleted", CONFIG_BOOL, IN_POLICY(hide_deleted),
      "yes", 0, 0, NULL },
    { CONFIG_POLICY, "without_uidplus", CONFIG_CHOICE,
      IN_POLICY(without_uidplus), "guarded", 0, 0, removal_guards },
    { CONFIG_POLICY, "mailboxes", CONFIG_MAILBOXES, IN_POLICY(mailboxes), "", 0,
      0, NULL },
    { CONFIG_POLICY, "plus_folder", CONFIG_BOOL, IN_POLICY(plus_folder), "no",
      0, 0, NULL },
    { CONFIG_POLICY, "folders_allowed", CONFIG_TEXT, IN_POLICY(folders_allowed),
      "", 0, 0, NULL },
    { CONFIG_POLICY, "unique_ids", CONFIG_CHOICE, IN_POLICY(unique_ids),
      "popinjay", 0, 0, unique_id_formats },
    { CONFIG_POLICY, "unique_id_map", CONFIG_FILE, IN_POLICY(unique_id_map), "",
      0, 0, NULL },
    { CONFIG_POLICY, "on_delete", CONFIG_CHOICE, IN_POLICY(on_delete),
      "expunge", 0, 0, on_deletes },
    { CONFIG_POLICY, "trash_mailbox", CONFIG_MAILBOX, IN_POLICY(trash_mailbox),
      "", 0, 0, NULL },
    { CONFIG_POLICY, "keep_keyword", CONFIG_KEYWORD_PATTERN,
      IN_POLICY(keep_keyword), "$PopinjayKept-%u", 0, 0, NULL },
    { CONFIG_POLICY, "login_delay", CONFIG_DURATION, IN_POLICY(login_delay_ms),
      "0 s", 0, HOUR, NULL },
    { CONFIG_POLICY, "expire", CONFIG_RETENTION, IN_POLICY(expire), "", 0,
      RETENTION_DAYS_MAX, NULL },
    { CONFIG_POLICY, "newest", CONFIG_NUMBER, IN_POLICY(newest), "0", 0,
      MAILDROP_MESSAGES_MAX, NULL },
    { CONFIG_POLICY, "list_whole", CONFIG_NUMBER, IN_POLICY(list_whole_max),
      "10000", 0, MAILDROP_MESSAGES_MAX, NULL },
    { CONFIG_POLICY, "newer_than", CONFIG_NUMBER, IN_POLICY(newer_than_days),
      "0", 0, RETENTION_DAYS_MAX, NULL },
    { CONFIG_POLICY, "max_message_size", CONFIG_SIZE,
      IN_POLICY(max_message_octets), "0", 0, 1024 * GB, NULL },
    { CONFIG_POLICY, "unread_only", CONFIG_BOOL, IN_POLICY(unread_only), "no",
      0, 0, NULL },
    { CONFIG_POLICY, "only_keyword", CONFIG_KEYWORD, IN_POLICY(only_keyword),
      "", 0, 0, NULL },
    { CONFIG_POLICY_OF_ALL, "send_id", CONFIG_BOOL, IN_SERVER(send_id), "yes",
      0, 0, NULL },
    { CONFIG_POLICY_OF_ALL, "show_implementation", CONFIG_BOOL,
      IN_SERVER(show_implementation), "yes", 0, 0, NULL },
};
/* clang-format on */

const size_t config_key_count = ARRAY_LENGTH(config_keys);

_Static_assert(ARRAY_LENGTH(config_keys) <= CONFIG_KEYS_MAX, "config_keys.h");

const struct config_key *config_key_find(enum config_section section,
                                         const char *name)
{
    for (size_t i = 0; i < config_key_count; i++)
        if (config_keys[i].section == section &&
            strcmp(config_keys[i].name, name) == 0)
            return &config_keys[i];
    return NULL;
}

bool config_key_is_list(const struct config_key *key)
{
    return key->kind == CONFIG_FILES || key->kind == CONFIG_WORDS ||
           key->kind == CONFIG_ADDRESSES || key->kind == CONFIG_NETWORKS;
}

const char *config_section_name(enum config_section section)
{
    return section_names[section];
}

bool config_section_find(const char *name, size_t length,
                         enum config_section *section)
{
    for (size_t i = 0; i < CONFIG_SECTION_COUNT; i++) {
        if (strlen(section_names[i]) == length &&
            memcmp(section_names[i], name, length) == 0) {
            *section = (enum config_section)i;
            return true;
        }
    }
    return false;
}
