#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/span.h"

void process_fill_standard_files(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        (void)close(fd);
}

void process_prepare(void)
{
    struct rlimit none = { 0, 0 };
    struct rlimit files = { 0, 0 };

    (void)signal(SIGPIPE, SIG_IGN);
    (void)setrlimit(RLIMIT_CORE, &none);
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return;
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
}

/* proc(5): the name of a process is the program's, cut to 15 octets. */
bool process_find(const char *text, const char *name, pid_t *pid)
{
    char path[64];
    char found[32] = "";
    uint64_t number;
    FILE *file;

    if (!span_to_number(span_from_string(text), INT_MAX, &number) ||
        number == 0)
        return false;
    (void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)number);
    file = fopen(path, "re");
    if (file == NULL)
        return false;
    if (fgets(found, sizeof(found), file) == NULL)
        found[0] = '\0';
    (void)fclose(file);
    found[strcspn(found, "\n")] = '\0';
    *pid = (pid_t)number;
    return strcmp(found, name) == 0;
}

/* Whether there is no way back to root. */
static bool is_only(uid_t uid, gid_t gid)
{
    uid_t real, effective, saved;
    gid_t real_group, effective_group, saved_group;

    if (getresuid(&real, &effective, &saved) != 0 ||
        getresgid(&real_group, &effective_group, &saved_group) != 0)
        return false;
    if (real != uid || effective != uid || saved != uid)
        return false;
    if (real_group != gid || effective_group != gid || saved_group != gid)
        return false;
    return uid == 0 || setuid(0) != 0;
}

bool process_become(const char *user, char *error, size_t error_size)
{
    const struct passwd *entry;
    uid_t uid;
    gid_t gid;

    if (user == NULL || geteuid() != 0)
        return true;
    errno = 0;
    entry = getpwnam(user);
    if (entry == NULL) {
        (void)snprintf(error, error_size, "user %s: %s", user,
                       errno != 0 ? strerror(errno) : "there is none");
        return false;
    }
    uid = entry->pw_uid;
    gid = entry->pw_gid;
    /* Groups first: afterwards there is no right to. */
    if (initgroups(user, gid) != 0 || setresgid(gid, gid, gid) != 0 ||
        setresuid(uid, uid, uid) != 0) {
        (void)snprintf(error, error_size, "user %s: %s", user, strerror(errno));
        return false;
    }
    if (!is_only(uid, gid)) {
        (void)snprintf(error, error_size, "user %s: root's rights remain",
                       user);
        return false;
    }
    return true;
}
