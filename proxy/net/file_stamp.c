#include "net/file_stamp.h"

#include <sys/stat.h>

struct file_stamp file_stamp_of(const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return (struct file_stamp){ .inode = 0 };
    return (struct file_stamp){ .device = st.st_dev,
                                .inode = st.st_ino,
                                .size_octets = st.st_size,
                                .changed = st.st_ctim };
}

bool file_stamp_equals(const struct file_stamp *a, const struct file_stamp *b)
{
    return a->device == b->device && a->inode == b->inode &&
           a->size_octets == b->size_octets &&
           a->changed.tv_sec == b->changed.tv_sec &&
           a->changed.tv_nsec == b->changed.tv_nsec;
}
