/* tls_ticket_file.h - keys of session tickets, as an operator keeps them.
 *
 * The file is one key after the other, 80 octets each and nothing else: a name,
 * a key for HMAC-SHA-256, a key for AES-256. That is the form of nginx's
 * ssl_session_ticket_key, and what `openssl rand 80` makes.
 *
 * Source: RFC 5077 §4 (what a ticket holds), §5.5 (that keys change).
 */
#ifndef POPINJAY_NET_TLS_TICKET_FILE_H
#define POPINJAY_NET_TLS_TICKET_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"

#define TLS_TICKET_KEY_NAME_SIZE 16
#define TLS_TICKET_KEYS_MAX 16 /* in a file */

/* A secret but for its name, which stands in every ticket. */
struct tls_ticket_key {
    unsigned char name[TLS_TICKET_KEY_NAME_SIZE];
    unsigned char mac[32];
    unsigned char cipher[32];
};

struct tls_ticket_keys {
    struct tls_ticket_key at[TLS_TICKET_KEYS_MAX]; /* the first one seals */
    size_t count;
};

/* On failure |keys| is as it was and `FILE: what is wrong` stands in |error|.
 * A file that is open to users other than its owner and group is refused.
 */
MUST_CHECK bool tls_ticket_file_read(const char *path,
                                     struct tls_ticket_keys *keys, char *error,
                                     size_t error_size);

#endif
