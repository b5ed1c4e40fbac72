#include "access/scram_keys.h"

#include <gsasl.h>
#include <openssl/rand.h>
#include <string.h>

#include "base/base64.h"
#include "base/limits.h"

#define MARK "SCRAM-SHA-256$"
#define SALT_SIZE 16

_Static_assert(SCRAM_KEY_SIZE == GSASL_HASH_SHA256_SIZE, "scram_keys.h");

/* Takes what stands before |end| off |text|; false: there is no |end|. */
static bool take_before(struct span *text, unsigned char end, struct span *part)
{
    size_t length = span_find(*text, end);

    if (length == text->len)
        return false;
    *part = span_take(text, length);
    (void)span_take(text, 1);
    return true;
}

/* Between |min| and |max| octets, out of base64. */
static bool decode(struct span base64, size_t min, size_t max,
                   unsigned char *octets, size_t *length)
{
    struct buf decoded;
    bool good;

    buf_init(&decoded, max);
    good = base64_decode(base64, &decoded) && buf_length(&decoded) >= min;
    if (good) {
        *length = buf_length(&decoded);
        memcpy(octets, buf_span(&decoded).data, *length);
    }
    buf_fini(&decoded);
    return good;
}

bool scram_keys_parse(struct span text, struct scram_keys *keys)
{
    struct span mark, iterations, salt, stored;
    uint64_t number;
    size_t length;

    if (!take_before(&text, '$', &mark) ||
        !span_equals(mark, span_make(MARK, sizeof(MARK) - 2)) ||
        !take_before(&text, ':', &iterations) ||
        !take_before(&text, '$', &salt) || !take_before(&text, ':', &stored) ||
        !span_to_number(iterations, SCRAM_ITERATIONS_MAX, &number) ||
        number < SCRAM_ITERATIONS_MIN)
        return false;
    keys->iterations = (unsigned)number;
    return decode(salt, 1, SCRAM_SALT_MAX, keys->salt, &keys->salt_length) &&
           decode(stored, SCRAM_KEY_SIZE, SCRAM_KEY_SIZE, keys->stored,
                  &length) &&
           decode(text, SCRAM_KEY_SIZE, SCRAM_KEY_SIZE, keys->server, &length);
}

static bool write_text(const struct scram_keys *keys, struct buf *text)
{
    (void)buf_append_string(text, MARK);
    (void)buf_append_number(text, keys->iterations);
    (void)buf_append_octet(text, ':');
    (void)base64_encode(span_make(keys->salt, keys->salt_length), text);
    (void)buf_append_octet(text, '$');
    (void)base64_encode(span_make(keys->stored, SCRAM_KEY_SIZE), text);
    (void)buf_append_octet(text, ':');
    return base64_encode(span_make(keys->server, SCRAM_KEY_SIZE), text);
}

bool scram_keys_write(struct span password, struct buf *text)
{
    struct scram_keys keys = { .iterations = SCRAM_ITERATIONS_MIN,
                               .salt_length = SALT_SIZE };
    char salted[SCRAM_KEY_SIZE];
    char client[SCRAM_KEY_SIZE];
    struct buf words; /* libgsasl wants a NUL behind them */
    bool done;

    buf_init(&words, SECRET_MAX + 1);
    (void)buf_append(&words, password);
    done = buf_append_octet(&words, '\0') &&
           RAND_bytes(keys.salt, SALT_SIZE) == 1 &&
           gsasl_scram_secrets_from_password(
               GSASL_HASH_SHA256, (const char *)buf_span(&words).data,
               keys.iterations, (const char *)keys.salt, SALT_SIZE, salted,
               client, (char *)keys.server, (char *)keys.stored) == GSASL_OK &&
           write_text(&keys, text);
    wipe(salted, sizeof(salted));
    wipe(client, sizeof(client));
    wipe(&keys, sizeof(keys));
    buf_fini(&words);
    return done;
}
