/* response.c - how a response begins, and the loop that drives the parts. */
#include "imap/response.h"

#include <stdlib.h>

#include "base/limits.h"
#include "imap/parser.h"

struct imap_parser *imap_parser_new(void)
{
    struct imap_parser *p = calloc(1, sizeof(*p));

    if (!p)
        return NULL;
    p->state = IMAP_PARSER_START;
    imap_lexer_init(&p->lexer);
    buf_init(&p->kept, IMAP_TEXT_MAX);
    return p;
}

void imap_parser_free(struct imap_parser *p)
{
    if (!p)
        return;
    imap_lexer_fini(&p->lexer);
    buf_fini(&p->kept);
    wipe(p, sizeof(*p));
    free(p);
}

bool imap_parser_is_idle(const struct imap_parser *p)
{
    return p->state == IMAP_PARSER_START;
}

enum imap_status imap_parser_enter(struct imap_parser *p,
                                   enum imap_parser_state next)
{
    p->state = next;
    return IMAP_MORE;
}

enum imap_status imap_parser_emit(struct imap_parser *p,
                                  enum imap_event_kind kind,
                                  enum imap_parser_state next)
{
    p->ev.kind = kind;
    p->state = next;
    return IMAP_EVENT;
}

enum imap_status imap_parser_skip_line(struct imap_parser *p,
                                       enum imap_event_kind kind)
{
    p->at_end = kind;
    return imap_parser_enter(p, IMAP_PARSER_SKIP);
}

void imap_parser_add_flag(struct imap_parser *p, struct span name)
{
    if (span_equals_nocase(name, SPAN_LITERAL("\\Seen")))
        p->ev.flags |= BIT(IMAP_FLAG_SEEN);
    else if (span_equals_nocase(name, SPAN_LITERAL("\\Deleted")))
        p->ev.flags |= BIT(IMAP_FLAG_DELETED);
    else if (span_equals(name, SPAN_LITERAL("\\*")))
        p->ev.flags |= BIT(IMAP_FLAG_ANY);
    else if (p->watched.len > 0 && span_equals_nocase(name, p->watched))
        p->ev.flags |= BIT(IMAP_FLAG_WATCHED);
}

void imap_parser_watch(struct imap_parser *p, struct span keyword)
{
    p->watched = keyword;
}

/* --- the begin of a line --- */

/* Some servers pad with NUL between responses. */
static enum imap_status step_start(struct imap_parser *p, struct span *in)
{
    imap_lexer_begin(&p->lexer);
    buf_clear(&p->kept);
    p->depth = 0;
    p->head_len = 0;
    while (in->len > 0 && in->data[0] == 0)
        (void)span_take(in, 1);
    if (in->len == 0)
        return IMAP_MORE;
    return imap_parser_enter(p, IMAP_PARSER_HEAD);
}

/* Is |p->head| enough to tell what the line is, when |next| follows? A sign
 * alone is, else the first two words are.
 */
static bool head_is_complete(const struct imap_parser *p, unsigned char next)
{
    struct span head = span_make(p->head, p->head_len);

    if (next == '\r' || next == '\n' || p->head_len == IMAP_HEAD_MAX)
        return true;
    if (p->head_len == 0)
        return false;
    if (p->head[0] == '*' || p->head[0] == '+')
        return true;
    return next == ' ' && span_contains(head, ' ') &&
           p->head[p->head_len - 1] != ' ';
}

/* `A7 OK`: one of our tags and a condition that may stand behind it. */
static bool head_is_tagged(struct imap_parser *p)
{
    struct span word = span_make(p->head, p->head_len);
    struct span tag = span_take(&word, span_find(word, ' '));
    uint64_t number = 0;

    while (word.len > 0 && word.data[0] == ' ')
        (void)span_take(&word, 1);
    if (tag.len < 2 || span_take(&tag, 1).data[0] != 'A' ||
        tag.data[0] == '0' || !span_to_number(tag, UINT32_MAX, &number))
        return false;
    if (!imap_condition_from_name(word, &p->ev.condition) ||
        p->ev.condition > IMAP_BAD)
        return false;
    p->ev.tag = (uint32_t)number;
    return true;
}

static enum imap_status on_head(struct imap_parser *p, struct span *in)
{
    unsigned char next = in->data[0];
    bool sign = p->head_len == 1;

    if (sign && p->head[0] == '*' && next == ' ')
        return imap_parser_enter(p, IMAP_PARSER_UNTAGGED);
    if (sign && p->head[0] == '+' &&
        (next == ' ' || next == '\r' || next == '\n')) {
        if (next == ' ')
            imap_lexer_drop(&p->lexer, in);
        p->ev.kind = IMAP_CONTINUE;
        return imap_parser_enter_text(p, span_make(NULL, 0));
    }
    if (head_is_tagged(p)) {
        p->ev.kind = IMAP_TAGGED;
        return imap_parser_enter(p, IMAP_PARSER_STATUS);
    }
    p->ev = (struct imap_event){ .kind = IMAP_NOISE };
    return imap_parser_enter_text(p, span_make(p->head, p->head_len));
}

static enum imap_status step_head(struct imap_parser *p, struct span *in)
{
    unsigned char next = 0;
    enum imap_status peeked = imap_lexer_peek(&p->lexer, *in, &next);

    if (peeked != IMAP_EVENT)
        return peeked;
    if (head_is_complete(p, next))
        return on_head(p, in);
    p->head[p->head_len++] = next;
    imap_lexer_drop(&p->lexer, in);
    return IMAP_MORE;
}

/* --- untagged responses --- */

/* `* n EXISTS` and its kin: a message count or number is 32 bits wide. */
static enum imap_status on_numbered(struct imap_parser *p,
                                    const struct imap_token *tok)
{
    static const struct {
        const char *name;
        enum imap_event_kind kind;
    } names[] = {
        { "FETCH", IMAP_FETCH },
        { "EXISTS", IMAP_EXISTS },
        { "EXPUNGE", IMAP_EXPUNGE },
    };

    if (tok->kind == IMAP_TOKEN_LINE_END)
        return imap_parser_emit(p, IMAP_OTHER, IMAP_PARSER_START);
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if (tok->kind != IMAP_TOKEN_WORD ||
            !span_equals_nocase(tok->text, span_from_string(names[i].name)))
            continue;
        if (p->ev.number > UINT32_MAX)
            return IMAP_ESYNTAX;
        if (names[i].kind == IMAP_FETCH)
            return imap_parser_enter(p, IMAP_PARSER_FETCH);
        return imap_parser_skip_line(p, names[i].kind);
    }
    p->ev.number = 0;
    return imap_parser_skip_line(p, IMAP_OTHER);
}

static enum imap_status on_untagged_word(struct imap_parser *p,
                                         struct span word)
{
    static const struct {
        const char *name;
        enum imap_parser_state next;
    } names[] = {
        { "CAPABILITY", IMAP_PARSER_CAPABILITIES },
        { "ID", IMAP_PARSER_ID },
        { "FLAGS", IMAP_PARSER_FLAGS },
        { "SEARCH", IMAP_PARSER_SEARCH },
        { "ESEARCH", IMAP_PARSER_ESEARCH },
        { "LIST", IMAP_PARSER_LIST },
    };

    if (word.data[0] >= '0' && word.data[0] <= '9') {
        if (!span_to_number(word, INT64_MAX, &p->ev.number))
            return IMAP_ESYNTAX;
        return imap_parser_enter(p, IMAP_PARSER_NUMBERED);
    }
    if (imap_condition_from_name(word, &p->ev.condition)) {
        p->ev.kind = IMAP_UNTAGGED;
        return imap_parser_enter(p, IMAP_PARSER_STATUS);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if (span_equals_nocase(word, span_from_string(names[i].name)))
            return imap_parser_enter(p, names[i].next);
    }
    return imap_parser_skip_line(p, IMAP_OTHER);
}

static enum imap_status on_untagged(struct imap_parser *p,
                                    const struct imap_token *tok)
{
    p->by_uid = false;
    p->found_all = false;
    p->place = IMAP_ESEARCH_NAME;
    p->name_begun = false;
    p->name_too_long = false;
    if (tok->kind == IMAP_TOKEN_WORD)
        return on_untagged_word(p, tok->text);
    if (tok->kind == IMAP_TOKEN_LINE_END)
        return imap_parser_emit(p, IMAP_OTHER, IMAP_PARSER_START);
    if (tok->kind == IMAP_TOKEN_BRACKET_OPEN) { /* `* [ALERT] hello` */
        p->ev.kind = IMAP_OTHER;
        return imap_parser_enter(p, IMAP_PARSER_CODE);
    }
    return imap_parser_skip_line(p, IMAP_OTHER);
}

static enum imap_status on_skip(struct imap_parser *p,
                                const struct imap_token *tok)
{
    if (tok->kind != IMAP_TOKEN_LINE_END)
        return IMAP_MORE;
    return imap_parser_emit(p, p->at_end, IMAP_PARSER_START);
}

static enum imap_status on_id(struct imap_parser *p,
                              const struct imap_token *tok)
{
    if (tok->kind != IMAP_TOKEN_LINE_END)
        return IMAP_MORE;
    return imap_parser_emit(p, IMAP_ID, IMAP_PARSER_START);
}

static enum imap_status on_capabilities(struct imap_parser *p,
                                        const struct imap_token *tok)
{
    if (tok->kind == IMAP_TOKEN_LINE_END)
        return imap_parser_emit(p, IMAP_CAPABILITY, IMAP_PARSER_START);
    if (tok->kind == IMAP_TOKEN_WORD)
        imap_capabilities_add(&p->ev.capabilities, tok->text);
    return IMAP_MORE;
}

static enum imap_status on_flags(struct imap_parser *p,
                                 const struct imap_token *tok)
{
    if (tok->kind == IMAP_TOKEN_LINE_END)
        return imap_parser_emit(p, IMAP_FLAGS, IMAP_PARSER_START);
    if (tok->kind == IMAP_TOKEN_WORD)
        imap_parser_add_flag(p, tok->text);
    return IMAP_MORE;
}

/* --- the loop --- */

/* What a state wants to see of a token, and who takes it. */
static const struct {
    enum imap_lex_mode mode;
    imap_on_token *on_token;
} grammar[IMAP_PARSER_STATE_COUNT] = {
    [IMAP_PARSER_UNTAGGED] = { IMAP_LEX_WORDS, on_untagged },
    [IMAP_PARSER_NUMBERED] = { IMAP_LEX_WORDS, on_numbered },
    [IMAP_PARSER_SKIP] = { IMAP_LEX_SKIP, on_skip },
    [IMAP_PARSER_ID] = { IMAP_LEX_SKIP, on_id },
    [IMAP_PARSER_CAPABILITIES] = { IMAP_LEX_WORDS, on_capabilities },
    [IMAP_PARSER_FLAGS] = { IMAP_LEX_WORDS, on_flags },
    [IMAP_PARSER_CODE] = { IMAP_LEX_WORDS, imap_parser_on_code },
    [IMAP_PARSER_CODE_WORDS] = { IMAP_LEX_WORDS, imap_parser_on_code_word },
    [IMAP_PARSER_CODE_SKIP] = { IMAP_LEX_SKIP, imap_parser_on_code_word },
    [IMAP_PARSER_CODE_COPYUID] = { IMAP_LEX_SET, imap_parser_on_copyuid },
    [IMAP_PARSER_SEARCH] = { IMAP_LEX_WORDS, imap_parser_on_search },
    [IMAP_PARSER_ESEARCH] = { IMAP_LEX_SET, imap_parser_on_esearch },
    [IMAP_PARSER_LIST] = { IMAP_LEX_WORDS, imap_parser_on_list },
    [IMAP_PARSER_LIST_DELIMITER] = { IMAP_LEX_SKIP,
                                     imap_parser_on_list_delimiter },
    [IMAP_PARSER_LIST_NAME] = { IMAP_LEX_BODY, imap_parser_on_list_name },
    [IMAP_PARSER_FETCH] = { IMAP_LEX_SKIP, imap_parser_on_fetch },
    [IMAP_PARSER_FETCH_ITEM] = { IMAP_LEX_WORDS, imap_parser_on_item },
    [IMAP_PARSER_FETCH_UID] = { IMAP_LEX_WORDS, imap_parser_on_uid },
    [IMAP_PARSER_FETCH_SIZE] = { IMAP_LEX_WORDS, imap_parser_on_size },
    [IMAP_PARSER_FETCH_GMAIL_ID] = { IMAP_LEX_WORDS, imap_parser_on_gmail_id },
    [IMAP_PARSER_FETCH_FLAGS] = { IMAP_LEX_WORDS, imap_parser_on_item_flags },
    [IMAP_PARSER_FETCH_BODY] = { IMAP_LEX_BODY, imap_parser_on_body },
    [IMAP_PARSER_FETCH_NAMED] = { IMAP_LEX_SKIP, imap_parser_on_named },
    [IMAP_PARSER_FETCH_SECTION] = { IMAP_LEX_SKIP, imap_parser_on_section },
    [IMAP_PARSER_FETCH_UNKNOWN] = { IMAP_LEX_SKIP, imap_parser_on_unknown },
    [IMAP_PARSER_FETCH_TAIL] = { IMAP_LEX_WORDS, imap_parser_on_tail },
};

/* A closing parenthesis too many does not count: where one matters, the state
 * knows the depth it is at.
 */
static enum imap_status step_token(struct imap_parser *p, struct span *in)
{
    struct imap_token tok;
    enum imap_status got =
        imap_lexer_next(&p->lexer, grammar[p->state].mode, in, &tok);

    if (got != IMAP_EVENT)
        return got;
    if (tok.kind == IMAP_TOKEN_OPEN && ++p->depth > IMAP_NESTING_MAX)
        return IMAP_ETOOBIG;
    if (tok.kind == IMAP_TOKEN_CLOSE && p->depth > 0)
        p->depth--;
    return grammar[p->state].on_token(p, &tok);
}

static bool is_blank(unsigned char octet)
{
    return octet == ' ' || octet == '\r' || octet == '\n';
}

static struct span trim(struct span s)
{
    while (s.len > 0 && is_blank(s.data[0]))
        (void)span_take(&s, 1);
    while (s.len > 0 && is_blank(s.data[s.len - 1]))
        s.len--;
    return s;
}

/* An answer that is for people need not be well formed, so it is passed over as
 * any that nobody asked for, and its octets are kept on the way. What finds no
 * place or no memory is left out.
 */
static enum imap_status step_id(struct imap_parser *p, struct span *in)
{
    struct span rest = *in;
    enum imap_status got = step_token(p, in);
    struct span taken = span_take(&rest, rest.len - in->len);

    if (taken.len > buf_room(&p->kept))
        taken.len = buf_room(&p->kept);
    (void)buf_append(&p->kept, taken);
    if (got == IMAP_EVENT)
        p->ev.text = trim(buf_span(&p->kept));
    return got;
}

static enum imap_status step(struct imap_parser *p, struct span *in)
{
    if (p->state == IMAP_PARSER_ID)
        return step_id(p, in);
    if (grammar[p->state].on_token)
        return step_token(p, in);
    if (p->state == IMAP_PARSER_START)
        return step_start(p, in);
    if (p->state == IMAP_PARSER_HEAD)
        return step_head(p, in);
    if (p->state == IMAP_PARSER_STATUS)
        return imap_parser_step_status(p, in);
    if (p->state == IMAP_PARSER_TEXT)
        return imap_parser_step_text(p, in);
    if (p->state == IMAP_PARSER_BODY_LITERAL)
        return imap_parser_step_body_literal(p, in);
    if (p->state == IMAP_PARSER_LIST_LITERAL)
        return imap_parser_step_list_literal(p, in);
    return imap_parser_step_body_string(p);
}

enum imap_status imap_parser_next(struct imap_parser *p, struct span *in,
                                  struct imap_event *ev)
{
    enum imap_status status;

    if (p->failed)
        return p->failed;
    do
        status = step(p, in);
    while (status == IMAP_MORE && in->len > 0);

    if (status < 0)
        p->failed = status;
    if (status == IMAP_EVENT) {
        *ev = p->ev;
        if (ev->kind != IMAP_COPIED_UIDS) /* in the midst of a response */
            p->ev = (struct imap_event){ 0 };
    }
    return status;
}
