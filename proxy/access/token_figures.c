#include <string.h>

#include "access/token_desk_parts.h"

size_t token_desk_sources(const struct token_desk *d)
{
    return d != NULL ? d->known_count : 0;
}

static void count(struct token_source_figures *f, const struct desk_entry *e,
                  uint64_t now_ms)
{
    const struct token_state *s = &e->state;
    uint64_t age_s, left_s;

    if (s->is_refused)
        f->refused++;
    else if (s->failures > 0)
        f->failing++;
    if (token_state_judge(s, now_ms) != TOKEN_USE)
        return;
    age_s = (now_ms - s->obtained_ms) / 1000;
    left_s = (s->expires_ms - now_ms) / 1000;
    f->good++;
    if (!f->has_token || age_s > f->oldest_s)
        f->oldest_s = age_s;
    if (!f->has_token || left_s < f->next_expiry_s)
        f->next_expiry_s = left_s;
    f->has_token = true;
}

struct token_source_figures token_desk_figures(const struct token_desk *d,
                                               size_t i)
{
    const struct desk_source *known = &d->known[i];
    struct token_source_figures f = { .source = known->name };
    const struct desk_entry *e;

    memcpy(f.tries, known->tries, sizeof(f.tries));
    for (e = d->entries; e != NULL; e = e->hh.next)
        if (strcmp(e->source, known->name) == 0)
            count(&f, e, uv_now(d->loop));
    return f;
}
