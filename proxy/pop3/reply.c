#include "pop3/reply.h"

#include <assert.h>
#include <string.h>

#include "base/limits.h"

#define CRLF "\r\n"

#define LOGIN_VERBS (BIT(POP3_PASS) | BIT(POP3_AUTH) | BIT(POP3_APOP))
#define ALL_VERBS (BIT(POP3_VERB_COUNT) - 1)
/* USER tells nothing about the user, so its refusal has no reason; and there
 * is nothing to say of a command that does not exist.
 */
#define SYSTEM_VERBS (ALL_VERBS & ~(BIT(POP3_USER) | BIT(POP3_UNKNOWN)))

static const struct {
    const char *text;
    unsigned verbs; /* one bit for each that may be refused with it */
} codes[POP3_CODE_COUNT] = {
    [POP3_CODE_NONE] = { "", ALL_VERBS },
    [POP3_CODE_AUTH] = { " [AUTH]", LOGIN_VERBS },
    [POP3_CODE_IN_USE] = { " [IN-USE]", LOGIN_VERBS },
    [POP3_CODE_LOGIN_DELAY] = { " [LOGIN-DELAY]", LOGIN_VERBS },
    [POP3_CODE_SYS_TEMP] = { " [SYS/TEMP]", SYSTEM_VERBS },
    [POP3_CODE_SYS_PERM] = { " [SYS/PERM]", SYSTEM_VERBS },
};

bool pop3_code_is_allowed(enum pop3_verb verb, enum pop3_code code)
{
    assert(verb < POP3_VERB_COUNT && code < POP3_CODE_COUNT);
    return (codes[code].verbs & BIT(verb)) != 0;
}

/* A text that begins with `[` would be read as a code (RFC 2449 §8). */
static bool is_reply_text(const char *text)
{
    if (text[0] == '[')
        return false;
    for (const char *c = text; *c != '\0'; c++) {
        if (*c < ' ' || *c > '~')
            return false;
    }
    return true;
}

static void write_first_line(struct buf *out, const char *indicator,
                             const char *code, const char *text)
{
    const char *space = text[0] == '\0' ? "" : " ";

    assert(is_reply_text(text));
    assert(strlen(indicator) + strlen(code) + strlen(space) + strlen(text) +
               strlen(CRLF) <=
           POP3_REPLY_MAX);
    buf_append_string(out, indicator);
    buf_append_string(out, code);
    buf_append_string(out, space);
    buf_append_string(out, text);
    buf_append_string(out, CRLF);
}

void pop3_reply_ok(struct buf *out, const char *text)
{
    write_first_line(out, "+OK", "", text);
}

void pop3_reply_error(struct buf *out, enum pop3_verb verb, enum pop3_code code,
                      const char *text)
{
    assert(pop3_code_is_allowed(verb, code));
    write_first_line(out, "-ERR", codes[code].text, text);
}

static void write_pair(struct buf *out, const char *prefix, uint64_t first,
                       uint64_t second)
{
    buf_append_string(out, prefix);
    buf_append_number(out, first);
    buf_append_octet(out, ' ');
    buf_append_number(out, second);
    buf_append_string(out, CRLF);
}

void pop3_reply_numbers(struct buf *out, uint64_t first, uint64_t second)
{
    write_pair(out, "+OK ", first, second);
}

void pop3_write_scan_line(struct buf *out, uint32_t number, uint64_t size)
{
    write_pair(out, "", number, size);
}

void pop3_write_unique_id(struct buf *out, const char *prefix, uint32_t number,
                          const char *id)
{
    buf_append_string(out, prefix);
    buf_append_number(out, number);
    buf_append_octet(out, ' ');
    buf_append_string(out, id);
    buf_append_string(out, CRLF);
}

void pop3_reply_challenge(struct buf *out, struct span challenge)
{
    buf_append_string(out, "+ ");
    buf_append(out, challenge);
    buf_append_string(out, CRLF);
}

void pop3_write_end(struct buf *out)
{
    buf_append_string(out, "." CRLF);
}
