/* html_writer.h - the parts that the page for people is put together from.
 *
 * What comes from elsewhere goes through html_escaped and nothing else. A buffer
 * that fails stays failed: ask it at the end.
 */
#ifndef POPINJAY_SERVER_HTML_WRITER_H
#define POPINJAY_SERVER_HTML_WRITER_H

#include <stdint.h>

#include "base/buf.h"

/* Markup, as it stands here. */
void html_text(struct buf *out, const char *markup);

/* Anything else, in text or in an attribute with quotes. */
void html_escaped(struct buf *out, const char *text);

/* "12 345", the gap narrow and not broken at. */
void html_number(struct buf *out, uint64_t value);

/* "1.4 GB" */
void html_octets(struct buf *out, uint64_t octets);

/* "3 min", the greatest unit that fits. */
void html_duration(struct buf *out, uint64_t seconds);

/* "250 ms", "2.5 s" */
void html_latency(struct buf *out, uint64_t ms);

/* "2026-01-31" */
void html_date(struct buf *out, uint64_t unix_s);

/* A heading and a table below it, in a section of its own; |first| and |columns|
 * are the headers of its columns, ended by NULL. Without them the table has a
 * name and a value in each row, which need none. Rows: html_row and cells.
 */
void html_begin_table(struct buf *out, const char *id, const char *title,
                      const char *first, const char *const *columns);
void html_end_table(struct buf *out);

/* `<tr><th>NAME</th>`; the cells and `</tr>` are the caller's. */
void html_begin_row(struct buf *out, const char *name);

/* A whole row of numbers. */
void html_row(struct buf *out, const char *name, uint64_t value);
void html_row_of_two(struct buf *out, const char *name, uint64_t a, uint64_t b);

#endif
