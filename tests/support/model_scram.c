#include "support/model_scram.h"

#include <stdio.h>
#include <string.h>

#include "base/base64.h"

#define ROLL(m, n) random_below((m)->random, (n))
#define SALT "pepper"
#define ITERATIONS 4096

/* --- the proof --- */

/* FNV-1a, and then on and on from there. */
static void mix(uint64_t *state, struct span octets)
{
    for (size_t i = 0; i < octets.len; i++)
        *state = (*state ^ octets.data[i]) * UINT64_C(1099511628211);
    *state = (*state ^ 0xff) * UINT64_C(1099511628211);
}

static void make_key(const struct scram_work *work, const char *label,
                     unsigned char key[SCRAM_KEY_SIZE])
{
    uint64_t state = UINT64_C(14695981039346656037);

    mix(&state, span_from_string(label));
    mix(&state, work->password);
    mix(&state, work->salt);
    mix(&state, work->message);
    state += work->iterations;
    for (size_t i = 0; i < SCRAM_KEY_SIZE; i++) {
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
        key[i] = (unsigned char)(state >> 56);
    }
}

void model_scram_prove(const struct scram_work *work, struct scram_proof *proof)
{
    proof->fault = FAULT_NONE;
    make_key(work, "client", proof->client);
    make_key(work, "server", proof->server);
}

/* --- the course of it --- */

bool model_scram_is_strongest(const struct model_imap *m)
{
    const struct model_traits *t = m->traits;
    bool plus = t->auth_scram_plus && m->channel.has_binding;

    if (m->mechanism == MODEL_SCRAM_PLUS)
        return plus;
    return m->mechanism == MODEL_SCRAM ? t->auth_scram && !plus
                                       : !t->auth_scram && !plus;
}

static void challenge(struct model_imap *m, struct span message)
{
    struct buf line;

    buf_init(&line, MODEL_COMMAND_MAX);
    buf_append_string(&line, "+ ");
    base64_encode(message, &line);
    buf_append_string(&line, "\r\n");
    model_say_octets(m, buf_span(&line).data, buf_length(&line));
    m->mode = MODEL_READ_SASL;
    buf_fini(&line);
}

static const char *header_of(const struct model_imap *m)
{
    if (m->mechanism == MODEL_SCRAM_PLUS)
        return "p=tls-exporter,,";
    return m->channel.has_binding && !m->traits->auth_scram_plus ? "y,,"
                                                                 : "n,,";
}

/* A server that is none: it is not for the password that a login fails. */
static void refuse_liar(struct model_imap *m)
{
    m->lied = true;
    m->logins_refused++;
    m->refusal = MODEL_REFUSED_PERM;
}

static enum model_lie any_lie(struct model_imap *m)
{
    return model_chance(m, m->traits->lies)
               ? (enum model_lie)(1 + ROLL(m, MODEL_LIE_COUNT - 1))
               : MODEL_HONEST;
}

static void say_first(struct model_imap *m)
{
    struct model_scram *s = &m->scram;
    unsigned count = ITERATIONS;

    s->lie = any_lie(m);
    if (s->lie == MODEL_LIE_ITERATIONS)
        count = ROLL(m, 2) == 0 ? 1 : SCRAM_ITERATIONS_MAX + 1;
    snprintf(s->nonce, sizeof(s->nonce), "%s%s",
             s->lie == MODEL_LIE_NONCE ? "x" : "", m->channel.nonce);
    snprintf(s->nonce + strlen(s->nonce), sizeof(s->nonce) - strlen(s->nonce),
             "%u", (unsigned)ROLL(m, 1000000));
    snprintf(s->first, sizeof(s->first), "%sr=%s,s=cGVwcGVy,i=%u%s",
             s->lie == MODEL_LIE_EXTENSION ? "m=1," : "", s->nonce, count,
             ROLL(m, 4) == 0 ? ",x=new" : "");
    s->stage = MODEL_SCRAM_BEGUN;
    challenge(m, span_from_string(s->first));
}

void model_scram_on_first(struct model_imap *m, const char *tag,
                          const char *text)
{
    struct model_scram *s = &m->scram;
    struct buf message;
    char right[sizeof(s->bare) + 32];
    struct span given;

    (void)tag;
    buf_init(&message, MODEL_COMMAND_MAX);
    snprintf(s->bare, sizeof(s->bare), "n=%s,r=%s", m->traits->user,
             m->channel.nonce);
    snprintf(right, sizeof(right), "%s%s", header_of(m), s->bare);
    if (!base64_decode(span_from_string(text), &message))
        model_violation(m, "a first message of SCRAM that is not base64");
    given = buf_span(&message);
    if (!span_equals(given, span_from_string(right)))
        model_violation(m, "a first message of SCRAM that is none");
    buf_fini(&message);
    say_first(m);
}

/* --- the client's last --- */

/* `c=...,r=...` */
static void write_begin(const struct model_imap *m, struct buf *begin)
{
    struct buf input;

    buf_init(&input, 256);
    buf_append_string(&input, header_of(m));
    if (m->mechanism == MODEL_SCRAM_PLUS)
        buf_append(&input, span_make(m->channel.binding, SCRAM_BINDING_SIZE));
    buf_append_string(begin, "c=");
    base64_encode(buf_span(&input), begin);
    buf_append_string(begin, ",r=");
    buf_append_string(begin, m->scram.nonce);
    buf_fini(&input);
}

static struct scram_proof right_proof(const struct model_imap *m,
                                      struct span begin)
{
    struct scram_work work = {
        .password = span_from_string(m->traits->password),
        .salt = SPAN_LITERAL(SALT),
        .iterations = ITERATIONS,
    };
    struct scram_proof proof;
    struct buf message;

    buf_init(&message, MODEL_COMMAND_MAX);
    buf_append_string(&message, m->scram.bare);
    buf_append_octet(&message, ',');
    buf_append_string(&message, m->scram.first);
    buf_append_octet(&message, ',');
    buf_append(&message, begin);
    work.message = buf_span(&message);
    model_scram_prove(&work, &proof);
    buf_fini(&message);
    return proof;
}

/* Does the client know the password? */
static bool is_final(struct model_imap *m, const char *text,
                     struct scram_proof *proof)
{
    struct buf given;
    struct buf right;
    bool is_right;

    buf_init(&given, MODEL_COMMAND_MAX);
    buf_init(&right, MODEL_COMMAND_MAX);
    write_begin(m, &right);
    *proof = right_proof(m, buf_span(&right));
    if (!base64_decode(span_from_string(text), &given) ||
        buf_length(&given) < buf_length(&right) ||
        memcmp(buf_span(&given).data, buf_span(&right).data,
               buf_length(&right)) != 0)
        model_violation(m, "a last message of SCRAM that is none");
    buf_append_string(&right, ",p=");
    base64_encode(span_make(proof->client, SCRAM_KEY_SIZE), &right);
    is_right = span_equals(buf_span(&given), buf_span(&right));
    buf_fini(&given);
    buf_fini(&right);
    return is_right;
}

static void say_signature(struct model_imap *m, struct scram_proof *proof)
{
    struct buf message;

    if (m->scram.lie == MODEL_LIE_SIGNATURE)
        proof->server[ROLL(m, SCRAM_KEY_SIZE)] ^= 1;
    buf_init(&message, 256);
    buf_append_string(&message, "v=");
    base64_encode(span_make(proof->server, SCRAM_KEY_SIZE), &message);
    m->scram.stage = MODEL_SCRAM_SIGNED;
    challenge(m, buf_span(&message));
    buf_fini(&message);
}

static void on_final(struct model_imap *m, const char *tag, const char *text)
{
    struct scram_proof proof;
    bool right;

    if (m->scram.lie > MODEL_LIE_NO_SIGNATURE)
        model_violation(m, "a proof for a server that lies");
    right = is_final(m, text, &proof);
    if (right && m->scram.lie == MODEL_LIE_NO_SIGNATURE) {
        refuse_liar(m);
        model_tagged(m, tag, "OK in");
    } else if (right) {
        say_signature(m, &proof);
    } else if (ROLL(m, 2) == 0) {
        m->scram.stage = MODEL_SCRAM_REFUSED;
        challenge(m, SPAN_LITERAL("e=invalid-proof"));
    } else {
        model_judge_login(m, tag, false);
    }
}

/* By a client that has noticed, or has no time for it. */
static void on_given_up(struct model_imap *m, const char *tag)
{
    bool is_late = m->scram.stage == MODEL_SCRAM_SIGNED;
    bool noticed = is_late ? m->scram.lie == MODEL_LIE_SIGNATURE
                           : m->scram.lie > MODEL_LIE_NO_SIGNATURE;

    if (noticed)
        refuse_liar(m);
    model_tagged(m, tag, is_late && ROLL(m, 2) == 0 ? "OK in" : "BAD given up");
}

void model_scram_on_response(struct model_imap *m, const char *tag,
                             const char *text)
{
    if (strcmp(text, "*") == 0) {
        on_given_up(m, tag);
        return;
    }
    if (m->scram.stage == MODEL_SCRAM_BEGUN) {
        on_final(m, tag, text);
        return;
    }
    if (text[0] != '\0')
        model_violation(m, "the last word of SCRAM was not heard");
    if (m->scram.lie == MODEL_LIE_SIGNATURE &&
        m->scram.stage == MODEL_SCRAM_SIGNED)
        model_violation(m, "a wrong signature was taken for good");
    model_judge_login(m, tag, m->scram.stage == MODEL_SCRAM_SIGNED);
}
