/* The client: plans a session, then says it line by line. */
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "sim/cover.h"
#include "sim/session.h"

#define PLAN(s, k, ...) plan(s, (struct op){ .kind = (k), __VA_ARGS__ })

static void plan(struct session *s, struct op op)
{
    if (s->plan_count < OPS_MAX)
        s->plan[s->plan_count++] = op;
}

/* --- Planning --- */

static enum op_login any_login(struct session *s)
{
    switch (session_roll(s, 16)) {
    case 0:
    case 1:
        return LOGIN_WRONG;
    case 2:
        return LOGIN_MALFORMED;
    case 3:
        return LOGIN_STRANGER;
    default:
        return LOGIN_RIGHT;
    }
}

static void plan_login(struct session *s)
{
    enum op_login login = any_login(s);

    switch (session_roll(s, 5)) {
    case 0:
        PLAN(s, OP_AUTH_NOW, .login = login);
        break;
    case 1:
        PLAN(s, OP_AUTH_PLAIN, .login = login);
        PLAN(s, OP_SASL, .login = login, .lines = 0);
        break;
    case 2:
        if (login == LOGIN_STRANGER) /* there is no place to say so */
            login = LOGIN_RIGHT;
        PLAN(s, OP_AUTH_LOGIN, .login = login);
        PLAN(s, OP_SASL, .login = login, .lines = 1);
        PLAN(s, OP_SASL, .login = login, .lines = 2);
        break;
    default:
        if (login == LOGIN_STRANGER || login == LOGIN_MALFORMED)
            login = LOGIN_RIGHT;
        PLAN(s, OP_USER, .login = login);
        PLAN(s, OP_PASS, .login = login);
        break;
    }
}

static uint32_t any_number(struct session *s)
{
    size_t living = world_living(s->world);

    return (uint32_t)session_roll(s, living + 3);
}

static void plan_any(struct session *s)
{
    static const enum op_kind often[] = {
        OP_RETR, OP_RETR, OP_RETR,     OP_DELE,     OP_DELE, OP_TOP,
        OP_TOP,  OP_LIST, OP_LIST_ONE, OP_UIDL_ONE, OP_UIDL, OP_STAT,
        OP_NOOP, OP_RSET, OP_CAPA,     OP_ILLEGAL,
    };
    static const uint32_t lines[] = { 0, 0, 1, 2, 5, 20, 1000000 };
    enum op_kind kind = often[session_roll(s, ARRAY_LENGTH(often))];

    if (session_roll(s, 40) == 0)
        kind = (enum op_kind)session_roll(s, OP_QUIT);
    if (kind == OP_SASL || kind == OP_AUTH_PLAIN || kind == OP_AUTH_LOGIN)
        kind = OP_NOOP;
    PLAN(s, kind, .number = any_number(s), .login = LOGIN_RIGHT,
         .lines = lines[session_roll(s, ARRAY_LENGTH(lines))]);
}

/* What most devices do. */
static void plan_usual(struct session *s)
{
    uint32_t living = (uint32_t)world_living(s->world);

    PLAN(s, OP_STAT, .number = 0);
    PLAN(s, OP_UIDL, .number = 0);
    if (living > 40)
        living = 40;
    for (uint32_t n = 1; n <= living; n++) {
        PLAN(s, OP_RETR, .number = n);
        if (session_roll(s, 4) != 0)
            PLAN(s, OP_DELE, .number = n);
    }
}

/* More answers than the output holds, for a client that does not read. */
static void plan_flood(struct session *s)
{
    for (unsigned i = 0; i < 150; i++)
        PLAN(s, OP_UIDL, .number = 0);
    s->pipelined = s->lazy = true;
}

static void plan_errors(struct session *s)
{
    for (unsigned i = 0; i < 11; i++)
        PLAN(s, OP_ILLEGAL, .number = (uint32_t)session_roll(s, 1000));
}

static void plan_ending(struct session *s)
{
    static const enum ending endings[] = {
        ENDING_QUIT, ENDING_QUIT, ENDING_QUIT,    ENDING_QUIT,
        ENDING_QUIT, ENDING_QUIT, ENDING_SILENCE, ENDING_QUIT_AND_GO,
        ENDING_DROP, ENDING_QUIT, ENDING_QUIT,    ENDING_QUIT,
    };

    s->ending = endings[session_roll(s, ARRAY_LENGTH(endings))];
    if (session_roll(s, 40) == 0)
        s->ending = ENDING_SHUT_DOWN;
    if (s->ending == ENDING_QUIT || s->ending == ENDING_QUIT_AND_GO)
        PLAN(s, OP_QUIT, .number = 0);
}

void client_plan(struct session *s)
{
    uint64_t attempts = session_roll(s, 8) == 0 ? 1 + session_roll(s, 4) : 1;
    uint64_t n;

    s->pipelined = session_roll(s, 3) == 0;
    s->lazy = session_roll(s, 8) == 0;
    for (n = session_roll(s, 6) == 0 ? 1 + session_roll(s, 3) : 0; n > 0; n--)
        plan_any(s);
    if (s->world->policy.client_tls == TLS_MODE_STARTTLS &&
        session_roll(s, 12) != 0)
        PLAN(s, OP_STLS, .number = 0);
    for (n = attempts; n > 0; n--)
        plan_login(s);
    if (session_roll(s, 3) == 0)
        plan_usual(s);
    for (n = session_roll(s, 12); n > 0; n--)
        plan_any(s);
    /* The large ones are the last, where there is one: see world.c. */
    if (session_roll(s, 6) == 0)
        PLAN(s, OP_TOP, .number = (uint32_t)world_living(s->world),
             .lines = 1000000);
    if (world_living(s->world) > 30 && session_roll(s, 6) == 0)
        plan_flood(s);
    if (session_roll(s, 60) == 0)
        plan_errors(s);
    plan_ending(s);
}

/* --- Saying --- */

static void say(struct session *s, const char *text)
{
    buf_append_string(&s->to_bridge, text);
    s->client_written += strlen(text);
}

static void say_base64(struct session *s, const char *text, size_t len)
{
    size_t before = buf_length(&s->to_bridge);

    base64_encode(span_make(text, len), &s->to_bridge);
    s->client_written += buf_length(&s->to_bridge) - before;
}

static const char *password(const struct session *s, const struct op *op)
{
    return op->login == LOGIN_WRONG ? "wrong" : s->world->traits.password;
}

static void say_plain(struct session *s, const struct op *op)
{
    static const char *const malformed[] = { "=",    "*", "=AAA", "AAA=BBB",
                                             "AGE=", "A", "!" };
    char message[512];
    int len;

    if (op->login == LOGIN_MALFORMED) {
        say(s, malformed[session_roll(s, ARRAY_LENGTH(malformed))]);
        return;
    }
    len = snprintf(message, sizeof(message), "%s%c%s%c%s",
                   op->login == LOGIN_STRANGER ? "boss" : "", 0,
                   s->world->traits.user, 0, password(s, op));
    say_base64(s, message, (size_t)len);
}

static void say_sasl(struct session *s, const struct op *op)
{
    const char *text = op->lines == 1 ? s->world->traits.user : password(s, op);

    if (op->lines == 0)
        say_plain(s, op);
    else if (op->login == LOGIN_MALFORMED && op->lines == 2)
        say(s, "*");
    else
        say_base64(s, text, strlen(text));
}

static void say_illegal(struct session *s)
{
    static const char *const lines[] = {
        "XYZ",           "TOP 1",    "RETR",     "RETR 0",
        "RETR -1",       "LIST 1 2", "TOP 1 x",  "DELE 4294967296",
        "APOP a b",      "UTF8",     "LANG *",   "AUTH",
        "AUTH CRAM-MD5", "RETR 1 2", "STAT 1",   "NOOP\rX",
        "DELE",          "UIDL 0",   "QUIT now", "AUTH FOO =",
        "STAT\x7f",      " STAT",    "RETR x",   "\xff\xfe",
    };
    static const char tail[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                               "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    uint64_t which = session_roll(s, ARRAY_LENGTH(lines) + 3);
    uint64_t octets;

    if (which < ARRAY_LENGTH(lines)) {
        say(s, lines[which]);
        return;
    }
    /* Now and then one that does not fit the input either. */
    octets = 255 + session_roll(s, session_roll(s, 8) == 0 ? 40000 : 2000);
    for (; octets > 0; octets -= octets < 64 ? octets : 64)
        say(s, &tail[octets < 64 ? 64 - octets : 0]);
}

static void say_number(struct session *s, const char *verb, const struct op *op)
{
    char line[64];

    if (op->kind == OP_TOP)
        snprintf(line, sizeof(line), "%s %u %u", verb, op->number, op->lines);
    else
        snprintf(line, sizeof(line), "%s %u", verb, op->number);
    say(s, line);
}

static void say_op(struct session *s, const struct op *op)
{
    switch (op->kind) {
    case OP_USER:
        say(s, "USER ");
        say(s, s->world->traits.user);
        break;
    case OP_PASS:
        say(s, "PASS ");
        say(s, password(s, op));
        break;
    case OP_AUTH_NOW:
        say(s, "AUTH PLAIN ");
        say_plain(s, op);
        break;
    case OP_AUTH_PLAIN:
        say(s, "AUTH PLAIN");
        break;
    case OP_AUTH_LOGIN:
        say(s, "auth login");
        break;
    case OP_SASL:
        say_sasl(s, op);
        break;
    case OP_CAPA:
        say(s, "CAPA");
        break;
    case OP_STLS:
        say(s, "STLS");
        break;
    case OP_STAT:
        say(s, "stat ");
        break;
    case OP_LIST:
        say(s, "LIST");
        break;
    case OP_LIST_ONE:
        say_number(s, "LIST", op);
        break;
    case OP_UIDL:
        say(s, "uIdL");
        break;
    case OP_UIDL_ONE:
        say_number(s, "UIDL ", op);
        break;
    case OP_RETR:
        say_number(s, "RETR", op);
        break;
    case OP_TOP:
        say_number(s, "TOP", op);
        break;
    case OP_DELE:
        say_number(s, "DELE", op);
        break;
    case OP_NOOP:
        say(s, "NOOP");
        break;
    case OP_RSET:
        say(s, "RSET");
        break;
    case OP_QUIT:
        say(s, "QUIT");
        break;
    case OP_ILLEGAL:
        say_illegal(s);
        break;
    case OP_KIND_COUNT:
        break;
    }
    say(s, session_roll(s, 30) == 0 ? "\n" : "\r\n");
}

bool client_may_act(const struct session *s)
{
    const struct op *next = &s->plan[s->plan_at];
    bool quiet = s->judge.count == 0 && s->client_seen == 0;

    if (!s->client_open || s->close_wished || s->plan_at >= s->plan_count ||
        s->client_handshake || s->judge.count + 1 >= OPS_MAX)
        return false;
    /* Behind STLS a client waits, whatever it does otherwise. */
    if (s->plan_at > 0 && next[-1].kind == OP_STLS)
        return quiet;
    /* A line that answers a challenge needs the challenge. */
    if (next->kind == OP_SASL && !s->pipelined)
        return quiet || s->judge.sasl;
    return s->pipelined ? buf_length(&s->to_bridge) < 4000 : quiet;
}

void client_act(struct session *s)
{
    struct op op = s->plan[s->plan_at++];
    size_t before = buf_length(&s->to_bridge);
    struct span said;

    /* A challenge that did not come needs no answer. */
    if (op.kind == OP_SASL && !s->pipelined && !s->judge.sasl)
        return;
    say_op(s, &op);
    op.ends_at = s->client_written;
    said = buf_span(&s->to_bridge);
    (void)span_take(&said, before);
    session_trace_octets(s, "C", said);
    judge_expect(s, &op);
    if (op.kind == OP_STLS && session_roll(s, 20) == 0) {
        say(s, "NOOP\r\n");
        judge_expect(
            s, &(struct op){ .kind = OP_NOOP, .ends_at = s->client_written });
        s->injected = true;
        cover(COVER_CLIENT_INJECTION);
    }
}
