#include "access/token_state.h"

#include "base/limits.h"

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

enum token_verdict token_state_judge(const struct token_state *s,
                                     uint64_t now_ms)
{
    if (s->has_token && now_ms < s->expires_ms)
        return TOKEN_USE;
    if (s->is_refused)
        return TOKEN_REFUSED;
    return now_ms < s->retry_ms ? TOKEN_HOLD : TOKEN_OBTAIN;
}

bool token_state_is_due(const struct token_state *s, uint64_t now_ms)
{
    return s->has_token && now_ms >= s->renew_ms && now_ms >= s->retry_ms &&
           !s->is_refused;
}

void token_state_obtain(struct token_state *s, uint64_t lifetime_s,
                        uint64_t now_ms)
{
    uint64_t lifetime_ms =
        lifetime_s > 0 ? lifetime_s * 1000 : TOKEN_LIFETIME_UNKNOWN_MS;

    s->has_token = true;
    s->obtained_ms = now_ms;
    s->renew_ms =
        now_ms + lifetime_ms - least(TOKEN_RENEW_AHEAD_MS, lifetime_ms / 5);
    s->expires_ms =
        now_ms + lifetime_ms - least(TOKEN_END_AHEAD_MS, lifetime_ms / 10);
    token_state_forgive(s);
}

/* Whether asking again cannot help before a person has done something. */
static bool is_lasting(enum oauth_result result)
{
    return result == OAUTH_INVALID_GRANT || result == OAUTH_DENIED ||
           result == OAUTH_EXPIRED;
}

void token_state_fail(struct token_state *s, enum oauth_result result,
                      uint64_t now_ms)
{
    uint64_t wait_ms = TOKEN_RETRY_MIN_MS;

    s->failure = result;
    s->is_refused = is_lasting(result);
    for (unsigned i = 0; i < s->failures && wait_ms < TOKEN_RETRY_MAX_MS; i++)
        wait_ms *= 2;
    s->failures++;
    /* What the configuration is to blame for does not change in a second. */
    if (result == OAUTH_INVALID_CLIENT)
        wait_ms = TOKEN_RETRY_MAX_MS;
    s->retry_ms = now_ms + least(wait_ms, TOKEN_RETRY_MAX_MS);
    if (s->is_refused)
        s->has_token = false; /* what was revoked was revoked as a whole */
}

void token_state_pause(struct token_state *s, uint64_t pause_s, uint64_t now_ms)
{
    uint64_t until_ms =
        now_ms + least(pause_s, TOKEN_PAUSE_MAX_MS / 1000) * 1000;

    if (s->retry_ms < until_ms)
        s->retry_ms = until_ms;
}

void token_state_hurry(struct token_state *s, uint64_t now_ms)
{
    s->renew_ms = least(s->renew_ms, now_ms);
}

void token_state_reject(struct token_state *s, uint64_t now_ms)
{
    if (!s->has_token ||
        (s->was_rejected && now_ms < s->obtained_ms + TOKEN_REJECTED_MIN_MS))
        return;
    s->has_token = false;
    s->was_rejected = true;
}

void token_state_forget(struct token_state *s)
{
    s->has_token = false;
}

void token_state_forgive(struct token_state *s)
{
    s->failures = 0;
    s->failure = OAUTH_OK;
    s->retry_ms = 0;
    s->is_refused = false;
}

uint64_t token_lifetime_left(uint64_t obtained_s, uint64_t lifetime_s,
                             uint64_t now_s)
{
    uint64_t gone_s;

    if (now_s < obtained_s)
        return 0;
    gone_s = now_s - obtained_s + TOKEN_CLOCK_DOUBT_S;
    return gone_s < lifetime_s ? lifetime_s - gone_s : 0;
}
