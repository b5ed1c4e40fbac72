/* search.c - the UIDs that SEARCH and ESEARCH name. */
#include "base/limits.h"
#include "imap/parser.h"

static void set_range(struct imap_parser *p, uint64_t a, uint64_t b)
{
    p->ev.first = (uint32_t)(a < b ? a : b);
    p->ev.last = (uint32_t)(a < b ? b : a);
}

static bool read_uid(struct span word, uint64_t *uid)
{
    return span_to_number(word, UINT32_MAX, uid) && *uid > 0;
}

bool imap_parser_read_range(struct imap_parser *p, struct span word)
{
    size_t colon = span_find(word, ':');
    struct span first = span_take(&word, colon);
    uint64_t a = 0;
    uint64_t b = 0;

    if (!read_uid(first, &a))
        return false;
    b = a;
    if (word.len > 0) {
        (void)span_take(&word, 1);
        if (!read_uid(word, &b))
            return false;
    }
    set_range(p, a, b);
    return true;
}

/* `* SEARCH 2 84 882`, perhaps with `(MODSEQ 917162500)` behind (RFC 7162
 * §3.1.5).
 */
enum imap_status imap_parser_on_search(struct imap_parser *p,
                                       const struct imap_token *tok)
{
    uint64_t uid = 0;

    if (tok->kind == IMAP_TOKEN_LINE_END)
        return imap_parser_emit(p, IMAP_SEARCH_END, IMAP_PARSER_START);
    if (tok->kind != IMAP_TOKEN_WORD || p->depth > 0)
        return IMAP_MORE;
    if (!read_uid(tok->text, &uid))
        return IMAP_ESYNTAX;
    set_range(p, uid, uid);
    return imap_parser_emit(p, IMAP_SEARCH_UIDS, p->state);
}

/* One element of ALL's set. Sequence numbers, which is what an answer without
 * UID names, are told to nobody.
 */
static enum imap_status on_set_element(struct imap_parser *p, struct span word)
{
    if (!imap_parser_read_range(p, word))
        return IMAP_ESYNTAX;
    return p->by_uid ? imap_parser_emit(p, IMAP_SEARCH_UIDS, p->state)
                     : IMAP_MORE;
}

static enum imap_status on_name(struct imap_parser *p, struct span word)
{
    if (span_equals_nocase(word, SPAN_LITERAL("UID"))) {
        p->by_uid = true;
        p->place = IMAP_ESEARCH_NAME;
    } else if (span_equals_nocase(word, SPAN_LITERAL("ALL"))) {
        p->found_all = true;
        p->place = IMAP_ESEARCH_SET;
    } else {
        p->place = IMAP_ESEARCH_VALUE;
    }
    return IMAP_MORE;
}

static enum imap_status on_word(struct imap_parser *p,
                                const struct imap_token *tok)
{
    switch (p->place) {
    case IMAP_ESEARCH_NAME:
        return on_name(p, tok->text);
    case IMAP_ESEARCH_VALUE:
        p->place = IMAP_ESEARCH_NAME;
        return IMAP_MORE;
    case IMAP_ESEARCH_SET:
        p->place = IMAP_ESEARCH_SET_REST;
        return on_set_element(p, tok->text);
    case IMAP_ESEARCH_SET_REST:
        break;
    }
    /* A blank ends the set, a comma does not. */
    if (tok->space_before)
        return on_name(p, tok->text);
    return on_set_element(p, tok->text);
}

/* `* ESEARCH (TAG "A1") UID COUNT 3 ALL 2,10:11` (RFC 4731 §3.1): names with
 * a value each; no ALL where nothing was found.
 */
enum imap_status imap_parser_on_esearch(struct imap_parser *p,
                                        const struct imap_token *tok)
{
    if (tok->kind == IMAP_TOKEN_LINE_END) {
        bool usable = p->by_uid || !p->found_all;

        return imap_parser_emit(p, usable ? IMAP_SEARCH_END : IMAP_OTHER,
                                IMAP_PARSER_START);
    }
    if (p->depth > 0)
        return IMAP_MORE;
    if (tok->kind == IMAP_TOKEN_WORD)
        return on_word(p, tok);
    /* A list or a string: the value of something unknown, or the tag. */
    p->place = IMAP_ESEARCH_NAME;
    return IMAP_MORE;
}
