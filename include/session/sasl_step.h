/* sasl_step.h - the owner's answer to one message of a SASL exchange that needs
 * what only it keeps: the stored keys of accounts.
 *
 * Source: RFC 5034 §4; RFC 2195 §2; RFC 5802 §3.
 */
#ifndef POPINJAY_SESSION_SASL_STEP_H
#define POPINJAY_SESSION_SASL_STEP_H

#include "base/span.h"
#include "session/fault.h"

enum sasl_status {
    SASL_CHALLENGE, /* |text| goes to the client, whose answer is to come */
    SASL_PROVEN,    /* it is |user|; |text|, if any, goes to the client first */
    SASL_CLAIMED,   /* it says that it is |user|, which |digest| is to show: a
                       login by SECRET_CRAM_MD5 */
    SASL_FAILED,    /* |fault|, FAULT_CREDENTIALS mostly */
};

struct sasl_step {
    enum sasl_status status;
    struct span text;   /* not in base64, and empty at FAILED */
    struct span user;   /* PROVEN, CLAIMED; FAILED: as far as it is known, for
                         the log */
    struct span digest; /* CLAIMED */
    enum fault fault;   /* FAILED */
};

#endif
