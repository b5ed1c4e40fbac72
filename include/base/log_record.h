/* log_record.h - one line of log, put together field by field.
 *
 * Every event and every field has its line in deploy/docs/logs.md.
 *
 * A record is a level, an event and named values. It renders as text
 * (`2026-01-31T10:20:30.123Z info login session=1f listener=pop3s user="a b"`)
 * or as one JSON object a line. Values from outside are escaped: control
 * octets, quotes, backslashes and what is not UTF-8 (CONFORMANCE DEC-21).
 * There is no field for a password, a token or message content, and no level
 * at which one would be written.
 */
#ifndef POPINJAY_BASE_LOG_RECORD_H
#define POPINJAY_BASE_LOG_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/span.h"

enum log_level {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG,
};

enum log_format {
    LOG_FORMAT_TEXT,
    LOG_FORMAT_JSON,
};

/* A record with its LF is never longer: a field that would pass it is left out
 * along with all that follow, and `cut=yes` says so. It is what a pipe takes
 * in one piece (POSIX PIPE_BUF on Linux).
 */
#define LOG_RECORD_MAX 4096
/* The same fields one by one have longer names. */
#define LOG_FIELDS_MAX (2 * LOG_RECORD_MAX)
/* Octets of a value that are shown; `...` stands for the rest. */
#define LOG_VALUE_MAX 512

struct log_record {
    enum log_format format;
    enum log_level level;
    const char *event;
    bool cut;
    size_t time_length; /* of a text line; what writes times itself skips it */
    bool keeps_fields;
    struct buf line;
    struct buf fields; /* log_record_keep_fields */
};

/* |unix_ms| is the wall clock; |event| a short word of ours. */
void log_record_begin(struct log_record *r, enum log_format format,
                      enum log_level level, uint64_t unix_ms,
                      const char *event);

/* From here on each field is kept one by one as well, for the journal:
 * `POPINJAY_USER=value` and an LF, the value escaped as in text. Right behind
 * log_record_begin, whose event is kept too.
 */
void log_record_keep_fields(struct log_record *r);

void log_record_add_text(struct log_record *r, const char *key,
                         struct span value);
void log_record_add_string(struct log_record *r, const char *key,
                           const char *value);
void log_record_add_number(struct log_record *r, const char *key,
                           uint64_t value);

/* The whole line with its LF; valid until log_record_fini. Empty where there
 * was no memory.
 */
struct span log_record_end(struct log_record *r);
void log_record_fini(struct log_record *r);

#endif
