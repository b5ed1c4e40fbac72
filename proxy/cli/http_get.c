#include "cli/http_get.h"

#include <errno.h>
#include <llhttp.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/limits.h"

#define PORT_TEXT_MAX 8
#define REQUEST_MAX 512

struct answer {
    llhttp_t parser;
    struct buf *body;
    bool is_complete;
    bool is_late;
};

/* With the time-outs below, connect() says EINPROGRESS, recv() EAGAIN. */
static bool is_late(int why)
{
    return why == EINPROGRESS || why == EAGAIN || why == EWOULDBLOCK;
}

static void say_late(char *error, size_t error_size)
{
    (void)snprintf(error, error_size, "no answer in %d s",
                   STATUS_TIMEOUT_MS / 1000);
}

/* --- connecting --- */

static int connect_to(const struct addrinfo *at)
{
    const struct timeval patience = { .tv_sec = STATUS_TIMEOUT_MS / 1000 };
    int fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, 0);
    int why;

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (connect(fd, at->ai_addr, at->ai_addrlen) == 0)
        return fd;
    why = errno;
    (void)close(fd);
    errno = why;
    return -1;
}

static int dial(const char *host, uint16_t port, char *error, size_t error_size)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *all = NULL;
    char digits[PORT_TEXT_MAX];
    int fd = -1;
    int code;

    (void)snprintf(digits, sizeof(digits), "%u", (unsigned)port);
    code = getaddrinfo(host, digits, &hints, &all);
    if (code != 0) {
        (void)snprintf(error, error_size, "%s", gai_strerror(code));
        return -1;
    }
    for (const struct addrinfo *a = all; a != NULL && fd < 0; a = a->ai_next)
        fd = connect_to(a);
    if (fd < 0 && is_late(errno))
        say_late(error, error_size);
    else if (fd < 0)
        (void)snprintf(error, error_size, "%s", strerror(errno));
    freeaddrinfo(all);
    return fd;
}

/* --- asking --- */

static bool ask(int fd, const char *host, const char *path)
{
    char request[REQUEST_MAX];
    int length = snprintf(request, sizeof(request),
                          "GET %s HTTP/1.1\r\nHost: %s\r\n"
                          "Connection: close\r\n\r\n",
                          path, strchr(host, ':') == NULL ? host : "localhost");

    return length > 0 && (size_t)length < sizeof(request) &&
           send(fd, request, (size_t)length, MSG_NOSIGNAL) == length;
}

static int on_body(llhttp_t *parser, const char *at, size_t length)
{
    struct answer *a = parser->data;

    return buf_append(a->body, span_make(at, length)) ? 0 : -1;
}

static int on_complete(llhttp_t *parser)
{
    struct answer *a = parser->data;

    a->is_complete = true;
    return HPE_PAUSED;
}

/* Whoever stops a program at its terminal, and lets it go on, ends what it waits
 * for where that has a time-out: signal(7).
 */
static ssize_t receive(int fd, char *octets, size_t size)
{
    ssize_t got;

    do {
        got = recv(fd, octets, size, 0);
    } while (got < 0 && errno == EINTR);
    return got;
}

static bool hear(int fd, struct answer *a)
{
    char octets[READ_CHUNK];
    ssize_t got = 0;

    while (!a->is_complete && (got = receive(fd, octets, sizeof(octets))) > 0)
        if (llhttp_execute(&a->parser, octets, (size_t)got) != HPE_OK &&
            !a->is_complete)
            return false;
    a->is_late = got < 0 && is_late(errno);
    return a->is_complete || llhttp_finish(&a->parser) == HPE_OK;
}

bool http_get(const char *host, uint16_t port, const char *path,
              struct buf *body, char *error, size_t error_size)
{
    struct answer answer = { .body = body };
    llhttp_settings_t settings;
    int fd = dial(host, port, error, error_size);
    bool heard;

    if (fd < 0)
        return false;
    llhttp_settings_init(&settings);
    settings.on_body = on_body;
    settings.on_message_complete = on_complete;
    llhttp_init(&answer.parser, HTTP_RESPONSE, &settings);
    answer.parser.data = &answer;
    heard = ask(fd, host, path) && hear(fd, &answer);
    (void)close(fd);
    if (heard && answer.parser.status_code == 200)
        return true;
    if (heard && answer.parser.status_code != 0)
        (void)snprintf(error, error_size, "it answers %u",
                       (unsigned)answer.parser.status_code);
    else if (answer.is_late)
        say_late(error, error_size);
    else
        (void)snprintf(error, error_size, "no answer in HTTP");
    return false;
}
