/* canned.c - a mailbox of four messages and a server with a few moods. */
#include "canned.h"

#include <string.h>

#include "fuzz.h"

/* Bits of |how|. */
#define HOW_NO BIT(0)       /* the tagged response is a NO */
#define HOW_UNTAGGED BIT(1) /* and it does not come */
#define HOW_PLAIN BIT(2)    /* an old server: no UIDPLUS, no SASL-IR */
#define HOW_LOGIN BIT(3)    /* a server without AUTHENTICATE */
#define HOW_MISSING BIT(4)  /* no data: the messages are gone */
#define HOW_AGAIN BIT(5)    /* also where the answer was given already */
#define HOW_BIG BIT(6)      /* many octets, all stuffed; and it has MOVE */
#define HOW_NEWEST BIT(7)   /* of the bodies, not the oldest */

/* As POP3 it is twice as long, more than may wait for the client. */
#define BIG_OCTETS (CLIENT_OUTPUT_MAX / 2 + READ_CHUNK)

static const struct {
    uint32_t uid;
    const char *flags;
    const char *text;
} mailbox[] = {
    { 5, "\\Seen", "Subject: 1\r\n\r\n.\r\n..dots\r\n.\r\n" },
    { 9, "", "Subject: 2\n\nbare LF, no end" },
    { 20, "\\Deleted", "Subject: 3\r\n\r\n" },
    { 21, "\\Answered", "\r\nno header\r\n" },
};

static void append_capabilities(unsigned how, struct buf *out)
{
    buf_append_string(out, "CAPABILITY IMAP4rev1 STARTTLS ID LITERAL+");
    if ((how & HOW_LOGIN) == 0)
        buf_append_string(out, " AUTH=PLAIN AUTH=XOAUTH2");
    if ((how & HOW_PLAIN) == 0)
        buf_append_string(out, " SASL-IR UIDPLUS");
    if (how & HOW_BIG)
        buf_append_string(out, " MOVE");
}

/* --- FETCH --- */

static void append_uid(struct buf *out, size_t i, const char *items)
{
    buf_append_string(out, "* ");
    buf_append_number(out, i + 1);
    buf_append_string(out, " FETCH (UID ");
    buf_append_number(out, mailbox[i].uid);
    buf_append_string(out, items);
}

static void append_listing(struct buf *out, bool sizes)
{
    for (size_t i = 0; i < ARRAY_LENGTH(mailbox); i++) {
        append_uid(out, i, " FLAGS (");
        buf_append_string(out, mailbox[i].flags);
        buf_append_string(out, ")");
        if (sizes) {
            buf_append_string(out, " RFC822.SIZE ");
            buf_append_number(out, strlen(mailbox[i].text));
        }
        buf_append_string(out, ")\r\n");
    }
}

/* The first number behind |mark| in the last command; 0: none. */
static uint64_t number_behind(const struct wire *w, const char *mark)
{
    struct span line = span_make(w->last.octets, w->last.len);
    struct span m = span_from_string(mark);
    uint64_t value = 0;

    while (line.len >= m.len && !span_equals(span_make(line.data, m.len), m))
        (void)span_take(&line, 1);
    (void)fuzz_take(&line, m.len);
    while (line.len > 0 && line.data[0] >= '0' && line.data[0] <= '9')
        value = value * 10 + fuzz_take_octet(&line) - '0';
    return value;
}

/* Dots in lines of their own, without CR. */
static void append_big(struct buf *out)
{
    buf_append_string(out, " BODY[] {");
    buf_append_number(out, BIG_OCTETS);
    buf_append_string(out, "}\r\n");
    for (size_t i = 0; i < BIG_OCTETS / 2; i++)
        buf_append_string(out, ".\n");
    buf_append_string(out, ")\r\n");
}

static void append_body_of(uint64_t uid, bool window, uint64_t offset,
                           unsigned how, struct buf *out)
{
    for (size_t i = 0; i < ARRAY_LENGTH(mailbox); i++) {
        struct span text = span_from_string(mailbox[i].text);

        if (mailbox[i].uid != uid)
            continue;
        (void)fuzz_take(&text, (size_t)offset);
        append_uid(out, i, "");
        if (how & HOW_BIG && !window) {
            append_big(out);
            continue;
        }
        buf_append_string(out, " BODY[]");
        if (window) {
            buf_append_octet(out, '<');
            buf_append_number(out, offset);
            buf_append_octet(out, '>');
        }
        buf_append_string(out, " {");
        buf_append_number(out, text.len);
        buf_append_string(out, "}\r\n");
        buf_append(out, text);
        buf_append_string(out, ")\r\n");
    }
}

static void append_body(const struct wire *w, unsigned how, struct buf *out)
{
    bool window = span_contains(span_make(w->last.octets, w->last.len), '<');

    append_body_of(number_behind(w, "UID FETCH "), window,
                   number_behind(w, "[]<"), how, out);
}

static void append_tagged(uint32_t tag, unsigned how, struct buf *out)
{
    buf_append_octet(out, 'A');
    buf_append_number(out, tag);
    buf_append_string(out, how & HOW_NO ? " NO [" : " OK [");
}

bool canned_body(const struct wire *w, unsigned how, struct buf *out)
{
    const struct wire_fetch *fetch = w->fetches;

    if (w->fetch_count == 0)
        return false;
    if (how & HOW_NEWEST)
        fetch += w->fetch_count - 1;
    for (size_t i = 0; i < ARRAY_LENGTH(mailbox); i++)
        if ((how & HOW_MISSING) == 0 &&
            wire_set_has(span_make(fetch->set, fetch->len), mailbox[i].uid))
            append_body_of(mailbox[i].uid, false, 0, how, out);
    if (how & HOW_UNTAGGED)
        return true;
    append_tagged(fetch->tag, how, out);
    buf_append_string(out, "X] done\r\n");
    return true;
}

/* --- all the rest --- */

static void append_data(const struct wire *w, unsigned how, struct buf *out)
{
    switch (w->command) {
    case WIRE_CAPABILITY:
        buf_append_string(out, "* ");
        append_capabilities(how, out);
        buf_append_string(out, "\r\n");
        break;
    case WIRE_SELECT:
        buf_append_string(out,
                          "* FLAGS (\\Seen \\Deleted)\r\n* 4 EXISTS\r\n"
                          "* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 30] x\r\n"
                          "* OK [PERMANENTFLAGS (\\Seen \\Deleted \\*)] "
                          "x\r\n");
        break;
    case WIRE_LISTING:
        append_listing(out, true);
        break;
    case WIRE_FLAGS:
        if (!w->expunged)
            append_listing(out, false);
        break;
    case WIRE_BODY:
        append_body(w, how, out);
        break;
    case WIRE_SEARCH:
        buf_append_string(out, "* SEARCH 5 20\r\n");
        break;
    case WIRE_LIST:
        buf_append_string(out, "* LIST (\\Trash) \"/\" Bin\r\n");
        break;
    case WIRE_COPY:
        buf_append_string(out, "* OK [COPYUID 1 5,9 1:2] x\r\n");
        break;
    case WIRE_MOVE:
    case WIRE_UID_EXPUNGE:
    case WIRE_EXPUNGE:
        buf_append_string(out, "* 1 EXPUNGE\r\n");
        break;
    case WIRE_ID:
        buf_append_string(out, "* ID NIL\r\n");
        break;
    case WIRE_LOGOUT:
        buf_append_string(out, "* BYE bye\r\n");
        break;
    case WIRE_NONE:
    case WIRE_STARTTLS:
    case WIRE_AUTHENTICATE:
    case WIRE_LOGIN:
    case WIRE_STORE_DELETED:
    case WIRE_STORE_SEEN:
    case WIRE_STORE_KEPT:
    case WIRE_NOOP:
        break;
    }
}

/* Behind `A1 AUTHENTICATE MECHANISM`. */
static bool has_response(const struct wire *w)
{
    unsigned spaces = 0;

    for (size_t i = 0; i < w->last.len; i++)
        spaces += w->last.octets[i] == ' ';
    return spaces > 2;
}

static bool awaits_continuation(const struct wire *w)
{
    if (w->command == WIRE_LOGIN)
        return w->literal_left > 0;
    return w->command == WIRE_AUTHENTICATE && !w->challenged &&
           !has_response(w);
}

void canned_answer(const struct wire *w, unsigned how, struct buf *out)
{
    bool says_capabilities =
        w->command == WIRE_AUTHENTICATE || w->command == WIRE_LOGIN;

    if (w->answered && (how & HOW_AGAIN) == 0)
        return;
    if (awaits_continuation(w)) {
        buf_append_string(out, "+ \r\n");
        return;
    }
    if (w->command == WIRE_NONE) {
        buf_append_string(out, "* OK [");
        append_capabilities(how, out);
        buf_append_string(out, "] ready\r\n");
        return;
    }
    if ((how & HOW_MISSING) == 0)
        append_data(w, how, out);
    else if (w->command == WIRE_SEARCH)
        buf_append_string(out, "* SEARCH\r\n");
    if (how & HOW_UNTAGGED)
        return;
    append_tagged(w->tag, how, out);
    if (says_capabilities)
        append_capabilities(how, out);
    else
        buf_append_string(out, "X");
    buf_append_string(out, "] done\r\n");
}
