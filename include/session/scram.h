/* scram.h - SCRAM-SHA-256 as a client: its four messages.
 *
 *     scram_begin       the first of ours
 *     scram_take_first  the server's; what it asks for is then |work|
 *     scram_write_final the second of ours, with the proof that was made of it
 *     scram_take_final  the server's: does it know the password as well?
 *
 * Pure: randomness, the channel and the keys, which take the time of thousands
 * of hashes, come from outside. Nothing is computed for a server before what it
 * asks for is found to be within bounds.
 *
 * Source: RFC 5802 §3, §5 to §7; RFC 7677; RFC 9266; CONFORMANCE IAUTH-4 to 8.
 */
#ifndef POPINJAY_SESSION_SCRAM_H
#define POPINJAY_SESSION_SCRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/span.h"
#include "session/credentials.h"
#include "session/fault.h"

#define SCRAM_KEY_SIZE 32     /* of SHA-256 */
#define SCRAM_BINDING_SIZE 32 /* RFC 9266 §2 */
#define SCRAM_NONCE_SIZE 33   /* with the end of the string */

/* What a connection brings along, for one exchange. */
struct scram_channel {
    char nonce
        [SCRAM_NONCE_SIZE]; /* fresh, printable, without commas; "": none */
    bool has_binding;       /* TLS 1.3 */
    unsigned char binding[SCRAM_BINDING_SIZE]; /* tls-exporter */
};

/* What is said of the channel: RFC 5802 §6. */
enum scram_binding {
    SCRAM_UNBOUND,  /* n: it cannot be, or is not to be */
    SCRAM_BINDABLE, /* y: it could be, and the server does not offer it */
    SCRAM_BOUND,    /* p: the proof holds for this channel only */
};

/* What the proof is made of; valid as long as the exchange, and as the secret of
 * its credentials.
 */
struct scram_work {
    struct span password;
    struct span salt;
    uint32_t iterations;
    struct span message; /* AuthMessage */
};

struct scram_proof {
    enum fault fault;                     /* FAULT_NONE; or why there is none */
    unsigned char client[SCRAM_KEY_SIZE]; /* ClientProof */
    unsigned char server[SCRAM_KEY_SIZE]; /* ServerSignature */
};

enum scram_status {
    SCRAM_OK,
    SCRAM_REFUSED, /* e=: the server says why */
    SCRAM_EFORM = -1,
    SCRAM_ENONCE = -2,      /* it is none that begins with ours */
    SCRAM_EEXTENSION = -3,  /* m=: one that we must know, and do not */
    SCRAM_EITERATIONS = -4, /* too few to protect, or too many to be honest */
    SCRAM_ESIGNATURE = -5,  /* the server does not know the password */
    SCRAM_EMEMORY = -6,
};

struct scram {
    struct scram_channel channel;
    struct buf header;  /* GS2's: the binding, and whom to act as */
    struct buf message; /* AuthMessage, as far as it is known */
    size_t final_at;    /* where the last of ours begins in it */
    struct buf salt;
    uint32_t iterations;
    unsigned char server[SCRAM_KEY_SIZE]; /* the signature that is awaited */
};

/* NULL is fine. */
void scram_free(struct scram *s);

/* Appends the first message to |out|, where failure sticks. NULL: no memory. */
MUST_CHECK struct scram *scram_begin(const struct scram_channel *channel,
                                     enum scram_binding binding,
                                     const struct credentials *c,
                                     struct buf *out);

/* With anything but SCRAM_OK the exchange is to be given up. */
MUST_CHECK enum scram_status scram_take_first(struct scram *s,
                                              struct span message);

/* Behind that; without the password. */
struct scram_work scram_work(const struct scram *s);

/* Appends the last message; failure sticks in |out|. */
void scram_write_final(struct scram *s, const struct scram_proof *proof,
                       struct buf *out);

/* |error| is written with SCRAM_REFUSED: a word of RFC 5802 §7, within |message|.
 */
MUST_CHECK enum scram_status scram_take_final(struct scram *s,
                                              struct span message,
                                              struct span *error);

/* What is wrong, for the log, and what that is to a session; what the word of a
 * server is to it.
 */
const char *scram_status_text(enum scram_status status);
enum fault scram_status_fault(enum scram_status status);
enum fault scram_error_fault(struct span error);

#endif
