#include "cli/oauth_login.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "access/http_url.h"
#include "access/oauth_request.h"
#include "base/limits.h"
#include "cli/prompt.h"

/* Where a browser ends: nobody need listen there. */
#define REDIRECT "http://127.0.0.1:8111"
#define SLOW_DOWN_S 5 /* RFC 8628 §3.5 */
#define RANDOM_SIZE 32
#define RANDOM_TEXT_SIZE 48

struct login {
    const struct token_source *source;
    char *endpoints[OAUTH_ENDPOINT_COUNT];
    uv_loop_t loop;
    struct http_client *http;
    uv_timer_t timer;
    struct oauth_device device;
    uint64_t end_ms;
    enum oauth_result result; /* of the last request */
    struct oauth_error error;
    struct oauth_token token;
};

static bool complain(const struct login *l, const char *what)
{
    (void)fprintf(stderr, "popinjay: %s: %s%s%s\n", what,
                  oauth_result_name(l->result),
                  l->error.text[0] != '\0' ? ": " : "", l->error.text);
    return false;
}

/* Runs what was started, until nothing more is to be waited for. */
static bool wait_for(struct login *l)
{
    (void)uv_run(&l->loop, UV_RUN_DEFAULT);
    return l->result == OAUTH_OK;
}

/* --- endpoints --- */

static void on_discovered(void *owner, enum oauth_result result,
                          const struct oauth_error *error,
                          char *endpoints[OAUTH_ENDPOINT_COUNT])
{
    struct login *l = owner;

    l->result = result;
    l->error = *error;
    for (size_t i = 0; i < OAUTH_ENDPOINT_COUNT; i++) {
        if (l->endpoints[i] == NULL)
            l->endpoints[i] = endpoints[i];
        else
            free(endpoints[i]);
    }
}

static bool copy_endpoints(struct login *l)
{
    for (size_t i = 0; i < OAUTH_ENDPOINT_COUNT; i++) {
        const char *known = l->source->endpoints[i];

        if (known != NULL && (l->endpoints[i] = strdup(known)) == NULL)
            return false;
    }
    return true;
}

static bool find_endpoints(struct login *l)
{
    l->result = OAUTH_NO_MEMORY;
    if (!copy_endpoints(l))
        return complain(l, "the endpoints");
    l->result = OAUTH_OK;
    if (l->source->config->issuer != NULL) {
        l->result = OAUTH_NO_MEMORY;
        if (oauth_discovery_start(l->http, l->source, on_discovered, l) ==
                NULL ||
            !wait_for(l))
            return complain(l, l->source->config->issuer);
    }
    if (l->endpoints[OAUTH_ENDPOINT_TOKEN] != NULL &&
        (l->endpoints[OAUTH_ENDPOINT_DEVICE] != NULL ||
         l->endpoints[OAUTH_ENDPOINT_AUTHORIZATION] != NULL))
        return true;
    (void)fprintf(stderr,
                  "popinjay: [oauth %s] has neither device_endpoint nor "
                  "authorization_endpoint, and its issuer names none\n",
                  l->source->config->name);
    return false;
}

/* --- questions --- */

static void on_token(void *owner, const struct http_answer *answer)
{
    struct login *l = owner;

    oauth_token_fini(&l->token);
    l->result = oauth_answer_token(answer, &l->token, &l->error);
}

static void on_device(void *owner, const struct http_answer *answer)
{
    struct login *l = owner;

    l->result = oauth_answer_device(answer, &l->device, &l->error);
}

static bool post(struct login *l, enum oauth_endpoint endpoint,
                 struct buf *form, http_client_done *done)
{
    l->result = OAUTH_NO_MEMORY;
    l->error.text[0] = '\0';
    if (!http_url_is_permitted(l->endpoints[endpoint], false, NULL)) {
        l->result = OAUTH_GARBLED;
        (void)snprintf(l->error.text, sizeof(l->error.text),
                       "an endpoint has no https address");
        return false;
    }
    return oauth_post(l->http, l->source, l->endpoints[endpoint], form, done,
                      l) != NULL;
}

/* --- a code that is typed elsewhere --- */

static bool ask_for_code(struct login *l)
{
    const char *scope = l->source->config->scope;
    struct buf form;
    bool good;

    buf_init(&form, OAUTH_FORM_MAX);
    oauth_form_begin(&form, l->source, NULL);
    if (scope != NULL)
        oauth_form_add(&form, "scope", scope);
    good = post(l, OAUTH_ENDPOINT_DEVICE, &form, on_device) && wait_for(l);
    buf_fini(&form);
    return good || complain(l, "no code was given");
}

static void show_code(const struct login *l)
{
    const struct oauth_device *d = &l->device;

    (void)printf("Open %s\nand type the code %s\n", d->address, d->user_code);
    if (d->address_complete != NULL)
        (void)printf("or open %s\n", d->address_complete);
    (void)printf("The code is good for %llu minutes. Waiting ...\n",
                 (unsigned long long)(d->lifetime_s + 59) / 60);
    (void)fflush(stdout);
}

static bool poll_once(struct login *l)
{
    struct buf form;
    bool good;

    buf_init(&form, OAUTH_FORM_MAX);
    oauth_form_begin(&form, l->source,
                     "urn:ietf:params:oauth:grant-type:device_code");
    oauth_form_add(&form, "device_code", l->device.device_code);
    good = post(l, OAUTH_ENDPOINT_TOKEN, &form, on_token) && wait_for(l);
    buf_fini(&form);
    return good;
}

static void on_time(uv_timer_t *timer)
{
    (void)timer;
}

/* A server that is away for a moment is asked again: RFC 8628 §3.5. */
static bool may_poll_again(struct login *l)
{
    if (l->result == OAUTH_SLOW_DOWN)
        l->device.interval_s += SLOW_DOWN_S;
    uv_update_time(&l->loop);
    return (l->result == OAUTH_PENDING || l->result == OAUTH_SLOW_DOWN ||
            l->result == OAUTH_UNAVAILABLE) &&
           uv_now(&l->loop) < l->end_ms;
}

static bool wait_for_consent(struct login *l)
{
    uv_update_time(&l->loop);
    l->end_ms = uv_now(&l->loop) + l->device.lifetime_s * 1000;
    do {
        (void)uv_timer_start(&l->timer, on_time, l->device.interval_s * 1000,
                             0);
        (void)uv_run(&l->loop, UV_RUN_DEFAULT);
        if (poll_once(l))
            return true;
    } while (may_poll_again(l));
    if (l->result == OAUTH_PENDING)
        l->result = OAUTH_EXPIRED;
    return complain(l, "nobody has agreed");
}

static bool by_device(struct login *l)
{
    if (!ask_for_code(l))
        return false;
    show_code(l);
    return wait_for_consent(l);
}

/* --- an address that a browser ends at --- */

/* In base64url: RFC 7636 §4.1. */
static bool make_up(char text[RANDOM_TEXT_SIZE])
{
    unsigned char octets[RANDOM_SIZE];
    unsigned char padded[RANDOM_TEXT_SIZE];
    int length;

    if (RAND_bytes(octets, sizeof(octets)) != 1)
        return false;
    length = EVP_EncodeBlock(padded, octets, sizeof(octets));
    for (int i = 0; i < length; i++)
        text[i] = (char)(padded[i] == '+'   ? '-'
                         : padded[i] == '/' ? '_'
                                            : padded[i]);
    text[strcspn(text, "=")] = '\0';
    return true;
}

static bool show_address(const struct login *l, const char *state,
                         const char *verifier)
{
    const struct config_oauth *c = l->source->config;
    const char *endpoint = l->endpoints[OAUTH_ENDPOINT_AUTHORIZATION];
    char challenge[OAUTH_CHALLENGE_SIZE];
    struct buf query;
    bool good;

    buf_init(&query, OAUTH_FORM_MAX);
    oauth_form_add(&query, "response_type", "code");
    oauth_form_add(&query, "client_id", c->client_id);
    oauth_form_add(&query, "redirect_uri", REDIRECT);
    if (c->scope != NULL)
        oauth_form_add(&query, "scope", c->scope);
    oauth_form_add(&query, "state", state);
    good = oauth_challenge(verifier, challenge);
    oauth_form_add(&query, "code_challenge", challenge);
    oauth_form_add(&query, "code_challenge_method", "S256");
    good = good && buf_append_octet(&query, '\0');
    if (good)
        (void)printf(
            "Open this address in a browser, on any machine, and "
            "agree:\n\n%s%c%s%s\n\n"
            "The browser then ends at an address that begins with\n" REDIRECT
            " and that it cannot open. Copy that address "
            "to here.\n",
            endpoint, strchr(endpoint, '?') != NULL ? '&' : '?',
            (const char *)buf_span(&query).data,
            oauth_provider_consent_wishes(c->provider));
    (void)fflush(stdout);
    buf_fini(&query);
    return good;
}

static bool read_code(const char *state, char code[OAUTH_ADDRESS_MAX])
{
    char given[RANDOM_TEXT_SIZE];
    struct buf line;
    const char *address;
    const char *problem = NULL;

    buf_init(&line, OAUTH_ADDRESS_MAX);
    if (!prompt_password("Address: ", &line) || !buf_append_octet(&line, '\0'))
        problem = "no address was given";
    address = problem == NULL ? (const char *)buf_span(&line).data : "";
    if (problem == NULL &&
        oauth_query_value(address, "error", code, OAUTH_ADDRESS_MAX))
        problem = "the provider has refused";
    else if (problem == NULL &&
             !oauth_query_value(address, "code", code, OAUTH_ADDRESS_MAX))
        problem = "there is no code in this address";
    else if (problem == NULL &&
             (!oauth_query_value(address, "state", given, sizeof(given)) ||
              strcmp(given, state) != 0))
        problem = "this address is of another login";
    buf_fini(&line);
    if (problem != NULL)
        (void)fprintf(stderr, "popinjay: %s\n", problem);
    return problem == NULL;
}

static bool redeem(struct login *l, const char *code, const char *verifier)
{
    struct buf form;
    bool good;

    buf_init(&form, OAUTH_FORM_MAX);
    oauth_form_begin(&form, l->source, "authorization_code");
    oauth_form_add(&form, "code", code);
    oauth_form_add(&form, "redirect_uri", REDIRECT);
    oauth_form_add(&form, "code_verifier", verifier);
    good = post(l, OAUTH_ENDPOINT_TOKEN, &form, on_token) && wait_for(l);
    buf_fini(&form);
    return good || complain(l, "no token was given");
}

static bool by_browser(struct login *l)
{
    char state[RANDOM_TEXT_SIZE];
    char verifier[RANDOM_TEXT_SIZE];
    char code[OAUTH_ADDRESS_MAX];
    bool good;

    l->result = OAUTH_NO_MEMORY;
    if (!make_up(state) || !make_up(verifier) ||
        !show_address(l, state, verifier))
        return complain(l, "no address can be made");
    good = read_code(state, code) && redeem(l, code, verifier);
    wipe(code, sizeof(code));
    wipe(verifier, sizeof(verifier));
    return good;
}

/* --- */

static bool log_in(struct login *l)
{
    enum oauth_consent way;

    if (!find_endpoints(l))
        return false;
    way = oauth_provider_consent(l->source->config->provider,
                                 l->endpoints[OAUTH_ENDPOINT_DEVICE] != NULL);
    return way == OAUTH_CONSENT_DEVICE ? by_device(l) : by_browser(l);
}

bool oauth_login_run(const struct token_source *source,
                     struct oauth_token *token)
{
    struct login l = { .source = source };
    bool good = false;

    if (uv_loop_init(&l.loop) != 0)
        return false;
    (void)uv_timer_init(&l.loop, &l.timer);
    l.http = http_client_new(&l.loop);
    if (l.http != NULL)
        good = log_in(&l);
    http_client_close(l.http);
    uv_close((uv_handle_t *)&l.timer, NULL);
    (void)uv_run(&l.loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&l.loop);
    oauth_device_fini(&l.device);
    for (size_t i = 0; i < OAUTH_ENDPOINT_COUNT; i++)
        free(l.endpoints[i]);
    *token = l.token;
    if (!good)
        oauth_token_fini(token);
    return good;
}
