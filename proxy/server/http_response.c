#include "server/http_response.h"

#include "base/datetime.h"

const char *http_code_name(enum http_code code)
{
    switch (code) {
    case HTTP_OK:
        return "OK";
    case HTTP_BAD_REQUEST:
        return "Bad Request";
    case HTTP_FORBIDDEN:
        return "Forbidden";
    case HTTP_NOT_FOUND:
        return "Not Found";
    case HTTP_METHOD_REFUSED:
        return "Method Not Allowed";
    case HTTP_TIMEOUT:
        return "Request Timeout";
    case HTTP_TARGET_TOO_LONG:
        return "URI Too Long";
    case HTTP_HEAD_TOO_LARGE:
        return "Request Header Fields Too Large";
    case HTTP_NO_SUCH_METHOD:
        return "Not Implemented";
    case HTTP_UNAVAILABLE:
        return "Service Unavailable";
    case HTTP_NO_SUCH_VERSION:
        return "HTTP Version Not Supported";
    }
    return "";
}

bool http_response_write(const struct http_response *response,
                         enum http_method method, bool keep_alive,
                         uint64_t unix_seconds, struct buf *out)
{
    char date[DATETIME_HTTP_LEN + 1];

    datetime_write_http(unix_seconds, date);
    (void)buf_append_string(out, "HTTP/1.1 ");
    (void)buf_append_number(out, response->code);
    (void)buf_append_string(out, " ");
    (void)buf_append_string(out, http_code_name(response->code));
    (void)buf_append_string(out, "\r\nDate: ");
    (void)buf_append_string(out, date);
    (void)buf_append_string(out, "\r\nContent-Type: ");
    (void)buf_append_string(out, response->content_type);
    (void)buf_append_string(out, "\r\nContent-Length: ");
    (void)buf_append_number(out, response->body.len);
    (void)buf_append_string(out, "\r\nCache-Control: no-store"
                                 "\r\nX-Content-Type-Options: nosniff\r\n");
    if (response->fields != NULL)
        (void)buf_append_string(out, response->fields);
    (void)buf_append_string(out, keep_alive ? "Connection: keep-alive\r\n\r\n"
                                            : "Connection: close\r\n\r\n");
    if (method != HTTP_METHOD_HEAD)
        (void)buf_append(out, response->body);
    return !buf_failed(out);
}
