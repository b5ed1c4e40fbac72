#include "server/status_answer.h"

#define ALLOW "Allow: GET, HEAD\r\n"
#define RETRY "Retry-After: 5\r\n"

static bool write_health(const struct status_figures *f, struct buf *out)
{
    (void)f;
    return buf_append_string(out, "ok\n");
}

static bool write_readiness(const struct status_figures *f, struct buf *out)
{
    if (f->state == STATUS_SERVING)
        return buf_append_string(out, "ready\n");
    (void)buf_append_string(out, "not ready: ");
    (void)buf_append_string(out, status_state_name(f->state));
    return buf_append_string(out, "\n");
}

static const struct page {
    const char *path;
    const char *content_type;
    const char *fields;
    bool (*write)(const struct status_figures *f, struct buf *out);
} pages[] = {
    { "/", STATUS_HTML_TYPE, STATUS_HTML_POLICY, status_page_html },
    { "/status", STATUS_JSON_TYPE, NULL, status_page_json },
    { "/metrics", STATUS_METRICS_TYPE, NULL, status_page_metrics },
    { "/healthz", STATUS_TEXT_TYPE, NULL, write_health },
    { "/readyz", STATUS_TEXT_TYPE, NULL, write_readiness },
};

static const struct page *page_find(struct span path)
{
    for (size_t i = 0; i < ARRAY_LENGTH(pages); i++)
        if (span_equals(path, span_from_string(pages[i].path)))
            return &pages[i];
    return NULL;
}

/* `404 Not Found`, for people at a terminal. */
static bool write_plain(enum http_code code, const char *fields,
                        enum http_method method, bool keep_alive,
                        uint64_t unix_seconds, struct buf *out)
{
    struct http_response response = {
        code, STATUS_TEXT_TYPE, fields, { NULL, 0 }
    };
    struct buf body;
    bool good;

    buf_init(&body, 64);
    (void)buf_append_number(&body, code);
    (void)buf_append_octet(&body, ' ');
    (void)buf_append_string(&body, http_code_name(code));
    (void)buf_append_octet(&body, '\n');
    response.body = buf_span(&body);
    good =
        !buf_failed(&body) &&
        http_response_write(&response, method, keep_alive, unix_seconds, out);
    buf_fini(&body);
    return good;
}

static bool write_page(const struct page *page, enum http_method method,
                       const struct status_figures *figures, bool keep_alive,
                       uint64_t unix_seconds, struct buf *out)
{
    struct http_response response = {
        HTTP_OK, page->content_type, page->fields, { NULL, 0 }
    };
    struct buf body;
    bool good;

    if (page->write == write_readiness && figures->state != STATUS_SERVING) {
        response.code = HTTP_UNAVAILABLE;
        response.fields = RETRY;
    }
    buf_init(&body, STATUS_PAGE_MAX);
    good = page->write(figures, &body);
    response.body = buf_span(&body);
    good = good && http_response_write(&response, method, keep_alive,
                                       unix_seconds, out);
    buf_fini(&body);
    return good;
}

bool status_answer_write(const struct http_request *request,
                         const struct status_figures *figures, bool keep_alive,
                         uint64_t unix_seconds, struct buf *out)
{
    const struct page *page;

    if (request->method == HTTP_METHOD_NOT_ALLOWED)
        return write_plain(HTTP_METHOD_REFUSED, ALLOW, request->method,
                           keep_alive, unix_seconds, out);
    page = page_find(request->path);
    if (page == NULL)
        return write_plain(HTTP_NOT_FOUND, NULL, request->method, keep_alive,
                           unix_seconds, out);
    return write_page(page, request->method, figures, keep_alive, unix_seconds,
                      out);
}

bool status_answer_wants_sessions(const struct http_request *request)
{
    return request->method != HTTP_METHOD_NOT_ALLOWED &&
           span_equals(request->path, SPAN_LITERAL("/status/sessions"));
}

bool status_answer_write_sessions(enum http_method method, struct span json,
                                  bool refused, bool keep_alive,
                                  uint64_t unix_seconds, struct buf *out)
{
    const struct http_response response = { HTTP_OK, STATUS_JSON_TYPE, NULL,
                                            json };

    if (refused)
        return write_plain(HTTP_FORBIDDEN, NULL, method, keep_alive,
                           unix_seconds, out);
    return http_response_write(&response, method, keep_alive, unix_seconds,
                               out);
}

bool status_answer_write_error(enum http_code code, enum http_method method,
                               uint64_t unix_seconds, struct buf *out)
{
    return write_plain(code, NULL, method, false, unix_seconds, out);
}
