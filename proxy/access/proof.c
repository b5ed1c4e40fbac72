#include "access/proof.h"

#include <gsasl.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/limits.h"

#define DECOY_ITERATIONS 4096 /* as scram_keys_write */
#define DECOY_SALT_SIZE 16
#define MD5_SIZE 16
#define NUMBER_TEXT_MAX 16
#define BASE64_TEXT_MAX 128 /* of a key or a salt */

_Static_assert(DECOY_SALT_SIZE <= KEYED_DIGEST_SIZE &&
                   SCRAM_KEY_SIZE == KEYED_DIGEST_SIZE,
               "decoys are digests");

struct proof {
    struct proof_wish wish;
    const struct keyed_digest *decoys;
    Gsasl_session *session;
    char *text;       /* libgsasl's, of the last step */
    bool is_known;    /* the account was looked for */
    enum fault fault; /* why it is not to be proven; or NONE */
    const struct account *account;
};

/* --- what an account holds --- */

static bool has_keys(const struct proof *p)
{
    return p->wish.mechanism == SASL_CRAM_MD5
               ? p->account->recoverable_password != NULL
               : p->account->scram != NULL;
}

static enum fault judge(const struct proof *p)
{
    if (p->account == NULL)
        return FAULT_NO_ACCOUNT;
    if (!account_admits(p->account, p->wish.listener, &p->wish.client))
        return FAULT_ACCOUNT_PLACE;
    return has_keys(p) ? FAULT_NONE : FAULT_CREDENTIALS;
}

static struct span user_of(const struct proof *p)
{
    const char *name = gsasl_property_fast(p->session, GSASL_AUTHID);

    return name != NULL ? span_from_string(name) : span_make(NULL, 0);
}

/* The name is there before any key is asked for. */
static void look_up(struct proof *p)
{
    if (p->is_known)
        return;
    p->is_known = true;
    p->account = accounts_find(p->wish.rules->accounts, user_of(p));
    p->fault = judge(p);
}

/* Made up, and the same each time the name is given. */
static bool make_decoy(const struct proof *p, const char *purpose,
                       unsigned char digest[KEYED_DIGEST_SIZE])
{
    const struct span parts[] = { span_from_string(purpose), user_of(p) };

    return keyed_digest_make(p->decoys, parts, ARRAY_LENGTH(parts), digest);
}

static bool find_scram_keys(const struct proof *p, struct scram_keys *keys)
{
    unsigned char salt[KEYED_DIGEST_SIZE];

    if (p->fault == FAULT_NONE)
        return scram_keys_parse(span_from_string(p->account->scram), keys);
    if (!make_decoy(p, "salt", salt) ||
        !make_decoy(p, "stored", keys->stored) ||
        !make_decoy(p, "server", keys->server))
        return false;
    keys->iterations = DECOY_ITERATIONS;
    keys->salt_length = DECOY_SALT_SIZE;
    memcpy(keys->salt, salt, DECOY_SALT_SIZE);
    return true;
}

static enum secret_box_status open_password(const struct proof *p,
                                            struct buf *password)
{
    const struct secret_lock lock =
        account_lock(p->account, SECRET_BOX_BY_KEY,
                     buf_span(&p->wish.rules->key), ACCOUNT_PASSWORD_PURPOSE);

    return secret_box_open(
        &lock, span_from_string(p->account->recoverable_password), password);
}

/* --- what libgsasl asks for --- */

static int give(struct proof *p, Gsasl_property property, struct span value)
{
    return gsasl_property_set_raw(p->session, property,
                                  (const char *)value.data, value.len);
}

static int give_base64(struct proof *p, Gsasl_property property,
                       const unsigned char *octets, size_t length)
{
    struct buf text;
    int code = GSASL_MALLOC_ERROR;

    buf_init(&text, BASE64_TEXT_MAX);
    if (base64_encode(span_make(octets, length), &text))
        code = give(p, property, buf_span(&text));
    buf_fini(&text);
    return code;
}

static int give_scram(struct proof *p, Gsasl_property property)
{
    char number[NUMBER_TEXT_MAX];
    struct scram_keys keys;

    if (!find_scram_keys(p, &keys))
        return GSASL_MALLOC_ERROR;
    if (property == GSASL_SCRAM_SALT)
        return give_base64(p, property, keys.salt, keys.salt_length);
    if (property == GSASL_SCRAM_STOREDKEY)
        return give_base64(p, property, keys.stored, SCRAM_KEY_SIZE);
    if (property == GSASL_SCRAM_SERVERKEY)
        return give_base64(p, property, keys.server, SCRAM_KEY_SIZE);
    (void)snprintf(number, sizeof(number), "%u", keys.iterations);
    return give(p, property, span_from_string(number));
}

static int give_password(struct proof *p)
{
    unsigned char decoy[KEYED_DIGEST_SIZE];
    struct buf password;
    int code = GSASL_NO_PASSWORD;

    if (p->fault != FAULT_NONE)
        return make_decoy(p, "password", decoy)
                   ? give_base64(p, GSASL_PASSWORD, decoy, sizeof(decoy))
                   : GSASL_MALLOC_ERROR;
    buf_init(&password, SECRET_MAX);
    switch (open_password(p, &password)) {
    case SECRET_BOX_OK:
        code = give(p, GSASL_PASSWORD, buf_span(&password));
        break;
    case SECRET_BOX_EFORM:
    case SECRET_BOX_EWRONG: /* accounts_judge has opened it before */
        p->fault = FAULT_SECRET_SEALED;
        break;
    case SECRET_BOX_EFAILED:
        code = GSASL_MALLOC_ERROR;
        break;
    }
    buf_fini(&password);
    return code;
}

static int give_property(struct proof *p, Gsasl_property property)
{
    switch (property) {
    case GSASL_PASSWORD:
        if (p->wish.mechanism != SASL_CRAM_MD5)
            return GSASL_NO_PASSWORD;
        look_up(p);
        return give_password(p);
    case GSASL_SCRAM_ITER:
    case GSASL_SCRAM_SALT:
    case GSASL_SCRAM_STOREDKEY:
    case GSASL_SCRAM_SERVERKEY:
        look_up(p);
        return give_scram(p, property);
    default: /* of other mechanisms, and of channels that are bound */
        return GSASL_NO_CALLBACK;
    }
}

/* What is not given is made up by libgsasl, which goes on: then it must not come
 * to a good end.
 */
static int on_property(Gsasl *library, Gsasl_session *session,
                       Gsasl_property property)
{
    struct proof *p = gsasl_session_hook_get(session);
    int code = give_property(p, property);

    (void)library;
    if (code == GSASL_MALLOC_ERROR)
        p->fault = FAULT_NO_MEMORY;
    return code;
}

/* --- the exchange --- */

static Gsasl *ready(struct proof_maker *maker)
{
    Gsasl *library = maker->library;

    if (library != NULL)
        return library;
    if (gsasl_init(&library) != GSASL_OK)
        return NULL;
    gsasl_callback_set(library, on_property);
    maker->library = library;
    return library;
}

void proof_maker_fini(struct proof_maker *maker)
{
    if (maker->library != NULL)
        gsasl_done(maker->library);
    maker->library = NULL;
}

struct proof *proof_new(struct proof_maker *maker,
                        const struct proof_wish *wish)
{
    Gsasl *library = ready(maker);
    struct proof *p = calloc(1, sizeof(*p));

    if (library != NULL && p != NULL &&
        gsasl_server_start(library, sasl_mechanism_name(wish->mechanism),
                           &p->session) == GSASL_OK) {
        p->wish = *wish;
        p->decoys = maker->decoys;
        gsasl_session_hook_set(p->session, p);
        return p;
    }
    free(p);
    return NULL;
}

/* libgsasl does not wipe what it was given. */
static void wipe_property(struct proof *p, Gsasl_property property)
{
    const char *value = gsasl_property_fast(p->session, property);

    if (value != NULL)
        wipe((void *)(uintptr_t)value, strlen(value));
}

void proof_free(struct proof *p)
{
    if (p == NULL)
        return;
    wipe_property(p, GSASL_PASSWORD);
    wipe_property(p, GSASL_SCRAM_STOREDKEY);
    wipe_property(p, GSASL_SCRAM_SERVERKEY);
    gsasl_free(p->text);
    gsasl_finish(p->session);
    free(p);
}

/* Whom he wants to act as is not for him to say: the account does. */
static bool acts_as_another(const struct proof *p)
{
    const char *identity = gsasl_property_fast(p->session, GSASL_AUTHZID);

    return identity != NULL && identity[0] != '\0' &&
           !span_equals(span_from_string(identity), user_of(p));
}

static void fail(const struct proof *p, int code, struct sasl_step *step)
{
    *step =
        (struct sasl_step){ .status = SASL_FAILED, .fault = FAULT_CREDENTIALS };
    if (sasl_part_is_valid(user_of(p)))
        step->user = user_of(p);
    if (p->fault != FAULT_NONE)
        step->fault = p->fault;
    else if (code == GSASL_MALLOC_ERROR)
        step->fault = FAULT_NO_MEMORY;
    else if (code == GSASL_OK)
        step->fault = FAULT_IDENTITY;
}

void proof_step(struct proof *p, struct span response, struct sasl_step *step)
{
    size_t length = 0;
    int code;

    gsasl_free(p->text);
    p->text = NULL;
    code = gsasl_step(p->session, (const char *)response.data, response.len,
                      &p->text, &length);
    if (code == GSASL_NEEDS_MORE && length > 0) /* or it waits for ever */
        *step = (struct sasl_step){ .status = SASL_CHALLENGE,
                                    .text = span_make(p->text, length) };
    else if (code == GSASL_OK && p->fault == FAULT_NONE && !acts_as_another(p))
        *step = (struct sasl_step){ .status = SASL_PROVEN,
                                    .text = span_make(p->text, length),
                                    .user = user_of(p) };
    else
        fail(p, code, step);
}

/* --- APOP --- */

static bool digest_of(struct span timestamp, struct span password,
                      unsigned char digest[MD5_SIZE])
{
    EVP_MD_CTX *md5 = EVP_MD_CTX_new();
    bool done = md5 != NULL && EVP_DigestInit_ex(md5, EVP_md5(), NULL) == 1 &&
                EVP_DigestUpdate(md5, timestamp.data, timestamp.len) == 1 &&
                EVP_DigestUpdate(md5, password.data, password.len) == 1 &&
                EVP_DigestFinal_ex(md5, digest, NULL) == 1;

    EVP_MD_CTX_free(md5);
    ERR_clear_error();
    return done;
}

bool proof_is_apop(struct span timestamp, struct span password,
                   struct span digest)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char octets[MD5_SIZE];
    unsigned char text[2 * MD5_SIZE];
    bool is_right;

    if (digest.len != sizeof(text) || !digest_of(timestamp, password, octets))
        return false;
    for (size_t i = 0; i < MD5_SIZE; i++) {
        text[2 * i] = (unsigned char)digits[octets[i] >> 4];
        text[2 * i + 1] = (unsigned char)digits[octets[i] & 15];
    }
    /* The client's may be in capitals. */
    is_right = span_equals_nocase(span_make(text, sizeof(text)), digest);
    wipe(octets, sizeof(octets));
    wipe(text, sizeof(text));
    return is_right;
}
