/* A step of a login: the service that is asked about those who are no account,
 * where there is one. It says whether they may, and may say where to, and with
 * which name and password.
 *
 * Nothing takes time before it for those who are no account, so the question's
 * timestamp is still there.
 */
#include <stdio.h>
#include <string.h>

#include "access/access_parts.h"
#include "access/auth_http.h"
#include "access/http_client.h"
#include "net/address.h"

static const enum counter counters[AUTH_HTTP_VERDICT_COUNT] = {
    [AUTH_HTTP_GRANTED] = COUNTER_AUTH_HTTP_GRANTED,
    [AUTH_HTTP_REFUSED] = COUNTER_AUTH_HTTP_REFUSED,
    [AUTH_HTTP_WAIT] = COUNTER_AUTH_HTTP_WAIT,
    [AUTH_HTTP_LATER] = COUNTER_AUTH_HTTP_LATER,
    [AUTH_HTTP_GARBLED] = COUNTER_AUTH_HTTP_GARBLED,
};

/* --- the server that it names --- */

static bool is_same_host(const char *a, const char *b)
{
    struct span one = span_from_string(a);
    struct span other = span_from_string(b);
    union address x, y;

    if (!address_parse(one, &x) || !address_parse(other, &y))
        return span_equals_nocase(one, other);
    return strcmp(address_describe(&x).host, address_describe(&y).host) == 0;
}

static const struct config_address *find_address(
    const struct config_upstream *u, const char *server, uint16_t port)
{
    for (size_t i = 0; i < u->addresses.count; i++)
        if (u->addresses.at[i].port == port &&
            is_same_host(u->addresses.at[i].host, server))
            return &u->addresses.at[i];
    return NULL;
}

static bool has_port(const struct config_upstream *u, uint16_t port)
{
    for (size_t i = 0; i < u->addresses.count; i++)
        if (u->addresses.at[i].port == port)
            return true;
    return port == 0;
}

/* By the name of its section, or by its address, which means that server and no
 * other. False: it is none of ours, and must not hear a password.
 */
static bool go_to(struct access_answer *answer, const struct config *config,
                  const char *server, uint16_t port)
{
    for (size_t i = 0; i < config->upstream_count; i++) {
        const struct config_upstream *u = &config->upstreams[i];

        if (strcmp(u->name, server) == 0 && has_port(u, port)) {
            answer->upstream = u;
            return true;
        }
    }
    for (size_t i = 0; i < config->upstream_count; i++) {
        answer->server = find_address(&config->upstreams[i], server, port);
        if (answer->server != NULL) {
            answer->upstream = &config->upstreams[i];
            return true;
        }
    }
    return false;
}

/* Of one that is none of ours there must be an address, and whose ways of TLS
 * it is reached by.
 */
static bool go_elsewhere(struct access_request *r, const char *server,
                         uint16_t port)
{
    const struct config *config = r->question.rules->config;
    union address address;

    if (config->auth_http.unlisted == NULL || port == 0 ||
        !address_parse(span_from_string(server), &address))
        return false;
    r->elsewhere = address_describe(&address);
    r->answer.upstream = config->auth_http.unlisted;
    r->answer.elsewhere =
        (struct config_address){ .host = r->elsewhere.host, .port = port };
    return true;
}

/* --- what it said --- */

static enum access_progress grant(struct access_request *r,
                                  const struct auth_http_ruling *ruling)
{
    const struct config *config = r->question.rules->config;

    if (ruling->server != NULL &&
        !go_to(&r->answer, config, ruling->server, ruling->port) &&
        !go_elsewhere(r, ruling->server, ruling->port)) {
        (void)snprintf(r->problem, sizeof(r->problem),
                       "auth_http: its answer names %s:%u, which is no "
                       "[upstream]",
                       ruling->server, ruling->port);
        return access_refuse(r, FAULT_AUTH_SERVICE, r->problem);
    }
    if ((ruling->user != NULL &&
         !credentials_set_user(&r->used, span_from_string(ruling->user))) ||
        (ruling->pass != NULL &&
         !credentials_set_secret(&r->used, SECRET_PASSWORD,
                                 span_from_string(ruling->pass))))
        return access_refuse(r, FAULT_NO_MEMORY, NULL);
    return ACCESS_NEXT;
}

static enum access_progress follow(struct access_request *r,
                                   const struct auth_http_ruling *ruling,
                                   const char *failure)
{
    r->answer.wait_ms = ruling->wait_ms;
    switch (ruling->verdict) {
    case AUTH_HTTP_GRANTED:
        return grant(r, ruling);
    case AUTH_HTTP_REFUSED:
        return access_refuse(r, FAULT_CREDENTIALS, NULL);
    case AUTH_HTTP_LATER:
        (void)snprintf(r->problem, sizeof(r->problem), "auth_http: %s",
                       failure[0] != '\0' ? failure : "it cannot tell now");
        break;
    case AUTH_HTTP_GARBLED:
        (void)snprintf(r->problem, sizeof(r->problem),
                       "auth_http: its answer makes no sense: %s", failure);
        break;
    case AUTH_HTTP_WAIT:
    case AUTH_HTTP_VERDICT_COUNT:
        break;
    }
    return access_refuse(r, FAULT_AUTH_SERVICE, r->problem);
}

static void on_answer(void *request, const struct auth_http_ruling *ruling,
                      const char *failure)
{
    struct access_request *r = request;
    struct access *access = r->access;
    uint64_t now_ms = uv_now(access->loop);

    counters_add(access->counters, counters[ruling->verdict], 1);
    counters_add_time(access->counters, COUNTER_STAGE_AUTH_HTTP,
                      now_ms - r->ask_began_ms);
    if (ruling->verdict == AUTH_HTTP_WAIT) { /* it is asked again */
        r->ask_began_ms = now_ms + ruling->wait_ms;
        return;
    }
    r->ask = NULL;
    access_go_on(r, follow(r, ruling, failure));
}

/* --- the question --- */

static void stop_asking(struct access_request *r)
{
    auth_http_cancel(r->ask);
}

static enum access_progress ask(struct access_request *r,
                                enum auth_http_method method)
{
    const struct address_text client = address_describe(&r->question.client);
    const struct auth_http_login login = {
        .method = method,
        .user = buf_span(&r->given.user),
        .secret = buf_span(&r->given.secret),
        .salt = r->question.timestamp,
        .attempt = r->question.attempt,
        .client = client.host,
        .tls_protocol = r->question.tls_version,
        .tls_cipher = r->question.tls_cipher,
    };
    struct access *access = r->access;

    if (access->http == NULL)
        access->http = http_client_new(access->loop);
    if (access->http != NULL)
        r->ask =
            auth_http_ask(access->http, access->loop,
                          &r->question.rules->auth_http, &login, on_answer, r);
    if (r->ask == NULL)
        return access_refuse(r, FAULT_NO_MEMORY, NULL);
    r->ask_began_ms = uv_now(access->loop);
    r->cancel = stop_asking;
    return ACCESS_LATER;
}

enum access_progress access_step_auth_http(struct access_request *r)
{
    if (r->account != NULL || r->question.rules->auth_http.url == NULL)
        return ACCESS_NEXT;
    if (r->question.again) /* it has nothing better to offer */
        return ACCESS_NEXT;
    switch (r->given.kind) {
    case SECRET_PASSWORD:
        return ask(r, AUTH_HTTP_PLAIN);
    case SECRET_TOKEN:
        return ask(r, AUTH_HTTP_TOKEN);
    case SECRET_APOP:
        if (!r->question.rules->config->auth_http.apop)
            break; /* it was offered for accounts' sake */
        return ask(r, AUTH_HTTP_APOP);
    case SECRET_CRAM_MD5:
        return ask(r, AUTH_HTTP_CRAM_MD5);
    case SECRET_PROVEN: /* accounts only */
    case SECRET_KIND_COUNT:
        break;
    }
    return access_refuse(r, FAULT_CREDENTIALS, NULL);
}
