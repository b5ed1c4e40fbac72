/* certificate_text.h - a peer's certificate in words, for a person who looks
 * why it is not trusted, or when it will not be any more.
 *
 * Source: RFC 5280 §4.1.2, §4.2.1.6.
 */
#ifndef POPINJAY_NET_CERTIFICATE_TEXT_H
#define POPINJAY_NET_CERTIFICATE_TEXT_H

#include "base/attributes.h"
#include "base/buf.h"

struct x509_st; /* OpenSSL's */

/* Appends lines `  subject     ...`: subject, issuer, names (DNS and addresses),
 * expires. Control octets and what is not ASCII are escaped. False where |out|
 * is or becomes failed, or there is no memory.
 */
MUST_CHECK bool certificate_text_write(const struct x509_st *certificate,
                                       struct buf *out);

#endif
