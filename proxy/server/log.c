#include "server/log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

static _Atomic enum log_level wanted = LOG_LEVEL_INFO;
static _Atomic enum log_format format = LOG_FORMAT_TEXT;
static atomic_bool keeps_fields;

/* Under the lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct log_sink sink = { .to = LOG_TO_STDERR, .fd = -1 };
static struct log_repeats repeats; /* all zero: each line is written */
static uint64_t lost;

static uint64_t clock_ms(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool log_open(const struct log_settings *settings, char *error,
              size_t error_size)
{
    struct log_sink opened;

    if (!log_sink_open(&opened, settings->to, settings->facility,
                       settings->socket, error, error_size))
        return false;
    log_summarize(true); /* while what was counted still has its place */
    atomic_store(&wanted, settings->level);
    atomic_store(&format, settings->format);
    atomic_store(&keeps_fields, settings->to == LOG_TO_JOURNAL);
    (void)pthread_mutex_lock(&lock);
    log_sink_close(&sink);
    sink = opened;
    log_repeats_init(&repeats, settings->repeat_limit,
                     settings->repeat_window_ms);
    (void)pthread_mutex_unlock(&lock);
    return true;
}

bool log_wants(enum log_level level)
{
    return level <= atomic_load_explicit(&wanted, memory_order_relaxed);
}

void log_begin(struct log_record *r, enum log_level level, const char *event)
{
    log_record_begin(r, atomic_load_explicit(&format, memory_order_relaxed),
                     level, clock_ms(CLOCK_REALTIME), event);
    if (atomic_load_explicit(&keeps_fields, memory_order_relaxed))
        log_record_keep_fields(r);
}

/* --- under the lock --- */

static bool put(struct log_record *r)
{
    struct span line = log_record_end(r);

    return line.len > 0 && log_sink_write(&sink, r, line);
}

/* Says how many lines were lost since the last one that was not. */
static bool put_lost(void)
{
    struct log_record r;
    bool written;

    log_begin(&r, LOG_LEVEL_WARNING, "log_lost");
    log_record_add_number(&r, "lines", lost);
    written = put(&r);
    log_record_fini(&r);
    return written;
}

static void put_or_lose(struct log_record *r)
{
    if (lost > 0 && put_lost())
        lost = 0;
    if (lost > 0 || !put(r))
        lost++;
}

static void put_summary(const struct log_summary *s)
{
    struct log_record r;

    log_begin(&r, s->level, s->failure.event);
    log_record_add_number(&r, "repeated", s->repeated);
    log_record_add_number(&r, "seconds", repeats.window_ms / 1000);
    if (s->failure.peer[0] != '\0')
        log_record_add_string(&r, s->failure.peer_key, s->failure.peer);
    if (s->failure.reason[0] != '\0')
        log_record_add_string(&r, "reason", s->failure.reason);
    put_or_lose(&r);
    log_record_fini(&r);
}

/* --- for all --- */

static void write_locked(struct log_record *r)
{
    (void)pthread_mutex_lock(&lock);
    put_or_lose(r);
    (void)pthread_mutex_unlock(&lock);
}

void log_write(struct log_record *r)
{
    if (log_wants(r->level))
        write_locked(r);
    log_record_fini(r);
}

void log_write_asked(struct log_record *r)
{
    write_locked(r);
    log_record_fini(r);
}

void log_write_failure(struct log_record *r, const char *reason,
                       const char *peer_key, const char *peer)
{
    struct log_failure failure = { r->event, reason, peer_key, "" };

    if (log_wants(r->level)) {
        (void)snprintf(failure.peer, sizeof(failure.peer), "%s", peer);
        (void)pthread_mutex_lock(&lock);
        if (log_repeats_admit(&repeats, &failure, r->level,
                              clock_ms(CLOCK_MONOTONIC)))
            put_or_lose(r);
        (void)pthread_mutex_unlock(&lock);
    }
    log_record_fini(r);
}

void log_summarize(bool all)
{
    uint64_t now_ms = all ? UINT64_MAX : clock_ms(CLOCK_MONOTONIC);
    struct log_summary summary;

    (void)pthread_mutex_lock(&lock);
    while (log_repeats_take(&repeats, now_ms, &summary))
        put_summary(&summary);
    (void)pthread_mutex_unlock(&lock);
}

void log_event(enum log_level level, const char *event, const char *text)
{
    struct log_record r;

    if (!log_wants(level))
        return;
    log_begin(&r, level, event);
    if (text != NULL)
        log_record_add_string(&r, "text", text);
    log_write(&r);
}
