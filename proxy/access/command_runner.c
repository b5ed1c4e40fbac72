#include "access/command_runner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"

#define RUNNER_FD 3 /* where the runner has its end: behind standard error */

const char *command_outcome_text(enum command_outcome outcome)
{
    switch (outcome) {
    case COMMAND_PRINTED:
        return "the command printed";
    case COMMAND_FAILED:
        return "the command failed: run it by hand to see why";
    case COMMAND_TIMED_OUT:
        return "the command took too long";
    case COMMAND_TOO_LONG:
        return "the command printed too much";
    case COMMAND_ABSENT:
        return "the command is not there, or may not be run";
    case COMMAND_UNKNOWN:
        return "the command is new: a restart is needed";
    case COMMAND_BUSY:
        return "too many commands run already";
    case COMMAND_GONE:
        break;
    }
    return "nobody runs commands: a restart is needed";
}

bool command_runner_is_needed(const struct config *config)
{
    for (size_t i = 0; i < config->oauth_count; i++)
        if (config->oauths[i].command != NULL)
            return true;
    return false;
}

/* --- the program itself --- */

/* Words between blanks, in |text|, which is cut up; ends with NULL. */
static bool split(char *text, char *words[COMMAND_WORDS_MAX + 1])
{
    size_t count = 0;
    char *word;

    while ((word = strsep(&text, " \t")) != NULL) {
        if (*word == '\0')
            continue;
        if (count == COMMAND_WORDS_MAX)
            return false;
        words[count++] = word;
    }
    words[count] = NULL;
    return count > 0;
}

#define EXIT_ABSENT 127

static _Noreturn void become(const char *command,
                             const struct command_question *q, int out)
{
    char source[COMMAND_NAME_MAX + 32];
    char account[COMMAND_NAME_MAX + 32];
    char path[] = "PATH=/usr/local/bin:/usr/bin:/bin";
    char *environment[] = { path, source, account, NULL };
    char *words[COMMAND_WORDS_MAX + 1];
    char *text = strdup(command);
    int nothing = open("/dev/null", O_RDWR);

    (void)snprintf(source, sizeof(source), "POPINJAY_SOURCE=%s", q->source);
    (void)snprintf(account, sizeof(account), "POPINJAY_ACCOUNT=%s", q->account);
    if (text == NULL || !split(text, words) || nothing < 0 ||
        dup2(nothing, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
        dup2(nothing, STDERR_FILENO) < 0)
        _exit(EXIT_ABSENT);
    (void)close_range(STDERR_FILENO + 1, ~0U, 0);
    (void)signal(SIGCHLD, SIG_DFL);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)execve(words[0], words, environment);
    _exit(EXIT_ABSENT);
}

/* --- one that stands by it, and answers --- */

static int64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Until the program has closed its output: COMMAND_PRINTED then. */
static enum command_outcome read_output(int from, struct command_answer *a)
{
    int64_t end_ms = now_ms() + COMMAND_TIMEOUT_MS;
    struct pollfd look = { .fd = from, .events = POLLIN };

    for (;;) {
        int64_t left_ms = end_ms - now_ms();
        size_t room = sizeof(a->printed) - a->length;
        ssize_t count;

        if (left_ms <= 0)
            return COMMAND_TIMED_OUT;
        if (poll(&look, 1, (int)left_ms) <= 0)
            continue;
        if (room == 0)
            return COMMAND_TOO_LONG;
        count = read(from, a->printed + a->length, room);
        if (count == 0)
            return COMMAND_PRINTED;
        if (count > 0)
            a->length += (uint32_t)count;
        else if (errno != EINTR)
            return COMMAND_FAILED;
    }
}

/* Who has closed its output has nothing more to say, but need not have ended. */
static bool ends_soon(pid_t program)
{
    struct pollfd look = { .fd = pidfd_open(program, 0), .events = POLLIN };
    int64_t end_ms = now_ms() + COMMAND_END_MS;
    int64_t left_ms = COMMAND_END_MS;
    int ended = 0;

    while (look.fd >= 0 && ended <= 0 && left_ms > 0) {
        ended = poll(&look, 1, (int)left_ms);
        left_ms = end_ms - now_ms();
    }
    if (look.fd >= 0)
        (void)close(look.fd);
    return ended > 0;
}

static enum command_outcome run(const char *command,
                                const struct command_question *q,
                                struct command_answer *a)
{
    enum command_outcome outcome;
    int ends[2];
    int status = 0;
    pid_t program;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return COMMAND_BUSY;
    program = fork();
    if (program == 0) {
        (void)setpgid(0, 0);
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        become(command, q, ends[1]);
    }
    (void)close(ends[1]);
    if (program < 0)
        return COMMAND_BUSY;
    (void)setpgid(program, program);
    outcome = read_output(ends[0], a);
    if (outcome == COMMAND_PRINTED && !ends_soon(program))
        outcome = COMMAND_TIMED_OUT;
    /* It has said all it had to say; what it began ends with it. */
    if (outcome != COMMAND_PRINTED)
        (void)kill(-program, SIGKILL);
    while (waitpid(program, &status, 0) < 0 && errno == EINTR)
        continue;
    (void)kill(-program, SIGKILL);
    if (outcome != COMMAND_PRINTED ||
        (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS))
        return outcome;
    return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_ABSENT
               ? COMMAND_ABSENT
               : COMMAND_FAILED;
}

static void answer(struct command_answer *a, enum command_outcome outcome)
{
    a->outcome = outcome;
    if (outcome != COMMAND_PRINTED)
        a->length = 0;
    (void)send(RUNNER_FD, a,
               offsetof(struct command_answer, printed) + a->length,
               MSG_NOSIGNAL);
}

static const char *command_of(const struct config *config, const char *source)
{
    for (size_t i = 0; i < config->oauth_count; i++)
        if (strcmp(config->oauths[i].name, source) == 0)
            return config->oauths[i].command;
    return NULL;
}

/* --- the runner --- */

static unsigned running; /* that stand by */

static void reap(void)
{
    while (running > 0 && waitpid(-1, NULL, WNOHANG) > 0)
        running--;
}

static void serve(const struct config *config, const struct command_question *q)
{
    struct command_answer a = { .number = q->number };
    const char *command = command_of(config, q->source);
    pid_t child;

    reap();
    if (command == NULL || running == COMMANDS_MAX) {
        answer(&a, command == NULL ? COMMAND_UNKNOWN : COMMAND_BUSY);
        return;
    }
    child = fork();
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        answer(&a, run(command, q, &a));
        wipe(&a, sizeof(a));
        _exit(EXIT_SUCCESS);
    }
    if (child < 0)
        answer(&a, COMMAND_BUSY);
    else
        running++;
}

/* Signals are the other process's business: this one ends when its end of the
 * socket is closed.
 */
static _Noreturn void run_all(const struct config *config)
{
    static const int left_alone[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1,
                                      SIGUSR2 };
    struct command_question q;
    ssize_t count;

    (void)prctl(PR_SET_NAME, "popinjay-run");
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    for (size_t i = 0; i < ARRAY_LENGTH(left_alone); i++)
        (void)signal(left_alone[i], SIG_IGN);
    for (;;) {
        count = recv(RUNNER_FD, &q, sizeof(q), 0);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            _exit(EXIT_SUCCESS);
        q.source[sizeof(q.source) - 1] = '\0';
        q.account[sizeof(q.account) - 1] = '\0';
        if (count == sizeof(q))
            serve(config, &q);
    }
}

bool command_runner_start(const struct config *config, int *fd, char *error,
                          size_t error_size)
{
    int ends[2];
    pid_t child;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        (void)snprintf(error, error_size, "no runner of commands: %s",
                       strerror(errno));
        return false;
    }
    child = fork();
    if (child == 0) {
        if (dup2(ends[1], RUNNER_FD) < 0)
            _exit(EXIT_FAILURE);
        (void)close_range(RUNNER_FD + 1, ~0U, 0);
        run_all(config);
    }
    (void)close(ends[1]);
    if (child > 0) {
        *fd = ends[0];
        return true;
    }
    (void)snprintf(error, error_size, "no runner of commands: %s",
                   strerror(errno));
    (void)close(ends[0]);
    return false;
}
