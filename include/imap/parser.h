/* parser.h - what the parts of the response parser share; not for others.
 *
 * response.c reads how a line begins, status.c conditions with their code and
 * text, fetch.c the items of a FETCH, search.c SEARCH and ESEARCH, list.c LIST.
 */
#ifndef POPINJAY_IMAP_PARSER_H
#define POPINJAY_IMAP_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/span.h"
#include "imap/lexer.h"
#include "imap/response.h"

enum imap_parser_state {
    /* Octet by octet or as a text: no tokens here. */
    IMAP_PARSER_START,  /* between two responses */
    IMAP_PARSER_HEAD,   /* what kind of line is this? */
    IMAP_PARSER_STATUS, /* behind OK, NO ...: code, text or the line's end */
    IMAP_PARSER_TEXT,
    IMAP_PARSER_BODY_LITERAL,
    IMAP_PARSER_BODY_STRING, /* quoted, and already complete */
    IMAP_PARSER_BODY_STRING_END,
    IMAP_PARSER_LIST_LITERAL,

    /* One token at a time: see the table in response.c. */
    IMAP_PARSER_UNTAGGED, /* behind `*` */
    IMAP_PARSER_NUMBERED, /* behind `* n` */
    IMAP_PARSER_SKIP,     /* to the line's end, where |at_end| is told */
    IMAP_PARSER_ID,       /* the same, and what is skipped is kept */
    IMAP_PARSER_CAPABILITIES,
    IMAP_PARSER_FLAGS,
    IMAP_PARSER_CODE, /* behind `[` */
    IMAP_PARSER_CODE_WORDS,
    IMAP_PARSER_CODE_SKIP,
    IMAP_PARSER_CODE_COPYUID,
    IMAP_PARSER_SEARCH,
    IMAP_PARSER_ESEARCH,
    IMAP_PARSER_LIST,           /* behind `* LIST`: the attributes */
    IMAP_PARSER_LIST_DELIMITER, /* of the hierarchy: nothing that we need */
    IMAP_PARSER_LIST_NAME,      /* an atom, in pieces, or a string */
    IMAP_PARSER_FETCH,          /* behind `* n FETCH` */
    IMAP_PARSER_FETCH_ITEM,     /* a name or the end */
    IMAP_PARSER_FETCH_UID,      /* the value of */
    IMAP_PARSER_FETCH_SIZE,     /* the value of */
    IMAP_PARSER_FETCH_GMAIL_ID, /* the value of */
    IMAP_PARSER_FETCH_FLAGS,    /* the value of */
    IMAP_PARSER_FETCH_BODY,     /* the value of BODY[...], or its origin */
    IMAP_PARSER_FETCH_NAMED,    /* a section or the value */
    IMAP_PARSER_FETCH_SECTION,  /* behind `[` */
    IMAP_PARSER_FETCH_UNKNOWN,  /* the value of an item that nobody asked for */
    IMAP_PARSER_FETCH_TAIL,     /* the rest of it, or the next item */
    IMAP_PARSER_STATE_COUNT,
};

/* What the next word of an ESEARCH answer is. */
enum imap_esearch_place {
    IMAP_ESEARCH_NAME,
    IMAP_ESEARCH_VALUE,
    IMAP_ESEARCH_SET,      /* the value of ALL */
    IMAP_ESEARCH_SET_REST, /* more of that set, or a name */
};

/* The begin of a line: `A4294967295 OK` and some more blanks. */
#define IMAP_HEAD_MAX 32

struct imap_parser {
    enum imap_parser_state state;
    enum imap_status failed; /* the error that sticks, or 0 */
    unsigned depth;          /* parentheses open */
    /* Collected here, handed out and cleared. */
    struct imap_event ev;
    enum imap_event_kind at_end; /* IMAP_PARSER_SKIP */

    /* COPYUID: what the response is that its events come out of. */
    enum imap_event_kind status_kind;

    uint8_t code_numbers; /* or words; seen so far */
    bool item_is_body;    /* BODY, not BINARY or X-ITEM */
    bool section_is_empty;
    bool by_uid;    /* ESEARCH: it said UID */
    bool found_all; /* ESEARCH: it said ALL */
    enum imap_esearch_place place;
    struct span string; /* a quoted body, in the lexer's store */
    struct buf kept;    /* the answer to ID, a mailbox's name */
    bool name_begun;
    bool name_too_long;
    struct span watched; /* a keyword */

    uint8_t head_len;
    unsigned char head[IMAP_HEAD_MAX];
    struct imap_lexer lexer;
};

/* A step or a token's handler returns IMAP_EVENT when |p->ev| is to be handed
 * out, IMAP_MORE to go on, or an error.
 */
typedef enum imap_status imap_on_token(struct imap_parser *p,
                                       const struct imap_token *tok);

/* Hands out |p->ev| as a |kind| and goes on in |next|. */
enum imap_status imap_parser_emit(struct imap_parser *p,
                                  enum imap_event_kind kind,
                                  enum imap_parser_state next);

/* Goes on in |next|. */
enum imap_status imap_parser_enter(struct imap_parser *p,
                                   enum imap_parser_state next);

/* What is left of the line does not matter; |kind| is told at its end. */
enum imap_status imap_parser_skip_line(struct imap_parser *p,
                                       enum imap_event_kind kind);

/* Notes a flag that we know. */
void imap_parser_add_flag(struct imap_parser *p, struct span name);

/* status.c */
enum imap_status imap_parser_step_status(struct imap_parser *p,
                                         struct span *in);
enum imap_status imap_parser_enter_text(struct imap_parser *p,
                                        struct span head);
enum imap_status imap_parser_step_text(struct imap_parser *p, struct span *in);
imap_on_token imap_parser_on_code;
imap_on_token imap_parser_on_code_word;
imap_on_token imap_parser_on_copyuid;

/* True, and |*c| set, if |word| is OK, NO, BAD, PREAUTH or BYE. */
bool imap_condition_from_name(struct span word, enum imap_condition *c);

/* search.c */
imap_on_token imap_parser_on_search;
imap_on_token imap_parser_on_esearch;

/* One element of a set, `2` or `10:11`, is |p->ev.first| and |p->ev.last|.
 * False: it is none.
 */
bool imap_parser_read_range(struct imap_parser *p, struct span word);

/* list.c */
imap_on_token imap_parser_on_list;
imap_on_token imap_parser_on_list_delimiter;
imap_on_token imap_parser_on_list_name;
enum imap_status imap_parser_step_list_literal(struct imap_parser *p,
                                               struct span *in);

/* fetch.c */
imap_on_token imap_parser_on_fetch;
imap_on_token imap_parser_on_item;
imap_on_token imap_parser_on_uid;
imap_on_token imap_parser_on_size;
imap_on_token imap_parser_on_gmail_id;
imap_on_token imap_parser_on_item_flags;
imap_on_token imap_parser_on_body;
imap_on_token imap_parser_on_named;
imap_on_token imap_parser_on_section;
imap_on_token imap_parser_on_unknown;
imap_on_token imap_parser_on_tail;
enum imap_status imap_parser_step_body_literal(struct imap_parser *p,
                                               struct span *in);
enum imap_status imap_parser_step_body_string(struct imap_parser *p);

#endif
