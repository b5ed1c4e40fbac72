/* The figures as a page for a person on call: what is wrong first, then how it
 * goes, then the details. No scripts, nothing loaded from elsewhere, renewed by
 * the browser every few seconds.
 */
#include "server/html_writer.h"
#include "server/limit.h"
#include "server/status_page.h"
#include "server/status_parts.h"
#include "session/bridge.h"

static const char *const two_spans[] = { "last hour", "since start", NULL };

/* --- the head --- */

static void write_uptime(struct buf *out, uint64_t seconds)
{
    html_number(out, seconds / 86400);
    html_text(out, " d ");
    html_number(out, seconds / 3600 % 24);
    html_text(out, " h ");
    html_number(out, seconds / 60 % 60);
    html_text(out, " min");
}

static const char *state_class(enum status_state state)
{
    switch (state) {
    case STATUS_SERVING:
        return "good";
    case STATUS_UPSTREAM_FAILING:
        return "bad";
    case STATUS_STARTING:
    case STATUS_DRAINING:
    case STATUS_STATE_COUNT:
        break;
    }
    return "warn";
}

static void write_head(struct buf *out, const struct status_figures *f)
{
    const char *state = status_state_name(f->state);

    html_text(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
                   "<meta charset=\"utf-8\">\n"
                   "<meta name=\"viewport\" content=\"width=device-width\">\n"
                   "<meta http-equiv=\"refresh\" content=\"10\">\n"
                   "<title>popinjay: ");
    html_text(out, state);
    html_text(out, "</title>\n<style>");
    html_text(out, status_page_style);
    html_text(out, "</style>\n</head>\n<body>\n<header>\n<h1>popinjay</h1>\n"
                   "<strong class=\"state ");
    html_text(out, state_class(f->state));
    html_text(out, "\">");
    html_text(out, state);
    html_text(out, "</strong>\n<p>before ");
    if (f->upstream_count == 1) {
        html_escaped(out, f->upstreams[0].address);
    } else {
        html_number(out, f->upstream_count);
        html_text(out, " upstreams");
    }
    html_text(out, ", up for ");
    write_uptime(out, f->uptime_seconds);
    html_text(out, ", version ");
    html_escaped(out, f->version);
    html_text(out, "</p>\n</header>\n<main>\n");
}

/* --- at a glance --- */

static void begin_tile(struct buf *out, const char *name)
{
    html_text(out, "<div><dt>");
    html_text(out, name);
    html_text(out, "</dt><dd>");
}

static void end_tile(struct buf *out)
{
    html_text(out, "</dd></div>\n");
}

static void write_tiles(struct buf *out, const struct status_figures *f,
                        const struct history_minute *hour)
{
    const struct histogram_total *login =
        &f->totals.stage[COUNTER_STAGE_CLIENT_LOGIN];

    html_text(out, "<dl class=\"tiles\">\n");
    begin_tile(out, "sessions now");
    html_number(out, f->sessions);
    html_text(out, " <small>of ");
    html_number(out, f->max_sessions);
    html_text(out, "</small>");
    end_tile(out);
    begin_tile(out, "logins in the last hour");
    html_number(out, hour->value[COUNTER_LOGINS_OK]);
    end_tile(out);
    begin_tile(out, "logins failed in the last hour");
    html_number(out, hour->value[COUNTER_LOGINS_FAILED]);
    end_tile(out);
    begin_tile(out, "messages in the last hour");
    html_number(out, hour->value[COUNTER_MESSAGES_RETRIEVED]);
    end_tile(out);
    begin_tile(out, "login time, 95 of 100 below");
    if (histogram_count(login) > 0)
        html_latency(out, histogram_percentile_ms(login, 95));
    else
        html_text(out, "-");
    end_tile(out);
    html_text(out, "</dl>\n");
}

/* --- details --- */

/* Only what has happened; all the reasons would fill the screen with zeros. */
static void write_failures(struct buf *out, const struct status_figures *f,
                           const struct history_minute *hour)
{
    bool any = false;

    html_begin_table(out, "failures", "Logins that failed", "reason",
                     two_spans);
    for (unsigned i = FAULT_NONE + 1; i < FAULT_COUNT; i++) {
        if (f->totals.login_failures[i] == 0)
            continue;
        any = true;
        html_row_of_two(out, fault_name((enum fault)i), hour->login_failures[i],
                        f->totals.login_failures[i]);
    }
    if (!any)
        html_row_of_two(out, "none", 0, 0);
    html_end_table(out);
}

static void write_tokens(struct buf *out, const struct token_desk *desk)
{
    static const char *const columns[] = { "good", "failing", "refused", NULL };

    if (token_desk_sources(desk) == 0)
        return;
    html_begin_table(out, "tokens", "Accounts by their tokens", "oauth",
                     columns);
    for (size_t i = 0; i < token_desk_sources(desk); i++) {
        const struct token_source_figures t = token_desk_figures(desk, i);
        const unsigned cells[] = { t.good, t.failing, t.refused };

        html_begin_row(out, t.source);
        for (size_t n = 0; n < ARRAY_LENGTH(cells); n++) {
            html_text(out, "<td>");
            html_number(out, cells[n]);
            html_text(out, "</td>");
        }
        html_text(out, "</tr>\n");
    }
    html_end_table(out);
}

/* Where there are any. */
static void write_accounts(struct buf *out, const struct status_figures *f)
{
    const uint64_t *v = f->totals.value;

    if (f->accounts == 0)
        return;
    html_begin_table(out, "accounts", "Device accounts", NULL, NULL);
    html_row(out, "accounts", f->accounts);
    html_row(out, "passwords being judged", f->verifications);
    html_row(out, "logins by password", v[COUNTER_LOGINS_BY_PASSWORD]);
    html_row(out, "by APOP", v[COUNTER_LOGINS_BY_APOP]);
    html_row(out, "by CRAM-MD5", v[COUNTER_LOGINS_BY_CRAM_MD5]);
    html_row(out, "by SCRAM-SHA-256", v[COUNTER_LOGINS_BY_SCRAM]);
    html_end_table(out);
}

static bool write_limit(struct buf *out, const char *name, enum counter counter,
                        const struct status_figures *f,
                        const struct history_minute *hour)
{
    if (f->totals.value[counter] == 0)
        return false;
    html_row_of_two(out, name, hour->value[counter], f->totals.value[counter]);
    return true;
}

static void write_limits(struct buf *out, const struct status_figures *f,
                         const struct history_minute *hour)
{
    bool any = false;

    html_begin_table(out, "limits", "Limits that were hit", "limit", two_spans);
    for (unsigned i = 0; i < LIMIT_COUNT; i++)
        any |= write_limit(out, limit_name((enum limit)i),
                           limit_counter((enum limit)i), f, hour);
    any |= write_limit(out, "allow_from", COUNTER_CLIENTS_NOT_ALLOWED, f, hour);
    if (!any)
        html_row_of_two(out, "none", 0, 0);
    html_end_table(out);
}

static void write_listeners(struct buf *out, const struct status_figures *f)
{
    static const char *const columns[] = { "sessions now", "in all", NULL };

    html_begin_table(out, "listeners", "Listeners", "listener", columns);
    for (unsigned i = 0; i < COUNTERS_LISTENERS; i++) {
        const char *name = listener_names_find(f->listener_names, i);
        uint64_t active = 0;

        for (unsigned n = 0; n < BRIDGE_PHASE_COUNT; n++)
            active += f->totals.sessions_in_phase[i][n];
        if (name != NULL)
            html_row_of_two(out, name, active, f->totals.sessions[i]);
    }
    html_end_table(out);
}

static void write_states(struct buf *out, const struct counters_total *t)
{
    html_begin_table(out, "states", "Sessions by state", NULL, NULL);
    for (unsigned i = 0; i < BRIDGE_PHASE_COUNT; i++)
        html_row(out, bridge_phase_name((enum bridge_phase)i),
                 counters_in_phase(t, i));
    html_end_table(out);
}

static void write_work(struct buf *out, const struct status_figures *f)
{
    const uint64_t *v = f->totals.value;

    html_begin_table(out, "work", "Since the start", NULL, NULL);
    html_row(out, "sessions", v[COUNTER_SESSIONS]);
    html_row(out, "logins", v[COUNTER_LOGINS_OK]);
    html_row(out, "messages retrieved", v[COUNTER_MESSAGES_RETRIEVED]);
    html_begin_row(out, "their size");
    html_text(out, "<td>");
    html_octets(out, v[COUNTER_OCTETS_RETRIEVED]);
    html_text(out, "</td></tr>\n");
    html_row(out, "messages deleted", v[COUNTER_MESSAGES_DELETED]);
    html_row(out, "listings known already", v[COUNTER_LISTINGS_FRESH]);
    html_row(out, "listings in full", v[COUNTER_LISTINGS_FULL]);
    html_row(out, "listings of a window alone", v[COUNTER_LISTINGS_WINDOW]);
    html_row(out, "commands that an upstream did not understand",
             f->totals.value[COUNTER_UPSTREAM_REJECTS]);
    html_row(out, "sizes misstated by the upstream",
             v[COUNTER_SIZE_MISMATCHES]);
    html_row(out, "TLS handshakes with clients", v[COUNTER_CLIENT_TLS_NEW]);
    html_row(out, "resumed ones", v[COUNTER_CLIENT_TLS_RESUMED]);
    html_row(out, "below TLS 1.2", v[COUNTER_SESSIONS_OLD_TLS]);
    html_begin_row(out, "memory");
    html_text(out, "<td>");
    html_octets(out, f->process.resident_octets);
    html_text(out, "</td></tr>\n");
    html_end_table(out);
}

static void write_ends(struct buf *out, const struct counters_total *t)
{
    html_begin_table(out, "ends", "How sessions ended", NULL, NULL);
    for (unsigned i = 0; i < FAULT_COUNT; i++)
        if (t->session_ends[i] > 0 || i == FAULT_NONE)
            html_row(out, fault_name((enum fault)i), t->session_ends[i]);
    html_end_table(out);
}

bool status_page_html(const struct status_figures *f, struct buf *out)
{
    const struct history_minute hour = history_hour(f->history);

    write_head(out, f);
    if (!status_write_notices(out, f, &hour))
        return false;
    write_tiles(out, f, &hour);
    status_write_picture(out, f, &hour);
    write_failures(out, f, &hour);
    status_write_upstreams(out, f);
    write_tokens(out, f->tokens);
    write_accounts(out, f);
    status_write_certificates(out, f);
    write_limits(out, f, &hour);
    write_listeners(out, f);
    write_states(out, &f->totals);
    status_write_stages(out, f);
    write_ends(out, &f->totals);
    write_work(out, f);
    status_write_each_upstream(out, f);
    html_text(out, "</main>\n<footer><p>Renewed every 10 s. The same as "
                   "<a href=\"/status\">JSON</a> and for <a href=\"/metrics\">"
                   "Prometheus</a>.</p></footer>\n</body>\n</html>\n");
    return !buf_failed(out);
}
