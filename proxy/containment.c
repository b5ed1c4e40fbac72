#include "containment.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* By the version of Landlock that the kernel has: a right that it does not know
 * must not be named. Reading is not among them: names of certificates change
 * with a reload. Numbers, where the headers of the build may be older.
 */
#define FILE_CHANGES_V1                                               \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |     \
     LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
     LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |     \
     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |     \
     LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |   \
     LANDLOCK_ACCESS_FS_MAKE_SYM)
#define FILE_MOVES_V2 (1ULL << 13)     /* LANDLOCK_ACCESS_FS_REFER */
#define FILE_TRUNCATES_V3 (1ULL << 14) /* LANDLOCK_ACCESS_FS_TRUNCATE */

static int create_ruleset(const struct landlock_ruleset_attr *attr, size_t size,
                          uint32_t flags)
{
    return (int)syscall(SYS_landlock_create_ruleset, attr, size, flags);
}

#define FILES_KEPT                                                 \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | \
     LANDLOCK_ACCESS_FS_REMOVE_FILE)

/* New files, and what replaces one by them, below |folder|. */
static bool keep_folder(int rules, const char *folder)
{
    struct landlock_path_beneath_attr kept = { .allowed_access = FILES_KEPT };
    bool done;

    kept.parent_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (kept.parent_fd < 0)
        return false;
    done = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH,
                   &kept, 0) == 0;
    (void)close(kept.parent_fd);
    return done;
}

/* A ruleset: what it handles is denied everywhere but in |folder|. A kernel
 * without Landlock, or with it switched off, is no fault of the operator's.
 */
static bool give_up_files(const char *folder)
{
    struct landlock_ruleset_attr attr = { .handled_access_fs =
                                              FILE_CHANGES_V1 };
    int version = create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    int rules;
    bool done;

    if (version < 1)
        return true;
    if (version >= 2)
        attr.handled_access_fs |= FILE_MOVES_V2;
    if (version >= 3)
        attr.handled_access_fs |= FILE_TRUNCATES_V3;
    rules = create_ruleset(&attr, sizeof(attr), 0);
    if (rules < 0)
        return false;
    done = (folder == NULL || keep_folder(rules, folder)) &&
           syscall(SYS_landlock_restrict_self, rules, 0) == 0;
    (void)close(rules);
    return done;
}

bool containment_begin(enum containment_mode mode, pid_t replaces,
                       const char *folder, char *error, size_t error_size)
{
    int code;

    /* Both of the others ask for the first. */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        (void)snprintf(error, error_size, "privileges cannot be given up: %s",
                       strerror(errno));
        return false;
    }
    if (!give_up_files(folder)) {
        (void)snprintf(error, error_size, "files cannot be given up: %s",
                       strerror(errno));
        return false;
    }
    if (mode == CONTAINMENT_OFF || !containment_has_filter())
        return true;
    code = containment_filter_calls(mode, replaces, folder != NULL);
    if (code == 0)
        return true;
    (void)snprintf(error, error_size,
                   "no filter of system calls: %s; [server] seccomp = no does "
                   "without",
                   strerror(code));
    return false;
}
