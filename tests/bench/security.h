/* security.h - TLS with the versions, suites and modes of the proxy
 * (net/tls_context.c), so that handshakes and records cost the same.
 *
 * Contexts of its own all the same: the proxy's do more, such as choosing a
 * certificate by name and changing ticket keys, and that is not to be part of
 * what it is compared with.
 */
#ifndef POPINJAY_TESTS_BENCH_SECURITY_H
#define POPINJAY_TESTS_BENCH_SECURITY_H

#include <openssl/ssl.h>
#include <stdbool.h>

struct security {
    SSL_CTX *context;
    bool resume;
    SSL_SESSION *last; /* a client's, to be offered next; NULL: none yet */
};

/* As a server. Without |resume| it gives no tickets and takes none. Ends the
 * process where the files are not good.
 */
void security_init_server(struct security *s, const char *certificate,
                          const char *private_key, bool resume);

/* As a client that trusts the CA in |ca_file| only. With |resume| the last
 * session is offered, else all handshakes are full. It stays where it is.
 */
void security_init_client(struct security *s, const char *ca_file, bool resume);

/* One that is all zero is fine. */
void security_fini(struct security *s);

/* One connection; ends the process where there is no memory. |server_name| is
 * sent, and verified: a name or a numeric address.
 */
SSL *security_accept(struct security *s);
SSL *security_connect(struct security *s, const char *server_name);

#endif
