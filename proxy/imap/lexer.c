/* lexer.c - one scanner a state; imap_lexer_next runs them in turn. */
#include "imap/lexer.h"

#include "base/limits.h"

/* RFC 9051 §9 number64: a literal has at most 63 bits. */
#define LITERAL_MAX ((uint64_t)INT64_MAX)

/* Octets that end a word. */
static const bool delimits[256] = {
    [' '] = true, ['('] = true, [')'] = true,  ['['] = true,  [']'] = true,
    ['"'] = true, ['{'] = true, ['\r'] = true, ['\n'] = true,
};

void imap_lexer_init(struct imap_lexer *lx)
{
    *lx = (struct imap_lexer){ .state = IMAP_LEX_BETWEEN };
    buf_init(&lx->store, IMAP_STRING_MAX);
}

void imap_lexer_fini(struct imap_lexer *lx)
{
    buf_fini(&lx->store);
}

void imap_lexer_begin(struct imap_lexer *lx)
{
    buf_clear(&lx->store);
    lx->state = IMAP_LEX_BETWEEN;
    lx->space_before = false;
    lx->spent = 0;
}

/* The part of |in| that this response may still use up. Where it is shorter
 * than |in|, the scanners see a cut like any other, so that the cap strikes
 * at the same octet however the stream was cut.
 */
static struct span within_cap(const struct imap_lexer *lx, struct span in)
{
    size_t left = IMAP_RESPONSE_MAX - lx->spent;

    return span_make(in.data, in.len < left ? in.len : left);
}

static void drop(struct imap_lexer *lx, struct span *in, size_t n)
{
    (void)span_take(in, n);
    lx->spent += n;
}

/* Adds to the token that was cut. */
static enum imap_status keep(struct imap_lexer *lx, struct span s, size_t cap)
{
    if (s.len > cap - buf_length(&lx->store))
        return IMAP_ETOOBIG;
    return buf_append(&lx->store, s) ? IMAP_MORE : IMAP_ENOMEM;
}

static void forget_last_token(struct imap_lexer *lx)
{
    buf_consume(&lx->store, buf_length(&lx->store));
}

static enum imap_status deliver(struct imap_lexer *lx, struct imap_token *tok,
                                enum imap_token_kind kind, struct span text)
{
    *tok = (struct imap_token){
        .kind = kind,
        .space_before = lx->space_before,
        .literal8 = kind == IMAP_TOKEN_LITERAL && lx->literal8,
        .number = kind == IMAP_TOKEN_LITERAL ? lx->number : 0,
        .text = text,
    };
    lx->space_before = false;
    lx->state = IMAP_LEX_BETWEEN;
    return IMAP_EVENT;
}

static enum imap_status deliver_sign(struct imap_lexer *lx, struct span *in,
                                     struct imap_token *tok,
                                     enum imap_token_kind kind)
{
    drop(lx, in, 1);
    return deliver(lx, tok, kind, span_make(NULL, 0));
}

/* Moves on past the one octet that the state was about. */
static enum imap_status enter(struct imap_lexer *lx, struct span *in,
                              enum imap_lex_state next)
{
    drop(lx, in, 1);
    lx->state = next;
    return IMAP_MORE;
}

static enum imap_status enter_size(struct imap_lexer *lx, struct span *in,
                                   bool literal8)
{
    lx->literal8 = literal8;
    lx->size_digits = false;
    lx->number = 0;
    return enter(lx, in, IMAP_LEX_SIZE);
}

static enum imap_status scan_between(struct imap_lexer *lx,
                                     enum imap_lex_mode mode, struct span *in,
                                     struct imap_token *tok)
{
    switch (in->data[0]) {
    case ' ':
        lx->space_before = true;
        return enter(lx, in, IMAP_LEX_BETWEEN);
    case '(':
        return deliver_sign(lx, in, tok, IMAP_TOKEN_OPEN);
    case ')':
        return deliver_sign(lx, in, tok, IMAP_TOKEN_CLOSE);
    case '[':
        return deliver_sign(lx, in, tok, IMAP_TOKEN_BRACKET_OPEN);
    case ']':
        return deliver_sign(lx, in, tok, IMAP_TOKEN_BRACKET_CLOSE);
    case '\n':
        return deliver_sign(lx, in, tok, IMAP_TOKEN_LINE_END);
    case '\r':
        return enter(lx, in, IMAP_LEX_CR);
    case '"':
        return enter(lx, in, IMAP_LEX_QUOTED);
    case '{':
        return enter_size(lx, in, false);
    case '~':
        return enter(lx, in, IMAP_LEX_TILDE);
    case ',':
        if (mode == IMAP_LEX_SET)
            return enter(lx, in, IMAP_LEX_BETWEEN);
        break;
    }
    lx->state = IMAP_LEX_WORD;
    return IMAP_MORE;
}

static enum imap_status scan_word(struct imap_lexer *lx,
                                  enum imap_lex_mode mode, struct span *in,
                                  struct imap_token *tok)
{
    size_t n = 0;
    struct span word;
    enum imap_status kept;

    while (n < in->len && !delimits[in->data[n]] &&
           !(mode == IMAP_LEX_SET && in->data[n] == ','))
        n++;
    word = span_make(in->data, n);
    bool complete = n < in->len;
    drop(lx, in, n);

    if (mode == IMAP_LEX_SKIP)
        return complete ? deliver(lx, tok, IMAP_TOKEN_WORD, span_make(NULL, 0))
                        : IMAP_MORE;
    if (complete && buf_length(&lx->store) == 0) {
        if (word.len > IMAP_ATOM_MAX)
            return IMAP_ETOOBIG;
        return deliver(lx, tok, IMAP_TOKEN_WORD, word);
    }
    kept = keep(lx, word, IMAP_ATOM_MAX);
    if (kept < 0 || !complete)
        return kept;
    return deliver(lx, tok, IMAP_TOKEN_WORD, buf_span(&lx->store));
}

static enum imap_status scan_tilde(struct imap_lexer *lx,
                                   enum imap_lex_mode mode, struct span *in,
                                   struct imap_token *tok)
{
    (void)tok;
    if (in->data[0] == '{')
        return enter_size(lx, in, true);
    lx->state = IMAP_LEX_WORD;
    if (mode == IMAP_LEX_SKIP)
        return IMAP_MORE;
    return keep(lx, SPAN_LITERAL("~"), IMAP_ATOM_MAX);
}

/* A string that is passed over may lack its closing quote or hold any
 * escape: it ends with its line at the latest. One that is kept may not.
 */
static enum imap_status scan_quoted(struct imap_lexer *lx,
                                    enum imap_lex_mode mode, struct span *in,
                                    struct imap_token *tok)
{
    size_t n = 0;
    unsigned char end;

    while (n < in->len && in->data[n] != '"' && in->data[n] != '\\' &&
           in->data[n] != '\r' && in->data[n] != '\n')
        n++;
    if (mode == IMAP_LEX_BODY) {
        enum imap_status kept =
            keep(lx, span_make(in->data, n), IMAP_STRING_MAX);

        if (kept < 0)
            return kept;
    }
    drop(lx, in, n);
    if (in->len == 0)
        return IMAP_MORE;

    end = in->data[0];
    if (end == '\\')
        return enter(lx, in, IMAP_LEX_ESCAPE);
    if (end == '"')
        drop(lx, in, 1);
    else if (mode == IMAP_LEX_BODY)
        return IMAP_ESYNTAX;
    return deliver(lx, tok, IMAP_TOKEN_QUOTED, buf_span(&lx->store));
}

static enum imap_status scan_escape(struct imap_lexer *lx,
                                    enum imap_lex_mode mode, struct span *in,
                                    struct imap_token *tok)
{
    unsigned char octet = in->data[0];
    enum imap_status kept;

    (void)tok;
    lx->state = IMAP_LEX_QUOTED;
    if (mode != IMAP_LEX_BODY) {
        if (octet != '\r' && octet != '\n')
            drop(lx, in, 1);
        return IMAP_MORE;
    }
    if (octet != '"' && octet != '\\')
        return IMAP_ESYNTAX;
    kept = keep(lx, span_make(in->data, 1), IMAP_STRING_MAX);
    drop(lx, in, 1);
    return kept;
}

/* `{` digits `}`; no `+`: only clients may send a literal without asking
 * (RFC 7888 §3).
 */
static enum imap_status scan_size(struct imap_lexer *lx,
                                  enum imap_lex_mode mode, struct span *in,
                                  struct imap_token *tok)
{
    unsigned char octet = in->data[0];
    uint64_t digit;

    (void)mode;
    (void)tok;
    if (octet == '}' && lx->size_digits)
        return enter(lx, in, IMAP_LEX_SIZE_END);
    if (octet < '0' || octet > '9')
        return IMAP_ESYNTAX;
    digit = (uint64_t)(octet - '0');
    if (lx->number > (LITERAL_MAX - digit) / 10)
        return IMAP_ESYNTAX;
    lx->number = lx->number * 10 + digit;
    lx->size_digits = true;
    return enter(lx, in, IMAP_LEX_SIZE);
}

static enum imap_status scan_size_end(struct imap_lexer *lx,
                                      enum imap_lex_mode mode, struct span *in,
                                      struct imap_token *tok)
{
    if (in->data[0] == '\r' && lx->state == IMAP_LEX_SIZE_END)
        return enter(lx, in, IMAP_LEX_SIZE_CR);
    if (in->data[0] != '\n')
        return IMAP_ESYNTAX;
    lx->literal = lx->number;
    if (mode != IMAP_LEX_BODY && lx->literal > 0)
        return enter(lx, in, IMAP_LEX_SWALLOW);
    return deliver_sign(lx, in, tok, IMAP_TOKEN_LITERAL);
}

static enum imap_status scan_swallow(struct imap_lexer *lx,
                                     enum imap_lex_mode mode, struct span *in,
                                     struct imap_token *tok)
{
    (void)mode;
    (void)imap_lexer_literal(lx, in);
    if (lx->literal > 0)
        return IMAP_MORE;
    return deliver(lx, tok, IMAP_TOKEN_LITERAL, span_make(NULL, 0));
}

static enum imap_status scan_cr(struct imap_lexer *lx, enum imap_lex_mode mode,
                                struct span *in, struct imap_token *tok)
{
    (void)mode;
    if (in->data[0] != '\n')
        return IMAP_ESYNTAX;
    return deliver_sign(lx, in, tok, IMAP_TOKEN_LINE_END);
}

/* A scanner is given at least one octet. IMAP_MORE means that it has eaten
 * some or has changed the state; the token goes on.
 */
typedef enum imap_status scanner(struct imap_lexer *, enum imap_lex_mode,
                                 struct span *, struct imap_token *);

static scanner *const scanners[IMAP_LEX_STATE_COUNT] = {
    [IMAP_LEX_BETWEEN] = scan_between,   [IMAP_LEX_WORD] = scan_word,
    [IMAP_LEX_TILDE] = scan_tilde,       [IMAP_LEX_QUOTED] = scan_quoted,
    [IMAP_LEX_ESCAPE] = scan_escape,     [IMAP_LEX_SIZE] = scan_size,
    [IMAP_LEX_SIZE_END] = scan_size_end, [IMAP_LEX_SIZE_CR] = scan_size_end,
    [IMAP_LEX_SWALLOW] = scan_swallow,   [IMAP_LEX_CR] = scan_cr,
};

enum imap_status imap_lexer_next(struct imap_lexer *lx, enum imap_lex_mode mode,
                                 struct span *in, struct imap_token *tok)
{
    enum imap_status status = IMAP_MORE;

    if (lx->state == IMAP_LEX_BETWEEN)
        forget_last_token(lx);
    while (status == IMAP_MORE && in->len > 0) {
        struct span view = *in;

        /* The octets of a literal are not held and do not count. */
        if (lx->state != IMAP_LEX_SWALLOW)
            view = within_cap(lx, *in);
        if (view.len == 0)
            return IMAP_ETOOBIG;
        size_t before = view.len;
        status = scanners[lx->state](lx, mode, &view, tok);
        (void)span_take(in, before - view.len);
    }
    return status;
}

enum imap_status imap_lexer_begin_text(struct imap_lexer *lx, struct span head)
{
    forget_last_token(lx);
    lx->cr_pending = false;
    return buf_append(&lx->store, head) ? IMAP_EVENT : IMAP_ENOMEM;
}

/* Keeps what still fits; the rest of a long text is nobody's loss. */
static bool keep_text(struct imap_lexer *lx, struct span s)
{
    size_t room = IMAP_TEXT_MAX - buf_length(&lx->store);

    return buf_append(&lx->store,
                      span_make(s.data, s.len < room ? s.len : room));
}

/* |piece| lacks its line end. Keeps it in front of what follows, a CR at its
 * end aside: whether that belongs to the text the next octet tells.
 */
static enum imap_status keep_piece(struct imap_lexer *lx, struct span piece)
{
    bool kept = !lx->cr_pending || keep_text(lx, SPAN_LITERAL("\r"));

    lx->cr_pending = piece.data[piece.len - 1] == '\r';
    if (lx->cr_pending)
        piece.len--;
    return kept && keep_text(lx, piece) ? IMAP_MORE : IMAP_ENOMEM;
}

enum imap_status imap_lexer_text(struct imap_lexer *lx, struct span *in,
                                 struct span *text)
{
    struct span view = within_cap(lx, *in);
    struct span line;
    size_t end;

    if (in->len == 0)
        return IMAP_MORE;
    if (view.len == 0)
        return IMAP_ETOOBIG;
    end = span_find(view, '\n');
    line = span_make(view.data, end);
    if (end == view.len) {
        enum imap_status kept = keep_piece(lx, line);

        drop(lx, in, end);
        /* At the cap: what is left of |in| is refused at once. */
        return kept == IMAP_MORE && in->len > 0 ? IMAP_ETOOBIG : kept;
    }

    drop(lx, in, end + 1);
    if (line.len > 0 && lx->cr_pending && !keep_text(lx, SPAN_LITERAL("\r")))
        return IMAP_ENOMEM;
    lx->cr_pending = false;
    if (line.len > 0 && line.data[line.len - 1] == '\r')
        line.len--;
    if (buf_length(&lx->store) > 0) {
        if (!keep_text(lx, line))
            return IMAP_ENOMEM;
        line = buf_span(&lx->store);
    }
    *text = span_make(line.data,
                      line.len < IMAP_TEXT_MAX ? line.len : IMAP_TEXT_MAX);
    return IMAP_EVENT;
}

enum imap_status imap_lexer_peek(const struct imap_lexer *lx, struct span in,
                                 unsigned char *octet)
{
    if (in.len == 0)
        return IMAP_MORE;
    if (within_cap(lx, in).len == 0)
        return IMAP_ETOOBIG;
    *octet = in.data[0];
    return IMAP_EVENT;
}

void imap_lexer_drop(struct imap_lexer *lx, struct span *in)
{
    drop(lx, in, 1);
}

struct span imap_lexer_literal(struct imap_lexer *lx, struct span *in)
{
    size_t n = in->len < lx->literal ? in->len : (size_t)lx->literal;

    lx->literal -= n;
    return span_take(in, n);
}
