/* test_containment.c - what is given up is gone, and what serving takes is not.
 *
 * Each attempt is made in a process of its own, contained as the proxy is.
 */
#include "containment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/attributes.h"

#define NOT_CONTAINED 99

/* What an attempt says by its exit code: 0, or an errno. */
struct attempt {
    const char *name;
    int (*run)(void);
};

static int result(long code)
{
    return code >= 0 ? 0 : errno;
}

/* 0, or the process that is told to hand over. */
static pid_t replaces;
/* NULL, or where files may be made. */
static const char *folder;

/* The status, as wait() has it, of a process that made the attempt. */
static int status_of(const struct attempt *a, enum containment_mode mode)
{
    char error[256];
    int status = 0;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        if (!containment_begin(mode, replaces, folder, error, sizeof(error)))
            _exit(NOT_CONTAINED);
        _exit(a->run());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void check_exit(const struct attempt *a, enum containment_mode mode,
                       int expected)
{
    int status = status_of(a, mode);

    if (!WIFEXITED(status) || WEXITSTATUS(status) != expected)
        fail_msg("%s: status %x, not exit %d", a->name, (unsigned)status,
                 expected);
}

/* --- what nobody may do any more --- */

static int run_a_program(void)
{
    char *const arguments[] = { (char *)(uintptr_t) "true", NULL };

    return result(execve("/bin/true", arguments, arguments + 1));
}

static int make_a_process(void)
{
    return result(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL));
}

static int be_traced(void)
{
    return result(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int read_a_process(void)
{
    return result(process_vm_readv(getppid(), NULL, 0, NULL, 0, 0));
}

static int signal_a_process(void)
{
    return result(kill(getppid(), 0));
}

static int mount_a_folder(void)
{
    return result(mount("none", "/nowhere", "tmpfs", 0, NULL));
}

static int leave_a_namespace(void)
{
    return result(unshare(CLONE_NEWNET));
}

static int become_another(void)
{
    return result(setuid(1));
}

static int move_a_file(void)
{
    return result(rename("/nowhere/a", "/nowhere/b"));
}

static int remove_a_file(void)
{
    return result(unlink("/nowhere/a"));
}

static int load_a_module(void)
{
    return result(syscall(SYS_finit_module, -1, "", 0));
}

static int use_a_ring(void)
{
    return result(syscall(SYS_io_uring_setup, 1, NULL));
}

static int see_all_packets(void)
{
    return result(socket(AF_PACKET, SOCK_RAW, 0));
}

static int run_what_it_wrote(void)
{
    return mmap(NULL, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
                -1, 0) != MAP_FAILED
               ? 0
               : errno;
}

static int run_what_it_has_written(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return result(mprotect(page, 4096, PROT_READ | PROT_EXEC));
}

static const struct attempt forbidden[] = {
    { "run a program", run_a_program },
    { "make a process", make_a_process },
    { "be traced", be_traced },
    { "read a process", read_a_process },
    { "signal a process", signal_a_process },
    { "mount", mount_a_folder },
    { "leave a namespace", leave_a_namespace },
    { "become another user", become_another },
    { "move a file", move_a_file },
    { "remove a file", remove_a_file },
    { "load a module", load_a_module },
    { "use a ring", use_a_ring },
    { "see all packets", see_all_packets },
    { "map memory to write and run", run_what_it_wrote },
    { "run what it wrote", run_what_it_has_written },
};

static void test_the_kernel_ends_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(forbidden); i++) {
        int status = status_of(&forbidden[i], CONTAINMENT_KILL);

        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
            fail_msg("%s: status %x", forbidden[i].name, (unsigned)status);
    }
}

/* It then goes as it would without us. */
static void test_it_is_let_through_where_only_logged(void **state)
{
    static const struct attempt harmless = { "signal", signal_a_process };

    (void)state;
    check_exit(&harmless, CONTAINMENT_LOG, 0);
    check_exit(&harmless, CONTAINMENT_OFF, 0);
}

static int write_a_file(void)
{
    return result(open("/dev/null", O_WRONLY));
}

static int make_a_file(void)
{
    return result(open("/tmp/popinjay-test-contained", O_RDWR | O_CREAT, 0600));
}

static void test_a_file_opened_for_writing_is_an_error(void **state)
{
    static const struct attempt attempts[] = {
        { "write a file", write_a_file },
        { "make a file", make_a_file },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(attempts); i++)
        check_exit(&attempts[i], CONTAINMENT_KILL, EACCES);
}

/* --- one folder --- */

static char mine[] = "/tmp/test_containment.XXXXXX";

/* |flags| of a file of that |name| in that folder; then it is renamed, and
 * removed.
 */
static int make_in(const char *where, int flags)
{
    char from[64];
    char to[64];
    int fd;

    (void)snprintf(from, sizeof(from), "%s/a", where);
    (void)snprintf(to, sizeof(to), "%s/b", where);
    fd = open(from, flags, 0600);
    if (fd < 0 || write(fd, "x", 1) != 1 || fsync(fd) != 0)
        return errno;
    return rename(from, to) == 0 ? result(unlink(to)) : errno;
}

static int make_a_new_file(void)
{
    return make_in(mine, O_WRONLY | O_CREAT | O_EXCL);
}

static int make_any_file(void)
{
    return make_in(mine, O_WRONLY | O_CREAT);
}

static int make_a_new_file_elsewhere(void)
{
    return make_in("/tmp", O_WRONLY | O_CREAT | O_EXCL);
}

static int remove_elsewhere(void)
{
    return result(rmdir("/tmp"));
}

static bool has_landlock(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0,
                   LANDLOCK_CREATE_RULESET_VERSION) >= 1;
}

static void test_one_folder_can_be_written_to(void **state)
{
    static const struct attempt make = { "make", make_a_new_file };
    static const struct attempt any = { "make any", make_any_file };
    static const struct attempt other = { "elsewhere",
                                          make_a_new_file_elsewhere };
    static const struct attempt remove = { "remove", remove_elsewhere };
    int status;

    (void)state;
    assert_non_null(mkdtemp(mine));
    folder = mine;
    check_exit(&make, CONTAINMENT_KILL, 0);
    check_exit(&any, CONTAINMENT_KILL, EACCES);
    if (has_landlock())
        check_exit(&other, CONTAINMENT_KILL, EACCES);
    status = status_of(&remove, CONTAINMENT_KILL);
    assert_true(WIFSIGNALED(status));
    folder = NULL;
    check_exit(&make, CONTAINMENT_KILL, EACCES);
    assert_int_equal(rmdir(mine), 0);
}

/* --- one process --- */

static int ask_to_hand_over(void)
{
    return result(kill(replaces, SIGUSR2));
}

static int end_what_is_replaced(void)
{
    return result(kill(replaces, SIGKILL));
}

/* That process, by that signal, and no other by any: see also `signal a process`
 * above. It is one of our own, which waits to be told.
 */
static void test_one_process_can_be_told_to_hand_over(void **state)
{
    static const struct attempt ask = { "ask", ask_to_hand_over };
    static const struct attempt end = { "end", end_what_is_replaced };
    int status = 0;

    (void)state;
    replaces = fork();
    assert_true(replaces >= 0);
    if (replaces == 0)
        for (;;)
            (void)pause();
    status = status_of(&end, CONTAINMENT_KILL);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSYS);
    check_exit(&ask, CONTAINMENT_KILL, 0);
    assert_int_equal(waitpid(replaces, &status, 0), replaces);
    replaces = 0;
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGUSR2);
}

/* --- whatever the mode --- */

/* Where the kernel has no Landlock, files are left to the filter and to the
 * user's rights, and the process starts all the same.
 */
static void test_files_are_only_read(void **state)
{
    static const struct attempt attempts[] = {
        { "run a program", run_a_program },
        { "write a file", write_a_file },
        { "make a file", make_a_file },
    };

    (void)state;
    for (size_t i = 0; has_landlock() && i < ARRAY_LENGTH(attempts); i++)
        check_exit(&attempts[i], CONTAINMENT_OFF, EACCES);
}

static int tell_of_privileges(void)
{
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 &&
                   prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0
               ? 0
               : 1;
}

static void test_no_new_privileges_and_no_dump(void **state)
{
    static const struct attempt tell = { "tell", tell_of_privileges };

    (void)state;
    check_exit(&tell, CONTAINMENT_OFF, 0);
}

/* --- what serving takes --- */

static int read_a_file(void)
{
    char octet;
    int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

    return fd < 0 ? errno : result(read(fd, &octet, 1));
}

static void *nothing(void *arg)
{
    return arg;
}

static int start_a_thread(void)
{
    pthread_t thread;
    int code = pthread_create(&thread, NULL, nothing, NULL);

    return code != 0 ? code : pthread_join(thread, NULL);
}

static int look_up_a_name(void)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                                    .ai_flags = AI_ADDRCONFIG };
    struct addrinfo *found = NULL;

    if (getaddrinfo("localhost", "993", &hints, &found) != 0)
        return 1;
    freeaddrinfo(found);
    return 0;
}

/* No answer is awaited: the call itself must be allowed. */
static int speak_to_each_family(void)
{
    static const int families[] = { AF_INET, AF_INET6, AF_UNIX };

    for (size_t i = 0; i < ARRAY_LENGTH(families); i++) {
        int fd = socket(families[i], SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0 && errno != EAFNOSUPPORT)
            return errno;
        if (fd >= 0)
            (void)close(fd);
    }
    return 0;
}

static int take_memory(void)
{
    void *memory = malloc((size_t)1 << 22);
    void *larger = realloc(memory, (size_t)1 << 24);

    free(larger);
    return larger != NULL ? 0 : ENOMEM;
}

static void test_serving_goes_on(void **state)
{
    static const struct attempt attempts[] = {
        { "read a file", read_a_file },
        { "start a thread", start_a_thread },
        { "look up a name", look_up_a_name },
        { "open sockets", speak_to_each_family },
        { "take memory", take_memory },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(attempts); i++)
        check_exit(&attempts[i], CONTAINMENT_KILL, 0);
}

static int fail_an_assertion(void)
{
    abort();
}

/* An assertion of ours still has its own name in the service manager's log. */
static void test_an_abort_is_an_abort(void **state)
{
    static const struct attempt aborting = { "abort", fail_an_assertion };
    int status = status_of(&aborting, CONTAINMENT_KILL);

    (void)state;
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

int main(void)
{
    const struct CMUnitTest always[] = {
        cmocka_unit_test(test_files_are_only_read),
        cmocka_unit_test(test_no_new_privileges_and_no_dump),
        cmocka_unit_test(test_serving_goes_on),
        cmocka_unit_test(test_an_abort_is_an_abort),
    };
    const struct CMUnitTest filtered[] = {
        cmocka_unit_test(test_the_kernel_ends_it),
        cmocka_unit_test(test_it_is_let_through_where_only_logged),
        cmocka_unit_test(test_a_file_opened_for_writing_is_an_error),
        cmocka_unit_test(test_one_folder_can_be_written_to),
        cmocka_unit_test(test_one_process_can_be_told_to_hand_over),
    };
    int failed = cmocka_run_group_tests(always, NULL, NULL);

    if (containment_has_filter())
        failed += cmocka_run_group_tests(filtered, NULL, NULL);
    return failed;
}
