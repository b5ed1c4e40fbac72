/* metrics_writer.h - the text exposition format 0.0.4 of Prometheus, the one
 * place that knows its escapes and how a number looks.
 *
 * Source: CONFORMANCE MET-2 to MET-4, MET-7. Numbers have a dot in any locale.
 * A buffer that fails stays failed: ask it at the end.
 */
#ifndef POPINJAY_SERVER_METRICS_WRITER_H
#define POPINJAY_SERVER_METRICS_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/histogram.h"

/* A sample has this many at most, "le" aside. */
#define METRICS_LABELS_MAX 3

/* Those without a name are left out. */
struct metrics_labels {
    struct {
        const char *name;
        const char *value;
    } at[METRICS_LABELS_MAX];
};

#define METRICS_NO_LABELS ((struct metrics_labels){ { { NULL, NULL } } })

/* The lines before the samples of a family. */
void metrics_begin(struct buf *out, const char *name, const char *type,
                   const char *help);

void metrics_write(struct buf *out, const char *name,
                   struct metrics_labels labels, uint64_t value);

/* |ms| as seconds. */
void metrics_write_seconds(struct buf *out, const char *name,
                           struct metrics_labels labels, uint64_t ms);

/* All series of one histogram, in seconds. */
void metrics_write_histogram(struct buf *out, const char *name,
                             struct metrics_labels labels,
                             const struct histogram_total *h);

#endif
