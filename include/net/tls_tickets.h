/* tls_tickets.h - the keys under which sessions of clients are sealed.
 *
 * A session ticket holds the session itself, so that nothing is remembered here
 * and any process that has the key can resume it. Whoever gets hold of a key
 * can read what TLS 1.2 carried in the sessions under it, and pose as us to
 * those who would resume one; so keys change, and tickets die before them:
 *
 *   without a file  a random key, made at start and known to this process only,
 *                   is replaced every TLS_TICKET_KEY_PERIOD_MS. The one before
 *                   still opens tickets until the last of them has expired
 *   with a file     its first key seals, all of them open. It is looked at once
 *                   in TLS_TICKET_FILE_LOOK_MS at most, and read where it has
 *                   changed; one that cannot be used leaves the keys as they
 *                   are. Machines with the same file resume each other's
 *                   sessions
 *
 * Both happen when a key is asked for: an idle process does nothing.
 *
 * Source: RFC 5077 §4, §5.5; RFC 8446 §4.6.1, §C.4; RFC 9325 §3.4 (a ticket is
 *         valid for half as long as its key).
 * Thread: any; one table serves all contexts of a process.
 */
#ifndef POPINJAY_NET_TLS_TICKETS_H
#define POPINJAY_NET_TLS_TICKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "net/tls_ticket_file.h"

struct ssl_ctx_st; /* OpenSSL's */

#define TLS_TICKET_LIFETIME_MS (2 * 3600 * 1000)
#define TLS_TICKET_KEY_PERIOD_MS (2 * TLS_TICKET_LIFETIME_MS)
#define TLS_TICKET_FILE_LOOK_MS (60 * 1000)

struct tls_tickets; /* opaque */

/* Told what is wrong with a file that has changed, as `FILE: what is wrong`, on
 * the thread that asked for a key.
 */
typedef void tls_tickets_report(const char *problem);

/* file    NULL: random keys
 * report  needed with a file only
 *
 * On failure the result is NULL and one line stands in |error|.
 */
MUST_CHECK struct tls_tickets *tls_tickets_new(const char *file,
                                               tls_tickets_report *report,
                                               char *error, size_t error_size);

/* Counted: whoever made it is the first holder, the last one frees it, after
 * the last context that uses it. NULL is fine for release.
 */
void tls_tickets_hold(struct tls_tickets *t);
void tls_tickets_release(struct tls_tickets *t);

/* Has |ssl| give out and take tickets under these keys, one a handshake. */
MUST_CHECK bool tls_tickets_serve(struct tls_tickets *t,
                                  struct ssl_ctx_st *ssl);

/* The two below are for the above and for tests; |now_ms| is the time of
 * CLOCK_MONOTONIC. |key| is a copy: the caller wipes it.
 */
void tls_tickets_sealing_key(struct tls_tickets *t, uint64_t now_ms,
                             struct tls_ticket_key *key);

enum tls_ticket_age {
    TLS_TICKET_UNKNOWN, /* |key| is not written */
    TLS_TICKET_CURRENT,
    TLS_TICKET_OLD, /* good, but to be replaced by one under the newest key */
};

MUST_CHECK enum tls_ticket_age tls_tickets_opening_key(
    struct tls_tickets *t, const unsigned char name[TLS_TICKET_KEY_NAME_SIZE],
    uint64_t now_ms, struct tls_ticket_key *key);

#endif
