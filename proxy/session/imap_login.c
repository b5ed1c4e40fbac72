/* imap_login.c - see imap_login.h. */
#include "session/imap_login.h"

#include <assert.h>

#include "base/base64.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "imap/command.h"
#include "session/imap_scram.h"

/* --- the choice --- */

static bool is_wanted(const struct imap_session *s, enum imap_mechanism m)
{
    unsigned listed = s->policy->mechanisms;

    return listed == 0 || (listed & BIT(m)) != 0;
}

bool imap_login_can_bind(const struct imap_session *s)
{
    return s->channel != NULL && s->channel->has_binding &&
           is_wanted(s, IMAP_MECHANISM_SCRAM_PLUS);
}

/* It is wanted, and offered, and what it needs is at hand. */
static bool is_usable(const struct imap_session *s, enum imap_mechanism m)
{
    static const enum imap_capability offers[IMAP_MECHANISM_COUNT] = {
        [IMAP_MECHANISM_SCRAM_PLUS] = IMAP_CAP_AUTH_SCRAM_PLUS,
        [IMAP_MECHANISM_SCRAM] = IMAP_CAP_AUTH_SCRAM,
        [IMAP_MECHANISM_PLAIN] = IMAP_CAP_AUTH_PLAIN,
        [IMAP_MECHANISM_OAUTHBEARER] = IMAP_CAP_AUTH_OAUTHBEARER,
        [IMAP_MECHANISM_XOAUTH2] = IMAP_CAP_AUTH_XOAUTH2,
    };

    if (m == IMAP_MECHANISM_SCRAM_PLUS && !imap_login_can_bind(s))
        return false;
    if (m == IMAP_MECHANISM_SCRAM && s->channel == NULL)
        return false;
    return is_wanted(s, m) &&
           imap_capabilities_have(s->capabilities, offers[m]);
}

/* The command has no charset (CONFORMANCE UTF-3), and cannot act as somebody
 * else.
 */
static bool is_fit_for_login(const struct imap_session *s,
                             const struct credentials *c)
{
    return is_wanted(s, IMAP_MECHANISM_LOGIN) &&
           !imap_capabilities_have(s->capabilities, IMAP_CAP_LOGINDISABLED) &&
           utf8_is_ascii(buf_span(&c->user)) &&
           utf8_is_ascii(buf_span(&c->secret)) && buf_length(&c->identity) == 0;
}

static enum fault choose_for_password(const struct imap_session *s,
                                      const struct credentials *c,
                                      enum imap_mechanism *mechanism)
{
    for (unsigned m = IMAP_MECHANISM_SCRAM_PLUS; m < IMAP_MECHANISM_LOGIN;
         m++) {
        if (is_usable(s, m)) {
            *mechanism = m;
            return FAULT_NONE;
        }
    }
    if (!is_fit_for_login(s, c))
        return FAULT_UPSTREAM_NO_LOGIN;
    *mechanism = IMAP_MECHANISM_LOGIN;
    return FAULT_NONE;
}

static enum fault choose_for_token(const struct imap_session *s,
                                   enum imap_mechanism *mechanism)
{
    if (is_usable(s, IMAP_MECHANISM_OAUTHBEARER))
        *mechanism = IMAP_MECHANISM_OAUTHBEARER;
    else if (is_usable(s, IMAP_MECHANISM_XOAUTH2))
        *mechanism = IMAP_MECHANISM_XOAUTH2;
    else
        return FAULT_UPSTREAM_NO_LOGIN;
    return FAULT_NONE;
}

enum fault imap_session_choose(const struct imap_session *s,
                               const struct credentials *c,
                               enum imap_mechanism *mechanism)
{
    switch (c->kind) {
    case SECRET_PASSWORD:
        return choose_for_password(s, c, mechanism);
    case SECRET_TOKEN:
        return choose_for_token(s, mechanism);
    case SECRET_APOP:
    case SECRET_CRAM_MD5:
    case SECRET_PROVEN:
    case SECRET_KIND_COUNT:
        break; /* of use for our own accounts only */
    }
    return FAULT_UPSTREAM_NO_LOGIN;
}

/* --- the messages --- */

static void append_bearer(struct buf *message, const struct credentials *c)
{
    buf_append_string(message, "\1auth=Bearer ");
    buf_append(message, buf_span(&c->secret));
    buf_append_string(message, "\1\1");
}

static void write_oauthbearer(const struct credentials *c,
                              const struct server_name *to, struct buf *message)
{
    buf_append_string(message, "n,a=");
    credentials_append_name(credentials_name(c), message);
    buf_append_string(message, ",\1host=");
    buf_append_string(message, to->host);
    buf_append_string(message, "\1port=");
    buf_append_number(message, to->port);
    append_bearer(message, c);
}

static void write_xoauth2(const struct credentials *c, struct buf *message)
{
    buf_append_string(message, "user=");
    buf_append(message, credentials_name(c));
    append_bearer(message, c);
}

static bool is_scram(const struct imap_session *s)
{
    return s->mechanism == IMAP_MECHANISM_SCRAM_PLUS ||
           s->mechanism == IMAP_MECHANISM_SCRAM;
}

/* The first message of the mechanism, in base64. Failure sticks in |base64|. */
static void write_message(struct imap_session *s, struct buf *base64)
{
    const struct credentials *c = &s->credentials;
    struct buf message;
    bool done = true;

    if (s->mechanism == IMAP_MECHANISM_PLAIN) {
        credentials_write_plain(c, base64);
        return;
    }
    buf_init(&message, UPSTREAM_OUTPUT_MAX);
    if (is_scram(s))
        done = imap_scram_begin(s, &message);
    else if (s->mechanism == IMAP_MECHANISM_OAUTHBEARER)
        write_oauthbearer(c, &s->server, &message);
    else
        write_xoauth2(c, &message);
    if (!done || buf_failed(&message) ||
        !base64_encode(buf_span(&message), base64))
        base64->failed = true;
    buf_fini(&message);
}

/* --- what is sent --- */

/* The message, with the command or behind its challenge. */
static void send_message(struct imap_session *s, uint32_t tag, bool initial)
{
    const char *name = imap_mechanism_name(s->mechanism);
    struct buf base64;
    struct span message;

    buf_init(&base64, UPSTREAM_OUTPUT_MAX);
    write_message(s, &base64);
    message = buf_span(&base64);
    if (buf_failed(&base64))
        s->out.failed = true;
    else if (initial)
        imap_write_authenticate(&s->out, tag, name, &message);
    else
        imap_write_response(&s->out, message);
    s->responded = true;
    buf_fini(&base64);
}

static void send_authenticate(struct imap_session *s, uint32_t tag)
{
    s->responded = false;
    s->error_told = false;
    s->cancelled = false;
    if (imap_capabilities_have(s->capabilities, IMAP_CAP_SASL_IR))
        send_message(s, tag, true);
    else
        imap_write_authenticate(&s->out, tag, imap_mechanism_name(s->mechanism),
                                NULL);
}

static void send_login_piece(struct imap_session *s)
{
    s->login_goes_on = imap_write_login(
        &s->out, s->tag, s->login_piece++, buf_span(&s->credentials.user),
        buf_span(&s->credentials.secret), s->capabilities);
}

void imap_login_send(struct imap_session *s, uint32_t tag)
{
    if (s->state == IMAP_AUTHENTICATE) {
        send_authenticate(s, tag);
        return;
    }
    assert(s->state == IMAP_LOGIN);
    s->login_piece = 0;
    send_login_piece(s);
}

/* --- what is asked --- */

static bool is_empty_challenge(struct span text)
{
    while (text.len > 0 && text.data[0] == ' ')
        (void)span_take(&text, 1);
    return text.len == 0;
}

/* A token is refused in two steps: the server says why, we say that we have
 * heard, and then the command fails (RFC 7628 §3.2.3). Why is for the log.
 */
static struct imap_session_event hear_error(struct imap_session *s,
                                            const struct imap_event *ev)
{
    struct imap_session_event result = { .kind = IMAP_SESSION_TEXT,
                                         .fault = FAULT_TOKEN_REFUSED,
                                         .noteworthy = true,
                                         .item = *ev };
    struct span base64 = ev->text;

    /* Of a long one the end may be missing. */
    base64.len -= base64.len % 4;
    buf_clear(&s->challenge);
    if (base64_decode(base64, &s->challenge))
        result.item.text = buf_span(&s->challenge);
    imap_write_response(&s->out, s->mechanism == IMAP_MECHANISM_OAUTHBEARER
                                     ? SPAN_LITERAL("AQ==")
                                     : SPAN_LITERAL(""));
    s->error_told = true;
    return result;
}

void imap_login_cancel(struct imap_session *s)
{
    if (!s->cancelled)
        imap_write_response(&s->out, SPAN_LITERAL("*"));
    s->cancelled = true;
}

static struct imap_session_event answer_challenge(struct imap_session *s,
                                                  const struct imap_event *ev)
{
    static const struct imap_session_event nothing = { .kind =
                                                           IMAP_SESSION_MORE };
    bool goes_on = s->responded && !s->cancelled;

    if (!s->responded && !s->cancelled && is_empty_challenge(ev->text)) {
        send_message(s, s->tag, false);
        return nothing;
    }
    if (is_scram(s) && goes_on)
        return imap_scram_on_challenge(s, ev);
    if (s->mechanism != IMAP_MECHANISM_PLAIN && goes_on && !s->error_told)
        return hear_error(s, ev);
    /* None of them knows another challenge: give up (RFC 9051 §6.2.2). */
    imap_login_cancel(s);
    return nothing;
}

struct imap_session_event imap_login_on_continue(struct imap_session *s,
                                                 const struct imap_event *ev)
{
    if (s->state == IMAP_AUTHENTICATE)
        return answer_challenge(s, ev);
    if (s->login_goes_on)
        send_login_piece(s);
    return (struct imap_session_event){ .kind = IMAP_SESSION_MORE };
}
