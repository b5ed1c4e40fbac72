/* containment.h - what the process gives up once it serves.
 *
 * Whoever finds a fault in us to run code through should find nothing to run it
 * with: no other program, no file to change, no debugger's calls, no rights to
 * win back. What stays is what serving takes: sockets, threads, memory, and
 * reading files (a new certificate, the resolver's configuration).
 *
 * Source: seccomp(2), landlock(7), prctl(2).
 */
#ifndef POPINJAY_CONTAINMENT_H
#define POPINJAY_CONTAINMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/attributes.h"

/* What becomes of a system call that serving does not take. */
enum containment_mode {
    CONTAINMENT_KILL, /* the kernel ends the process (SIGSYS) */
    CONTAINMENT_LOG,  /* it is let through, and stands in the kernel's log */
    CONTAINMENT_OFF,
};

/* Gives up, for good and for all threads that are started from here on: new
 * privileges through other programs, being traced or dumped by its own user,
 * changing and running files (where the kernel has Landlock), and, unless
 * |mode| says otherwise, the system calls that serving does not take. Call it
 * while there is one thread, with ports bound and the user changed.
 *
 * |replaces| is the process that is told to hand over once we serve, and the
 * only one that can then be sent a signal; 0: none. |folder|, if not NULL, is
 * where files may still be made, replaced and removed, where the kernel has
 * Landlock; where it has not, that is so wherever the user may.
 *
 * On failure |error| says why, and the process must end.
 */
MUST_CHECK bool containment_begin(enum containment_mode mode, pid_t replaces,
                                  const char *folder, char *error,
                                  size_t error_size);

/* The last of these, by itself: the filter of system calls; 0, or an errno.
 * |mode| is not CONTAINMENT_OFF; |writes|: new files may be made. Programs built with a sanitizer have none,
 * since it makes calls of its own; containment_has_filter() tells.
 */
MUST_CHECK int containment_filter_calls(enum containment_mode mode,
                                        pid_t replaces, bool writes);
bool containment_has_filter(void);

#endif
