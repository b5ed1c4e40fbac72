/* The lines of log that show what a session says on its wires. */
#include "server/relay_parts.h"

void relay_trace_begin(struct relay *r, const struct origin *origin)
{
    const struct config *config = r->settings->config;
    bool is_asked_for =
        network_any_holds(config->trace_client.at, config->trace_client.count,
                          &origin->client.any);

    if (!is_asked_for && config->trace_user == NULL)
        return;
    r->trace = trace_new();
    r->trace_is_shown = is_asked_for;
}

/* From its login on it is known whose session it is. Until then a trace has read
 * along in silence: what a line is depends on those before it.
 */
void relay_trace_user(struct relay *r, struct span user)
{
    const char *wanted = r->settings->config->trace_user;

    if (r->trace == NULL || r->trace_is_shown)
        return;
    r->trace_is_shown =
        wanted != NULL && span_equals_nocase(user, span_from_string(wanted));
}

void relay_trace_end(struct relay *r)
{
    trace_free(r->trace);
    r->trace = NULL;
}

/* No other user will log in here, so nobody is going to ask for it. */
void relay_trace_logged_in(struct relay *r)
{
    if (!r->trace_is_shown)
        relay_trace_end(r);
}

static void show(const struct relay *r, enum trace_wire wire, struct span line)
{
    struct log_record record;

    relay_log_begin(r, &record, LOG_LEVEL_DEBUG, "trace");
    log_record_add_string(&record, "dir", trace_wire_name(wire));
    log_record_add_text(&record, "line", line);
    log_write_asked(&record);
}

void relay_trace(struct relay *r, enum trace_wire wire, struct span octets)
{
    struct span line;

    while (r->trace != NULL && trace_next(r->trace, wire, &octets, &line))
        if (r->trace_is_shown)
            show(r, wire, line);
}

void relay_trace_upstream_begins(struct relay *r)
{
    if (r->trace != NULL)
        trace_restart_upstream(r->trace);
}
