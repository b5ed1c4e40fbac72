/* status_answer.h - which page a request of the status server gets.
 *
 * Pure: the figures are given.
 */
#ifndef POPINJAY_SERVER_STATUS_ANSWER_H
#define POPINJAY_SERVER_STATUS_ANSWER_H

#include "server/http_response.h"
#include "server/status_page.h"

/* An answer is never longer. */
#define STATUS_ANSWER_MAX (STATUS_PAGE_MAX + 1024)

/* Appends the whole answer. False if |out| is or becomes failed. */
MUST_CHECK bool status_answer_write(const struct http_request *request,
                                    const struct status_figures *figures,
                                    bool keep_alive, uint64_t unix_seconds,
                                    struct buf *out);

/* Does it ask for the list of sessions? That is gathered before it is answered
 * with status_answer_write_sessions; |refused|: whoever asks may not know.
 */
bool status_answer_wants_sessions(const struct http_request *request);
MUST_CHECK bool status_answer_write_sessions(enum http_method method,
                                             struct span json, bool refused,
                                             bool keep_alive,
                                             uint64_t unix_seconds,
                                             struct buf *out);

/* The same for what is no request: |code| says why. The connection closes. */
MUST_CHECK bool status_answer_write_error(enum http_code code,
                                          enum http_method method,
                                          uint64_t unix_seconds,
                                          struct buf *out);

#endif
