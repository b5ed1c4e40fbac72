/* libuv closes descriptors by the bare system call, lest the thread sanitizer
 * think it a place where a thread may be cancelled (uv__close_nocancel). The
 * sanitizer does not see such an end: a descriptor that another thread is given
 * next is to it still the one that libuv had, and the first use of it a race.
 *
 * So programs of the thread sanitizer's build have a syscall(2) of their own,
 * which libuv finds before that of the C library: a close goes where the
 * sanitizer looks, all else where it always went. */
#include <dlfcn.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ARGUMENTS_MAX = 6 };

typedef long system_call(long number, ...);

static system_call *real_syscall(void)
{
    static _Atomic(system_call *) found;
    system_call *known = found;

    if (known == NULL) {
        /* POSIX lets a symbol's address be a function's; C does not say so. */
        *(void **)&known = dlsym(RTLD_NEXT, "syscall");
        found = known;
    }
    return known;
}

long syscall(long number, ...)
{
    long args[ARGUMENTS_MAX];
    va_list list;

    va_start(list, number);
    for (int i = 0; i < ARGUMENTS_MAX; i++)
        args[i] = va_arg(list, long); /* as the C library: it reads them all */
    va_end(list);
    if (number == SYS_close)
        return close((int)args[0]);
    return real_syscall()(number, args[0], args[1], args[2], args[3], args[4],
                          args[5]);
}
