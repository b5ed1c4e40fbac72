#include "bench/loop.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "bench/options.h"

#define NS_PER_SECOND 1000000000U

static int must_open(int fd, const char *what)
{
    if (fd < 0)
        die(EXIT_FAILED, "%s: %s", what, strerror(errno));
    return fd;
}

/* --- sources --- */

static void control(struct loop *loop, int operation, struct source *s)
{
    struct epoll_event event = { .events = s->events, .data.ptr = s };

    if (epoll_ctl(loop->epoll, operation, s->fd, &event) != 0)
        die(EXIT_FAILED, "epoll_ctl: %s", strerror(errno));
}

void loop_add(struct loop *loop, struct source *s, uint32_t events)
{
    s->events = events;
    control(loop, EPOLL_CTL_ADD, s);
}

void loop_change(struct loop *loop, struct source *s, uint32_t events)
{
    if (s->events == events)
        return;
    s->events = events;
    control(loop, EPOLL_CTL_MOD, s);
}

/* What the kernel has told already, and was not passed on yet, is for nobody.
 */
void loop_remove(struct loop *loop, struct source *s)
{
    control(loop, EPOLL_CTL_DEL, s);
    for (int i = loop->current + 1; i < loop->batched; i++)
        if (loop->batch[i].data.ptr == s)
            loop->batch[i].data.ptr = NULL;
}

/* --- running --- */

static void on_stop(struct source *s, uint32_t events)
{
    struct loop *loop = s->owner;

    (void)events;
    loop->stopped = true;
}

void loop_init(struct loop *loop)
{
    memset(loop, 0, sizeof(*loop));
    loop->epoll = must_open(epoll_create1(EPOLL_CLOEXEC), "epoll");
    loop->wake = (struct source){
        .fd = must_open(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd"),
        .ready = on_stop,
        .owner = loop,
    };
    loop->signals.fd = -1;
    loop_add(loop, &loop->wake, EPOLLIN);
}

void loop_fini(struct loop *loop)
{
    close(loop->epoll);
    close(loop->wake.fd);
    if (loop->signals.fd >= 0)
        close(loop->signals.fd);
}

void loop_stop_on_signals(struct loop *loop)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    loop->signals = (struct source){
        .fd = must_open(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK),
                        "signalfd"),
        .ready = on_stop,
        .owner = loop,
    };
    loop_add(loop, &loop->signals, EPOLLIN);
}

void loop_stop(struct loop *loop)
{
    uint64_t one = 1;

    if (write(loop->wake.fd, &one, sizeof(one)) < 0)
        die(EXIT_FAILED, "eventfd: %s", strerror(errno));
}

void loop_run(struct loop *loop)
{
    while (!loop->stopped) {
        loop->batched =
            epoll_wait(loop->epoll, loop->batch, LOOP_BATCH_MAX, -1);
        if (loop->batched < 0 && errno != EINTR)
            die(EXIT_FAILED, "epoll_wait: %s", strerror(errno));
        for (loop->current = 0; loop->current < loop->batched;
             loop->current++) {
            struct epoll_event *e = &loop->batch[loop->current];
            struct source *s = e->data.ptr;

            if (s != NULL)
                s->ready(s, e->events);
        }
    }
    loop->batched = 0;
}

/* --- time --- */

void timer_init(struct loop *loop, struct source *s, source_ready *ready,
                void *owner)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

    *s = (struct source){ .fd = must_open(fd, "timerfd"),
                          .ready = ready,
                          .owner = owner };
    loop_add(loop, s, EPOLLIN);
}

/* To set it also takes back that it has rung. */
void timer_set(struct source *s, uint64_t at_ns)
{
    struct itimerspec at = { .it_value = {
                                 .tv_sec = (time_t)(at_ns / NS_PER_SECOND),
                                 .tv_nsec = (long)(at_ns % NS_PER_SECOND) } };

    if (timerfd_settime(s->fd, TFD_TIMER_ABSTIME, &at, NULL) != 0)
        die(EXIT_FAILED, "timerfd: %s", strerror(errno));
}

void timer_fini(struct loop *loop, struct source *s)
{
    loop_remove(loop, s);
    close(s->fd);
}

uint64_t clock_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

double clock_cpu_seconds(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}
