/* status.c - what stands behind OK, NO, BAD, PREAUTH and BYE. */
#include "base/limits.h"
#include "imap/parser.h"

bool imap_condition_from_name(struct span word, enum imap_condition *c)
{
    static const char *const names[IMAP_CONDITION_COUNT] = {
        [IMAP_OK] = "OK",           [IMAP_NO] = "NO",   [IMAP_BAD] = "BAD",
        [IMAP_PREAUTH] = "PREAUTH", [IMAP_BYE] = "BYE",
    };

    for (unsigned i = 0; i < ARRAY_LENGTH(names); i++) {
        if (span_equals_nocase(word, span_from_string(names[i]))) {
            *c = (enum imap_condition)i;
            return true;
        }
    }
    return false;
}

enum imap_status imap_parser_enter_text(struct imap_parser *p, struct span head)
{
    enum imap_status begun = imap_lexer_begin_text(&p->lexer, head);

    if (begun < 0)
        return begun;
    return imap_parser_enter(p, IMAP_PARSER_TEXT);
}

/* Blanks, then a code or the human text. Behind a code, brackets are text. */
enum imap_status imap_parser_step_status(struct imap_parser *p, struct span *in)
{
    unsigned char octet = 0;
    enum imap_status peeked = imap_lexer_peek(&p->lexer, *in, &octet);

    if (peeked != IMAP_EVENT)
        return peeked;
    if (octet == ' ') {
        imap_lexer_drop(&p->lexer, in);
        return IMAP_MORE;
    }
    if (octet == '[' && p->ev.code == IMAP_CODE_NONE) {
        imap_lexer_drop(&p->lexer, in);
        return imap_parser_enter(p, IMAP_PARSER_CODE);
    }
    return imap_parser_enter_text(p, span_make(NULL, 0));
}

enum imap_status imap_parser_step_text(struct imap_parser *p, struct span *in)
{
    enum imap_status got = imap_lexer_text(&p->lexer, in, &p->ev.text);

    if (got != IMAP_EVENT)
        return got;
    return imap_parser_emit(p, p->ev.kind, IMAP_PARSER_START);
}

/* Leaves the code at its bracket, or at a line end where the bracket was
 * forgotten or lies within a string that was never closed.
 */
static bool code_ends(struct imap_parser *p, const struct imap_token *tok,
                      enum imap_status *status)
{
    if (tok->kind == IMAP_TOKEN_LINE_END) {
        *status = imap_parser_emit(p, p->ev.kind, IMAP_PARSER_START);
        return true;
    }
    if (tok->kind == IMAP_TOKEN_BRACKET_CLOSE && p->depth == 0) {
        *status = imap_parser_enter(p, IMAP_PARSER_STATUS);
        return true;
    }
    return false;
}

static bool code_has_words(enum imap_code code)
{
    return code == IMAP_CODE_CAPABILITY || code == IMAP_CODE_PERMANENTFLAGS ||
           code == IMAP_CODE_UIDNEXT || code == IMAP_CODE_UIDVALIDITY ||
           code == IMAP_CODE_HIGHESTMODSEQ || code == IMAP_CODE_MESSAGELIMIT;
}

enum imap_status imap_parser_on_code(struct imap_parser *p,
                                     const struct imap_token *tok)
{
    enum imap_status status;

    p->ev.code = IMAP_CODE_UNKNOWN;
    p->code_numbers = 0;
    if (code_ends(p, tok, &status))
        return status;
    if (tok->kind == IMAP_TOKEN_WORD)
        p->ev.code = imap_code_from_name(tok->text);
    p->status_kind = p->ev.kind;
    if (p->ev.code == IMAP_CODE_COPYUID)
        return imap_parser_enter(p, IMAP_PARSER_CODE_COPYUID);
    return imap_parser_enter(p, code_has_words(p->ev.code)
                                    ? IMAP_PARSER_CODE_WORDS
                                    : IMAP_PARSER_CODE_SKIP);
}

/* The first number of a code, and of MESSAGELIMIT the second. */
static enum imap_status add_code_number(struct imap_parser *p, struct span word,
                                        uint64_t max)
{
    uint64_t value = 0;

    if (!span_to_number(word, max, &value))
        return IMAP_ESYNTAX;
    if (p->code_numbers == 0)
        p->ev.number = value;
    else if (p->code_numbers == 1 && p->ev.code == IMAP_CODE_MESSAGELIMIT)
        p->ev.second_number = value;
    if (p->code_numbers < UINT8_MAX)
        p->code_numbers++;
    return IMAP_MORE;
}

enum imap_status imap_parser_on_code_word(struct imap_parser *p,
                                          const struct imap_token *tok)
{
    enum imap_status status;

    if (code_ends(p, tok, &status))
        return status;
    if (tok->kind != IMAP_TOKEN_WORD)
        return IMAP_MORE;
    if (p->ev.code == IMAP_CODE_CAPABILITY)
        imap_capabilities_add(&p->ev.capabilities, tok->text);
    else if (p->ev.code == IMAP_CODE_PERMANENTFLAGS)
        imap_parser_add_flag(p, tok->text);
    else if (p->ev.code == IMAP_CODE_HIGHESTMODSEQ)
        return add_code_number(p, tok->text, INT64_MAX);
    else if (code_has_words(p->ev.code))
        return add_code_number(p, tok->text, UINT32_MAX);
    return IMAP_MORE;
}

/* `COPYUID 38505 304,319:320 3956:3958` (RFC 4315 §3): a UIDVALIDITY, the UIDs
 * of what was copied, those of the copies. A blank ends a word, a comma does
 * not.
 */
enum imap_status imap_parser_on_copyuid(struct imap_parser *p,
                                        const struct imap_token *tok)
{
    enum imap_status status;

    p->ev.kind = p->status_kind;
    p->ev.first = p->ev.last = 0;
    if (code_ends(p, tok, &status))
        return status;
    if (tok->kind != IMAP_TOKEN_WORD)
        return IMAP_MORE;
    if (tok->space_before && p->code_numbers < UINT8_MAX)
        p->code_numbers++;
    if (p->code_numbers != 2)
        return IMAP_MORE;
    /* What cannot be read proves no copy: nothing worse. */
    if (!imap_parser_read_range(p, tok->text))
        return IMAP_MORE;
    return imap_parser_emit(p, IMAP_COPIED_UIDS, p->state);
}
