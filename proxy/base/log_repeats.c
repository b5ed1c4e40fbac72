#include "base/log_repeats.h"

#include <string.h>

/* Of the table, kept for LOG_REPEATS_OTHERS. */
#define OTHERS_MAX (LOG_REPEATS_MAX / 4)

void log_repeats_init(struct log_repeats *t, uint32_t shown, uint64_t window_ms)
{
    *t = (struct log_repeats){ .shown = shown, .window_ms = window_ms };
}

/* The constants of one event stand at one place seldom, not always. */
static bool is_same(const struct log_failure *a, const struct log_failure *b)
{
    return strcmp(a->peer, b->peer) == 0 && strcmp(a->event, b->event) == 0 &&
           strcmp(a->reason, b->reason) == 0 &&
           strcmp(a->peer_key, b->peer_key) == 0;
}

static struct log_repeats_entry *find(struct log_repeats *t,
                                      const struct log_failure *failure)
{
    for (size_t i = 0; i < t->count; i++)
        if (is_same(&t->at[i].failure, failure))
            return &t->at[i];
    return NULL;
}

static struct log_repeats_entry *find_or_add(struct log_repeats *t,
                                             const struct log_failure *failure,
                                             size_t most)
{
    struct log_repeats_entry *entry = find(t, failure);

    if (entry != NULL || t->count >= most)
        return entry;
    entry = &t->at[t->count++];
    *entry = (struct log_repeats_entry){ .failure = *failure };
    return entry;
}

static struct log_repeats_entry *find_others(struct log_repeats *t,
                                             struct log_failure failure)
{
    memcpy(failure.peer, LOG_REPEATS_OTHERS, sizeof(LOG_REPEATS_OTHERS));
    return find_or_add(t, &failure, LOG_REPEATS_MAX);
}

bool log_repeats_admit(struct log_repeats *t, const struct log_failure *failure,
                       enum log_level level, uint64_t now_ms)
{
    struct log_repeats_entry *entry;

    if (t->shown == 0)
        return true;
    entry = find_or_add(t, failure, LOG_REPEATS_MAX - OTHERS_MAX);
    if (entry == NULL)
        entry = find_others(t, *failure);
    if (entry == NULL)
        return true;
    if (entry->seen == 0)
        entry->ends_ms = now_ms + t->window_ms;
    entry->level = level;
    return ++entry->seen <= t->shown;
}

bool log_repeats_take(struct log_repeats *t, uint64_t now_ms,
                      struct log_summary *summary)
{
    size_t i = 0;

    while (i < t->count) {
        struct log_repeats_entry entry = t->at[i];

        if (now_ms < entry.ends_ms) {
            i++;
            continue;
        }
        t->at[i] = t->at[--t->count];
        if (entry.seen <= t->shown)
            continue;
        *summary = (struct log_summary){ entry.failure, entry.level,
                                         entry.seen - t->shown };
        return true;
    }
    return false;
}
