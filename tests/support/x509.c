#include "support/x509.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#define DAY_SECONDS (24L * 60 * 60)

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "x509: %s\n", what);
    abort();
}

static FILE *open_file(const char *path, const char *mode)
{
    FILE *f = fopen(path, mode);

    must(f != NULL, path);
    return f;
}

static EVP_PKEY *read_key(const char *path)
{
    FILE *f = open_file(path, "r");
    EVP_PKEY *key = PEM_read_PrivateKey(f, NULL, NULL, NULL);

    fclose(f);
    must(key != NULL, path);
    return key;
}

static X509 *read_certificate(const char *path)
{
    FILE *f = open_file(path, "r");
    X509 *certificate = PEM_read_X509(f, NULL, NULL, NULL);

    fclose(f);
    must(certificate != NULL, path);
    return certificate;
}

static void add_extension(X509 *certificate, X509 *issuer, int nid,
                          const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;

    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    must(extension != NULL, value);
    must(X509_add_ext(certificate, extension, -1) == 1, value);
    X509_EXTENSION_free(extension);
}

static void fill(X509 *certificate, const struct x509_wish *wish)
{
    static long serial;
    X509_NAME *name = X509_get_subject_name(certificate);

    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -30 * DAY_SECONDS);
    X509_gmtime_adj(X509_getm_notAfter(certificate),
                    wish->days_left * DAY_SECONDS);
    must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                    (const unsigned char *)wish->common_name,
                                    -1, -1, 0) == 1,
         "name");
}

static void sign(X509 *certificate, EVP_PKEY *own, const struct x509_wish *wish)
{
    const struct x509_pair *by = wish->issuer;
    X509 *issuer = by != NULL ? read_certificate(by->certificate) : certificate;
    EVP_PKEY *key = by != NULL ? read_key(by->key) : own;

    X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
    add_extension(certificate, issuer, NID_basic_constraints,
                  wish->authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (wish->alternative_names != NULL)
        add_extension(certificate, issuer, NID_subject_alt_name,
                      wish->alternative_names);
    must(X509_sign(certificate, key, EVP_sha256()) > 0, "sign");
    if (by != NULL) {
        X509_free(issuer);
        EVP_PKEY_free(key);
    }
}

static void write_pair(const struct x509_pair *pair, X509 *certificate,
                       EVP_PKEY *key)
{
    FILE *f = open_file(pair->certificate, "w");

    must(PEM_write_X509(f, certificate) == 1, pair->certificate);
    fclose(f);
    f = open_file(pair->key, "w");
    must(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1,
         pair->key);
    fclose(f);
}

struct x509_pair x509_make(const char *folder, const char *name,
                           struct x509_wish wish)
{
    struct x509_pair pair;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();

    must(key != NULL && certificate != NULL, "no memory");
    snprintf(pair.certificate, sizeof(pair.certificate), "%s/%s.pem", folder,
             name);
    snprintf(pair.key, sizeof(pair.key), "%s/%s.key", folder, name);
    fill(certificate, &wish);
    X509_set_pubkey(certificate, key);
    sign(certificate, key, &wish);
    write_pair(&pair, certificate, key);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return pair;
}
