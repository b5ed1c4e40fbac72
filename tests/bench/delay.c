/* delay.c - a TCP relay that stands for distance: what comes in leaves after a
 * fixed time, in each direction.
 *
 *   delay [--listen HOST:PORT] --connect HOST:PORT --delay-ms N
 *
 * The bandwidth is unlimited. A round trip takes 2 N ms, and so does
 * connecting: the accepting side cannot but answer at once, so instead nothing
 * of a new connection is read until a round trip later, when a distant peer's
 * answer would have come, and the other end is dialled N ms after that, when
 * the last part of the handshake would have reached it. So whoever connects
 * and waits for a greeting has it after two round trips, as over a real line.
 *
 * FIN and RST are passed on as late as octets. Reading pauses while
 * QUEUED_MAX octets of a direction are on their way.
 */
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "base/span.h"
#include "bench/endpoint.h"
#include "bench/loop.h"
#include "bench/options.h"

#define QUEUED_MAX (16 * 1024 * 1024)
#define NS_PER_MS UINT64_C(1000000)
#define DELAY_MS_MAX 10000

struct line;
struct delay;

enum parcel_kind {
    PARCEL_OCTETS,
    PARCEL_END,   /* FIN */
    PARCEL_RESET, /* RST */
    PARCEL_DIAL,  /* the other end is connected to */
    PARCEL_OPEN,  /* reading begins */
};

/* What is on its way to |to|, or has arrived there and is not taken yet. */
struct parcel {
    struct parcel *prev;
    struct parcel *next;
    struct end *to;
    enum parcel_kind kind;
    uint64_t due_ns;
    size_t len;
    size_t sent;
    unsigned char octets[];
};

/* One of the two sockets of a line. */
struct end {
    struct line *line;
    struct source source;   /* fd -1: not yet, or no more */
    struct parcel *arrived; /* in their order */
    size_t queued;          /* octets for it, on their way or arrived */
    bool opened;            /* it is read */
    bool ended;             /* it sends no more */
    bool shut;              /* nothing more is sent to it */
};

struct line {
    struct delay *delay;
    struct line *prev;
    struct line *next;
    struct end near;       /* the one that has connected */
    struct end far;        /* the one that we connect to */
    size_t parcels_on_way; /* these still point here */
};

struct delay {
    struct endpoint listen;
    struct endpoint connect;
    uint64_t delay_ns;
    struct loop loop;
    struct source listener;
    struct source timer;
    struct line *lines;
    /* Each in the order in which they are due, since all of them take the same
     * time.
     */
    struct parcel *one_way;
    struct parcel *round_trip;
};

/* --- lines --- */

static struct end *other(struct end *e)
{
    return e == &e->line->near ? &e->line->far : &e->line->near;
}

static void watch(struct end *e)
{
    uint32_t events = 0;

    if (e->source.fd < 0)
        return;
    if (e->opened && !e->ended && other(e)->queued < QUEUED_MAX)
        events |= EPOLLIN;
    if (e->arrived != NULL)
        events |= EPOLLOUT;
    loop_change(&e->line->delay->loop, &e->source, events);
}

static void line_free_if_over(struct line *l)
{
    if (l->near.source.fd >= 0 || l->far.source.fd >= 0 ||
        l->parcels_on_way > 0)
        return;
    DL_DELETE(l->delay->lines, l);
    free(l);
}

/* |reset|: the peer is told by RST. */
static void end_close(struct end *e, bool reset)
{
    static const struct linger hard = { .l_onoff = 1, .l_linger = 0 };

    if (e->source.fd < 0)
        return;
    loop_remove(&e->line->delay->loop, &e->source);
    if (reset)
        (void)setsockopt(e->source.fd, SOL_SOCKET, SO_LINGER, &hard,
                         sizeof(hard));
    close(e->source.fd);
    e->source.fd = -1;
    while (e->arrived != NULL) {
        struct parcel *p = e->arrived;

        DL_DELETE(e->arrived, p);
        free(p);
    }
}

/* --- sending --- */

static void post(struct end *to, enum parcel_kind kind, struct span octets)
{
    struct delay *d = to->line->delay;
    struct parcel *p = malloc(sizeof(*p) + octets.len);
    bool twice = kind == PARCEL_OPEN;

    if (p == NULL)
        die(EXIT_FAILED, "no memory");
    *p = (struct parcel){ .to = to, .kind = kind, .len = octets.len };
    if (octets.len > 0)
        memcpy(p->octets, octets.data, octets.len);
    p->due_ns = clock_now_ns() + (twice ? 2 : 1) * d->delay_ns;
    to->queued += octets.len;
    to->line->parcels_on_way++;
    if (twice)
        DL_APPEND(d->round_trip, p);
    else
        DL_APPEND(d->one_way, p);
}

static void post_mark(struct end *to, enum parcel_kind kind)
{
    post(to, kind, (struct span){ NULL, 0 });
}

/* |e| has failed: gone at once here, and a while later on the other side. */
static void fail(struct end *e)
{
    post_mark(other(e), PARCEL_RESET);
    end_close(e, false);
}

/* True when the socket has taken all of |p|. */
static bool deliver(struct end *e, struct parcel *p)
{
    ssize_t sent;

    if (p->kind == PARCEL_END) {
        (void)shutdown(e->source.fd, SHUT_WR);
        e->shut = true;
        return true;
    }
    sent =
        send(e->source.fd, p->octets + p->sent, p->len - p->sent, MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno != EAGAIN && errno != EINTR)
            fail(e);
        return false;
    }
    p->sent += (size_t)sent;
    e->queued -= (size_t)sent;
    return p->sent == p->len;
}

static void deliver_all(struct end *e)
{
    while (e->arrived != NULL && deliver(e, e->arrived)) {
        struct parcel *p = e->arrived;

        DL_DELETE(e->arrived, p);
        free(p);
    }
    if (e->shut && e->ended)
        end_close(e, false);
    watch(e);
    watch(other(e)); /* there may be room for it now */
}

/* --- receiving --- */

static void receive(struct end *e)
{
    struct delay *d = e->line->delay;
    ssize_t got =
        recv(e->source.fd, d->loop.received, sizeof(d->loop.received), 0);

    if (got > 0) {
        post(other(e), PARCEL_OCTETS, span_make(d->loop.received, (size_t)got));
    } else if (got == 0 && e->ended) { /* a reset behind its end */
        fail(e);
    } else if (got == 0) {
        e->ended = true;
        post_mark(other(e), PARCEL_END);
        if (e->shut)
            end_close(e, false);
    } else if (errno != EAGAIN && errno != EINTR) {
        fail(e);
    }
    watch(e);
}

static void set_timer(struct delay *d);

static void on_ready(struct source *s, uint32_t events)
{
    struct end *e = s->owner;
    struct line *l = e->line;
    struct delay *d = l->delay;

    if ((events & EPOLLOUT) != 0)
        deliver_all(e);
    if (e->source.fd >= 0 && (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0)
        receive(e);
    line_free_if_over(l);
    set_timer(d);
}

/* --- arriving --- */

static void end_open(struct end *e, int fd)
{
    e->source.fd = fd;
    loop_add(&e->line->delay->loop, &e->source, 0);
}

/* A connection that is refused shows when it is read. */
static void dial(struct end *e)
{
    int fd = endpoint_connect(&e->line->delay->connect);

    if (fd < 0) {
        post_mark(other(e), PARCEL_RESET);
        return;
    }
    end_open(e, fd);
    e->opened = true;
    watch(e);
}

/* Takes |p|. */
static void arrive(struct parcel *p)
{
    struct end *e = p->to;
    struct line *l = e->line;

    l->parcels_on_way--;
    switch (p->kind) {
    case PARCEL_OCTETS:
    case PARCEL_END:
        if (e->source.fd < 0)
            break;
        DL_APPEND(e->arrived, p);
        deliver_all(e);
        line_free_if_over(l);
        return;
    case PARCEL_RESET:
        end_close(e, true);
        break;
    case PARCEL_DIAL:
        dial(e);
        break;
    case PARCEL_OPEN:
        e->opened = true;
        watch(e);
        post_mark(other(e), PARCEL_DIAL);
        break;
    }
    free(p);
    line_free_if_over(l);
}

static void arrive_due(struct parcel **queue)
{
    uint64_t now_ns = clock_now_ns();

    while (*queue != NULL && (*queue)->due_ns <= now_ns) {
        struct parcel *p = *queue;

        DL_DELETE(*queue, p);
        arrive(p);
    }
}

/* For whichever is due first; 0 lets it rest. */
static void set_timer(struct delay *d)
{
    uint64_t at_ns = d->one_way != NULL ? d->one_way->due_ns : 0;

    if (d->round_trip != NULL && (at_ns == 0 || d->round_trip->due_ns < at_ns))
        at_ns = d->round_trip->due_ns;
    timer_set(&d->timer, at_ns);
}

static void on_timer(struct source *s, uint32_t events)
{
    struct delay *d = s->owner;

    (void)events;
    arrive_due(&d->round_trip);
    arrive_due(&d->one_way);
    set_timer(d);
}

/* --- the program --- */

static void end_init(struct end *e, struct line *l)
{
    e->line = l;
    e->source = (struct source){ .fd = -1, .ready = on_ready, .owner = e };
}

static void on_listener(struct source *s, uint32_t events)
{
    struct delay *d = s->owner;
    int fd;

    (void)events;
    while ((fd = endpoint_accept(s->fd)) >= 0) {
        struct line *l = calloc(1, sizeof(*l));

        if (l == NULL)
            die(EXIT_FAILED, "no memory");
        l->delay = d;
        end_init(&l->near, l);
        end_init(&l->far, l);
        end_open(&l->near, fd);
        DL_APPEND(d->lines, l);
        post_mark(&l->near, PARCEL_OPEN);
    }
    set_timer(d);
}

static void read_options(struct delay *d, int argc, char **argv)
{
    static const struct option names[] = {
        { "listen", required_argument, NULL, 'l' },
        { "connect", required_argument, NULL, 'c' },
        { "delay-ms", required_argument, NULL, 'd' },
        { NULL, 0, NULL, 0 },
    };
    int c;

    d->listen = endpoint_parse("listen", "127.0.0.1:0");
    while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (c == 'l')
            d->listen = endpoint_parse("listen", optarg);
        else if (c == 'c')
            d->connect = endpoint_parse("connect", optarg);
        else if (c == 'd')
            d->delay_ns =
                option_number("delay-ms", optarg, 0, DELAY_MS_MAX) * NS_PER_MS;
        else
            exit(EXIT_USAGE);
    }
    if (optind != argc)
        die(EXIT_USAGE, "what is %s?", argv[optind]);
    if (d->connect.len == 0)
        die(EXIT_USAGE, "--connect is needed");
}

static void free_parcels(struct parcel **queue)
{
    while (*queue != NULL) {
        struct parcel *p = *queue;

        DL_DELETE(*queue, p);
        p->to->line->parcels_on_way--;
        free(p);
    }
}

static void dispose(struct delay *d)
{
    struct line *l;
    struct line *next;

    free_parcels(&d->one_way);
    free_parcels(&d->round_trip);
    DL_FOREACH_SAFE (d->lines, l, next) {
        end_close(&l->near, false);
        end_close(&l->far, false);
        line_free_if_over(l);
    }
    timer_fini(&d->loop, &d->timer);
    loop_fini(&d->loop);
}

int main(int argc, char **argv)
{
    static struct delay d;

    read_options(&d, argc, argv);
    raise_open_files();
    loop_init(&d.loop);
    loop_stop_on_signals(&d.loop);
    timer_init(&d.loop, &d.timer, on_timer, &d);
    d.listener = (struct source){ .fd = endpoint_listen(&d.listen),
                                  .ready = on_listener,
                                  .owner = &d };
    loop_add(&d.loop, &d.listener, EPOLLIN);
    endpoint_announce(&d.listen);
    loop_run(&d.loop);
    dispose(&d);
    return EXIT_SUCCESS;
}
