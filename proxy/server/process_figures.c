#include "server/process_figures.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/span.h"

/* /proc/self/stat has one line of about 300 octets. */
#define STAT_MAX 1024

/* proc(5): fields of that line, counted from 1; the second is the name in
 * parentheses, which may hold anything.
 */
enum { STAT_STATE = 3, STAT_THREADS = 20, STAT_VSIZE = 23, STAT_RSS = 24 };

static uint64_t ms_of(const struct timeval *t)
{
    return (uint64_t)t->tv_sec * 1000 + (uint64_t)t->tv_usec / 1000;
}

static struct span read_stat(char *text, size_t size)
{
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, size) : -1;
    char *name_end;

    if (fd >= 0)
        (void)close(fd);
    name_end = n > 0 ? memrchr(text, ')', (size_t)n) : NULL;
    if (name_end == NULL || name_end + 2 > text + n)
        return span_make(NULL, 0);
    return span_make(name_end + 2, (size_t)(text + n - name_end - 2));
}

static void take_stat(struct process_figures *f)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    char text[STAT_MAX];
    struct span rest = read_stat(text, sizeof(text));

    for (unsigned field = STAT_STATE; rest.len > 0; field++) {
        struct span word = span_take(&rest, span_find(rest, ' '));
        uint64_t value = 0;

        if (rest.len > 0)
            (void)span_take(&rest, 1);
        if (!span_to_number(word, UINT64_MAX, &value))
            continue;
        if (field == STAT_THREADS)
            f->threads = value;
        else if (field == STAT_VSIZE)
            f->virtual_octets = value;
        else if (field == STAT_RSS)
            f->resident_octets = value * page;
    }
}

/* Without `.`, `..` and the one that reads them. */
static uint64_t count_files(void)
{
    DIR *folder = opendir("/proc/self/fd");
    uint64_t count = 0;

    if (folder == NULL)
        return 0;
    while (readdir(folder) != NULL)
        count++;
    (void)closedir(folder);
    return count > 3 ? count - 3 : 0;
}

struct process_figures process_figures_read(void)
{
    struct process_figures f = { .open_files = count_files() };
    struct rusage usage;
    struct rlimit files;

    take_stat(&f);
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        f.cpu_ms = ms_of(&usage.ru_utime) + ms_of(&usage.ru_stime);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0)
        f.max_files = files.rlim_cur;
    return f;
}
