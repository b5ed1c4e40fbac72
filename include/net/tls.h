/* tls.h - one TLS connection as a function of buffers.
 *
 * Ciphertext in, plaintext out, and the reverse; there is no socket here. The
 * caller brings what it received as a span and a buffer for what is to be
 * sent, so nothing is copied on the way but by the cipher itself.
 *
 * Each call clears OpenSSL's error queue first. After each call, failed ones
 * too, what was appended to |out| must be sent: it may be an alert.
 *
 * Memory: OpenSSL keeps at most one unfinished record, and gives its buffers
 *         back while nothing is under way.
 * Thread: one at a time.
 */
#ifndef POPINJAY_NET_TLS_H
#define POPINJAY_NET_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/span.h"
#include "net/address.h"
#include "net/tls_context.h"
#include "net/tls_resumption.h"

/* What one call of tls_write appends at most: a record of 16384 octets with
 * its header, tag and padding, and a key update before it. RFC 8446 §5.2.
 */
#define TLS_SEALED_MAX (16384 + 512)

enum tls_status {
    TLS_OK,
    TLS_MORE,            /* all of |in| is consumed and more is needed */
    TLS_END,             /* the peer's close_notify; reading is over */
    TLS_EFAILED = -1,    /* not TLS, no common ground, an alert, ... */
    TLS_EUNTRUSTED = -2, /* the server's certificate or its name */
    TLS_EMEMORY = -3,    /* also: |out| is full */
};

struct tls; /* opaque */

/* RFC 7301, IANA's registry of ALPN ids: CONFORMANCE TLS-12. */
#define TLS_ALPN_IMAP "imap"

/* NULL where there is no memory, or no valid name to verify. */
MUST_CHECK struct tls *tls_new_server(struct tls_context *context);

/* server_name  verified in the certificate: a host name, or an IP address that
 *              must stand there as one; names are sent as SNI too
 * alpn         what is offered, such as TLS_ALPN_IMAP; NULL: nothing
 * resumption   where sessions with this server are looked for and kept, and
 *              what was proven of it; outlives the connection. NULL: every
 *              session anew
 * address      the server's, as it was connected; not looked at without
 *              |resumption|
 */
MUST_CHECK struct tls *tls_new_client(struct tls_context *context,
                                      const char *server_name, const char *alpn,
                                      struct tls_resumption *resumption,
                                      const struct address_text *address);
void tls_free(struct tls *t);

/* Before it goes to another thread: sessions that the server still gives are
 * not kept any more, and |resumption| may go first.
 */
void tls_release_resumption(struct tls *t);

/* TLS_OK: done. TLS_MORE: call again with more octets. Errors stick, here and
 * in the other calls.
 */
MUST_CHECK enum tls_status tls_handshake(struct tls *t, struct span *in,
                                         struct buf *out);

/* Opens at most one record, after the handshake.
 *
 * in     [in,out] advanced past what was consumed
 * plain  [out]    |cap| octets at most
 * got    [out]    how many, with TLS_OK: never 0
 */
MUST_CHECK enum tls_status tls_read(struct tls *t, struct span *in,
                                    unsigned char *plain, size_t cap,
                                    size_t *got, struct buf *out);

/* True where tls_read has plaintext to give without any further input. */
bool tls_has_plain(const struct tls *t);

/* Seals one record from the front of |plain|, which is not empty; |out| has
 * TLS_SEALED_MAX of room.
 */
MUST_CHECK enum tls_status tls_write(struct tls *t, struct span *plain,
                                     struct buf *out);

/* Appends close_notify, once; nothing may be written afterwards. Does nothing
 * where the handshake is not done or the connection has failed.
 */
void tls_close_notify(struct tls *t, struct buf *out);

/* Why it failed, a constant text of OpenSSL's or ours; NULL: it did not. */
const char *tls_failure(const struct tls *t);

/* After the handshake: "TLSv1.3", "TLS_AES_256_GCM_SHA384". */
const char *tls_version_name(const struct tls *t);
const char *tls_cipher_name(const struct tls *t);
bool tls_is_resumed(const struct tls *t);
/* As a client: not resumed, but the certificates were verified lately. */
bool tls_is_proven_before(const struct tls *t);
enum tls_version tls_version_of(const struct tls *t);

/* As a client: the server's, also where the handshake failed because it is not
 * trusted; valid as long as |t|. NULL: it has not shown one.
 */
struct x509_st; /* OpenSSL's */
const struct x509_st *tls_server_certificate(const struct tls *t);

/* What binds a login to this connection, the same on both ends of it and of no
 * other: tls-exporter of RFC 9266. False: it is not TLS 1.3, before which that
 * is not safe to rely on (§4.2 there; CONFORMANCE IAUTH-8).
 */
#define TLS_BINDING_SIZE 32
MUST_CHECK bool tls_channel_binding(const struct tls *t,
                                    unsigned char binding[TLS_BINDING_SIZE]);

/* As a server: the client asked for a name that no certificate of ours covers:
 * CONFORMANCE TLS-13.
 */
bool tls_name_is_unmatched(const struct tls *t);

#endif
