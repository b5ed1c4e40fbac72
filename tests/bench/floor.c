#include "bench/floor.h"

#include <getopt.h>
#include <stdlib.h>
#include <utlist.h>

#include "bench/options.h"

struct options {
    struct endpoint listen;
    struct endpoint connect;
    const char *certificate;
    const char *private_key;
    const char *ca_file;
    const char *server_name;
    bool resume_client;
    bool resume_upstream;
};

static const struct option long_options[] = {
    { "listen", required_argument, NULL, 'l' },
    { "connect", required_argument, NULL, 'C' },
    { "certificate", required_argument, NULL, 'c' },
    { "private-key", required_argument, NULL, 'k' },
    { "ca", required_argument, NULL, 'a' },
    { "server-name", required_argument, NULL, 'n' },
    { "resume-client", no_argument, NULL, 'r' },
    { "resume-upstream", no_argument, NULL, 'R' },
    { NULL, 0, NULL, 0 },
};

static void read_option(struct options *o, int c, const char *text)
{
    switch (c) {
    case 'l':
        o->listen = endpoint_parse("listen", text);
        break;
    case 'C':
        o->connect = endpoint_parse("connect", text);
        break;
    case 'c':
        o->certificate = text;
        break;
    case 'k':
        o->private_key = text;
        break;
    case 'a':
        o->ca_file = text;
        break;
    case 'n':
        o->server_name = text;
        break;
    case 'r':
        o->resume_client = true;
        break;
    case 'R':
        o->resume_upstream = true;
        break;
    default:
        exit(EXIT_USAGE);
    }
}

static struct options read_options(int argc, char **argv)
{
    struct options o = { .server_name = NULL };
    int c;

    o.listen = endpoint_parse("listen", "127.0.0.1:0");
    while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1)
        read_option(&o, c, optarg);
    if (optind != argc)
        die(EXIT_USAGE, "what is %s?", argv[optind]);
    if (o.connect.len == 0)
        die(EXIT_USAGE, "--connect is needed");
    option_require("certificate", o.certificate);
    option_require("private-key", o.private_key);
    option_require("ca", o.ca_file);
    return o;
}

/* --- pairs --- */

static void stir(void *owner)
{
    struct floor_pair *p = owner;

    p->floor->on_stir(p);
}

static void on_listener(struct source *s, uint32_t events)
{
    struct floor *f = s->owner;
    int fd;

    (void)events;
    while ((fd = endpoint_accept(s->fd)) >= 0) {
        struct floor_pair *p = calloc(1, sizeof(*p));

        if (p == NULL)
            die(EXIT_FAILED, "no memory");
        p->floor = f;
        DL_APPEND(f->pairs, p);
        wire_accept(&p->client, &f->loop, fd, security_accept(&f->server), stir,
                    p);
    }
}

bool floor_connect_upstream(struct floor_pair *p)
{
    struct floor *f = p->floor;
    SSL *ssl = security_connect(&f->client, f->server_name);

    return wire_connect(&p->upstream, &f->loop, &f->connect, ssl, stir, p);
}

void floor_pair_end(struct floor_pair *p)
{
    DL_DELETE(p->floor->pairs, p);
    wire_close(&p->client);
    wire_close(&p->upstream);
    free(p);
}

/* --- the program --- */

int floor_main(int argc, char **argv, floor_on_stir *on_stir)
{
    static struct floor f;
    struct options o = read_options(argc, argv);

    raise_open_files();
    f.listen = o.listen;
    f.connect = o.connect;
    f.server_name = o.server_name != NULL ? o.server_name : o.connect.host;
    f.on_stir = on_stir;
    loop_init(&f.loop);
    loop_stop_on_signals(&f.loop);
    security_init_server(&f.server, o.certificate, o.private_key,
                         o.resume_client);
    security_init_client(&f.client, o.ca_file, o.resume_upstream);
    f.listener = (struct source){ .fd = endpoint_listen(&f.listen),
                                  .ready = on_listener,
                                  .owner = &f };
    loop_add(&f.loop, &f.listener, EPOLLIN);
    endpoint_announce(&f.listen);
    loop_run(&f.loop);
    while (f.pairs != NULL)
        floor_pair_end(f.pairs);
    loop_fini(&f.loop);
    security_fini(&f.server);
    security_fini(&f.client);
    return EXIT_SUCCESS;
}
