#include "server/html_writer.h"

#include "base/attributes.h"
#include "base/datetime.h"

#define DATE_LENGTH 10 /* of a RFC 3339 time */
#define NARROW_GAP "\xe2\x80\xaf"

void html_text(struct buf *out, const char *markup)
{
    (void)buf_append_string(out, markup);
}

void html_escaped(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            html_text(out, "&amp;");
            break;
        case '<':
            html_text(out, "&lt;");
            break;
        case '>':
            html_text(out, "&gt;");
            break;
        case '"':
            html_text(out, "&quot;");
            break;
        default:
            (void)buf_append_octet(out, (unsigned char)*text);
            break;
        }
    }
}

void html_number(struct buf *out, uint64_t value)
{
    uint64_t unit = 1;

    while (value / unit >= 1000)
        unit *= 1000;
    (void)buf_append_number(out, value / unit);
    for (unit /= 1000; unit > 0; unit /= 1000) {
        unsigned three = (unsigned)(value / unit % 1000);

        html_text(out, NARROW_GAP);
        (void)buf_append_octet(out, (unsigned char)('0' + three / 100));
        (void)buf_append_octet(out, (unsigned char)('0' + three / 10 % 10));
        (void)buf_append_octet(out, (unsigned char)('0' + three % 10));
    }
}

/* |tenths| of something: "1.4". */
static void tenths(struct buf *out, uint64_t value)
{
    (void)buf_append_number(out, value / 10);
    if (value % 10 == 0)
        return;
    html_text(out, ".");
    (void)buf_append_number(out, value % 10);
}

void html_octets(struct buf *out, uint64_t octets)
{
    static const char *const units[] = { " octets", " kB", " MB", " GB",
                                         " TB" };
    unsigned i = 0;
    uint64_t unit = 1;

    for (; i + 1 < ARRAY_LENGTH(units) && octets / unit >= 1000; i++)
        unit *= 1000;
    if (i == 0)
        (void)buf_append_number(out, octets);
    else
        tenths(out, octets / (unit / 10));
    html_text(out, units[i]);
}

void html_duration(struct buf *out, uint64_t seconds)
{
    static const struct {
        uint64_t seconds;
        const char *name;
    } units[] = {
        { 86400, " d" }, { 3600, " h" }, { 60, " min" }, { 1, " s" }
    };
    unsigned i = 0;

    while (i + 1 < ARRAY_LENGTH(units) && seconds < units[i].seconds)
        i++;
    (void)buf_append_number(out, seconds / units[i].seconds);
    html_text(out, units[i].name);
}

void html_latency(struct buf *out, uint64_t ms)
{
    if (ms < 1000) {
        (void)buf_append_number(out, ms);
        html_text(out, " ms");
        return;
    }
    tenths(out, ms / 100);
    html_text(out, " s");
}

void html_date(struct buf *out, uint64_t unix_s)
{
    char text[DATETIME_RFC3339_LEN + 1];

    datetime_write_rfc3339(unix_s * 1000, text);
    (void)buf_append(out, span_make(text, DATE_LENGTH));
}

static void write_headers(struct buf *out, const char *first,
                          const char *const *columns)
{
    html_text(out, "<thead><tr><th scope=\"col\">");
    html_text(out, first);
    html_text(out, "</th>");
    for (; *columns != NULL; columns++) {
        html_text(out, "<th scope=\"col\">");
        html_text(out, *columns);
        html_text(out, "</th>");
    }
    html_text(out, "</tr></thead>\n");
}

void html_begin_table(struct buf *out, const char *id, const char *title,
                      const char *first, const char *const *columns)
{
    html_text(out, "<section aria-labelledby=\"");
    html_text(out, id);
    html_text(out, "\">\n<h2 id=\"");
    html_text(out, id);
    html_text(out, "\">");
    html_text(out, title);
    html_text(out, "</h2>\n<table>\n");
    if (first != NULL)
        write_headers(out, first, columns);
    html_text(out, "<tbody>\n");
}

void html_end_table(struct buf *out)
{
    html_text(out, "</tbody></table>\n</section>\n");
}

void html_begin_row(struct buf *out, const char *name)
{
    html_text(out, "<tr><th scope=\"row\">");
    html_escaped(out, name);
    html_text(out, "</th>");
}

static void cell(struct buf *out, uint64_t value)
{
    html_text(out, "<td>");
    html_number(out, value);
    html_text(out, "</td>");
}

void html_row(struct buf *out, const char *name, uint64_t value)
{
    html_begin_row(out, name);
    cell(out, value);
    html_text(out, "</tr>\n");
}

void html_row_of_two(struct buf *out, const char *name, uint64_t a, uint64_t b)
{
    html_begin_row(out, name);
    cell(out, a);
    cell(out, b);
    html_text(out, "</tr>\n");
}
