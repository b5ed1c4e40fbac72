#include "net/keyed_digest.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define KEY_SIZE 32     /* as RFC 2104 §3 wants it: the size of the digest */
#define LENGTH_OCTETS 4 /* of a part */

struct keyed_digest {
    EVP_MAC_CTX *begun; /* has taken the key in; copied for each digest */
};

static EVP_MAC_CTX *begin(const unsigned char *key)
{
    char sha256[] = "SHA256"; /* OpenSSL's parameters know no const */
    OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(
                                OSSL_MAC_PARAM_DIGEST, sha256, 0),
                            OSSL_PARAM_construct_end() };
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *begun = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;

    EVP_MAC_free(mac); /* the context has its own hold on it */
    if (begun == NULL || EVP_MAC_init(begun, key, KEY_SIZE, params) == 1)
        return begun;
    EVP_MAC_CTX_free(begun);
    return NULL;
}

/* Wipes |key|, which is none where |good| is false. */
static struct keyed_digest *make(unsigned char key[KEY_SIZE], bool good)
{
    struct keyed_digest *k = good ? calloc(1, sizeof(*k)) : NULL;

    if (k != NULL)
        k->begun = begin(key);
    wipe(key, KEY_SIZE);
    ERR_clear_error();
    if (k == NULL || k->begun != NULL)
        return k;
    free(k);
    return NULL;
}

struct keyed_digest *keyed_digest_new(void)
{
    unsigned char key[KEY_SIZE];

    return make(key, RAND_priv_bytes(key, sizeof(key)) == 1);
}

/* OpenSSL's parameters know no const; none of them is written to. */
static void *unconst(const void *octets)
{
    return (void *)(uintptr_t)octets;
}

struct keyed_digest *keyed_digest_derive(struct span secret, const char *label)
{
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
                                         unconst("SHA256"), 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY,
                                          unconst(secret.data), secret.len),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, unconst(label),
                                          strlen(label)),
        OSSL_PARAM_construct_end(),
    };
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *context = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
    unsigned char key[KEY_SIZE];
    bool derived =
        context != NULL && EVP_KDF_derive(context, key, KEY_SIZE, params) == 1;

    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
    return make(key, derived);
}

void keyed_digest_free(struct keyed_digest *k)
{
    if (k == NULL)
        return;
    EVP_MAC_CTX_free(k->begun);
    free(k);
}

static bool add(EVP_MAC_CTX *mac, struct span part)
{
    unsigned char length[LENGTH_OCTETS];

    for (unsigned i = 0; i < LENGTH_OCTETS; i++)
        length[i] = (unsigned char)(part.len >> 8 * i);
    return part.len <= UINT32_MAX &&
           EVP_MAC_update(mac, length, sizeof(length)) == 1 &&
           (part.len == 0 || EVP_MAC_update(mac, part.data, part.len) == 1);
}

bool keyed_digest_make(const struct keyed_digest *k, const struct span *parts,
                       size_t count, unsigned char *digest)
{
    EVP_MAC_CTX *mac = EVP_MAC_CTX_dup(k->begun);
    size_t size = 0;
    bool made = mac != NULL;

    for (size_t i = 0; made && i < count; i++)
        made = add(mac, parts[i]);
    made = made && EVP_MAC_final(mac, digest, &size, KEYED_DIGEST_SIZE) == 1 &&
           size == KEYED_DIGEST_SIZE;
    EVP_MAC_CTX_free(mac);
    ERR_clear_error();
    return made;
}

bool keyed_digest_equals(const unsigned char *a, const unsigned char *b)
{
    return CRYPTO_memcmp(a, b, KEYED_DIGEST_SIZE) == 0;
}
