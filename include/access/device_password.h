/* device_password.h - a password that is made up, for a device. */
#ifndef POPINJAY_ACCESS_DEVICE_PASSWORD_H
#define POPINJAY_ACCESS_DEVICE_PASSWORD_H

#include <stdbool.h>

#include "base/attributes.h"
#include "base/buf.h"

/* Typed at a small panel, and read off paper: lower case and digits, none of
 * which looks like another. 32 of them, so 5 bits a character.
 */
#define DEVICE_PASSWORD_ALPHABET "abcdefghijkmnpqrstuvwxyz23456789"
#define DEVICE_PASSWORD_LENGTH 16 /* 80 bits */

/* Appends one. False: no randomness, or no memory. */
MUST_CHECK bool device_password_make(struct buf *password);

#endif
