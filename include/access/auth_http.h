/* auth_http.h - asks a service that speaks nginx's auth_http protocol whose login
 * it is: may he, where to, and with which name and password.
 *
 * What is asked and what an answer means: auth_http_protocol.h. Nothing is
 * remembered: each login is asked about, and asked about again where the service
 * says that it is to wait.
 *
 * Memory: what is asked and answered is wiped. Thread: that of the client's loop.
 */
#ifndef POPINJAY_ACCESS_AUTH_HTTP_H
#define POPINJAY_ACCESS_AUTH_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "access/auth_http_protocol.h"
#include "base/attributes.h"

struct http_client;

/* How the service is asked. Immutable. */
struct auth_http_rules {
    const char *url;
    const char *ca_file; /* NULL: the system's authorities */
    uint64_t timeout_ms;
    bool allow_insecure; /* http to another machine */
    bool cram_md5;       /* it is asked about that too */
    /* Further fields, such as a secret by which the service knows us; they are
     * the rules' own.
     */
    struct buf header; /* "Name: value" each, with a NUL behind it */
    size_t header_count;
};

/* |rules| is zeroed but for what stands above |header|; |header_file|, which may
 * be NULL, has a line for each further field. False: `FILE: what is wrong`
 * stands in |error|. auth_http_rules_fini is due in any case.
 */
MUST_CHECK bool auth_http_rules_init(struct auth_http_rules *rules,
                                     const char *header_file, char *error,
                                     size_t error_size);
void auth_http_rules_fini(struct auth_http_rules *rules);

struct auth_http_ask; /* opaque: one question until its last answer */

/* |ruling| is valid during the call; |failure| says what is wrong, for the log,
 * where the service was of no use, and is "" otherwise. After AUTH_HTTP_WAIT
 * another call comes, unless the question is cancelled, which it may not be from
 * within the call; after any other the question is gone.
 */
typedef void auth_http_answered(void *owner,
                                const struct auth_http_ruling *ruling,
                                const char *failure);

/* |answered| is never called from within this call. |loop| is the client's; |login|
 * is copied; client and rules must outlive the question. How long it may wait is for the owner to
 * say. NULL where there is no memory.
 */
MUST_CHECK struct auth_http_ask *auth_http_ask(
    struct http_client *client, uv_loop_t *loop,
    const struct auth_http_rules *rules, const struct auth_http_login *login,
    auth_http_answered *answered, void *owner);

/* |answered| is not called any more. NULL is fine. */
void auth_http_cancel(struct auth_http_ask *ask);

#endif
