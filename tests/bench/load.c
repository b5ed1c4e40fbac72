/* load.c - the load generator.
 *
 *   load --connect HOST:PORT [--tls none|implicit] [--ca FILE]
 *        [--server-name NAME] [--resume]
 *        [--user PATTERN] [--users N] [--password P]
 *        [--sessions N] [--concurrency C] [--pipeline D] [--timeout SECONDS]
 *        --script poll|stat|list|retr|hold|handshake
 *        [--messages N] [--repeat R] [--manifest FILE]
 *
 * Prints one JSON object. Exit codes: 0 all sessions went well and all hashes
 * were right; 1 not so; 2 a mistake in the command line.
 */
#include "bench/load.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/options.h"

#define NS_PER_SECOND UINT64_C(1000000000)
#define SESSIONS_MAX 10000000

/* --- the command line --- */

static const char *const script_names[] = { "poll", "stat",      "list", "retr",
                                            "hold", "handshake", NULL };

static const struct option long_options[] = {
    { "connect", required_argument, NULL, 'c' },
    { "tls", required_argument, NULL, 't' },
    { "ca", required_argument, NULL, 'a' },
    { "server-name", required_argument, NULL, 'n' },
    { "resume", no_argument, NULL, 'r' },
    { "user", required_argument, NULL, 'u' },
    { "users", required_argument, NULL, 'U' },
    { "password", required_argument, NULL, 'p' },
    { "sessions", required_argument, NULL, 's' },
    { "concurrency", required_argument, NULL, 'C' },
    { "pipeline", required_argument, NULL, 'P' },
    { "timeout", required_argument, NULL, 'T' },
    { "script", required_argument, NULL, 'S' },
    { "messages", required_argument, NULL, 'm' },
    { "repeat", required_argument, NULL, 'R' },
    { "manifest", required_argument, NULL, 'M' },
    { NULL, 0, NULL, 0 },
};

static void read_text_option(struct load_options *o, int c, const char *text)
{
    switch (c) {
    case 'c':
        o->connect = endpoint_parse("connect", text);
        break;
    case 't':
        o->tls = option_tls(text);
        break;
    case 'a':
        o->ca_file = text;
        break;
    case 'n':
        o->server_name = text;
        break;
    case 'r':
        o->resume = true;
        break;
    case 'u':
        o->user = text;
        break;
    case 'p':
        o->password = text;
        break;
    case 'S':
        o->script = option_choice("script", text, script_names);
        o->script_name = text;
        break;
    case 'M':
        o->manifest = text;
        break;
    default:
        exit(EXIT_USAGE);
    }
}

static void read_option(struct load_options *o, int c, const char *text)
{
    switch (c) {
    case 'U':
        o->users = option_number("users", text, 1, SESSIONS_MAX);
        break;
    case 's':
        o->sessions = option_number("sessions", text, 1, SESSIONS_MAX);
        break;
    case 'C':
        o->concurrency = option_number("concurrency", text, 1, SESSIONS_MAX);
        break;
    case 'P':
        o->pipeline = option_number("pipeline", text, 1, PIPELINE_MAX);
        break;
    case 'T':
        o->timeout_seconds = option_number("timeout", text, 1, 100000);
        break;
    case 'm':
        o->messages = (uint32_t)option_number("messages", text, 1, UINT32_MAX);
        break;
    case 'R':
        o->repeat = (uint32_t)option_number("repeat", text, 1, UINT16_MAX);
        break;
    default:
        read_text_option(o, c, text);
        break;
    }
}

static struct load_options read_options(int argc, char **argv)
{
    struct load_options o = {
        .user = "bench%u",
        .password = "secret",
        .users = 1,
        .sessions = 1,
        .concurrency = 1,
        .pipeline = 1,
        .timeout_seconds = 300,
        .repeat = 1,
    };
    int c;

    while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1)
        read_option(&o, c, optarg);
    if (optind != argc)
        die(EXIT_USAGE, "what is %s?", argv[optind]);
    if (o.connect.len == 0 || o.script_name == NULL)
        die(EXIT_USAGE, "--connect and --script are needed");
    if (o.tls)
        option_require("ca", o.ca_file);
    if (o.script == SCRIPT_HANDSHAKE && !o.tls)
        die(EXIT_USAGE, "--script handshake needs --tls implicit");
    return o;
}

/* --- the run --- */

/* Those that are held are not under way. */
static void start_more(struct load *l)
{
    struct load_report *r = &l->report;
    const struct load_options *o = &l->options;

    if (l->starting) /* one that failed at once calls for the next */
        return;
    l->starting = true;
    while (!l->loop.stopped && r->started < o->sessions &&
           r->started - r->finished - l->held < o->concurrency) {
        uint64_t number = r->started++;

        load_session_start(l, number);
    }
    l->starting = false;
}

static void say_held(const struct load *l)
{
    if (l->released || l->held == 0 ||
        l->held + l->report.finished < l->options.sessions)
        return;
    (void)printf("holding %llu\n", (unsigned long long)l->held);
    (void)fflush(stdout);
}

void load_on_held(struct load *l)
{
    l->held++;
    say_held(l);
    start_more(l);
}

void load_on_over(struct load *l, uint64_t number)
{
    l->sessions[number] = NULL;
    l->report.finished++;
    if (l->report.finished == l->options.sessions) {
        l->loop.stopped = true;
        return;
    }
    say_held(l);
    start_more(l);
}

/* A line, or the end of it: whoever has started us is done looking. */
static void on_input(struct source *s, uint32_t events)
{
    struct load *l = s->owner;
    char line[256];

    (void)events;
    if (read(s->fd, line, sizeof(line)) < 0)
        return;
    loop_remove(&l->loop, s);
    l->released = true;
    for (uint64_t i = 0; i < l->options.sessions; i++)
        if (l->sessions[i] != NULL)
            load_session_release(l->sessions[i]);
}

static void fail_rest(struct load *l, const char *why)
{
    struct load_report *r = &l->report;

    l->loop.stopped = true; /* so that no others are started instead */
    for (uint64_t i = 0; i < l->options.sessions; i++)
        if (l->sessions[i] != NULL)
            load_session_fail(l->sessions[i], why);
    if (r->finished == l->options.sessions)
        return;
    r->failed += l->options.sessions - r->finished;
    load_report_add_error(r, why);
}

static void on_timeout(struct source *s, uint32_t events)
{
    (void)events;
    fail_rest(s->owner, "the time is up");
}

/* What it is told by must be able to wait. */
static void await_input(struct load *l)
{
    struct stat input;

    if (fstat(STDIN_FILENO, &input) != 0 ||
        !(S_ISFIFO(input.st_mode) || S_ISSOCK(input.st_mode) ||
          isatty(STDIN_FILENO)))
        die(EXIT_USAGE, "--script hold: stdin is no pipe, socket or terminal");
    l->input =
        (struct source){ .fd = STDIN_FILENO, .ready = on_input, .owner = l };
    loop_add(&l->loop, &l->input, EPOLLIN);
}

static void prepare(struct load *l)
{
    struct load_options *o = &l->options;

    if (o->server_name == NULL)
        o->server_name = o->connect.host;
    raise_open_files();
    loop_init(&l->loop);
    loop_stop_on_signals(&l->loop);
    if (o->tls)
        security_init_client(&l->security, o->ca_file, o->resume);
    if (o->manifest != NULL)
        manifest_read(&l->manifest, o->manifest);
    l->sessions = calloc(o->sessions, sizeof(struct load_session *));
    if (l->sessions == NULL)
        die(EXIT_FAILED, "no memory");
    l->report.began_ns = clock_now_ns();
    timer_init(&l->loop, &l->timer, on_timeout, l);
    timer_set(&l->timer,
              l->report.began_ns + o->timeout_seconds * NS_PER_SECOND);
    if (o->script == SCRIPT_HOLD)
        await_input(l);
}

static void dispose(struct load *l)
{
    timer_fini(&l->loop, &l->timer);
    loop_fini(&l->loop);
    security_fini(&l->security);
    manifest_fini(&l->manifest);
    samples_fini(&l->report.session);
    samples_fini(&l->report.login);
    samples_fini(&l->report.list);
    samples_fini(&l->report.first_octet);
    free(l->sessions);
}

int main(int argc, char **argv)
{
    static struct load l;
    bool fine;

    l.options = read_options(argc, argv);
    prepare(&l);
    start_more(&l);
    loop_run(&l.loop);
    if (l.report.finished < l.options.sessions)
        fail_rest(&l, "stopped by a signal");
    fine = load_report_print(&l.report, &l.options);
    dispose(&l);
    return fine ? EXIT_SUCCESS : EXIT_FAILED;
}
