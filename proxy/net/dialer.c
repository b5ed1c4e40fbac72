#include "net/dialer.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

struct attempt {
    struct dialer *dialer;
    struct sockaddr_storage address;
    uv_connect_t request;
    uv_tcp_t *tcp; /* NULL: not begun, or over */
    uint64_t deadline_ms;
};

struct dialer {
    uv_loop_t *loop;
    dialer_done *done; /* NULL: has called, or will not */
    void *owner;
    uint16_t port;
    uv_getaddrinfo_t lookup;
    uv_timer_t timer;
    bool looking_up;
    unsigned open_handles; /* the timer, the lookup and each |tcp| */
    struct attempt attempts[CONNECT_ADDRESSES_MAX]; /* in their order */
    size_t count;
    size_t next; /* not begun yet from here on */
    uint64_t next_ms;
    const char *failure; /* the last one */
};

/* --- the end of it --- */

static void release(struct dialer *d)
{
    assert(d->open_handles > 0);
    if (--d->open_handles == 0)
        free(d);
}

static void on_tcp_closed(uv_handle_t *handle)
{
    struct dialer *d = handle->data;

    free(handle);
    release(d);
}

static void on_timer_closed(uv_handle_t *handle)
{
    release(handle->data);
}

static void drop(struct attempt *a)
{
    if (a->tcp == NULL)
        return;
    uv_close((uv_handle_t *)a->tcp, on_tcp_closed);
    a->tcp = NULL;
}

/* A lookup that has begun cannot be stopped; its callback is awaited. */
static void retire(struct dialer *d)
{
    d->done = NULL;
    for (size_t i = 0; i < d->count; i++)
        drop(&d->attempts[i]);
    if (d->looking_up)
        uv_cancel((uv_req_t *)&d->lookup);
    uv_close((uv_handle_t *)&d->timer, on_timer_closed);
}

static void finish(struct dialer *d, uv_tcp_t *tcp, const char *failure)
{
    dialer_done *done = d->done;
    void *owner = d->owner;

    retire(d);
    done(owner, tcp, failure);
}

void dialer_cancel(struct dialer *d)
{
    if (d != NULL)
        retire(d);
}

/* --- attempts --- */

static void proceed(struct dialer *d);

static void on_connected(uv_connect_t *request, int status)
{
    struct attempt *a = request->data;
    struct dialer *d = a->dialer;
    uv_tcp_t *tcp = a->tcp;

    if (d->done == NULL || tcp == NULL) /* dropped meanwhile */
        return;
    if (status < 0) {
        d->failure = uv_strerror(status);
        drop(a);
        d->next_ms = 0; /* the next one at once */
        proceed(d);
        return;
    }
    a->tcp = NULL;
    tcp->data = NULL;
    d->open_handles--; /* the timer keeps it above 0 */
    finish(d, tcp, NULL);
}

static int begin_on(struct attempt *a, uv_tcp_t *tcp)
{
    struct dialer *d = a->dialer;
    int status = uv_tcp_init(d->loop, tcp);

    if (status < 0) {
        free(tcp);
        return status;
    }
    tcp->data = d;
    d->open_handles++;
    a->tcp = tcp;
    a->request.data = a;
    a->deadline_ms = uv_now(d->loop) + CONNECT_TIMEOUT_MS;
    status = uv_tcp_connect(&a->request, tcp,
                            (const struct sockaddr *)&a->address, on_connected);
    if (status < 0)
        drop(a);
    return status;
}

/* False: it failed at once, as without a route. */
static bool begin(struct attempt *a)
{
    uv_tcp_t *tcp = malloc(sizeof(*tcp));
    int status = tcp != NULL ? begin_on(a, tcp) : UV_ENOMEM;

    if (status < 0)
        a->dialer->failure = uv_strerror(status);
    return status == 0;
}

static void drop_late(struct dialer *d, uint64_t now_ms)
{
    for (size_t i = 0; i < d->next; i++) {
        struct attempt *a = &d->attempts[i];

        if (a->tcp != NULL && a->deadline_ms <= now_ms) {
            d->failure = uv_strerror(UV_ETIMEDOUT);
            drop(a);
        }
    }
}

/* When there is something to do again; UINT64_MAX: never. */
static uint64_t deadline(const struct dialer *d)
{
    uint64_t first_ms = d->next < d->count ? d->next_ms : UINT64_MAX;

    for (size_t i = 0; i < d->next; i++) {
        const struct attempt *a = &d->attempts[i];

        if (a->tcp != NULL && a->deadline_ms < first_ms)
            first_ms = a->deadline_ms;
    }
    return first_ms;
}

static void on_time(uv_timer_t *timer)
{
    proceed(timer->data);
}

static void proceed(struct dialer *d)
{
    uint64_t now_ms = uv_now(d->loop);
    uint64_t at_ms;

    drop_late(d, now_ms);
    while (d->next < d->count && d->next_ms <= now_ms) {
        if (begin(&d->attempts[d->next++]))
            d->next_ms = now_ms + ATTEMPT_DELAY_MS;
    }
    at_ms = deadline(d);
    if (at_ms == UINT64_MAX) {
        finish(d, NULL, d->failure);
        return;
    }
    uv_timer_start(&d->timer, on_time, at_ms > now_ms ? at_ms - now_ms : 0, 0);
}

/* --- addresses --- */

static void add(struct dialer *d, const void *address, size_t len)
{
    struct attempt *a = &d->attempts[d->count++];
    void *as_is = &a->address;

    assert(len <= sizeof(a->address));
    a->dialer = d;
    memcpy(as_is, address, len);
    if (a->address.ss_family == AF_INET)
        ((struct sockaddr_in *)as_is)->sin_port = htons(d->port);
    else
        ((struct sockaddr_in6 *)as_is)->sin6_port = htons(d->port);
}

static const struct addrinfo *skip_to(const struct addrinfo *at, bool family6)
{
    while (at != NULL && at->ai_family != (family6 ? AF_INET6 : AF_INET))
        at = at->ai_next;
    return at;
}

/* RFC 8305 §4: the families in turn, beginning with the one that the resolver
 * puts first: IPv6, unless this host has no way out by it (RFC 6724).
 */
static void interleave(struct dialer *d, const struct addrinfo *found)
{
    bool family6 = found != NULL && found->ai_family == AF_INET6;
    const struct addrinfo *v6 = skip_to(found, true);
    const struct addrinfo *v4 = skip_to(found, false);

    while (d->count < CONNECT_ADDRESSES_MAX && (v6 != NULL || v4 != NULL)) {
        const struct addrinfo **from = family6 ? &v6 : &v4;

        if (*from != NULL) {
            add(d, (*from)->ai_addr, (*from)->ai_addrlen);
            *from = skip_to((*from)->ai_next, family6);
        }
        family6 = !family6;
    }
}

static void on_found(uv_getaddrinfo_t *lookup, int status,
                     struct addrinfo *found)
{
    struct dialer *d = lookup->data;

    d->looking_up = false;
    if (d->done == NULL) {
        uv_freeaddrinfo(found);
        release(d);
        return;
    }
    d->open_handles--; /* the timer keeps it above 0 */
    d->failure = uv_strerror(status < 0 ? status : UV_EAI_NODATA);
    if (status == 0)
        interleave(d, found);
    uv_freeaddrinfo(found);
    proceed(d);
}

/* An address needs no thread of the pool. */
static bool take_literal(struct dialer *d, const char *host)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (uv_ip4_addr(host, d->port, &v4) == 0) {
        add(d, &v4, sizeof(v4));
        return true;
    }
    if (uv_ip6_addr(host, d->port, &v6) == 0) {
        add(d, &v6, sizeof(v6));
        return true;
    }
    return false;
}

static void look_up(struct dialer *d, const char *host)
{
    static const struct addrinfo hints = { .ai_family = AF_UNSPEC,
                                           .ai_socktype = SOCK_STREAM,
                                           .ai_flags = AI_ADDRCONFIG };
    int status;

    d->lookup.data = d;
    status = uv_getaddrinfo(d->loop, &d->lookup, on_found, host, NULL, &hints);
    if (status < 0) {
        d->failure = uv_strerror(status);
        return;
    }
    d->looking_up = true;
    d->open_handles++;
}

struct dialer *dialer_start(uv_loop_t *loop, const char *host, uint16_t port,
                            dialer_done *done, void *owner)
{
    struct dialer *d = calloc(1, sizeof(*d));

    if (d == NULL)
        return NULL;
    d->loop = loop;
    d->done = done;
    d->owner = owner;
    d->port = port;
    uv_timer_init(loop, &d->timer);
    d->timer.data = d;
    d->open_handles = 1;
    if (!take_literal(d, host))
        look_up(d, host);
    if (!d->looking_up) /* not now: the caller does not know it yet */
        uv_timer_start(&d->timer, on_time, 0, 0);
    return d;
}
