/* log.h - the log of the process.
 *
 * Thread-safe: a record is put together in the caller's memory and leaves in
 * one piece, so lines of several workers never mix. Nobody waits for the log.
 * Events and fields: deploy/docs/logs.md.
 *
 *     struct log_record r;
 *
 *     if (!log_wants(LOG_LEVEL_INFO))
 *         return;
 *     log_begin(&r, LOG_LEVEL_INFO, "login");
 *     log_record_add_text(&r, "user", user);
 *     log_write(&r);
 */
#ifndef POPINJAY_SERVER_LOG_H
#define POPINJAY_SERVER_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/log_record.h"
#include "base/log_repeats.h"
#include "server/log_sink.h"

/* As [server] of the configuration has it. */
struct log_settings {
    enum log_level level;
    enum log_format format;
    enum log_to to;
    enum log_facility facility;
    char *socket; /* NULL: the usual place */
    uint32_t repeat_limit;
    uint64_t repeat_window_ms;
};

/* At start, and again at any time for other settings; borrows nothing. Before
 * the first time: info, text, standard error, each line. False where the log
 * daemon is not to be had: |error| says why, and the log stays as it was.
 */
MUST_CHECK bool log_open(const struct log_settings *settings, char *error,
                         size_t error_size);

/* Whether records of |level| are written. */
bool log_wants(enum log_level level);

/* Begins a record with the wall clock's time. It holds memory until
 * log_write, which must follow.
 */
void log_begin(struct log_record *r, enum log_level level, const char *event);

/* Writes the record if its level is wanted, and frees it. A log that cannot be
 * written to (its reader is gone, the disk is full) loses the line: sessions
 * do not wait for it and do not end for it.
 */
void log_write(struct log_record *r);

/* The same for what was asked for by name, whatever the level. */
void log_write_asked(struct log_record *r);

/* The same for a failure that may come in great number: beyond repeat_limit
 * equal ones in a window are counted, and told in one line at its end.
 *
 * reason    a constant; "" where there is none
 * peer_key  a constant: "client", "upstream"
 */
void log_write_failure(struct log_record *r, const char *reason,
                       const char *peer_key, const char *peer);

/* Writes the counts of windows that are over; |all|: at the end, of all. To be
 * called about once a second.
 */
void log_summarize(bool all);

/* A record without further values than one text, or none where NULL. */
void log_event(enum log_level level, const char *event, const char *text);

#endif
