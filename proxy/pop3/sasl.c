#include "pop3/sasl.h"

#include "base/limits.h"
#include "base/utf8.h"

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
