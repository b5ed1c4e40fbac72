/* log_sink.h - where lines of log go: standard error, syslog or the journal.
 *
 * Source: RFC 3164 §4.1 and syslog(3) for the form that /dev/log takes;
 * systemd's "Native Journal Protocol"; sd-daemon(3) for `<6>` before a line.
 * Nothing here waits: what a full pipe or socket does not take is lost, and the
 * caller counts it. A log daemon that starts anew is found again by itself.
 *
 * Thread: one at a time.
 */
#ifndef POPINJAY_SERVER_LOG_SINK_H
#define POPINJAY_SERVER_LOG_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/un.h>

#include "base/attributes.h"
#include "base/log_record.h"

enum log_to {
    LOG_TO_STDERR,
    LOG_TO_SYSLOG,
    LOG_TO_JOURNAL,
};

enum log_facility {
    LOG_FACILITY_MAIL,
    LOG_FACILITY_DAEMON,
    LOG_FACILITY_AUTH,
    LOG_FACILITY_AUTHPRIV,
    LOG_FACILITY_USER,
    LOG_FACILITY_LOCAL0,
    LOG_FACILITY_COUNT = LOG_FACILITY_LOCAL0 + 8, /* local7 is the last */
};

struct log_sink {
    enum log_to to;
    unsigned facility;   /* its number: RFC 3164 §4.1.1 */
    int fd;              /* of the socket; standard error has none */
    bool prefixes_level; /* standard error is the journal's */
    struct sockaddr_un address;
};

/* path  of the log daemon's socket; NULL: its usual place
 *
 * False where nobody listens there: |error| then is one line `PATH: why`.
 */
MUST_CHECK bool log_sink_open(struct log_sink *sink, enum log_to to,
                              enum log_facility facility, const char *path,
                              char *error, size_t error_size);
void log_sink_close(struct log_sink *sink);

/* |line| is what log_record_end made of |r|. False: it is lost. */
MUST_CHECK bool log_sink_write(const struct log_sink *sink,
                               const struct log_record *r, struct span line);

#endif
