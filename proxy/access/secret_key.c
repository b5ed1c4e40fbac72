#include "access/secret_key.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"

static bool fail(const char *path, const char *why, char *error,
                 size_t error_size)
{
    (void)snprintf(error, error_size, "%s: %s", path, why);
    return false;
}

/* By read(2), so that no buffer of stdio's keeps what is in it. */
static bool read_file(int file, const char *path, struct buf *key, char *error,
                      size_t error_size)
{
    unsigned char *room = buf_reserve(key, SECRET_KEY_MAX);
    unsigned char beyond;
    ssize_t got;

    if (room == NULL)
        return fail(path, "no memory", error, error_size);
    got = read(file, room, SECRET_KEY_MAX);
    if (got < 0)
        return fail(path, strerror(errno), error, error_size);
    buf_commit(key, (size_t)got);
    if (got < SECRET_KEY_MIN)
        return fail(path,
                    "is too short for a key; make one with: openssl rand "
                    "-out FILE 32",
                    error, error_size);
    if (read(file, &beyond, 1) != 0)
        return fail(path, "is too long for a key", error, error_size);
    return true;
}

static bool read_path(const char *path, bool may_miss, struct buf *key,
                      char *error, size_t error_size)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool done;

    if (file < 0 && errno == ENOENT && may_miss)
        return true;
    if (file < 0)
        return fail(path, strerror(errno), error, error_size);
    done = read_file(file, path, key, error, error_size);
    (void)close(file);
    return done;
}

bool secret_key_read(const char *path, struct buf *key, char *error,
                     size_t error_size)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    char credential[PATH_MAX];

    if (path != NULL)
        return read_path(path, false, key, error, error_size);
    if (folder == NULL)
        return true;
    (void)snprintf(credential, sizeof(credential), "%s/%s", folder,
                   SECRET_KEY_CREDENTIAL);
    return read_path(credential, true, key, error, error_size);
}
