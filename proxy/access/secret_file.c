#include "access/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* NULL: it will do. */
static const char *judge(const struct stat *st, size_t room)
{
    if (!S_ISREG(st->st_mode))
        return "not a file";
    if ((st->st_mode & S_IRWXO) != 0)
        return "holds a secret and is open to all users; chmod o= closes it";
    if (st->st_size <= 0)
        return "is empty";
    if ((uintmax_t)st->st_size > room)
        return "is too long";
    return NULL;
}

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

/* NULL: |content| has it. */
static const char *take(int fd, struct buf *content)
{
    size_t before = buf_length(content);
    const char *problem;
    unsigned char *to;
    struct stat st;

    if (fstat(fd, &st) != 0)
        return strerror(errno);
    problem = judge(&st, buf_room(content));
    if (problem != NULL)
        return problem;
    to = buf_reserve(content, (size_t)st.st_size);
    if (to == NULL)
        return "no memory";
    buf_commit(content, (size_t)st.st_size);
    if (read_whole(fd, to, (size_t)st.st_size))
        return NULL;
    buf_truncate(content, before);
    return "cannot be read to its end";
}

bool secret_file_read(const char *path, struct buf *content, char *error,
                      size_t error_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const char *problem = fd >= 0 ? take(fd, content) : strerror(errno);

    if (problem != NULL)
        (void)snprintf(error, error_size, "%s: %s", path, problem);
    if (fd >= 0)
        (void)close(fd);
    return problem == NULL;
}
