/* command.c - each command is written here and nowhere else, so that what can
 * go on the wire is seen in one place: no `*` in what changes or removes mail,
 * no octet of a credential that could end a line.
 */
#include "imap/command.h"

#include <assert.h>

#include "base/limits.h"

/* A quoted string with its quotes: LOGIN with two of them stays within
 * IMAP_COMMAND_MAX.
 */
#define QUOTED_MAX 480

static void append_tag(struct buf *out, uint32_t tag)
{
    buf_append_octet(out, 'A');
    buf_append_number(out, tag);
    buf_append_octet(out, ' ');
}

/* `An UID NAME set`: both may be a message range as well. */
static void append_uid_command(struct buf *out, uint32_t tag, const char *name,
                               struct span set)
{
    append_tag(out, tag);
    buf_append_string(out, "UID ");
    buf_append_string(out, name);
    buf_append_octet(out, ' ');
    buf_append(out, set);
}

/* RFC 9051 §9 quoted: `"` and `\` are escaped; CR, LF cannot occur. */
static void append_quoted(struct buf *out, struct span s)
{
    buf_append_octet(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] == '"' || s.data[i] == '\\')
            buf_append_octet(out, '\\');
        buf_append_octet(out, s.data[i]);
    }
    buf_append_octet(out, '"');
}

static size_t quoted_length(struct span s)
{
    size_t n = 2 + s.len;

    for (size_t i = 0; i < s.len; i++)
        n += s.data[i] == '"' || s.data[i] == '\\';
    return n;
}

enum imap_string_form imap_string_form(struct span s,
                                       struct imap_capabilities caps)
{
    bool quotable = true;

    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] == '\r' || s.data[i] == '\n' || s.data[i] == 0)
            return IMAP_STRING_REFUSED;
        if (s.data[i] >= 0x80)
            quotable = false;
    }
    if (quotable && quoted_length(s) <= QUOTED_MAX)
        return IMAP_STRING_QUOTED;
    if (imap_capabilities_have(caps, IMAP_CAP_LITERAL_PLUS))
        return IMAP_STRING_LITERAL_NOW;
    if (imap_capabilities_have(caps, IMAP_CAP_LITERAL_MINUS) &&
        s.len <= IMAP_LITERAL_MINUS_MAX)
        return IMAP_STRING_LITERAL_NOW;
    return IMAP_STRING_LITERAL_WAIT;
}

void imap_write_simple(struct buf *out, uint32_t tag, const char *name)
{
    append_tag(out, tag);
    buf_append_string(out, name);
    buf_append_string(out, "\r\n");
}

void imap_write_authenticate(struct buf *out, uint32_t tag,
                             const char *mechanism, const struct span *initial)
{
    append_tag(out, tag);
    buf_append_string(out, "AUTHENTICATE ");
    buf_append_string(out, mechanism);
    if (initial) {
        buf_append_octet(out, ' ');
        buf_append(out, initial->len > 0 ? *initial : SPAN_LITERAL("="));
    }
    buf_append_string(out, "\r\n");
}

void imap_write_response(struct buf *out, struct span base64)
{
    buf_append(out, base64);
    buf_append_string(out, "\r\n");
}

/* A command that is cut into pieces, of which one is written. */
struct pieces {
    struct buf *out;
    unsigned wanted;
    unsigned now;
};

static void append_string(struct pieces *w, struct span s,
                          enum imap_string_form form)
{
    assert(form != IMAP_STRING_REFUSED);
    if (form == IMAP_STRING_QUOTED) {
        if (w->now == w->wanted)
            append_quoted(w->out, s);
        return;
    }
    if (w->now == w->wanted) {
        buf_append_octet(w->out, '{');
        buf_append_number(w->out, s.len);
        buf_append_string(w->out,
                          form == IMAP_STRING_LITERAL_NOW ? "+}\r\n" : "}\r\n");
    }
    if (form == IMAP_STRING_LITERAL_WAIT)
        w->now++;
    if (w->now == w->wanted)
        buf_append(w->out, s);
}

bool imap_write_login(struct buf *out, uint32_t tag, unsigned piece,
                      struct span user, struct span password,
                      struct imap_capabilities caps)
{
    struct pieces w = { .out = out, .wanted = piece };

    if (piece == 0) {
        append_tag(out, tag);
        buf_append_string(out, "LOGIN ");
    }
    append_string(&w, user, imap_string_form(user, caps));
    if (w.now == piece)
        buf_append_octet(out, ' ');
    append_string(&w, password, imap_string_form(password, caps));
    if (w.now == piece)
        buf_append_string(out, "\r\n");
    return w.now > piece;
}

void imap_write_id(struct buf *out, uint32_t tag, const char *version,
                   struct span client_address)
{
    append_tag(out, tag);
    buf_append_string(out, "ID (\"name\" \"popinjay\" \"version\" ");
    append_quoted(out, span_from_string(version));
    if (client_address.len > 0) {
        buf_append_string(out, " \"x-originating-ip\" ");
        append_quoted(out, client_address);
    }
    buf_append_string(out, ")\r\n");
}

static void append_uid_fetch_one(struct buf *out, uint32_t tag, uint32_t uid)
{
    append_uid_command(out, tag, "FETCH", span_make(NULL, 0));
    buf_append_number(out, uid);
}

static void append_fetch_range(struct buf *out, uint32_t tag, uint32_t first,
                               uint32_t last, const char *items)
{
    append_uid_fetch_one(out, tag, first);
    buf_append_octet(out, ':');
    if (last == 0)
        buf_append_octet(out, '*');
    else
        buf_append_number(out, last);
    buf_append_string(out, items);
}

#define LISTING_ITEMS " (UID FLAGS RFC822.SIZE)"

static void append_fetch_listing(struct buf *out, uint32_t tag, uint32_t first,
                                 uint32_t last)
{
    append_fetch_range(out, tag, first, last, LISTING_ITEMS);
}

void imap_write_fetch_listing(struct buf *out, uint32_t tag, uint32_t first,
                              uint32_t last)
{
    append_fetch_listing(out, tag, first, last);
    buf_append_string(out, "\r\n");
}

static void append_fetch_ranges(struct buf *out, uint32_t tag,
                                const struct imap_uid_range *ranges,
                                size_t count, const char *items)
{
    assert(count > 0 && count <= IMAP_UID_RANGES_PICKED_MAX);
    append_uid_command(out, tag, "FETCH", span_make(NULL, 0));
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_append_octet(out, ',');
        buf_append_number(out, ranges[i].first);
        if (ranges[i].last == ranges[i].first)
            continue;
        buf_append_octet(out, ':');
        buf_append_number(out, ranges[i].last);
    }
    buf_append_string(out, items);
}

void imap_write_fetch_ranges(struct buf *out, uint32_t tag,
                             const struct imap_uid_range *ranges, size_t count)
{
    append_fetch_ranges(out, tag, ranges, count, LISTING_ITEMS "\r\n");
}

void imap_write_fetch_changes(struct buf *out, uint32_t tag, uint32_t last,
                              uint64_t modseq)
{
    append_fetch_listing(out, tag, 1, last);
    buf_append_string(out, " (CHANGEDSINCE ");
    buf_append_number(out, modseq);
    buf_append_string(out, ")\r\n");
}

void imap_write_fetch_gmail_ids(struct buf *out, uint32_t tag,
                                const struct imap_uid_range *ranges,
                                size_t count)
{
    append_fetch_ranges(out, tag, ranges, count, " (UID X-GM-MSGID)\r\n");
}

void imap_write_fetch_bodies(struct buf *out, uint32_t tag,
                             const struct imap_uid_set *set)
{
    append_uid_command(out, tag, "FETCH", imap_uid_set_text(set));
    buf_append_string(out, " (UID BODY.PEEK[])\r\n");
}

void imap_write_fetch_window(struct buf *out, uint32_t tag, uint32_t uid,
                             uint64_t offset, uint32_t length)
{
    append_uid_fetch_one(out, tag, uid);
    buf_append_string(out, " (UID BODY.PEEK[]<");
    buf_append_number(out, offset);
    buf_append_octet(out, '.');
    buf_append_number(out, length);
    buf_append_string(out, ">)\r\n");
}

void imap_write_fetch_flags(struct buf *out, uint32_t tag,
                            const struct imap_uid_set *set)
{
    append_uid_command(out, tag, "FETCH", imap_uid_set_text(set));
    buf_append_string(out, " (UID FLAGS)\r\n");
}

void imap_write_store(struct buf *out, uint32_t tag,
                      const struct imap_uid_set *set, const char *flag)
{
    append_uid_command(out, tag, "STORE", imap_uid_set_text(set));
    buf_append_string(out, " +FLAGS.SILENT (");
    buf_append_string(out, flag);
    buf_append_string(out, ")\r\n");
}

void imap_write_uid_expunge(struct buf *out, uint32_t tag,
                            const struct imap_uid_set *set)
{
    append_uid_command(out, tag, "EXPUNGE", imap_uid_set_text(set));
    buf_append_string(out, "\r\n");
}

bool imap_mailbox_is_writable(struct span name, struct imap_capabilities caps)
{
    enum imap_string_form form = imap_string_form(name, caps);

    return name.len > 0 && name.len <= IMAP_MAILBOX_MAX &&
           (form == IMAP_STRING_QUOTED || form == IMAP_STRING_LITERAL_NOW);
}

size_t imap_mailbox_length(struct span name)
{
    return quoted_length(name);
}

static void append_name(struct buf *out, struct span name,
                        struct imap_capabilities caps)
{
    struct pieces w = { .out = out };

    assert(imap_mailbox_is_writable(name, caps));
    append_string(&w, name, imap_string_form(name, caps));
}

/* ` "name"` and the line's end. */
static void append_mailbox(struct buf *out, struct span name,
                           struct imap_capabilities caps)
{
    buf_append_octet(out, ' ');
    append_name(out, name, caps);
    buf_append_string(out, "\r\n");
}

void imap_write_select(struct buf *out, uint32_t tag, struct span mailbox,
                       bool read_only, bool condstore,
                       struct imap_capabilities caps)
{
    append_tag(out, tag);
    buf_append_string(out, read_only ? "EXAMINE " : "SELECT ");
    if (span_equals(mailbox, SPAN_LITERAL("INBOX")))
        buf_append(out, mailbox);
    else
        append_name(out, mailbox, caps);
    buf_append_string(out, condstore ? " (CONDSTORE)\r\n" : "\r\n");
}

void imap_write_copy(struct buf *out, uint32_t tag,
                     const struct imap_uid_set *set, struct span mailbox,
                     struct imap_capabilities caps)
{
    append_uid_command(out, tag, "COPY", imap_uid_set_text(set));
    append_mailbox(out, mailbox, caps);
}

void imap_write_move(struct buf *out, uint32_t tag,
                     const struct imap_uid_set *set, struct span mailbox,
                     struct imap_capabilities caps)
{
    append_uid_command(out, tag, "MOVE", imap_uid_set_text(set));
    append_mailbox(out, mailbox, caps);
}

void imap_write_list(struct buf *out, uint32_t tag, struct span mailbox,
                     struct imap_capabilities caps)
{
    append_tag(out, tag);
    buf_append_string(out, "LIST \"\"");
    append_mailbox(out, mailbox, caps);
}

/* A selection option needs both (RFC 6154 §2). */
void imap_write_list_special(struct buf *out, uint32_t tag,
                             struct imap_capabilities caps)
{
    bool may_select = imap_capabilities_have(caps, IMAP_CAP_SPECIAL_USE) &&
                      imap_capabilities_have(caps, IMAP_CAP_LIST_EXTENDED);

    imap_write_simple(out, tag,
                      may_select ? "LIST (SPECIAL-USE) \"\" \"*\""
                                 : "LIST \"\" \"*\"");
}

void imap_write_search_deleted(struct buf *out, uint32_t tag)
{
    imap_write_simple(out, tag, "UID SEARCH DELETED");
}

static void append_keyword(struct buf *out, const char *key,
                           struct span keyword)
{
    if (keyword.len == 0)
        return;
    buf_append_string(out, key);
    buf_append(out, keyword);
}

/* RFC 9051 §6.4.4: keys behind each other must all be met. */
static void append_search_keys(struct buf *out,
                               const struct imap_search *search)
{
    size_t before = buf_length(out);

    if (search->since != NULL) {
        buf_append_string(out, " SINCE ");
        buf_append_string(out, search->since);
    }
    if (search->younger_s != 0) {
        buf_append_string(out, " YOUNGER ");
        buf_append_number(out, search->younger_s);
    }
    if (search->unseen)
        buf_append_string(out, " UNSEEN");
    append_keyword(out, " KEYWORD ", search->keyword);
    append_keyword(out, " UNKEYWORD ", search->not_keyword);
    if (search->last_uid != 0) {
        buf_append_string(out, " UID 1:");
        buf_append_number(out, search->last_uid);
    }
    if (buf_length(out) == before)
        buf_append_string(out, " ALL");
}

void imap_write_search(struct buf *out, uint32_t tag,
                       const struct imap_search *search)
{
    append_tag(out, tag);
    buf_append_string(out, "UID SEARCH");
    if (search->wants_set)
        buf_append_string(out, " RETURN (ALL)");
    append_search_keys(out, search);
    buf_append_string(out, "\r\n");
}
