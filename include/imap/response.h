/* response.h - server octets in, typed IMAP events out.
 *
 * Source: RFC 9051 §2.2.2 (responses), §4.3 (strings, literals), §7
 * (responses), §9 (grammar); RFC 3501 where an IMAP4rev1 server differs;
 * leniency by PROVIDER_QUIRKS.md (more than one space, a code without text,
 * a number such as 9.3736e+06, a bare `+`, NUL padding between responses,
 * 8-bit octets in quoted strings).
 *
 * The parser takes any cut of the stream and always consumes all it is given
 * up to the event that it returns; what it must keep of a token lies in a
 * bounded buffer of its own. Message bodies are never kept: they pass through
 * as spans of the input.
 */
#ifndef POPINJAY_IMAP_RESPONSE_H
#define POPINJAY_IMAP_RESPONSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/span.h"
#include "imap/capability.h"
#include "imap/code.h"

enum imap_status {
    IMAP_EVENT = 1,
    IMAP_MORE = 0,     /* all input is consumed */
    IMAP_ESYNTAX = -1, /* not IMAP, and no way to find the next response */
    IMAP_ETOOBIG = -2, /* over a cap of limits.h */
    IMAP_ENOMEM = -3,
};

enum imap_event_kind {
    /* A tagged response: tag, condition (OK, NO, BAD), code, text. Only a
     * line `An OK`, `An NO` or `An BAD` is one, with n as we write it.
     */
    IMAP_TAGGED,
    /* An untagged status response: condition (any), code, text. */
    IMAP_UNTAGGED,
    /* `+`: text holds the challenge or the human text, perhaps empty. */
    IMAP_CONTINUE,
    /* `* CAPABILITY`: capabilities. */
    IMAP_CAPABILITY,
    /* `* n EXISTS`, `* n EXPUNGE`: number. */
    IMAP_EXISTS,
    IMAP_EXPUNGE,
    /* `* n FETCH (`: number is the sequence number, of no use but to logs.
     * Then come items in the server's order, then IMAP_FETCH_END.
     */
    IMAP_FETCH,
    IMAP_FETCH_UID,      /* number, 1 .. 2^32-1; `UID 0` is no event at all */
    IMAP_FETCH_SIZE,     /* RFC822.SIZE: number, 64 bits */
    IMAP_FETCH_GMAIL_ID, /* X-GM-MSGID: number, 64 bits; 0 is none */
    IMAP_FETCH_FLAGS,    /* flags */
    /* BODY[...]: whole, nil, origin, number (octets; 0 when nil). For a body
     * that is not nil follow IMAP_BODY_DATA, any number of them and none for
     * an empty body, then IMAP_BODY_END. A nil body is this one event.
     *
     * A section such as BODY[HEADER] comes as the same events, with whole
     * false. RFC822, RFC822.TEXT, BINARY[] and the like are passed over.
     */
    IMAP_BODY,
    IMAP_BODY_DATA, /* text: a part of the body, at least one octet, borrowed
                       from the input (of a quoted one, from the parser) */
    IMAP_BODY_END,
    IMAP_FETCH_END,
    /* `* SEARCH` and `* ESEARCH`: one event for each UID or range (first,
     * last; first <= last), then IMAP_SEARCH_END. An ESEARCH that names
     * messages but does not say UID means sequence numbers: IMAP_OTHER.
     */
    IMAP_SEARCH_UIDS,
    IMAP_SEARCH_END,
    /* The code COPYUID: one event for each UID or range of the messages that
     * were copied, as they are called where they came from (first, last; first
     * <= last; tag, where the response has one). The response comes behind.
     */
    IMAP_COPIED_UIDS,
    /* `* LIST (...)`: flags (attributes), text, the mailbox's name in the
     * server's own octets. A name over IMAP_MAILBOX_MAX: IMAP_OTHER.
     */
    IMAP_LIST,
    /* `* FLAGS (...)`: flags. */
    IMAP_FLAGS,
    /* `* ID` (RFC 2971): text, all that stands behind it as it came, cut at
     * IMAP_TEXT_MAX.
     */
    IMAP_ID,
    /* Any other untagged response, skipped whole. `* [CODE] text`, without a
     * condition, is one: code, text.
     */
    IMAP_OTHER,
    /* A line that is no response at all: text. "Server Unavailable." */
    IMAP_NOISE,
    IMAP_EVENT_KIND_COUNT,
};

enum imap_condition {
    IMAP_OK,
    IMAP_NO,
    IMAP_BAD,
    IMAP_PREAUTH,
    IMAP_BYE,
    IMAP_CONDITION_COUNT,
};

/* Bits of imap_event.flags. */
enum imap_flag {
    IMAP_FLAG_SEEN,
    IMAP_FLAG_DELETED,
    IMAP_FLAG_WATCHED, /* the keyword of imap_parser_watch */
    IMAP_FLAG_ANY,     /* `\*`, of PERMANENTFLAGS: keywords may be made up */
};

/* The same of IMAP_LIST (RFC 9051 §7.3.1). */
enum imap_attribute {
    IMAP_ATTRIBUTE_CLOSED, /* \Noselect or \NonExistent: holds no mail */
    IMAP_ATTRIBUTE_TRASH,  /* RFC 6154 §2 */
};

struct imap_event {
    enum imap_event_kind kind;
    uint32_t tag; /* IMAP_TAGGED: n of the tag `An`, 1 .. 2^32-1 */
    enum imap_condition condition;
    enum imap_code code;
    uint64_t number;        /* by kind; or within the code, 0 if missing */
    uint64_t second_number; /* of the code: see code.h */
    uint32_t flags;         /* BIT(enum imap_flag, imap_attribute) each */
    struct imap_capabilities capabilities; /* of the kind or the code */
    /* As it came, any octets in it; valid until the next call. Human text and
     * noise are cut at IMAP_TEXT_MAX.
     */
    struct span text;
    bool whole; /* IMAP_BODY: the section is empty, BODY[] */
    bool nil;
    bool has_origin; /* IMAP_BODY: BODY[...]<origin> */
    uint64_t origin;
    uint32_t first; /* IMAP_SEARCH_UIDS, IMAP_COPIED_UIDS */
    uint32_t last;
};

/* Opaque; about 400 octets. While a token is cut it holds up to
 * IMAP_STRING_MAX more, and nothing between two responses.
 */
struct imap_parser;

/* NULL where there is no memory. */
MUST_CHECK struct imap_parser *imap_parser_new(void);
void imap_parser_free(struct imap_parser *p);

/* Takes at most one event off the front of |in|.
 *
 * in  [in,out] octets; advanced past what was consumed
 * ev  [out]    written only when IMAP_EVENT is returned
 *
 * IMAP_EVENT  |ev| is set; call again, also when |in| is empty: an event
 *             may be ready without more input.
 * IMAP_MORE   |in| is empty; call again with new octets.
 * Errors stick: every later call returns the same code.
 *
 * Numbers that overflow, a literal of 2^63 or more, `{n+}`, a literal8 as the
 * value of BODY[], an unknown escape or a line end in a quoted body, a FETCH
 * whose line ends within its parentheses: IMAP_ESYNTAX. A string that is only
 * passed over need not be well formed: it ends with its line at the latest.
 */
MUST_CHECK enum imap_status imap_parser_next(struct imap_parser *p,
                                             struct span *in,
                                             struct imap_event *ev);

/* From now on |keyword| is one of the flags told, in any case of its letters;
 * it must outlive the parser. Empty: none is.
 */
void imap_parser_watch(struct imap_parser *p, struct span keyword);

/* The parser is between two responses: nothing of the next was seen. */
bool imap_parser_is_idle(const struct imap_parser *p);

#endif
