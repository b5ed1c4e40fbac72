/* Certificates on the page for people: those that we show, and those that the
 * upstreams' servers have shown.
 */
#include "server/html_writer.h"
#include "server/status_parts.h"

#define DAY_S 86400

int64_t status_days_left(int64_t end_s, const struct status_figures *f)
{
    int64_t left_s = end_s - (int64_t)f->now_seconds;

    return left_s >= 0 ? left_s / DAY_S : -((-left_s + DAY_S - 1) / DAY_S);
}

static void write_cells(struct buf *out, const char *name, int64_t end_s,
                        const struct status_figures *f)
{
    int64_t days = status_days_left(end_s, f);

    html_text(out, "<td class=\"text\">");
    html_escaped(out, name);
    html_text(out, "</td><td><span>");
    html_date(out, end_s > 0 ? (uint64_t)end_s : 0);
    html_text(out, "</span></td><td><span class=\"");
    html_text(out, days >= CERTIFICATE_WARN_DAYS    ? "good"
                   : days >= CERTIFICATE_ALARM_DAYS ? "warn"
                                                    : "bad");
    html_text(out, "\">");
    if (days < 0)
        html_text(out, "expired");
    else
        html_number(out, (uint64_t)days);
    html_text(out, "</span></td></tr>\n");
}

static void write_own(struct buf *out, const struct status_figures *f)
{
    static const char *const columns[] = { "name", "expires", "days left",
                                           NULL };

    if (f->certificate_count == 0)
        return;
    html_begin_table(out, "certificates", "Certificates", "listener", columns);
    for (size_t i = 0; i < f->certificate_count; i++) {
        const struct settings_certificate *c = &f->certificates[i];

        html_begin_row(out, c->listener);
        write_cells(out, c->facts.name, c->facts.not_after_s, f);
    }
    html_end_table(out);
}

static void write_of_upstream(struct buf *out, const struct status_figures *f,
                              const struct status_upstream *u)
{
    for (size_t i = 0; i < u->server_count; i++) {
        if (u->servers[i].certificate_end_s == 0)
            continue;
        html_begin_row(out, u->name);
        write_cells(out, u->servers[i].text, u->servers[i].certificate_end_s,
                    f);
    }
}

static void write_upstreams_own(struct buf *out, const struct status_figures *f)
{
    static const char *const columns[] = { "server", "expires", "days left",
                                           NULL };

    html_begin_table(out, "upstream-certificates", "Upstreams' certificates",
                     "upstream", columns);
    for (size_t i = 0; i < f->upstream_count; i++)
        write_of_upstream(out, f, &f->upstreams[i]);
    html_end_table(out);
}

/* Without TLS none ever has, and none at first. */
static bool has_any(const struct status_figures *f)
{
    for (size_t i = 0; i < f->upstream_count; i++)
        for (size_t n = 0; n < f->upstreams[i].server_count; n++)
            if (f->upstreams[i].servers[n].certificate_end_s > 0)
                return true;
    return false;
}

void status_write_certificates(struct buf *out, const struct status_figures *f)
{
    write_own(out, f);
    if (has_any(f))
        write_upstreams_own(out, f);
}
