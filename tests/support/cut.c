#include "support/cut.h"

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/octets.h"

struct run {
    const struct cut_subject *subject;
    unsigned char *rest; /* what the codec has not taken */
    size_t rest_len;
    struct buf trace;
};

/* |a| and |b| behind one another, in memory that fits exactly. */
static unsigned char *join(struct span a, struct span b)
{
    unsigned char *joined = malloc(a.len + b.len);

    assert(joined != NULL);
    if (a.len > 0)
        memcpy(joined, a.data, a.len);
    if (b.len > 0)
        memcpy(joined + a.len, b.data, b.len);
    return joined;
}

static void feed(struct run *run, struct span piece)
{
    size_t len = run->rest_len + piece.len;
    unsigned char *octets = join(span_make(run->rest, run->rest_len), piece);
    struct span in = span_make(octets, len);

    free(run->rest);
    run->subject->feed(run->subject->context, &in, &run->trace);
    assert_true(in.len <= len);
    run->rest = join(in, (struct span){ NULL, 0 });
    run->rest_len = in.len;
    free(octets);
}

static void begin(struct run *run, const struct cut_subject *subject)
{
    *run = (struct run){ .subject = subject };
    buf_init(&run->trace, CUT_TRACE_MAX);
    subject->start(subject->context);
}

static void end(struct run *run, struct span expected, const char *where,
                const char *file, int line)
{
    struct span rest = span_make(run->rest, run->rest_len);

    if (run->subject->finish != NULL)
        run->subject->finish(run->subject->context, rest, &run->trace);
    else
        octets_compare(rest, (struct span){ NULL, 0 }, where, file, line);
    assert_false(buf_failed(&run->trace));
    octets_compare(buf_span(&run->trace), expected, where, file, line);
    buf_fini(&run->trace);
    free(run->rest);
}

void cut_check_at(const struct cut_subject *subject, struct span input,
                  struct span expected, const char *file, int line)
{
    struct run run;
    char where[64];

    begin(&run, subject);
    feed(&run, input);
    end(&run, expected, "whole", file, line);

    for (size_t cut = 0; cut <= input.len; cut++) {
        struct span tail = input;
        struct span head = span_take(&tail, cut);

        snprintf(where, sizeof(where), "cut at octet %zu", cut);
        begin(&run, subject);
        feed(&run, head);
        feed(&run, tail);
        end(&run, expected, where, file, line);
    }

    begin(&run, subject);
    for (struct span left = input; left.len > 0;)
        feed(&run, span_take(&left, 1));
    end(&run, expected, "octet by octet", file, line);
}
