#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "bench/load.h"
#include "bench/options.h"
#include "bench/unstuff.h"
#include "bench/wire.h"

/* What is awaited. */
enum step {
    STEP_GREETING,
    STEP_USER,
    STEP_PASS,
    STEP_STAT,
    STEP_UIDL,
    STEP_RETR,
    STEP_HELD,
    STEP_QUIT,
    STEP_CLOSE,
};

static const char *const step_names[] = {
    [STEP_GREETING] = "the greeting",
    [STEP_USER] = "USER",
    [STEP_PASS] = "PASS",
    [STEP_STAT] = "STAT",
    [STEP_UIDL] = "UIDL",
    [STEP_RETR] = "RETR",
    [STEP_HELD] = "silence",
    [STEP_QUIT] = "QUIT",
    [STEP_CLOSE] = "the close",
};

struct load_session {
    struct load *load;
    uint64_t number;
    struct wire wire;
    enum step step;
    bool connected;      /* the handshake is done */
    const char *failure; /* found while reading; NULL: none */
    uint64_t began_ns;
    uint64_t now_ns; /* of this turn */

    /* The first line of a reply; what came of it where it was cut. */
    char line[POP3_REPLY_MAX];
    size_t line_len;
    bool in_body;
    struct unstuff body;

    /* RETR; both count from 0 over all rounds */
    uint32_t messages;
    uint64_t asked;
    uint64_t answered;
    uint64_t retr_began_ns;
    uint64_t *asked_ns; /* |pipeline| of them, in turn */
    struct manifest_hasher hasher;
};

/* --- its end --- */

static void finish(struct load_session *s)
{
    struct load *load = s->load;
    uint64_t number = s->number;

    wire_close(&s->wire);
    if (s->asked_ns != NULL)
        manifest_hasher_fini(&s->hasher);
    free(s->asked_ns);
    free(s);
    load_on_over(load, number);
}

void load_session_fail(struct load_session *s, const char *why)
{
    char text[ERROR_TEXT_MAX];

    (void)snprintf(text, sizeof(text), "awaiting %s: %s", step_names[s->step],
                   why);
    load_report_add_error(&s->load->report, text);
    s->load->report.failed++;
    if (s->step == STEP_HELD)
        s->load->held--;
    finish(s);
}

static void on_ended(struct load_session *s)
{
    struct load_report *r = &s->load->report;

    if (s->step != STEP_CLOSE || s->wire.state == WIRE_BROKEN) {
        load_session_fail(s, s->wire.failure != NULL ? s->wire.failure
                                                     : "the server closed");
        return;
    }
    samples_add(&r->session, clock_now_ns() - s->began_ns);
    finish(s);
}

/* --- what is said --- */

/* |argument| may be "". */
static void say(struct load_session *s, const char *verb, const char *argument)
{
    char line[POP3_LINE_MAX];
    const char *blank = argument[0] != '\0' ? " " : "";
    int len = snprintf(line, sizeof(line), "%s%s%s\r\n", verb, blank, argument);

    if (len < 0 || (size_t)len >= sizeof(line))
        die(EXIT_USAGE, "--user or --password: too long for POP3");
    wire_write(&s->wire, span_make(line, (size_t)len));
}

static void say_user(struct load_session *s)
{
    const struct load_options *o = &s->load->options;
    const char *mark = strstr(o->user, "%u");
    char user[POP3_LINE_MAX];

    if (mark == NULL) {
        say(s, "USER", o->user);
        return;
    }
    (void)snprintf(user, sizeof(user), "%.*s%" PRIu64 "%s",
                   (int)(mark - o->user), o->user, s->number % o->users,
                   mark + 2);
    say(s, "USER", user);
}

/* As many as may be in flight. */
static void ask_for_messages(struct load_session *s)
{
    const struct load_options *o = &s->load->options;
    uint64_t all = (uint64_t)s->messages * o->repeat;

    while (s->asked < all && s->asked - s->answered < o->pipeline) {
        char number[16];

        (void)snprintf(number, sizeof(number), "%" PRIu64,
                       s->asked % s->messages + 1);
        s->asked_ns[s->asked++ % o->pipeline] = s->now_ns;
        say(s, "RETR", number);
    }
}

static void enter(struct load_session *s, enum step step);

static void begin_retrieving(struct load_session *s)
{
    const struct load_options *o = &s->load->options;

    if (s->messages == 0) {
        enter(s, STEP_QUIT);
        return;
    }
    s->retr_began_ns = s->now_ns;
    s->asked_ns = calloc(o->pipeline, sizeof(*s->asked_ns));
    if (s->asked_ns == NULL)
        die(EXIT_FAILED, "no memory");
    manifest_hasher_init(&s->hasher);
    ask_for_messages(s);
}

static void enter(struct load_session *s, enum step step)
{
    s->step = step;
    switch (step) {
    case STEP_USER:
        say_user(s);
        break;
    case STEP_PASS:
        say(s, "PASS", s->load->options.password);
        break;
    case STEP_STAT:
        say(s, "STAT", "");
        break;
    case STEP_UIDL:
        say(s, "UIDL", "");
        break;
    case STEP_RETR:
        begin_retrieving(s);
        break;
    case STEP_HELD:
        load_on_held(s->load);
        break;
    case STEP_QUIT:
        say(s, "QUIT", "");
        break;
    case STEP_GREETING:
    case STEP_CLOSE:
        break;
    }
}

/* --- what was heard --- */

static enum step step_after_login(const struct load_session *s)
{
    const struct load_options *o = &s->load->options;

    return o->script == SCRIPT_RETR && o->messages > 0 ? STEP_RETR : STEP_STAT;
}

static enum step step_after_stat(const struct load_session *s)
{
    switch (s->load->options.script) {
    case SCRIPT_POLL:
    case SCRIPT_LIST:
        return STEP_UIDL;
    case SCRIPT_RETR:
        return STEP_RETR;
    case SCRIPT_HOLD:
        return s->load->released ? STEP_QUIT : STEP_HELD;
    case SCRIPT_STAT:
    case SCRIPT_HANDSHAKE:
        break;
    }
    return STEP_QUIT;
}

static void begin_body(struct load_session *s)
{
    s->in_body = true;
    unstuff_init(&s->body);
}

/* `+OK 10 2000`: RFC 1939 §5. */
static void read_stat(struct load_session *s)
{
    const char *blank = strchr(s->line, ' ');

    if (s->load->options.messages == 0 && blank != NULL)
        s->messages = (uint32_t)strtoul(blank + 1, NULL, 10);
}

/* |s|->line is `+OK ...`. */
static void on_reply(struct load_session *s)
{
    struct load_report *r = &s->load->report;

    switch (s->step) {
    case STEP_GREETING:
        enter(s, STEP_USER);
        break;
    case STEP_USER:
        enter(s, STEP_PASS);
        break;
    case STEP_PASS:
        samples_add(&r->login, s->now_ns - s->began_ns);
        enter(s, step_after_login(s));
        break;
    case STEP_STAT:
        read_stat(s);
        enter(s, step_after_stat(s));
        break;
    case STEP_UIDL:
    case STEP_RETR:
        begin_body(s);
        break;
    case STEP_QUIT:
        enter(s, STEP_CLOSE);
        break;
    case STEP_HELD:
    case STEP_CLOSE:
        s->failure = "a reply that nobody asked for";
        break;
    }
}

static void on_message(struct load_session *s)
{
    const struct load_options *o = &s->load->options;
    struct load_report *r = &s->load->report;
    uint32_t number = (uint32_t)(s->answered++ % s->messages) + 1;

    r->messages++;
    if (o->manifest != NULL) {
        struct manifest_entry got = manifest_hasher_take(&s->hasher);

        r->mismatches += !manifest_matches(&s->load->manifest, number, &got);
    }
    if (s->answered < (uint64_t)s->messages * o->repeat) {
        ask_for_messages(s);
        return;
    }
    r->retr_ns += s->now_ns - s->retr_began_ns;
    enter(s, STEP_QUIT);
}

static void on_body_end(struct load_session *s)
{
    s->in_body = false;
    if (s->step == STEP_RETR) {
        on_message(s);
        return;
    }
    samples_add(&s->load->report.list, s->now_ns - s->began_ns);
    enter(s, STEP_QUIT);
}

static void take_body(struct load_session *s, struct span *in)
{
    struct span run;

    while (unstuff_next(&s->body, in, &run)) {
        if (s->step != STEP_RETR)
            continue;
        s->load->report.octets += run.len;
        if (s->load->options.manifest != NULL)
            manifest_hasher_add(&s->hasher, run);
    }
    if (unstuff_is_done(&s->body))
        on_body_end(s);
}

/* To the end of the line, if that is there. */
static void take_line(struct load_session *s, struct span *in)
{
    size_t end = span_find(*in, '\n');
    bool whole = end < in->len;
    struct span part = span_take(in, whole ? end + 1 : end);

    if (s->line_len == 0 && s->step == STEP_RETR)
        samples_add(&s->load->report.first_octet,
                    s->now_ns -
                        s->asked_ns[s->answered % s->load->options.pipeline]);
    if (s->line_len + part.len >= sizeof(s->line)) {
        s->failure = "a reply that is too long";
        return;
    }
    memcpy(s->line + s->line_len, part.data, part.len);
    s->line_len += part.len;
    if (!whole)
        return;
    s->line[s->line_len] = '\0';
    s->line[strcspn(s->line, "\r\n")] = '\0';
    s->line_len = 0;
    if (strncmp(s->line, "+OK", 3) == 0)
        on_reply(s);
    else
        s->failure = s->line;
}

static void take(struct load_session *s, struct span in)
{
    while (in.len > 0 && s->failure == NULL) {
        if (s->in_body)
            take_body(s, &in);
        else
            take_line(s, &in);
    }
}

/* --- its life --- */

static void on_connected(struct load_session *s)
{
    s->connected = true;
    s->load->report.resumed += wire_is_resumed(&s->wire);
    if (s->load->options.script == SCRIPT_HANDSHAKE)
        s->step = STEP_CLOSE;
}

/* A server that speaks after the handshake will not close: we do. */
static void on_handshake_only(struct load_session *s)
{
    samples_add(&s->load->report.session, s->now_ns - s->began_ns);
    finish(s);
}

static void on_stir(void *owner)
{
    static unsigned char plain[LOOP_RECEIVE_MAX];
    struct load_session *s = owner;
    enum wire_status status;
    size_t got;

    s->now_ns = clock_now_ns();
    if (!s->connected && s->wire.state == WIRE_OPEN)
        on_connected(s);
    while ((status = wire_read(&s->wire, plain, sizeof(plain), &got)) ==
           WIRE_OK) {
        if (s->load->options.script == SCRIPT_HANDSHAKE) {
            on_handshake_only(s);
            return;
        }
        take(s, span_make(plain, got));
    }
    if (s->failure != NULL) {
        load_session_fail(s, s->failure);
        return;
    }
    if (status == WIRE_END)
        on_ended(s);
    else
        wire_flush(&s->wire);
}

void load_session_release(struct load_session *s)
{
    if (s->step != STEP_HELD)
        return;
    s->load->held--;
    enter(s, STEP_QUIT);
    wire_flush(&s->wire);
}

void load_session_start(struct load *l, uint64_t number)
{
    struct load_session *s = calloc(1, sizeof(*s));
    SSL *ssl = NULL;

    if (s == NULL)
        die(EXIT_FAILED, "no memory");
    if (l->options.tls)
        ssl = security_connect(&l->security, l->options.server_name);
    s->load = l;
    s->number = number;
    s->messages = l->options.messages;
    s->began_ns = clock_now_ns();
    l->sessions[number] = s;
    if (!wire_connect(&s->wire, &l->loop, &l->options.connect, ssl, on_stir, s))
        load_session_fail(s, s->wire.failure);
}
