#include "net/tls_tickets.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "net/file_stamp.h"

#define PROBLEM_MAX 512

struct tls_tickets {
    atomic_uint holders;
    pthread_mutex_t mutex; /* of what changes: keys, since_ms, seen */
    struct tls_ticket_keys keys;
    uint64_t since_ms;      /* the first key seals; the file was looked at */
    char *file;             /* NULL: random keys */
    struct file_stamp seen; /* of the file, when it was looked at */
    tls_tickets_report *report;
    EVP_CIPHER *cipher; /* looked up once: that takes a lock of OpenSSL's */
};

static uint64_t clock_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- with the mutex held --- */

/* The new key first, the one before it behind, and no third. */
static bool push_random_key(struct tls_ticket_keys *keys)
{
    struct tls_ticket_key fresh;

    if (RAND_priv_bytes((unsigned char *)&fresh, sizeof(fresh)) != 1)
        return false;
    keys->at[1] = keys->at[0];
    keys->at[0] = fresh;
    keys->count = keys->count == 0 ? 1 : 2;
    OPENSSL_cleanse(&fresh, sizeof(fresh));
    return true;
}

/* Without randomness, which is no more than a thought, the key stays. */
static void rotate(struct tls_tickets *t, uint64_t now_ms)
{
    if (now_ms >= t->since_ms + TLS_TICKET_KEY_PERIOD_MS) {
        if (push_random_key(&t->keys))
            t->since_ms = now_ms;
    } else if (t->keys.count > 1 &&
               now_ms >= t->since_ms + TLS_TICKET_LIFETIME_MS) {
        OPENSSL_cleanse(&t->keys.at[1], sizeof(t->keys.at[1]));
        t->keys.count = 1;
    }
}

/* A file that is no good is read again only once it has changed again, so that
 * it is complained of once. False: |problem| is set.
 */
static bool look_at_file(struct tls_tickets *t, uint64_t now_ms, char *problem)
{
    struct file_stamp now;

    if (now_ms < t->since_ms + TLS_TICKET_FILE_LOOK_MS)
        return true;
    t->since_ms = now_ms;
    now = file_stamp_of(t->file);
    if (file_stamp_equals(&now, &t->seen))
        return true;
    t->seen = now;
    return tls_ticket_file_read(t->file, &t->keys, problem, PROBLEM_MAX);
}

/* --- asked for a key --- */

/* Locks, and sees to it that the keys are those of now. */
static bool enter(struct tls_tickets *t, uint64_t now_ms, char *problem)
{
    pthread_mutex_lock(&t->mutex);
    if (t->file != NULL)
        return look_at_file(t, now_ms, problem);
    rotate(t, now_ms);
    return true;
}

static void leave(struct tls_tickets *t, bool fine, const char *problem)
{
    pthread_mutex_unlock(&t->mutex);
    if (!fine)
        t->report(problem);
}

void tls_tickets_sealing_key(struct tls_tickets *t, uint64_t now_ms,
                             struct tls_ticket_key *key)
{
    char problem[PROBLEM_MAX];
    bool fine = enter(t, now_ms, problem);

    *key = t->keys.at[0];
    leave(t, fine, problem);
}

enum tls_ticket_age tls_tickets_opening_key(
    struct tls_tickets *t, const unsigned char name[TLS_TICKET_KEY_NAME_SIZE],
    uint64_t now_ms, struct tls_ticket_key *key)
{
    enum tls_ticket_age age = TLS_TICKET_UNKNOWN;
    char problem[PROBLEM_MAX];
    bool fine = enter(t, now_ms, problem);

    for (size_t i = 0; i < t->keys.count; i++) {
        if (memcmp(t->keys.at[i].name, name, TLS_TICKET_KEY_NAME_SIZE) != 0)
            continue;
        *key = t->keys.at[i];
        age = i == 0 ? TLS_TICKET_CURRENT : TLS_TICKET_OLD;
        break;
    }
    leave(t, fine, problem);
    return age;
}

/* --- OpenSSL's question: SSL_CTX_set_tlsext_ticket_key_evp_cb(3) --- */

enum answer {
    ANSWER_FAILED = -1, /* ends the handshake */
    ANSWER_UNKNOWN = 0, /* a whole handshake, then */
    ANSWER_GOOD = 1,
    ANSWER_RENEW = 2, /* good, and a new ticket is due */
};

static bool key_mac(EVP_MAC_CTX *mac, struct tls_ticket_key *key)
{
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac,
                                          sizeof(key->mac)),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };

    return EVP_MAC_CTX_set_params(mac, params) == 1;
}

/* TLS 1.3 gets a new ticket each time: one that is used twice tells whoever
 * listens that it is the same client. RFC 8446 §C.4.
 */
static enum answer open_with(struct tls_tickets *t, bool once,
                             const unsigned char *name,
                             struct tls_ticket_key *key)
{
    switch (tls_tickets_opening_key(t, name, clock_ms(), key)) {
    case TLS_TICKET_UNKNOWN:
        return ANSWER_UNKNOWN;
    case TLS_TICKET_CURRENT:
        return once ? ANSWER_RENEW : ANSWER_GOOD;
    case TLS_TICKET_OLD:
        break;
    }
    return ANSWER_RENEW;
}

static enum answer seal_with(struct tls_tickets *t, unsigned char *name,
                             unsigned char *iv, struct tls_ticket_key *key)
{
    tls_tickets_sealing_key(t, clock_ms(), key);
    memcpy(name, key->name, sizeof(key->name));
    return RAND_bytes(iv, EVP_CIPHER_get_iv_length(t->cipher)) == 1
               ? ANSWER_GOOD
               : ANSWER_FAILED;
}

static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv,
                     EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int sealing)
{
    struct tls_tickets *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    bool once = SSL_version(ssl) >= TLS1_3_VERSION;
    struct tls_ticket_key key;
    enum answer answer =
        sealing ? seal_with(t, name, iv, &key) : open_with(t, once, name, &key);

    if (answer > ANSWER_UNKNOWN &&
        (EVP_CipherInit_ex2(cipher, t->cipher, key.cipher, iv, sealing, NULL) !=
             1 ||
         !key_mac(mac, &key)))
        answer = ANSWER_FAILED;
    OPENSSL_cleanse(&key, sizeof(key));
    return answer;
}

bool tls_tickets_serve(struct tls_tickets *t, struct ssl_ctx_st *ssl)
{
    SSL_CTX_set_timeout(ssl, TLS_TICKET_LIFETIME_MS / 1000);
    return SSL_CTX_set_app_data(ssl, t) == 1 &&
           SSL_CTX_set_num_tickets(ssl, 1) == 1 &&
           SSL_CTX_set_tlsext_ticket_key_evp_cb(ssl, on_ticket) == 1;
}

/* --- */

static bool first_keys(struct tls_tickets *t, const char *file, char *error,
                       size_t error_size)
{
    t->since_ms = clock_ms();
    if (file == NULL) {
        (void)snprintf(error, error_size, "no randomness");
        return push_random_key(&t->keys);
    }
    t->file = strdup(file);
    if (t->file == NULL)
        return false;
    t->seen = file_stamp_of(file);
    return tls_ticket_file_read(file, &t->keys, error, error_size);
}

struct tls_tickets *tls_tickets_new(const char *file,
                                    tls_tickets_report *report, char *error,
                                    size_t error_size)
{
    struct tls_tickets *t = calloc(1, sizeof(*t));

    (void)snprintf(error, error_size, "no memory");
    if (t == NULL)
        return NULL;
    if (pthread_mutex_init(&t->mutex, NULL) != 0) {
        free(t);
        return NULL;
    }
    atomic_init(&t->holders, 1);
    t->report = report;
    t->cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
    if (t->cipher == NULL || !first_keys(t, file, error, error_size)) {
        tls_tickets_release(t);
        return NULL;
    }
    return t;
}

void tls_tickets_hold(struct tls_tickets *t)
{
    atomic_fetch_add(&t->holders, 1);
}

void tls_tickets_release(struct tls_tickets *t)
{
    if (t == NULL || atomic_fetch_sub(&t->holders, 1) > 1)
        return;
    pthread_mutex_destroy(&t->mutex);
    EVP_CIPHER_free(t->cipher);
    free(t->file);
    OPENSSL_cleanse(&t->keys, sizeof(t->keys));
    free(t);
}
