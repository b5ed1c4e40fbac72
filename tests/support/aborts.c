#include "support/aborts.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void run_quietly(void (*run)(void))
{
    struct rlimit no_core = { 0, 0 };
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

    setrlimit(RLIMIT_CORE, &no_core);
    signal(SIGABRT, SIG_DFL);
    if (null >= 0)
        dup2(null, STDERR_FILENO);
    run();
    _exit(0);
}

void aborts_check(void (*run)(void), const char *file, int line)
{
    pid_t child = fork();
    int status = 0;

    if (child == 0)
        run_quietly(run);
    if (child > 0 && waitpid(child, &status, 0) == child &&
        WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT)
        return;
    print_error("expected abort(), got wait status %d\n", status);
    _fail(file, line);
}
