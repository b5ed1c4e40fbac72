/* mechanism.h - the ways in which a login can go upstream.
 *
 * Source: RFC 5802, RFC 7677 (SCRAM); RFC 4616; RFC 9051 §6.2.3 (the command
 * LOGIN); RFC 7628; XOAUTH2 as Google and Microsoft describe it.
 */
#ifndef POPINJAY_IMAP_MECHANISM_H
#define POPINJAY_IMAP_MECHANISM_H

#include <stdbool.h>

#include "base/attributes.h"
#include "base/span.h"

/* Those for a password, then those for a token, each the strongest first:
 * CONFORMANCE DEC-19.
 */
enum imap_mechanism {
    IMAP_MECHANISM_SCRAM_PLUS, /* bound to the TLS channel */
    IMAP_MECHANISM_SCRAM,
    IMAP_MECHANISM_PLAIN,
    IMAP_MECHANISM_LOGIN, /* the command of that name, not AUTHENTICATE */
    IMAP_MECHANISM_OAUTHBEARER,
    IMAP_MECHANISM_XOAUTH2,
    IMAP_MECHANISM_COUNT,
};

/* "SCRAM-SHA-256-PLUS": as it is written on the wire. */
const char *imap_mechanism_name(enum imap_mechanism m);

/* In any case of letters. False: there is none of that name. */
MUST_CHECK bool imap_mechanism_find(struct span name, enum imap_mechanism *m);

#endif
