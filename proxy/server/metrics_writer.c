#include "server/metrics_writer.h"

#include "base/attributes.h"

static void text(struct buf *out, const char *s)
{
    (void)buf_append_string(out, s);
}

/* A backslash and a LF have escapes everywhere, a quote only in labels. */
static void escaped(struct buf *out, const char *s, bool in_label)
{
    for (; *s != '\0'; s++) {
        if (*s == '\n') {
            text(out, "\\n");
            continue;
        }
        if (*s == '\\' || (*s == '"' && in_label))
            (void)buf_append_octet(out, '\\');
        (void)buf_append_octet(out, (unsigned char)*s);
    }
}

/* 2500 is 2.5: no more digits than are needed. */
static void seconds(struct buf *out, uint64_t ms)
{
    unsigned rest = (unsigned)(ms % 1000);
    unsigned digit = 100;

    (void)buf_append_number(out, ms / 1000);
    if (rest > 0)
        text(out, ".");
    for (; rest > 0; digit /= 10) {
        (void)buf_append_octet(out, (unsigned char)('0' + rest / digit));
        rest %= digit;
    }
}

void metrics_begin(struct buf *out, const char *name, const char *type,
                   const char *help)
{
    text(out, "# HELP ");
    text(out, name);
    text(out, " ");
    escaped(out, help, false);
    text(out, "\n# TYPE ");
    text(out, name);
    text(out, " ");
    text(out, type);
    text(out, "\n");
}

static void write_label(struct buf *out, bool first, const char *name,
                        const char *value)
{
    text(out, first ? "{" : ",");
    text(out, name);
    text(out, "=\"");
    escaped(out, value, true);
    text(out, "\"");
}

/* |le| NULL: none; the bound of a class in ms, UINT64_MAX for the last. */
static void series(struct buf *out, const char *name, const char *suffix,
                   const struct metrics_labels *labels, const uint64_t *le)
{
    bool first = true;

    text(out, name);
    text(out, suffix);
    for (size_t i = 0; i < METRICS_LABELS_MAX; i++) {
        if (labels->at[i].name == NULL)
            continue;
        write_label(out, first, labels->at[i].name, labels->at[i].value);
        first = false;
    }
    if (le != NULL) {
        text(out, first ? "{le=\"" : ",le=\"");
        if (*le == UINT64_MAX)
            text(out, "+Inf");
        else
            seconds(out, *le);
        text(out, "\"");
        first = false;
    }
    text(out, first ? " " : "} ");
}

void metrics_write(struct buf *out, const char *name,
                   struct metrics_labels labels, uint64_t value)
{
    series(out, name, "", &labels, NULL);
    (void)buf_append_number(out, value);
    text(out, "\n");
}

void metrics_write_seconds(struct buf *out, const char *name,
                           struct metrics_labels labels, uint64_t ms)
{
    series(out, name, "", &labels, NULL);
    seconds(out, ms);
    text(out, "\n");
}

void metrics_write_histogram(struct buf *out, const char *name,
                             struct metrics_labels labels,
                             const struct histogram_total *h)
{
    uint64_t count = 0;

    for (size_t i = 0; i < HISTOGRAM_CLASSES; i++) {
        uint64_t le =
            i < HISTOGRAM_CLASSES - 1 ? histogram_bounds_ms[i] : UINT64_MAX;

        count += h->count[i];
        series(out, name, "_bucket", &labels, &le);
        (void)buf_append_number(out, count);
        text(out, "\n");
    }
    series(out, name, "_sum", &labels, NULL);
    seconds(out, h->sum_ms);
    text(out, "\n");
    series(out, name, "_count", &labels, NULL);
    (void)buf_append_number(out, count);
    text(out, "\n");
}
