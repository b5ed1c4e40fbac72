/* The list of sessions, for those who may know who is there. */
#include "net/network.h"
#include "server/server_parts.h"

bool server_may_list(void *server, const union address *address)
{
    const struct server *s = server;
    const struct config_networks *from =
        &s->settings->config->status_sessions_from;

    return network_any_holds(from->at, from->count, &address->any);
}

void server_ask_sessions(void *server)
{
    struct server *s = server;
    uint64_t round = session_gather_begin(s->gather, s->running);

    for (unsigned i = 0; round != 0 && i < s->workers; i++)
        if (s->members[i].is_running)
            worker_list_sessions(s->members[i].worker, s->gather, round);
}

void server_tell_sessions(void *server, const struct session_facts *facts,
                          size_t count, bool complete)
{
    struct server *s = server;
    struct buf page;

    buf_init(&page, STATUS_SESSIONS_MAX);
    status_server_tell_sessions(
        s->status, status_page_sessions(facts, count, complete, &page)
                       ? buf_span(&page)
                       : span_make("", 0));
    buf_fini(&page);
}
