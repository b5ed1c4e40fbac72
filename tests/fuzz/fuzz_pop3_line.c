/* fuzz_pop3_line.c - what a POP3 client may send instead of commands.
 *
 * Property: whole, octet by octet and in pieces of any length the same lines
 * come out, and they are those of a plain model that has the whole input
 * before it; never is more kept than the limit. Each line is then read as a
 * command, and that too agrees with a plain model.
 */
#include <string.h>

#include "base/limits.h"
#include "fuzz.h"
#include "pop3/command.h"
#include "pop3/line.h"

struct reading {
    struct pop3_line_reader reader;
    struct buf kept;
    struct buf trace;
    size_t limit;
};

static void record(struct buf *trace, enum pop3_line_status status,
                   struct span line)
{
    switch (status) {
    case POP3_LINE_READY:
        buf_append_string(trace, "line:");
        buf_append(trace, line);
        break;
    case POP3_LINE_ETOOLONG:
        buf_append_string(trace, "long");
        break;
    case POP3_LINE_ECONTROL:
        buf_append_string(trace, "control");
        break;
    case POP3_LINE_MORE:
        return;
    }
    buf_append_octet(trace, '\n');
}

/* --- in pieces --- */

static void feed(struct reading *r, struct span piece)
{
    enum pop3_line_status status;
    struct span copy, in, line = { NULL, 0 };

    REQUIRE(buf_append(&r->kept, piece));
    copy = fuzz_copy(buf_span(&r->kept));
    in = copy;
    while ((status = pop3_line_next(&r->reader, &in, r->limit, &line)) !=
           POP3_LINE_MORE) {
        if (status == POP3_LINE_READY)
            REQUIRE(line.data >= copy.data &&
                    line.data + line.len <= copy.data + copy.len);
        record(&r->trace, status, line);
    }
    REQUIRE(in.len < r->limit);
    buf_consume(&r->kept, buf_length(&r->kept) - in.len);
    fuzz_drop(copy);
}

static void read_in_pieces(struct reading *r, struct span wire,
                           struct span lengths, size_t limit)
{
    size_t turn = 0;

    r->limit = limit;
    pop3_line_reader_init(&r->reader);
    buf_init(&r->kept, FUZZ_TRACE_MAX);
    buf_init(&r->trace, FUZZ_TRACE_MAX);
    while (wire.len > 0)
        feed(r, fuzz_take_piece(&wire, lengths, &turn));
}

static void end(struct reading *r)
{
    buf_fini(&r->kept);
    buf_fini(&r->trace);
}

/* --- the model of lines --- */

static enum pop3_line_status model_line(struct span with_end, size_t limit,
                                        struct span *line)
{
    if (with_end.len > limit)
        return POP3_LINE_ETOOLONG;
    line->data = with_end.data;
    line->len = with_end.len - 1;
    if (line->len > 0 && line->data[line->len - 1] == '\r')
        line->len--;
    for (size_t i = 0; i < line->len; i++)
        if (line->data[i] == 127 ||
            (line->data[i] < 32 && line->data[i] != '\t'))
            return POP3_LINE_ECONTROL;
    return POP3_LINE_READY;
}

/* --- commands --- */

static bool is_upper_of(unsigned char octet, char letter)
{
    return octet == (unsigned char)letter ||
           (octet >= 'a' && octet <= 'z' && octet - 32 == letter);
}

static bool has_name(struct span word, const char *name)
{
    if (word.len != strlen(name))
        return false;
    for (size_t i = 0; i < word.len; i++)
        if (!is_upper_of(word.data[i], name[i]))
            return false;
    return true;
}

/* A number as a person would read it, or UINT64_MAX. */
static uint64_t model_number(struct span word)
{
    uint64_t value = 0;

    for (size_t i = 0; i < word.len; i++) {
        if (word.data[i] < '0' || word.data[i] > '9')
            return UINT64_MAX;
        if (value <= UINT32_MAX)
            value = value * 10 + (uint64_t)(word.data[i] - '0');
    }
    if (word.len == 0)
        return UINT64_MAX;
    return value > UINT32_MAX ? UINT64_MAX - 1 : value;
}

static void check_number(struct span word)
{
    uint64_t model = model_number(word);
    uint32_t number = 0;

    REQUIRE(pop3_argument_message(word, &number) ==
            (model >= 1 && model <= UINT32_MAX));
    if (model >= 1 && model <= UINT32_MAX)
        REQUIRE(number == model);
    REQUIRE(pop3_argument_lines(word, &number) == (model != UINT64_MAX));
    if (model != UINT64_MAX)
        REQUIRE(number == (model > UINT32_MAX ? UINT32_MAX : model));
}

static void check_words(const struct pop3_command *command, struct span rest)
{
    unsigned words = 0;

    for (size_t i = 0; i < rest.len; i++) {
        size_t n = 0;

        if (rest.data[i] == ' ')
            continue;
        while (i + n < rest.len && rest.data[i + n] != ' ')
            n++;
        if (words < POP3_ARGUMENTS_MAX) {
            REQUIRE(command->argument[words].data == rest.data + i);
            REQUIRE(command->argument[words].len == n);
            check_number(command->argument[words]);
        }
        words++;
        i += n;
    }
    REQUIRE(command->arguments == words);
}

static void check_command(struct span line)
{
    struct pop3_command command;
    size_t space = span_find(line, ' ');
    struct span rest = line;
    enum pop3_verb verb = POP3_UNKNOWN;

    for (enum pop3_verb v = 0; v < POP3_UNKNOWN; v++)
        if (has_name(span_make(line.data, space), pop3_verb_name(v)))
            verb = v;
    pop3_command_parse(line, &command);
    REQUIRE(command.verb == verb);
    if (space == line.len) {
        REQUIRE(command.rest.data == NULL && command.arguments == 0);
        REQUIRE(verb != POP3_PASS || !pop3_command_has_arguments(&command));
        return;
    }
    (void)span_take(&rest, space + 1);
    check_words(&command, rest);
    while (verb != POP3_PASS && rest.len > 0 && rest.data[0] == ' ')
        (void)span_take(&rest, 1);
    while (verb != POP3_PASS && rest.len > 0 && rest.data[rest.len - 1] == ' ')
        rest.len--;
    REQUIRE(span_equals(command.rest, rest));
    REQUIRE(verb != POP3_PASS || pop3_command_has_arguments(&command));
}

static void run_model(struct span wire, size_t limit, struct buf *trace)
{
    struct span line = { NULL, 0 };

    while (span_contains(wire, '\n')) {
        struct span with_end = span_take(&wire, span_find(wire, '\n') + 1);
        enum pop3_line_status status = model_line(with_end, limit, &line);

        record(trace, status, line);
        if (status == POP3_LINE_READY)
            check_command(line);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span wire = span_make(data, size);
    size_t limit = fuzz_take_octet(&wire) % 2 ? POP3_LINE_MAX : 16;
    struct span ways[] = { span_make(NULL, 0), span_make("\1", 1), wire };
    struct buf model;

    buf_init(&model, FUZZ_TRACE_MAX);
    run_model(wire, limit, &model);
    for (size_t i = 0; i < ARRAY_LENGTH(ways); i++) {
        struct reading r;

        read_in_pieces(&r, wire, ways[i], limit);
        REQUIRE(span_equals(buf_span(&r.trace), buf_span(&model)));
        end(&r);
    }
    buf_fini(&model);
    return 0;
}
