/* status_page.h - the figures of the process as pages.
 *
 * Pure: the figures are gathered by the caller. Every series is there from the
 * start, and none is named after a user, a client or a mailbox (CONFORMANCE
 * MET-8), so the size of a page does not depend on who uses the proxy.
 */
#ifndef POPINJAY_SERVER_STATUS_PAGE_H
#define POPINJAY_SERVER_STATUS_PAGE_H

#include <stdbool.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "server/session_gather.h"
#include "server/status_figures.h"

/* A page is never longer; it has no figure that could make it so. */
#define STATUS_PAGE_MAX (3 * 1024 * 1024)

/* The list of sessions is. */
#define STATUS_SESSIONS_MAX (2 * 1024 * 1024)

/* Each appends a whole page; false if |out| is or becomes failed, or there is
 * no memory.
 */
MUST_CHECK bool status_page_json(const struct status_figures *f,
                                 struct buf *out);
MUST_CHECK bool status_page_html(const struct status_figures *f,
                                 struct buf *out);

/* |complete|: these are all. */
MUST_CHECK bool status_page_sessions(const struct session_facts *facts,
                                     size_t count, bool complete,
                                     struct buf *out);

/* Prometheus text exposition format 0.0.4. */
MUST_CHECK bool status_page_metrics(const struct status_figures *f,
                                    struct buf *out);

#define STATUS_HTML_TYPE "text/html; charset=utf-8"
#define STATUS_JSON_TYPE "application/json"
#define STATUS_TEXT_TYPE "text/plain; charset=utf-8"
#define STATUS_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* The style sheet of the HTML page, and its SHA-256 in base64: the page's
 * policy lets nothing else in.
 */
extern const char status_page_style[];
#define STATUS_STYLE_HASH "L8m0NuVYcTvr2nOYDVroFlheLEGuKJLridMPy6KLxO0="
#define STATUS_HTML_POLICY                                    \
    "Content-Security-Policy: default-src 'none'; style-src " \
    "'sha256-" STATUS_STYLE_HASH "'; base-uri 'none'; "       \
    "form-action 'none'; frame-ancestors 'none'\r\n"

#endif
