/* status_page.h - the figures of the process as pages.
 *
 * Pure: the figures are gathered by the caller. Every series is there from the
 * start, and none is named after a user, a client or a mailbox (CONFORMANCE
 * MET-8), so the size of a page does not depend on who uses the proxy.
 */
#ifndef POPINJAY_SERVER_STATUS_PAGE_H
#define POPINJAY_SERVER_STATUS_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/counters.h"

enum status_state {
    STATUS_STARTING,
    STATUS_SERVING,
    STATUS_UPSTREAM_FAILING, /* the last attempt to reach it failed */
    STATUS_DRAINING,
    STATUS_STATE_COUNT,
};

struct status_figures {
    const char *version;
    const char *upstream; /* HOST:PORT as configured */
    enum status_state state;
    uint64_t uptime_seconds;
    uint32_t workers;
    uint32_t max_sessions;
    uint64_t sessions; /* alive now */
    uint32_t parked;   /* upstream connections that rest */
    struct counters_total totals;
};

/* A page is never longer; it has no figure that could make it so. */
#define STATUS_PAGE_MAX (256 * 1024)

/* "serving" */
const char *status_state_name(enum status_state state);

/* Each appends a whole page; false if |out| is or becomes failed, or there is
 * no memory.
 */
MUST_CHECK bool status_page_json(const struct status_figures *f,
                                 struct buf *out);
MUST_CHECK bool status_page_html(const struct status_figures *f,
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
#define STATUS_STYLE_HASH "m2fRFvYFDwbrUx8I5Zy2hw9S/jEgAISXYzTRShbNmh0="
#define STATUS_HTML_POLICY                                    \
    "Content-Security-Policy: default-src 'none'; style-src " \
    "'sha256-" STATUS_STYLE_HASH "'; base-uri 'none'; "       \
    "form-action 'none'; frame-ancestors 'none'\r\n"

#endif
