#include "access/http_client.h"

#include <assert.h>
#include <curl/curl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "access/http_url.h"
#include "access/wiping.h"
#include "base/buf.h"
#include "base/limits.h"

struct http_exchange {
    struct http_exchange *next; /* utlist */
    struct http_exchange *prev;
    struct http_client *client;
    http_client_done *done;
    void *owner;
    CURL *easy;
    struct curl_slist *fields;
    struct buf request; /* its body */
    struct buf answer;
    bool lacks_memory; /* to go on */
    char failure[CURL_ERROR_SIZE];
};

/* A socket of libcurl's that the loop watches. */
struct watch {
    uv_poll_t poll;
    struct http_client *client;
    curl_socket_t socket;
};

struct http_client {
    uv_loop_t *loop;
    CURLM *multi;
    uv_timer_t timer;
    struct http_exchange *exchanges;
    unsigned open_handles; /* of the loop's */
    bool is_closing;
    bool is_telling; /* a callback of an owner's may be running */
};

/* --- the process --- */

/* Both keep copies of what they are given, some of which is secret. */
bool http_client_prepare_process(void)
{
    json_set_alloc_funcs(malloc, wiping_free);
    return curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wiping_free,
                                wiping_realloc, strdup, calloc) == CURLE_OK;
}

/* --- one exchange --- */

static void free_exchange(struct http_exchange *e)
{
    curl_easy_cleanup(e->easy);
    curl_slist_free_all(e->fields);
    buf_fini(&e->request);
    buf_fini(&e->answer);
    free(e);
}

void http_exchange_cancel(struct http_exchange *e)
{
    if (e == NULL)
        return;
    DL_DELETE(e->client->exchanges, e);
    (void)curl_multi_remove_handle(e->client->multi, e->easy);
    free_exchange(e);
}

static size_t on_body(char *data, size_t size, size_t count, void *owner)
{
    struct http_exchange *e = owner;

    return buf_append(&e->answer, span_make(data, size * count)) ? size * count
                                                                 : 0;
}

static enum http_outcome outcome_of(CURLcode code,
                                    const struct http_exchange *e)
{
    switch (code) {
    case CURLE_OK:
        return HTTP_ANSWERED;
    case CURLE_WRITE_ERROR: /* on_body took nothing */
    case CURLE_FILESIZE_EXCEEDED:
        return HTTP_TOO_BIG;
    case CURLE_OPERATION_TIMEDOUT:
        return HTTP_TIMED_OUT;
    case CURLE_OUT_OF_MEMORY:
        return HTTP_NO_MEMORY;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        return HTTP_UNTRUSTED;
    default: /* a hundred ways not to get there */
        return buf_failed(&e->answer) ? HTTP_TOO_BIG : HTTP_UNREACHABLE;
    }
}

const char *http_answer_field(const struct http_answer *answer,
                              const char *name)
{
    struct curl_header *field;

    if (curl_easy_header(answer->exchange->easy, name, 0, CURLH_HEADER, -1,
                         &field) != CURLHE_OK)
        return NULL;
    return field->value;
}

static void tell(struct http_exchange *e, CURLcode code)
{
    struct http_answer answer = { .outcome = outcome_of(code, e),
                                  .failure = "",
                                  .exchange = e };
    long status = 0;
    curl_off_t retry_after_s = 0;

    if (answer.outcome == HTTP_ANSWERED) {
        (void)curl_easy_getinfo(e->easy, CURLINFO_RESPONSE_CODE, &status);
        (void)curl_easy_getinfo(e->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
        answer.status = (unsigned)status;
        answer.retry_after_s = retry_after_s > 0 ? (uint64_t)retry_after_s : 0;
        answer.body = buf_span(&e->answer);
    } else if (answer.outcome == HTTP_TOO_BIG) {
        answer.failure = "the answer is too long";
    } else {
        answer.failure =
            e->failure[0] != '\0' ? e->failure : curl_easy_strerror(code);
    }
    e->done(e->owner, &answer);
}

/* --- libcurl and the loop --- */

static void on_handle_closed(struct http_client *c)
{
    assert(c->open_handles > 0);
    if (--c->open_handles == 0)
        free(c);
}

static void on_timer_closed(uv_handle_t *handle)
{
    on_handle_closed(handle->data);
}

static void on_watch_closed(uv_handle_t *handle)
{
    struct watch *w = handle->data;

    on_handle_closed(w->client);
    free(w);
}

static void finish(struct http_client *c)
{
    (void)curl_multi_cleanup(c->multi);
    c->multi = NULL;
    uv_close((uv_handle_t *)&c->timer, on_timer_closed);
}

static struct http_exchange *exchange_of(CURL *easy)
{
    char *at = NULL;

    (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &at);
    return (void *)at;
}

static void take_off(struct http_exchange *e)
{
    DL_DELETE(e->client->exchanges, e);
    (void)curl_multi_remove_handle(e->client->multi, e->easy);
}

static void tell_stranded(struct http_client *c)
{
    struct http_exchange *e = c->exchanges;

    while (!c->is_closing && e != NULL) {
        struct http_exchange *next = e->next;

        if (e->lacks_memory) {
            take_off(e);
            tell(e, CURLE_OUT_OF_MEMORY);
            free_exchange(e);
            next = c->exchanges; /* the owner may have changed all */
        }
        e = next;
    }
}

/* An owner that is told may send, cancel and close. */
static void tell_those_done(struct http_client *c)
{
    CURLMsg *message;
    int left;

    c->is_telling = true;
    tell_stranded(c);
    while (!c->is_closing &&
           (message = curl_multi_info_read(c->multi, &left)) != NULL) {
        CURLcode code = message->data.result;
        struct http_exchange *e = exchange_of(message->easy_handle);

        take_off(e);
        tell(e, code);
        free_exchange(e);
    }
    c->is_telling = false;
    if (c->is_closing)
        finish(c);
}

/* libcurl does not say whom it has forgotten where it finds no memory. */
static void act(struct http_client *c, curl_socket_t socket, int flags)
{
    struct http_exchange *e;
    int running;

    if (curl_multi_socket_action(c->multi, socket, flags, &running) != CURLM_OK)
        DL_FOREACH (c->exchanges, e)
            e->lacks_memory = true;
    tell_those_done(c);
}

static void on_timer(uv_timer_t *timer)
{
    act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct watch *w = poll->data;
    int flags = status < 0 ? CURL_CSELECT_ERR : 0;

    if (events & UV_READABLE)
        flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        flags |= CURL_CSELECT_OUT;
    act(w->client, w->socket, flags);
}

/* libcurl asks to be called after |timeout_ms|; -1: not at all. It must not be
 * called from in here, so 0 is the next turn of the loop.
 */
static int set_timer(CURLM *multi, long timeout_ms, void *client)
{
    struct http_client *c = client;

    (void)multi;
    if (timeout_ms < 0)
        (void)uv_timer_stop(&c->timer);
    else
        (void)uv_timer_start(&c->timer, on_timer, (uint64_t)timeout_ms, 0);
    return 0;
}

static struct watch *new_watch(struct http_client *c, curl_socket_t socket)
{
    struct watch *w = calloc(1, sizeof(*w));

    if (w == NULL || uv_poll_init_socket(c->loop, &w->poll, socket) != 0) {
        free(w);
        return NULL;
    }
    w->client = c;
    w->socket = socket;
    w->poll.data = w;
    c->open_handles++;
    (void)curl_multi_assign(c->multi, socket, w);
    return w;
}

/* Nobody would wake it. To fail here would be the end of all the others too. */
static void strand(CURL *easy)
{
    struct http_exchange *e = exchange_of(easy);

    if (e != NULL)
        e->lacks_memory = true;
}

static int set_watch(CURL *easy, curl_socket_t socket, int what, void *client,
                     void *watch)
{
    struct http_client *c = client;
    struct watch *w = watch;
    int events = 0;

    if (what == CURL_POLL_REMOVE) {
        (void)curl_multi_assign(c->multi, socket, NULL);
        if (w != NULL)
            uv_close((uv_handle_t *)&w->poll, on_watch_closed);
        return 0;
    }
    if (w == NULL && (w = new_watch(c, socket)) == NULL) {
        strand(easy);
        return 0;
    }
    if (what & CURL_POLL_IN)
        events |= UV_READABLE;
    if (what & CURL_POLL_OUT)
        events |= UV_WRITABLE;
    (void)uv_poll_start(&w->poll, events, on_poll);
    return 0;
}

/* --- sending --- */

static bool copy_fields(struct http_exchange *e, const struct http_request *r)
{
    char type[HTTP_FIELD_MAX];
    struct curl_slist *list;

    /* libcurl would ask first whether a long body is welcome. */
    list = curl_slist_append(NULL, "Expect:");
    e->fields = list;
    for (size_t i = 0; list != NULL && i < r->field_count; i++)
        list = curl_slist_append(e->fields, r->fields[i]);
    if (list == NULL || r->content_type == NULL)
        return list != NULL;
    (void)snprintf(type, sizeof(type), "Content-Type: %s", r->content_type);
    return curl_slist_append(e->fields, type) != NULL;
}

/* The first that fails counts. */
#define SET(option, value) \
    if (code == CURLE_OK)  \
    code = curl_easy_setopt(e->easy, option, value)

static bool set_up(struct http_exchange *e, const struct http_request *r)
{
    CURLcode code = CURLE_OK;

    SET(CURLOPT_URL, r->url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_PROXY, ""); /* none, whatever the environment says */
    SET(CURLOPT_NOSIGNAL, 1L);
    /* Or the loop waits for a name that is looked up for nobody. */
    SET(CURLOPT_QUICK_EXIT, 1L);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_TIMEOUT_MS, (long)r->timeout_ms);
    SET(CURLOPT_USERAGENT, "popinjay");
    SET(CURLOPT_HTTPHEADER, e->fields);
    SET(CURLOPT_ERRORBUFFER, e->failure);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, e);
    SET(CURLOPT_PRIVATE, e);
    if (r->ca_file != NULL) {
        SET(CURLOPT_CAINFO, r->ca_file);
        SET(CURLOPT_CAPATH, NULL);
    }
    if (r->content_type != NULL) {
        SET(CURLOPT_POSTFIELDSIZE, (long)buf_length(&e->request));
        SET(CURLOPT_POSTFIELDS, (const char *)buf_span(&e->request).data);
    }
    return code == CURLE_OK;
}

#undef SET

struct http_exchange *http_client_send(struct http_client *c,
                                       const struct http_request *request,
                                       http_client_done *done, void *owner)
{
    struct http_exchange *e;

    assert(request->timeout_ms > 0);
    if (!http_url_is_permitted(request->url, request->allow_clear, NULL))
        return NULL;
    e = calloc(1, sizeof(*e));
    if (e == NULL)
        return NULL;
    e->client = c;
    e->done = done;
    e->owner = owner;
    buf_init(&e->request, HTTP_REQUEST_BODY_MAX);
    buf_init(&e->answer, request->answer_max);
    e->easy = curl_easy_init();
    /* One octet more, or an empty body would have no address. */
    if (e->easy != NULL && buf_append(&e->request, request->body) &&
        buf_append_octet(&e->request, '\0') && copy_fields(e, request)) {
        buf_truncate(&e->request, request->body.len);
        if (set_up(e, request) &&
            curl_multi_add_handle(c->multi, e->easy) == CURLM_OK) {
            DL_APPEND(c->exchanges, e);
            return e;
        }
    }
    free_exchange(e);
    return NULL;
}

/* --- its life --- */

struct http_client *http_client_new(uv_loop_t *loop)
{
    struct http_client *c = calloc(1, sizeof(*c));
    CURLM *multi = curl_multi_init();

    if (c == NULL || multi == NULL) {
        (void)curl_multi_cleanup(multi);
        free(c);
        return NULL;
    }
    c->loop = loop;
    c->multi = multi;
    c->open_handles = 1;
    (void)uv_timer_init(loop, &c->timer);
    c->timer.data = c;
    (void)curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, set_timer);
    (void)curl_multi_setopt(multi, CURLMOPT_TIMERDATA, c);
    (void)curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, set_watch);
    (void)curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, c);
    (void)curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
                            (long)HTTP_CLIENT_CONNECTIONS_MAX);
    (void)curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS,
                            (long)HTTP_CLIENT_IDLE_MAX);
    return c;
}

void http_client_close(struct http_client *c)
{
    if (c == NULL || c->is_closing)
        return;
    c->is_closing = true;
    while (c->exchanges != NULL)
        http_exchange_cancel(c->exchanges);
    if (!c->is_telling)
        finish(c);
}
