/* x509.h - throw-away keys and certificates for tests of TLS. */
#ifndef POPINJAY_TESTS_SUPPORT_X509_H
#define POPINJAY_TESTS_SUPPORT_X509_H

#include <limits.h>
#include <stdbool.h>

struct x509_pair {
    char certificate[PATH_MAX]; /* path, PEM */
    char key[PATH_MAX];
};

struct x509_wish {
    const char *common_name;
    const char *alternative_names; /* "DNS:a.example,IP:192.0.2.1"; or NULL */
    bool authority;
    int days_left;                  /* negative: it has expired */
    const struct x509_pair *issuer; /* NULL: self-signed */
};

/* Makes NAME.pem and NAME.key in |folder|; ends the process where it cannot. */
struct x509_pair x509_make(const char *folder, const char *name,
                           struct x509_wish wish);

#endif
