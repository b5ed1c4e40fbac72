/* pop3_session.c - which command is admitted when, and whose turn it is. */
#include "session/pop3_session.h"

#include <assert.h>

#include "base/limits.h"
#include "pop3/reply.h"
#include "session/pop3_handlers.h"

static const struct pop3_request no_request = { .kind = POP3_REQUEST_NONE };

static pop3_handler on_quit;

#define BEFORE_LOGIN BIT(POP3_AUTHORIZATION)
#define AFTER_LOGIN BIT(POP3_TRANSACTION)

static const struct {
    unsigned allowed_in; /* one bit a state: RFC 1939 §4-6 */
    pop3_handler *run;
} commands[POP3_VERB_COUNT] = {
    [POP3_USER] = { BEFORE_LOGIN, pop3_on_user },
    [POP3_PASS] = { BIT(POP3_USER_GIVEN), pop3_on_pass },
    [POP3_AUTH] = { BEFORE_LOGIN, pop3_on_auth },
    [POP3_APOP] = { BEFORE_LOGIN, pop3_on_apop },
    [POP3_CAPA] = { BEFORE_LOGIN | AFTER_LOGIN, pop3_on_capa },
    [POP3_STLS] = { BEFORE_LOGIN, pop3_on_stls },
    [POP3_STAT] = { AFTER_LOGIN, pop3_on_stat },
    [POP3_LIST] = { AFTER_LOGIN, pop3_on_list },
    [POP3_RETR] = { AFTER_LOGIN, pop3_on_retr },
    [POP3_DELE] = { AFTER_LOGIN, pop3_on_dele },
    [POP3_NOOP] = { AFTER_LOGIN, pop3_on_noop },
    [POP3_RSET] = { AFTER_LOGIN, pop3_on_rset },
    [POP3_TOP] = { AFTER_LOGIN, pop3_on_top },
    [POP3_UIDL] = { AFTER_LOGIN, pop3_on_uidl },
    [POP3_QUIT] = { BEFORE_LOGIN | AFTER_LOGIN, on_quit },
};

static void greet(struct pop3_session *s)
{
    static const char ready[] = "POP3 server ready";
    struct buf text;

    /* No `<` where APOP is not offered (CONFORMANCE POP-1). */
    if (buf_length(&s->timestamp) == 0) {
        pop3_reply_ok(&s->out, ready);
        return;
    }
    buf_init(&text, POP3_REPLY_MAX);
    buf_append_string(&text, ready);
    buf_append_octet(&text, ' ');
    buf_append(&text, buf_span(&s->timestamp));
    buf_append_octet(&text, '\0');
    if (buf_failed(&text))
        s->out.failed = true;
    else
        pop3_reply_ok(&s->out, (const char *)buf_span(&text).data);
    buf_fini(&text);
}

void pop3_session_init(struct pop3_session *s,
                       const struct session_policy *policy,
                       struct span timestamp)
{
    *s = (struct pop3_session){
        .policy = policy,
        .announced = &policy->announced,
        .state = POP3_AUTHORIZATION,
        .pending = POP3_UNKNOWN,
        .tls = policy->client_tls == TLS_MODE_IMPLICIT,
    };
    buf_init(&s->in, POP3_INPUT_MAX);
    buf_init(&s->out, CLIENT_OUTPUT_MAX);
    pop3_line_reader_init(&s->reader);
    credentials_init(&s->given);
    buf_init(&s->response, POP3_SASL_LINE_MAX);
    buf_init(&s->timestamp, APOP_TIMESTAMP_MAX);
    if (!buf_append(&s->timestamp, timestamp))
        s->out.failed = true;
    greet(s);
}

void pop3_session_fini(struct pop3_session *s)
{
    buf_fini(&s->in);
    buf_fini(&s->out);
    buf_fini(&s->response);
    buf_fini(&s->timestamp);
    credentials_wipe(&s->given);
    maildrops_fini(&s->maildrops);
}

struct pop3_request pop3_reject(struct pop3_session *s, enum pop3_verb verb,
                                const char *text)
{
    s->errors_in_row++;
    if (s->errors_in_row >= POP3_ERRORS_MAX) {
        pop3_reply_error(&s->out, verb, POP3_CODE_NONE,
                         fault_pop3_text(FAULT_TOO_MANY_ERRORS));
        pop3_session_close(s, FAULT_TOO_MANY_ERRORS);
        return no_request;
    }
    pop3_reply_error(&s->out, verb, POP3_CODE_NONE, text);
    return no_request;
}

static struct pop3_request on_quit(struct pop3_session *s,
                                   const struct pop3_command *command)
{
    (void)command;
    if (s->state == POP3_AUTHORIZATION) {
        pop3_reply_ok(&s->out, fault_pop3_text(FAULT_NONE));
        pop3_session_close(s, FAULT_NONE);
        return no_request;
    }
    s->state = POP3_UPDATE;
    s->pending = POP3_QUIT;
    return (struct pop3_request){ .kind = POP3_REQUEST_QUIT };
}

/* The mailbox or the upstream is lost: only QUIT still has a meaning. */
static struct pop3_request refuse_broken(struct pop3_session *s,
                                         enum pop3_verb verb)
{
    enum pop3_code code = fault_pop3_code(s->broken);

    /* USER and what is no command carry none: CONFORMANCE CAP-9, CAP-10. */
    if (!pop3_code_is_allowed(verb, code))
        code = POP3_CODE_NONE;
    pop3_reply_error(&s->out, verb, code, fault_pop3_text(s->broken));
    if (s->broken_closes)
        pop3_session_close(s, s->broken);
    return no_request;
}

static struct pop3_request admit(struct pop3_session *s,
                                 const struct pop3_command *command)
{
    /* PASS stands right behind USER or nowhere (RFC 1939 §7). */
    if (s->state == POP3_USER_GIVEN && command->verb != POP3_PASS)
        s->state = POP3_AUTHORIZATION;
    if (s->broken != FAULT_NONE && s->state == POP3_TRANSACTION &&
        command->verb != POP3_QUIT)
        return refuse_broken(s, command->verb);
    if (command->verb == POP3_UNKNOWN)
        return pop3_reject(s, POP3_UNKNOWN, "unknown command");
    if ((commands[command->verb].allowed_in & BIT(s->state)) == 0)
        return pop3_reject(s, command->verb, "not now");
    if (!pop3_command_has_arguments(command))
        return pop3_reject(s, command->verb, "wrong arguments");
    return commands[command->verb].run(s, command);
}

/* Counts by the first octets of the reply, which begins at |start|: a `+` alone
 * is a challenge, and no reply yet is the owner's, who has the command.
 */
static void count_reply(struct pop3_session *s, enum pop3_verb verb,
                        size_t start)
{
    struct span reply = buf_span(&s->out);

    if (reply.len <= start + 1)
        return;
    span_take(&reply, start);
    if (reply.data[0] == '-')
        counters_add_command(s->counters, verb, false);
    else if (reply.data[1] == 'O')
        counters_add_command(s->counters, verb, true);
}

/* The answer to the command that was with the owner. */
static void end_pending(struct pop3_session *s, bool ok)
{
    counters_add_command(s->counters, s->pending, ok);
    s->pending = POP3_UNKNOWN;
}

static bool is_wearisome(struct pop3_session *s)
{
    return !pop3_session_is_logged_in(s) &&
           ++s->early_commands > POP3_EARLY_COMMANDS_MAX;
}

static struct pop3_request dismiss(struct pop3_session *s, enum pop3_verb verb)
{
    pop3_reply_error(&s->out, verb, POP3_CODE_NONE,
                     fault_pop3_text(FAULT_TOO_MANY_COMMANDS));
    pop3_session_close(s, FAULT_TOO_MANY_COMMANDS);
    return no_request;
}

static struct pop3_request run_command(struct pop3_session *s, struct span line)
{
    size_t start = buf_length(&s->out);
    struct pop3_command command;
    struct pop3_request request;

    pop3_command_parse(line, &command);
    if (is_wearisome(s))
        request = dismiss(s, command.verb);
    else
        request = admit(s, &command);
    count_reply(s, command.verb, start);
    return request;
}

static struct pop3_request run_sasl_line(struct pop3_session *s,
                                         struct span line)
{
    size_t start = buf_length(&s->out);
    struct pop3_request request = pop3_on_sasl_line(s, line);

    count_reply(s, POP3_AUTH, start);
    return request;
}

static struct pop3_request run_bad_line(struct pop3_session *s,
                                        enum pop3_line_status status)
{
    enum pop3_verb verb = pop3_is_in_sasl(s) ? POP3_AUTH : POP3_UNKNOWN;

    if (s->state == POP3_SASL_REFUSED)
        return run_sasl_line(s, SPAN_LITERAL(""));
    counters_add_command(s->counters, verb, false);
    if (s->state == POP3_USER_GIVEN || pop3_is_in_sasl(s)) {
        credentials_wipe(&s->given);
        s->state = POP3_AUTHORIZATION;
    }
    return pop3_reject(s, verb,
                       status == POP3_LINE_ETOOLONG
                           ? "line too long"
                           : "control character in line");
}

/* Takes one line off the input. False: none is there yet. */
static bool run_line(struct pop3_session *s, struct pop3_request *request)
{
    struct span rest = buf_span(&s->in);
    size_t before = rest.len;
    bool in_sasl = pop3_is_in_sasl(s);
    size_t limit = in_sasl ? POP3_SASL_LINE_MAX : POP3_LINE_MAX;
    unsigned errors = s->errors_in_row;
    struct span line;
    enum pop3_line_status status =
        pop3_line_next(&s->reader, &rest, limit, &line);

    if (status == POP3_LINE_READY)
        *request = in_sasl ? run_sasl_line(s, line) : run_command(s, line);
    else if (status != POP3_LINE_MORE)
        *request = run_bad_line(s, status);
    if (s->errors_in_row == errors && status == POP3_LINE_READY)
        s->errors_in_row = 0;
    /* The handlers are done with what they borrowed. */
    buf_consume(&s->in, before - rest.len);
    return status != POP3_LINE_MORE;
}

static struct pop3_request tell_close(struct pop3_session *s)
{
    if (s->close_told)
        return no_request;
    s->close_told = true;
    buf_clear(&s->in);
    return (struct pop3_request){ .kind = POP3_REQUEST_CLOSE,
                                  .fault = s->close_fault };
}

/* Clear text behind STLS must not reach the TLS session: no answer then. */
static struct pop3_request accept_stls(struct pop3_session *s,
                                       struct pop3_request request)
{
    if (buf_length(&s->in) > 0) {
        pop3_session_close(s, FAULT_CLEAR_BEFORE_TLS);
        return no_request;
    }
    counters_add_command(s->counters, POP3_STLS, true);
    pop3_reply_ok(&s->out, "begin TLS");
    return request;
}

struct pop3_request pop3_session_next(struct pop3_session *s)
{
    struct pop3_request request = no_request;

    while (request.kind == POP3_REQUEST_NONE) {
        if (s->listing != POP3_LISTING_NONE)
            pop3_continue_listing(s);
        if (s->state == POP3_CLOSING)
            return tell_close(s);
        if (s->pending != POP3_UNKNOWN || s->listing != POP3_LISTING_NONE ||
            buf_length(&s->out) >= CLIENT_OUTPUT_HIGH || buf_failed(&s->out))
            break;
        if (!run_line(s, &request))
            break;
        if (request.kind == POP3_REQUEST_STLS)
            request = accept_stls(s, request);
    }
    buf_release(&s->in);
    return request;
}

void pop3_session_tls_up(struct pop3_session *s)
{
    assert(s->state == POP3_AUTHORIZATION && buf_length(&s->in) == 0);
    s->tls = true;
    s->errors_in_row = 0;
    credentials_wipe(&s->given);
}

static bool is_logging_in(const struct pop3_session *s)
{
    return s->pending == POP3_PASS || s->pending == POP3_AUTH ||
           s->pending == POP3_APOP;
}

void pop3_session_accept_login(struct pop3_session *s,
                               struct maildrops *maildrops,
                               const struct announcement *announced)
{
    assert(is_logging_in(s));
    s->maildrops = maildrops_take(maildrops);
    s->announced = announced;
    end_pending(s, true);
    s->state = POP3_TRANSACTION;
    pop3_reply_ok(&s->out, "logged in");
}

void pop3_session_refuse_login(struct pop3_session *s, enum fault fault)
{
    assert(is_logging_in(s));
    if (s->given.kind == SECRET_TOKEN &&
        fault_pop3_code(fault) == POP3_CODE_AUTH) {
        credentials_wipe(&s->given);
        s->pending = POP3_UNKNOWN;
        pop3_explain_refusal(s, fault);
        return;
    }
    pop3_reply_error(&s->out, s->pending, fault_pop3_code(fault),
                     fault_pop3_text(fault));
    credentials_wipe(&s->given);
    end_pending(s, false);
    s->state = POP3_AUTHORIZATION;
    s->logins_failed++;
    if (s->logins_failed >= POP3_LOGIN_TRIES_MAX)
        pop3_session_close(s, FAULT_TOO_MANY_LOGINS);
}

void pop3_session_open_message(struct pop3_session *s)
{
    assert(s->pending == POP3_RETR || s->pending == POP3_TOP);
    s->message_open = true;
    s->message_left = false;
    s->message_start = buf_length(&s->out);
    pop3_reply_ok(&s->out, POP3_MESSAGE_FOLLOWS);
}

void pop3_session_taken(struct pop3_session *s, size_t n)
{
    buf_consume(&s->out, n);
    if (!s->message_open) /* else more of it is on its way */
        buf_release(&s->out);
    if (n > s->message_start) {
        s->message_start = 0;
        s->message_left = true;
    } else {
        s->message_start -= n;
    }
}

void pop3_session_close_message(struct pop3_session *s)
{
    assert(s->pending == POP3_RETR || s->pending == POP3_TOP);
    s->message_open = false;
    end_pending(s, true);
}

void pop3_session_refuse_message(struct pop3_session *s, enum fault fault)
{
    assert(s->pending == POP3_RETR || s->pending == POP3_TOP);
    if (s->message_open) {
        assert(!s->message_left);
        buf_truncate(&s->out, s->message_start);
        s->message_open = false;
    }
    pop3_reply_error(&s->out, s->pending, fault_pop3_code(fault),
                     fault_pop3_text(fault));
    end_pending(s, false);
}

void pop3_session_finish(struct pop3_session *s, enum fault fault)
{
    assert(s->pending == POP3_QUIT);
    if (fault == FAULT_NONE)
        pop3_reply_ok(&s->out, fault_pop3_text(FAULT_NONE));
    else
        pop3_reply_error(&s->out, POP3_QUIT, fault_pop3_code(fault),
                         fault_pop3_text(fault));
    end_pending(s, fault == FAULT_NONE);
    pop3_session_close(s, fault);
}

void pop3_session_break(struct pop3_session *s, enum fault fault, bool closes)
{
    if (s->broken == FAULT_NONE)
        s->broken = fault;
    s->broken_closes = s->broken_closes || closes;
}

void pop3_session_close(struct pop3_session *s, enum fault fault)
{
    if (s->state == POP3_CLOSING)
        return;
    s->state = POP3_CLOSING;
    s->close_fault = fault;
    s->listing = POP3_LISTING_NONE;
}

bool pop3_session_is_logged_in(const struct pop3_session *s)
{
    return s->maildrops.count > 0;
}
