/* credentials.c - see credentials.h. */
#include "session/credentials.h"

#include "base/limits.h"

void credentials_init(struct credentials *c)
{
    buf_init(&c->identity, SASL_PART_MAX);
    buf_init(&c->user, SASL_PART_MAX);
    buf_init(&c->password, SASL_PART_MAX);
}

void credentials_wipe(struct credentials *c)
{
    buf_fini(&c->identity);
    buf_fini(&c->user);
    buf_fini(&c->password);
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

bool credentials_set_password(struct credentials *c, struct span password)
{
    return set(c, &c->password, password);
}

bool credentials_copy(struct credentials *to, const struct credentials *from)
{
    return credentials_set_identity(to, buf_span(&from->identity)) &&
           credentials_set_user(to, buf_span(&from->user)) &&
           credentials_set_password(to, buf_span(&from->password));
}

struct span credentials_name(const struct credentials *c)
{
    return buf_length(&c->identity) > 0 ? buf_span(&c->identity)
                                        : buf_span(&c->user);
}
