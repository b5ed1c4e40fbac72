#include "access/token_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/secret_box.h"
#include "base/buf.h"
#include "base/limits.h"

#define FOLDER "tokens"
#define ENDING ".token"
#define NEW_ENDING ".new"
#define QUESTION_ENDING ".asked"
#define LOCK_FILE "lock"
#define PURPOSE "oauth-token"
#define NAME_SIZE (NAME_MAX + 1)

struct token_store {
    char folder[PATH_MAX];
    int lock_file;
    struct buf key;
};

const char *token_store_problem(enum token_store_status status)
{
    switch (status) {
    case TOKEN_STORE_OK:
        return "is well";
    case TOKEN_STORE_NONE:
        return "is not there";
    case TOKEN_STORE_EKEY:
        return "does not open: it was sealed with another key, or it is "
               "damaged";
    case TOKEN_STORE_ECHANGED:
        return "is another one by now";
    case TOKEN_STORE_EFAILED:
        break;
    }
    return "cannot be read or written";
}

/* --- names of files: SOURCE:ACCOUNT.token, in plain letters --- */

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' ||
           c == '@' || c == '+';
}

/* Appends |text|, what is not plain as %XX. False: it does not fit. */
static bool add_plain(char name[NAME_SIZE], const char *text)
{
    size_t at = strlen(name);

    for (; *text != '\0'; text++) {
        if (at + 4 > NAME_SIZE)
            return false;
        at += (size_t)snprintf(name + at, NAME_SIZE - at,
                               is_plain(*text) ? "%c" : "%%%02X",
                               (unsigned char)*text);
    }
    return true;
}

static bool name_file(const struct token_owner *owner, char name[NAME_SIZE])
{
    name[0] = '\0';
    if (!add_plain(name, owner->source) || strlen(name) + 2 > NAME_SIZE)
        return false;
    (void)memcpy(name + strlen(name), ":", 2);
    /* The room that is left must do for the longest ending. */
    return add_plain(name, owner->account) &&
           strlen(name) + sizeof(ENDING) + sizeof(QUESTION_ENDING) <= NAME_SIZE;
}

static bool path_of(const struct token_store *s,
                    const struct token_owner *owner, const char *ending,
                    char path[PATH_MAX])
{
    char name[NAME_SIZE];

    return name_file(owner, name) &&
           snprintf(path, PATH_MAX, "%s/%s%s%s", s->folder, name, ENDING,
                    ending) < PATH_MAX;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c - 'A' + 10;
}

/* The other way round, in place; only of names that name_file has made. */
static void from_plain(char *text)
{
    char *to = text;

    for (; *text != '\0'; text++, to++) {
        *to = *text;
        if (*text == '%' && text[1] != '\0' && text[2] != '\0') {
            *to = (char)(hex_digit(text[1]) * 16 + hex_digit(text[2]));
            text += 2;
        }
    }
    *to = '\0';
}

/* --- its life --- */

static int open_lock(const struct token_store *s)
{
    char path[PATH_MAX + sizeof(LOCK_FILE) + 1];

    (void)snprintf(path, sizeof(path), "%s/" LOCK_FILE, s->folder);
    return open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static bool open_folder(struct token_store *s)
{
    if (mkdir(s->folder, 0700) != 0 && errno != EEXIST)
        return false;
    s->lock_file = open_lock(s);
    return s->lock_file >= 0 && access(s->folder, R_OK | W_OK | X_OK) == 0;
}

struct token_store *token_store_open(const char *directory, struct span key,
                                     char *error, size_t error_size)
{
    struct token_store *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        (void)snprintf(error, error_size, "no memory");
        return NULL;
    }
    s->lock_file = -1;
    buf_init(&s->key, key.len);
    if (snprintf(s->folder, sizeof(s->folder), "%s/" FOLDER, directory) >=
        (int)sizeof(s->folder)) {
        (void)snprintf(error, error_size, "%s: too long", directory);
    } else if (!open_folder(s)) {
        (void)snprintf(error, error_size, "%s: %s", s->folder, strerror(errno));
    } else if (!buf_append(&s->key, key)) {
        (void)snprintf(error, error_size, "no memory");
    } else {
        return s;
    }
    token_store_free(s);
    return NULL;
}

const char *token_store_folder(const struct token_store *s)
{
    return s->folder;
}

bool token_store_has_key(const struct token_store *s, struct span key)
{
    return span_equals(buf_span(&s->key), key);
}

void token_store_free(struct token_store *s)
{
    if (s == NULL)
        return;
    if (s->lock_file >= 0)
        (void)close(s->lock_file);
    buf_fini(&s->key);
    free(s);
}

/* --- questions that are under way --- */

bool token_store_has_question(struct token_store *s,
                              const struct token_owner *owner)
{
    char path[PATH_MAX];

    return path_of(s, owner, QUESTION_ENDING, path) &&
           file_stamp_of(path).inode != 0;
}

void token_store_note_question(struct token_store *s,
                               const struct token_owner *owner)
{
    char path[PATH_MAX];
    int fd = -1;

    if (path_of(s, owner, QUESTION_ENDING, path))
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0)
        (void)close(fd);
}

void token_store_end_question(struct token_store *s,
                              const struct token_owner *owner)
{
    char path[PATH_MAX];

    if (path_of(s, owner, QUESTION_ENDING, path))
        (void)unlink(path);
}

/* --- records --- */

static struct secret_lock lock_of(const struct token_store *s,
                                  const char name[NAME_SIZE])
{
    return (struct secret_lock){
        .kind = SECRET_BOX_BY_KEY,
        .octets = buf_span(&s->key),
        .purpose = PURPOSE,
        .name = span_from_string(name),
    };
}

static enum token_store_status read_file(const char *path, struct buf *text)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    unsigned char *room = NULL;
    ssize_t count = 1;

    if (fd < 0)
        return errno == ENOENT ? TOKEN_STORE_NONE : TOKEN_STORE_EFAILED;
    while (count > 0) {
        room = buf_reserve(text, TOKEN_FILE_PIECE);
        count = room != NULL ? read(fd, room, TOKEN_FILE_PIECE) : -1;
        if (count > 0)
            buf_commit(text, (size_t)count);
    }
    (void)close(fd);
    return count == 0 ? TOKEN_STORE_OK : TOKEN_STORE_EFAILED;
}

static struct span without_line_end(struct span text)
{
    if (text.len > 0 && text.data[text.len - 1] == '\n')
        text.len--;
    return text;
}

static enum token_store_status open_record(struct token_store *s,
                                           const char name[NAME_SIZE],
                                           struct span sealed,
                                           struct token_record *record)
{
    struct secret_lock lock = lock_of(s, name);
    struct buf text;
    enum token_store_status status;

    buf_init(&text, SECRET_MAX);
    switch (secret_box_open(&lock, without_line_end(sealed), &text)) {
    case SECRET_BOX_OK:
        status = token_record_read(buf_span(&text), record)
                     ? TOKEN_STORE_OK
                     : TOKEN_STORE_EFAILED;
        break;
    case SECRET_BOX_EFAILED:
        status = TOKEN_STORE_EFAILED;
        break;
    default:
        status = TOKEN_STORE_EKEY;
        break;
    }
    buf_fini(&text);
    return status;
}

enum token_store_status token_store_load(struct token_store *s,
                                         const struct token_owner *owner,
                                         struct token_record *record)
{
    char name[NAME_SIZE];
    char path[PATH_MAX];
    struct buf sealed;
    enum token_store_status status;

    *record = (struct token_record){ .refresh = NULL };
    if (!name_file(owner, name) || !path_of(s, owner, "", path))
        return TOKEN_STORE_NONE;
    buf_init(&sealed, TOKEN_FILE_MAX);
    status = read_file(path, &sealed);
    if (status == TOKEN_STORE_OK)
        status = open_record(s, name, buf_span(&sealed), record);
    buf_fini(&sealed);
    return status;
}

/* --- written anew --- */

/* Appends |record| as it is sealed, with a line end. */
static bool seal(struct token_store *s, const char name[NAME_SIZE],
                 const struct token_record *record, struct buf *sealed)
{
    struct secret_lock lock = lock_of(s, name);
    struct buf text;
    bool good;

    buf_init(&text, SECRET_MAX);
    good = token_record_write(record, &text) &&
           secret_box_seal(&lock, buf_span(&text), sealed) == SECRET_BOX_OK &&
           buf_append_octet(sealed, '\n');
    buf_fini(&text);
    return good;
}

static bool write_whole(int fd, struct span text)
{
    while (text.len > 0) {
        ssize_t count = write(fd, text.data, text.len);

        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        (void)span_take(&text, (size_t)count);
    }
    return true;
}

static bool sync_folder(const struct token_store *s)
{
    int fd = open(s->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0)
        (void)close(fd);
    return done;
}

/* On the disk before it has its name, and its name on the disk too. */
static bool replace_file(struct token_store *s, const char *path,
                         const char *fresh, struct span text)
{
    int fd;
    bool written;

    (void)unlink(fresh); /* of a process that ended in the midst of this */
    fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    written = write_whole(fd, text) && fsync(fd) == 0;
    if (close(fd) != 0 || !written || rename(fresh, path) != 0) {
        (void)unlink(fresh);
        return false;
    }
    return sync_folder(s);
}

enum token_store_status token_store_save(struct token_store *s,
                                         const struct token_owner *owner,
                                         const struct token_record *record)
{
    char name[NAME_SIZE];
    char path[PATH_MAX];
    char fresh[PATH_MAX];
    struct buf sealed;
    bool saved;

    if (!name_file(owner, name) || !path_of(s, owner, "", path) ||
        !path_of(s, owner, NEW_ENDING, fresh))
        return TOKEN_STORE_EFAILED;
    buf_init(&sealed, TOKEN_FILE_MAX);
    saved = seal(s, name, record, &sealed) &&
            replace_file(s, path, fresh, buf_span(&sealed));
    buf_fini(&sealed);
    if (!saved)
        return TOKEN_STORE_EFAILED;
    token_store_end_question(s, owner);
    return TOKEN_STORE_OK;
}

enum token_store_status token_store_replace(struct token_store *s,
                                            const struct token_owner *owner,
                                            const struct token_digest *from,
                                            const struct token_record *record)
{
    struct token_record kept;
    struct token_digest digest;
    enum token_store_status status = token_store_load(s, owner, &kept);
    bool is_known;

    if (status == TOKEN_STORE_EFAILED || file_stamp_of(s->folder).inode == 0)
        return TOKEN_STORE_EFAILED;
    if (status != TOKEN_STORE_OK)
        return TOKEN_STORE_ECHANGED;
    is_known = token_record_digest(&kept, &digest);
    token_record_fini(&kept);
    if (!is_known)
        return TOKEN_STORE_EFAILED;
    if (memcmp(digest.octets, from->octets, sizeof(digest.octets)) != 0)
        return TOKEN_STORE_ECHANGED;
    return token_store_save(s, owner, record);
}

enum token_store_status token_store_remove(struct token_store *s,
                                           const struct token_owner *owner)
{
    char path[PATH_MAX];

    token_store_end_question(s, owner);
    if (!path_of(s, owner, "", path))
        return TOKEN_STORE_NONE;
    if (unlink(path) != 0)
        return errno == ENOENT ? TOKEN_STORE_NONE : TOKEN_STORE_EFAILED;
    return sync_folder(s) ? TOKEN_STORE_OK : TOKEN_STORE_EFAILED;
}

struct file_stamp token_store_stamp(struct token_store *s,
                                    const struct token_owner *owner)
{
    char path[PATH_MAX];

    if (!path_of(s, owner, "", path))
        return (struct file_stamp){ .inode = 0 };
    return file_stamp_of(path);
}

/* --- several processes --- */

/* One octet of the file is one account's: FNV-1a of its name. Two that share
 * one wait for each other, which is harmless.
 */
static off_t place_of(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325ULL;

    for (; *name != '\0'; name++)
        hash = (hash ^ (unsigned char)*name) * 0x100000001b3ULL;
    return (off_t)(hash >> 2);
}

static bool set_lock(struct token_store *s, const struct token_owner *owner,
                     short kind)
{
    struct flock lock = { .l_type = kind, .l_whence = SEEK_SET, .l_len = 1 };
    char name[NAME_SIZE];

    if (!name_file(owner, name))
        return false;
    lock.l_start = place_of(name);
    return fcntl(s->lock_file, F_OFD_SETLK, &lock) == 0;
}

bool token_store_try_lock(struct token_store *s,
                          const struct token_owner *owner)
{
    return set_lock(s, owner, F_WRLCK);
}

void token_store_unlock(struct token_store *s, const struct token_owner *owner)
{
    (void)set_lock(s, owner, F_UNLCK);
}

/* --- all of them --- */

bool token_store_list(struct token_store *s, token_store_each *each,
                      void *owner)
{
    DIR *folder = opendir(s->folder);
    const struct dirent *entry;

    if (folder == NULL)
        return false;
    while ((entry = readdir(folder)) != NULL) {
        size_t length = strlen(entry->d_name);
        char name[NAME_SIZE];
        char *account;

        if (length < sizeof(ENDING) ||
            strcmp(entry->d_name + length - sizeof(ENDING) + 1, ENDING) != 0)
            continue;
        (void)snprintf(name, sizeof(name), "%.*s",
                       (int)(length - sizeof(ENDING) + 1), entry->d_name);
        account = strchr(name, ':');
        if (account == NULL)
            continue;
        *account++ = '\0';
        from_plain(account);
        each(owner, &(struct token_owner){ name, account });
    }
    (void)closedir(folder);
    return true;
}
