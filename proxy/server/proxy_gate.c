#include "server/proxy_gate.h"

#include <stdlib.h>
#include <utlist.h>

#include "base/buf.h"
#include "base/limits.h"
#include "net/network.h"
#include "net/proxy_header.h"
#include "net/tcp.h"
#include "server/log.h"

struct arrival {
    struct proxy_gate *gate;
    const struct settings_listener *listener; /* its settings are held */
    uv_tcp_t *tcp;
    uv_timer_t timer;
    union address peer;
    struct buf header; /* what has come of it */
    struct arrival *next;
    struct arrival *prev;
};

/* --- what becomes of it --- */

static const enum counter kind_counters[] = {
    [PROXY_HEADER_CLIENT] = COUNTER_PROXY_CLIENT,
    [PROXY_HEADER_UNNAMED] = COUNTER_PROXY_UNNAMED,
    [PROXY_HEADER_LOCAL] = COUNTER_PROXY_LOCAL,
};

enum refusal {
    UNTRUSTED,
    INVALID,
    LATE,
    CLOSED,
};

static const struct {
    enum counter counter;
    const char *reason;
} refusals[] = {
    [UNTRUSTED] = { COUNTER_PROXY_UNTRUSTED, "untrusted" },
    [INVALID] = { COUNTER_PROXY_INVALID, "invalid" },
    [LATE] = { COUNTER_PROXY_LATE, "late" },
    [CLOSED] = { COUNTER_PROXY_CLOSED, "closed" },
};

/* What is turned away is counted and told: |from| is the other end. */
static void note(struct proxy_gate *gate,
                 const struct settings_listener *listener,
                 const union address *from, enum refusal why,
                 enum log_level level, const char *problem)
{
    struct address_text text = address_describe(from);
    char group[ADDRESS_GROUP_MAX];
    struct log_record record;

    counters_add(gate->counters, refusals[why].counter, 1);
    if (!log_wants(level))
        return;
    log_begin(&record, level, "proxy_refused");
    log_record_add_string(&record, "listener", listener->config->name);
    log_record_add_string(&record, "via", text.host);
    log_record_add_number(&record, "port", text.port);
    log_record_add_string(&record, "reason", refusals[why].reason);
    log_record_add_string(&record, "text", problem);
    address_group(text.host, group);
    log_write_failure(&record, refusals[why].reason, "via", group);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct arrival *a = handle->data;

    buf_fini(&a->header);
    free(a);
}

/* It waits no longer; its connection is the caller's. */
static uv_tcp_t *leave(struct arrival *a)
{
    uv_tcp_t *tcp = a->tcp;

    DL_DELETE(a->gate->waiting, a);
    a->gate->waiting_count--;
    uv_read_stop((uv_stream_t *)tcp);
    uv_close((uv_handle_t *)&a->timer, on_timer_closed);
    return tcp;
}

static void refuse(struct arrival *a, enum refusal why, enum log_level level,
                   const char *problem)
{
    note(a->gate, a->listener, &a->peer, why, level, problem);
    tcp_discard(leave(a));
    settings_release(a->listener->settings);
}

/* PP-7: where no client is announced, the real ends count. */
static void pass(struct arrival *a, const struct proxy_header *header)
{
    struct proxy_gate *gate = a->gate;
    const struct settings_listener *listener = a->listener;
    struct origin origin = { .client = a->peer,
                             .is_check = header->kind == PROXY_HEADER_LOCAL };

    if (header->kind == PROXY_HEADER_CLIENT) {
        origin.client = header->client;
        origin.via = a->peer;
    }
    counters_add(gate->counters, kind_counters[header->kind], 1);
    gate->passed(gate->owner, listener, leave(a), &origin);
    settings_release(listener->settings);
}

/* --- its header --- */

/* Whoever leaves before it has said a word has only looked whether we are here.
 */
static void on_gone(struct arrival *a, int code)
{
    refuse(a, CLOSED,
           buf_length(&a->header) > 0 ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG,
           code == UV_EOF ? "closed before its PROXY header was complete"
                          : uv_strerror(code));
}

/* No more than belongs to the header: what follows is the session's. */
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *whole)
{
    struct arrival *a = handle->data;
    size_t room = proxy_header_room(buf_span(&a->header));
    unsigned char *at = buf_reserve(&a->header, room);

    (void)suggested;
    *whole = uv_buf_init((char *)at, at != NULL ? (unsigned)room : 0);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *whole)
{
    struct arrival *a = stream->data;
    struct proxy_header header;
    enum proxy_header_status status;

    (void)whole;
    if (got == 0)
        return;
    if (got < 0) {
        on_gone(a, (int)got);
        return;
    }
    buf_commit(&a->header, (size_t)got);
    status = proxy_header_read(buf_span(&a->header),
                               a->listener->config->proxy_protocol, &header);
    if (status == PROXY_HEADER_DONE)
        pass(a, &header);
    else if (status < 0)
        refuse(a, INVALID, LOG_LEVEL_WARNING, proxy_header_problem(status));
}

static void on_late(uv_timer_t *timer)
{
    refuse(timer->data, LATE, LOG_LEVEL_WARNING,
           "its PROXY header took too long");
}

/* --- coming in --- */

/* NULL: no memory. */
static struct arrival *wait_for_header(struct proxy_gate *gate,
                                       const struct settings_listener *listener,
                                       uv_tcp_t *tcp, const union address *peer)
{
    struct arrival *a = calloc(1, sizeof(*a));

    if (a == NULL)
        return NULL;
    a->gate = gate;
    a->listener = listener;
    a->tcp = tcp;
    a->peer = *peer;
    buf_init(&a->header, PROXY_HEADER_MAX);
    settings_hold(listener->settings);
    uv_timer_init(gate->loop, &a->timer);
    a->timer.data = a;
    tcp->data = a;
    DL_APPEND(gate->waiting, a);
    gate->waiting_count++;
    uv_timer_start(&a->timer, on_late, PROXY_HEADER_TIMEOUT_MS, 0);
    return a;
}

void proxy_gate_enter(struct proxy_gate *gate,
                      const struct settings_listener *listener, uv_tcp_t *tcp)
{
    const struct config_networks *trusted = &listener->config->proxy_from;
    union address peer = address_of_peer(tcp);
    struct arrival *a;
    int failed;

    if (!network_any_holds(trusted->at, trusted->count, &peer.any)) {
        note(gate, listener, &peer, UNTRUSTED, LOG_LEVEL_INFO,
             "does not stand in proxy_from");
        tcp_discard(tcp);
        return;
    }
    if (gate->waiting_count >= PROXY_HEADERS_AWAITED_MAX)
        refuse(gate->waiting, LATE, LOG_LEVEL_WARNING,
               "too many wait for their PROXY headers, and it is the oldest");
    a = wait_for_header(gate, listener, tcp, &peer);
    if (a == NULL) {
        tcp_discard(tcp);
        return;
    }
    failed = uv_read_start((uv_stream_t *)tcp, on_alloc, on_read);
    if (failed < 0)
        on_gone(a, failed);
}

void proxy_gate_clear(struct proxy_gate *gate)
{
    while (gate->waiting != NULL)
        refuse(gate->waiting, CLOSED, LOG_LEVEL_DEBUG, "the service ends");
}

void proxy_gate_init(struct proxy_gate *gate, uv_loop_t *loop,
                     struct counters *counters, proxy_gate_passed *passed,
                     void *owner)
{
    *gate = (struct proxy_gate){
        .loop = loop, .counters = counters, .passed = passed, .owner = owner
    };
}
