/* lexer.h - server octets in, IMAP tokens out; used by the response parser.
 *
 * Source: RFC 9051 §4 (data formats), §9 (grammar).
 *
 * Takes any cut of the stream. A token that lies whole in the input is
 * borrowed from it; one that was cut is put together in a bounded buffer.
 * What the caller does not want is passed over without memory: words and
 * strings of any length, literals by their count.
 *
 * A line ends with CRLF or with a lone LF. Words are whatever lies between
 * delimiters: the lexer does not enforce which octets an atom may hold.
 */
#ifndef POPINJAY_IMAP_LEXER_H
#define POPINJAY_IMAP_LEXER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/span.h"
#include "imap/response.h"

enum imap_token_kind {
    IMAP_TOKEN_WORD,    /* atom, number, flag, set, `<origin>`: text */
    IMAP_TOKEN_QUOTED,  /* text, unescaped, in IMAP_LEX_BODY only */
    IMAP_TOKEN_LITERAL, /* number octets; literal8 */
    IMAP_TOKEN_OPEN,    /* ( */
    IMAP_TOKEN_CLOSE,   /* ) */
    IMAP_TOKEN_BRACKET_OPEN,
    IMAP_TOKEN_BRACKET_CLOSE,
    IMAP_TOKEN_LINE_END,
};

/* What the caller wants to see of the next token. It must ask in the same
 * mode again until the token is complete.
 */
enum imap_lex_mode {
    /* Nothing but the structure: no text, any length. */
    IMAP_LEX_SKIP,
    /* Words, up to IMAP_ATOM_MAX. Strings and literals are passed over. */
    IMAP_LEX_WORDS,
    /* The same, and a comma separates words. */
    IMAP_LEX_SET,
    /* Words and quoted strings, these up to IMAP_STRING_MAX and strict about
     * escapes. The octets of a literal are left to imap_lexer_literal.
     */
    IMAP_LEX_BODY,
};

struct imap_token {
    enum imap_token_kind kind;
    bool space_before;
    bool literal8;   /* `~{n}`: RFC 3516 */
    uint64_t number; /* of a literal: its octets, below 2^63 */
    /* Valid until the next call. A quoted string always lies in the lexer's
     * own buffer: it stays valid until the next call for a token or text.
     */
    struct span text;
};

enum imap_lex_state {
    IMAP_LEX_BETWEEN,
    IMAP_LEX_WORD,
    IMAP_LEX_TILDE, /* a word, or the begin of a literal8 */
    IMAP_LEX_QUOTED,
    IMAP_LEX_ESCAPE,
    IMAP_LEX_SIZE,     /* behind `{` */
    IMAP_LEX_SIZE_END, /* behind `}` */
    IMAP_LEX_SIZE_CR,
    IMAP_LEX_SWALLOW, /* inside a literal that is passed over */
    IMAP_LEX_CR,
    IMAP_LEX_STATE_COUNT,
};

struct imap_lexer {
    enum imap_lex_state state;
    bool space_before;
    bool literal8;
    bool cr_pending;  /* in a text: the last octet was a CR, not yet kept */
    bool size_digits; /* behind `{`: at least one digit was seen */
    uint64_t number;  /* octets of the literal */
    uint64_t literal; /* octets of the literal still to come */
    size_t spent;     /* octets of this response without its literals */
    struct buf store; /* what was seen of a token that was cut */
};

void imap_lexer_init(struct imap_lexer *lx);
void imap_lexer_fini(struct imap_lexer *lx);

/* Begins a new response: its cap of IMAP_RESPONSE_MAX counts from here, and
 * the memory of the last one is given back.
 */
void imap_lexer_begin(struct imap_lexer *lx);

/* In all that follow:
 *
 * IMAP_EVENT  done: the output, if any, is set.
 * IMAP_MORE   |in| is empty; call again with more.
 * IMAP_ESYNTAX, IMAP_ETOOBIG, IMAP_ENOMEM; the lexer is of no use then.
 */

/* The next token. */
MUST_CHECK enum imap_status imap_lexer_next(struct imap_lexer *lx,
                                            enum imap_lex_mode mode,
                                            struct span *in,
                                            struct imap_token *tok);

/* A text begins, with |head|: no more than IMAP_TEXT_MAX octets of the line
 * that the caller has already read.
 */
MUST_CHECK enum imap_status imap_lexer_begin_text(struct imap_lexer *lx,
                                                  struct span head);

/* The text: the rest of the line, whatever it is, cut at IMAP_TEXT_MAX. */
MUST_CHECK enum imap_status imap_lexer_text(struct imap_lexer *lx,
                                            struct span *in, struct span *text);

/* The next octet, which stays in |in| until imap_lexer_drop. */
MUST_CHECK enum imap_status imap_lexer_peek(const struct imap_lexer *lx,
                                            struct span in,
                                            unsigned char *octet);
void imap_lexer_drop(struct imap_lexer *lx, struct span *in);

/* What |in| holds of the literal that IMAP_LEX_BODY has announced; empty
 * where |in| is empty or nothing is left (imap_lexer.literal is 0).
 */
struct span imap_lexer_literal(struct imap_lexer *lx, struct span *in);

#endif
