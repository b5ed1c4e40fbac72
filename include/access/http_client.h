/* http_client.h - requests to HTTP services, on a loop: libcurl's multi
 * interface, whose sockets and timer are the loop's.
 *
 * For token endpoints (RFC 6749 §3.2) and authentication services: one small
 * question, one small answer. So no redirect is followed (the question may hold
 * a secret), no cookie is kept, no proxy of the environment is used, and an
 * answer beyond the cap that the request names is a failure.
 *
 * https is asked for, with a certificate that is verified; http only to this
 * machine, or where the request allows it.
 *
 *     http_client_prepare_process     once, before there are threads
 *     http_client_new                 one for a loop
 *     http_client_send                any number; each calls back once
 *     http_client_close
 *
 * Memory: what is asked and answered may be secret: it is wiped before it is
 * freed, libcurl's and jansson's own memory too. Thread: that of its loop.
 */
#ifndef POPINJAY_ACCESS_HTTP_CLIENT_H
#define POPINJAY_ACCESS_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/attributes.h"
#include "base/span.h"

struct http_client;   /* opaque */
struct http_exchange; /* opaque: one request until its answer */

/* Copied by http_client_send. */
struct http_request {
    const char *url;
    /* "application/x-www-form-urlencoded" and so on: then it is a POST of
     * |body|; NULL: a GET.
     */
    const char *content_type;
    struct span body;
    const char *const *fields; /* "Name: value" each; may be NULL */
    size_t field_count;
    const char *ca_file; /* trusted authorities, PEM; NULL: the system's */
    uint64_t timeout_ms; /* for all of it; not 0 */
    size_t answer_max;   /* octets of the body */
    bool allow_clear;    /* http to other machines too */
};

enum http_outcome {
    HTTP_ANSWERED,    /* with whatever status */
    HTTP_UNREACHABLE, /* no address, no connection, or it broke */
    HTTP_UNTRUSTED,   /* its certificate */
    HTTP_TIMED_OUT,
    HTTP_TOO_BIG, /* the answer */
    HTTP_NO_MEMORY,
    HTTP_OUTCOME_COUNT,
};

/* Valid during the call that brings it. */
struct http_answer {
    enum http_outcome outcome;
    const char *failure; /* for people; "" where HTTP_ANSWERED */
    unsigned status;     /* 200 and so on; this and the rest: HTTP_ANSWERED */
    uint64_t retry_after_s; /* 0: it does not say (RFC 9110 §10.2.3) */
    struct span body;
    struct http_exchange *exchange; /* for http_answer_field */
};

typedef void http_client_done(void *owner, const struct http_answer *answer);

/* False: there is no memory. Call it once, while there is one thread. */
MUST_CHECK bool http_client_prepare_process(void);

/* NULL where there is no memory. */
MUST_CHECK struct http_client *http_client_new(uv_loop_t *loop);

/* |done| is called once, and never from within this call, unless it is
 * cancelled; the exchange is gone when it returns. NULL where there is no memory or the URL is not permitted.
 */
MUST_CHECK struct http_exchange *http_client_send(
    struct http_client *c, const struct http_request *request,
    http_client_done *done, void *owner);

/* |done| is not called any more. NULL is fine. */
void http_exchange_cancel(struct http_exchange *e);

/* The first field of that name of the answer, or NULL; in any letters. */
const char *http_answer_field(const struct http_answer *answer,
                              const char *name);

/* What is under way is cancelled. The memory is given back by the loop. NULL is
 * fine. Allowed from within |done|.
 */
void http_client_close(struct http_client *c);

#endif
