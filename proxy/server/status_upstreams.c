/* The upstreams on the page for people. A single one is a table among the
 * others. Of several, one table has them all, a row each, which says at a glance
 * which is in trouble or slow; the rest of each stands at the end of the page.
 */
#include <stdio.h>

#include "server/html_writer.h"
#include "server/status_parts.h"

#define UPSTREAM_ID_MAX 32
#define UPSTREAM_TITLE_MAX 64

static const char *const stage_titles[COUNTER_STAGE_COUNT] = {
    [COUNTER_STAGE_CONNECT] = "connect",
    [COUNTER_STAGE_TLS] = "TLS handshake",
    [COUNTER_STAGE_GREETING] = "greeting",
    [COUNTER_STAGE_LOGIN] = "login",
    [COUNTER_STAGE_SELECT] = "select mailbox",
    [COUNTER_STAGE_LISTING] = "listing",
    [COUNTER_STAGE_FIRST_OCTET] = "message's first octet",
    [COUNTER_STAGE_REMOVAL] = "removal at QUIT",
    [COUNTER_STAGE_CLIENT_LOGIN] = "login, all of it",
    [COUNTER_STAGE_VERIFY] = "device's password judged",
    [COUNTER_STAGE_AUTH_HTTP] = "authentication service",
};

static bool are_several(const struct status_figures *f)
{
    return f->upstream_count > 1;
}

/* --- cells --- */

static void write_cell(struct buf *out, uint64_t value)
{
    html_text(out, "<td>");
    html_number(out, value);
    html_text(out, "</td>");
}

static void write_percentile(struct buf *out, const struct histogram_total *h,
                             unsigned percent)
{
    html_text(out, "<td>");
    if (histogram_count(h) > 0)
        html_latency(out, histogram_percentile_ms(h, percent));
    else
        html_text(out, "-");
    html_text(out, "</td>");
}

static void write_verdict(struct buf *out, enum upstream_verdict verdict)
{
    html_text(out, "<td><span class=\"");
    html_text(out, verdict == UPSTREAM_REACHED   ? "good"
                   : verdict == UPSTREAM_FAILING ? "bad"
                                                 : "warn");
    html_text(out, "\">");
    html_text(out, upstream_verdict_name(verdict));
    html_text(out, "</span></td>");
}

static void write_time_row(struct buf *out, const struct status_figures *f,
                           const char *name, uint64_t unix_s)
{
    html_begin_row(out, name);
    html_text(out, "<td>");
    if (unix_s == 0) {
        html_text(out, "never");
    } else {
        html_duration(out,
                      f->now_seconds > unix_s ? f->now_seconds - unix_s : 0);
        html_text(out, " ago");
    }
    html_text(out, "</td></tr>\n");
}

/* --- all that is known of one --- */

/* Of several, what becomes of each. */
static void write_servers(struct buf *out, const struct status_upstream *u)
{
    for (size_t i = 0; u->server_count > 1 && i < u->server_count; i++) {
        const struct upstream_server_view *server = &u->servers[i];

        html_begin_row(out, server->text);
        if (server->aside_ms == 0) {
            html_text(out, "<td><span class=\"good\">in use</span>");
        } else {
            html_text(out, "<td class=\"text\"><span class=\"bad\">"
                           "aside for ");
            html_latency(out, server->aside_ms);
            html_text(out, "</span> ");
            html_escaped(out, server->failure);
        }
        html_text(out, "</td></tr>\n");
    }
}

static void write_health(struct buf *out, const struct status_figures *f,
                         const struct upstream_health_view *h)
{
    html_begin_row(out, "health");
    write_verdict(out, h->verdict);
    html_text(out, "</tr>\n");
    write_time_row(out, f, "last reached", h->success_unix_s);
    write_time_row(out, f, "last failure", h->failure_unix_s);
    if (h->failure[0] != '\0') {
        html_begin_row(out, "which was");
        html_text(out, "<td class=\"text\">");
        html_escaped(out, h->failure);
        html_text(out, "</td></tr>\n");
    }
    html_begin_row(out, "attempts in 5 min that failed");
    html_text(out, "<td>");
    html_number(out, h->recent_failures);
    html_text(out, " of ");
    html_number(out, (uint64_t)h->recent_failures + h->recent_successes);
    html_text(out, "</td></tr>\n");
}

/* Only what has happened. */
static void write_failures(struct buf *out, const struct status_upstream *u)
{
    for (unsigned i = FAULT_NONE + 1; i < FAULT_COUNT; i++) {
        if (u->login_failures[i] == 0)
            continue;
        html_text(out, "<tr><th scope=\"row\" class=\"part\">");
        html_text(out, fault_name((enum fault)i));
        html_text(out, "</th>");
        write_cell(out, u->login_failures[i]);
        html_text(out, "</tr>\n");
    }
}

static void write_upstream(struct buf *out, const struct status_figures *f,
                           const struct status_upstream *u)
{
    if (u->server_count <= 1) {
        html_begin_row(out, "address");
        html_text(out, "<td class=\"text\">");
        html_escaped(out, u->address);
        html_text(out, "</td></tr>\n");
    }
    write_servers(out, u);
    write_health(out, f, &u->health);
    html_row(out, "logins", u->counts[UPSTREAM_LOGINS_OK]);
    html_row(out, "logins that failed", u->counts[UPSTREAM_LOGINS_FAILED]);
    write_failures(out, u);
    html_row(out, "connections now", u->open);
    html_row(out, "of them parked", u->parked);
    html_row(out, "logins that wait for one", u->queue);
    html_row(out, "parked ones used again", u->counts[UPSTREAM_REUSED]);
    html_row(out, "failed or broke", u->counts[UPSTREAM_FAILURES]);
}

/* --- all of them --- */

/* Where the link leads; names are letters, digits and dots. */
static void write_id(char id[UPSTREAM_ID_MAX], size_t number)
{
    (void)snprintf(id, UPSTREAM_ID_MAX, "upstream%zu", number + 1);
}

static void write_overview(struct buf *out, const struct status_figures *f)
{
    static const char *const columns[] = { "health", "logins", "failed",
                                           "95 of 100", NULL };
    char id[UPSTREAM_ID_MAX];

    html_begin_table(out, "upstreams", "Upstreams", "name", columns);
    for (size_t i = 0; i < f->upstream_count; i++) {
        const struct status_upstream *u = &f->upstreams[i];

        write_id(id, i);
        html_text(out, "<tr><th scope=\"row\"><a href=\"#");
        html_text(out, id);
        html_text(out, "\">");
        html_escaped(out, u->name);
        html_text(out, "</a></th>");
        write_verdict(out, u->health.verdict);
        write_cell(out, u->counts[UPSTREAM_LOGINS_OK]);
        write_cell(out, u->counts[UPSTREAM_LOGINS_FAILED]);
        write_percentile(out, &u->stage[COUNTER_STAGE_CLIENT_LOGIN], 95);
        html_text(out, "</tr>\n");
    }
    html_end_table(out);
}

void status_write_upstreams(struct buf *out, const struct status_figures *f)
{
    if (are_several(f)) {
        write_overview(out, f);
        return;
    }
    html_begin_table(out, "upstream", "Upstream", NULL, NULL);
    for (size_t i = 0; i < f->upstream_count; i++)
        write_upstream(out, f, &f->upstreams[i]);
    html_end_table(out);
}

/* Where the time goes, of each; as wide as the page. */
static void write_times(struct buf *out, const struct status_figures *f)
{
    const char *columns[COUNTER_UPSTREAM_STAGES + 1] = { NULL };

    for (unsigned i = 0; i < COUNTER_UPSTREAM_STAGES; i++)
        columns[i] = stage_titles[i];
    html_begin_table(out, "times", "How long each upstream takes, 95 of 100",
                     "upstream", columns);
    for (size_t i = 0; i < f->upstream_count; i++) {
        html_begin_row(out, f->upstreams[i].name);
        for (unsigned n = 0; n < COUNTER_UPSTREAM_STAGES; n++)
            write_percentile(out, &f->upstreams[i].stage[n], 95);
        html_text(out, "</tr>\n");
    }
    html_end_table(out);
}

void status_write_each_upstream(struct buf *out, const struct status_figures *f)
{
    char id[UPSTREAM_ID_MAX];
    char title[UPSTREAM_TITLE_MAX];

    if (!are_several(f))
        return;
    write_times(out, f);
    for (size_t i = 0; i < f->upstream_count; i++) {
        write_id(id, i);
        (void)snprintf(title, sizeof(title), "Upstream %s",
                       f->upstreams[i].name);
        html_begin_table(out, id, title, NULL, NULL);
        write_upstream(out, f, &f->upstreams[i]);
        html_end_table(out);
    }
}

void status_write_stages(struct buf *out, const struct status_figures *f)
{
    static const char *const columns[] = { "half below", "95 of 100", NULL };

    html_begin_table(out, "stages",
                     are_several(f) ? "How long all upstreams take"
                                    : "How long the upstream takes",
                     "for", columns);
    for (unsigned i = 0; i < COUNTER_STAGE_COUNT; i++) {
        if (histogram_count(&f->totals.stage[i]) == 0)
            continue;
        html_begin_row(out, stage_titles[i]);
        write_percentile(out, &f->totals.stage[i], 50);
        write_percentile(out, &f->totals.stage[i], 95);
        html_text(out, "</tr>\n");
    }
    html_end_table(out);
}
