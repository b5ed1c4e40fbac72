/* scram.c - see scram.h. */
#include "session/scram.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"

void scram_free(struct scram *s)
{
    if (s == NULL)
        return;
    buf_fini(&s->header);
    buf_fini(&s->message);
    buf_fini(&s->salt);
    wipe(s, sizeof(*s));
    free(s);
}

/* --- the first message --- */

static void write_header(struct scram *s, enum scram_binding binding,
                         struct span identity)
{
    static const char *const flags[] = {
        [SCRAM_UNBOUND] = "n,",
        [SCRAM_BINDABLE] = "y,",
        [SCRAM_BOUND] = "p=tls-exporter,",
    };

    buf_append_string(&s->header, flags[binding]);
    if (identity.len > 0) {
        buf_append_string(&s->header, "a=");
        credentials_append_name(identity, &s->header);
    }
    buf_append_octet(&s->header, ',');
}

/* client-first-message-bare: names go as they were given, as in PLAIN. */
static void write_bare(struct scram *s, struct span user)
{
    buf_append_string(&s->message, "n=");
    credentials_append_name(user, &s->message);
    buf_append_string(&s->message, ",r=");
    buf_append_string(&s->message, s->channel.nonce);
}

struct scram *scram_begin(const struct scram_channel *channel,
                          enum scram_binding binding,
                          const struct credentials *c, struct buf *out)
{
    struct scram *s = calloc(1, sizeof(*s));

    assert(binding == SCRAM_UNBOUND || channel->has_binding);
    if (s == NULL)
        return NULL;
    s->channel = *channel;
    s->channel.has_binding = binding == SCRAM_BOUND;
    buf_init(&s->header, UPSTREAM_OUTPUT_MAX);
    buf_init(&s->message, UPSTREAM_OUTPUT_MAX);
    buf_init(&s->salt, SCRAM_SALT_MAX);
    write_header(s, binding, buf_span(&c->identity));
    write_bare(s, buf_span(&c->user));
    if (buf_failed(&s->header) || buf_failed(&s->message)) {
        scram_free(s);
        return NULL;
    }
    buf_append(out, buf_span(&s->header));
    buf_append(out, buf_span(&s->message));
    return s;
}

/* --- the server's first --- */

/* Takes `|name|=value` off the front of |rest|, with the comma behind it. */
static bool take_attribute(struct span *rest, unsigned char name,
                           struct span *value)
{
    if (rest->len < 2 || rest->data[0] != name || rest->data[1] != '=')
        return false;
    (void)span_take(rest, 2);
    *value = span_take(rest, span_find(*rest, ','));
    if (rest->len > 0)
        (void)span_take(rest, 1);
    return true;
}

static bool is_ours(const struct scram *s, struct span nonce)
{
    struct span ours = span_from_string(s->channel.nonce);

    return nonce.len > ours.len && memcmp(nonce.data, ours.data, ours.len) == 0;
}

/* Those that we do not know may be passed over, but for one. */
static enum scram_status judge_extensions(struct span rest)
{
    while (rest.len > 0) {
        if (rest.data[0] == 'm')
            return SCRAM_EEXTENSION;
        (void)span_take(&rest, span_find(rest, ','));
        if (rest.len > 0)
            (void)span_take(&rest, 1);
    }
    return SCRAM_OK;
}

/* `c=...,r=...`: what stands before the proof. */
static void write_begin_of_final(struct scram *s, struct span nonce)
{
    struct buf input; /* cbind-input */

    buf_init(&input, UPSTREAM_OUTPUT_MAX);
    buf_append(&input, buf_span(&s->header));
    if (s->channel.has_binding)
        buf_append(&input, span_make(s->channel.binding, SCRAM_BINDING_SIZE));
    buf_append_string(&s->message, "c=");
    if (buf_failed(&input) || !base64_encode(buf_span(&input), &s->message))
        s->message.failed = true;
    buf_append_string(&s->message, ",r=");
    buf_append(&s->message, nonce);
    buf_fini(&input);
}

static enum scram_status parse_first(struct scram *s, struct span rest,
                                     struct span *nonce)
{
    struct span salt;
    struct span iterations;
    uint64_t number;

    if (rest.len > 0 && rest.data[0] == 'm')
        return SCRAM_EEXTENSION;
    if (!take_attribute(&rest, 'r', nonce) ||
        !take_attribute(&rest, 's', &salt) ||
        !take_attribute(&rest, 'i', &iterations))
        return SCRAM_EFORM;
    if (!is_ours(s, *nonce))
        return SCRAM_ENONCE;
    if (!base64_decode(salt, &s->salt) || buf_length(&s->salt) == 0)
        return SCRAM_EFORM;
    if (!span_to_number(iterations, SCRAM_ITERATIONS_MAX, &number) ||
        number < SCRAM_ITERATIONS_MIN)
        return SCRAM_EITERATIONS;
    s->iterations = (uint32_t)number;
    return judge_extensions(rest);
}

enum scram_status scram_take_first(struct scram *s, struct span message)
{
    struct span nonce;
    enum scram_status status = parse_first(s, message, &nonce);

    if (status != SCRAM_OK)
        return status;
    buf_append_octet(&s->message, ',');
    buf_append(&s->message, message);
    buf_append_octet(&s->message, ',');
    s->final_at = buf_length(&s->message);
    write_begin_of_final(s, nonce);
    return buf_failed(&s->message) ? SCRAM_EMEMORY : SCRAM_OK;
}

struct scram_work scram_work(const struct scram *s)
{
    return (struct scram_work){ .salt = buf_span(&s->salt),
                                .iterations = s->iterations,
                                .message = buf_span(&s->message) };
}

/* --- the last two --- */

void scram_write_final(struct scram *s, const struct scram_proof *proof,
                       struct buf *out)
{
    struct span begin = buf_span(&s->message);

    (void)span_take(&begin, s->final_at);
    memcpy(s->server, proof->server, SCRAM_KEY_SIZE);
    buf_append(out, begin);
    buf_append_string(out, ",p=");
    (void)base64_encode(span_make(proof->client, SCRAM_KEY_SIZE), out);
}

static bool is_signature(const struct scram *s, struct span base64)
{
    struct buf octets;
    bool is_right;

    buf_init(&octets, SCRAM_KEY_SIZE);
    is_right =
        base64_decode(base64, &octets) &&
        span_equals(buf_span(&octets), span_make(s->server, SCRAM_KEY_SIZE));
    buf_fini(&octets);
    return is_right;
}

enum scram_status scram_take_final(struct scram *s, struct span message,
                                   struct span *error)
{
    struct span signature;

    if (take_attribute(&message, 'e', error))
        return SCRAM_REFUSED;
    if (!take_attribute(&message, 'v', &signature))
        return SCRAM_EFORM;
    return is_signature(s, signature) ? SCRAM_OK : SCRAM_ESIGNATURE;
}

/* --- what is wrong --- */

const char *scram_status_text(enum scram_status status)
{
    switch (status) {
    case SCRAM_OK:
    case SCRAM_REFUSED:
        break;
    case SCRAM_EFORM:
        return "SCRAM: the server's message is none";
    case SCRAM_ENONCE:
        return "SCRAM: the server's nonce does not begin with ours";
    case SCRAM_EEXTENSION:
        return "SCRAM: the server asks for an extension that is not known";
    case SCRAM_EITERATIONS:
        return "SCRAM: the server's iteration count is not from 4096 to "
               "1000000";
    case SCRAM_ESIGNATURE:
        return "SCRAM: the server has not proven that it knows the password";
    case SCRAM_EMEMORY:
        return "SCRAM: no memory";
    }
    return "";
}

enum fault scram_status_fault(enum scram_status status)
{
    switch (status) {
    case SCRAM_OK:
        break;
    case SCRAM_REFUSED:
        return FAULT_CREDENTIALS;
    case SCRAM_EFORM:
        return FAULT_UPSTREAM_GARBLED;
    case SCRAM_ENONCE:
    case SCRAM_ESIGNATURE:
        return FAULT_UPSTREAM_UNPROVEN;
    case SCRAM_EEXTENSION:
    case SCRAM_EITERATIONS:
        return FAULT_UPSTREAM_MISFIT;
    case SCRAM_EMEMORY:
        return FAULT_NO_MEMORY;
    }
    return FAULT_NONE;
}

/* Where it is the channel that is wrong, somebody may stand between the server
 * and us, with a certificate that we trust; where it is the way of binding, the
 * server cannot do what it offers. All others leave it at the password.
 */
enum fault scram_error_fault(struct span error)
{
    static const struct {
        const char *word;
        enum fault fault;
    } words[] = {
        { "channel-bindings-dont-match", FAULT_UPSTREAM_UNPROVEN },
        { "server-does-support-channel-binding", FAULT_UPSTREAM_UNPROVEN },
        { "channel-binding-not-supported", FAULT_UPSTREAM_NO_LOGIN },
        { "unsupported-channel-binding-type", FAULT_UPSTREAM_NO_LOGIN },
        { "extensions-not-supported", FAULT_UPSTREAM_NO_LOGIN },
        { "no-resources", FAULT_UPSTREAM_BUSY },
    };

    for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
        if (span_equals(error, span_from_string(words[i].word)))
            return words[i].fault;
    return FAULT_CREDENTIALS;
}
