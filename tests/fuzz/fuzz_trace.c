/* fuzz_trace.c - a trace shows no secret, whatever stands around it.
 *
 * The input picks turns of a session, one octet each: what a client says, what
 * we answer, what we ask of the server, what it says; secrets stand wherever
 * passwords and mail do. Words of the input are put where a client or a server
 * may say anything; how the octets are cut is the input's to say too.
 *
 * Property: the secret is in no line; whole and octet by octet, the lines are
 * the same; a line is never longer than its cap.
 */
#include <string.h>

#include "base/limits.h"
#include "fuzz.h"
#include "session/trace.h"

#define SECRET "s3cr3t-Parrot"

struct turn {
    enum trace_wire wire;
    const char *octets; /* a `%` stands for words of the input */
};

/* Each whole: the end of a line of every wire that it uses. */
static const struct turn turns[][6] = {
    { { TRACE_FROM_CLIENT, "PASS " SECRET "\r\n" } },
    { { TRACE_FROM_CLIENT, "pass  " SECRET "\n" } },
    { { TRACE_FROM_CLIENT, "AUTH PLAIN " SECRET "\r\n" } },
    { { TRACE_FROM_CLIENT, "AUTH PLAIN\r\n" SECRET "\r\n" } },
    { { TRACE_FROM_CLIENT, "AUTH LOGIN\r\n" },
      { TRACE_TO_CLIENT, "+ VXNlcm5hbWU6\r\n" },
      { TRACE_FROM_CLIENT, "USER " SECRET "\r\n" },
      { TRACE_TO_CLIENT, "+ UGFzc3dvcmQ6\r\n" },
      { TRACE_FROM_CLIENT, "RETR " SECRET "\r\n" } },
    { { TRACE_FROM_CLIENT, SECRET "\r\nAPOP u " SECRET "\r\n" } },
    { { TRACE_FROM_CLIENT, "%\r\nNOOP " SECRET "\r\n" } },
    { { TRACE_FROM_CLIENT, "%\r\n" } },
    { { TRACE_FROM_CLIENT, "RETR 1\r\n" },
      { TRACE_TO_CLIENT,
        "+OK message follows\r\n+OK " SECRET "\r\n+ \r\n..\r\n-ERR " SECRET
        "\r\n%" SECRET "\r\n.\r\n" } },
    { { TRACE_TO_CLIENT, "-ERR [SYS/TEMP] later\r\n" } },
    { { TRACE_TO_CLIENT, "+OK\r\n1 120\r\n2 120\r\n.\r\n" } },
    { { TRACE_TO_UPSTREAM, "A1 LOGIN \"u\" \"" SECRET "\"\r\n" },
      { TRACE_FROM_UPSTREAM, "A1 NO [X] no " SECRET "\r\n" } },
    { { TRACE_TO_UPSTREAM, "A1 LOGIN {1}\r\n" },
      { TRACE_FROM_UPSTREAM, "+ " SECRET "\r\n" },
      { TRACE_TO_UPSTREAM, "u {13}\r\n" SECRET "\r\n" },
      { TRACE_FROM_UPSTREAM, "* OK " SECRET "\r\nA1 OK in\r\n" } },
    { { TRACE_TO_UPSTREAM, "A1 LOGIN {1+}\r\n" },
      { TRACE_FROM_UPSTREAM, "A1 BAD " SECRET "\r\n" },
      { TRACE_TO_UPSTREAM, "u {21+}\r\nA2 NOOP " SECRET "\r\n" } },
    { { TRACE_TO_UPSTREAM, "A1 AUTHENTICATE PLAIN " SECRET "\r\n" },
      { TRACE_FROM_UPSTREAM, "A1 OK [CAPABILITY IMAP4rev1] " SECRET "\r\n" } },
    { { TRACE_TO_UPSTREAM, "A1 AUTHENTICATE PLAIN\r\n" },
      { TRACE_FROM_UPSTREAM, "+\r\n" },
      { TRACE_TO_UPSTREAM, SECRET "\r\n" },
      { TRACE_FROM_UPSTREAM, "A1 OK in\r\n" } },
    { { TRACE_TO_UPSTREAM, "A2 UID FETCH 1 (UID BODY.PEEK[])\r\n" },
      { TRACE_FROM_UPSTREAM,
        "* 1 FETCH (UID 1 BODY[] {65}\r\n"
        "* OK " SECRET "\r\nA2 OK " SECRET "\r\n(((\"\"\"\\ {9999}\r\n"
        "12345678"
        " FLAGS (\\Seen))\r\nA2 OK done\r\n" } },
    { { TRACE_FROM_UPSTREAM,
        "* 7 FETCH (BODY[] \"a\\\"" SECRET "\\\\\" UID 7)\r\n" } },
    { { TRACE_FROM_UPSTREAM, "* 7 FETCH (BODY[] \"" SECRET "\r\n" } },
    { { TRACE_FROM_UPSTREAM, "* OK {25}\r\n* 3 EXISTS\r\n" } },
};

/* Words that end no line, and in which no literal begins. */
static void append_words(struct buf *out, struct span words)
{
    for (size_t i = 0; i < words.len; i++)
        if (words.data[i] != '\n' && words.data[i] != '}')
            (void)buf_append_octet(out, words.data[i]);
}

static void make_octets(const struct turn *turn, struct span words,
                        struct buf *out)
{
    for (const char *c = turn->octets; *c != '\0'; c++) {
        if (*c == '%')
            append_words(out, words);
        else
            (void)buf_append_octet(out, (unsigned char)*c);
    }
}

static void take(struct trace *t, enum trace_wire wire, struct span octets,
                 struct buf *shown)
{
    struct span copy = fuzz_copy(octets);
    struct span in = copy;
    struct span line;

    while (trace_next(t, wire, &in, &line)) {
        REQUIRE(line.len > 0 && line.len <= TRACE_SHOWN_MAX);
        REQUIRE(!fuzz_contains(line, SPAN_LITERAL(SECRET)));
        (void)buf_append_string(shown, trace_wire_name(wire));
        (void)buf_append_octet(shown, ' ');
        (void)buf_append(shown, line);
        (void)buf_append_octet(shown, '\n');
    }
    REQUIRE(in.len == 0);
    fuzz_drop(copy);
}

struct play {
    struct trace *whole;
    struct trace *cut;
    struct buf shown_whole;
    struct buf shown_cut;
    size_t piece; /* how many were cut */
};

static void play_turn(struct play *p, const struct turn *turn,
                      struct span words, struct span lengths)
{
    struct buf octets;
    struct span rest;

    buf_init(&octets, FUZZ_TRACE_MAX);
    make_octets(turn, words, &octets);
    fuzz_show("turn", turn->wire, buf_span(&octets));
    take(p->whole, turn->wire, buf_span(&octets), &p->shown_whole);
    rest = buf_span(&octets);
    while (rest.len > 0)
        take(p->cut, turn->wire, fuzz_take_piece(&rest, lengths, &p->piece),
             &p->shown_cut);
    buf_fini(&octets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span in = span_make(data, size);
    struct span lengths = fuzz_take(&in, fuzz_take_octet(&in) % 8);
    struct span words = fuzz_take(&in, fuzz_take_octet(&in) % 64);
    struct play p = { .whole = trace_new(), .cut = trace_new() };

    REQUIRE(p.whole != NULL && p.cut != NULL);
    buf_init(&p.shown_whole, FUZZ_TRACE_MAX);
    buf_init(&p.shown_cut, FUZZ_TRACE_MAX);
    while (in.len > 0) {
        const struct turn *turn =
            turns[fuzz_take_octet(&in) % ARRAY_LENGTH(turns)];

        trace_restart_upstream(p.whole);
        trace_restart_upstream(p.cut);
        for (size_t i = 0; i < 6 && turn[i].octets != NULL; i++)
            play_turn(&p, &turn[i], words, lengths);
    }
    REQUIRE(span_equals(buf_span(&p.shown_whole), buf_span(&p.shown_cut)));
    buf_fini(&p.shown_whole);
    buf_fini(&p.shown_cut);
    trace_free(p.whole);
    trace_free(p.cut);
    return 0;
}
