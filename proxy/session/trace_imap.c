/* trace_imap.c - what IMAP's lines may show. */
#include <stdio.h>

#include "base/attributes.h"
#include "session/trace_parts.h"

static bool is_digit(unsigned char octet)
{
    return octet >= '0' && octet <= '9';
}

/* A word and the blank behind it, off the front. */
static struct span take_word(struct span *s)
{
    struct span word = span_take(s, span_find(*s, ' '));

    if (s->len > 0)
        (void)span_take(s, 1);
    return word;
}

/* `A12`: as we write them. */
static bool is_tag(struct span word)
{
    if (word.len < 2 || word.data[0] != 'A')
        return false;
    for (size_t i = 1; i < word.len; i++)
        if (!is_digit(word.data[i]))
            return false;
    return true;
}

static void show_hidden(struct trace *t, uint64_t octets)
{
    if (octets == 0)
        return;
    trace_show(t, SPAN_LITERAL(" "));
    trace_show_octets(t, octets);
}

/* --- to the upstream --- */

/* What we write besides LOGIN and AUTHENTICATE. */
static bool is_open_command(struct span name)
{
    static const char *const names[] = { "CAPABILITY", "STARTTLS", "ID",
                                         "SELECT",     "EXAMINE",  "NOOP",
                                         "UID",        "EXPUNGE",  "CLOSE",
                                         "UNSELECT",   "LOGOUT",   "LIST" };

    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        if (span_equals(name, span_from_string(names[i])))
            return true;
    return false;
}

static bool announces_literal(struct span line)
{
    return line.len > 0 && line.data[line.len - 1] == '}';
}

static void show_login(struct trace *t, const struct trace_lane *lane,
                       struct span tag, struct span name, struct span rest)
{
    uint64_t hidden = lane->octets - (lane->kept_len - rest.len);

    t->logging_in = true;
    t->password_is_out = true;
    trace_show(t, tag);
    trace_show(t, SPAN_LITERAL(" "));
    trace_show(t, name);
    if (span_equals(name, SPAN_LITERAL("AUTHENTICATE"))) {
        struct span mechanism = take_word(&rest);

        trace_show(t, SPAN_LITERAL(" "));
        trace_show(t, mechanism);
        hidden = lane->octets - (lane->kept_len - rest.len);
    }
    show_hidden(t, hidden);
}

void trace_on_command(struct trace *t, struct trace_lane *lane)
{
    struct span rest = trace_kept(lane);
    bool goes_on = t->literal_follows || t->logging_in;
    struct span tag;
    struct span name;

    t->literal_follows = announces_literal(rest);
    tag = take_word(&rest);
    name = take_word(&rest);
    if (goes_on || !is_tag(tag))
        trace_show_octets(t, lane->octets);
    else if (is_open_command(name))
        trace_show_line(t, lane);
    else if (span_equals(name, SPAN_LITERAL("LOGIN")) ||
             span_equals(name, SPAN_LITERAL("AUTHENTICATE")))
        show_login(t, lane, tag, name, rest);
    else
        trace_show_octets(t, lane->octets);
}

/* --- from the upstream --- */

/* `* 12 FETCH ...` and its kin: they bring mail. */
static bool is_numbered(struct span line)
{
    return line.len > 2 && line.data[0] == '*' && line.data[1] == ' ' &&
           is_digit(line.data[2]);
}

/* `* OK ...` or `A12 OK ...`: the rest is text, in which nothing else has a
 * meaning. |rest| is behind the condition.
 */
static bool is_status(struct span line, struct span *rest)
{
    static const char *const conditions[] = { "OK", "NO", "BAD", "PREAUTH",
                                              "BYE" };
    struct span first = take_word(&line);
    struct span word = take_word(&line);

    if (!is_tag(first) && !span_equals(first, SPAN_LITERAL("*")))
        return false;
    *rest = line;
    for (size_t i = 0; i < ARRAY_LENGTH(conditions); i++)
        if (span_equals_nocase(word, span_from_string(conditions[i])))
            return true;
    return false;
}

/* Condition and code; what the server says to a login is not for a log. */
static void show_status(struct trace *t, const struct trace_lane *lane,
                        struct span rest)
{
    struct span line = trace_kept(lane);
    size_t code = span_find(rest, ']');
    struct span shown;

    if (rest.len > 0 && rest.data[0] == '[' && code < rest.len)
        (void)span_take(&rest, code + 1);
    shown = span_take(&line, line.len - rest.len);
    if (shown.data[shown.len - 1] == ' ')
        shown.len--; /* show_hidden writes one */
    else if (rest.len > 0)
        (void)span_take(&rest, 1);
    trace_show(t, shown);
    show_hidden(t, lane->octets - lane->kept_len + rest.len);
}

static void on_status(struct trace *t, const struct trace_lane *lane,
                      struct span rest)
{
    struct span line = trace_kept(lane);

    if (t->password_is_out)
        show_status(t, lane, rest);
    else
        trace_show_line(t, lane);
    if (!is_tag(take_word(&line)))
        return;
    if (t->logging_in &&
        span_equals_nocase(take_word(&line), SPAN_LITERAL("OK")))
        t->password_is_out = false;
    t->logging_in = false;
}

/* `* CAPABILITY ...`, which a server may answer a login with. */
static bool is_capability(struct span line)
{
    (void)take_word(&line);
    return span_equals_nocase(take_word(&line), SPAN_LITERAL("CAPABILITY"));
}

/* A continuation is a challenge, or words for nobody. */
static void on_response(struct trace *t, struct trace_lane *lane)
{
    struct span line = trace_kept(lane);
    struct span rest;

    if (is_numbered(line) && !t->password_is_out) {
        trace_show_row(t, lane);
        return;
    }
    trace_show_left_out(t, lane);
    if (is_status(line, &rest)) {
        on_status(t, lane, rest);
    } else if (line.len > 0 && line.data[0] == '+') {
        trace_show(t, SPAN_LITERAL("+"));
        show_hidden(t, lane->octets > 2 ? lane->octets - 2 : 0);
    } else if (line.len > 0 && line.data[0] == '*' &&
               (!t->password_is_out || is_capability(line))) {
        trace_show_line(t, lane);
    } else {
        trace_show_octets(t, lane->octets);
    }
}

/* What stands for octets that are not shown, in the line itself. */
static void keep_octets(struct trace_lane *lane, uint64_t octets)
{
    char text[32];
    int n = snprintf(text, sizeof(text), "(%llu octets)",
                     (unsigned long long)octets);

    for (int i = 0; i < n; i++)
        trace_keep(lane, (unsigned char)text[i]);
}

static void end_string(struct trace *t, struct trace_lane *lane)
{
    if (t->in_string)
        keep_octets(lane, t->string_octets);
    t->in_string = false;
}

/* Within a string of a FETCH answer. */
static void on_string_octet(struct trace *t, struct trace_lane *lane,
                            unsigned char octet)
{
    if (octet == '"' && !t->escaped) {
        end_string(t, lane);
        trace_keep(lane, octet);
        return;
    }
    t->escaped = octet == '\\' && !t->escaped;
    t->string_octets++;
}

/* `{12}`, also as `{12+}`, where the line ends right behind it. */
static void look_for_mark(struct trace *t, unsigned char octet)
{
    if (octet == '{') {
        t->mark = TRACE_MARK_DIGITS;
        t->mark_number = 0;
    } else if (t->mark == TRACE_MARK_DIGITS && is_digit(octet) &&
               t->mark_number < UINT64_MAX / 16) {
        t->mark_number = 10 * t->mark_number + (octet - (unsigned)'0');
    } else if (t->mark == TRACE_MARK_DIGITS && octet == '}') {
        t->mark = TRACE_MARK_CLOSED;
    } else if (octet != '+' || t->mark != TRACE_MARK_DIGITS) {
        t->mark = TRACE_MARK_NONE;
    }
}

static void on_octet(struct trace *t, struct trace_lane *lane,
                     unsigned char octet)
{
    if (t->in_string) {
        on_string_octet(t, lane, octet);
        return;
    }
    look_for_mark(t, octet);
    trace_keep(lane, octet);
    if (octet == '"' && is_numbered(trace_kept(lane))) {
        t->in_string = true;
        t->escaped = false;
        t->string_octets = 0;
    }
}

/* True: the line is complete; else it goes on behind a literal. */
static bool on_line_end(struct trace *t, struct trace_lane *lane)
{
    struct span line = trace_kept(lane);
    bool announced = t->mark == TRACE_MARK_CLOSED;
    struct span rest;

    t->mark = TRACE_MARK_NONE;
    end_string(t, lane);
    if (announced && line.data[0] == '*' && !is_status(line, &rest)) {
        t->literal = t->mark_number;
        keep_octets(lane, t->literal);
        return false;
    }
    on_response(t, lane);
    return true;
}

bool trace_take_response(struct trace *t, struct span *in)
{
    struct trace_lane *lane = &t->lanes[TRACE_FROM_UPSTREAM];

    if (t->literal > 0) {
        size_t n = in->len < t->literal ? in->len : (size_t)t->literal;

        (void)span_take(in, n);
        t->literal -= n;
        return false;
    }
    while (in->len > 0 && t->literal == 0) {
        unsigned char octet = span_take(in, 1).data[0];

        if (octet == '\n' && on_line_end(t, lane))
            return true;
        if (octet != '\n' && octet != '\r')
            on_octet(t, lane, octet);
    }
    return false;
}
