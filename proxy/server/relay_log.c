/* The lines of log that tell of a session. */
#include <stdio.h>
#include <string.h>

#include "server/relay_parts.h"

#define NUMBER_TEXT_MAX 17 /* 16 hexadecimal digits and a NUL */

void relay_log_begin(const struct relay *r, struct log_record *record,
                     enum log_level level, const char *event)
{
    char number[NUMBER_TEXT_MAX];

    snprintf(number, sizeof(number), "%llx", (unsigned long long)r->number);
    log_begin(record, level, event);
    log_record_add_string(record, "session", number);
    log_record_add_string(record, "listener", r->listener->config->name);
    log_record_add_string(record, "client", r->client_leg.address.host);
    log_record_add_number(record, "port", r->client_leg.address.port);
    if (r->via.host[0] != '\0')
        log_record_add_string(record, "via", r->via.host);
}

static void add_tls(struct log_record *record, const struct relay_leg *leg,
                    const char *version_key, const char *cipher_key)
{
    if (leg->tls_version == NULL) {
        log_record_add_string(record, version_key, "none");
        return;
    }
    log_record_add_string(record, version_key, leg->tls_version);
    log_record_add_string(record, cipher_key, leg->tls_cipher);
}

static void add_upstream(const struct relay *r, struct log_record *record)
{
    if (r->to != NULL)
        log_record_add_string(record, "upstream", r->to->config->name);
}

/* CONFORMANCE TLS-9: version and suite of both legs. */
static void add_legs(const struct relay *r, struct log_record *record)
{
    const struct relay_leg *upstream = &r->upstream_leg;

    add_tls(record, &r->client_leg, "tls", "cipher");
    add_upstream(r, record);
    if (upstream->address.host[0] == '\0')
        return; /* there was none */
    log_record_add_string(record, "upstream_address", upstream->address.host);
    log_record_add_number(record, "upstream_port", upstream->address.port);
    add_tls(record, upstream, "upstream_tls", "upstream_cipher");
}

void relay_note_tls(struct relay_leg *leg, const struct connection *c)
{
    const struct tls *tls = connection_tls(c);

    leg->tls_version = tls != NULL ? tls_version_name(tls) : NULL;
    leg->tls_cipher = tls != NULL ? tls_cipher_name(tls) : NULL;
}

static enum log_level level_of(enum fault fault)
{
    if (fault_is_alarm(fault))
        return LOG_LEVEL_ERROR;
    switch (fault_class(fault)) {
    case FAULT_CLASS_UPSTREAM:
    case FAULT_CLASS_RESOURCES:
        return LOG_LEVEL_WARNING;
    case FAULT_CLASS_NONE:
    case FAULT_CLASS_CLIENT:
    case FAULT_CLASS_REFUSED:
    case FAULT_CLASS_TIMEOUT:
    case FAULT_CLASS_COUNT:
        break;
    }
    return LOG_LEVEL_INFO;
}

static bool is_upstreams_doing(enum fault fault)
{
    switch (fault_class(fault)) {
    case FAULT_CLASS_UPSTREAM:
    case FAULT_CLASS_RESOURCES:
        return true;
    case FAULT_CLASS_TIMEOUT:
        return fault == FAULT_UPSTREAM_SILENT;
    case FAULT_CLASS_NONE:
    case FAULT_CLASS_CLIENT:
    case FAULT_CLASS_REFUSED:
    case FAULT_CLASS_COUNT:
        break;
    }
    return false;
}

/* What many sessions may have to tell at the same time. Those that have the
 * same server to blame, or the same client, are counted together.
 */
static void write_failure(const struct relay *r, struct log_record *record,
                          enum fault fault)
{
    char client[ADDRESS_GROUP_MAX];

    if (is_upstreams_doing(fault) && r->to != NULL) {
        log_write_failure(record, fault_name(fault), "upstream",
                          r->to->config->name);
        return;
    }
    if (fault == FAULT_SHED) { /* a flood comes from anywhere */
        log_write_failure(record, fault_name(fault), "listener",
                          r->listener->config->name);
        return;
    }
    address_group(r->client_leg.address.host, client);
    log_write_failure(record, fault_name(fault), "client", client);
}

/* --- what the bridge notes --- */

static void remember_user(struct relay *r, struct span user)
{
    if (user.len > RELAY_USER_MAX)
        user.len = RELAY_USER_MAX;
    buf_clear(&r->user);
    buf_append(&r->user, user);
}

/* Where several, or one that is not INBOX, are the maildrop. */
static void add_mailbox(const struct relay *r, struct log_record *record,
                        enum fault fault)
{
    struct span mailbox = span_make(NULL, 0);

    if (r->bridge != NULL) /* or the client's handshake did not get there */
        mailbox = bridge_troubled_mailbox(r->bridge);
    if (mailbox.len > 0 && fault_class(fault) != FAULT_CLASS_NONE &&
        fault_class(fault) != FAULT_CLASS_CLIENT)
        log_record_add_text(record, "mailbox", mailbox);
}

static void add_login(struct log_record *record,
                      const struct bridge_report *report)
{
    log_record_add_string(record, "reused",
                          report->upstream_reused > 0 ? "yes" : "no");
    if (report->mechanism != NULL)
        log_record_add_string(record, "mechanism", report->mechanism);
    log_record_add_number(record, "messages", report->messages);
    if (report->messages_hidden > 0)
        log_record_add_number(record, "hidden", report->messages_hidden);
}

/* What nobody would guess: of servers that offer what they cannot do. */
static const char *scram_advice(const char *mechanism, enum fault fault)
{
    bool is_refused = fault == FAULT_CREDENTIALS ||
                      fault == FAULT_SECRET_REFUSED ||
                      fault == FAULT_UPSTREAM_NO_LOGIN;

    if (!is_refused || strncmp(mechanism, "SCRAM", 5) != 0)
        return NULL;
    if (fault == FAULT_UPSTREAM_NO_LOGIN)
        return "the server may know no binding by tls-exporter: "
               "sasl_mechanisms = SCRAM-SHA-256, PLAIN, LOGIN leaves it out";
    return "where the password is right, the server may not be able to judge "
           "SCRAM: sasl_mechanisms = PLAIN, LOGIN leaves it out";
}

static void add_mechanism(const struct relay *r, struct log_record *record,
                          enum fault fault)
{
    const char *mechanism = bridge_report(r->bridge)->mechanism;
    const char *advice;

    if (mechanism == NULL)
        return;
    log_record_add_string(record, "mechanism", mechanism);
    advice = scram_advice(mechanism, fault);
    if (advice != NULL)
        log_record_add_string(record, "text", advice);
}

static void log_login(struct relay *r, const char *event,
                      const struct bridge_wish *wish, enum log_level level)
{
    struct log_record record;

    if (!log_wants(level))
        return;
    relay_log_begin(r, &record, level, event);
    log_record_add_text(&record, "user", wish->user);
    if (r->account != NULL)
        log_record_add_string(&record, "account", r->account->name);
    add_legs(r, &record);
    if (wish->note == BRIDGE_NOTE_LOGGED_IN)
        add_login(&record, bridge_report(r->bridge));
    if (wish->note != BRIDGE_NOTE_LOGIN_REFUSED) {
        log_write(&record);
        return;
    }
    add_mechanism(r, &record, wish->fault);
    /* The last for faults of the client: fail2ban's filter knows it by that. */
    log_record_add_string(&record, "reason", fault_name(wish->fault));
    add_mailbox(r, &record, wish->fault);
    write_failure(r, &record, wish->fault);
}

void relay_log_login_problem(const struct relay *r, enum fault fault,
                             const char *upstream, const char *problem)
{
    enum log_level level = level_of(fault);
    struct log_record record;

    if (!log_wants(level))
        return;
    relay_log_begin(r, &record, level, "login_problem");
    log_record_add_text(&record, "user", buf_span(&r->user));
    if (upstream != NULL)
        log_record_add_string(&record, "upstream", upstream);
    log_record_add_string(&record, "reason", fault_name(fault));
    log_record_add_string(&record, "text", problem);
    write_failure(r, &record, fault);
}

static void log_trouble(struct relay *r, const char *event,
                        const struct bridge_wish *wish, enum log_level level)
{
    struct log_record record;

    if (!log_wants(level))
        return;
    relay_log_begin(r, &record, level, event);
    if (buf_length(&r->user) > 0)
        log_record_add_text(&record, "user", buf_span(&r->user));
    add_upstream(r, &record);
    if (wish->fault != FAULT_NONE)
        log_record_add_string(&record, "reason", fault_name(wish->fault));
    if (wish->text.len > 0)
        log_record_add_text(&record, "text", wish->text);
    if (wish->fault != FAULT_NONE)
        write_failure(r, &record, wish->fault);
    else
        log_write(&record);
}

void relay_log_note(struct relay *r, const struct bridge_wish *wish)
{
    switch (wish->note) {
    case BRIDGE_NOTE_LOGIN:
        r->account = NULL; /* of the login before */
        remember_user(r, wish->user);
        relay_trace_user(r, wish->user);
        log_login(r, "login", wish, LOG_LEVEL_DEBUG);
        break;
    case BRIDGE_NOTE_LOGGED_IN:
        relay_trace_logged_in(r);
        log_login(r, "logged_in", wish, LOG_LEVEL_INFO);
        break;
    case BRIDGE_NOTE_LOGIN_REFUSED:
        log_login(r, "login_refused", wish, level_of(wish->fault));
        break;
    case BRIDGE_NOTE_UPSTREAM_TEXT:
        /* Of a token that was refused it is not known yet whose it is: a new
         * one may be got, or it is the client's own.
         */
        log_trouble(r, "upstream_text", wish,
                    wish->fault == FAULT_TOKEN_REFUSED ? LOG_LEVEL_INFO
                                                       : level_of(wish->fault));
        break;
    case BRIDGE_NOTE_UPSTREAM_ID:
        log_trouble(r, "upstream_id", wish, LOG_LEVEL_DEBUG);
        break;
    case BRIDGE_NOTE_UPSTREAM_LOST:
        log_trouble(r, "upstream_lost", wish, LOG_LEVEL_WARNING);
        break;
    case BRIDGE_NOTE_NO_REMOVAL:
        log_trouble(r, "no_removal", wish, LOG_LEVEL_WARNING);
        break;
    case BRIDGE_NOTE_STALE_UNIQUE_IDS:
        log_trouble(r, "unique_id_map_stale", wish, LOG_LEVEL_WARNING);
        break;
    case BRIDGE_NOTE_NO_UNIQUE_IDS:
        log_trouble(r, "no_lasting_uidvalidity", wish, LOG_LEVEL_WARNING);
        break;
    case BRIDGE_NOTE_NOT_REUSED:
        log_trouble(r, "upstream_not_reused", wish, LOG_LEVEL_INFO);
        break;
    case BRIDGE_NOTE_SIZE_MISMATCH:
        log_trouble(r, "size_mismatch", wish, LOG_LEVEL_DEBUG);
        break;
    case BRIDGE_NOTE_COUNT:
        break;
    }
}

/* --- what the relay sees itself --- */

void relay_log_upstream_failure(struct relay *r, const char *failure,
                                bool untrusted)
{
    enum log_level level = untrusted ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING;
    struct log_record record;

    if (!log_wants(level))
        return;
    relay_log_begin(r, &record, level,
                    untrusted ? "upstream_untrusted" : "upstream_unreachable");
    log_record_add_string(&record, "upstream", r->to->config->name);
    log_record_add_string(&record, "upstream_address",
                          r->server != NULL ? r->server->text : r->to->address);
    log_record_add_string(&record, "text", failure);
    write_failure(r, &record,
                  untrusted ? FAULT_UPSTREAM_UNTRUSTED
                            : FAULT_UPSTREAM_UNREACHABLE);
}

/* Each kind is counted together where there are many. */
void relay_log_limit(struct relay_host *host, enum limit limit,
                     const char *listener, const struct address_text *client)
{
    struct log_record record;

    counters_add(&host->counters, limit_counter(limit), 1);
    if (!log_wants(LOG_LEVEL_WARNING))
        return;
    log_begin(&record, LOG_LEVEL_WARNING, "limit_reached");
    log_record_add_string(&record, "listener", listener);
    log_record_add_string(&record, "client", client->host);
    log_record_add_string(&record, "limit", limit_name(limit));
    log_write_failure(&record, limit_name(limit), "listener", listener);
}

void relay_reach_limit(struct relay *r, enum limit limit)
{
    relay_log_limit(r->host, limit, r->listener->config->name,
                    &r->client_leg.address);
}

void relay_log_blocked(struct relay *r, const char *event)
{
    struct log_record record;

    if (!log_wants(LOG_LEVEL_WARNING))
        return;
    relay_log_begin(r, &record, LOG_LEVEL_WARNING, event);
    log_record_add_text(&record, "user", buf_span(&r->user));
    log_record_add_number(&record, "duration_ms",
                          r->settings->config->login_block_ms);
    log_write(&record);
}

void relay_log_throttled(struct relay *r, uint64_t pause_ms)
{
    struct log_record record;

    if (!log_wants(LOG_LEVEL_WARNING))
        return;
    relay_log_begin(r, &record, LOG_LEVEL_WARNING, "upstream_throttled");
    log_record_add_text(&record, "user", buf_span(&r->user));
    add_upstream(r, &record);
    log_record_add_number(&record, "duration_ms", pause_ms);
    log_write(&record);
}

/* A check comes every few seconds, and leaves without a login. */
static enum log_level level_of_end(const struct relay *r, enum fault end)
{
    if (r->is_check && buf_length(&r->user) == 0)
        return LOG_LEVEL_DEBUG;
    return level_of(end);
}

/* Of the three no session has more than one. */
static void add_spared(struct log_record *record,
                       const struct bridge_report *report)
{
    if (report->messages_moved > 0)
        log_record_add_number(record, "moved", report->messages_moved);
    if (report->messages_flagged > 0)
        log_record_add_number(record, "flagged", report->messages_flagged);
    if (report->messages_kept > 0)
        log_record_add_number(record, "kept", report->messages_kept);
}

void relay_log_end(struct relay *r, enum fault end)
{
    enum log_level level = level_of_end(r, end);
    struct log_record record;

    if (!log_wants(level))
        return;
    relay_log_begin(r, &record, level, "end");
    if (buf_length(&r->user) > 0)
        log_record_add_text(&record, "user", buf_span(&r->user));
    add_legs(r, &record);
    log_record_add_number(&record, "octets", r->counted.octets_retrieved);
    log_record_add_number(&record, "retrieved", r->counted.messages_retrieved);
    log_record_add_number(&record, "deleted", r->counted.messages_deleted);
    add_spared(&record, &r->counted);
    log_record_add_number(&record, "duration_ms", relay_now(r) - r->began_ms);
    log_record_add_string(&record, "reason", fault_name(end));
    add_mailbox(r, &record, end);
    if (r->counted.logins_ok > 0)
        log_write(&record);
    else /* scanners, and whoever has the wrong password, come in crowds */
        write_failure(r, &record, end);
}
