/* What the answer to each command must be. */
#include <string.h>

#include "sim/cover.h"
#include "sim/heap.h"
#include "sim/judge_reply.h"

static bool has_tls(const struct session *s)
{
    return s->judge.tls || s->world->policy.allow_plaintext_login;
}

bool judge_is_multiline(const struct session *s, const struct op *op)
{
    (void)s;
    switch (op->kind) {
    case OP_CAPA:
    case OP_LIST:
    case OP_UIDL:
    case OP_RETR:
    case OP_TOP:
        return true;
    default:
        return false;
    }
}

static struct reply parse(struct span first, struct span rest)
{
    struct reply r = { .first = first, .rest = rest };
    struct span text = first;

    r.ok = first.data[0] == '+' && first.data[1] == 'O';
    r.challenge = first.data[0] == '+' && first.data[1] == ' ';
    if (r.ok || r.challenge || first.len < 6 || first.data[5] != '[')
        return r;
    (void)span_take(&text, 6);
    r.code = span_make(text.data, span_find(text, ']'));
    return r;
}

/* RFC 2449 §6.4, RFC 3206: which codes there are, and where. */
static void check_code(struct session *s, const struct op *op,
                       const struct reply *r)
{
    bool login = op->kind == OP_PASS || op->kind == OP_SASL ||
                 op->kind == OP_AUTH_NOW || op->kind == OP_AUTH_PLAIN ||
                 op->kind == OP_AUTH_LOGIN;
    bool of_login = span_equals(r->code, SPAN_LITERAL("AUTH")) ||
                    span_equals(r->code, SPAN_LITERAL("IN-USE")) ||
                    span_equals(r->code, SPAN_LITERAL("LOGIN-DELAY"));
    bool system = span_equals(r->code, SPAN_LITERAL("SYS/TEMP")) ||
                  span_equals(r->code, SPAN_LITERAL("SYS/PERM"));

    if (r->code.len == 0)
        return;
    if (!of_login && !system)
        session_fail(s, "an unknown response code");
    if (of_login && !login)
        session_fail(s, "a code of logins in another reply");
    if (op->kind == OP_USER)
        session_fail(s, "USER was answered with a code");
}

void judge_must(struct session *s, const struct op *op, bool ok,
                const struct reply *r)
{
    if (r->ok != ok)
        session_fail(s, "operation %d: +OK %s have been said", (int)op->kind,
                     ok ? "should" : "should not");
}

bool judge_should(struct session *s, const struct op *op, const struct reply *r)
{
    if (!r->ok && !s->excused)
        judge_must(s, op, true, r);
    return r->ok && !s->failed;
}

/* --- Before login --- */

static void on_user(struct session *s, const struct op *op,
                    const struct reply *r)
{
    if (!r->ok && heap_has_failed())
        return;
    judge_must(s, op, has_tls(s) && !s->judge.logged_in, r);
    s->judge.user_given = r->ok;
}

static void on_pass(struct session *s, const struct op *op,
                    const struct reply *r, bool user_given)
{
    if (user_given)
        judge_login_reply(s, op, r->ok, r->code);
    else
        judge_must(s, op, false, r);
}

static bool may_log_in(const struct session *s)
{
    return has_tls(s) && !s->judge.logged_in;
}

static void on_auth(struct session *s, const struct op *op,
                    const struct reply *r)
{
    bool empty = r->first.len == 4; /* "+ " CRLF */

    if (r->ok || r->challenge != may_log_in(s))
        session_fail(s, "AUTH without a response: no challenge, or too early");
    if (op->kind == OP_AUTH_PLAIN && r->challenge && !empty)
        session_fail(s, "the challenge of PLAIN is not empty");
    s->judge.sasl = r->challenge;
    s->judge.sasl_lines = op->kind == OP_AUTH_LOGIN ? 2 : 1;
}

static void on_sasl(struct session *s, const struct op *op,
                    const struct reply *r)
{
    struct judge *j = &s->judge;

    if (!j->sasl) {
        judge_must(s, op, false, r);
        return;
    }
    j->sasl_lines--;
    if (j->sasl_lines > 0 && r->challenge)
        return;
    j->sasl = false;
    if (j->sasl_lines > 0 && !r->ok && !r->challenge && heap_has_failed())
        return;
    if (j->sasl_lines > 0 || r->challenge)
        session_fail(s, "AUTH LOGIN has lost its way");
    else
        judge_login_reply(s, op, r->ok, r->code);
}

static void on_stls(struct session *s, const struct op *op,
                    const struct reply *r)
{
    judge_must(s, op,
               s->world->policy.client_tls == TLS_MODE_STARTTLS &&
                   !s->judge.tls && !s->judge.logged_in,
               r);
    if (!r->ok)
        return;
    cover(COVER_CLIENT_STLS);
    /* Nothing that stood behind it in clear may ever be answered. */
    s->judge.over = s->injected;
}

/* --- Capabilities --- */

static bool lists(struct span text, const char *name)
{
    size_t len = strlen(name);

    while (text.len > 0) {
        size_t end = span_find(text, '\n');
        struct span line = span_take(&text, end < text.len ? end + 1 : end);

        if (line.len > len && memcmp(line.data, name, len) == 0 &&
            (line.data[len] == '\r' || line.data[len] == ' '))
            return true;
    }
    return false;
}

static void on_capa(struct session *s, const struct op *op,
                    const struct reply *r)
{
    static const char *const always[] = { "TOP", "UIDL", "RESP-CODES",
                                          "AUTH-RESP-CODE", "PIPELINING" };
    bool stls = s->world->policy.client_tls == TLS_MODE_STARTTLS &&
                !s->judge.tls && !s->judge.logged_in;

    if (!judge_should(s, op, r))
        return;
    for (size_t i = 0; i < ARRAY_LENGTH(always); i++) {
        if (!lists(r->rest, always[i]))
            session_fail(s, "CAPA lacks %s", always[i]);
    }
    if (lists(r->rest, "STLS") != stls)
        session_fail(s, "CAPA: STLS");
    if (lists(r->rest, "USER") != has_tls(s) ||
        lists(r->rest, "SASL") != has_tls(s))
        session_fail(s, "CAPA: USER or SASL");
}

/* --- Dispatch --- */

static void judge_op(struct session *s, const struct op *op,
                     const struct reply *r, bool user_given)
{
    switch (op->kind) {
    case OP_USER:
        on_user(s, op, r);
        break;
    case OP_PASS:
        on_pass(s, op, r, user_given);
        break;
    case OP_AUTH_NOW:
        if (may_log_in(s))
            judge_login_reply(s, op, r->ok, r->code);
        else
            judge_must(s, op, false, r);
        break;
    case OP_AUTH_PLAIN:
    case OP_AUTH_LOGIN:
        on_auth(s, op, r);
        break;
    case OP_SASL:
        on_sasl(s, op, r);
        break;
    case OP_CAPA:
        on_capa(s, op, r);
        break;
    case OP_STLS:
        on_stls(s, op, r);
        break;
    case OP_STAT:
        judge_on_stat(s, op, r);
        break;
    case OP_LIST:
    case OP_UIDL:
        judge_on_listing(s, op, r);
        break;
    case OP_LIST_ONE:
    case OP_UIDL_ONE:
        judge_on_listing_one(s, op, r);
        break;
    case OP_RETR:
    case OP_TOP:
        judge_on_message(s, op, r);
        break;
    case OP_DELE:
        judge_on_dele(s, op, r);
        break;
    case OP_NOOP:
        if (!s->judge.logged_in)
            judge_must(s, op, false, r);
        else
            (void)judge_should(s, op, r);
        break;
    case OP_RSET:
        judge_on_rset(s, op, r);
        break;
    case OP_QUIT:
        judge_on_quit(s, op, r);
        break;
    case OP_ILLEGAL:
        judge_must(s, op, false, r);
        cover(COVER_ILLEGAL);
        break;
    case OP_KIND_COUNT:
        break;
    }
}

void judge_reply(struct session *s, const struct op *op, struct span first,
                 struct span rest)
{
    struct judge *j = &s->judge;
    struct reply r = parse(first, rest);
    bool user_given = j->user_given;

    session_trace_octets(s, "S", first);
    j->user_given = false;
    check_code(s, op, &r);
    judge_op(s, op, &r, user_given);
    if (r.ok || r.challenge)
        j->errors_in_row = 0;
    else
        j->errors_in_row++;
}
