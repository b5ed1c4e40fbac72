/* trace.c - lines, and what POP3's may show. */
#include "session/trace.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "pop3/command.h"
#include "pop3/sasl.h"
#include "session/pop3_session.h"
#include "session/trace_parts.h"

/* Lines of one list that are shown one by one. */
#define ROWS_SHOWN 16

struct trace *trace_new(void)
{
    return calloc(1, sizeof(struct trace));
}

void trace_free(struct trace *t)
{
    if (t == NULL)
        return;
    wipe(t, sizeof(*t));
    free(t);
}

void trace_restart_upstream(struct trace *t)
{
    t->lanes[TRACE_TO_UPSTREAM] = (struct trace_lane){ .kept_len = 0 };
    t->lanes[TRACE_FROM_UPSTREAM] = (struct trace_lane){ .kept_len = 0 };
    t->logging_in = false;
    t->password_is_out = false;
    t->literal_follows = false;
    t->mark = TRACE_MARK_NONE;
    t->literal = 0;
    t->in_string = false;
}

const char *trace_wire_name(enum trace_wire wire)
{
    static const char *const names[TRACE_WIRE_COUNT] = {
        [TRACE_FROM_CLIENT] = "C",
        [TRACE_TO_CLIENT] = "S",
        [TRACE_TO_UPSTREAM] = ">U",
        [TRACE_FROM_UPSTREAM] = "<U",
    };

    return names[wire];
}

/* --- what is shown --- */

void trace_show(struct trace *t, struct span s)
{
    size_t room = sizeof(t->shown) - t->shown_len;
    size_t n = s.len < room ? s.len : room;

    if (n > 0)
        memcpy(t->shown + t->shown_len, s.data, n);
    t->shown_len += n;
}

static void show_number(struct trace *t, uint64_t number)
{
    unsigned char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (unsigned char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    trace_show(t, span_make(digits + at, sizeof(digits) - at));
}

void trace_show_octets(struct trace *t, uint64_t octets)
{
    trace_show(t, SPAN_LITERAL("("));
    show_number(t, octets);
    trace_show(t, SPAN_LITERAL(" octets)"));
}

struct span trace_kept(const struct trace_lane *lane)
{
    return span_make(lane->kept, lane->kept_len);
}

bool trace_is_whole(const struct trace_lane *lane)
{
    return lane->octets == lane->kept_len;
}

void trace_keep(struct trace_lane *lane, unsigned char octet)
{
    lane->octets++;
    if (lane->kept_len < sizeof(lane->kept))
        lane->kept[lane->kept_len++] = octet;
}

void trace_show_left_out(struct trace *t, struct trace_lane *lane)
{
    if (lane->left_out > 0) {
        trace_show(t, SPAN_LITERAL("("));
        show_number(t, lane->left_out);
        trace_show(t, SPAN_LITERAL(" more lines) "));
    }
    lane->left_out = 0;
    lane->rows = 0;
}

void trace_show_line(struct trace *t, const struct trace_lane *lane)
{
    trace_show(t, trace_kept(lane));
    if (trace_is_whole(lane))
        return;
    trace_show(t, SPAN_LITERAL(" "));
    trace_show_octets(t, lane->octets - lane->kept_len);
}

void trace_show_row(struct trace *t, struct trace_lane *lane)
{
    if (lane->rows < ROWS_SHOWN) {
        lane->rows++;
        trace_show_line(t, lane);
    } else {
        lane->left_out++;
    }
}

/* --- from the client --- */

/* A number or two, or nothing: all that commands without secrets have. */
static bool is_numbers(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.data[i] != ' ' && (s.data[i] < '0' || s.data[i] > '9'))
            return false;
    return true;
}

static void show_hidden_rest(struct trace *t, struct span rest)
{
    if (rest.len == 0)
        return;
    trace_show(t, SPAN_LITERAL(" "));
    trace_show_octets(t, rest.len);
}

/* The mechanism is shown where it is one; whatever else stands there may be a
 * secret in the wrong place.
 */
static void show_auth(struct trace *t, const struct pop3_command *command)
{
    struct span rest = command->rest;
    struct span word = span_take(&rest, span_find(rest, ' '));

    if (rest.len > 0)
        (void)span_take(&rest, 1);
    trace_show(t, SPAN_LITERAL("AUTH"));
    if (sasl_mechanism_find(word) == SASL_MECHANISM_COUNT) {
        show_hidden_rest(t, command->rest);
        return;
    }
    trace_show(t, SPAN_LITERAL(" "));
    trace_show(t, word);
    show_hidden_rest(t, rest);
    t->answer_due = t->answer_due || rest.len == 0;
}

static void show_pop3_command(struct trace *t, const struct trace_lane *lane)
{
    struct pop3_command command;

    pop3_command_parse(trace_kept(lane), &command);
    if (command.verb == POP3_UNKNOWN || !trace_is_whole(lane)) {
        trace_show_octets(t, lane->octets);
    } else if (command.verb == POP3_AUTH) {
        show_auth(t, &command);
    } else if (command.verb == POP3_USER ||
               (command.verb != POP3_PASS && command.verb != POP3_APOP &&
                is_numbers(command.rest))) {
        trace_show_line(t, lane);
    } else {
        trace_show(t, span_from_string(pop3_verb_name(command.verb)));
        show_hidden_rest(t, command.rest);
    }
}

static void on_client_line(struct trace *t, struct trace_lane *lane)
{
    bool answers = t->answer_due;

    t->answer_due = false;
    if (answers)
        trace_show_octets(t, lane->octets);
    else
        show_pop3_command(t, lane);
}

/* --- to the client --- */

static void on_message_line(struct trace *t, const struct trace_lane *lane)
{
    if (span_equals(trace_kept(lane), SPAN_LITERAL("."))) {
        t->in_message = false;
        trace_show_octets(t, t->message_octets);
    } else {
        t->message_octets += lane->octets + 2;
    }
}

/* Our own replies: their texts are constants, and one of them alone stands
 * before a message.
 */
static void on_reply_line(struct trace *t, struct trace_lane *lane)
{
    struct span line = trace_kept(lane);
    bool is_first =
        line.len > 0 && (line.data[0] == '+' || line.data[0] == '-');
    bool is_end = span_equals(line, SPAN_LITERAL("."));

    if (t->in_message) {
        on_message_line(t, lane);
        return;
    }
    if (!is_first && !is_end) {
        trace_show_row(t, lane);
        return;
    }
    trace_show_left_out(t, lane);
    trace_show_line(t, lane);
    if (span_starts_with_nocase(line, SPAN_LITERAL("+ ")))
        t->answer_due = true;
    t->in_message =
        span_equals(line, SPAN_LITERAL("+OK " POP3_MESSAGE_FOLLOWS));
    t->message_octets = 0;
}

/* --- all of them --- */

/* True: the line is complete, and in the lane without its end. */
static bool take_line(struct trace_lane *lane, struct span *in)
{
    size_t n = span_find(*in, '\n');
    bool ends = n < in->len;
    struct span octets = span_take(in, n);
    size_t room = sizeof(lane->kept) - lane->kept_len;
    size_t kept = octets.len < room ? octets.len : room;

    if (kept > 0)
        memcpy(lane->kept + lane->kept_len, octets.data, kept);
    lane->kept_len += kept;
    lane->octets += octets.len;
    if (!ends)
        return false;
    (void)span_take(in, 1);
    if (trace_is_whole(lane) && lane->kept_len > 0 &&
        lane->kept[lane->kept_len - 1] == '\r') {
        lane->kept_len--;
        lane->octets--;
    }
    return true;
}

static void begin_line(struct trace_lane *lane)
{
    lane->kept_len = 0;
    lane->octets = 0;
}

static bool take(struct trace *t, enum trace_wire wire, struct span *in)
{
    struct trace_lane *lane = &t->lanes[wire];

    if (wire == TRACE_FROM_UPSTREAM)
        return trace_take_response(t, in);
    if (!take_line(lane, in))
        return false;
    if (wire == TRACE_FROM_CLIENT)
        on_client_line(t, lane);
    else if (wire == TRACE_TO_CLIENT)
        on_reply_line(t, lane);
    else
        trace_on_command(t, lane);
    return true;
}

bool trace_next(struct trace *t, enum trace_wire wire, struct span *in,
                struct span *line)
{
    t->shown_len = 0;
    while (in->len > 0) {
        if (take(t, wire, in))
            begin_line(&t->lanes[wire]);
        if (t->shown_len == 0)
            continue;
        *line = span_make(t->shown, t->shown_len);
        return true;
    }
    return false;
}
