/* secret_file.h - a small file with a secret in it, as an operator keeps it: a
 * key, a client's secret, a header with a password.
 */
#ifndef POPINJAY_NET_SECRET_FILE_H
#define POPINJAY_NET_SECRET_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "base/buf.h"

/* Appends all of the file to |content|, which wipes it in the end, and whose room
 * is the longest that the file may be. A file that is empty is refused, and one
 * that users other than its owner and group may open, unless it is a credential
 * of systemd's: who may open those is systemd's to say.
 *
 * On failure |content| is as it was and `FILE: what is wrong` stands in
 * |error|.
 */
MUST_CHECK bool secret_file_read(const char *path, struct buf *content,
                                 char *error, size_t error_size);

/* The path of the credential |name|, where systemd has given us one of that name.
 * False: it has not.
 */
MUST_CHECK bool secret_file_credential(const char *name, char *path,
                                       size_t path_size);

#endif
