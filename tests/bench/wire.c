#include "bench/wire.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "bench/options.h"

/* More than this means an owner without moderation. */
#define UNSENT_MAX (64 * 1024 * 1024)
/* A write in clear as long as this is worth a send of its own. */
#define DIRECT_MIN 4096

static void break_off(struct wire *w, const char *failure)
{
    if (w->state == WIRE_BROKEN)
        return;
    w->state = WIRE_BROKEN;
    w->failure = failure != NULL ? failure : "TLS failed";
}

/* --- the socket --- */

static void watch(struct wire *w)
{
    uint32_t events = w->paused || w->ended ? 0 : (uint32_t)EPOLLIN;

    if (w->state == WIRE_CONNECTING || wire_unsent(w) > 0)
        events |= EPOLLOUT;
    loop_change(w->loop, &w->source, events);
}

static size_t receive(struct wire *w, unsigned char *to, size_t cap)
{
    ssize_t got = recv(w->source.fd, to, cap, 0);

    w->readable = false;
    if (got > 0)
        return (size_t)got;
    if (got == 0) {
        w->ended = true;
        watch(w);
    } else if (errno != EAGAIN && errno != EINTR) {
        break_off(w, strerror(errno));
    }
    return 0;
}

/* Returns how much the socket took. */
static size_t transmit(struct wire *w, struct span octets)
{
    ssize_t sent = send(w->source.fd, octets.data, octets.len, MSG_NOSIGNAL);

    if (sent >= 0)
        return (size_t)sent;
    if (errno != EAGAIN && errno != EINTR)
        break_off(w, strerror(errno));
    return 0;
}

void wire_flush(struct wire *w)
{
    if (wire_unsent(w) > 0 && w->state != WIRE_BROKEN)
        buf_consume(&w->out, transmit(w, buf_span(&w->out)));
    if (w->state == WIRE_BROKEN)
        buf_consume(&w->out, wire_unsent(w));
    watch(w);
}

size_t wire_unsent(const struct wire *w)
{
    return buf_length(&w->out);
}

void wire_pause(struct wire *w, bool paused)
{
    w->paused = paused;
    watch(w);
}

/* --- OpenSSL's view of it: a BIO --- */

static int bio_read(BIO *bio, char *to, size_t cap, size_t *got)
{
    struct wire *w = BIO_get_data(bio);
    unsigned char *received = w->loop->received;
    struct span front;

    BIO_clear_retry_flags(bio);
    if (w->in.len == 0 && w->readable)
        w->in = span_make(received, receive(w, received, LOOP_RECEIVE_MAX));
    if (w->in.len == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    front = span_take(&w->in, cap < w->in.len ? cap : w->in.len);
    memcpy(to, front.data, front.len);
    *got = front.len;
    return 1;
}

static int bio_write(BIO *bio, const char *from, size_t len, size_t *written)
{
    struct wire *w = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    if (!buf_append(&w->out, span_make(from, len)))
        die(EXIT_FAILED, "more is unsent than was ever meant to be");
    *written = len;
    return 1;
}

static long bio_ctrl(BIO *bio, int what, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return what == BIO_CTRL_FLUSH ? 1 : 0;
}

static BIO_METHOD *bio_method;

static void make_bio_method(void)
{
    bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK,
                              "octets of a wire");
    if (bio_method == NULL || BIO_meth_set_read_ex(bio_method, bio_read) != 1 ||
        BIO_meth_set_write_ex(bio_method, bio_write) != 1 ||
        BIO_meth_set_ctrl(bio_method, bio_ctrl) != 1)
        die(EXIT_FAILED, "no memory");
}

static void give_bio(struct wire *w)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    BIO *bio;

    pthread_once(&once, make_bio_method);
    bio = BIO_new(bio_method);
    if (bio == NULL)
        die(EXIT_FAILED, "no memory");
    BIO_set_data(bio, w);
    BIO_set_init(bio, 1);
    SSL_set_bio(w->ssl, bio, bio);
}

/* --- its life --- */

static void handshake(struct wire *w)
{
    int result = SSL_do_handshake(w->ssl);
    long verdict = SSL_get_verify_result(w->ssl);

    if (result == 1)
        w->state = WIRE_OPEN;
    else if (SSL_get_error(w->ssl, result) != SSL_ERROR_WANT_READ)
        break_off(w, verdict != X509_V_OK
                         ? X509_verify_cert_error_string(verdict)
                         : ERR_reason_error_string(ERR_peek_error()));
    else if (w->ended)
        break_off(w, "ended within the handshake");
    ERR_clear_error();
    wire_flush(w);
}

static void on_connected(struct wire *w)
{
    int code = 0;
    socklen_t len = sizeof(code);

    if (getsockopt(w->source.fd, SOL_SOCKET, SO_ERROR, &code, &len) != 0)
        code = errno;
    w->state = w->ssl != NULL ? WIRE_HANDSHAKING : WIRE_OPEN;
    if (code != 0)
        break_off(w, strerror(code));
    else if (w->ssl != NULL)
        handshake(w); /* a client speaks first */
    watch(w);
}

static void on_ready(struct source *s, uint32_t events)
{
    struct wire *w = s->owner;

    w->in.len = 0;
    w->readable = (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0;
    if ((events & (EPOLLERR | EPOLLHUP)) != 0 && w->paused)
        break_off(w, "reset");
    if (w->state == WIRE_CONNECTING)
        on_connected(w);
    else if ((events & EPOLLOUT) != 0)
        wire_flush(w);
    if (w->state == WIRE_HANDSHAKING && w->readable)
        handshake(w);
    if (w->state == WIRE_OPEN || w->state == WIRE_BROKEN)
        w->stir(w->owner);
}

static void begin(struct wire *w, struct loop *loop, int fd, SSL *ssl,
                  wire_stir *stir, void *owner)
{
    *w = (struct wire){
        .source = { .fd = fd, .ready = on_ready, .owner = w },
        .loop = loop,
        .ssl = ssl,
        .stir = stir,
        .owner = owner,
        .state = ssl != NULL ? WIRE_HANDSHAKING : WIRE_OPEN,
    };
    buf_init(&w->out, UNSENT_MAX);
    if (ssl != NULL)
        give_bio(w);
}

void wire_accept(struct wire *w, struct loop *loop, int fd, SSL *ssl,
                 wire_stir *stir, void *owner)
{
    begin(w, loop, fd, ssl, stir, owner);
    loop_add(loop, &w->source, EPOLLIN);
}

bool wire_connect(struct wire *w, struct loop *loop, const struct endpoint *to,
                  SSL *ssl, wire_stir *stir, void *owner)
{
    int fd = endpoint_connect(to);

    if (fd < 0) {
        SSL_free(ssl);
        *w = (struct wire){ .source.fd = -1, .failure = strerror(errno) };
        return false;
    }
    begin(w, loop, fd, ssl, stir, owner);
    w->state = WIRE_CONNECTING;
    loop_add(loop, &w->source, EPOLLOUT);
    return true;
}

void wire_close(struct wire *w)
{
    if (w->loop == NULL || w->source.fd < 0)
        return;
    if (w->ssl != NULL && w->state == WIRE_OPEN) {
        if (!w->ended) {
            (void)SSL_shutdown(w->ssl);
            wire_flush(w);
        }
        /* OpenSSL resumes no session that was left without a word. */
        SSL_set_shutdown(w->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    }
    ERR_clear_error();
    loop_remove(w->loop, &w->source);
    close(w->source.fd);
    w->source.fd = -1;
    SSL_free(w->ssl);
    w->ssl = NULL;
    buf_fini(&w->out);
}

/* --- octets --- */

/* |result| is that of SSL_read_ex. */
static void judge(struct wire *w, int result)
{
    int error = SSL_get_error(w->ssl, result);

    if (error == SSL_ERROR_ZERO_RETURN)
        w->ended = true;
    else if (error != SSL_ERROR_WANT_READ)
        break_off(w, ERR_reason_error_string(ERR_peek_error()));
    ERR_clear_error();
    if (wire_unsent(w) > 0) /* an alert, or an answer to a key update */
        wire_flush(w);
}

static size_t read_sealed(struct wire *w, unsigned char *to, size_t cap)
{
    size_t filled = 0;

    while (filled < cap) {
        size_t got = 0;
        int result = SSL_read_ex(w->ssl, to + filled, cap - filled, &got);

        if (result != 1) {
            judge(w, result);
            break;
        }
        filled += got;
    }
    return filled;
}

enum wire_status wire_read(struct wire *w, unsigned char *to, size_t cap,
                           size_t *got)
{
    *got = 0;
    if (w->state == WIRE_OPEN && w->ssl != NULL)
        *got = read_sealed(w, to, cap);
    else if (w->state == WIRE_OPEN && w->readable)
        *got = receive(w, to, cap);
    if (*got > 0)
        return WIRE_OK;
    return w->ended || w->state == WIRE_BROKEN ? WIRE_END : WIRE_MORE;
}

static void seal(struct wire *w, struct span octets)
{
    while (octets.len > 0) {
        size_t written = 0;

        if (SSL_write_ex(w->ssl, octets.data, octets.len, &written) != 1) {
            break_off(w, ERR_reason_error_string(ERR_peek_error()));
            ERR_clear_error();
            return;
        }
        (void)span_take(&octets, written);
    }
}

void wire_write(struct wire *w, struct span octets)
{
    if (w->state == WIRE_BROKEN || octets.len == 0)
        return;
    assert(w->state == WIRE_OPEN);
    if (w->ssl != NULL) {
        seal(w, octets);
        return;
    }
    if (wire_unsent(w) == 0 && octets.len >= DIRECT_MIN)
        (void)span_take(&octets, transmit(w, octets));
    if (!buf_append(&w->out, octets))
        die(EXIT_FAILED, "more is unsent than was ever meant to be");
}

bool wire_is_resumed(const struct wire *w)
{
    return w->ssl != NULL && SSL_session_reused(w->ssl) == 1;
}
