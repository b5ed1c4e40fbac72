#include "pop3/sasl.h"

#include <assert.h>

#include "base/limits.h"
#include "base/utf8.h"

static const char *const names[SASL_MECHANISM_COUNT] = {
    [SASL_PLAIN] = "PLAIN",       [SASL_LOGIN] = "LOGIN",
    [SASL_CRAM_MD5] = "CRAM-MD5", [SASL_SCRAM_SHA_256] = "SCRAM-SHA-256",
    [SASL_XOAUTH2] = "XOAUTH2",   [SASL_OAUTHBEARER] = "OAUTHBEARER",
};

const char *sasl_mechanism_name(enum sasl_mechanism mechanism)
{
    assert(mechanism < SASL_MECHANISM_COUNT);
    return names[mechanism];
}

enum sasl_mechanism sasl_mechanism_find(struct span name)
{
    unsigned m = 0;

    while (m < SASL_MECHANISM_COUNT &&
           !span_equals_nocase(name, span_from_string(names[m])))
        m++;
    return (enum sasl_mechanism)m;
}

bool sasl_part_is_valid(struct span part)
{
    if (part.len == 0 || part.len > SASL_PART_MAX)
        return false;
    /* CR and LF would end the line that carries it upstream. */
    if (span_contains(part, '\0') || span_contains(part, '\r') ||
        span_contains(part, '\n'))
        return false;
    return utf8_is_valid(part);
}

/* Splits off what comes before the next NUL, and drops the NUL. */
static bool take_part(struct span *message, struct span *part)
{
    size_t nul = span_find(*message, '\0');

    if (nul == message->len)
        return false;
    *part = span_take(message, nul);
    span_take(message, 1);
    return true;
}

bool sasl_plain_parse(struct span message, struct sasl_plain *plain)
{
    *plain = (struct sasl_plain){ { NULL, 0 }, { NULL, 0 }, { NULL, 0 } };
    if (!take_part(&message, &plain->authzid) ||
        !take_part(&message, &plain->authcid))
        return false;
    plain->password = message; /* a third NUL makes it invalid */
    return (plain->authzid.len == 0 || sasl_part_is_valid(plain->authzid)) &&
           sasl_part_is_valid(plain->authcid) &&
           sasl_part_is_valid(plain->password);
}

/* --- tokens --- */

static bool take_prefix(struct span *s, struct span prefix)
{
    if (!span_starts_with_nocase(*s, prefix))
        return false;
    (void)span_take(s, prefix.len);
    return true;
}

/* What comes before the next |mark|, which is dropped. */
static bool take_until(struct span *s, unsigned char mark, struct span *part)
{
    size_t at = span_find(*s, mark);

    if (at == s->len)
        return false;
    *part = span_take(s, at);
    (void)span_take(s, 1);
    return true;
}

static bool is_token(struct span s)
{
    if (s.len == 0 || s.len > TOKEN_MAX)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (s.data[i] <= ' ' || s.data[i] > '~')
            return false;
    return true;
}

/* `Bearer TOKEN` */
static bool take_token(struct span value, struct span *token)
{
    if (!take_prefix(&value, SPAN_LITERAL("Bearer ")))
        return false;
    while (value.len > 0 && value.data[0] == ' ')
        (void)span_take(&value, 1);
    *token = value;
    return is_token(value);
}

/* The pairs up to the empty one that ends them; one of them, and no other, is
 * the token.
 */
static bool take_pairs(struct span message, struct span *token)
{
    bool found = false;
    struct span pair;

    while (take_until(&message, '\1', &pair)) {
        if (pair.len == 0)
            return found && message.len == 0;
        if (!take_prefix(&pair, SPAN_LITERAL("auth=")))
            continue;
        if (found || !take_token(pair, token))
            return false;
        found = true;
    }
    return false;
}

/* `=2C` and `=3D` stand for what has a meaning here: RFC 5801 §4. */
static bool unescape(struct span name, struct sasl_bearer *bearer)
{
    bearer->user_length = 0;
    while (name.len > 0) {
        unsigned char octet = name.data[0];

        if (take_prefix(&name, SPAN_LITERAL("=2C")))
            octet = ',';
        else if (take_prefix(&name, SPAN_LITERAL("=3D")))
            octet = '=';
        else if (octet == '=')
            return false;
        else
            (void)span_take(&name, 1);
        if (bearer->user_length == sizeof(bearer->user))
            return false;
        bearer->user[bearer->user_length++] = octet;
    }
    return true;
}

static bool copy_name(struct span name, struct sasl_bearer *bearer)
{
    if (name.len > sizeof(bearer->user))
        return false;
    for (size_t i = 0; i < name.len; i++)
        bearer->user[i] = name.data[i];
    bearer->user_length = name.len;
    return true;
}

/* `n,a=USER,` or `y,a=USER,`, and ^A behind it. */
static bool take_header(struct span *message, struct sasl_bearer *bearer)
{
    struct span flag;
    struct span name;
    struct span rest;

    return take_until(message, ',', &flag) && flag.len == 1 &&
           (flag.data[0] == 'n' || flag.data[0] == 'y') &&
           take_until(message, ',', &name) &&
           take_prefix(&name, SPAN_LITERAL("a=")) && unescape(name, bearer) &&
           take_until(message, '\1', &rest) && rest.len == 0;
}

/* `user=USER` and ^A behind it. */
static bool take_user(struct span *message, struct sasl_bearer *bearer)
{
    struct span name;

    return take_until(message, '\1', &name) &&
           take_prefix(&name, SPAN_LITERAL("user=")) && copy_name(name, bearer);
}

bool sasl_bearer_parse(enum sasl_mechanism mechanism, struct span message,
                       struct sasl_bearer *bearer)
{
    bool named = mechanism == SASL_OAUTHBEARER ? take_header(&message, bearer)
                                               : take_user(&message, bearer);

    return named && take_pairs(message, &bearer->token) &&
           sasl_part_is_valid(span_make(bearer->user, bearer->user_length));
}
