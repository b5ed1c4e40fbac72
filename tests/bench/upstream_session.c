#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "bench/options.h"
#include "bench/upstream.h"

/* Answers that are sealed and sent at once. */
#define ANSWER_CHUNK 65536
#define ANSWER_MAX (2 * ANSWER_CHUNK)
/* One command, and what a turn may bring. */
#define INPUT_MAX (1024 * 1024)
#define TAG_MAX 64

struct upstream_session {
    struct upstream_thread *thread;
    struct upstream_session *prev;
    struct upstream_session *next;
    struct wire wire;
    bool greeted;
    bool authenticating; /* the next line is the response */
    bool fetching;       /* |fetch| is under way, in the first of |in| */
    bool leaving;        /* LOGOUT, or a peer that makes no sense */
    size_t promised;     /* the octets of |in| up to the last `+` sent */
    size_t command_len;  /* of the one that |fetch| is of */
    char tag[TAG_MAX];
    struct upstream_fetch fetch;
    struct buf in;
};

/* |args| is what stands behind the verb. */
typedef void handler(struct upstream_session *s, struct span args);

/* --- answers --- */

static void say(struct upstream_session *s, const char *text)
{
    buf_append_string(&s->thread->answer, text);
}

static void say_number(struct upstream_session *s, uint64_t number)
{
    buf_append_number(&s->thread->answer, number);
}

static void say_tagged(struct upstream_session *s, const char *text)
{
    say(s, s->tag);
    say(s, " ");
    say(s, text);
    say(s, "\r\n");
}

static void say_capabilities(struct upstream_session *s)
{
    say(s, "CAPABILITY IMAP4rev1 SASL-IR LITERAL+ AUTH=PLAIN ID ENABLE "
           "NAMESPACE UNSELECT UIDPLUS");
    if (s->thread->upstream->condstore)
        say(s, " CONDSTORE");
}

static void say_logged_in(struct upstream_session *s)
{
    s->thread->counts.logins++;
    say(s, s->tag);
    say(s, " OK [");
    say_capabilities(s);
    say(s, "] logged in\r\n");
}

/* --- commands --- */

static void on_nothing(struct upstream_session *s, struct span args)
{
    (void)args;
    say_tagged(s, "OK done");
}

static void on_capability(struct upstream_session *s, struct span args)
{
    say(s, "* ");
    say_capabilities(s);
    say(s, "\r\n");
    on_nothing(s, args);
}

static void on_login(struct upstream_session *s, struct span args)
{
    (void)args;
    say_logged_in(s);
}

static void on_authenticate(struct upstream_session *s, struct span args)
{
    if (span_contains(args, ' ')) {
        say_logged_in(s);
        return;
    }
    s->authenticating = true;
    say(s, "+ \r\n");
}

static void on_id(struct upstream_session *s, struct span args)
{
    say(s, "* ID NIL\r\n");
    on_nothing(s, args);
}

static void on_enable(struct upstream_session *s, struct span args)
{
    say(s, "* ENABLED");
    if (s->thread->upstream->condstore && upstream_find(args, "CONDSTORE") > 0)
        say(s, " CONDSTORE");
    say(s, "\r\n");
    on_nothing(s, args);
}

static void on_namespace(struct upstream_session *s, struct span args)
{
    say(s, "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n");
    on_nothing(s, args);
}

/* An empty pattern asks for the delimiter only. */
static void on_list(struct upstream_session *s, struct span args)
{
    bool empty =
        args.len >= 2 && memcmp(args.data + args.len - 2, "\"\"", 2) == 0;

    say(s, empty ? "* LIST (\\Noselect) \"/\" \"\"\r\n"
                 : "* LIST (\\HasNoChildren) \"/\" INBOX\r\n");
    on_nothing(s, args);
}

static void on_status(struct upstream_session *s, struct span args)
{
    uint32_t count = s->thread->upstream->mail.count;
    const struct {
        const char *name;
        uint32_t value;
    } items[] = { { "MESSAGES", count },    { "RECENT", 0 },
                  { "UIDNEXT", count + 1 }, { "UIDVALIDITY", 1 },
                  { "UNSEEN", count },      { "HIGHESTMODSEQ", 1 } };
    const char *before = "* STATUS INBOX (";

    for (size_t i = 0; i < ARRAY_LENGTH(items); i++) {
        if (upstream_find(args, items[i].name) == 0)
            continue;
        say(s, before);
        say(s, items[i].name);
        say(s, " ");
        say_number(s, items[i].value);
        before = " ";
    }
    say(s, ")\r\n");
    on_nothing(s, args);
}

static void on_select(struct upstream_session *s, struct span args)
{
    uint32_t count = s->thread->upstream->mail.count;

    (void)args;
    s->thread->counts.selects++;
    say(s, "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n"
           "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen "
           "\\Draft \\*)] flags\r\n* ");
    say_number(s, count);
    say(s, " EXISTS\r\n* 0 RECENT\r\n"
           "* OK [UIDVALIDITY 1] UIDs\r\n* OK [UIDNEXT ");
    say_number(s, (uint64_t)count + 1);
    say(s, "] next\r\n");
    if (s->thread->upstream->condstore)
        say(s, "* OK [HIGHESTMODSEQ 1] highest\r\n");
    say_tagged(s, "OK [READ-WRITE] selected");
}

static void on_fetch(struct upstream_session *s, struct span args)
{
    upstream_fetch_init(&s->fetch, &s->thread->upstream->mail, args);
    s->fetching = true;
    s->thread->counts.listings +=
        (s->fetch.items & BIT(UPSTREAM_ITEM_OCTETS)) == 0;
}

/* ALL, or a set, optionally by UID; nothing has any flag. */
static void on_search(struct upstream_session *s, struct span args)
{
    struct span set = SPAN_LITERAL("1:*");
    size_t uid = upstream_find(args, "UID ");
    uint32_t number = 0;
    uint32_t range_end = 0;

    if (uid > 0)
        set = span_make(args.data + uid, args.len - uid);
    else if (args.len > 0 && args.data[0] <= '9')
        set = args;
    set.len = span_find(set, ' ');
    if (upstream_find(args, " DELETED") > 0 ||
        span_starts_with_nocase(args, SPAN_LITERAL("DELETED")))
        set.len = 0;
    say(s, "* SEARCH");
    while (upstream_set_next(&set, s->thread->upstream->mail.count, &number,
                             &range_end)) {
        say(s, " ");
        say_number(s, number);
    }
    say(s, "\r\n");
    on_nothing(s, args);
}

static void on_logout(struct upstream_session *s, struct span args)
{
    say(s, "* BYE\r\n");
    on_nothing(s, args);
    s->leaving = true;
}

static const struct {
    const char *verb;
    handler *run;
} commands[] = {
    { "FETCH", on_fetch },
    { "SELECT", on_select },
    { "CAPABILITY", on_capability },
    { "LOGIN", on_login },
    { "AUTHENTICATE", on_authenticate },
    { "LOGOUT", on_logout },
    { "NOOP", on_nothing },
    { "STORE", on_nothing },
    { "EXPUNGE", on_nothing },
    { "CLOSE", on_nothing },
    { "UNSELECT", on_nothing },
    { "CHECK", on_nothing },
    { "EXAMINE", on_select },
    { "STATUS", on_status },
    { "LIST", on_list },
    { "NAMESPACE", on_namespace },
    { "ID", on_id },
    { "ENABLE", on_enable },
    { "SEARCH", on_search },
    { "SUBSCRIBE", on_nothing },
};

/* --- reading commands --- */

/* The length of a literal that |line| announces, or SIZE_MAX: none. */
static size_t literal_length(struct span line, bool *waits)
{
    size_t at = line.len;
    struct span digits;

    while (at > 0 && (line.data[at - 1] == '\r' || line.data[at - 1] == '\n'))
        at--;
    if (at == 0 || line.data[--at] != '}')
        return SIZE_MAX;
    *waits = at == 0 || line.data[at - 1] != '+';
    while (at > 0 && line.data[at - 1] != '{')
        at--;
    digits = span_make(line.data + at, line.len - at);
    return at > 0 ? upstream_take_number(&digits) : SIZE_MAX;
}

/* Of the first command in |in|, with its literals and its line end; 0: not
 * there as a whole. What the peer waits for is said.
 */
static size_t whole_command(struct upstream_session *s, struct span in)
{
    size_t at = 0;

    while (at < in.len) {
        struct span rest = span_make(in.data + at, in.len - at);
        size_t end = span_find(rest, '\n');
        bool waits = false;
        size_t literal;

        if (end == rest.len)
            return 0;
        at += end + 1;
        literal = literal_length(span_make(rest.data, end + 1), &waits);
        if (literal == SIZE_MAX)
            return at;
        if (literal > INPUT_MAX / 2) {
            s->leaving = true;
            return 0;
        }
        if (waits && s->promised < at) {
            say(s, "+ go on\r\n");
            s->promised = at;
        }
        at += literal;
    }
    return 0;
}

static struct span take_word(struct span *line)
{
    struct span word = span_take(line, span_find(*line, ' '));

    if (line->len > 0)
        (void)span_take(line, 1);
    return word;
}

static void run_command(struct upstream_session *s, struct span line)
{
    struct span tag = take_word(&line);
    struct span verb = take_word(&line);

    if (tag.len == 0 || tag.len >= sizeof(s->tag)) {
        s->leaving = true;
        return;
    }
    memcpy(s->tag, tag.data, tag.len);
    s->tag[tag.len] = '\0';
    if (span_equals_nocase(verb, SPAN_LITERAL("UID"))) /* as the numbers */
        verb = take_word(&line);
    for (size_t i = 0; i < ARRAY_LENGTH(commands); i++) {
        if (!span_equals_nocase(verb, span_from_string(commands[i].verb)))
            continue;
        commands[i].run(s, line);
        return;
    }
    say_tagged(s, "BAD unknown");
}

/* False: there is no whole command. */
static bool next_command(struct upstream_session *s)
{
    struct span in = buf_span(&s->in);
    size_t len = whole_command(s, in);
    struct span line = span_make(in.data, len);

    if (len == 0)
        return false;
    s->promised = 0;
    line.len -= line.len >= 2 && line.data[line.len - 2] == '\r' ? 2 : 1;
    if (s->authenticating) {
        s->authenticating = false;
        say_logged_in(s);
    } else {
        run_command(s, line);
    }
    s->command_len = len;
    if (!s->fetching) /* else it is still read from */
        buf_consume(&s->in, len);
    return true;
}

/* --- its life --- */

static void finish(struct upstream_session *s)
{
    DL_DELETE(s->thread->sessions, s);
    wire_close(&s->wire);
    buf_fini(&s->in);
    free(s);
}

static void send_answer(struct upstream_session *s)
{
    struct buf *answer = &s->thread->answer;

    if (buf_failed(answer))
        die(EXIT_FAILED, "an answer that is too long");
    wire_write(&s->wire, buf_span(answer));
    buf_consume(answer, buf_length(answer));
    wire_flush(&s->wire);
}

static void fetch_on(struct upstream_session *s)
{
    if (!upstream_fetch_step(&s->fetch, ANSWER_CHUNK, &s->thread->answer,
                             &s->thread->counts))
        return;
    say_tagged(s, "OK fetched");
    s->fetching = false;
    buf_consume(&s->in, s->command_len);
}

/* As far as the peer takes it. */
static void go_on(struct upstream_session *s)
{
    bool more = true;

    while (more && !s->leaving && wire_unsent(&s->wire) == 0) {
        if (s->fetching)
            fetch_on(s);
        else
            more = next_command(s);
        if (!more || s->leaving ||
            buf_length(&s->thread->answer) >= ANSWER_CHUNK)
            send_answer(s);
    }
    wire_pause(&s->wire, wire_unsent(&s->wire) > 0);
}

static void greet(struct upstream_session *s)
{
    s->greeted = true;
    say(s, "* OK [");
    say_capabilities(s);
    say(s, "] ready\r\n");
}

static void on_stir(void *owner)
{
    static _Thread_local unsigned char plain[LOOP_RECEIVE_MAX];
    struct upstream_session *s = owner;
    enum wire_status status;
    size_t got;

    while ((status = wire_read(&s->wire, plain, sizeof(plain), &got)) ==
           WIRE_OK)
        buf_append(&s->in, span_make(plain, got));
    if (status == WIRE_END || buf_failed(&s->in)) {
        finish(s);
        return;
    }
    if (!s->greeted)
        greet(s);
    go_on(s);
    if (s->leaving && wire_unsent(&s->wire) == 0)
        finish(s);
}

void upstream_session_start(struct upstream_thread *t, int fd)
{
    struct upstream_session *s = calloc(1, sizeof(*s));
    struct security *security = t->upstream->security;
    SSL *ssl = security != NULL ? security_accept(security) : NULL;

    if (s == NULL)
        die(EXIT_FAILED, "no memory");
    s->thread = t;
    DL_APPEND(t->sessions, s);
    t->counts.connections++;
    buf_init(&s->in, INPUT_MAX);
    wire_accept(&s->wire, &t->loop, fd, ssl, on_stir, s);
    if (ssl == NULL) /* it is open, and the server speaks first */
        on_stir(s);
}

void upstream_session_end_all(struct upstream_thread *t)
{
    while (t->sessions != NULL)
        finish(t->sessions);
}
