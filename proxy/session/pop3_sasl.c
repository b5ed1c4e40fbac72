/* pop3_sasl.c - AUTH, and the exchanges behind it.
 *
 * Mechanisms that bring a secret are taken apart here. Those that prove one
 * without bringing it need what the owner keeps: their messages go to it, and
 * its challenges to the client.
 *
 * Source: RFC 5034 §4; RFC 4616; RFC 7628 §3; RFC 2195; RFC 5802.
 */
#include <assert.h>

#include "base/base64.h"
#include "base/limits.h"
#include "pop3/reply.h"
#include "pop3/sasl.h"
#include "session/pop3_handlers.h"

static const struct pop3_request no_request = { .kind = POP3_REQUEST_NONE };

/* Takes the first message, decoded. */
typedef struct pop3_request first_taker(struct pop3_session *s,
                                        struct span message);

static first_taker take_plain;
static first_taker take_login_user;
static first_taker take_bearer;
static first_taker begin_exchange;

/* Challenges are in base64: `Username:` and `Password:` are the prompts of the
 * obsolete LOGIN.
 */
#define LOGIN_USER_PROMPT "VXNlcm5hbWU6"
#define LOGIN_PASSWORD_PROMPT SPAN_LITERAL("UGFzc3dvcmQ6")

static const struct {
    first_taker *take;
    const char *prompt; /* NULL: the owner says the first word */
    bool warms_up;      /* what follows goes to the upstream at once */
} mechanisms[SASL_MECHANISM_COUNT] = {
    [SASL_PLAIN] = { take_plain, "", true },
    [SASL_LOGIN] = { take_login_user, LOGIN_USER_PROMPT, true },
    [SASL_CRAM_MD5] = { begin_exchange, NULL, false },
    [SASL_SCRAM_SHA_256] = { begin_exchange, "", false },
    [SASL_XOAUTH2] = { take_bearer, "", true },
    [SASL_OAUTHBEARER] = { take_bearer, "", true },
};

unsigned pop3_mechanisms(const struct pop3_session *s)
{
    /* CONFORMANCE SASL-12: whatever the listener says of passwords. */
    return s->tls ? s->policy->mechanisms
                  : s->policy->mechanisms & ~SASL_TOKEN_MECHANISMS;
}

bool pop3_is_in_sasl(const struct pop3_session *s)
{
    return s->state == POP3_SASL_FIRST ||
           s->state == POP3_SASL_LOGIN_PASSWORD || s->state == POP3_SASL_STEP ||
           s->state == POP3_SASL_PROVEN || s->state == POP3_SASL_REFUSED;
}

static struct pop3_request request_login(struct pop3_session *s,
                                         enum fault fault)
{
    return pop3_request_login(s, POP3_AUTH, fault);
}

static void challenge(struct pop3_session *s, struct span base64,
                      enum pop3_state next)
{
    s->state = next;
    pop3_reply_challenge(&s->out, base64);
}

/* The same of octets that are not in base64 yet. */
static void challenge_plainly(struct pop3_session *s, struct span text,
                              enum pop3_state next)
{
    struct buf base64;

    buf_init(&base64, POP3_SASL_LINE_MAX);
    if (!base64_encode(text, &base64))
        s->out.failed = true;
    challenge(s, buf_span(&base64), next);
    buf_fini(&base64);
}

/* --- those that bring a secret --- */

static struct pop3_request take_plain(struct pop3_session *s,
                                      struct span message)
{
    struct sasl_plain plain;

    if (!sasl_plain_parse(message, &plain))
        return request_login(s, FAULT_CREDENTIALS);
    if (span_equals(plain.authzid, plain.authcid))
        plain.authzid.len = 0;
    if (!credentials_set_identity(&s->given, plain.authzid) ||
        !credentials_set_user(&s->given, plain.authcid) ||
        !credentials_set_secret(&s->given, SECRET_PASSWORD, plain.password))
        return request_login(s, FAULT_NO_MEMORY);
    return request_login(s, FAULT_NONE);
}

static struct pop3_request take_login_user(struct pop3_session *s,
                                           struct span user)
{
    if (!sasl_part_is_valid(user))
        return request_login(s, FAULT_CREDENTIALS);
    if (!credentials_set_user(&s->given, user))
        return request_login(s, FAULT_NO_MEMORY);
    challenge(s, LOGIN_PASSWORD_PROMPT, POP3_SASL_LOGIN_PASSWORD);
    return (struct pop3_request){ .kind = POP3_REQUEST_WARM_UP };
}

static struct pop3_request take_login_password(struct pop3_session *s,
                                               struct span password)
{
    if (!sasl_part_is_valid(password))
        return request_login(s, FAULT_CREDENTIALS);
    if (!credentials_set_secret(&s->given, SECRET_PASSWORD, password))
        return request_login(s, FAULT_NO_MEMORY);
    return request_login(s, FAULT_NONE);
}

static struct pop3_request take_bearer(struct pop3_session *s,
                                       struct span message)
{
    struct sasl_bearer bearer;

    if (!sasl_bearer_parse(s->mechanism, message, &bearer))
        return request_login(s, FAULT_CREDENTIALS);
    if (!credentials_set_user(&s->given,
                              span_make(bearer.user, bearer.user_length)) ||
        !credentials_set_secret(&s->given, SECRET_TOKEN, bearer.token))
        return request_login(s, FAULT_NO_MEMORY);
    return request_login(s, FAULT_NONE);
}

void pop3_explain_refusal(struct pop3_session *s, enum fault fault)
{
    s->refusal = fault;
    challenge_plainly(s, SPAN_LITERAL("{\"status\":\"invalid_token\"}"),
                      POP3_SASL_REFUSED);
}

/* --- those that prove one --- */

static struct pop3_request ask_owner(struct pop3_session *s, bool begins)
{
    s->pending = POP3_AUTH;
    return (struct pop3_request){ .kind = POP3_REQUEST_SASL, .begins = begins };
}

static struct pop3_request give_response(struct pop3_session *s,
                                         struct span response, bool begins)
{
    buf_clear(&s->response);
    s->has_response = true;
    if (!buf_append(&s->response, response))
        return request_login(s, FAULT_NO_MEMORY);
    return ask_owner(s, begins);
}

/* CRAM-MD5 knows no first word of the client (RFC 2195 §2). */
static struct pop3_request begin_exchange(struct pop3_session *s,
                                          struct span message)
{
    if (mechanisms[s->mechanism].prompt == NULL)
        return request_login(s, FAULT_CREDENTIALS);
    return give_response(s, message, true);
}

static struct pop3_request on_proven(struct pop3_session *s,
                                     const struct sasl_step *step)
{
    s->pending = POP3_UNKNOWN;
    if (!sasl_part_is_valid(step->user))
        return request_login(s, FAULT_CREDENTIALS);
    if (!credentials_set_user(&s->given, step->user) ||
        !credentials_set_secret(&s->given, SECRET_PROVEN, SPAN_LITERAL("")))
        return request_login(s, FAULT_NO_MEMORY);
    if (step->text.len == 0)
        return request_login(s, FAULT_NONE);
    /* `+OK` has no place for it: RFC 5034 §4. */
    challenge_plainly(s, step->text, POP3_SASL_PROVEN);
    return no_request;
}

/* Not ours to judge. */
static struct pop3_request on_claimed(struct pop3_session *s,
                                      const struct sasl_step *step)
{
    s->pending = POP3_UNKNOWN;
    if (!sasl_part_is_valid(step->user) || !sasl_part_is_valid(step->digest))
        return request_login(s, FAULT_CREDENTIALS);
    if (!credentials_set_user(&s->given, step->user) ||
        !credentials_set_secret(&s->given, SECRET_CRAM_MD5, step->digest))
        return request_login(s, FAULT_NO_MEMORY);
    return request_login(s, FAULT_NONE);
}

static struct pop3_request on_failed(struct pop3_session *s,
                                     const struct sasl_step *step)
{
    credentials_wipe(&s->given);
    if (sasl_part_is_valid(step->user) &&
        !credentials_set_user(&s->given, step->user))
        return request_login(s, FAULT_NO_MEMORY);
    return request_login(s, step->fault);
}

static struct pop3_request take_step(struct pop3_session *s,
                                     const struct sasl_step *step)
{
    switch (step->status) {
    case SASL_CHALLENGE:
        s->pending = POP3_UNKNOWN;
        challenge_plainly(s, step->text, POP3_SASL_STEP);
        return no_request;
    case SASL_PROVEN:
        return on_proven(s, step);
    case SASL_CLAIMED:
        return on_claimed(s, step);
    case SASL_FAILED:
        break;
    }
    return on_failed(s, step);
}

struct pop3_request pop3_session_take_step(struct pop3_session *s,
                                           const struct sasl_step *step)
{
    struct pop3_request request;

    assert(s->pending == POP3_AUTH);
    request = take_step(s, step); /* which may borrow from the response */
    buf_fini(&s->response);
    buf_init(&s->response, POP3_SASL_LINE_MAX);
    return request;
}

static struct pop3_request finish_proven(struct pop3_session *s,
                                         struct span response)
{
    if (response.len > 0)
        return request_login(s, FAULT_CREDENTIALS);
    return request_login(s, FAULT_NONE);
}

/* --- lines --- */

/* A decoded response, in the state that awaited it. */
static struct pop3_request take_response(struct pop3_session *s,
                                         enum pop3_state awaited,
                                         struct span response)
{
    s->state = POP3_AUTHORIZATION;
    if (awaited == POP3_SASL_LOGIN_PASSWORD)
        return take_login_password(s, response);
    if (awaited == POP3_SASL_STEP)
        return give_response(s, response, false);
    if (awaited == POP3_SASL_PROVEN)
        return finish_proven(s, response);
    assert(awaited == POP3_SASL_FIRST);
    return mechanisms[s->mechanism].take(s, response);
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
        request = request_login(s, FAULT_NO_MEMORY);
    } else {
        credentials_wipe(&s->given);
        request = pop3_reject(s, POP3_AUTH, "not base64");
    }
    buf_fini(&decoded);
    return request;
}

/* The client has heard why; whatever it says, the token is refused. */
static struct pop3_request finish_refusal(struct pop3_session *s)
{
    s->state = POP3_AUTHORIZATION;
    s->pending = POP3_AUTH;
    pop3_session_refuse_login(s, s->refusal);
    return no_request;
}

struct pop3_request pop3_on_sasl_line(struct pop3_session *s, struct span line)
{
    if (s->state == POP3_SASL_REFUSED)
        return finish_refusal(s);
    if (span_equals(line, SPAN_LITERAL("*"))) {
        credentials_wipe(&s->given);
        s->state = POP3_AUTHORIZATION;
        return pop3_reject(s, POP3_AUTH, "cancelled");
    }
    return decode_response(s, s->state, line);
}

/* AUTH without an initial response. */
static struct pop3_request prompt(struct pop3_session *s)
{
    const char *text = mechanisms[s->mechanism].prompt;

    if (text == NULL) {
        buf_clear(&s->response);
        s->has_response = false;
        return ask_owner(s, true);
    }
    challenge(s, span_from_string(text), POP3_SASL_FIRST);
    return mechanisms[s->mechanism].warms_up
               ? (struct pop3_request){ .kind = POP3_REQUEST_WARM_UP }
               : no_request;
}

struct pop3_request pop3_on_auth(struct pop3_session *s,
                                 const struct pop3_command *command)
{
    enum sasl_mechanism mechanism = sasl_mechanism_find(command->argument[0]);
    unsigned offered = s->policy->mechanisms;

    if (!pop3_may_log_in(s))
        return pop3_refuse_clear(s, POP3_AUTH);
    if (mechanism == SASL_MECHANISM_COUNT || (offered & BIT(mechanism)) == 0)
        return pop3_reject(s, POP3_AUTH, "no such mechanism");
    if ((pop3_mechanisms(s) & BIT(mechanism)) == 0)
        return pop3_refuse_clear(s, POP3_AUTH);
    credentials_wipe(&s->given);
    s->mechanism = mechanism;
    if (command->arguments == 1)
        return prompt(s);
    /* `=` stands for an empty initial response: RFC 5034 §4. */
    if (span_equals(command->argument[1], SPAN_LITERAL("=")))
        return take_response(s, POP3_SASL_FIRST, SPAN_LITERAL(""));
    return decode_response(s, POP3_SASL_FIRST, command->argument[1]);
}
