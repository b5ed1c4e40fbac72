/* Answers BRIDGE_ASK_LOGIN as access and its token desk do: at once or later,
 * with a grant or a refusal; where a token is granted, it may be one that the
 * server takes no more.
 */
#include <stdlib.h>

#include "sim/cover.h"
#include "sim/heap.h"
#include "sim/session.h"

/* In words of the model, so that the reply is judged as its refusals are. */
static enum model_refusal refusal_of(enum fault fault)
{
    return fault_pop3_code(fault) == POP3_CODE_AUTH ? MODEL_REFUSED_AUTH
                                                    : MODEL_REFUSED_TEMP;
}

static void deny(struct session *s, enum fault fault, uint64_t wait_ms)
{
    s->refusals++;
    s->refusal = refusal_of(fault);
    cover(COVER_LOGIN_DENIED);
    heap_enter();
    bridge_deny_login(s->bridge, fault, wait_ms, s->now);
    heap_leave();
}

static void grant(struct session *s, const struct credentials *used)
{
    const struct world *w = s->world;
    const struct login_grant grant = {
        .upstream = w->elsewhere ? &w->other_policy : &w->upstream_policy,
        .mailbox = &w->mailbox_policy,
        .credentials = used,
        .unix_s = w->unix_s,
    };

    s->granted = grant.upstream;
    heap_enter();
    bridge_grant_login(s->bridge, &grant, s->now);
    heap_leave();
}

static void grant_token(struct session *s, const char *token)
{
    struct credentials used;

    credentials_init(&used);
    if (!credentials_set_user(&used, span_from_string(s->world->traits.user)) ||
        !credentials_set_secret(&used, SECRET_TOKEN, span_from_string(token)))
        abort();
    s->token = token;
    grant(s, &used);
    credentials_wipe(&used);
}

/* The device's own name and password; or it was proven before. */
static bool is_right(const struct session *s)
{
    const struct model_traits *t = &s->world->traits;

    return span_equals(buf_span(&s->asked.user), span_from_string(t->user)) &&
           (s->asked.kind == SECRET_PROVEN ||
            span_equals(buf_span(&s->asked.secret),
                        span_from_string(t->password)));
}

static void answer(struct session *s)
{
    const struct world *w = s->world;
    bool stale = session_chance(s, w->stale);

    /* SASL-10: nobody acts as somebody else here. */
    if (buf_length(&s->asked.identity) > 0) {
        deny(s, FAULT_IDENTITY, 0);
    } else if (session_chance(s, w->denied)) {
        deny(s, FAULT_UPSTREAM_BACKOFF, session_roll(s, 3000));
    } else if (w->traits.token == NULL) {
        grant(s, &s->asked);
    } else if (!is_right(s)) {
        deny(s, FAULT_CREDENTIALS, 0);
    } else {
        if (s->asked_again && !stale)
            cover(s->asked_at_quit ? COVER_QUIT_RENEWED : COVER_LOGIN_RENEWED);
        grant_token(s, stale ? w->traits.stale_token : w->traits.token);
    }
}

void access_answer(struct session *s)
{
    s->login_asked = false;
    answer(s);
    credentials_wipe(&s->asked);
}

/* At QUIT, whose connection does not take the token that the one before was
 * opened by: who it is was proven then.
 */
static void check_at_quit(struct session *s, const struct bridge_wish *wish)
{
    if (bridge_phase(s->bridge) != BRIDGE_UPDATE || !s->reconnected ||
        !wish->again)
        session_fail(s, "ASK_LOGIN, and the client is logged in");
    if (s->asked_at_quit)
        session_fail(s, "ASK_LOGIN at QUIT, and again");
    if (wish->credentials->kind != SECRET_PROVEN ||
        buf_length(&wish->credentials->secret) > 0)
        session_fail(s, "ASK_LOGIN at QUIT with a secret");
    s->asked_at_quit = true;
    s->asked_again = false; /* that was the login's */
}

static void check_again(struct session *s, const struct bridge_wish *wish)
{
    if (s->token == NULL ||
        !span_equals(wish->refused, span_from_string(s->token)))
        session_fail(s, "ASK_LOGIN again, and another token was refused");
    if (s->world->traits.token == NULL)
        session_fail(s, "ASK_LOGIN again, and no token was granted");
    if (s->asked_again)
        session_fail(s, "ASK_LOGIN again, and again");
    if (s->refusals == s->refusals_asked)
        session_fail(s, "ASK_LOGIN again, and nobody refused");
    s->refusals = s->refusals_asked; /* the client need not hear of it */
}

void access_ask(struct session *s, const struct bridge_wish *wish)
{
    if (s->judge.logged_in)
        check_at_quit(s, wish);
    if (s->login_asked)
        session_fail(s, "ASK_LOGIN, and it is not answered yet");
    if (wish->again)
        check_again(s, wish);
    if (s->failed)
        return;
    s->asked_again = wish->again;
    s->refusals_asked = s->refusals;
    credentials_init(&s->asked);
    if (!credentials_copy(&s->asked, wish->credentials))
        abort();
    s->login_asked = true;
    if (!session_chance(s, s->world->late)) {
        access_answer(s);
        return;
    }
    cover(COVER_LOGIN_LATE);
    s->login_answer_at = s->now + session_roll(s, 3000);
    /* Or for longer than the client is let wait. */
    if (session_roll(s, 40) == 0)
        s->login_answer_at = s->now + s->world->policy.login_timeout_ms + 1;
}

/* The owner's time is the login's too. */
bool access_takes_too_long(const struct session *s)
{
    return s->login_asked &&
           s->now - s->started >= s->world->policy.login_timeout_ms;
}

/* The token that a session has used may have ended by the time it wants another
 * connection: then the other one is good.
 */
void access_end_token(struct session *s)
{
    struct model_traits *t = &s->world->traits;
    const char *ended = t->token;

    if (ended == NULL || session_roll(s, 8) == 0)
        return;
    t->token = t->stale_token;
    t->stale_token = ended;
}

void access_forget(struct session *s)
{
    credentials_wipe(&s->asked);
    s->login_asked = false;
}
