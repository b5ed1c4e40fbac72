#include "net/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct reading {
    const char *path;
    struct buf *content;
    char *error;
    size_t error_size;
};

static bool fail(const struct reading *r, const char *format, ...)
    PRINTF_LIKE(2, 3);

static bool fail(const struct reading *r, const char *format, ...)
{
    int n = snprintf(r->error, r->error_size, "%s: ", r->path);
    va_list args;

    if (n < 0 || (size_t)n >= r->error_size)
        return false;
    va_start(args, format);
    (void)vsnprintf(r->error + n, r->error_size - (size_t)n, format, args);
    va_end(args);
    return false;
}

/* Source: systemd.exec(5), "Credentials". */
static const char *credentials(void)
{
    return getenv("CREDENTIALS_DIRECTORY");
}

static bool is_credential(const char *path)
{
    const char *folder = credentials();
    size_t length = folder != NULL ? strlen(folder) : 0;

    return length > 0 && strncmp(path, folder, length) == 0 &&
           path[length] == '/' && strchr(path + length + 1, '/') == NULL;
}

bool secret_file_credential(const char *name, char *path, size_t path_size)
{
    const char *folder = credentials();
    int n =
        folder != NULL ? snprintf(path, path_size, "%s/%s", folder, name) : -1;

    return n > 0 && (size_t)n < path_size &&
           (access(path, F_OK) == 0 || errno != ENOENT);
}

static bool judge(const struct reading *r, const struct stat *st)
{
    size_t room = buf_room(r->content);

    if (!S_ISREG(st->st_mode))
        return fail(r, "not a file");
    if ((st->st_mode & S_IRWXO) != 0 && !is_credential(r->path))
        return fail(r,
                    "holds a secret and is open to all users; close it: chmod "
                    "o= %s",
                    r->path);
    if (st->st_size <= 0)
        return fail(r, "is empty");
    if ((uintmax_t)st->st_size > room)
        return fail(r, "is too long: %zu octets at most", room);
    return true;
}

/* By read(2), so that no buffer of stdio's keeps what is in it. */
static bool read_whole(int fd, unsigned char *to, size_t size)
{
    while (size > 0) {
        ssize_t n = read(fd, to, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        to += n;
        size -= (size_t)n;
    }
    return true;
}

static bool take(const struct reading *r, int fd)
{
    size_t before = buf_length(r->content);
    unsigned char *to;
    struct stat st;

    if (fstat(fd, &st) != 0)
        return fail(r, "%s", strerror(errno));
    if (!judge(r, &st))
        return false;
    to = buf_reserve(r->content, (size_t)st.st_size);
    if (to == NULL)
        return fail(r, "no memory");
    buf_commit(r->content, (size_t)st.st_size);
    if (read_whole(fd, to, (size_t)st.st_size))
        return true;
    buf_truncate(r->content, before);
    return fail(r, "cannot be read to its end");
}

bool secret_file_read(const char *path, struct buf *content, char *error,
                      size_t error_size)
{
    const struct reading r = { path, content, error, error_size };
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool done;

    if (fd < 0)
        return fail(&r, "%s", strerror(errno));
    done = take(&r, fd);
    (void)close(fd);
    return done;
}
