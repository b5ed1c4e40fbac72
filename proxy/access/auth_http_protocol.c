#include "access/auth_http_protocol.h"

#include <string.h>

#include "base/limits.h"
#include "pop3/sasl.h"

/* Each octet as %XX at worst, of each part that is given to us; the rest is
 * short.
 */
#define FIELDS_TEXT_MAX (3 * (POP3_SASL_LINE_MAX + 2 * POP3_LINE_MAX) + 1024)

static const char *const methods[AUTH_HTTP_METHOD_COUNT] = {
    [AUTH_HTTP_PLAIN] = "plain",
    [AUTH_HTTP_APOP] = "apop",
    [AUTH_HTTP_CRAM_MD5] = "cram-md5",
    [AUTH_HTTP_TOKEN] = "xoauth2",
};

static bool is_digest(enum auth_http_method method)
{
    return method == AUTH_HTTP_APOP || method == AUTH_HTTP_CRAM_MD5;
}

static bool must_be_escaped(unsigned char octet)
{
    return octet <= ' ' || octet == '%';
}

/* Appends |value| with what has a meaning in HTTP, or in the coding itself, as
 * %XX.
 */
static void append_escaped(struct buf *b, struct span value)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < value.len; i++) {
        unsigned char octet = value.data[i];

        if (!must_be_escaped(octet)) {
            buf_append_octet(b, octet);
            continue;
        }
        buf_append_octet(b, '%');
        buf_append_octet(b, (unsigned char)digits[octet >> 4]);
        buf_append_octet(b, (unsigned char)digits[octet & 15]);
    }
}

static void append_field(struct auth_http_fields *f, const char *name,
                         struct span value)
{
    buf_append_string(&f->text, name);
    buf_append_string(&f->text, ": ");
    append_escaped(&f->text, value);
    buf_append_octet(&f->text, '\0');
    f->count++;
}

static void append_text(struct auth_http_fields *f, const char *name,
                        const char *value)
{
    append_field(f, name, span_from_string(value));
}

bool auth_http_fields_init(struct auth_http_fields *f,
                           const struct auth_http_login *login)
{
    *f = (struct auth_http_fields){ .count = 0 };
    buf_init(&f->text, FIELDS_TEXT_MAX);
    append_text(f, "Auth-Method", methods[login->method]);
    append_field(f, "Auth-User", login->user);
    append_field(f, "Auth-Pass", login->secret);
    if (is_digest(login->method))
        append_field(f, "Auth-Salt", login->salt);
    append_text(f, "Auth-Protocol", "pop3");
    buf_append_string(&f->text, "Auth-Login-Attempt: ");
    buf_append_number(&f->text, login->attempt);
    buf_append_octet(&f->text, '\0');
    f->count++;
    append_text(f, "Client-IP", login->client);
    if (login->tls_protocol) {
        append_text(f, "Auth-SSL", "on");
        append_text(f, "Auth-SSL-Protocol", login->tls_protocol);
        append_text(f, "Auth-SSL-Cipher", login->tls_cipher);
    }
    return !buf_failed(&f->text);
}

void auth_http_fields_fini(struct auth_http_fields *f)
{
    buf_fini(&f->text);
}

void auth_http_fields_list(const struct auth_http_fields *f,
                           const char *list[AUTH_HTTP_FIELDS_MAX])
{
    const char *field = (const char *)buf_span(&f->text).data;

    for (size_t i = 0; i < f->count; i++) {
        list[i] = field;
        field += strlen(field) + 1;
    }
}

/* The wait that the answer asks for, as far as we go along with it. What is no
 * number counts as none, as it does for nginx.
 */
static uint64_t wait_of(const struct auth_http_reply *reply)
{
    uint64_t seconds;

    if (!reply->wait ||
        !span_to_number(span_from_string(reply->wait), UINT32_MAX, &seconds))
        return 0;
    return seconds > AUTH_HTTP_WAIT_MAX_MS / 1000 ? AUTH_HTTP_WAIT_MAX_MS
                                                  : seconds * 1000;
}

static struct auth_http_ruling garbled(const char *why)
{
    return (struct auth_http_ruling){ .verdict = AUTH_HTTP_GARBLED,
                                      .why = why };
}

static struct auth_http_ruling wait(uint64_t wait_ms)
{
    if (wait_ms < AUTH_HTTP_WAIT_MIN_MS)
        wait_ms = AUTH_HTTP_WAIT_MIN_MS;
    return (struct auth_http_ruling){ .verdict = AUTH_HTTP_WAIT,
                                      .wait_ms = wait_ms,
                                      .why = "it is to be asked again" };
}

/* An SMTP reply code that begins with 4 is a passing trouble: RFC 5321 §4.2.1.
 */
static bool is_passing(const char *error_code)
{
    return error_code && error_code[0] == '4';
}

static bool is_part(const char *text)
{
    return !text || sasl_part_is_valid(span_from_string(text));
}

static struct auth_http_ruling granted(const struct auth_http_reply *reply,
                                       enum auth_http_method method)
{
    struct auth_http_ruling ruling = { .verdict = AUTH_HTTP_GRANTED,
                                       .why = "",
                                       .user = reply->user,
                                       .pass = reply->pass };
    uint64_t port = 0;

    if (!is_part(reply->user))
        return garbled("its Auth-User cannot be a user's name");
    if (!is_part(reply->pass))
        return garbled("its Auth-Pass cannot be a password");
    if (is_digest(method) && !reply->pass)
        return garbled("it has no Auth-Pass, which APOP and CRAM-MD5 need");
    if (!reply->server)
        return ruling;
    if (reply->server[0] == '\0')
        return garbled("its Auth-Server is empty");
    if (reply->port &&
        (!span_to_number(span_from_string(reply->port), UINT16_MAX, &port) ||
         port == 0))
        return garbled("its Auth-Port is none");
    ruling.server = reply->server;
    ruling.port = (uint16_t)port;
    return ruling;
}

struct auth_http_ruling auth_http_judge(const struct auth_http_reply *reply,
                                        enum auth_http_method method)
{
    struct auth_http_ruling ruling = { .verdict = AUTH_HTTP_LATER,
                                       .wait_ms = wait_of(reply),
                                       .why = "" };

    if (reply->http_status >= 500) {
        ruling.why = "it says that it has failed";
        return ruling;
    }
    if (!reply->status)
        return garbled("it has no Auth-Status");
    if (strcmp(reply->status, "OK") == 0)
        return granted(reply, method);
    if (strcmp(reply->status, "WAIT") == 0)
        return wait(ruling.wait_ms);
    if (!is_passing(reply->error_code))
        ruling.verdict = AUTH_HTTP_REFUSED;
    return ruling;
}
