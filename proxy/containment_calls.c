#include "containment.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attributes.h"

/* What libuv, OpenSSL, glibc (its resolver, allocator and threads) and we ask
 * of the kernel, whatever the arguments. What a processor does not have under
 * a name is left out by libseccomp.
 */
static const int allowed[] = {
    /* events */
    SCMP_SYS(epoll_create1),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_pwait2),
    SCMP_SYS(eventfd2),
    SCMP_SYS(pipe2),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(fcntl),
    /* octets */
    SCMP_SYS(read),
    SCMP_SYS(readv),
    SCMP_SYS(pread64),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(lseek),
    SCMP_SYS(close),
    SCMP_SYS(dup),
    SCMP_SYS(dup3),
    /* sockets */
    SCMP_SYS(bind),
    SCMP_SYS(listen),
    SCMP_SYS(accept),
    SCMP_SYS(accept4),
    SCMP_SYS(connect),
    SCMP_SYS(shutdown),
    SCMP_SYS(getsockname),
    SCMP_SYS(getpeername),
    SCMP_SYS(getsockopt),
    SCMP_SYS(setsockopt),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(recvmmsg),
    SCMP_SYS(sendto),
    SCMP_SYS(sendmsg),
    SCMP_SYS(sendmmsg),
    /* files, looked at: certificates, the configuration, the resolver's */
    SCMP_SYS(fstat),
    SCMP_SYS(fstatfs),
    SCMP_SYS(lstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(stat),
    SCMP_SYS(statfs),
    SCMP_SYS(statx),
    SCMP_SYS(access),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(getcwd),
    SCMP_SYS(getdents64),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    /* memory */
    SCMP_SYS(brk),
    SCMP_SYS(madvise),
    SCMP_SYS(mremap),
    SCMP_SYS(munmap),
    /* threads */
    SCMP_SYS(futex),
    SCMP_SYS(futex_time64),
    SCMP_SYS(membarrier),
    SCMP_SYS(rseq),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_yield),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    /* signals */
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall),
    /* time and chance */
    SCMP_SYS(clock_getres),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(nanosleep),
    SCMP_SYS(time),
    SCMP_SYS(getrandom),
    /* who we are, and what we use */
    SCMP_SYS(getpid),
    SCMP_SYS(getppid),
    SCMP_SYS(gettid),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(getresuid),
    SCMP_SYS(getresgid),
    SCMP_SYS(getrlimit),
    SCMP_SYS(getrusage),
    SCMP_SYS(sysinfo),
    SCMP_SYS(times),
    SCMP_SYS(uname),
    /* what some of these are called on processors of 32 bits */
    SCMP_SYS(_llseek),
    SCMP_SYS(clock_getres_time64),
    SCMP_SYS(clock_gettime64),
    SCMP_SYS(clock_nanosleep_time64),
    SCMP_SYS(fcntl64),
    SCMP_SYS(fstat64),
    SCMP_SYS(fstatat64),
    SCMP_SYS(fstatfs64),
    SCMP_SYS(getegid32),
    SCMP_SYS(geteuid32),
    SCMP_SYS(getgid32),
    SCMP_SYS(getresgid32),
    SCMP_SYS(getresuid32),
    SCMP_SYS(getuid32),
    SCMP_SYS(lstat64),
    SCMP_SYS(ppoll_time64),
    SCMP_SYS(recv),
    SCMP_SYS(recvmmsg_time64),
    SCMP_SYS(send),
    SCMP_SYS(sigreturn),
    SCMP_SYS(stat64),
    SCMP_SYS(statfs64),
    SCMP_SYS(ugetrlimit),
};

/* A call that depends on one of its arguments: (value & mask) == wanted. The
 * rules of one call exclude each other.
 */
struct rule {
    int call;
    unsigned argument;
    uint64_t mask;
    uint64_t wanted;
};

#define WHOLE UINT64_MAX

static const struct rule allowed_where[] = {
    { SCMP_SYS(socket), 0, WHOLE, AF_INET },
    { SCMP_SYS(socket), 0, WHOLE, AF_INET6 },
    { SCMP_SYS(socket), 0, WHOLE, AF_UNIX },    /* logs, service manager */
    { SCMP_SYS(socket), 0, WHOLE, AF_NETLINK }, /* getaddrinfo: addresses */
    { SCMP_SYS(socketpair), 0, WHOLE, AF_UNIX },
    { SCMP_SYS(openat), 2, O_ACCMODE | O_CREAT, O_RDONLY },
    /* Memory is written or run, never both; libraries that the resolver loads
     * late are run as they lie on disk.
     */
    { SCMP_SYS(mmap), 2, PROT_EXEC, 0 },
    { SCMP_SYS(mmap), 2, PROT_EXEC | PROT_WRITE, PROT_EXEC },
    { SCMP_SYS(mmap2), 2, PROT_EXEC, 0 },
    { SCMP_SYS(mmap2), 2, PROT_EXEC | PROT_WRITE, PROT_EXEC },
    { SCMP_SYS(mprotect), 2, PROT_EXEC, 0 },
    { SCMP_SYS(clone), 0, CLONE_THREAD, CLONE_THREAD }, /* no process */
    { SCMP_SYS(prlimit64), 2, WHOLE, 0 },               /* asking only */
    { SCMP_SYS(prctl), 0, WHOLE, PR_SET_NAME },
    { SCMP_SYS(ioctl), 1, WHOLE, FIONBIO },
    { SCMP_SYS(ioctl), 1, WHOLE, FIOCLEX },
    { SCMP_SYS(ioctl), 1, WHOLE, FIONREAD },
    { SCMP_SYS(ioctl), 1, WHOLE, TCGETS }, /* is standard error a terminal? */
    { SCMP_SYS(ioctl), 1, WHOLE, SIOCGIFINDEX },
    { SCMP_SYS(ioctl), 1, WHOLE, SIOCGIFNAME },
};

/* The same, where files are made that take the place of others: the only way to
 * write is to a file that was not there.
 */
static const struct rule allowed_to_writers[] = {
    { SCMP_SYS(openat), 2, O_ACCMODE | O_CREAT | O_EXCL,
      O_WRONLY | O_CREAT | O_EXCL },
    { SCMP_SYS(fsync), 0, 0, 0 },
    { SCMP_SYS(rename), 0, 0, 0 },
    { SCMP_SYS(renameat), 0, 0, 0 },
    { SCMP_SYS(renameat2), 0, 0, 0 },
    { SCMP_SYS(unlink), 0, 0, 0 },
    { SCMP_SYS(unlinkat), 0, 0, 0 },
    { SCMP_SYS(fchown), 0, 0, 0 }, /* as root: it stays the folder's owner's */
};

/* Answered with an error rather than by the end, since a library may try. */
static const struct refusal {
    struct rule rule;
    int error;
} refused[] = {
    /* Its arguments lie in memory, out of the filter's sight; the C library
     * then uses clone.
     */
    { { SCMP_SYS(clone3), 0, 0, 0 }, ENOSYS },
    { { SCMP_SYS(openat), 2, O_ACCMODE, O_RDWR }, EACCES },
    { { SCMP_SYS(openat), 2, O_ACCMODE | O_CREAT, O_WRONLY }, EACCES },
    { { SCMP_SYS(openat), 2, O_ACCMODE | O_CREAT | O_EXCL, O_WRONLY | O_CREAT },
      EACCES },
};

/* And this one of those that make no files. */
static const struct refusal refused_to_readers = {
    { SCMP_SYS(openat), 2, O_ACCMODE | O_CREAT | O_EXCL,
      O_WRONLY | O_CREAT | O_EXCL },
    EACCES
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
bool containment_has_filter(void)
{
    return false;
}
#else
bool containment_has_filter(void)
{
    return true;
}
#endif

static int add_rule(scmp_filter_ctx filter, uint32_t action,
                    const struct rule *r)
{
    return seccomp_rule_add(
        filter, action, r->call, 1,
        SCMP_CMP(r->argument, SCMP_CMP_MASKED_EQ, r->mask, r->wanted));
}

static int add_writing(scmp_filter_ctx filter, bool writes)
{
    int code = 0;

    if (!writes)
        return add_rule(filter,
                        SCMP_ACT_ERRNO((uint32_t)refused_to_readers.error),
                        &refused_to_readers.rule);
    for (size_t i = 0; code == 0 && i < ARRAY_LENGTH(allowed_to_writers); i++)
        code = add_rule(filter, SCMP_ACT_ALLOW, &allowed_to_writers[i]);
    return code;
}

static int add_rules(scmp_filter_ctx filter, pid_t replaces, bool writes)
{
    int code = 0;

    for (size_t i = 0; code == 0 && i < ARRAY_LENGTH(allowed); i++)
        code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
    for (size_t i = 0; code == 0 && i < ARRAY_LENGTH(allowed_where); i++)
        code = add_rule(filter, SCMP_ACT_ALLOW, &allowed_where[i]);
    for (size_t i = 0; code == 0 && i < ARRAY_LENGTH(refused); i++)
        code = add_rule(filter, SCMP_ACT_ERRNO((uint32_t)refused[i].error),
                        &refused[i].rule);
    if (code == 0)
        code = add_writing(filter, writes);
    /* abort() raises its signal in the thread that called it. */
    if (code == 0)
        code =
            seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                             SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
    if (code == 0 && replaces != 0)
        code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(kill), 2,
                                SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)replaces, 0),
                                SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)SIGUSR2, 0));
    return code;
}

int containment_filter_calls(enum containment_mode mode, pid_t replaces,
                             bool writes)
{
    uint32_t otherwise =
        mode == CONTAINMENT_LOG ? SCMP_ACT_LOG : SCMP_ACT_KILL_PROCESS;
    scmp_filter_ctx filter = seccomp_init(otherwise);
    int code;

    assert(mode != CONTAINMENT_OFF);
    if (filter == NULL)
        return ENOMEM;
    /* Calls of another processor's kind, such as 32-bit ones, as well; and a
     * tree instead of a list, since every call passes through it.
     */
    code = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, otherwise);
    if (code == 0)
        code = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (code == 0)
        code = add_rules(filter, replaces, writes);
    if (code == 0)
        code = seccomp_load(filter);
    seccomp_release(filter);
    return -code;
}
