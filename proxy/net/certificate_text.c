#include "net/certificate_text.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <time.h>

#include "base/datetime.h"

#define SECONDS_A_DAY (24 * 60 * 60)

static const unsigned long escaping =
    ASN1_STRFLGS_ESC_CTRL | ASN1_STRFLGS_ESC_MSB | ASN1_STRFLGS_UTF8_CONVERT;

static void write_distinguished(BIO *to, const char *key, const X509_NAME *name)
{
    (void)BIO_printf(to, "  %-12s", key);
    (void)X509_NAME_print_ex(to, name, 0, XN_FLAG_ONELINE & ~XN_FLAG_SPC_EQ);
    (void)BIO_puts(to, "\n");
}

static void write_address(BIO *to, const ASN1_OCTET_STRING *address)
{
    int family = ASN1_STRING_length(address) == 4 ? AF_INET : AF_INET6;
    int wanted = family == AF_INET ? 4 : 16;
    char text[INET6_ADDRSTRLEN];

    if (ASN1_STRING_length(address) == wanted &&
        inet_ntop(family, ASN1_STRING_get0_data(address), text, sizeof(text)) !=
            NULL)
        (void)BIO_puts(to, text);
}

/* RFC 9525 §6.3: what a client compares with is here and nowhere else. */
static void write_names(BIO *to, const X509 *x)
{
    GENERAL_NAMES *all = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);

    (void)BIO_printf(to, "  %-12s", "names");
    for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
        const GENERAL_NAME *one = sk_GENERAL_NAME_value(all, i);

        (void)BIO_puts(to, i > 0 ? " " : "");
        if (one->type == GEN_DNS)
            (void)ASN1_STRING_print_ex(to, one->d.dNSName, escaping);
        else if (one->type == GEN_IPADD)
            write_address(to, one->d.iPAddress);
    }
    (void)BIO_puts(to, all == NULL ? "none\n" : "\n");
    GENERAL_NAMES_free(all);
}

static void write_end(BIO *to, const X509 *x)
{
    char text[DATETIME_RFC3339_LEN + 1];
    struct tm end;
    int64_t end_s;

    if (ASN1_TIME_to_tm(X509_get0_notAfter(x), &end) != 1)
        return;
    end_s = timegm(&end);
    datetime_write_rfc3339(end_s > 0 ? (uint64_t)end_s * 1000 : 0, text);
    (void)BIO_printf(to, "  %-12s%s, in %lld days\n", "expires", text,
                     (long long)((end_s - time(NULL)) / SECONDS_A_DAY));
}

bool certificate_text_write(const struct x509_st *certificate, struct buf *out)
{
    BIO *to = BIO_new(BIO_s_mem());
    char *text;
    long length;
    bool good;

    if (to == NULL)
        return false;
    write_distinguished(to, "subject", X509_get_subject_name(certificate));
    write_distinguished(to, "issuer", X509_get_issuer_name(certificate));
    write_names(to, certificate);
    write_end(to, certificate);
    length = BIO_get_mem_data(to, &text);
    good = length > 0 && buf_append(out, span_make(text, (size_t)length));
    BIO_free(to);
    return good;
}
