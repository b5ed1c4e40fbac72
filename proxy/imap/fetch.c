/* fetch.c - the items of `* n FETCH (...)`, in any order (RFC 9051 §7.5.2). */
#include "base/limits.h"
#include "imap/parser.h"

enum imap_status imap_parser_on_fetch(struct imap_parser *p,
                                      const struct imap_token *tok)
{
    if (tok->kind == IMAP_TOKEN_LINE_END)
        return imap_parser_emit(p, IMAP_OTHER, IMAP_PARSER_START);
    if (tok->kind != IMAP_TOKEN_OPEN)
        return imap_parser_skip_line(p, IMAP_OTHER);
    return imap_parser_emit(p, IMAP_FETCH, IMAP_PARSER_FETCH_ITEM);
}

enum imap_status imap_parser_on_item(struct imap_parser *p,
                                     const struct imap_token *tok)
{
    static const struct {
        const char *name;
        enum imap_parser_state value;
    } items[] = {
        { "UID", IMAP_PARSER_FETCH_UID },
        { "RFC822.SIZE", IMAP_PARSER_FETCH_SIZE },
        { "FLAGS", IMAP_PARSER_FETCH_FLAGS },
        { "X-GM-MSGID", IMAP_PARSER_FETCH_GMAIL_ID },
    };

    if (tok->kind == IMAP_TOKEN_CLOSE)
        return imap_parser_skip_line(p, IMAP_FETCH_END);
    if (tok->kind != IMAP_TOKEN_WORD)
        return IMAP_ESYNTAX;
    for (size_t i = 0; i < ARRAY_LENGTH(items); i++) {
        if (span_equals_nocase(tok->text, span_from_string(items[i].name)))
            return imap_parser_enter(p, items[i].value);
    }
    p->item_is_body = span_equals_nocase(tok->text, SPAN_LITERAL("BODY"));
    return imap_parser_enter(p, IMAP_PARSER_FETCH_NAMED);
}

/* A UID of 0 is none: nothing is told, and the answer has no UID. */
enum imap_status imap_parser_on_uid(struct imap_parser *p,
                                    const struct imap_token *tok)
{
    if (tok->kind != IMAP_TOKEN_WORD ||
        !span_to_number(tok->text, UINT32_MAX, &p->ev.number))
        return IMAP_ESYNTAX;
    if (p->ev.number == 0)
        return imap_parser_enter(p, IMAP_PARSER_FETCH_ITEM);
    return imap_parser_emit(p, IMAP_FETCH_UID, IMAP_PARSER_FETCH_ITEM);
}

enum imap_status imap_parser_on_gmail_id(struct imap_parser *p,
                                         const struct imap_token *tok)
{
    if (tok->kind != IMAP_TOKEN_WORD ||
        !span_to_number(tok->text, UINT64_MAX, &p->ev.number))
        return IMAP_ESYNTAX;
    return imap_parser_emit(p, IMAP_FETCH_GMAIL_ID, IMAP_PARSER_FETCH_ITEM);
}

/* Splits off the digits at the front of |s| and appends them to |value|.
 * False when it would pass 63 bits.
 */
static bool take_digits(struct span *s, uint64_t *value, unsigned *count)
{
    while (s->len > 0 && s->data[0] >= '0' && s->data[0] <= '9') {
        uint64_t digit = (uint64_t)(span_take(s, 1).data[0] - '0');

        if (*value > ((uint64_t)INT64_MAX - digit) / 10)
            return false;
        *value = *value * 10 + digit;
        (*count)++;
    }
    return true;
}

/* A size as some servers print it: `9.3736e+06`. Only a value that is a whole
 * number counts.
 */
static bool read_scientific(struct span s, uint64_t *size)
{
    uint64_t value = 0;
    uint64_t exponent = 0;
    unsigned whole = 0;
    unsigned fraction = 0;
    unsigned power = 0;

    if (!take_digits(&s, &value, &whole) || whole == 0)
        return false;
    if (s.len > 0 && s.data[0] == '.') {
        (void)span_take(&s, 1);
        if (!take_digits(&s, &value, &fraction))
            return false;
    }
    if (span_starts_with_nocase(s, SPAN_LITERAL("e"))) {
        (void)span_take(&s, 1);
        if (s.len > 0 && s.data[0] == '+')
            (void)span_take(&s, 1);
        if (!take_digits(&s, &exponent, &power) || power == 0)
            return false;
    }
    if (s.len > 0)
        return false;
    for (; exponent > fraction; exponent--) {
        if (value > (uint64_t)INT64_MAX / 10)
            return false;
        if (value == 0)
            break;
        value *= 10;
    }
    for (; fraction > exponent; fraction--) {
        if (value % 10 != 0)
            return false;
        value /= 10;
    }
    *size = value;
    return true;
}

enum imap_status imap_parser_on_size(struct imap_parser *p,
                                     const struct imap_token *tok)
{
    if (tok->kind != IMAP_TOKEN_WORD)
        return IMAP_ESYNTAX;
    if (!span_to_number(tok->text, INT64_MAX, &p->ev.number) &&
        !read_scientific(tok->text, &p->ev.number))
        return IMAP_ESYNTAX;
    return imap_parser_emit(p, IMAP_FETCH_SIZE, IMAP_PARSER_FETCH_ITEM);
}

/* The first token must open the list; depth 1 is the FETCH's own. */
enum imap_status imap_parser_on_item_flags(struct imap_parser *p,
                                           const struct imap_token *tok)
{
    if (tok->kind == IMAP_TOKEN_LINE_END || p->depth == 0)
        return IMAP_ESYNTAX;
    if (tok->kind == IMAP_TOKEN_CLOSE && p->depth == 1)
        return imap_parser_emit(p, IMAP_FETCH_FLAGS, IMAP_PARSER_FETCH_ITEM);
    if (p->depth == 1)
        return IMAP_ESYNTAX;
    if (tok->kind == IMAP_TOKEN_WORD)
        imap_parser_add_flag(p, tok->text);
    return IMAP_MORE;
}

/* Behind a name that we do not take the value of, or behind BODY: what comes
 * is BODY's structure if it has no section.
 */
enum imap_status imap_parser_on_named(struct imap_parser *p,
                                      const struct imap_token *tok)
{
    if (tok->kind == IMAP_TOKEN_BRACKET_OPEN && !tok->space_before) {
        p->section_is_empty = true;
        return imap_parser_enter(p, IMAP_PARSER_FETCH_SECTION);
    }
    p->state = IMAP_PARSER_FETCH_UNKNOWN;
    return imap_parser_on_unknown(p, tok);
}

enum imap_status imap_parser_on_section(struct imap_parser *p,
                                        const struct imap_token *tok)
{
    if (tok->kind == IMAP_TOKEN_LINE_END || p->depth == 0)
        return IMAP_ESYNTAX;
    if (tok->kind == IMAP_TOKEN_BRACKET_CLOSE && p->depth == 1) {
        p->ev.whole = p->item_is_body && p->section_is_empty;
        return imap_parser_enter(p, p->item_is_body
                                        ? IMAP_PARSER_FETCH_BODY
                                        : IMAP_PARSER_FETCH_UNKNOWN);
    }
    p->section_is_empty = false;
    return IMAP_MORE;
}

/* The value of an unknown item: one token or one list. An origin in front of
 * it is known by the blank that it lacks.
 */
enum imap_status imap_parser_on_unknown(struct imap_parser *p,
                                        const struct imap_token *tok)
{
    if (tok->kind == IMAP_TOKEN_LINE_END)
        return IMAP_ESYNTAX;
    if (tok->kind == IMAP_TOKEN_CLOSE && p->depth == 0)
        return imap_parser_skip_line(p, IMAP_FETCH_END);
    if (tok->kind == IMAP_TOKEN_OPEN || p->depth > 1)
        return IMAP_MORE;
    if (tok->kind == IMAP_TOKEN_WORD && !tok->space_before)
        return IMAP_MORE;
    return imap_parser_enter(p, IMAP_PARSER_FETCH_TAIL);
}

/* An atom may hold brackets: what follows it without a blank belongs to it. */
enum imap_status imap_parser_on_tail(struct imap_parser *p,
                                     const struct imap_token *tok)
{
    if (!tok->space_before &&
        (tok->kind == IMAP_TOKEN_WORD || tok->kind == IMAP_TOKEN_BRACKET_OPEN ||
         tok->kind == IMAP_TOKEN_BRACKET_CLOSE))
        return IMAP_MORE;
    p->state = IMAP_PARSER_FETCH_ITEM;
    return imap_parser_on_item(p, tok);
}

/* `<origin>`, glued to the section. */
static enum imap_status on_origin(struct imap_parser *p, struct span word)
{
    if (word.len < 2 || word.data[0] != '<' || word.data[word.len - 1] != '>')
        return IMAP_ESYNTAX;
    if (!span_to_number(span_make(word.data + 1, word.len - 2), INT64_MAX,
                        &p->ev.origin))
        return IMAP_ESYNTAX;
    p->ev.has_origin = true;
    return IMAP_MORE;
}

enum imap_status imap_parser_on_body(struct imap_parser *p,
                                     const struct imap_token *tok)
{
    switch (tok->kind) {
    case IMAP_TOKEN_WORD:
        if (!tok->space_before)
            return on_origin(p, tok->text);
        if (!span_equals_nocase(tok->text, SPAN_LITERAL("NIL")))
            return IMAP_ESYNTAX;
        p->ev.nil = true;
        return imap_parser_emit(p, IMAP_BODY, IMAP_PARSER_FETCH_ITEM);
    case IMAP_TOKEN_QUOTED:
        p->string = tok->text;
        p->ev.number = tok->text.len;
        return imap_parser_emit(p, IMAP_BODY, IMAP_PARSER_BODY_STRING);
    case IMAP_TOKEN_LITERAL:
        if (tok->literal8) /* RFC 3516 §4.2: answers BINARY only */
            return IMAP_ESYNTAX;
        p->ev.number = tok->number;
        return imap_parser_emit(p, IMAP_BODY, IMAP_PARSER_BODY_LITERAL);
    case IMAP_TOKEN_OPEN:
    case IMAP_TOKEN_CLOSE:
    case IMAP_TOKEN_BRACKET_OPEN:
    case IMAP_TOKEN_BRACKET_CLOSE:
    case IMAP_TOKEN_LINE_END:
        break;
    }
    return IMAP_ESYNTAX;
}

enum imap_status imap_parser_step_body_literal(struct imap_parser *p,
                                               struct span *in)
{
    if (p->lexer.literal == 0)
        return imap_parser_emit(p, IMAP_BODY_END, IMAP_PARSER_FETCH_ITEM);
    p->ev.text = imap_lexer_literal(&p->lexer, in);
    if (p->ev.text.len == 0)
        return IMAP_MORE;
    return imap_parser_emit(p, IMAP_BODY_DATA, IMAP_PARSER_BODY_LITERAL);
}

enum imap_status imap_parser_step_body_string(struct imap_parser *p)
{
    if (p->state == IMAP_PARSER_BODY_STRING_END || p->string.len == 0)
        return imap_parser_emit(p, IMAP_BODY_END, IMAP_PARSER_FETCH_ITEM);
    p->ev.text = p->string;
    return imap_parser_emit(p, IMAP_BODY_DATA, IMAP_PARSER_BODY_STRING_END);
}
