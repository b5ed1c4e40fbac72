/* pop3_login.c - the commands before login, but for AUTH. */
#include "base/limits.h"
#include "pop3/reply.h"
#include "pop3/sasl.h"
#include "session/pop3_handlers.h"

static const struct pop3_request no_request = { .kind = POP3_REQUEST_NONE };

bool pop3_may_log_in(const struct pop3_session *s)
{
    return s->tls || s->policy->allow_plaintext_login;
}

struct pop3_request pop3_refuse_clear(struct pop3_session *s,
                                      enum pop3_verb verb)
{
    return pop3_reject(s, verb, "encryption required, use STLS first");
}

struct pop3_request pop3_request_login(struct pop3_session *s,
                                       enum pop3_verb verb, enum fault fault)
{
    s->pending = verb;
    return (struct pop3_request){ .kind = POP3_REQUEST_LOGIN, .fault = fault };
}

struct pop3_request pop3_on_user(struct pop3_session *s,
                                 const struct pop3_command *command)
{
    if (!pop3_may_log_in(s))
        return pop3_refuse_clear(s, POP3_USER);
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
        return pop3_request_login(s, POP3_PASS, FAULT_CREDENTIALS);
    if (!credentials_set_secret(&s->given, SECRET_PASSWORD, command->rest))
        return pop3_request_login(s, POP3_PASS, FAULT_NO_MEMORY);
    return pop3_request_login(s, POP3_PASS, FAULT_NONE);
}

/* --- APOP: RFC 1939 §7 --- */

/* 16 octets in hexadecimal, whichever case the device likes. */
static bool is_digest(struct span s)
{
    if (s.len != 32)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = s.data[i];

        if ((c < '0' || c > '9') && (c < 'a' || c > 'f') &&
            (c < 'A' || c > 'F'))
            return false;
    }
    return true;
}

struct pop3_request pop3_on_apop(struct pop3_session *s,
                                 const struct pop3_command *command)
{
    struct span user = command->argument[0];
    struct span digest = command->argument[1];

    if (buf_length(&s->timestamp) == 0)
        return pop3_reject(s, POP3_APOP, "not offered");
    if (!pop3_may_log_in(s))
        return pop3_refuse_clear(s, POP3_APOP);
    credentials_wipe(&s->given);
    if (!sasl_part_is_valid(user) || !is_digest(digest))
        return pop3_request_login(s, POP3_APOP, FAULT_CREDENTIALS);
    if (!credentials_set_user(&s->given, user) ||
        !credentials_set_secret(&s->given, SECRET_APOP, digest))
        return pop3_request_login(s, POP3_APOP, FAULT_NO_MEMORY);
    return pop3_request_login(s, POP3_APOP, FAULT_NONE);
}

/* --- */

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

static void write_mechanisms(struct pop3_session *s)
{
    unsigned mechanisms = pop3_mechanisms(s);

    if (mechanisms == 0)
        return;
    buf_append_string(&s->out, "SASL");
    for (unsigned m = 0; m < SASL_MECHANISM_COUNT; m++) {
        if ((mechanisms & BIT(m)) == 0)
            continue;
        buf_append_octet(&s->out, ' ');
        buf_append_string(&s->out, sasl_mechanism_name((enum sasl_mechanism)m));
    }
    buf_append_string(&s->out, "\r\n");
}

static void end_announcement(struct pop3_session *s, bool varies)
{
    buf_append_string(&s->out, varies ? " USER\r\n" : "\r\n");
}

/* Only what the operator has said: RFC 2449 §6.5, §6.7. A delay that was told
 * before login is told after it too, though this user has none (CAP-2).
 */
static void write_policy(struct pop3_session *s)
{
    const struct announcement *a = s->announced;

    if (a->expire != NULL) {
        buf_append_string(&s->out, "EXPIRE ");
        buf_append_string(&s->out, a->expire);
        end_announcement(s, a->expire_varies);
    }
    if (a->login_delay_ms > 0 || s->policy->announced.login_delay_ms > 0) {
        buf_append_string(&s->out, "LOGIN-DELAY ");
        buf_append_number(&s->out, (a->login_delay_ms + 999) / 1000);
        end_announcement(s, a->login_delay_varies);
    }
}

struct pop3_request pop3_on_capa(struct pop3_session *s,
                                 const struct pop3_command *command)
{
    (void)command;
    pop3_reply_ok(&s->out, "capability list follows");
    buf_append_string(&s->out, "TOP\r\nUIDL\r\nRESP-CODES\r\n"
                               "AUTH-RESP-CODE\r\nPIPELINING\r\n");
    if (pop3_may_log_in(s)) {
        buf_append_string(&s->out, "USER\r\n");
        write_mechanisms(s);
    }
    if (may_start_tls(s) && !pop3_session_is_logged_in(s))
        buf_append_string(&s->out, "STLS\r\n");
    write_policy(s);
    /* Without a version: what is shown before login stays (CAP-2, CAP-13). */
    if (s->policy->show_implementation)
        buf_append_string(&s->out, "IMPLEMENTATION popinjay\r\n");
    pop3_write_end(&s->out);
    return no_request;
}
