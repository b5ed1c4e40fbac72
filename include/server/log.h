/* log.h - the log of the process: records to standard error.
 *
 * Thread-safe: a record is put together in the caller's memory and leaves in
 * one write(2), so lines of several workers never mix.
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

#include "base/log_record.h"

/* Once, before any thread is started. Before it: info, text. */
void log_open(enum log_level level, enum log_format format);

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

/* A record without further values than one text, or none where NULL. */
void log_event(enum log_level level, const char *event, const char *text);

#endif
