#include "access/secret_box.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <stdint.h>
#include <string.h>

#include "base/base64.h"
#include "base/limits.h"

#define KEY_SIZE 32
#define SALT_SIZE 16
#define NONCE_SIZE 12
#define TAG_SIZE 16
#define HEAD_SIZE (SALT_SIZE + NONCE_SIZE)
#define PACKED_MAX (HEAD_SIZE + SECRET_MAX + TAG_SIZE)
#define SEALED_MAX ((PACKED_MAX + 2) / 3 * 4)
#define MARK_LENGTH 3
/* RFC 7914 §2: 128 * N * r octets of memory. */
#define SCRYPT_N (1ULL << 15)
#define SCRYPT_R 8U
#define SCRYPT_P 1U
#define SCRYPT_MEMORY_MAX (64ULL * 1024 * 1024)

static const char *const marks[] = {
    [SECRET_BOX_BY_KEY] = "1k.",
    [SECRET_BOX_BY_PASSWORD] = "1p.",
};

const char *secret_box_problem(enum secret_box_status status)
{
    switch (status) {
    case SECRET_BOX_EFORM:
        return "is no sealed secret of this version";
    case SECRET_BOX_EWRONG:
        return "does not open: it was sealed with another key or password or "
               "for another account, or it is damaged";
    case SECRET_BOX_EFAILED:
        return "cannot be opened for want of memory";
    case SECRET_BOX_OK:
        break;
    }
    return "is well";
}

bool secret_box_kind_of(struct span sealed, enum secret_box_kind *kind)
{
    if (sealed.len <= MARK_LENGTH)
        return false;
    for (unsigned i = 0; i < ARRAY_LENGTH(marks); i++) {
        if (memcmp(sealed.data, marks[i], MARK_LENGTH) == 0) {
            *kind = (enum secret_box_kind)i;
            return true;
        }
    }
    return false;
}

/* --- the key --- */

static bool run_kdf(const char *name, const OSSL_PARAM *params,
                    unsigned char key[KEY_SIZE])
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, name, NULL);
    EVP_KDF_CTX *context = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
    bool done =
        context != NULL && EVP_KDF_derive(context, key, KEY_SIZE, params) == 1;

    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
    return done;
}

/* OpenSSL's parameters know no const; none of them is written to. */
static void *unconst(const void *octets)
{
    return (void *)(uintptr_t)octets;
}

static bool derive(const struct secret_lock *lock, const unsigned char *salt,
                   unsigned char key[KEY_SIZE])
{
    static const char info[] = "popinjay secret box 1";
    void *octets = unconst(lock->octets.data);
    uint64_t n = SCRYPT_N;
    uint64_t memory_max = SCRYPT_MEMORY_MAX;
    uint32_t r = SCRYPT_R;
    uint32_t p = SCRYPT_P;
    const OSSL_PARAM by_key[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
                                         unconst("SHA256"), 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, octets,
                                          lock->octets.len),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, unconst(salt),
                                          SALT_SIZE),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, unconst(info),
                                          sizeof(info) - 1),
        OSSL_PARAM_construct_end(),
    };
    const OSSL_PARAM by_password[] = {
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, octets,
                                          lock->octets.len),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, unconst(salt),
                                          SALT_SIZE),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &r),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &p),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &memory_max),
        OSSL_PARAM_construct_end(),
    };

    if (lock->kind == SECRET_BOX_BY_KEY)
        return run_kdf("HKDF", by_key, key);
    return run_kdf("SCRYPT", by_password, key);
}

/* --- the cipher --- */

static bool add_context(EVP_CIPHER_CTX *cipher, struct span s)
{
    int n = 0;

    return s.len == 0 ||
           EVP_CipherUpdate(cipher, NULL, &n, s.data, (int)s.len) == 1;
}

/* What is authenticated beside the secret: form, purpose, NUL, name. */
static bool begin(EVP_CIPHER_CTX *cipher, const struct secret_lock *lock,
                  const unsigned char *head, bool encrypts)
{
    unsigned char key[KEY_SIZE];
    bool begun = derive(lock, head, key) &&
                 EVP_CipherInit_ex2(cipher, EVP_aes_256_gcm(), key,
                                    head + SALT_SIZE, encrypts, NULL) == 1 &&
                 add_context(cipher, span_from_string(marks[lock->kind])) &&
                 add_context(cipher, span_make(lock->purpose,
                                               strlen(lock->purpose) + 1)) &&
                 add_context(cipher, lock->name);

    wipe(key, sizeof(key));
    return begun;
}

/* |out| is as long as |in|. */
static bool pass(EVP_CIPHER_CTX *cipher, struct span in, unsigned char *out)
{
    int n = 0;

    return in.len == 0 ||
           (EVP_CipherUpdate(cipher, out, &n, in.data, (int)in.len) == 1 &&
            (size_t)n == in.len);
}

static bool encrypt(EVP_CIPHER_CTX *cipher, const struct secret_lock *lock,
                    struct span secret, unsigned char *packed)
{
    unsigned char *tag = packed + HEAD_SIZE + secret.len;
    int n = 0;

    return RAND_bytes(packed, HEAD_SIZE) == 1 &&
           begin(cipher, lock, packed, true) &&
           pass(cipher, secret, packed + HEAD_SIZE) &&
           EVP_CipherFinal_ex(cipher, tag, &n) == 1 &&
           EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, tag) ==
               1;
}

enum secret_box_status secret_box_seal(const struct secret_lock *lock,
                                       struct span secret, struct buf *sealed)
{
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    size_t length = HEAD_SIZE + secret.len + TAG_SIZE;
    unsigned char packed[PACKED_MAX];
    bool done = cipher != NULL && secret.len <= SECRET_MAX &&
                encrypt(cipher, lock, secret, packed) &&
                buf_append_string(sealed, marks[lock->kind]) &&
                base64_encode(span_make(packed, length), sealed);

    EVP_CIPHER_CTX_free(cipher);
    ERR_clear_error();
    return done ? SECRET_BOX_OK : SECRET_BOX_EFAILED;
}

static enum secret_box_status decrypt(EVP_CIPHER_CTX *cipher,
                                      const struct secret_lock *lock,
                                      struct span packed, struct buf *secret)
{
    size_t length = packed.len - HEAD_SIZE - TAG_SIZE;
    unsigned char *tag = unconst(packed.data + HEAD_SIZE + length);
    unsigned char *plain = buf_reserve(secret, length > 0 ? length : 1);
    int n = 0;

    if (plain == NULL || !begin(cipher, lock, packed.data, false))
        return SECRET_BOX_EFAILED;
    if (!pass(cipher, span_make(packed.data + HEAD_SIZE, length), plain) ||
        EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, tag) !=
            1 ||
        EVP_CipherFinal_ex(cipher, plain + length, &n) != 1) {
        wipe(plain, length);
        return SECRET_BOX_EWRONG;
    }
    buf_commit(secret, length);
    return SECRET_BOX_OK;
}

/* |packed| holds what stands behind the mark. */
static enum secret_box_status open_packed(const struct secret_lock *lock,
                                          const struct buf *packed,
                                          struct buf *secret)
{
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    enum secret_box_status status = SECRET_BOX_EFAILED;

    if (cipher != NULL)
        status = decrypt(cipher, lock, buf_span(packed), secret);
    EVP_CIPHER_CTX_free(cipher);
    ERR_clear_error();
    return status;
}

enum secret_box_status secret_box_open(const struct secret_lock *lock,
                                       struct span sealed, struct buf *secret)
{
    enum secret_box_status status = SECRET_BOX_EFORM;
    enum secret_box_kind kind;
    struct buf packed;

    if (!secret_box_kind_of(sealed, &kind))
        return SECRET_BOX_EFORM;
    if (kind != lock->kind)
        return SECRET_BOX_EWRONG;
    (void)span_take(&sealed, MARK_LENGTH);
    if (sealed.len > SEALED_MAX)
        return SECRET_BOX_EFORM;
    buf_init(&packed, PACKED_MAX);
    if (base64_decode(sealed, &packed) &&
        buf_length(&packed) >= HEAD_SIZE + TAG_SIZE)
        status = open_packed(lock, &packed, secret);
    else if (buf_failed(&packed))
        status = SECRET_BOX_EFAILED;
    buf_fini(&packed);
    return status;
}
