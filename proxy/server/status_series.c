/* Where the figures of each family of metrics come from. */
#include "server/status_families.h"

#include <stdio.h>

#include "pop3/command.h"
#include "server/limit.h"
#include "server/metrics_writer.h"
#include "session/bridge.h"

#define NUMBER_MAX 16 /* an unsigned in digits */

static struct metrics_labels labelled(const char *name, const char *value)
{
    struct metrics_labels labels = METRICS_NO_LABELS;

    labels.at[0].name = name;
    labels.at[0].value = value;
    return labels;
}

static struct metrics_labels labelled_twice(const char *name, const char *value,
                                            const char *name2,
                                            const char *value2)
{
    struct metrics_labels labels = labelled(name, value);

    labels.at[1].name = name2;
    labels.at[1].value = value2;
    return labels;
}

void series_counter(struct buf *out, const struct family *family,
                    const struct status_figures *f)
{
    metrics_write(out, family->name, METRICS_NO_LABELS,
                  f->totals.value[family->counter]);
}

void series_parts(struct buf *out, const struct family *family,
                  const struct status_figures *f)
{
    for (const struct part *p = family->parts; p->value != NULL; p++)
        metrics_write(out, family->name, labelled(family->label, p->value),
                      f->totals.value[p->counter]);
}

void series_field(struct buf *out, const struct family *family,
                  const struct status_figures *f)
{
    const char *base = (const char *)f;

    metrics_write(out, family->name, METRICS_NO_LABELS,
                  *(const uint64_t *)(const void *)(base + family->field));
}

void series_build(struct buf *out, const struct family *family,
                  const struct status_figures *f)
{
    metrics_write(out, family->name, labelled("version", f->version), 1);
}

void series_upstream(struct buf *out, const struct family *family,
                     const struct status_figures *f)
{
    for (size_t i = 0; i < f->upstream_count; i++)
        metrics_write(out, family->name,
                      labelled_twice("upstream", f->upstreams[i].name,
                                     "address", f->upstreams[i].address),
                      1);
}

void series_up(struct buf *out, const struct family *family,
               const struct status_figures *f)
{
    for (size_t i = 0; i < f->upstream_count; i++) {
        const struct status_upstream *u = &f->upstreams[i];

        metrics_write(out, family->name, labelled("upstream", u->name),
                      u->health.verdict != UPSTREAM_FAILING);
    }
}

void series_servers_up(struct buf *out, const struct family *family,
                       const struct status_figures *f)
{
    for (size_t i = 0; i < f->upstream_count; i++) {
        const struct status_upstream *u = &f->upstreams[i];

        for (size_t n = 0; n < u->server_count; n++)
            metrics_write(out, family->name,
                          labelled_twice("upstream", u->name, "address",
                                         u->servers[n].text),
                          u->servers[n].aside_ms == 0);
    }
}

void series_server_failures(struct buf *out, const struct family *family,
                            const struct status_figures *f)
{
    for (size_t i = 0; i < f->upstream_count; i++) {
        const struct status_upstream *u = &f->upstreams[i];

        for (size_t n = 0; n < u->server_count; n++)
            metrics_write(out, family->name,
                          labelled_twice("upstream", u->name, "address",
                                         u->servers[n].text),
                          u->servers[n].failures);
    }
}

/* |field| of each. */
void series_of_each(struct buf *out, const struct family *family,
                    const struct status_figures *f)
{
    for (size_t i = 0; i < f->upstream_count; i++) {
        const char *base = (const char *)&f->upstreams[i];

        metrics_write(out, family->name,
                      labelled("upstream", f->upstreams[i].name),
                      *(const uint64_t *)(const void *)(base + family->field));
    }
}

void series_ready(struct buf *out, const struct family *family,
                  const struct status_figures *f)
{
    metrics_write(out, family->name, METRICS_NO_LABELS,
                  f->state == STATUS_SERVING);
}

void series_active(struct buf *out, const struct family *family,
                   const struct status_figures *f)
{
    for (unsigned i = 0; i < COUNTERS_LISTENERS; i++) {
        const char *name = listener_names_find(f->listener_names, i);

        for (unsigned n = 0; name != NULL && n < BRIDGE_PHASE_COUNT; n++)
            metrics_write(
                out, family->name,
                labelled_twice("listener", name, "state",
                               bridge_phase_name((enum bridge_phase)n)),
                f->totals.sessions_in_phase[i][n]);
    }
}

void series_sessions(struct buf *out, const struct family *family,
                     const struct status_figures *f)
{
    for (unsigned i = 0; i < COUNTERS_LISTENERS; i++) {
        const char *name = listener_names_find(f->listener_names, i);

        if (name != NULL)
            metrics_write(out, family->name, labelled("listener", name),
                          f->totals.sessions[i]);
    }
}

static void write_reasons(struct buf *out, const struct family *family,
                          unsigned first, const uint64_t *values)
{
    for (unsigned i = first; i < FAULT_COUNT; i++)
        metrics_write(out, family->name,
                      labelled("reason", fault_name((enum fault)i)), values[i]);
}

void series_login_failures(struct buf *out, const struct family *family,
                           const struct status_figures *f)
{
    write_reasons(out, family, FAULT_NONE + 1, f->totals.login_failures);
}

void series_session_ends(struct buf *out, const struct family *family,
                         const struct status_figures *f)
{
    write_reasons(out, family, FAULT_NONE, f->totals.session_ends);
}

void series_commands(struct buf *out, const struct family *family,
                     const struct status_figures *f)
{
    for (unsigned i = 0; i < POP3_VERB_COUNT; i++) {
        const char *verb = pop3_verb_name((enum pop3_verb)i);

        metrics_write(out, family->name,
                      labelled_twice("command", verb, "result", "ok"),
                      f->totals.commands_ok[i]);
        metrics_write(out, family->name,
                      labelled_twice("command", verb, "result", "err"),
                      f->totals.commands_failed[i]);
    }
}

void series_stage(struct buf *out, const struct family *family,
                  const struct status_figures *f)
{
    metrics_write_histogram(out, family->name, METRICS_NO_LABELS,
                            &f->totals.stage[family->stage]);
}

void series_upstream_stage(struct buf *out, const struct family *family,
                           const struct status_figures *f)
{
    for (size_t i = 0; i < f->upstream_count; i++)
        metrics_write_histogram(out, family->name,
                                labelled("upstream", f->upstreams[i].name),
                                &f->upstreams[i].stage[family->stage]);
}

void series_stages(struct buf *out, const struct family *family,
                   const struct status_figures *f)
{
    for (size_t i = 0; i < f->upstream_count; i++) {
        const struct status_upstream *u = &f->upstreams[i];

        for (unsigned n = 0; n < COUNTER_STAGE_CLIENT_LOGIN; n++)
            metrics_write_histogram(
                out, family->name,
                labelled_twice("upstream", u->name, "stage",
                               status_stage_name((enum counter_stage)n)),
                &u->stage[n]);
    }
}

void series_limits(struct buf *out, const struct family *family,
                   const struct status_figures *f)
{
    for (unsigned i = 0; i < LIMIT_COUNT; i++)
        metrics_write(out, family->name,
                      labelled("limit", limit_name((enum limit)i)),
                      f->totals.value[limit_counter((enum limit)i)]);
}

void series_certificates(struct buf *out, const struct family *family,
                         const struct status_figures *f)
{
    for (size_t i = 0; i < f->certificate_count; i++) {
        const struct settings_certificate *c = &f->certificates[i];
        char number[NUMBER_MAX];
        struct metrics_labels labels =
            labelled_twice("listener", c->listener, "certificate", number);

        (void)snprintf(number, sizeof(number), "%u", c->number);
        labels.at[2].name = "name";
        labels.at[2].value = c->facts.name;
        metrics_write(out, family->name, labels,
                      c->facts.not_after_s > 0 ? (uint64_t)c->facts.not_after_s
                                               : 0);
    }
}

/* Of the servers that have shown one. */
void series_server_certificates(struct buf *out, const struct family *family,
                                const struct status_figures *f)
{
    for (size_t i = 0; i < f->upstream_count; i++) {
        const struct status_upstream *u = &f->upstreams[i];

        for (size_t n = 0; n < u->server_count; n++)
            if (u->servers[n].certificate_end_s > 0)
                metrics_write(out, family->name,
                              labelled_twice("upstream", u->name, "address",
                                             u->servers[n].text),
                              (uint64_t)u->servers[n].certificate_end_s);
    }
}

static void write_results(struct buf *out, const struct family *family,
                          const char *upstream, const char *good_word,
                          uint64_t good, uint64_t failed)
{
    metrics_write(out, family->name,
                  labelled_twice("upstream", upstream, "result", good_word),
                  good);
    metrics_write(out, family->name,
                  labelled_twice("upstream", upstream, "result", "failed"),
                  failed);
}

void series_attempts(struct buf *out, const struct family *family,
                     const struct status_figures *f)
{
    for (size_t i = 0; i < f->upstream_count; i++) {
        const struct status_upstream *u = &f->upstreams[i];

        write_results(out, family, u->name, "reached", u->health.successes,
                      u->health.failures);
    }
}

void series_logins(struct buf *out, const struct family *family,
                   const struct status_figures *f)
{
    for (size_t i = 0; i < f->upstream_count; i++) {
        const struct status_upstream *u = &f->upstreams[i];

        write_results(out, family, u->name, "ok", u->counts[UPSTREAM_LOGINS_OK],
                      u->counts[UPSTREAM_LOGINS_FAILED]);
    }
}

void series_upstream_failures(struct buf *out, const struct family *family,
                              const struct status_figures *f)
{
    for (size_t i = 0; i < f->upstream_count; i++) {
        const struct status_upstream *u = &f->upstreams[i];

        for (unsigned n = FAULT_NONE + 1; n < FAULT_COUNT; n++)
            metrics_write(out, family->name,
                          labelled_twice("upstream", u->name, "reason",
                                         fault_name((enum fault)n)),
                          u->login_failures[n]);
    }
}

void series_token_requests(struct buf *out, const struct family *family,
                           const struct status_figures *f)
{
    for (size_t i = 0; i < token_desk_sources(f->tokens); i++) {
        struct token_source_figures t = token_desk_figures(f->tokens, i);

        for (unsigned n = 0; n < OAUTH_RESULT_COUNT; n++)
            metrics_write(
                out, family->name,
                labelled_twice("source", t.source, "result",
                               oauth_result_name((enum oauth_result)n)),
                t.tries[n]);
    }
}

void series_token_accounts(struct buf *out, const struct family *family,
                           const struct status_figures *f)
{
    for (size_t i = 0; i < token_desk_sources(f->tokens); i++) {
        struct token_source_figures t = token_desk_figures(f->tokens, i);
        const struct {
            const char *state;
            unsigned count;
        } states[] = { { "good", t.good },
                       { "failing", t.failing },
                       { "refused", t.refused } };

        for (size_t n = 0; n < ARRAY_LENGTH(states); n++)
            metrics_write(
                out, family->name,
                labelled_twice("source", t.source, "state", states[n].state),
                states[n].count);
    }
}

/* A field of each source. */
void series_of_source(struct buf *out, const struct family *family,
                      const struct status_figures *f)
{
    for (size_t i = 0; i < token_desk_sources(f->tokens); i++) {
        struct token_source_figures t = token_desk_figures(f->tokens, i);
        const char *base = (const char *)&t;

        metrics_write(out, family->name, labelled("source", t.source),
                      *(const uint64_t *)(const void *)(base + family->field));
    }
}

void series_processor(struct buf *out, const struct family *family,
                      const struct status_figures *f)
{
    metrics_write_seconds(out, family->name, METRICS_NO_LABELS,
                          f->process.cpu_ms);
}
