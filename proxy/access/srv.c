#include "access/srv.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

/* --- which --- */

static bool is_before(const struct srv_target *a, const struct srv_target *b)
{
    if (a->priority != b->priority)
        return a->priority < b->priority;
    if (a->weight != b->weight)
        return a->weight > b->weight;
    if (strcmp(a->host, b->host) != 0)
        return strcmp(a->host, b->host) < 0;
    return a->port < b->port;
}

void srv_records_add(struct srv_records *records,
                     const struct srv_target *target)
{
    size_t i = records->count;

    if (i == UPSTREAM_SERVERS_MAX) {
        i--;
        if (!is_before(target, &records->at[i]))
            return;
    } else {
        records->count++;
    }
    for (; i > 0 && is_before(target, &records->at[i - 1]); i--)
        records->at[i] = records->at[i - 1];
    records->at[i] = *target;
}

/* A question that was not answered may hide records, so the other one's are not
 * taken for all that there is.
 */
const struct srv_records *srv_choose(const struct srv_records *imaps,
                                     const struct srv_records *imap,
                                     const char *domain, enum tls_mode *tls,
                                     char *problem, size_t problem_size)
{
    const struct srv_records *failed =
        imaps->state == SRV_FAILED ? imaps : imap;

    if (imaps->state == SRV_THERE) {
        *tls = TLS_MODE_IMPLICIT;
        return imaps;
    }
    if (failed->state == SRV_FAILED) {
        (void)snprintf(problem, problem_size,
                       "the name server was asked for %s._tcp.%s: %s",
                       failed == imaps ? "_imaps" : "_imap", domain,
                       failed->problem);
        return NULL;
    }
    if (imap->state == SRV_THERE) {
        *tls = TLS_MODE_STARTTLS;
        return imap;
    }
    (void)snprintf(problem, problem_size,
                   imaps->state == SRV_ABSENT || imap->state == SRV_ABSENT
                       ? "%s says that it has no IMAP server (a target of .)"
                       : "there is neither _imaps._tcp.%s nor _imap._tcp of it",
                   domain);
    return NULL;
}

/* --- asking --- */

static bool is_in_label(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool srv_is_host(const char *host)
{
    bool in_label = false;

    for (; *host != '\0'; host++) {
        if (!is_in_label(*host) && (*host != '.' || !in_label))
            return false;
        in_label = *host != '.';
    }
    return in_label;
}

/* False: it is none, or of none: `.`, or port 0. */
static bool read_target(const struct ares_srv_reply *reply,
                        struct srv_target *target)
{
    size_t length = strlen(reply->host);

    *target = (struct srv_target){ .port = reply->port,
                                   .priority = reply->priority,
                                   .weight = reply->weight };
    if (length > 0 && reply->host[length - 1] == '.')
        length--;
    if (length > HOST_NAME_MAX_OCTETS || reply->port == 0)
        return false;
    memcpy(target->host, reply->host, length);
    target->host[length] = '\0';
    return srv_is_host(target->host);
}

static void take(struct srv_records *records,
                 const struct ares_srv_reply *reply)
{
    struct srv_target target;

    for (; reply != NULL; reply = reply->next)
        if (read_target(reply, &target))
            srv_records_add(records, &target);
    records->state = records->count > 0 ? SRV_THERE : SRV_ABSENT;
}

static void fail(struct srv_records *records, int status)
{
    records->state = status == ARES_ENOTFOUND || status == ARES_ENODATA
                         ? SRV_NONE
                         : SRV_FAILED;
    records->problem =
        ares_strerror(status == ARES_ECANCELLED ? ARES_ETIMEOUT : status);
}

static void on_answer(void *data, int status, int timeouts,
                      unsigned char *octets, int length)
{
    struct srv_records *records = data;
    struct ares_srv_reply *reply = NULL;

    (void)timeouts;
    if (status == ARES_SUCCESS)
        status = ares_parse_srv_reply(octets, length, &reply);
    if (status == ARES_SUCCESS)
        take(records, reply);
    else
        fail(records, status);
    ares_free_data(reply);
}

/* What the channel waits for; the count of it. */
static nfds_t find_sockets(ares_channel channel,
                           struct pollfd polled[ARES_GETSOCK_MAXNUM])
{
    ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
    unsigned wanted =
        (unsigned)ares_getsock(channel, sockets, ARES_GETSOCK_MAXNUM);
    nfds_t count = 0;

    for (unsigned i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
        /* As its macros do, which shift into the sign. */
        bool reads = (wanted & BIT(i)) != 0;
        bool writes = (wanted & BIT(i + ARES_GETSOCK_MAXNUM)) != 0;

        if (reads || writes)
            polled[count++] = (struct pollfd){
                .fd = sockets[i],
                .events =
                    (short)((reads ? POLLIN : 0) | (writes ? POLLOUT : 0)),
            };
    }
    return count;
}

static int64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Until it is answered, or its time is over: the channel has one for each try,
 * of each name server there is.
 */
static void wait_for(ares_channel channel)
{
    struct pollfd polled[ARES_GETSOCK_MAXNUM];
    int64_t end_ms = now_ms() + SRV_TIMEOUT_MS;
    nfds_t count;

    while ((count = find_sockets(channel, polled)) > 0) {
        int64_t left_ms = end_ms - now_ms();
        struct timeval most = { left_ms / 1000, left_ms % 1000 * 1000 };
        const struct timeval *next;

        if (left_ms <= 0) {
            ares_cancel(channel);
            return;
        }
        next = ares_timeout(channel, &most, &most);
        (void)poll(polled, count,
                   (int)(next->tv_sec * 1000 + next->tv_usec / 1000 + 1));
        for (nfds_t i = 0; i < count; i++)
            ares_process_fd(
                channel,
                (polled[i].revents & ~POLLOUT) != 0 ? polled[i].fd
                                                    : ARES_SOCKET_BAD,
                (polled[i].revents & POLLOUT) != 0 ? polled[i].fd
                                                   : ARES_SOCKET_BAD);
    }
}

static int open_channel(const char *resolver, ares_channel *channel)
{
    struct ares_options options = { .timeout = SRV_TIMEOUT_MS / SRV_TRIES,
                                    .tries = SRV_TRIES };
    int status = ares_library_init(ARES_LIB_INIT_ALL);

    if (status == ARES_SUCCESS)
        status = ares_init_options(channel, &options,
                                   ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);
    if (status != ARES_SUCCESS || resolver == NULL)
        return status;
    status = ares_set_servers_ports_csv(*channel, resolver);
    if (status != ARES_SUCCESS)
        ares_destroy(*channel);
    return status;
}

void srv_ask(const char *service, const char *domain, const char *resolver,
             struct srv_records *records)
{
    char name[HOST_NAME_MAX_OCTETS + 16];
    ares_channel channel;
    int status = open_channel(resolver, &channel);

    *records = (struct srv_records){ .state = SRV_NONE };
    if (status != ARES_SUCCESS) {
        fail(records, status);
        records->state = SRV_FAILED;
        return;
    }
    (void)snprintf(name, sizeof(name), "%s._tcp.%s", service, domain);
    ares_query(channel, name, ns_c_in, ns_t_srv, on_answer, records);
    wait_for(channel);
    ares_destroy(channel);
}
