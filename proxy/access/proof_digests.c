#include "access/proof_digests.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/buf.h"

#define MD5_SIZE 16

_Static_assert(PROOF_DIGEST_SIZE == (size_t)2 * MD5_SIZE,
               "two digits an octet");

/* Whether |digest| is |octets| in digits; the client's may be in capitals. */
static enum proof_verdict compare(const unsigned char octets[MD5_SIZE],
                                  struct span digest)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char text[PROOF_DIGEST_SIZE];
    bool is_same;

    for (size_t i = 0; i < MD5_SIZE; i++) {
        text[2 * i] = (unsigned char)digits[octets[i] >> 4];
        text[2 * i + 1] = (unsigned char)digits[octets[i] & 15];
    }
    is_same = span_equals_nocase(span_make(text, sizeof(text)), digest);
    wipe(text, sizeof(text));
    return is_same ? PROOF_RIGHT : PROOF_WRONG;
}

/* Wipes |octets|, which are none where |made| is false. */
static enum proof_verdict judge(unsigned char octets[MD5_SIZE], bool made,
                                struct span digest)
{
    enum proof_verdict verdict = made ? compare(octets, digest) : PROOF_FAILED;

    wipe(octets, MD5_SIZE);
    ERR_clear_error();
    return verdict;
}

enum proof_verdict proof_judge_apop(struct span timestamp, struct span password,
                                    struct span digest)
{
    EVP_MD_CTX *md5 = EVP_MD_CTX_new();
    unsigned char octets[MD5_SIZE];
    bool made = md5 != NULL && EVP_DigestInit_ex(md5, EVP_md5(), NULL) == 1 &&
                EVP_DigestUpdate(md5, timestamp.data, timestamp.len) == 1 &&
                EVP_DigestUpdate(md5, password.data, password.len) == 1 &&
                EVP_DigestFinal_ex(md5, octets, NULL) == 1;

    EVP_MD_CTX_free(md5);
    return judge(octets, made, digest);
}

enum proof_verdict proof_judge_cram_md5(struct span challenge,
                                        struct span password,
                                        struct span digest)
{
    unsigned char octets[MD5_SIZE];
    unsigned size = 0;
    bool made = HMAC(EVP_md5(), password.data, (int)password.len,
                     challenge.data, challenge.len, octets, &size) != NULL &&
                size == MD5_SIZE;

    return judge(octets, made, digest);
}
