/* auth_http_protocol.h - what an authentication service that speaks nginx's
 * auth_http protocol is asked about a login, and what its answer means.
 *
 * Pure: fields of HTTP in, a ruling out, and the other way round.
 * Source: nginx, ngx_mail_auth_http_module, "Protocol". Where it leaves
 * something open, what nginx 1.22 does is what counts:
 *   - in a question, name and secret have their control octets, spaces and
 *     percent signs as %XX, so that no field can be smuggled in; in an answer
 *     nothing is coded;
 *   - an answer's body does not matter, and its status line only where it says
 *     that the service has failed (5xx), which nginx would not notice;
 *   - "WAIT" means that the service cannot say yet, and is to be asked the same
 *     again after Auth-Wait seconds. Where these are none, nginx asks at once,
 *     and never stops; here it is a second.
 */
#ifndef POPINJAY_ACCESS_AUTH_HTTP_PROTOCOL_H
#define POPINJAY_ACCESS_AUTH_HTTP_PROTOCOL_H

#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/span.h"

enum auth_http_method {
    AUTH_HTTP_PLAIN,
    AUTH_HTTP_APOP,
    AUTH_HTTP_CRAM_MD5,
    AUTH_HTTP_TOKEN, /* a bearer token */
    AUTH_HTTP_METHOD_COUNT,
};

/* A login that is asked about. */
struct auth_http_login {
    enum auth_http_method method;
    struct span user;
    struct span
        secret;       /* the password, the token, APOP's or CRAM-MD5's digest */
    struct span salt; /* of a digest: what was told to the client, `<...>` */
    uint64_t attempt; /* of this connection; the first is 1 */
    const char *client;       /* its address, numeric */
    const char *tls_protocol; /* "TLSv1.3"; NULL: it came in clear */
    const char *tls_cipher;
};

#define AUTH_HTTP_FIELDS_MAX 10

/* The fields of a question, "Name: value" each. They hold the secret. */
struct auth_http_fields {
    struct buf text; /* each with a NUL behind it */
    size_t count;
};

/* What must be given to auth_http_fields_fini, however it went. False where
 * there is no memory.
 */
MUST_CHECK bool auth_http_fields_init(struct auth_http_fields *f,
                                      const struct auth_http_login *login);
void auth_http_fields_fini(struct auth_http_fields *f);

/* Where each begins; valid as long as |f| is. */
void auth_http_fields_list(const struct auth_http_fields *f,
                           const char *list[AUTH_HTTP_FIELDS_MAX]);

/* The fields of an answer; NULL where there is none of that name. */
struct auth_http_reply {
    unsigned http_status;
    const char *status; /* Auth-Status, and so on */
    const char *server;
    const char *port;
    const char *user;
    const char *pass;
    const char *wait;
    const char *error_code;
};

enum auth_http_verdict {
    AUTH_HTTP_GRANTED,
    AUTH_HTTP_REFUSED, /* name and secret do not go together */
    AUTH_HTTP_WAIT,    /* it is to be asked again, after |wait_ms| */
    AUTH_HTTP_LATER,   /* the service cannot tell now */
    AUTH_HTTP_GARBLED, /* it is not an answer that means something */
    AUTH_HTTP_VERDICT_COUNT,
};

/* Borrows from the reply. */
struct auth_http_ruling {
    enum auth_http_verdict verdict;
    uint64_t wait_ms; /* before the client is told; AUTH_HTTP_WAIT_MAX_MS */
    const char *why;  /* constant; for the log: what is wrong with the answer */
    /* Where AUTH_HTTP_GRANTED; NULL: the service leaves it as it is. */
    const char *server; /* an address, or the name of an upstream */
    uint16_t port;      /* 0: not given, or no server is */
    const char *user;
    const char *pass;
};

/* |method| is what was asked about: of a digest there is no password but the one
 * that the service names.
 */
struct auth_http_ruling auth_http_judge(const struct auth_http_reply *reply,
                                        enum auth_http_method method);

#endif
