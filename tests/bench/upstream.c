/* upstream.c - a nearly free IMAP server.
 *
 *   upstream [--listen HOST:PORT] [--tls none|implicit]
 *            [--certificate FILE --private-key FILE]
 *            [--messages N] [--size OCTETS] [--condstore] [--threads N]
 *            [--manifest FILE] [--count FILE]
 *
 * Prints `port N` when it is ready, and ends by SIGTERM. --manifest writes what
 * the messages are before that, --count what was asked for at the end.
 */
#include "bench/upstream.h"

#include <getopt.h>
#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>

#include "bench/options.h"

#define THREADS_MAX 64
#define SIZE_OCTETS_MAX ((size_t)2 * 1024 * 1024 * 1024)

struct options {
    struct endpoint listen;
    bool tls;
    bool condstore;
    const char *certificate;
    const char *private_key;
    const char *manifest;
    const char *count;
    uint32_t messages;
    size_t size;
    unsigned threads;
};

static const struct option long_options[] = {
    { "listen", required_argument, NULL, 'l' },
    { "tls", required_argument, NULL, 't' },
    { "certificate", required_argument, NULL, 'c' },
    { "private-key", required_argument, NULL, 'k' },
    { "messages", required_argument, NULL, 'm' },
    { "size", required_argument, NULL, 's' },
    { "condstore", no_argument, NULL, 'o' },
    { "threads", required_argument, NULL, 'T' },
    { "manifest", required_argument, NULL, 'M' },
    { "count", required_argument, NULL, 'C' },
    { NULL, 0, NULL, 0 },
};

static void read_option(struct options *o, int c, const char *text)
{
    switch (c) {
    case 'l':
        o->listen = endpoint_parse("listen", text);
        break;
    case 't':
        o->tls = option_tls(text);
        break;
    case 'c':
        o->certificate = text;
        break;
    case 'k':
        o->private_key = text;
        break;
    case 'm':
        o->messages =
            (uint32_t)option_number("messages", text, 0, UINT32_MAX - 1);
        break;
    case 's':
        o->size = option_number("size", text, 1, SIZE_OCTETS_MAX);
        break;
    case 'o':
        o->condstore = true;
        break;
    case 'T':
        o->threads = (unsigned)option_number("threads", text, 1, THREADS_MAX);
        break;
    case 'M':
        o->manifest = text;
        break;
    case 'C':
        o->count = text;
        break;
    default:
        exit(EXIT_USAGE);
    }
}

static struct options read_options(int argc, char **argv)
{
    struct options o = { .messages = 10, .size = 2000, .threads = 1 };
    int c;

    o.listen = endpoint_parse("listen", "127.0.0.1:0");
    while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1)
        read_option(&o, c, optarg);
    if (optind != argc)
        die(EXIT_USAGE, "what is %s?", argv[optind]);
    if (o.tls) {
        option_require("certificate", o.certificate);
        option_require("private-key", o.private_key);
    }
    return o;
}

/* --- threads --- */

static void on_listener(struct source *s, uint32_t events)
{
    struct upstream_thread *t = s->owner;
    int fd;

    (void)events;
    while ((fd = endpoint_accept(s->fd)) >= 0)
        upstream_session_start(t, fd);
}

static void thread_init(struct upstream_thread *t, struct upstream *u,
                        struct endpoint *at)
{
    *t = (struct upstream_thread){ .upstream = u };
    loop_init(&t->loop);
    buf_init(&t->answer, UINT32_MAX);
    t->listener = (struct source){ .fd = endpoint_listen(at),
                                   .ready = on_listener,
                                   .owner = t };
    loop_add(&t->loop, &t->listener, EPOLLIN);
}

static void *thread_main(void *arg)
{
    struct upstream_thread *t = arg;

    loop_run(&t->loop);
    return NULL;
}

/* The first is the main thread, where signals come in. */
static void run(struct upstream_thread *threads, unsigned count)
{
    pthread_t ids[THREADS_MAX];

    for (unsigned i = 1; i < count; i++)
        if (pthread_create(&ids[i], NULL, thread_main, &threads[i]) != 0)
            die(EXIT_FAILED, "no more threads");
    (void)thread_main(&threads[0]);
    for (unsigned i = 1; i < count; i++) {
        loop_stop(&threads[i].loop);
        (void)pthread_join(ids[i], NULL);
    }
}

/* --- the end --- */

static void write_counts(const struct upstream_thread *threads, unsigned count,
                         const char *file)
{
    struct upstream_counts all = { .connections = 0 };
    json_t *json;

    for (unsigned i = 0; i < count; i++) {
        all.connections += threads[i].counts.connections;
        all.logins += threads[i].counts.logins;
        all.selects += threads[i].counts.selects;
        all.listings += threads[i].counts.listings;
        all.bodies += threads[i].counts.bodies;
        all.octets += threads[i].counts.octets;
    }
    json = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "connections",
                     (json_int_t)all.connections, "logins",
                     (json_int_t)all.logins, "selects", (json_int_t)all.selects,
                     "listings", (json_int_t)all.listings, "bodies",
                     (json_int_t)all.bodies, "octets", (json_int_t)all.octets);
    if (json == NULL || json_dump_file(json, file, JSON_COMPACT) != 0)
        die(EXIT_FAILED, "%s: cannot be written", file);
    json_decref(json);
}

int main(int argc, char **argv)
{
    static struct upstream u;
    static struct upstream_thread threads[THREADS_MAX];
    static struct security security;
    struct options o = read_options(argc, argv);

    raise_open_files();
    if (!upstream_mail_init(&u.mail, o.messages, o.size))
        die(EXIT_USAGE, "--size: too small");
    u.condstore = o.condstore;
    if (o.tls) {
        security_init_server(&security, o.certificate, o.private_key, true);
        u.security = &security;
    }
    for (unsigned i = 0; i < o.threads; i++)
        thread_init(&threads[i], &u, &o.listen);
    loop_stop_on_signals(&threads[0].loop);
    if (o.manifest != NULL)
        upstream_mail_write_manifest(&u.mail, o.manifest);
    endpoint_announce(&o.listen);
    run(threads, o.threads);
    if (o.count != NULL)
        write_counts(threads, o.threads, o.count);
    for (unsigned i = 0; i < o.threads; i++) {
        upstream_session_end_all(&threads[i]);
        loop_fini(&threads[i].loop);
        buf_fini(&threads[i].answer);
    }
    upstream_mail_fini(&u.mail);
    security_fini(&security);
    return EXIT_SUCCESS;
}
