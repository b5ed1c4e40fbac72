/* capability.c - the names that we know, and what IMAP4rev2 implies. */
#include "imap/capability.h"

static const char *const names[IMAP_CAP_COUNT] = {
    [IMAP_CAP_IMAP4REV1] = "IMAP4rev1",
    [IMAP_CAP_IMAP4REV2] = "IMAP4rev2",
    [IMAP_CAP_STARTTLS] = "STARTTLS",
    [IMAP_CAP_LOGINDISABLED] = "LOGINDISABLED",
    [IMAP_CAP_AUTH_PLAIN] = "AUTH=PLAIN",
    [IMAP_CAP_AUTH_SCRAM] = "AUTH=SCRAM-SHA-256",
    [IMAP_CAP_AUTH_SCRAM_PLUS] = "AUTH=SCRAM-SHA-256-PLUS",
    [IMAP_CAP_AUTH_OAUTHBEARER] = "AUTH=OAUTHBEARER",
    [IMAP_CAP_AUTH_XOAUTH2] = "AUTH=XOAUTH2",
    [IMAP_CAP_SASL_IR] = "SASL-IR",
    [IMAP_CAP_LITERAL_PLUS] = "LITERAL+",
    [IMAP_CAP_LITERAL_MINUS] = "LITERAL-",
    [IMAP_CAP_UIDPLUS] = "UIDPLUS",
    [IMAP_CAP_ID] = "ID",
    [IMAP_CAP_UTF8_ONLY] = "UTF8=ONLY",
    [IMAP_CAP_CONDSTORE] = "CONDSTORE",
    [IMAP_CAP_QRESYNC] = "QRESYNC",
    [IMAP_CAP_MOVE] = "MOVE",
    [IMAP_CAP_LIST_EXTENDED] = "LIST-EXTENDED",
    [IMAP_CAP_SPECIAL_USE] = "SPECIAL-USE",
    [IMAP_CAP_ESEARCH] = "ESEARCH",
    [IMAP_CAP_WITHIN] = "WITHIN",
    [IMAP_CAP_GMAIL] = "X-GM-EXT-1",
};

void imap_capabilities_add(struct imap_capabilities *set, struct span name)
{
    for (unsigned i = 0; i < IMAP_CAP_COUNT; i++) {
        if (span_equals_nocase(name, span_from_string(names[i])))
            set->bits |= BIT(i);
    }
}

const char *imap_capability_name(enum imap_capability c)
{
    return names[c];
}

bool imap_capabilities_have(struct imap_capabilities set,
                            enum imap_capability c)
{
    return (set.bits & BIT(c)) != 0;
}

struct imap_capabilities imap_capabilities_complete(
    struct imap_capabilities set)
{
    /* With both revisions offered the server behaves as the first until it
     * is told otherwise (RFC 9051 §6.3.1), which we never do.
     */
    if (imap_capabilities_have(set, IMAP_CAP_IMAP4REV2) &&
        !imap_capabilities_have(set, IMAP_CAP_IMAP4REV1))
        set.bits |= BIT(IMAP_CAP_SASL_IR) | BIT(IMAP_CAP_LITERAL_MINUS) |
                    BIT(IMAP_CAP_UIDPLUS) | BIT(IMAP_CAP_MOVE) |
                    BIT(IMAP_CAP_LIST_EXTENDED) | BIT(IMAP_CAP_ESEARCH);
    if (imap_capabilities_have(set, IMAP_CAP_QRESYNC))
        set.bits |= BIT(IMAP_CAP_CONDSTORE);
    return set;
}
