/* list.c - `* LIST (\HasNoChildren \Trash) "/" "name"` (RFC 9051 §7.3.1). */
#include "base/limits.h"
#include "imap/parser.h"

static void add_attribute(struct imap_parser *p, struct span name)
{
    static const struct {
        const char *name;
        enum imap_attribute attribute;
    } names[] = {
        { "\\Noselect", IMAP_ATTRIBUTE_CLOSED },
        { "\\NonExistent", IMAP_ATTRIBUTE_CLOSED },
        { "\\Trash", IMAP_ATTRIBUTE_TRASH },
    };

    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        if (span_equals_nocase(name, span_from_string(names[i].name)))
            p->ev.flags |= BIT(names[i].attribute);
}

enum imap_status imap_parser_on_list(struct imap_parser *p,
                                     const struct imap_token *tok)
{
    if (tok->kind == IMAP_TOKEN_LINE_END)
        return imap_parser_emit(p, IMAP_OTHER, IMAP_PARSER_START);
    if (tok->kind == IMAP_TOKEN_CLOSE && p->depth == 0)
        return imap_parser_enter(p, IMAP_PARSER_LIST_DELIMITER);
    if (p->depth == 0)
        return imap_parser_skip_line(p, IMAP_OTHER);
    if (tok->kind == IMAP_TOKEN_WORD)
        add_attribute(p, tok->text);
    return IMAP_MORE;
}

enum imap_status imap_parser_on_list_delimiter(struct imap_parser *p,
                                               const struct imap_token *tok)
{
    if (tok->kind == IMAP_TOKEN_LINE_END)
        return imap_parser_emit(p, IMAP_OTHER, IMAP_PARSER_START);
    return imap_parser_enter(p, IMAP_PARSER_LIST_NAME);
}

/* It goes on as a command's argument: see IMAP_MAILBOX_MAX. */
static void add_to_name(struct imap_parser *p, struct span piece)
{
    p->name_begun = true;
    if (piece.len > IMAP_MAILBOX_MAX - buf_length(&p->kept) ||
        !buf_append(&p->kept, piece))
        p->name_too_long = true;
}

/* The name is complete: what may follow it (RFC 5258 §6) is passed over. */
static enum imap_status end_name(struct imap_parser *p)
{
    if (!p->name_begun || p->name_too_long)
        return imap_parser_skip_line(p, IMAP_OTHER);
    p->ev.text = buf_span(&p->kept);
    return imap_parser_skip_line(p, IMAP_LIST);
}

/* An atom may hold brackets, which are tokens of their own. */
enum imap_status imap_parser_on_list_name(struct imap_parser *p,
                                          const struct imap_token *tok)
{
    bool goes_on = !p->name_begun || !tok->space_before;

    switch (tok->kind) {
    case IMAP_TOKEN_WORD:
    case IMAP_TOKEN_QUOTED:
        if (!goes_on)
            return end_name(p);
        add_to_name(p, tok->text);
        return IMAP_MORE;
    case IMAP_TOKEN_BRACKET_OPEN:
    case IMAP_TOKEN_BRACKET_CLOSE:
        if (!goes_on)
            return end_name(p);
        add_to_name(p, tok->kind == IMAP_TOKEN_BRACKET_OPEN
                           ? SPAN_LITERAL("[")
                           : SPAN_LITERAL("]"));
        return IMAP_MORE;
    case IMAP_TOKEN_LITERAL:
        return imap_parser_enter(p, IMAP_PARSER_LIST_LITERAL);
    case IMAP_TOKEN_LINE_END:
        (void)end_name(p);
        return imap_parser_emit(p, p->at_end, IMAP_PARSER_START);
    case IMAP_TOKEN_OPEN:
    case IMAP_TOKEN_CLOSE:
        break;
    }
    return end_name(p);
}

enum imap_status imap_parser_step_list_literal(struct imap_parser *p,
                                               struct span *in)
{
    add_to_name(p, imap_lexer_literal(&p->lexer, in));
    return p->lexer.literal > 0 ? IMAP_MORE : end_name(p);
}
