#include "net/tls_ticket_file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_SIZE sizeof(struct tls_ticket_key)

/* What is read is the struct, octet for octet. */
_Static_assert(KEY_SIZE == 80, "a key has no padding");

/* NULL: it will do. */
static const char *judge(const struct stat *st)
{
    if (!S_ISREG(st->st_mode))
        return "not a file";
    if ((st->st_mode & S_IRWXO) != 0)
        return "holds secrets and is open to all users; chmod o= closes it";
    if (st->st_size <= 0 || (size_t)st->st_size % KEY_SIZE != 0)
        return "must be keys of 80 octets each, one after the other";
    if ((size_t)st->st_size / KEY_SIZE > TLS_TICKET_KEYS_MAX)
        return "has more than 16 keys";
    return NULL;
}

_Static_assert(TLS_TICKET_KEYS_MAX == 16, "the complaint says how many");

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

/* NULL: |keys| is what stands in the file. */
static const char *take_keys(int fd, struct tls_ticket_keys *keys)
{
    struct stat st;
    const char *problem;
    size_t size;

    if (fstat(fd, &st) != 0)
        return strerror(errno);
    problem = judge(&st);
    if (problem != NULL)
        return problem;
    size = (size_t)st.st_size;
    if (!read_whole(fd, (unsigned char *)keys->at, size))
        return "cannot be read to its end";
    keys->count = size / KEY_SIZE;
    return NULL;
}

bool tls_ticket_file_read(const char *path, struct tls_ticket_keys *keys,
                          char *error, size_t error_size)
{
    struct tls_ticket_keys taken = { .count = 0 };
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const char *problem = fd >= 0 ? take_keys(fd, &taken) : strerror(errno);

    if (problem == NULL)
        *keys = taken;
    else
        (void)snprintf(error, error_size, "%s: %s", path, problem);
    if (fd >= 0)
        (void)close(fd);
    OPENSSL_cleanse(&taken, sizeof(taken));
    return problem == NULL;
}
