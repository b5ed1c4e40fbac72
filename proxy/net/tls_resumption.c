#include "net/tls_resumption.h"

#include <assert.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

#include "base/limits.h"

struct kept {
    SSL_SESSION *session;
    int64_t verified_s;
};

struct tls_peer {
    struct tls_peer *next; /* utlist */
    struct tls_peer *prev;
    unsigned holders;
    SSL_CTX *context; /* a reference: no other may get its address */
    struct address_text address;
    char *server_name;
    size_t count;
    struct kept kept[TLS_PEER_SESSIONS_MAX]; /* the oldest first */
};

/* --- places --- */

static void peer_free(struct tls_peer *p)
{
    assert(p->holders == 0);
    tls_peer_forget(p);
    SSL_CTX_free(p->context);
    free(p->server_name);
    free(p);
}

static struct tls_peer *peer_new(SSL_CTX *context, const char *server_name,
                                 const struct address_text *address)
{
    struct tls_peer *p = calloc(1, sizeof(*p));

    if (p == NULL)
        return NULL;
    p->server_name = strdup(server_name);
    if (p->server_name == NULL || SSL_CTX_up_ref(context) != 1) {
        free(p->server_name);
        free(p);
        return NULL;
    }
    p->context = context;
    p->address = *address;
    return p;
}

static struct tls_peer *find(struct tls_resumption *r, const SSL_CTX *context,
                             const char *server_name,
                             const struct address_text *address)
{
    struct tls_peer *p;

    DL_FOREACH (r->peers, p) {
        if (p->context == context && p->address.port == address->port &&
            strcmp(p->address.host, address->host) == 0 &&
            strcmp(p->server_name, server_name) == 0)
            return p;
    }
    return NULL;
}

/* Of the places that nobody holds, the one asked for the longest time ago. */
static bool make_room(struct tls_resumption *r)
{
    struct tls_peer *p;
    struct tls_peer *oldest = NULL;

    if (r->count < TLS_PEERS_MAX)
        return true;
    DL_FOREACH (r->peers, p) {
        if (p->holders == 0)
            oldest = p;
    }
    if (oldest == NULL)
        return false;
    DL_DELETE(r->peers, oldest);
    r->count--;
    peer_free(oldest);
    return true;
}

struct tls_peer *tls_resumption_hold(struct tls_resumption *r,
                                     struct ssl_ctx_st *context,
                                     const char *server_name,
                                     const struct address_text *address)
{
    struct tls_peer *p = find(r, context, server_name, address);

    if (p != NULL) {
        DL_DELETE(r->peers, p);
    } else {
        if (address->host[0] == '\0' || !make_room(r))
            return NULL;
        p = peer_new(context, server_name, address);
        if (p == NULL)
            return NULL;
        r->count++;
    }
    DL_PREPEND(r->peers, p);
    p->holders++;
    return p;
}

void tls_peer_release(struct tls_peer *p)
{
    assert(p->holders > 0);
    p->holders--;
}

void tls_resumption_fini(struct tls_resumption *r)
{
    struct tls_peer *p;
    struct tls_peer *next;

    DL_FOREACH_SAFE (r->peers, p, next) {
        DL_DELETE(r->peers, p);
        peer_free(p);
    }
    r->count = 0;
}

/* --- sessions --- */

/* A ticket's own lifetime, where the server named one: RFC 8446 §4.6.1, RFC
 * 5077 §5.6 (0 says nothing); else OpenSSL's idea of it.
 */
static int64_t expires_s(const SSL_SESSION *session)
{
    int64_t hint = (int64_t)SSL_SESSION_get_ticket_lifetime_hint(session);
    int64_t lasts = hint > 0 ? hint : SSL_SESSION_get_timeout(session);

    return SSL_SESSION_get_time(session) + lasts;
}

static bool is_good(const struct kept *k, int64_t now_s)
{
    return SSL_SESSION_is_resumable(k->session) == 1 &&
           now_s < expires_s(k->session) &&
           now_s < k->verified_s + TLS_TRUST_MAX_S;
}

static void drop(struct tls_peer *p, size_t i)
{
    SSL_SESSION_free(p->kept[i].session);
    p->count--;
    memmove(&p->kept[i], &p->kept[i + 1], (p->count - i) * sizeof(p->kept[0]));
}

struct ssl_session_st *tls_peer_take(struct tls_peer *p, int64_t now_s,
                                     int64_t *verified_s)
{
    struct kept newest;

    for (size_t i = p->count; i-- > 0;)
        if (!is_good(&p->kept[i], now_s))
            drop(p, i);
    if (p->count == 0)
        return NULL;
    newest = p->kept[p->count - 1];
    *verified_s = newest.verified_s;
    /* Not only another reference: OpenSSL resumes with an object but once. */
    if (p->count == 1)
        return SSL_SESSION_dup(newest.session);
    p->count--;
    return newest.session;
}

void tls_peer_put(struct tls_peer *p, struct ssl_session_st *session,
                  int64_t verified_s)
{
    if (p->count == TLS_PEER_SESSIONS_MAX)
        drop(p, 0);
    p->kept[p->count++] = (struct kept){ session, verified_s };
}

void tls_peer_forget(struct tls_peer *p)
{
    while (p->count > 0)
        drop(p, p->count - 1);
}

/* --- one connection --- */

void tls_lease_begin(struct tls_lease *lease, struct tls_peer *peer,
                     struct tls_proofs *proofs, struct ssl_st *ssl,
                     int64_t now_s)
{
    SSL_SESSION *session;

    *lease = (struct tls_lease){ .peer = peer, .proofs = proofs };
    SSL_set_app_data(ssl, lease);
    if (peer == NULL)
        return;
    session = tls_peer_take(peer, now_s, &lease->verified_s);
    if (session == NULL)
        return;
    /* Where it does not fit, the handshake is simply a whole one. */
    lease->offered = SSL_set_session(ssl, session) == 1;
    SSL_SESSION_free(session);
}

/* Where the server would not have the session that it was offered, it has lost
 * the key to the others of that time as well.
 */
int tls_lease_on_session(struct ssl_st *ssl, struct ssl_session_st *session)
{
    struct tls_lease *lease = SSL_get_app_data(ssl);
    bool resumed = SSL_session_reused(ssl) == 1;

    if (lease == NULL || lease->peer == NULL)
        return 0; /* not taken: OpenSSL frees it */
    if (lease->offered && !resumed)
        tls_peer_forget(lease->peer);
    lease->offered = false;
    tls_peer_put(lease->peer, session, lease->verified_s);
    return 1;
}

/* Else one proof would be good for two times TLS_TRUST_MAX_S: a session that
 * comes of it is as old as the proof.
 */
static bool find_proof(struct tls_lease *lease, const struct tls_proof_key *key,
                       int64_t now_s)
{
    const struct tls_proof *proof = tls_proofs_find(lease->proofs, key, now_s);

    if (proof == NULL)
        return false;
    lease->verified_s = proof->verified_s;
    lease->proven = true;
    return true;
}

/* OpenSSL forgets it, and a person may want to see why. */
static void keep_refused(struct tls_lease *lease, X509_STORE_CTX *chain)
{
    X509 *shown = X509_STORE_CTX_get0_cert(chain);

    if (lease->refused == NULL && shown != NULL && X509_up_ref(shown) == 1)
        lease->refused = shown;
}

int tls_lease_on_verify(struct x509_store_ctx_st *chain, void *trust)
{
    const SSL *ssl =
        X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_lease *lease = SSL_get_app_data(ssl);
    int64_t now_s = time(NULL);
    struct tls_proof_key key;
    bool can_be_proven =
        lease->proofs != NULL &&
        tls_proof_key_make(chain, *(const uint64_t *)trust, &key);

    if (can_be_proven && find_proof(lease, &key, now_s)) {
        X509_STORE_CTX_set_error(chain, X509_V_OK);
        return 1;
    }
    if (X509_verify_cert(chain) != 1) {
        keep_refused(lease, chain);
        return 0;
    }
    lease->verified_s = now_s;
    if (can_be_proven)
        tls_proofs_keep(lease->proofs, &key, chain, now_s);
    return 1;
}

void tls_lease_end(struct tls_lease *lease, bool failed)
{
    lease->proofs = NULL;
    X509_free(lease->refused);
    lease->refused = NULL;
    if (lease->peer == NULL)
        return;
    if (failed && lease->offered)
        tls_peer_forget(lease->peer);
    tls_peer_release(lease->peer);
    lease->peer = NULL;
}
