/* credentials.c - see credentials.h. */
#include "session/credentials.h"

#include <string.h>

#include "base/base64.h"
#include "base/limits.h"

/* Octets of a secret in base64 by which it is known again, and of a token as it
 * is: what repeats that may be cut.
 */
#define ENCODED_FRONT 16
#define TOKEN_FRONT 16

void credentials_init(struct credentials *c)
{
    buf_init(&c->identity, SASL_PART_MAX);
    buf_init(&c->user, SASL_PART_MAX);
    buf_init(&c->secret, TOKEN_MAX);
    c->kind = SECRET_PASSWORD;
}

void credentials_wipe(struct credentials *c)
{
    buf_fini(&c->identity);
    buf_fini(&c->user);
    buf_fini(&c->secret);
    credentials_init(c);
}

static bool set(struct credentials *c, struct buf *part, struct span value)
{
    buf_clear(part);
    if (buf_append(part, value))
        return true;
    credentials_wipe(c);
    return false;
}

bool credentials_set_identity(struct credentials *c, struct span identity)
{
    return set(c, &c->identity, identity);
}

bool credentials_set_user(struct credentials *c, struct span user)
{
    return set(c, &c->user, user);
}

bool credentials_set_secret(struct credentials *c, enum secret_kind kind,
                            struct span secret)
{
    c->kind = kind;
    return set(c, &c->secret, secret);
}

bool credentials_copy(struct credentials *to, const struct credentials *from)
{
    return credentials_set_identity(to, buf_span(&from->identity)) &&
           credentials_set_user(to, buf_span(&from->user)) &&
           credentials_set_secret(to, from->kind, buf_span(&from->secret));
}

void credentials_write_plain(const struct credentials *c, struct buf *base64)
{
    struct buf message;

    buf_init(&message, 2 * (SASL_PART_MAX + 1) + TOKEN_MAX);
    buf_append(&message, buf_span(&c->identity));
    buf_append_octet(&message, '\0');
    buf_append(&message, buf_span(&c->user));
    buf_append_octet(&message, '\0');
    if (!buf_append(&message, buf_span(&c->secret)) ||
        !base64_encode(buf_span(&message), base64))
        base64->failed = true;
    buf_fini(&message);
}

void credentials_append_name(struct span name, struct buf *message)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] == '=')
            buf_append_string(message, "=3D");
        else if (name.data[i] == ',')
            buf_append_string(message, "=2C");
        else
            buf_append_octet(message, name.data[i]);
    }
}

static bool holds(struct span text, struct span part)
{
    for (; text.len >= part.len; (void)span_take(&text, 1))
        if (memcmp(text.data, part.data, part.len) == 0)
            return true;
    return false;
}

static struct span front_of(struct span s, size_t most)
{
    return s.len > most ? span_make(s.data, most) : s;
}

/* The front of the message is enough: a text may have been cut. */
static bool plain_occurs(const struct credentials *c, struct span text)
{
    struct buf base64;
    bool found;

    buf_init(&base64, UPSTREAM_OUTPUT_MAX);
    credentials_write_plain(c, &base64);
    found = buf_failed(&base64) ||
            holds(text, front_of(buf_span(&base64), ENCODED_FRONT));
    buf_fini(&base64);
    return found;
}

/* Somewhere within base64, behind |before| octets of a group of three: what is
 * plain of it, without the groups that it shares with what stands around it.
 */
static bool token_occurs_behind(struct span token, size_t before,
                                struct span text)
{
    struct span inner = token;
    struct buf base64;
    bool found;

    (void)span_take(&inner, (3 - before) % 3);
    inner = front_of(inner, ENCODED_FRONT / 4 * 3);
    inner.len -= inner.len % 3;
    if (inner.len == 0)
        return false;
    buf_init(&base64, ENCODED_FRONT);
    found = !base64_encode(inner, &base64) || holds(text, buf_span(&base64));
    buf_fini(&base64);
    return found;
}

static bool token_occurs(struct span token, struct span text)
{
    if (holds(text, front_of(token, TOKEN_FRONT)))
        return true;
    for (size_t before = 0; before < 3; before++)
        if (token_occurs_behind(token, before, text))
            return true;
    return false;
}

bool credentials_occur_in(const struct credentials *c, struct span text)
{
    struct span secret = buf_span(&c->secret);

    if (secret.len == 0 || text.len == 0)
        return false;
    if (c->kind == SECRET_TOKEN)
        return token_occurs(secret, text);
    return holds(text, secret) || plain_occurs(c, text);
}

struct span credentials_hide_in(const struct credentials *c, struct span text)
{
    return credentials_occur_in(c, text)
               ? SPAN_LITERAL("(not shown: it repeats the secret)")
               : text;
}

struct span credentials_name(const struct credentials *c)
{
    return buf_length(&c->identity) > 0 ? buf_span(&c->identity)
                                        : buf_span(&c->user);
}
