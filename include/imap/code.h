/* code.h - the response code in brackets behind OK, NO, BAD, PREAUTH, BYE.
 *
 * Source: RFC 9051 §7.1, RFC 4315 §3, RFC 5530 §3, RFC 7162, RFC 9738.
 */
#ifndef POPINJAY_IMAP_CODE_H
#define POPINJAY_IMAP_CODE_H

#include "base/attributes.h"
#include "base/span.h"

enum imap_code {
    IMAP_CODE_NONE,    /* no brackets */
    IMAP_CODE_UNKNOWN, /* brackets with something else in them */
    IMAP_CODE_ALERT,
    IMAP_CODE_ALREADYEXISTS,
    IMAP_CODE_AUTHENTICATIONFAILED,
    IMAP_CODE_AUTHORIZATIONFAILED,
    IMAP_CODE_CANNOT,
    IMAP_CODE_CAPABILITY, /* with capabilities */
    IMAP_CODE_CLIENTBUG,
    IMAP_CODE_CLOSED,
    IMAP_CODE_CONTACTADMIN,
    IMAP_CODE_COPYUID, /* with events of its own: IMAP_COPIED_UIDS */
    IMAP_CODE_CORRUPTION,
    IMAP_CODE_DOWNGRADED,
    IMAP_CODE_EXPIRED,
    IMAP_CODE_EXPUNGEISSUED,
    IMAP_CODE_HIGHESTMODSEQ, /* with number */
    IMAP_CODE_INUSE,
    IMAP_CODE_LIMIT,
    IMAP_CODE_MESSAGELIMIT, /* with number (limit) and second_number (lowest
                               UID done, 0 if not named): RFC 9738 §3 */
    IMAP_CODE_NOMODSEQ,
    IMAP_CODE_NONEXISTENT,
    IMAP_CODE_NOPERM,
    IMAP_CODE_OVERQUOTA,
    IMAP_CODE_PERMANENTFLAGS, /* with flags */
    IMAP_CODE_PRIVACYREQUIRED,
    IMAP_CODE_READ_ONLY,
    IMAP_CODE_READ_WRITE,
    IMAP_CODE_SERVERBUG,
    IMAP_CODE_THROTTLED, /* Gmail; PROVIDER_QUIRKS */
    IMAP_CODE_TRYCREATE,
    IMAP_CODE_UIDNEXT, /* with number */
    IMAP_CODE_UIDNOTSTICKY,
    IMAP_CODE_UIDVALIDITY, /* with number */
    IMAP_CODE_UNAVAILABLE,
    IMAP_CODE_COUNT,
};

/* In capitals; NULL for NONE and UNKNOWN. */
extern const char *const imap_code_names[IMAP_CODE_COUNT];

/* |name| in any case; IMAP_CODE_UNKNOWN where it is none of them. */
enum imap_code imap_code_from_name(struct span name);

#endif
