#include "net/tls_ticket_file.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "net/secret_file.h"

#define KEY_SIZE sizeof(struct tls_ticket_key)

/* What is read is the struct, octet for octet. */
_Static_assert(KEY_SIZE == 80, "a key has no padding");

bool tls_ticket_file_read(const char *path, struct tls_ticket_keys *keys,
                          char *error, size_t error_size)
{
    struct buf content;
    size_t length;
    bool done;

    buf_init(&content, TLS_TICKET_KEYS_MAX * KEY_SIZE);
    done = secret_file_read(path, &content, error, error_size);
    length = buf_length(&content);
    if (done && length % KEY_SIZE != 0) {
        (void)snprintf(error, error_size,
                       "%s: must be keys of %zu octets each, one after the "
                       "other",
                       path, KEY_SIZE);
        done = false;
    }
    if (done) {
        wipe(keys, sizeof(*keys)); /* there may have been more before */
        memcpy(keys->at, buf_span(&content).data, length);
        keys->count = length / KEY_SIZE;
    }
    buf_fini(&content);
    return done;
}
