/* The figures as a page for a person: no scripts, nothing loaded from
 * elsewhere, renewed by the browser every few seconds.
 */
#include <string.h>

#include "server/status_page.h"
#include "session/bridge.h"

/* STATUS_STYLE_HASH is its hash; a test says when it no longer is. */
const char status_page_style[] =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;"
    "padding:0 1rem;color:#222;background:#fafafa}"
    "h1{font-size:1.6rem;margin:0}"
    "h2{font-size:1.05rem;margin:1.8rem 0 .3rem}"
    "p{margin:.2rem 0;color:#555}"
    "table{border-collapse:collapse;width:100%}"
    "th{text-align:left;font-weight:400}"
    "td{text-align:right;font-variant-numeric:tabular-nums}"
    "th,td{padding:.25rem .5rem;border-bottom:1px solid #ddd}"
    ".state{display:inline-block;padding:.1rem .6rem;border-radius:1rem;"
    "color:#fff;background:#a33}"
    ".serving{background:#275}"
    "@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}"
    "p{color:#aaa}th,td{border-color:#444}}";

static void text(struct buf *out, const char *s)
{
    (void)buf_append_string(out, s);
}

static void escaped(struct buf *out, const char *s)
{
    for (; *s != '\0'; s++) {
        switch (*s) {
        case '&':
            text(out, "&amp;");
            break;
        case '<':
            text(out, "&lt;");
            break;
        case '>':
            text(out, "&gt;");
            break;
        case '"':
            text(out, "&quot;");
            break;
        default:
            (void)buf_append_octet(out, (unsigned char)*s);
            break;
        }
    }
}

static void row(struct buf *out, const char *name, uint64_t value)
{
    text(out, "<tr><th scope=\"row\">");
    escaped(out, name);
    text(out, "</th><td>");
    (void)buf_append_number(out, value);
    text(out, "</td></tr>\n");
}

static void begin_table(struct buf *out, const char *title)
{
    text(out, "<h2>");
    escaped(out, title);
    text(out, "</h2>\n<table>\n");
}

static void end_table(struct buf *out)
{
    text(out, "</table>\n");
}

static void head(struct buf *out, const struct status_figures *f)
{
    const char *state = status_state_name(f->state);

    text(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
              "<meta charset=\"utf-8\">\n"
              "<meta name=\"viewport\" content=\"width=device-width\">\n"
              "<meta http-equiv=\"refresh\" content=\"10\">\n"
              "<title>popinjay: ");
    text(out, state);
    text(out, "</title>\n<style>");
    text(out, status_page_style);
    text(out, "</style>\n</head>\n<body>\n<h1>popinjay <span class=\"state");
    text(out, f->state == STATUS_SERVING ? " serving\">" : "\">");
    text(out, state);
    text(out, "</span></h1>\n<p>Version ");
    escaped(out, f->version);
    text(out, ", before ");
    escaped(out, f->upstream);
    text(out, ", up for ");
    (void)buf_append_number(out, f->uptime_seconds / 86400);
    text(out, " d ");
    (void)buf_append_number(out, f->uptime_seconds / 3600 % 24);
    text(out, " h ");
    (void)buf_append_number(out, f->uptime_seconds / 60 % 60);
    text(out, " min ");
    (void)buf_append_number(out, f->uptime_seconds % 60);
    text(out, " s, with ");
    (void)buf_append_number(out, f->workers);
    text(out, f->workers == 1 ? " worker.</p>\n" : " workers.</p>\n");
}

static void sessions(struct buf *out, const struct status_figures *f)
{
    const struct counters_total *t = &f->totals;

    begin_table(out, "Sessions");
    row(out, "active", f->sessions);
    for (unsigned i = 0; i < BRIDGE_PHASE_COUNT; i++) {
        text(out, "<tr><th scope=\"row\">&ensp;");
        escaped(out, bridge_phase_name((enum bridge_phase)i));
        text(out, "</th><td>");
        (void)buf_append_number(out, counters_in_phase(t, i));
        text(out, "</td></tr>\n");
    }
    row(out, "at most", f->max_sessions);
    row(out, "in all", t->value[COUNTER_SESSIONS]);
    end_table(out);
}

static void upstream(struct buf *out, const struct status_figures *f)
{
    const struct counters_total *t = &f->totals;

    begin_table(out, "Upstream connections");
    row(out, "came up", t->value[COUNTER_UPSTREAM_CONNECTS]);
    row(out, "used again", t->value[COUNTER_UPSTREAM_REUSED]);
    row(out, "parked", f->parked);
    row(out, "failed or broke", t->value[COUNTER_UPSTREAM_FAILURES]);
    row(out, "commands not understood", t->value[COUNTER_UPSTREAM_REJECTS]);
    end_table(out);
}

static void work(struct buf *out, const struct counters_total *t)
{
    begin_table(out, "Logins");
    row(out, "succeeded", t->value[COUNTER_LOGINS_OK]);
    row(out, "failed", t->value[COUNTER_LOGINS_FAILED]);
    end_table(out);
    begin_table(out, "Listings");
    row(out, "full", t->value[COUNTER_LISTINGS_FULL]);
    row(out, "updated", t->value[COUNTER_LISTINGS_UPDATED]);
    row(out, "unchanged", t->value[COUNTER_LISTINGS_FRESH]);
    end_table(out);
    begin_table(out, "Mail");
    row(out, "messages retrieved", t->value[COUNTER_MESSAGES_RETRIEVED]);
    row(out, "octets retrieved", t->value[COUNTER_OCTETS_RETRIEVED]);
    row(out, "messages deleted", t->value[COUNTER_MESSAGES_DELETED]);
    row(out, "sizes misstated by the upstream",
        t->value[COUNTER_SIZE_MISMATCHES]);
    end_table(out);
}

static void handshakes(struct buf *out, const struct counters_total *t)
{
    begin_table(out, "TLS handshakes");
    row(out, "with clients", t->value[COUNTER_CLIENT_TLS_NEW]);
    row(out, "resumed", t->value[COUNTER_CLIENT_TLS_RESUMED]);
    row(out, "with the upstream", t->value[COUNTER_UPSTREAM_TLS_NEW]);
    row(out, "resumed", t->value[COUNTER_UPSTREAM_TLS_RESUMED]);
    end_table(out);
}

/* Only what has happened; all the reasons would fill the screen with zeros. */
static void reasons(struct buf *out, const char *title, unsigned first,
                    const uint64_t *values)
{
    bool any = false;

    for (unsigned i = first; i < FAULT_COUNT; i++) {
        if (values[i] == 0)
            continue;
        if (!any)
            begin_table(out, title);
        any = true;
        row(out, fault_name((enum fault)i), values[i]);
    }
    if (any)
        end_table(out);
}

bool status_page_html(const struct status_figures *f, struct buf *out)
{
    head(out, f);
    sessions(out, f);
    work(out, &f->totals);
    upstream(out, f);
    handshakes(out, &f->totals);
    reasons(out, "Why logins failed", FAULT_NONE + 1, f->totals.login_failures);
    reasons(out, "How sessions ended", FAULT_NONE, f->totals.session_ends);
    text(out, "<p>The same as <a href=\"/status\">JSON</a> and for "
              "<a href=\"/metrics\">Prometheus</a>.</p>\n</body>\n</html>\n");
    return !buf_failed(out);
}
