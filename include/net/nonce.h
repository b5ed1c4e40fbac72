/* nonce.h - words that nobody has heard before, and nobody can guess. */
#ifndef POPINJAY_NET_NONCE_H
#define POPINJAY_NET_NONCE_H

#include <stdbool.h>

#include "base/attributes.h"

/* Octets of a nonce, and its letters and digits with the end of the string. */
#define NONCE_OCTETS 16
#define NONCE_TEXT_SIZE (2 * NONCE_OCTETS + 1)

/* In hexadecimal. False: there is no randomness; |text| is empty then. */
MUST_CHECK bool nonce_make(char text[NONCE_TEXT_SIZE]);

#endif
