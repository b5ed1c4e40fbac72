#include "server/log_sink.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define IDENTIFIER "popinjay"
#define HEAD_MAX 160

static const char *const usual_places[] = {
    [LOG_TO_STDERR] = "",
    [LOG_TO_SYSLOG] = "/dev/log",
    [LOG_TO_JOURNAL] = "/run/systemd/journal/socket",
};

/* RFC 3164 §4.1.1 */
static unsigned severity_of(enum log_level level)
{
    switch (level) {
    case LOG_LEVEL_ERROR:
        return 3;
    case LOG_LEVEL_WARNING:
        return 4;
    case LOG_LEVEL_INFO:
        return 6;
    case LOG_LEVEL_DEBUG:
        break;
    }
    return 7;
}

static unsigned facility_number(enum log_facility facility)
{
    static const unsigned numbers[] = {
        [LOG_FACILITY_MAIL] = 2, [LOG_FACILITY_DAEMON] = 3,
        [LOG_FACILITY_AUTH] = 4, [LOG_FACILITY_AUTHPRIV] = 10,
        [LOG_FACILITY_USER] = 1,
    };

    if (facility >= LOG_FACILITY_LOCAL0)
        return 16 + (unsigned)(facility - LOG_FACILITY_LOCAL0);
    return numbers[facility];
}

/* --- opening --- */

/* JOURNAL_STREAM is DEVICE:INODE of what systemd has connected; a program that
 * was started with its error elsewhere inherits the variable all the same.
 */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char ours[64];
    struct stat st;

    if (stream == NULL || fstat(STDERR_FILENO, &st) != 0)
        return false;
    (void)snprintf(ours, sizeof(ours), "%llu:%llu",
                   (unsigned long long)st.st_dev,
                   (unsigned long long)st.st_ino);
    return strcmp(stream, ours) == 0;
}

/* Connected only to see whether somebody is there: each line names the address
 * anew, so that a daemon that was started anew is found.
 */
static bool somebody_listens(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool connected = fd >= 0 && connect(fd, (const struct sockaddr *)address,
                                        sizeof(*address)) == 0;
    int why = errno;

    if (fd >= 0)
        (void)close(fd);
    errno = why;
    return connected;
}

bool log_sink_open(struct log_sink *sink, enum log_to to,
                   enum log_facility facility, const char *path, char *error,
                   size_t error_size)
{
    *sink = (struct log_sink){ .to = to,
                               .facility = facility_number(facility),
                               .fd = -1 };
    if (to == LOG_TO_STDERR) {
        sink->prefixes_level = stderr_is_journal();
        return true;
    }
    if (path == NULL)
        path = usual_places[to];
    if (strlen(path) >= sizeof(sink->address.sun_path)) {
        (void)snprintf(error, error_size, "%s: longer than a socket's name",
                       path);
        return false;
    }
    sink->address.sun_family = AF_UNIX;
    memcpy(sink->address.sun_path, path, strlen(path) + 1);
    tzset(); /* before there are threads: syslog's times are local */
    if (somebody_listens(&sink->address))
        sink->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (sink->fd < 0)
        (void)snprintf(error, error_size, "%s: %s", path, strerror(errno));
    return sink->fd >= 0;
}

void log_sink_close(struct log_sink *sink)
{
    if (sink->fd >= 0)
        (void)close(sink->fd);
    sink->fd = -1;
}

/* --- writing --- */

static struct iovec piece(struct span s)
{
    /* The type is that of reading, too. */
    union {
        const void *from;
        void *to;
    } octets = { .from = s.data };

    return (struct iovec){ octets.to, s.len };
}

static size_t total(const struct iovec *pieces, size_t count)
{
    size_t sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += pieces[i].iov_len;
    return sum;
}

/* A pipe that is ready takes LOG_RECORD_MAX octets without waiting; a reader
 * that has stopped reading must not stop the sessions.
 */
static bool write_stderr(const struct log_sink *sink,
                         const struct log_record *r, struct span line)
{
    struct pollfd fd = { .fd = STDERR_FILENO, .events = POLLOUT };
    char prefix[8] = "";
    struct iovec pieces[2];

    if (sink->prefixes_level)
        (void)snprintf(prefix, sizeof(prefix), "<%u>", severity_of(r->level));
    pieces[0] = piece(span_from_string(prefix));
    pieces[1] = piece(line);
    return poll(&fd, 1, 0) == 1 && (fd.revents & POLLOUT) != 0 &&
           writev(STDERR_FILENO, pieces, 2) == (ssize_t)total(pieces, 2);
}

static bool send_pieces(const struct log_sink *sink, struct iovec *pieces,
                        size_t count)
{
    struct sockaddr_un address = sink->address;
    struct msghdr message = { .msg_name = &address,
                              .msg_namelen = sizeof(address),
                              .msg_iov = pieces,
                              .msg_iovlen = count };

    return sendmsg(sink->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

/* The form of syslog(3): its daemon knows the host. */
static bool write_syslog(const struct log_sink *sink,
                         const struct log_record *r, struct span line)
{
    time_t now = time(NULL);
    struct tm local;
    char when[32] = "";
    char head[HEAD_MAX];
    struct iovec pieces[2];

    if (localtime_r(&now, &local) != NULL)
        (void)strftime(when, sizeof(when), "%b %e %T ", &local);
    (void)snprintf(head, sizeof(head), "<%u>%s" IDENTIFIER "[%d]: ",
                   sink->facility * 8 + severity_of(r->level), when,
                   (int)getpid());
    (void)span_take(&line, r->time_length);
    line.len--; /* its LF */
    pieces[0] = piece(span_from_string(head));
    pieces[1] = piece(line);
    return send_pieces(sink, pieces, 2);
}

/* The line with its LF is the field MESSAGE. */
static bool write_journal(const struct log_sink *sink,
                          const struct log_record *r, struct span line)
{
    char head[HEAD_MAX];
    struct iovec pieces[3];

    (void)snprintf(head, sizeof(head),
                   "SYSLOG_IDENTIFIER=" IDENTIFIER "\nPRIORITY=%u\n"
                   "SYSLOG_FACILITY=%u\nMESSAGE=",
                   severity_of(r->level), sink->facility);
    (void)span_take(&line, r->time_length);
    pieces[0] = piece(span_from_string(head));
    pieces[1] = piece(line);
    pieces[2] = piece(buf_span(&r->fields));
    return send_pieces(sink, pieces, 3);
}

bool log_sink_write(const struct log_sink *sink, const struct log_record *r,
                    struct span line)
{
    switch (sink->to) {
    case LOG_TO_STDERR:
        return write_stderr(sink, r, line);
    case LOG_TO_SYSLOG:
        return write_syslog(sink, r, line);
    case LOG_TO_JOURNAL:
        break;
    }
    return write_journal(sink, r, line);
}
