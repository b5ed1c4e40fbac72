#include "access/auth_http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access/http_client.h"
#include "base/limits.h"
#include "net/secret_file.h"

struct auth_http_ask {
    auth_http_answered *answered;
    void *owner;
    struct http_client *client;
    const struct auth_http_rules *rules;
    enum auth_http_method method;
    struct auth_http_fields fields; /* as often as it is asked */
    struct http_exchange *exchange; /* NULL: it waits */
    uv_timer_t timer;
};

/* --- the rules --- */

static bool is_name(struct span name)
{
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = name.data[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
            !(c >= '0' && c <= '9') && c != '-' && c != '_')
            return false;
    }
    return name.len > 0;
}

/* Visible octets, and blanks between them: RFC 9110 §5.5. */
static bool is_value(struct span value)
{
    for (size_t i = 0; i < value.len; i++)
        if (value.data[i] < ' ' || value.data[i] == 0x7f)
            return false;
    return value.len > 0;
}

/* Those of a question are not for a file to say. */
static bool is_ours(struct span name)
{
    return span_starts_with_nocase(name, SPAN_LITERAL("Auth-")) ||
           span_starts_with_nocase(name, SPAN_LITERAL("Client-")) ||
           span_equals_nocase(name, SPAN_LITERAL("Host")) ||
           span_equals_nocase(name, SPAN_LITERAL("Content-Length")) ||
           span_equals_nocase(name, SPAN_LITERAL("Transfer-Encoding"));
}

static struct span trim(struct span s)
{
    while (s.len > 0 && (s.data[0] == ' ' || s.data[0] == '\t'))
        span_take(&s, 1);
    while (s.len > 0 && strchr(" \t\r", (char)s.data[s.len - 1]) != NULL)
        s.len--;
    return s;
}

/* NULL: it was taken. */
static const char *take_line(struct auth_http_rules *rules, struct span line)
{
    struct span value = trim(line);
    struct span name;

    if (value.len == 0)
        return NULL;
    name = span_take(&value, span_find(value, ':'));
    if (value.len == 0 || !is_name(name))
        return "must have a line `Name: value` for each field";
    span_take(&value, 1);
    value = trim(value);
    if (!is_value(value))
        return "has a field without a value, or with control characters in it";
    if (is_ours(name))
        return "has a field that the question itself has";
    if (rules->header_count == AUTH_HTTP_HEADER_FIELDS_MAX)
        return "has too many fields";
    rules->header_count++;
    buf_append(&rules->header, name);
    buf_append_string(&rules->header, ": ");
    buf_append(&rules->header, value);
    buf_append_octet(&rules->header, '\0');
    return buf_failed(&rules->header) ? "no memory" : NULL;
}

static const char *take_lines(struct auth_http_rules *rules, struct span text)
{
    const char *problem = NULL;

    while (text.len > 0 && problem == NULL) {
        struct span line = span_take(&text, span_find(text, '\n'));

        if (text.len > 0)
            span_take(&text, 1);
        problem = take_line(rules, line);
    }
    return problem;
}

bool auth_http_rules_init(struct auth_http_rules *rules,
                          const char *header_file, char *error,
                          size_t error_size)
{
    const char *problem;
    struct buf text;

    /* A field may be written without the blank that we put into it. */
    buf_init(&rules->header,
             AUTH_HTTP_HEADER_MAX + 2 * AUTH_HTTP_HEADER_FIELDS_MAX);
    if (header_file == NULL)
        return true;
    buf_init(&text, AUTH_HTTP_HEADER_MAX);
    if (!secret_file_read(header_file, &text, error, error_size)) {
        buf_fini(&text);
        return false;
    }
    problem = take_lines(rules, buf_span(&text));
    buf_fini(&text);
    if (problem != NULL)
        (void)snprintf(error, error_size, "%s: %s", header_file, problem);
    return problem == NULL;
}

void auth_http_rules_fini(struct auth_http_rules *rules)
{
    buf_fini(&rules->header);
    rules->header_count = 0;
}

/* --- a question --- */

static bool send_question(struct auth_http_ask *ask);

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void release(struct auth_http_ask *ask)
{
    auth_http_fields_fini(&ask->fields);
    uv_close((uv_handle_t *)&ask->timer, on_closed);
}

static void on_time(uv_timer_t *timer)
{
    const struct auth_http_ruling no_memory = { .verdict = AUTH_HTTP_LATER,
                                                .why = "no memory" };
    struct auth_http_ask *ask = timer->data;

    if (send_question(ask))
        return;
    ask->answered(ask->owner, &no_memory, no_memory.why);
    release(ask);
}

static struct auth_http_ruling judge(const struct auth_http_ask *ask,
                                     const struct http_answer *answer)
{
    if (answer->outcome != HTTP_ANSWERED)
        return (struct auth_http_ruling){ .verdict = AUTH_HTTP_LATER,
                                          .why = answer->failure };

    const struct auth_http_reply reply = {
        .http_status = answer->status,
        .status = http_answer_field(answer, "Auth-Status"),
        .server = http_answer_field(answer, "Auth-Server"),
        .port = http_answer_field(answer, "Auth-Port"),
        .user = http_answer_field(answer, "Auth-User"),
        .pass = http_answer_field(answer, "Auth-Pass"),
        .wait = http_answer_field(answer, "Auth-Wait"),
        .error_code = http_answer_field(answer, "Auth-Error-Code"),
    };

    return auth_http_judge(&reply, ask->method);
}

static void on_answer(void *owner, const struct http_answer *answer)
{
    struct auth_http_ask *ask = owner;
    struct auth_http_ruling ruling = judge(ask, answer);

    ask->exchange = NULL;
    if (ruling.verdict == AUTH_HTTP_WAIT)
        uv_timer_start(&ask->timer, on_time, ruling.wait_ms, 0);
    ask->answered(ask->owner, &ruling, ruling.why);
    if (ruling.verdict != AUTH_HTTP_WAIT)
        release(ask);
}

/* The answer's body is nothing to us, but it may be there. */
static bool send_question(struct auth_http_ask *ask)
{
    const char *fields[AUTH_HTTP_FIELDS_MAX + AUTH_HTTP_HEADER_FIELDS_MAX];
    const struct auth_http_rules *rules = ask->rules;
    const char *own = (const char *)buf_span(&rules->header).data;
    const struct http_request request = {
        .url = rules->url,
        .fields = fields,
        .field_count = ask->fields.count + rules->header_count,
        .ca_file = rules->ca_file,
        .timeout_ms = rules->timeout_ms,
        .answer_max = AUTH_HTTP_BODY_MAX,
        .allow_clear = rules->allow_insecure,
    };

    auth_http_fields_list(&ask->fields, fields);
    for (size_t i = 0; i < rules->header_count; i++) {
        fields[ask->fields.count + i] = own;
        own += strlen(own) + 1;
    }
    ask->exchange = http_client_send(ask->client, &request, on_answer, ask);
    return ask->exchange != NULL;
}

struct auth_http_ask *auth_http_ask(struct http_client *client, uv_loop_t *loop,
                                    const struct auth_http_rules *rules,
                                    const struct auth_http_login *login,
                                    auth_http_answered *answered, void *owner)
{
    struct auth_http_ask *ask = calloc(1, sizeof(*ask));

    if (ask == NULL)
        return NULL;
    ask->answered = answered;
    ask->owner = owner;
    ask->client = client;
    ask->rules = rules;
    ask->method = login->method;
    uv_timer_init(loop, &ask->timer);
    ask->timer.data = ask;
    if (auth_http_fields_init(&ask->fields, login) && send_question(ask))
        return ask;
    release(ask);
    return NULL;
}

void auth_http_cancel(struct auth_http_ask *ask)
{
    if (ask == NULL)
        return;
    http_exchange_cancel(ask->exchange);
    release(ask);
}
