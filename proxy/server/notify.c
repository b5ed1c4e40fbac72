#include "server/notify.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/span.h"

/* Of |text| as a whole; 0 where it is none, or NULL. */
static uint64_t number(const char *text)
{
    uint64_t value = 0;

    if (text != NULL &&
        !span_to_number(span_from_string(text), UINT64_MAX, &value))
        return 0;
    return value;
}

/* A path, or with '@' a name in the abstract namespace: unix(7). */
static bool find_socket(struct notify *n)
{
    const char *path = getenv("NOTIFY_SOCKET");
    size_t length = path != NULL ? strlen(path) : 0;

    if (length < 2 || (path[0] != '/' && path[0] != '@') ||
        length >= sizeof(n->address.sun_path))
        return false;
    n->address.sun_family = AF_UNIX;
    memcpy(n->address.sun_path, path, length + 1);
    n->address_len =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    if (path[0] == '@')
        n->address.sun_path[0] = '\0';
    else
        n->address_len++; /* the NUL */
    return true;
}

/* Half of what the manager waits for, as it advises. */
static uint64_t watchdog_period_ms(void)
{
    const char *whose = getenv("WATCHDOG_PID");

    if (whose != NULL && number(whose) != (uint64_t)getpid())
        return 0;
    return number(getenv("WATCHDOG_USEC")) / 2000;
}

void notify_init(struct notify *n)
{
    *n = (struct notify){ .fd = -1 };
    if (!find_socket(n))
        return;
    n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (n->fd >= 0)
        n->watchdog_ms = watchdog_period_ms();
}

void notify_fini(struct notify *n)
{
    if (n->fd >= 0)
        (void)close(n->fd);
    n->fd = -1;
}

void notify_send(const struct notify *n, const char *format, ...)
{
    char text[NOTIFY_MAX];
    va_list args;

    if (n->fd < 0)
        return;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    (void)sendto(n->fd, text, strlen(text), MSG_NOSIGNAL,
                 (const struct sockaddr *)&n->address, n->address_len);
}

void notify_reloading(const struct notify *n)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    notify_send(n, "RELOADING=1\nMONOTONIC_USEC=%llu",
                (unsigned long long)now.tv_sec * 1000000 +
                    (unsigned long long)now.tv_nsec / 1000);
}
