/* tls_certificate.h - what an operator wants to know of a certificate that is
 * shown to clients, or by a server.
 *
 * Source: RFC 5280 §4.1.2.5 (validity), §4.2.1.6 (subjectAltName).
 */
#ifndef POPINJAY_NET_TLS_CERTIFICATE_H
#define POPINJAY_NET_TLS_CERTIFICATE_H

#include <stddef.h>
#include <stdint.h>

#include "net/tls_context.h"

#define TLS_CERTIFICATE_NAME_MAX 255 /* RFC 1035 §3.1 */

struct tls_certificate {
    /* The first host name that it is for, or else its common name; "" where it
     * has neither. Printable ASCII: all other octets are shown as '?'.
     */
    char name[TLS_CERTIFICATE_NAME_MAX + 1];
    int64_t not_after_s; /* Unix time */
};

/* When it ends, Unix time; 0: that is not to be read. |certificate| may be NULL,
 * which has no end either.
 */
struct x509_st; /* OpenSSL's */
int64_t tls_certificate_end(const struct x509_st *certificate);

/* How many a server's context shows: the first one is for those that ask for
 * no name.
 */
size_t tls_context_certificates(const struct tls_context *context);

/* |i| is below that. */
struct tls_certificate tls_context_certificate(
    const struct tls_context *context, size_t i);

#endif
