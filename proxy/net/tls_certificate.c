#include "net/tls_certificate.h"

#include <assert.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

/* What does not fit is cut. */
static void copy_name(const ASN1_STRING *from, char *name)
{
    const unsigned char *data = ASN1_STRING_get0_data(from);
    size_t length = (size_t)ASN1_STRING_length(from);

    if (length > TLS_CERTIFICATE_NAME_MAX)
        length = TLS_CERTIFICATE_NAME_MAX;
    for (size_t i = 0; i < length; i++)
        name[i] = data[i] > 0x20 && data[i] < 0x7f ? (char)data[i] : '?';
    name[length] = '\0';
}

static void find_host_name(X509 *x, char *name)
{
    GENERAL_NAMES *all = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);

    for (int i = 0; name[0] == '\0' && i < sk_GENERAL_NAME_num(all); i++) {
        const GENERAL_NAME *one = sk_GENERAL_NAME_value(all, i);

        if (one->type == GEN_DNS)
            copy_name(one->d.dNSName, name);
    }
    GENERAL_NAMES_free(all);
}

static void find_common_name(X509 *x, char *name)
{
    const X509_NAME *subject = X509_get_subject_name(x);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

    if (at >= 0)
        copy_name(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)),
                  name);
}

int64_t tls_certificate_end(const struct x509_st *certificate)
{
    struct tm end;

    if (certificate == NULL ||
        ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1)
        return 0;
    return timegm(&end);
}

size_t tls_context_certificates(const struct tls_context *context)
{
    return 1 + context->other_count;
}

struct tls_certificate tls_context_certificate(
    const struct tls_context *context, size_t i)
{
    struct tls_certificate c = { .name = "" };
    X509 *x;

    assert(i < tls_context_certificates(context));
    x = SSL_CTX_get0_certificate(i == 0 ? context->ssl
                                        : context->others[i - 1]);
    find_host_name(x, c.name);
    if (c.name[0] == '\0')
        find_common_name(x, c.name);
    c.not_after_s = tls_certificate_end(x);
    return c;
}
