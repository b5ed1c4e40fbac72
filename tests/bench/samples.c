#include "bench/samples.h"

#include <stdlib.h>

#include "bench/options.h"

#define CAPACITY_MIN 64

void samples_add(struct samples *s, uint64_t ns)
{
    if (s->count == s->capacity) {
        s->capacity = s->capacity > 0 ? 2 * s->capacity : CAPACITY_MIN;
        s->ns = reallocarray(s->ns, s->capacity, sizeof(*s->ns));
        if (s->ns == NULL)
            die(EXIT_FAILED, "no memory");
    }
    s->ns[s->count++] = ns;
}

void samples_fini(struct samples *s)
{
    free(s->ns);
    *s = (struct samples){ NULL, 0, 0 };
}

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

/* The smallest that |percent| of them do not exceed. */
static double percentile_ms(const struct samples *s, size_t percent)
{
    size_t rank = (s->count * percent + 99) / 100;

    return (double)s->ns[rank > 0 ? rank - 1 : 0] / 1e6;
}

json_t *samples_to_json(struct samples *s)
{
    if (s->count == 0)
        return json_null();
    qsort(s->ns, s->count, sizeof(*s->ns), compare);
    return json_pack("{s:f, s:f, s:f, s:f}", "min", percentile_ms(s, 0),
                     "median", percentile_ms(s, 50), "p95",
                     percentile_ms(s, 95), "max", percentile_ms(s, 100));
}
