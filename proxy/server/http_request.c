#include "server/http_request.h"

#include <assert.h>
#include <string.h>

/* RFC 9110 §5.6.2 */
static bool is_token_octet(unsigned char c)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
        (c >= '0' && c <= '9'))
        return true;
    return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static size_t token_length(struct span s)
{
    size_t n = 0;

    while (n < s.len && is_token_octet(s.data[n]))
        n++;
    return n;
}

static bool fail(struct http_reader *r, enum http_code error)
{
    r->failed = true;
    r->request.error = error;
    r->request.keep_alive = false;
    return false;
}

/* --- the request line: RFC 9112 §3 --- */

static enum http_method method_find(struct span name)
{
    static const struct {
        const char *name;
        enum http_method method;
    } methods[] = {
        { "GET", HTTP_METHOD_GET },
        { "HEAD", HTTP_METHOD_HEAD },
        { "POST", HTTP_METHOD_NOT_ALLOWED },
        { "PUT", HTTP_METHOD_NOT_ALLOWED },
        { "DELETE", HTTP_METHOD_NOT_ALLOWED },
        { "CONNECT", HTTP_METHOD_NOT_ALLOWED },
        { "OPTIONS", HTTP_METHOD_NOT_ALLOWED },
        { "TRACE", HTTP_METHOD_NOT_ALLOWED },
        { "PATCH", HTTP_METHOD_NOT_ALLOWED },
    };

    for (size_t i = 0; i < ARRAY_LENGTH(methods); i++)
        if (span_equals(name, span_from_string(methods[i].name)))
            return methods[i].method;
    return HTTP_METHOD_UNKNOWN;
}

/* RFC 3986 §3.2.2 with a port: a name, an IPv4 address, or one in brackets.
 * An empty host is refused: RFC 9110 §4.2.1.
 */
static bool is_authority(struct span s)
{
    size_t host = 0;

    if (s.len > 0 && s.data[0] == '[') {
        host = span_find(s, ']');
        if (host < 3 || host == s.len)
            return false;
        for (size_t i = 1; i < host; i++)
            if (s.data[i] > 0x7f ||
                strchr("0123456789abcdefABCDEF:.vV", s.data[i]) == NULL)
                return false;
        host++;
    } else {
        while (host < s.len && (is_token_octet(s.data[host]) ||
                                (s.data[host] < 0x80 && s.data[host] != 0 &&
                                 strchr("()=;,", s.data[host]) != NULL)))
            host++;
    }
    if (host == 0)
        return false;
    (void)span_take(&s, host);
    if (s.len == 0)
        return true;
    if (s.data[0] != ':')
        return false;
    for (size_t i = 1; i < s.len; i++)
        if (s.data[i] < '0' || s.data[i] > '9')
            return false;
    return s.len <= 6;
}

/* The path of an origin-form or absolute-form target: RFC 9112 §3.2. */
static bool set_path(struct http_reader *r, struct span target)
{
    static const struct span scheme = { (const unsigned char *)"http://", 7 };
    size_t end;

    if (span_starts_with_nocase(target, scheme)) {
        (void)span_take(&target, scheme.len);
        for (end = 0; end < target.len && target.data[end] != '/' &&
                      target.data[end] != '?';
             end++)
            ;
        if (!is_authority(span_take(&target, end)))
            return fail(r, HTTP_BAD_REQUEST);
        if (target.len == 0 || target.data[0] == '?')
            target = SPAN_LITERAL("/");
    }
    if (target.len == 0 || target.data[0] != '/' || span_contains(target, '#'))
        return fail(r, HTTP_BAD_REQUEST);
    r->request.path = span_make(target.data, span_find(target, '?'));
    return true;
}

static bool judge_version(struct http_reader *r, struct span version)
{
    static const struct span http = { (const unsigned char *)"HTTP/", 5 };

    /* HTTP/ DIGIT . DIGIT */
    if (version.len != 8 || !span_equals(span_take(&version, 5), http) ||
        version.data[0] < '0' || version.data[0] > '9' ||
        version.data[1] != '.' || version.data[2] < '0' ||
        version.data[2] > '9')
        return fail(r, HTTP_BAD_REQUEST);
    if (version.data[0] != '1')
        return fail(r, HTTP_NO_SUCH_VERSION);
    return version.data[2] <= '1' ? true : fail(r, HTTP_NO_SUCH_VERSION);
}

/* Checks the line's form; its target is judged with the whole head, since
 * only GET and HEAD must have one with a path.
 */
static bool judge_request_line(struct http_reader *r, struct span line)
{
    size_t method = token_length(line);
    struct span name = span_take(&line, method);
    size_t target;

    if (method == 0 || line.len < 2 || line.data[0] != ' ')
        return fail(r, HTTP_BAD_REQUEST);
    (void)span_take(&line, 1);
    target = span_find(line, ' ');
    if (target == 0 || target == line.len)
        return fail(r, HTTP_BAD_REQUEST);
    for (size_t i = 0; i < target; i++)
        if (line.data[i] >= 0x7f)
            return fail(r, HTTP_BAD_REQUEST);
    r->target = span_take(&line, target);
    (void)span_take(&line, 1);
    r->request.method = method_find(name);
    if (!judge_version(r, line))
        return false;
    return r->request.method != HTTP_METHOD_UNKNOWN
               ? true
               : fail(r, HTTP_NO_SUCH_METHOD);
}

/* --- fields, as llhttp finds them --- */

/* Fields are counted by name: one without a value may not count as absent. */
static int on_field_name(llhttp_t *parser, const char *at, size_t length)
{
    struct http_reader *r = parser->data;
    struct span name = span_make(at, length);

    r->awaited = NULL;
    if (span_equals_nocase(name, SPAN_LITERAL("Host")))
        r->awaited = &r->hosts;
    else if (span_equals_nocase(name, SPAN_LITERAL("Content-Length")))
        r->awaited = &r->content_lengths;
    else if (span_equals_nocase(name, SPAN_LITERAL("Transfer-Encoding")))
        r->awaited = &r->transfer_encodings;
    if (r->awaited == NULL)
        return 0;
    ++*r->awaited;
    r->values_awaited++;
    return 0;
}

/* Digits only, below 2^64: CONFORMANCE HTTP-12. */
static bool take_content_length(struct http_reader *r, struct span value)
{
    uint64_t length;

    if (!span_to_number(value, UINT64_MAX, &length))
        return false;
    r->has_body = r->has_body || length > 0;
    return true;
}

static bool take_transfer_encoding(struct http_reader *r, struct span value)
{
    r->has_body = true;
    return span_equals_nocase(value, SPAN_LITERAL("chunked"));
}

/* llhttp leaves blanks behind a value. */
static struct span trimmed(const char *at, size_t length)
{
    while (length > 0 && (at[length - 1] == ' ' || at[length - 1] == '\t'))
        length--;
    return span_make(at, length);
}

static int on_field_value(llhttp_t *parser, const char *at, size_t length)
{
    struct http_reader *r = parser->data;
    struct span value = trimmed(at, length);
    bool good = true;

    if (r->awaited == NULL)
        return 0;
    if (r->awaited == &r->hosts)
        good = is_authority(value);
    else if (r->awaited == &r->content_lengths)
        good = take_content_length(r, value);
    else
        good = take_transfer_encoding(r, value);
    r->awaited = NULL;
    r->values_awaited--;
    return (good || fail(r, HTTP_BAD_REQUEST)) ? 0 : HPE_USER;
}

static int on_head_complete(llhttp_t *parser)
{
    struct http_reader *r = parser->data;

    r->is_head_complete = true;
    /* `close` wins over `keep-alive`, and CONNECT is followed by anything. */
    r->request.keep_alive = llhttp_should_keep_alive(parser) != 0 &&
                            (parser->flags & F_CONNECTION_CLOSE) == 0 &&
                            parser->method != HTTP_CONNECT && !r->has_body;
    return HPE_PAUSED;
}

/* The head is whole: what its fields mean together. */
static bool judge_head(struct http_reader *r)
{
    bool is_1_0 = llhttp_get_http_minor(&r->parser) == 0;

    if (r->values_awaited > 0 || r->hosts > 1 || (!is_1_0 && r->hosts == 0))
        return fail(r, HTTP_BAD_REQUEST);
    if (r->content_lengths > 1 || r->transfer_encodings > 1)
        return fail(r, HTTP_BAD_REQUEST);
    if (r->transfer_encodings > 0 && (is_1_0 || r->content_lengths > 0))
        return fail(r, HTTP_BAD_REQUEST);
    if (r->request.method == HTTP_METHOD_NOT_ALLOWED)
        return true;
    return set_path(r, r->target);
}

/* --- lines --- */

static void begin_head(struct http_reader *r)
{
    llhttp_init(&r->parser, HTTP_REQUEST, &r->settings);
    r->parser.data = r;
    r->length = 0;
    r->line_start = 0;
    r->lines = 0;
    r->skipped_empty_line = false;
    r->awaited = NULL;
    r->values_awaited = 0;
    r->hosts = 0;
    r->content_lengths = 0;
    r->transfer_encodings = 0;
    r->has_body = false;
    r->is_head_complete = false;
    r->request = (struct http_request){ .method = HTTP_METHOD_UNKNOWN };
}

void http_reader_init(struct http_reader *r)
{
    r->failed = false;
    llhttp_settings_init(&r->settings);
    r->settings.on_header_field = on_field_name;
    r->settings.on_header_value = on_field_value;
    r->settings.on_headers_complete = on_head_complete;
    begin_head(r);
}

bool http_reader_has_begun(const struct http_reader *r)
{
    return r->length > 0;
}

/* |line| has no CRLF any more. */
static bool judge_line(struct http_reader *r, struct span line)
{
    size_t name;

    if (r->lines == 0)
        return judge_request_line(r, line);
    if (r->lines > HTTP_FIELDS_MAX)
        return fail(r, HTTP_HEAD_TOO_LARGE);
    name = token_length(line);
    if (name == 0 || name == line.len || line.data[name] != ':')
        return fail(r, HTTP_BAD_REQUEST);
    return true;
}

/* Gives the parser a line that was judged, with its CRLF. */
static bool parse_line(struct http_reader *r, struct span line)
{
    llhttp_errno_t result =
        llhttp_execute(&r->parser, (const char *)line.data, line.len);

    if (r->failed)
        return false;
    if (r->is_head_complete)
        return judge_head(r);
    return result == HPE_OK ? true : fail(r, HTTP_BAD_REQUEST);
}

/* The last octet of a line has come. */
static bool end_line(struct http_reader *r)
{
    struct span line =
        span_make(r->head + r->line_start, r->length - r->line_start);
    struct span text = span_make(line.data, line.len - 2);

    if (text.len == 0 && r->lines == 0) {
        if (r->skipped_empty_line) /* one is ignored: RFC 9112 §2.2 */
            return fail(r, HTTP_BAD_REQUEST);
        r->skipped_empty_line = true;
        r->length = 0;
        return true;
    }
    if (text.len > 0) {
        if (!judge_line(r, text))
            return false;
        r->lines++;
    }
    r->line_start = r->length;
    return parse_line(r, line);
}

/* A request line with its CRLF has HTTP_REQUEST_LINE_MAX octets at most, and
 * a head HTTP_HEAD_MAX.
 */
static bool has_room(struct http_reader *r)
{
    if (r->lines == 0 && r->length >= HTTP_REQUEST_LINE_MAX)
        return fail(r, HTTP_TARGET_TOO_LONG);
    if (r->length >= HTTP_HEAD_MAX)
        return fail(r, HTTP_HEAD_TOO_LARGE);
    return true;
}

static bool take_octet(struct http_reader *r, unsigned char c)
{
    bool after_cr = r->length > r->line_start && r->head[r->length - 1] == '\r';
    bool first = r->length == r->line_start;

    if (after_cr != (c == '\n'))
        return fail(r, HTTP_BAD_REQUEST);
    if ((c < ' ' && c != '\r' && c != '\n' && c != '\t') || c == 0x7f)
        return fail(r, HTTP_BAD_REQUEST);
    /* Neither folded lines nor a request that begins with anything else. */
    if (first && c != '\r' && !is_token_octet(c))
        return fail(r, HTTP_BAD_REQUEST);
    if (!has_room(r))
        return false;
    r->head[r->length++] = c;
    return c == '\n' ? end_line(r) : true;
}

enum http_request_status http_request_next(struct http_reader *r,
                                           struct span *in,
                                           struct http_request *request)
{
    if (r->is_head_complete && !r->failed)
        begin_head(r);
    while (!r->failed && in->len > 0) {
        unsigned char c = span_take(in, 1).data[0];

        if (take_octet(r, c) && r->is_head_complete) {
            *request = r->request;
            return HTTP_REQUEST_READY;
        }
    }
    if (!r->failed)
        return HTTP_REQUEST_MORE;
    *request = r->request;
    return HTTP_REQUEST_BAD;
}
