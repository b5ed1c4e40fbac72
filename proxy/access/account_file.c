#include "access/account_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/accounts.h"
#include "base/limits.h"

#define MODE 0600
#define WHY_MAX 2048
#define SUFFIX ".XXXXXX"

static bool fail(const struct account_file *f, char *error, size_t error_size)
{
    const char *why =
        errno == EWOULDBLOCK
            ? "another program holds the lock of its folder: wait "
              "for it to end, or end it (lslocks shows it), and "
              "try again"
            : strerror(errno);

    (void)snprintf(error, error_size, "%s: %s", f->path, why);
    return false;
}

/* --- reading --- */

/* Without a slash in the path: the folder that we are in. */
static int open_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *name;
    int folder;

    if (slash == NULL)
        return open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    name = strndup(path, slash == path ? 1 : (size_t)(slash - path));
    if (name == NULL)
        return -1;
    folder = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(name);
    return folder;
}

/* Any program that may read the folder can hold the lock for as long as it likes,
 * so it is not waited for without end.
 */
static bool lock(int folder)
{
    for (unsigned i = 0; i < ACCOUNT_LOCK_TRIES; i++) {
        if (flock(folder, LOCK_EX | LOCK_NB) == 0)
            return true;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return false;
        (void)usleep(ACCOUNT_LOCK_RETRY_US);
    }
    errno = EWOULDBLOCK;
    return false;
}

static bool read_all(struct account_file *f, int file)
{
    for (;;) {
        unsigned char *room = buf_reserve(&f->text, READ_CHUNK);
        ssize_t got = room != NULL ? read(file, room, READ_CHUNK) : -1;

        if (room == NULL)
            errno = EFBIG;
        if (got < 0)
            return false;
        if (got == 0)
            return true;
        buf_commit(&f->text, (size_t)got);
    }
}

static bool read_file(struct account_file *f)
{
    int file = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    bool done;

    if (file < 0) {
        f->is_new = errno == ENOENT;
        return f->is_new;
    }
    done = fstat(file, &st) == 0 && read_all(f, file);
    f->owner = st.st_uid;
    f->group = st.st_gid;
    (void)close(file);
    return done;
}

/* A link stays a link: what it leads to is what changes, and must be there. */
static bool find_path(struct account_file *f, const char *path, char *error,
                      size_t error_size)
{
    struct stat st;

    f->path = realpath(path, NULL);
    if (f->path == NULL && lstat(path, &st) == 0 && S_ISLNK(st.st_mode)) {
        (void)snprintf(error, error_size,
                       "%s: a link that does not lead to a file", path);
        return false;
    }
    if (f->path == NULL)
        f->path = strdup(path);
    if (f->path == NULL)
        (void)snprintf(error, error_size, "%s: out of memory", path);
    return f->path != NULL;
}

bool account_file_open(struct account_file *f, const char *path, uid_t owner,
                       gid_t group, char *error, size_t error_size)
{
    *f = (struct account_file){ .folder = -1, .owner = owner, .group = group };
    buf_init(&f->text, ACCOUNT_FILE_MAX);
    if (!find_path(f, path, error, error_size))
        return false;
    f->folder = open_folder(f->path);
    if (f->folder >= 0 && lock(f->folder) && read_file(f))
        return true;
    (void)fail(f, error, error_size);
    account_file_close(f);
    return false;
}

void account_file_close(struct account_file *f)
{
    if (f->folder >= 0)
        (void)close(f->folder);
    f->folder = -1;
    buf_fini(&f->text);
    free(f->path);
    f->path = NULL;
}

/* --- writing --- */

static bool write_all(int file, struct span text)
{
    while (text.len > 0) {
        ssize_t put = write(file, text.data, text.len);

        if (put < 0 && errno != EINTR)
            return false;
        if (put > 0)
            (void)span_take(&text, (size_t)put);
    }
    return true;
}

/* Whom it belongs to matters where that is somebody else. */
static bool fill(const struct account_file *f, int file)
{
    bool is_ours = f->owner == geteuid() && f->group == getegid();

    return fchmod(file, MODE) == 0 &&
           (is_ours || fchown(file, f->owner, f->group) == 0) &&
           write_all(file, buf_span(&f->text)) && fsync(file) == 0;
}

/* |error| names the file that will be. */
static bool is_well(const struct account_file *f, const char *name,
                    const struct config *config, struct span key, char *error,
                    size_t error_size)
{
    char why[WHY_MAX];
    struct accounts *read = accounts_read(name, why, sizeof(why));
    size_t own = strlen(name);
    bool good =
        read != NULL && accounts_judge(read, config, key, why, sizeof(why));

    if (!good)
        (void)snprintf(error, error_size, "%s%s", f->path,
                       strncmp(why, name, own) == 0 ? why + own : why);
    accounts_free(read);
    return good;
}

bool account_file_save(struct account_file *f, const struct config *config,
                       struct span key, char *error, size_t error_size)
{
    char *name = NULL;
    bool done = false;
    int file = -1;

    if (asprintf(&name, "%s" SUFFIX, f->path) < 0)
        name = NULL;
    else
        file = mkostemp(name, O_CLOEXEC);
    if (file < 0 || !fill(f, file))
        (void)fail(f, error, error_size);
    else if (is_well(f, name, config, key, error, error_size))
        done = (rename(name, f->path) == 0 && fsync(f->folder) == 0) ||
               fail(f, error, error_size);
    if (file >= 0) {
        (void)close(file);
        if (!done)
            (void)unlink(name);
    }
    free(name);
    return done;
}
