/* loop.h - descriptors that become ready, and whom they wake.
 *
 * The barest loop that epoll gives, so that what the benchmark compares the
 * proxy with carries no library's weight. Everything that happens is a
 * descriptor: sockets, timers (timerfd), signals (signalfd).
 *
 * Thread: each its own loop; only loop_stop may be called by others.
 */
#ifndef POPINJAY_TESTS_BENCH_LOOP_H
#define POPINJAY_TESTS_BENCH_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

/* What one recv takes. */
#define LOOP_RECEIVE_MAX 65536
#define LOOP_BATCH_MAX 64

struct source;

/* |events| as epoll's. May remove this source and any other. */
typedef void source_ready(struct source *s, uint32_t events);

struct source {
    int fd;
    uint32_t events; /* that are waited for */
    source_ready *ready;
    void *owner;
};

struct loop {
    int epoll;
    bool stopped;
    struct source wake; /* loop_stop */
    struct source signals;
    struct epoll_event batch[LOOP_BATCH_MAX];
    int batched;
    int current; /* of the batch */
    /* Lent to whoever runs, for as long as it does. */
    unsigned char received[LOOP_RECEIVE_MAX];
};

/* Ends the process where the system has no descriptors left. */
void loop_init(struct loop *loop);
void loop_fini(struct loop *loop);

/* SIGTERM and SIGINT stop this loop. To be called before threads are made, so
 * that no other thread takes them.
 */
void loop_stop_on_signals(struct loop *loop);

/* |s|->fd, ready and owner are set; it stays where it is until removed. */
void loop_add(struct loop *loop, struct source *s, uint32_t events);
void loop_change(struct loop *loop, struct source *s, uint32_t events);

/* It is not woken again. Does not close the descriptor. */
void loop_remove(struct loop *loop, struct source *s);

/* Until it is stopped. */
void loop_run(struct loop *loop);

/* By any thread. */
void loop_stop(struct loop *loop);

/* A timer, as a source; it begins at rest, and rings once for each setting. */
void timer_init(struct loop *loop, struct source *s, source_ready *ready,
                void *owner);
void timer_set(struct source *s, uint64_t at_ns);
void timer_fini(struct loop *loop, struct source *s);

/* The clock that timers go by. */
uint64_t clock_now_ns(void);

/* Of this process, in user and system mode. */
double clock_cpu_seconds(void);

#endif
