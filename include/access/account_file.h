/* account_file.h - accounts.conf on disk, read to be changed and put back whole.
 *
 * Between open and close the folder that it lies in is locked (flock(2)), so
 * that of two who edit it at once the second sees what the first has written.
 * The new text is a file of its own until it has been read as accounts.conf is,
 * and has reached the disk; then it takes the old one's name. At no moment is
 * there half a file, or one that others may read: mode 0600, the owner as
 * before.
 */
#ifndef POPINJAY_ACCESS_ACCOUNT_FILE_H
#define POPINJAY_ACCESS_ACCOUNT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "config.h"

struct account_file {
    char *path;
    int folder;  /* locked; -1: not open */
    uid_t owner; /* of the file */
    gid_t group;
    bool is_new;     /* there was none */
    struct buf text; /* to be edited: account_text.h */
};

/* Waits for whoever is at it, a few seconds at most. A file that is not there is empty, and will belong
 * to |owner| and |group|. False: one line in |error|, and nothing is open.
 */
MUST_CHECK bool account_file_open(struct account_file *f, const char *path,
                                  uid_t owner, gid_t group, char *error,
                                  size_t error_size);

/* What would be wrong with the new file, also along with |config| and |key|
 * (accounts_judge), is said as if it were the old one. On failure that stays as
 * it was.
 */
MUST_CHECK bool account_file_save(struct account_file *f,
                                  const struct config *config, struct span key,
                                  char *error, size_t error_size);

/* After a failed open as well. */
void account_file_close(struct account_file *f);

#endif
