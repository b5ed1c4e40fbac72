/* quirks.c - see quirks.h. */
#include "session/quirks.h"

static const struct {
    const char *words;
    enum fault fault;
} known[] = {
    /* Gmail: 15 connections an account. */
    { "Too many simultaneous connections", FAULT_UPSTREAM_BUSY },
    /* Gmail, until a person has logged in with a browser. */
    { "Web login required", FAULT_UPSTREAM_BUSY },
    /* Exchange, Microsoft 365 */
    { "User is authenticated but not connected", FAULT_UPSTREAM_NOT_CONNECTED },
    { "Request is throttled", FAULT_UPSTREAM_BUSY },
    { "Server Unavailable", FAULT_UPSTREAM_GONE },
    /* Cyrus, which offers SCRAM-SHA-256-PLUS on TLS 1.3 too, and knows no binding
     * there: it has not looked at the password.
     */
    { "bad protocol / cancel", FAULT_UPSTREAM_NO_LOGIN },
};

static const char backoff_words[] = "Suggested Backoff Time: ";

/* The index behind the first |words| in |text|, any case; 0: not there. */
static size_t find_words(struct span text, const char *words)
{
    struct span wanted = span_from_string(words);

    for (size_t i = 0; i + wanted.len <= text.len; i++)
        if (span_starts_with_nocase(span_make(text.data + i, text.len - i),
                                    wanted))
            return i + wanted.len;
    return 0;
}

static uint64_t find_backoff(struct span text)
{
    size_t from = find_words(text, backoff_words);
    size_t digits = 0;
    uint64_t value;

    if (from == 0)
        return 0;
    while (from + digits < text.len && text.data[from + digits] >= '0' &&
           text.data[from + digits] <= '9')
        digits++;
    if (!span_to_number(span_make(text.data + from, digits), UINT32_MAX,
                        &value))
        return 0;
    return value;
}

bool quirk_find(enum imap_condition condition, enum imap_code code,
                struct span text, struct quirk *quirk)
{
    if (condition != IMAP_NO && condition != IMAP_BAD)
        return false;
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
        if (find_words(text, known[i].words) == 0)
            continue;
        quirk->fault = known[i].fault;
        quirk->backoff_ms = find_backoff(text);
        return true;
    }
    if (code != IMAP_CODE_THROTTLED)
        return false;
    *quirk = (struct quirk){ FAULT_UPSTREAM_BUSY, 0 };
    return true;
}

bool quirk_is_throttling(enum imap_condition condition, enum imap_code code,
                         struct span text, uint64_t *pause_ms)
{
    bool refused =
        condition == IMAP_NO || condition == IMAP_BAD || condition == IMAP_BYE;
    bool throttling =
        code == IMAP_CODE_THROTTLED || (refused && code == IMAP_CODE_LIMIT);

    for (size_t i = 0; refused && i < ARRAY_LENGTH(known); i++)
        throttling = throttling || (known[i].fault == FAULT_UPSTREAM_BUSY &&
                                    find_words(text, known[i].words) > 0);
    if (throttling)
        *pause_ms = find_backoff(text);
    return throttling;
}
