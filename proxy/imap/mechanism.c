/* mechanism.c - see mechanism.h. */
#include "imap/mechanism.h"

#include <assert.h>

static const char *const names[IMAP_MECHANISM_COUNT] = {
    [IMAP_MECHANISM_SCRAM_PLUS] = "SCRAM-SHA-256-PLUS",
    [IMAP_MECHANISM_SCRAM] = "SCRAM-SHA-256",
    [IMAP_MECHANISM_PLAIN] = "PLAIN",
    [IMAP_MECHANISM_LOGIN] = "LOGIN",
    [IMAP_MECHANISM_OAUTHBEARER] = "OAUTHBEARER",
    [IMAP_MECHANISM_XOAUTH2] = "XOAUTH2",
};

const char *imap_mechanism_name(enum imap_mechanism m)
{
    assert(m < IMAP_MECHANISM_COUNT);
    return names[m];
}

bool imap_mechanism_find(struct span name, enum imap_mechanism *m)
{
    for (unsigned i = 0; i < IMAP_MECHANISM_COUNT; i++) {
        if (span_equals_nocase(name, span_from_string(names[i]))) {
            *m = (enum imap_mechanism)i;
            return true;
        }
    }
    return false;
}
