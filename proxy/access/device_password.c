#include "access/device_password.h"

#include <openssl/rand.h>

_Static_assert(sizeof(DEVICE_PASSWORD_ALPHABET) == 32 + 1, "5 bits each");

bool device_password_make(struct buf *password)
{
    static const char alphabet[] = DEVICE_PASSWORD_ALPHABET;
    unsigned char octets[DEVICE_PASSWORD_LENGTH];
    bool made = RAND_priv_bytes(octets, sizeof(octets)) == 1;

    for (size_t i = 0; made && i < sizeof(octets); i++)
        made =
            buf_append_octet(password, (unsigned char)alphabet[octets[i] % 32]);
    wipe(octets, sizeof(octets));
    return made;
}
