/* status_parts.h - the parts of the page for people, shared by its source files
 * only: status_html.c (the page), status_notices.c, status_picture.c,
 * status_upstreams.c, status_certificates.c.
 */
#ifndef POPINJAY_SERVER_STATUS_PARTS_H
#define POPINJAY_SERVER_STATUS_PARTS_H

#include "base/attributes.h"
#include "base/buf.h"
#include "server/history.h"
#include "server/status_figures.h"

/* A certificate that expires so soon is worth a notice, and so soon a loud one.
 */
#define CERTIFICATE_WARN_DAYS 14
#define CERTIFICATE_ALARM_DAYS 3

/* Until it expires, which it does at |end_s|, Unix time; negative: since. */
int64_t status_days_left(int64_t end_s, const struct status_figures *f);

/* What a person on call should know first, the worst first. False: one of them
 * found no memory.
 */
MUST_CHECK bool status_write_notices(struct buf *out,
                                     const struct status_figures *f,
                                     const struct history_minute *hour);

/* Where people look for it, what matters of the upstreams; and at the end, of
 * several, the rest of each.
 */
void status_write_upstreams(struct buf *out, const struct status_figures *f);
void status_write_each_upstream(struct buf *out,
                                const struct status_figures *f);

/* How long things take, upstreams together. */
void status_write_stages(struct buf *out, const struct status_figures *f);

void status_write_certificates(struct buf *out, const struct status_figures *f);

void status_write_picture(struct buf *out, const struct status_figures *f,
                          const struct history_minute *hour);

#endif
