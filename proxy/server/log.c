#include "server/log.h"

#include <poll.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

/* Set before there are threads, read-only from then on. */
static enum log_level wanted = LOG_LEVEL_INFO;
static enum log_format format = LOG_FORMAT_TEXT;

/* Under the lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t lost;

void log_open(enum log_level level, enum log_format log_format)
{
    wanted = level;
    format = log_format;
}

bool log_wants(enum log_level level)
{
    return level <= wanted;
}

static uint64_t unix_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void log_begin(struct log_record *r, enum log_level level, const char *event)
{
    log_record_begin(r, format, level, unix_ms(), event);
}

/* A pipe that is ready takes LOG_RECORD_MAX octets without waiting; a reader
 * that has stopped reading must not stop the sessions.
 */
static bool write_line(struct span line)
{
    struct pollfd fd = { .fd = STDERR_FILENO, .events = POLLOUT };

    return poll(&fd, 1, 0) == 1 && (fd.revents & POLLOUT) != 0 &&
           write(STDERR_FILENO, line.data, line.len) == (ssize_t)line.len;
}

/* Says how many lines were lost since the last one that was not. */
static bool write_lost(void)
{
    struct log_record r;
    bool written;

    log_begin(&r, LOG_LEVEL_WARNING, "log_lost");
    log_record_add_number(&r, "lines", lost);
    written = write_line(log_record_end(&r));
    log_record_fini(&r);
    return written;
}

void log_write(struct log_record *r)
{
    if (log_wants(r->level)) {
        struct span line = log_record_end(r);

        (void)pthread_mutex_lock(&lock);
        if (lost > 0 && write_lost())
            lost = 0;
        if (line.len == 0 || lost > 0 || !write_line(line))
            lost++;
        (void)pthread_mutex_unlock(&lock);
    }
    log_record_fini(r);
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
