#include "net/tls_proof.h"

#include <openssl/evp.h>
#include <openssl/x509_vfy.h>
#include <string.h>
#include <time.h>

/* --- what the outcome depends on --- */

/* With its NUL: what follows it can never be taken for a part of it. */
static bool add_text(EVP_MD_CTX *digest, const char *text)
{
    return EVP_DigestUpdate(digest, text, strlen(text) + 1) == 1;
}

/* As verification will ask for them: hosts, or an address. */
static bool add_names(EVP_MD_CTX *digest, X509_VERIFY_PARAM *param)
{
    char *address = X509_VERIFY_PARAM_get1_ip_asc(param);
    const char *host;
    int hosts = 0;
    bool added = true;

    while (added &&
           (host = X509_VERIFY_PARAM_get0_host(param, hosts)) != NULL) {
        added = add_text(digest, host);
        hosts++;
    }
    added = added && (hosts > 0 || address != NULL) && add_text(digest, "") &&
            add_text(digest, address != NULL ? address : "");
    OPENSSL_free(address);
    return added;
}

/* Each by a digest of its DER, all of one length: so none can pass for a part
 * of its neighbour.
 */
static bool add_certificate(EVP_MD_CTX *digest, const X509 *certificate)
{
    unsigned char own[EVP_MAX_MD_SIZE];
    unsigned size;

    return X509_digest(certificate, EVP_sha256(), own, &size) == 1 &&
           EVP_DigestUpdate(digest, own, size) == 1;
}

/* All that the server shows, in its order; the first is its own. */
static bool add_shown(EVP_MD_CTX *digest, const X509_STORE_CTX *chain)
{
    const STACK_OF(X509) *shown = X509_STORE_CTX_get0_untrusted(chain);
    int count = sk_X509_num(shown); /* -1: there is none */

    if (count < 1 || sk_X509_value(shown, 0) != X509_STORE_CTX_get0_cert(chain))
        return false;
    for (int i = 0; i < count; i++)
        if (!add_certificate(digest, sk_X509_value(shown, i)))
            return false;
    return true;
}

bool tls_proof_key_make(X509_STORE_CTX *chain, uint64_t trust,
                        struct tls_proof_key *key)
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    bool made = digest != NULL &&
                EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1 &&
                EVP_DigestUpdate(digest, &trust, sizeof(trust)) == 1 &&
                add_names(digest, X509_STORE_CTX_get0_param(chain)) &&
                add_shown(digest, chain) &&
                EVP_DigestFinal_ex(digest, key->digest, NULL) == 1;

    EVP_MD_CTX_free(digest);
    return made;
}

/* --- what is kept --- */

static bool equals(const struct tls_proof_key *a, const struct tls_proof_key *b)
{
    return memcmp(a->digest, b->digest, sizeof(a->digest)) == 0;
}

const struct tls_proof *tls_proofs_find(const struct tls_proofs *p,
                                        const struct tls_proof_key *key,
                                        int64_t now_s)
{
    for (size_t i = 0; i < TLS_PROOFS_MAX; i++) {
        const struct tls_proof *proof = &p->kept[i];

        if (proof->from_s <= now_s && now_s < proof->until_s &&
            equals(&proof->key, key))
            return proof;
    }
    return NULL;
}

/* False: not a time. */
static bool read_time(const ASN1_TIME *from, int64_t *to_s)
{
    struct tm parts;

    if (ASN1_TIME_to_tm(from, &parts) != 1)
        return false;
    *to_s = timegm(&parts);
    return true;
}

/* RFC 5280 §4.1.2.5: from notBefore to notAfter, both included; OpenSSL counts
 * the last second as expired already.
 */
static bool narrow(struct tls_proof *proof, const X509 *certificate)
{
    int64_t begin_s;
    int64_t end_s;

    if (!read_time(X509_get0_notBefore(certificate), &begin_s) ||
        !read_time(X509_get0_notAfter(certificate), &end_s))
        return false;
    if (begin_s > proof->from_s)
        proof->from_s = begin_s;
    if (end_s < proof->until_s)
        proof->until_s = end_s;
    return true;
}

/* Its own place, or that of the one which ends first. */
static struct tls_proof *find_place(struct tls_proofs *p,
                                    const struct tls_proof_key *key)
{
    struct tls_proof *place = &p->kept[0];

    for (size_t i = 0; i < TLS_PROOFS_MAX; i++) {
        if (equals(&p->kept[i].key, key))
            return &p->kept[i];
        if (p->kept[i].until_s < place->until_s)
            place = &p->kept[i];
    }
    return place;
}

void tls_proofs_keep(struct tls_proofs *p, const struct tls_proof_key *key,
                     const X509_STORE_CTX *chain, int64_t now_s)
{
    const STACK_OF(X509) *verified = X509_STORE_CTX_get0_chain(chain);
    struct tls_proof proof = { .key = *key,
                               .verified_s = now_s,
                               .from_s = now_s,
                               .until_s = now_s + TLS_TRUST_MAX_S };

    if (sk_X509_num(verified) < 1)
        return;
    for (int i = 0; i < sk_X509_num(verified); i++)
        if (!narrow(&proof, sk_X509_value(verified, i)))
            return;
    *find_place(p, key) = proof;
}
