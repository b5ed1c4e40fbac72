#include "access/secret_key.h"

#include <limits.h>
#include <stdio.h>

#include "base/limits.h"
#include "net/secret_file.h"

bool secret_key_read(const char *path, struct buf *key, char *error,
                     size_t error_size)
{
    char credential[PATH_MAX];

    if (path == NULL) {
        if (!secret_file_credential(SECRET_KEY_CREDENTIAL, credential,
                                    sizeof(credential)))
            return true;
        path = credential;
    }
    if (!secret_file_read(path, key, error, error_size))
        return false;
    if (buf_length(key) >= SECRET_KEY_MIN)
        return true;
    (void)snprintf(error, error_size,
                   "%s: is too short for a key; make one with: openssl rand "
                   "-out FILE 32",
                   path);
    return false;
}
