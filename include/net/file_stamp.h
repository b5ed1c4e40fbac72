/* file_stamp.h - whether a file is still what it was, without reading it.
 *
 * Source: stat(2). The time of change, unlike that of modification, moves with
 * every write, chmod, chown and rename, and nobody can set it back.
 */
#ifndef POPINJAY_NET_FILE_STAMP_H
#define POPINJAY_NET_FILE_STAMP_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* All zero: there is no such file. */
struct file_stamp {
    uint64_t device;
    uint64_t inode;
    int64_t size_octets;
    struct timespec changed;
};

/* Symbolic links are followed: what counts is what would be read. */
struct file_stamp file_stamp_of(const char *path);

bool file_stamp_equals(const struct file_stamp *a, const struct file_stamp *b);

#endif
