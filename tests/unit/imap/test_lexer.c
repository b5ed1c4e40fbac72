/* test_lexer.c - the caps, the memory held, and memory that runs out; seen
 * through the parser, as a server would reach them.
 */
#include "imap/lexer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "support/alloc_fail.h"
#include "support/imap_events.h"
#include "support/octets.h"

/* Reads |head|, |n| times |body|, then |tail|; counts the events and returns
 * how it ended.
 */
static enum imap_status flood(const char *head, const char *body, size_t n,
                              const char *tail, unsigned *events)
{
    struct imap_parser *p = imap_parser_new();
    enum imap_status status = IMAP_MORE;
    struct imap_event ev;

    assert_non_null(p);
    *events = 0;
    for (size_t i = 0; i < n + 2 && status == IMAP_MORE; i++) {
        const char *text = i == 0 ? head : i <= n ? body : tail;
        struct span in = span_from_string(text);

        while ((status = imap_parser_next(p, &in, &ev)) == IMAP_EVENT)
            (*events)++;
    }
    imap_parser_free(p);
    return status;
}

static void assert_flood(const char *head, const char *body, size_t n,
                         const char *tail, enum imap_status expected)
{
    unsigned events;

    assert_int_equal(flood(head, body, n, tail, &events), expected);
}

/* Deep nesting is refused by its depth, without recursion. */
static void test_nesting(void **state)
{
    static const char *const heads[] = {
        "* X ",          "* 1 FETCH (X ",     "* OK [X ",
        "A1 NO [X ",     "* SEARCH ",         "* ESEARCH ",
        "* FLAGS ",      "* 1 FETCH (FLAGS ", "* 1 FETCH (BODY[",
        "* CAPABILITY ",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(heads); i++)
        assert_flood(heads[i], "(", 100000, "", IMAP_ETOOBIG);
    assert_flood("* X ", "(", IMAP_NESTING_MAX, "", IMAP_MORE);
    assert_flood("* X ", "(", IMAP_NESTING_MAX + 1, "", IMAP_ETOOBIG);
    assert_flood("* X ", "()", 100000, "\r\n", IMAP_MORE);
}

#define CHUNK \
    "0123456789 123456789 123456789 123456789 123456789 123456789 1234"

/* A line without end is refused at IMAP_RESPONSE_MAX, in every state. */
static void test_line_without_end(void **state)
{
    static const struct {
        const char *head;
        const char *body;
    } lines[] = {
        { "", CHUNK },
        { "", "A              " },
        { "* ", CHUNK },
        { "* X", "          " },
        { "* OK ", CHUNK },
        { "* OK ", "          " },
        { "* OK [X ", CHUNK },
        { "* X \"", CHUNK },
        { "* X \"", "\\x\\y\\z\\a\\b\\c" },
        { "* X ", "{1}\r\nx{0}\r\n" },
        { "* X ", "{000000000000" },
        { "* SEARCH", " 1234567 1234567 1234567" },
        { "* ESEARCH UID ALL 1", ",1234567,1234567,1234567" },
        { "* 1 FETCH (X \"", CHUNK },
        { "+ ", CHUNK },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(lines); i++) {
        size_t n = IMAP_RESPONSE_MAX / strlen(lines[i].body) * 2;
        enum imap_status expected = IMAP_ETOOBIG;

        if (lines[i].body[0] == '{' && lines[i].body[1] == '0')
            expected = IMAP_ESYNTAX; /* a second `{` where a digit is due */
        assert_flood(lines[i].head, lines[i].body, n, "", expected);
    }
}

/* The cap strikes at the same octet whatever the cut, and literals do not
 * count.
 */
static void test_response_cap(void **state)
{
    size_t n = IMAP_RESPONSE_MAX - strlen("* X \r\n");
    unsigned char *octets = malloc(n);
    struct imap_event ev;

    (void)state;
    assert_non_null(octets);
    memset(octets, 'x', n);
    for (size_t extra = 0; extra < 2; extra++) {
        struct imap_parser *p = imap_parser_new();
        struct span head = extra ? SPAN_LITERAL("* X  ") : SPAN_LITERAL("* X ");
        struct span body = span_make(octets, n);
        struct span tail = SPAN_LITERAL("\r\n");

        assert_non_null(p);
        assert_int_equal(imap_parser_next(p, &head, &ev), IMAP_MORE);
        assert_int_equal(imap_parser_next(p, &body, &ev), IMAP_MORE);
        assert_int_equal(imap_parser_next(p, &tail, &ev),
                         extra ? IMAP_ETOOBIG : IMAP_EVENT);
        imap_parser_free(p);
    }
    for (size_t whole = 0; whole < 2; whole++) {
        struct buf wire;

        buf_init(&wire, 2 * IMAP_RESPONSE_MAX);
        buf_append_string(&wire, "A1 OK ");
        for (size_t left = IMAP_RESPONSE_MAX - 7 - whole; left > 0; left--)
            buf_append_octet(&wire, 'x');
        buf_append_string(&wire, "\n\n");

        struct imap_parser *p = imap_parser_new();
        struct span in = buf_span(&wire);

        assert_non_null(p);
        assert_int_equal(imap_parser_next(p, &in, &ev), IMAP_EVENT);
        assert_int_equal(ev.text.len, IMAP_TEXT_MAX);
        assert_int_equal(imap_parser_next(p, &in, &ev), IMAP_EVENT);
        assert_int_equal(ev.kind, IMAP_NOISE);
        imap_parser_free(p);
        buf_fini(&wire);
    }
    /* The same where the input ends at the cap. */
    struct imap_parser *p = imap_parser_new();
    struct span head = SPAN_LITERAL("A1 OK x");
    struct span more = SPAN_LITERAL("\n");

    assert_non_null(p);
    assert_int_equal(imap_parser_next(p, &head, &ev), IMAP_MORE);
    for (size_t left = IMAP_RESPONSE_MAX - 7; left > 0;) {
        struct span in = span_make(octets, left < n ? left : n);

        left -= in.len;
        assert_int_equal(imap_parser_next(p, &in, &ev), IMAP_MORE);
    }
    assert_int_equal(imap_parser_next(p, &more, &ev), IMAP_ETOOBIG);
    imap_parser_free(p);
    free(octets);
}

/* A literal that is passed over may be larger than any cap. */
static void test_swallowed_literal(void **state)
{
    size_t chunks = IMAP_RESPONSE_MAX / 64 + 1000;
    char head[64];

    (void)state;
    snprintf(head, sizeof(head), "* X {%zu}\r\n", chunks * 65);
    assert_int_equal(sizeof(CHUNK) - 1, 65);
    unsigned events;
    assert_int_equal(flood(head, CHUNK, chunks, "\r\n", &events), IMAP_MORE);
    assert_int_equal(events, 1);
}

static void check_cap(const char *head, size_t n, const char *tail,
                      const char *expected)
{
    struct buf wire;

    buf_init(&wire, 256 * 1024);
    buf_append_string(&wire, head);
    while (n-- > 0)
        buf_append_octet(&wire, 'x');
    buf_append_string(&wire, tail);
    for (size_t step = 0; step < 1000; step = step * 2 + 1) {
        struct buf trace;

        buf_init(&trace, 256 * 1024);
        imap_events_record(buf_span(&wire), step, &trace);
        if (buf_length(&trace) > 1000) /* the body itself is long */
            assert_true(strcmp(expected, "long") == 0);
        else
            assert_buf_string(&trace, expected);
        buf_fini(&trace);
    }
    buf_fini(&wire);
}

/* Words and strings that are kept have caps; those passed over have none. */
static void test_token_caps(void **state)
{
    (void)state;
    check_cap("* ", IMAP_ATOM_MAX, "\r\n", "other\n");
    check_cap("* ", IMAP_ATOM_MAX + 1, "\r\n", "error toobig\n");
    check_cap("* FLAGS (~", IMAP_ATOM_MAX - 1, ")\r\n", "flags\n");
    check_cap("* FLAGS (~", IMAP_ATOM_MAX, ")\r\n", "error toobig\n");
    check_cap("* 1 FETCH (", IMAP_ATOM_MAX + 1, " 1)\r\n",
              "fetch 1\nerror toobig\n");
    check_cap("* 1 FETCH (X ", 100000, ")\r\n", "fetch 1\nfetch end\n");
    check_cap("* 1 FETCH (X \"", 200000, "\")\r\n", "fetch 1\nfetch end\n");
    check_cap("* OK [X ", 100000, "] x\r\n", "untagged OK UNKNOWN \"x\"\n");
    check_cap("* 1 FETCH (BODY[] \"", IMAP_STRING_MAX, "\")\r\n", "long");
    check_cap("* 1 FETCH (BODY[] \"", IMAP_STRING_MAX + 1, "\")\r\n",
              "fetch 1\nerror toobig\n");
    check_cap("* 1 FETCH (BODY[] \"\\\"", IMAP_STRING_MAX, "\")\r\n",
              "fetch 1\nerror toobig\n");
    check_cap("* 1 FETCH (BODY[] \"", IMAP_STRING_MAX, "\\\\\")\r\n",
              "fetch 1\nerror toobig\n");
}

/* The data of a literal are octets of the input, not a copy. */
static void test_body_is_not_copied(void **state)
{
    struct imap_parser *p = imap_parser_new();
    struct span wire = SPAN_LITERAL("* 1 FETCH (BODY[] {5}\r\nhello)\r\n");
    struct span in = wire;
    struct imap_event ev;

    (void)state;
    assert_non_null(p);
    alloc_fail_at(0);
    do
        assert_int_equal(imap_parser_next(p, &in, &ev), IMAP_EVENT);
    while (ev.kind != IMAP_BODY_DATA);
    assert_ptr_equal(ev.text.data, wire.data + 23);
    assert_int_equal(ev.text.len, 5);
    assert_false(imap_parser_is_idle(p));
    assert_int_equal(imap_parser_next(p, &in, &ev), IMAP_EVENT);
    assert_int_equal(ev.kind, IMAP_BODY_END);
    assert_int_equal(imap_parser_next(p, &in, &ev), IMAP_EVENT);
    assert_int_equal(imap_parser_next(p, &in, &ev), IMAP_MORE);
    assert_true(imap_parser_is_idle(p));
    assert_int_equal(alloc_fail_count(), 0);
    imap_parser_free(p);
}

static unsigned frees;

static void count_frees(const unsigned char *memory, size_t size)
{
    (void)memory;
    (void)size;
    frees++;
}

/* Between two responses the parser holds nothing of the last. */
static void test_idle_holds_nothing(void **state)
{
    struct imap_parser *p = imap_parser_new();
    struct span first = SPAN_LITERAL("A1 OK [UIDNE");
    struct span second = SPAN_LITERAL("XT 5] text\r\n");
    struct imap_event ev;

    (void)state;
    assert_non_null(p);
    assert_int_equal(imap_parser_next(p, &first, &ev), IMAP_MORE);
    assert_int_equal(imap_parser_next(p, &second, &ev), IMAP_EVENT);
    frees = 0;
    alloc_watch_free(count_frees);
    assert_int_equal(imap_parser_next(p, &second, &ev), IMAP_MORE);
    assert_int_equal(frees, 1);
    imap_parser_free(p);
    assert_int_equal(frees, 2);
    alloc_watch_free(NULL);
}

static const char everything[] =
    "* OK [CAPABILITY IMAP4rev1] hello\r\nServer Unavailable.\r\n"
    "* 1 FETCH (UID 5 ~X y FLAGS (\\Seen) BODY[] \"a\\\"b\" X {2}\r\nab)\r\n"
    "* ESEARCH UID ALL 2,10:11\r\n+ go\ra\r\nA1 OK [UIDNEXT 5] a\rb\r\n";

/* Octet by octet every token is put together in memory. */
static enum imap_status read_everything(unsigned *events)
{
    struct span wire = SPAN_LITERAL(everything);
    struct imap_parser *p = imap_parser_new();
    enum imap_status status = p ? IMAP_MORE : IMAP_ENOMEM;
    struct imap_event ev;

    *events = 0;
    while (wire.len > 0 && status == IMAP_MORE) {
        struct span in = span_take(&wire, 1);

        while ((status = imap_parser_next(p, &in, &ev)) == IMAP_EVENT)
            (*events)++;
    }
    if (status < 0 && p) {
        struct span in = SPAN_LITERAL("* 1 EXISTS\r\n");

        assert_int_equal(imap_parser_next(p, &in, &ev), status);
    }
    imap_parser_free(p);
    return status;
}

/* Every allocation fails in turn: it is said, and nothing leaks. */
static void test_memory_runs_out(void **state)
{
    unsigned events;
    unsigned all_events;
    unsigned long allocations;

    (void)state;
    alloc_fail_at(0);
    assert_int_equal(read_everything(&all_events), IMAP_MORE);
    allocations = alloc_fail_count();
    assert_true(allocations > 5);
    for (unsigned long n = 1; n <= allocations; n++) {
        alloc_fail_at(n);
        assert_int_equal(read_everything(&events), IMAP_ENOMEM);
        assert_true(events < all_events);
    }
    alloc_fail_at(0);
    imap_parser_free(NULL);
}

#define TEXT_LINE \
    CHUNK CHUNK CHUNK CHUNK CHUNK CHUNK CHUNK CHUNK CHUNK CHUNK "\r\n"

/* The same through each way by which a text is put together. */
static void test_memory_runs_out_in_texts(void **state)
{
    static const char *const halves[][2] = {
        { "Server Unavailable. ", TEXT_LINE },
        { "A1 OK ab\r", "c\r\n" },
        { "A1 OK ab\r", "cd" },
        { "A1 OK ab", "c\r\n" },
        { "noise", "\r\n" },
        { "A1 OK \r", "c\r\n" },
        { "A1 OK \r", "c" },
        { "* FLAGS (~", "x)\r\n" },
        { "* 1 FETCH (BODY[] \"a", "\")\r\n" },
        { "* 1 FETCH (BODY[] \"\\", "\\\")\r\n" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(halves); i++) {
        for (unsigned long n = 1;; n++) {
            struct imap_parser *p = imap_parser_new();
            enum imap_status status = IMAP_MORE;
            struct imap_event ev;

            assert_non_null(p);
            alloc_fail_at(n);
            for (size_t half = 0; half < 2 && status == IMAP_MORE; half++) {
                struct span in = span_from_string(halves[i][half]);

                do
                    status = imap_parser_next(p, &in, &ev);
                while (status == IMAP_EVENT);
            }
            unsigned long asked = alloc_fail_count();
            alloc_fail_at(0);
            imap_parser_free(p);
            assert_int_equal(status, asked >= n ? IMAP_ENOMEM : IMAP_MORE);
            if (asked < n) {
                assert_true(n > 1);
                break;
            }
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_line_without_end),
        cmocka_unit_test(test_response_cap),
        cmocka_unit_test(test_swallowed_literal),
        cmocka_unit_test(test_token_caps),
        cmocka_unit_test(test_body_is_not_copied),
        cmocka_unit_test(test_idle_holds_nothing),
        cmocka_unit_test(test_memory_runs_out),
        cmocka_unit_test(test_memory_runs_out_in_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
