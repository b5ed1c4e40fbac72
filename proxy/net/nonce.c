#include "net/nonce.h"

#include <openssl/rand.h>
#include <stddef.h>

bool nonce_make(char text[NONCE_TEXT_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char octets[NONCE_OCTETS];

    text[0] = '\0';
    if (RAND_bytes(octets, sizeof(octets)) != 1)
        return false;
    for (size_t i = 0; i < sizeof(octets); i++) {
        text[2 * i] = digits[octets[i] >> 4];
        text[2 * i + 1] = digits[octets[i] & 15];
    }
    text[NONCE_TEXT_SIZE - 1] = '\0';
    return true;
}
