/* pop3_login.c - the commands before login, and the SASL exchanges. */
#include <assert.h>

#include "base/base64.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "pop3/reply.h"
#include "pop3/sasl.h"
#include "session/pop3_handlers.h"

static const struct pop3_request no_request = { .kind = POP3_REQUEST_NONE };

/* `Username:` and `Password:`, the prompts of the obsolete LOGIN mechanism, in
 * base64.
 */
#define LOGIN_USER_PROMPT SPAN_LITERAL("VXNlcm5hbWU6")
#define LOGIN_PASSWORD_PROMPT SPAN_LITERAL("UGFzc3dvcmQ6")

/* No password in clear unless the listener says so: RFC 2595 §2.3. */
static bool may_log_in(const struct pop3_session *s)
{
    return s->tls || s->policy->allow_plaintext_login;
}

static struct pop3_request refuse_clear(struct pop3_session *s,
                                        enum pop3_verb verb)
{
    return pop3_reject(s, verb, "encryption required, use STLS first");
}

/* The name and password are complete and well formed: the owner's turn. */
static struct pop3_request request_login(struct pop3_session *s,
                                         enum pop3_verb verb)
{
    s->pending = verb;
    return (struct pop3_request){ .kind = POP3_REQUEST_LOGIN };
}

/* Refused without asking the upstream: it cannot be right. */
static struct pop3_request refuse_login(struct pop3_session *s,
                                        enum pop3_verb verb, enum fault fault)
{
    s->pending = verb;
    return (struct pop3_request){ .kind = POP3_REQUEST_LOGIN, .fault = fault };
}

struct pop3_request pop3_on_user(struct pop3_session *s,
                                 const struct pop3_command *command)
{
    if (!may_log_in(s))
        return refuse_clear(s, POP3_USER);
    if (!sasl_part_is_valid(command->rest))
        return pop3_reject(s, POP3_USER, "not a user name");
    credentials_wipe(&s->given);
    if (!credentials_set_user(&s->given, command->rest)) {
        /* USER carries no code: CONFORMANCE CAP-10. */
        pop3_reply_error(&s->out, POP3_USER, POP3_CODE_NONE,
                         fault_pop3_text(FAULT_NO_MEMORY));
        return no_request;
    }
    s->state = POP3_USER_GIVEN;
    pop3_reply_ok(&s->out, "send PASS");
    return (struct pop3_request){ .kind = POP3_REQUEST_WARM_UP };
}

struct pop3_request pop3_on_pass(struct pop3_session *s,
                                 const struct pop3_command *command)
{
    s->state = POP3_AUTHORIZATION;
    if (!sasl_part_is_valid(command->rest))
        return refuse_login(s, POP3_PASS, FAULT_CREDENTIALS);
    if (!credentials_set_secret(&s->given, SECRET_PASSWORD, command->rest))
        return refuse_login(s, POP3_PASS, FAULT_NO_MEMORY);
    return request_login(s, POP3_PASS);
}

static struct pop3_request finish_plain(struct pop3_session *s,
                                        struct span message)
{
    struct sasl_plain plain;

    if (!sasl_plain_parse(message, &plain))
        return refuse_login(s, POP3_AUTH, FAULT_CREDENTIALS);
    if (span_equals(plain.authzid, plain.authcid))
        plain.authzid.len = 0;
    if (!credentials_set_identity(&s->given, plain.authzid) ||
        !credentials_set_user(&s->given, plain.authcid) ||
        !credentials_set_secret(&s->given, SECRET_PASSWORD, plain.password))
        return refuse_login(s, POP3_AUTH, FAULT_NO_MEMORY);
    return request_login(s, POP3_AUTH);
}

static struct pop3_request take_login_user(struct pop3_session *s,
                                           struct span user)
{
    if (!sasl_part_is_valid(user))
        return refuse_login(s, POP3_AUTH, FAULT_CREDENTIALS);
    if (!credentials_set_user(&s->given, user))
        return refuse_login(s, POP3_AUTH, FAULT_NO_MEMORY);
    s->state = POP3_SASL_LOGIN_PASSWORD;
    pop3_reply_challenge(&s->out, LOGIN_PASSWORD_PROMPT);
    return (struct pop3_request){ .kind = POP3_REQUEST_WARM_UP };
}

static struct pop3_request finish_login(struct pop3_session *s,
                                        struct span password)
{
    if (!sasl_part_is_valid(password))
        return refuse_login(s, POP3_AUTH, FAULT_CREDENTIALS);
    if (!credentials_set_secret(&s->given, SECRET_PASSWORD, password))
        return refuse_login(s, POP3_AUTH, FAULT_NO_MEMORY);
    return request_login(s, POP3_AUTH);
}

/* A decoded response, in the state that awaited it. */
static struct pop3_request take_response(struct pop3_session *s,
                                         enum pop3_state awaited,
                                         struct span response)
{
    s->state = POP3_AUTHORIZATION;
    if (awaited == POP3_SASL_LOGIN_USER)
        return take_login_user(s, response);
    if (awaited == POP3_SASL_LOGIN_PASSWORD)
        return finish_login(s, response);
    assert(awaited == POP3_SASL_PLAIN);
    return finish_plain(s, response);
}

static struct pop3_request decode_response(struct pop3_session *s,
                                           enum pop3_state awaited,
                                           struct span base64)
{
    struct pop3_request request;
    struct buf decoded;

    s->state = POP3_AUTHORIZATION;
    buf_init(&decoded, POP3_SASL_LINE_MAX);
    if (base64_decode(base64, &decoded)) {
        request = take_response(s, awaited, buf_span(&decoded));
    } else if (buf_failed(&decoded)) {
        request = refuse_login(s, POP3_AUTH, FAULT_NO_MEMORY);
    } else {
        credentials_wipe(&s->given);
        request = pop3_reject(s, POP3_AUTH, "not base64");
    }
    buf_fini(&decoded);
    return request;
}

struct pop3_request pop3_on_sasl_line(struct pop3_session *s, struct span line)
{
    if (span_equals(line, SPAN_LITERAL("*"))) {
        credentials_wipe(&s->given);
        s->state = POP3_AUTHORIZATION;
        return pop3_reject(s, POP3_AUTH, "cancelled");
    }
    return decode_response(s, s->state, line);
}

struct pop3_request pop3_on_auth(struct pop3_session *s,
                                 const struct pop3_command *command)
{
    bool plain =
        span_equals_nocase(command->argument[0], SPAN_LITERAL("PLAIN"));
    bool login =
        span_equals_nocase(command->argument[0], SPAN_LITERAL("LOGIN"));
    enum pop3_state awaited = plain ? POP3_SASL_PLAIN : POP3_SASL_LOGIN_USER;

    if (!may_log_in(s))
        return refuse_clear(s, POP3_AUTH);
    if (!plain && !login)
        return pop3_reject(s, POP3_AUTH, "no such mechanism");
    credentials_wipe(&s->given);
    if (command->arguments == 1) {
        s->state = awaited;
        pop3_reply_challenge(&s->out,
                             plain ? SPAN_LITERAL("") : LOGIN_USER_PROMPT);
        return (struct pop3_request){ .kind = POP3_REQUEST_WARM_UP };
    }
    /* `=` stands for an empty initial response: RFC 5034 §4. */
    if (span_equals(command->argument[1], SPAN_LITERAL("=")))
        return take_response(s, awaited, SPAN_LITERAL(""));
    return decode_response(s, awaited, command->argument[1]);
}

static bool may_start_tls(const struct pop3_session *s)
{
    return s->policy->client_tls == TLS_MODE_STARTTLS && !s->tls;
}

struct pop3_request pop3_on_stls(struct pop3_session *s,
                                 const struct pop3_command *command)
{
    (void)command;
    if (!may_start_tls(s))
        return pop3_reject(s, POP3_STLS,
                           s->tls ? "TLS is already active"
                                  : "TLS is not available");
    return (struct pop3_request){ .kind = POP3_REQUEST_STLS };
}

/* Only what the operator has said: RFC 2449 §6.5, §6.7. */
static void write_policy(struct pop3_session *s)
{
    if (s->policy->expire != NULL) {
        buf_append_string(&s->out, "EXPIRE ");
        buf_append_string(&s->out, s->policy->expire);
        buf_append_string(&s->out, "\r\n");
    }
    if (s->policy->login_delay_ms > 0) {
        buf_append_string(&s->out, "LOGIN-DELAY ");
        buf_append_number(&s->out, (s->policy->login_delay_ms + 999) / 1000);
        buf_append_string(&s->out, "\r\n");
    }
}

struct pop3_request pop3_on_capa(struct pop3_session *s,
                                 const struct pop3_command *command)
{
    (void)command;
    pop3_reply_ok(&s->out, "capability list follows");
    buf_append_string(&s->out, "TOP\r\nUIDL\r\nRESP-CODES\r\n"
                               "AUTH-RESP-CODE\r\nPIPELINING\r\n");
    if (may_log_in(s))
        buf_append_string(&s->out, "USER\r\nSASL PLAIN LOGIN\r\n");
    if (may_start_tls(s) && !pop3_session_is_logged_in(s))
        buf_append_string(&s->out, "STLS\r\n");
    write_policy(s);
    /* Without a version: what is shown before login stays (CAP-2, CAP-13). */
    if (s->policy->show_implementation)
        buf_append_string(&s->out, "IMPLEMENTATION popinjay\r\n");
    pop3_write_end(&s->out);
    return no_request;
}
