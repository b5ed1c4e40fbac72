#include "bench/options.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/span.h"

void die(int code, const char *text, ...)
{
    va_list args;

    va_start(args, text);
    (void)vfprintf(stderr, text, args);
    va_end(args);
    (void)fputc('\n', stderr);
    exit(code);
}

void raise_open_files(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return;
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
}

uint64_t option_number(const char *name, const char *text, uint64_t min,
                       uint64_t max)
{
    uint64_t value;

    if (!span_to_number(span_from_string(text), max, &value) || value < min)
        die(EXIT_USAGE, "--%s: %s is not a number from %llu to %llu", name,
            text, (unsigned long long)min, (unsigned long long)max);
    return value;
}

unsigned option_choice(const char *name, const char *text,
                       const char *const *names)
{
    for (unsigned i = 0; names[i] != NULL; i++)
        if (strcmp(text, names[i]) == 0)
            return i;
    die(EXIT_USAGE, "--%s: %s is not known", name, text);
}

bool option_tls(const char *text)
{
    static const char *const names[] = { "none", "implicit", NULL };

    return option_choice("tls", text, names) == 1;
}

void option_require(const char *name, const void *value)
{
    if (value == NULL)
        die(EXIT_USAGE, "--%s is needed", name);
}
