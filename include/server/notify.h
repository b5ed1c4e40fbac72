/* notify.h - what the service manager is told of the process's life.
 *
 * Source: CONFORMANCE SD-1 to SD-4; sd_notify(3), which documents the protocol
 * and says that it is stable: datagrams of KEY=VALUE lines to the socket that
 * NOTIFY_SOCKET names. Without that, nothing is done.
 * Thread: one.
 */
#ifndef POPINJAY_SERVER_NOTIFY_H
#define POPINJAY_SERVER_NOTIFY_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/attributes.h"

/* Of one message; what is longer is cut. */
#define NOTIFY_MAX 1024

struct notify {
    int fd; /* -1: nobody wants to be told */
    struct sockaddr_un address;
    socklen_t address_len;
    uint64_t watchdog_ms; /* a sign of life is due that often; 0: none is */
};

/* Reads the environment. Call it before privileges are dropped. */
void notify_init(struct notify *n);
void notify_fini(struct notify *n);

/* `READY=1\nSTATUS=...`; a message that cannot be sent is lost. */
void notify_send(const struct notify *n, const char *format, ...)
    PRINTF_LIKE(2, 3);

/* The same with the time of now, as RELOADING=1 wants it. */
void notify_reloading(const struct notify *n);

#endif
