#include "cli/prompt.h"

#include <signal.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

static const int ending[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

/* As the terminal was, for on_signal. */
static struct termios shown;

/* Whoever ends us instead of answering gets the terminal back with its echo. */
static void on_signal(int number)
{
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &shown);
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

static void set_handlers(void (*handler)(int))
{
    for (size_t i = 0; i < ARRAY_LENGTH(ending); i++)
        (void)signal(ending[i], handler);
}

/* Octet by octet, so that nothing of it stays in a buffer of stdio's. */
static bool read_line(struct buf *line)
{
    unsigned char octet = 0;
    ssize_t got;

    while ((got = read(STDIN_FILENO, &octet, 1)) == 1 && octet != '\n')
        (void)buf_append_octet(line, octet);
    return (got == 1 || buf_length(line) > 0) && !buf_failed(line);
}

bool prompt_password(const char *question, struct buf *password)
{
    struct termios hidden;
    bool good;

    if (tcgetattr(STDIN_FILENO, &shown) != 0)
        return read_line(password);
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    set_handlers(on_signal);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    (void)fputs(question, stderr);
    good = read_line(password);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    set_handlers(SIG_DFL);
    (void)fputs("\n", stderr);
    return good;
}
