/* capability.h - what an IMAP server says it can do.
 *
 * Source: RFC 9051 §7.2.2, RFC 3501 §7.2.1. Unknown names are ignored.
 */
#ifndef POPINJAY_IMAP_CAPABILITY_H
#define POPINJAY_IMAP_CAPABILITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/span.h"

enum imap_capability {
    IMAP_CAP_IMAP4REV1,
    IMAP_CAP_IMAP4REV2,
    IMAP_CAP_STARTTLS,
    IMAP_CAP_LOGINDISABLED,
    IMAP_CAP_AUTH_PLAIN,
    IMAP_CAP_AUTH_SCRAM,       /* SCRAM-SHA-256: RFC 7677 */
    IMAP_CAP_AUTH_SCRAM_PLUS,  /* ... bound to the TLS channel */
    IMAP_CAP_AUTH_OAUTHBEARER, /* RFC 7628 */
    IMAP_CAP_AUTH_XOAUTH2,     /* its forerunner */
    IMAP_CAP_SASL_IR,          /* RFC 4959 */
    IMAP_CAP_LITERAL_PLUS,     /* RFC 7888 */
    IMAP_CAP_LITERAL_MINUS,    /* RFC 7888 */
    IMAP_CAP_UIDPLUS,          /* RFC 4315 */
    IMAP_CAP_ID,               /* RFC 2971 */
    IMAP_CAP_UTF8_ONLY,        /* RFC 6855 §6 */
    IMAP_CAP_CONDSTORE,        /* RFC 7162 */
    IMAP_CAP_QRESYNC,          /* RFC 7162 */
    IMAP_CAP_MOVE,             /* RFC 6851 */
    IMAP_CAP_LIST_EXTENDED,    /* RFC 5258 */
    IMAP_CAP_SPECIAL_USE,      /* RFC 6154 */
    IMAP_CAP_ESEARCH,          /* RFC 4731 */
    IMAP_CAP_WITHIN,           /* RFC 5032 */
    IMAP_CAP_GMAIL,            /* X-GM-EXT-1: messages have an X-GM-MSGID */
    IMAP_CAP_COUNT,
};

/* A set: one BIT(enum imap_capability) each. */
struct imap_capabilities {
    uint32_t bits;
};

/* Adds what |name| (one word of the list, any case) stands for. */
void imap_capabilities_add(struct imap_capabilities *set, struct span name);

/* "UIDPLUS": as servers write it. */
const char *imap_capability_name(enum imap_capability c);

bool imap_capabilities_have(struct imap_capabilities set,
                            enum imap_capability c);

/* What IMAP4rev2 includes without naming it (RFC 9051 Appendix E): SASL-IR,
 * LITERAL-, UIDPLUS, MOVE, LIST-EXTENDED, ESEARCH count as present then. Where
 * IMAP4rev1 is offered beside it nothing is added: that server behaves as rev1
 * until ENABLE, which is never sent (CONFORMANCE IEXT-7). And QRESYNC includes
 * CONDSTORE (RFC 7162 §3.2.1).
 */
struct imap_capabilities imap_capabilities_complete(
    struct imap_capabilities set);

#endif
