#include "access/account_text.h"

#include <string.h>

#define BLANKS " \t\r\n"
#define WORD "account"
#define MARK "\xEF\xBB\xBF"
/* Of a value on one line: with any key it fits into CONFIG_LINE_MAX. */
#define PIECE_MAX 160

/* --- lines --- */

/* Takes the next line off |rest|, with its end. */
static struct span next_line(struct span *rest)
{
    size_t end = span_find(*rest, '\n');

    return span_take(rest, end < rest->len ? end + 1 : end);
}

static bool is_blank(unsigned char octet)
{
    return octet != '\0' && strchr(BLANKS, octet) != NULL;
}

static struct span trim(struct span s)
{
    while (s.len > 0 && is_blank(s.data[0]))
        (void)span_take(&s, 1);
    while (s.len > 0 && is_blank(s.data[s.len - 1]))
        s.len--;
    return s;
}

static bool begins_with(struct span line, char octet)
{
    line = trim(line);
    return line.len > 0 && line.data[0] == (unsigned char)octet;
}

static bool is_header(struct span line)
{
    return begins_with(line, '[');
}

static bool is_comment(struct span line)
{
    return begins_with(line, ';') || begins_with(line, '#');
}

static bool is_header_of(struct span line, const char *name)
{
    struct span words = trim(line);
    const size_t word = sizeof(WORD) - 1;

    if (!is_header(line))
        return false;
    (void)span_take(&words, 1);
    words.len = span_find(words, ']');
    if (words.len <= word || memcmp(words.data, WORD " ", word + 1) != 0)
        return false;
    (void)span_take(&words, word);
    return span_equals(trim(words), span_from_string(name));
}

/* As inih has it, `key: value` is one as well. */
static bool is_key(struct span line, const char *key)
{
    line.len = span_find(line, '=');
    line.len = span_find(line, ':');
    return span_equals(trim(line), span_from_string(key));
}

/* --- sections --- */

/* Offsets in the text. */
struct section {
    size_t begin; /* of the comment right above the header */
    size_t body;  /* behind the header */
    size_t end;   /* where the next one begins, or the text ends */
};

/* Where a header at |at| begins with the comment right above it, which goes back
 * no further than |from|.
 */
static size_t with_comment(struct span text, size_t from, size_t at)
{
    struct span above = span_make(text.data + from, at - from);
    size_t begin = at;

    while (above.len > 0) {
        struct span line = next_line(&above);

        if (!is_comment(line))
            begin = at;
        else if (begin == at)
            begin = (size_t)(line.data - text.data);
    }
    return begin;
}

/* Of UTF-8's byte order mark, where it has one. */
static size_t mark_length(struct span text)
{
    return text.len >= sizeof(MARK) - 1 &&
                   memcmp(text.data, MARK, sizeof(MARK) - 1) == 0
               ? sizeof(MARK) - 1
               : 0;
}

static bool find_section(struct span text, const char *name, struct section *s)
{
    size_t from = mark_length(text); /* later behind the header before */
    struct span rest = text;
    bool found = false;

    if (from > 0)
        (void)span_take(&rest, from);
    while (rest.len > 0) {
        size_t at = text.len - rest.len;
        struct span line = next_line(&rest);

        if (!is_header(line))
            continue;
        if (found) {
            s->end = with_comment(text, s->body, at);
            return true;
        }
        found = is_header_of(line, name);
        if (found) {
            s->begin = with_comment(text, from, at);
            s->body = text.len - rest.len;
        }
        from = text.len - rest.len;
    }
    s->end = text.len;
    return found;
}

bool account_text_has(struct span text, const char *name)
{
    struct section s;

    return find_section(text, name, &s);
}

/* --- changes --- */

static struct span part(const struct buf *text, size_t from, size_t to)
{
    return span_make(buf_span(text).data + from, to - from);
}

/* |fresh| takes the place of |text| where it is whole. */
static bool replace(struct buf *text, struct buf *fresh)
{
    if (buf_failed(fresh)) {
        buf_fini(fresh);
        return false;
    }
    buf_fini(text);
    *text = *fresh;
    return true;
}

/* Behind a last line that has no end, one is made. */
static void append_lines(struct buf *to, struct span lines)
{
    (void)buf_append(to, lines);
    if (lines.len > 0 && lines.data[lines.len - 1] != '\n')
        (void)buf_append_octet(to, '\n');
}

bool account_text_add(struct buf *text, const char *name)
{
    struct buf fresh;

    buf_init(&fresh, text->max);
    append_lines(&fresh, buf_span(text));
    if (buf_length(&fresh) > 0)
        (void)buf_append_octet(&fresh, '\n');
    (void)buf_append_string(&fresh, "[" WORD " ");
    (void)buf_append_string(&fresh, name);
    (void)buf_append_string(&fresh, "]\n");
    return replace(text, &fresh);
}

bool account_text_remove(struct buf *text, const char *name)
{
    struct section s;
    struct buf fresh;

    if (!find_section(buf_span(text), name, &s))
        return false;
    buf_init(&fresh, text->max);
    (void)buf_append(&fresh, part(text, 0, s.begin));
    (void)buf_append(&fresh, part(text, s.end, buf_length(text)));
    return replace(text, &fresh);
}

static void append_key(struct buf *to, const char *key, const char *value)
{
    struct span rest = span_from_string(value);

    while (rest.len > 0) {
        size_t length = rest.len < PIECE_MAX ? rest.len : PIECE_MAX;

        (void)buf_append_string(to, key);
        (void)buf_append_string(to, " = ");
        (void)buf_append(to, span_take(&rest, length));
        (void)buf_append_octet(to, '\n');
    }
}

/* Behind the last line of |body| that says something, or 0. */
static size_t end_of_keys(struct span body)
{
    struct span rest = body;
    size_t end = 0;

    while (rest.len > 0) {
        struct span line = next_line(&rest);

        if (trim(line).len > 0 && !is_comment(line))
            end = body.len - rest.len;
    }
    return end;
}

/* Where the first line of |key| stands, or a new one may. */
static size_t place_of(struct span body, const char *key)
{
    struct span rest = body;

    while (rest.len > 0) {
        size_t at = body.len - rest.len;

        if (is_key(next_line(&rest), key))
            return at;
    }
    return end_of_keys(body);
}

static void append_without(struct buf *to, struct span lines, const char *key)
{
    while (lines.len > 0) {
        struct span line = next_line(&lines);

        if (!is_key(line, key))
            append_lines(to, line);
    }
}

bool account_text_set(struct buf *text, const char *name, const char *key,
                      const char *value)
{
    struct section s;
    struct buf fresh;
    size_t place;

    if (!find_section(buf_span(text), name, &s))
        return false;
    place = s.body + place_of(part(text, s.body, s.end), key);
    buf_init(&fresh, text->max);
    append_lines(&fresh, part(text, 0, s.body));
    append_without(&fresh, part(text, s.body, place), key);
    if (value != NULL)
        append_key(&fresh, key, value);
    append_without(&fresh, part(text, place, s.end), key);
    (void)buf_append(&fresh, part(text, s.end, buf_length(text)));
    return replace(text, &fresh);
}
