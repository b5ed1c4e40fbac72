/* wire.c - see wire.h. */
#include "wire.h"

#include <string.h>

#include "fuzz.h"
#include "session/bridge_state.h"

/* The password as it is, and the middle of its three forms in base64. */
static const char *const secrets[] = { WIRE_PASSWORD, "T3Blbi1TZXNhbWUtN",
                                       "Blbi1TZXNhbWUtN", "wZW4tU2VzYW1lL" };

void wire_init(struct wire *w, const struct upstream_policy *upstream,
               const struct mailbox_policy *mailbox)
{
    *w =
        (struct wire){ .upstream_policy = upstream, .mailbox_policy = mailbox };
}

void wire_connect(struct wire *w)
{
    w->upstream_seen = 0;
    w->sent.len = 0;
    w->said.len = 0;
    w->last.len = 0;
    w->literal_left = 0;
    w->tag = 0;
    w->command = WIRE_NONE;
    w->fetch_count = 0;
    w->challenged = false;
    w->answered = false;
    w->upstream_tls = w->upstream_policy->tls == TLS_MODE_IMPLICIT;
}

void wire_take_up(struct wire *w, uint32_t tag)
{
    wire_connect(w);
    w->tag = tag;
    w->command = WIRE_NOOP;
    w->answered = true;
    w->upstream_tls = w->upstream_policy->tls != TLS_MODE_NONE;
}

static void add(struct wire_line *line, unsigned char octet)
{
    if (line->len < WIRE_LINE_MAX)
        line->octets[line->len++] = octet;
}

static struct span text_of(const struct wire_line *line)
{
    return span_make(line->octets, line->len);
}

/* --- the password --- */

static bool has_secret(struct span s)
{
    for (size_t i = 0; i < ARRAY_LENGTH(secrets); i++)
        if (fuzz_contains(s, span_from_string(secrets[i])))
            return true;
    return false;
}

/* Also where it lies over the end of what came before. */
static bool tail_has_secret(struct wire_tail *tail, struct span s)
{
    unsigned char joint[2 * WIRE_TAIL_MAX];
    struct span head =
        span_make(s.data, s.len < WIRE_TAIL_MAX ? s.len : WIRE_TAIL_MAX);
    size_t len = tail->len + head.len;
    bool found;

    memcpy(joint, tail->octets, tail->len);
    if (head.len > 0)
        memcpy(joint + tail->len, head.data, head.len);
    found = has_secret(s) || has_secret(span_make(joint, len));
    if (s.len >= WIRE_TAIL_MAX) {
        tail->len = WIRE_TAIL_MAX;
        memcpy(tail->octets, s.data + s.len - WIRE_TAIL_MAX, WIRE_TAIL_MAX);
    } else {
        tail->len = len < WIRE_TAIL_MAX ? len : WIRE_TAIL_MAX;
        memcpy(tail->octets, joint + len - tail->len, tail->len);
    }
    return found;
}

void wire_on_note(struct wire *w, struct span s)
{
    REQUIRE(w->password_elsewhere || !has_secret(s));
}

/* --- what the client types --- */

static void on_typed(struct wire *w)
{
    struct span line = text_of(&w->typed);
    uint64_t number;

    while (line.len > 0 &&
           (line.data[line.len - 1] == ' ' || line.data[line.len - 1] == '\r'))
        line.len--;
    if (span_starts_with_nocase(line, SPAN_LITERAL("QUIT")))
        w->quit_typed = true;
    if (has_secret(line) &&
        !span_starts_with_nocase(line, SPAN_LITERAL("PASS")))
        w->password_elsewhere = true;
    if (!span_starts_with_nocase(line, SPAN_LITERAL("DELE")))
        return;
    (void)span_take(&line, 4);
    while (line.len > 0 && line.data[0] == ' ')
        (void)span_take(&line, 1);
    if (span_to_number(line, WIRE_MESSAGES_MAX, &number) && number > 0)
        w->deleted[number - 1] = true;
}

void wire_on_client(struct wire *w, struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] != '\n') {
            add(&w->typed, s.data[i]);
            continue;
        }
        on_typed(w);
        w->typed.len = 0;
    }
}

/* --- what the server says --- */

/* `A12`, from the front of |line|. */
static bool take_tag(struct span *line, uint64_t *tag)
{
    if (line->len == 0 || line->data[0] != 'A')
        return false;
    (void)span_take(line, 1);
    return span_to_number(span_take(line, span_find(*line, ' ')), UINT32_MAX,
                          tag);
}

static void drop_fetch(struct wire *w, uint64_t tag)
{
    for (unsigned i = 0; i < w->fetch_count; i++) {
        if (w->fetches[i].tag != tag)
            continue;
        w->fetch_count--;
        memmove(&w->fetches[i], &w->fetches[i + 1],
                (w->fetch_count - i) * sizeof(w->fetches[0]));
        return;
    }
}

/* More may look like a tagged response to us than is one, inside a literal for
 * instance: then the rules below just ask for less.
 */
static void on_said(struct wire *w)
{
    struct span line = text_of(&w->said);
    uint64_t tag;

    while (line.len > 0 && line.data[0] <= ' ')
        (void)span_take(&line, 1);
    if (w->command == WIRE_NONE)
        w->answered = true;
    if (line.len > 0 && line.data[0] == '+')
        w->challenged = true;
    if (!take_tag(&line, &tag))
        return;
    while (line.len > 0 && line.data[0] == ' ')
        (void)span_take(&line, 1);
    drop_fetch(w, tag);
    if (tag > w->tag)
        w->foretold = true;
    if (tag == w->tag) {
        w->answered = true;
        w->literal_left = 0; /* it is not waited for any more */
    }
    if (tag != w->tag || !span_starts_with_nocase(line, SPAN_LITERAL("OK")))
        return;
    if (w->command == WIRE_FLAGS && w->quit_typed)
        w->removal_proved = true;
}

void wire_on_server(struct wire *w, struct span s)
{
    if (tail_has_secret(&w->server_tail, s))
        w->password_elsewhere = true;
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] != '\n') {
            add(&w->said, s.data[i]);
            continue;
        }
        on_said(w);
        w->said.len = 0;
    }
}

/* --- what the bridge tells the server --- */

static const struct {
    const char *text;
    bool whole; /* nothing may follow */
    bool changes;
    enum wire_command command;
} known[] = {
    { "CAPABILITY", true, false, WIRE_CAPABILITY },
    { "STARTTLS", true, false, WIRE_STARTTLS },
    { "AUTHENTICATE ", false, false, WIRE_AUTHENTICATE },
    { "LOGIN ", false, false, WIRE_LOGIN },
    { "ID (", false, false, WIRE_ID },
    { "SELECT INBOX", false, false, WIRE_SELECT },
    { "SELECT \"" WIRE_SECOND "\"", false, false, WIRE_SELECT },
    { "UID FETCH ", false, false, WIRE_BODY }, /* see kind_of */
    { "UID STORE ", false, true, WIRE_STORE_DELETED },
    { "UID EXPUNGE ", false, true, WIRE_UID_EXPUNGE },
    { "EXPUNGE", true, true, WIRE_EXPUNGE },
    { "UID COPY ", false, true, WIRE_COPY },
    { "UID MOVE ", false, true, WIRE_MOVE },
    { "LIST \"\" \"*\"", true, false, WIRE_LIST },
    { "LIST (SPECIAL-USE) \"\" \"*\"", true, false, WIRE_LIST },
    { "UID SEARCH UNKEYWORD " WIRE_KEYWORD, true, false, WIRE_SEARCH },
    { "UID SEARCH UNSEEN UNKEYWORD " WIRE_KEYWORD, true, false, WIRE_SEARCH },
    { "UID SEARCH RETURN (ALL) UNKEYWORD " WIRE_KEYWORD, true, false,
      WIRE_SEARCH },
    { "UID SEARCH RETURN (ALL) UNSEEN UNKEYWORD " WIRE_KEYWORD, true, false,
      WIRE_SEARCH },
    { "UID SEARCH DELETED", true, false, WIRE_SEARCH },
    { "UID SEARCH UNSEEN", true, false, WIRE_SEARCH },
    { "UID SEARCH RETURN (ALL) UNSEEN", true, false, WIRE_SEARCH },
    { "NOOP", true, false, WIRE_NOOP },
    { "LOGOUT", true, false, WIRE_LOGOUT },
};

static bool ends_with(struct span s, const char *end)
{
    struct span e = span_from_string(end);

    return s.len >= e.len &&
           span_equals(span_make(s.data + s.len - e.len, e.len), e);
}

static enum wire_command kind_of(struct span line, enum wire_command found)
{
    if (found == WIRE_BODY && ends_with(line, "(UID FLAGS RFC822.SIZE)"))
        return WIRE_LISTING;
    if (found == WIRE_BODY && ends_with(line, "(UID FLAGS)"))
        return WIRE_FLAGS;
    if (found == WIRE_BODY)
        REQUIRE(fuzz_contains(line, SPAN_LITERAL(" (UID BODY.PEEK[]")));
    if (found == WIRE_STORE_DELETED &&
        ends_with(line, " +FLAGS.SILENT (\\Seen)"))
        return WIRE_STORE_SEEN;
    if (found == WIRE_STORE_DELETED &&
        ends_with(line, " +FLAGS.SILENT (" WIRE_KEYWORD ")"))
        return WIRE_STORE_KEPT;
    if (found == WIRE_STORE_DELETED)
        REQUIRE(ends_with(line, " +FLAGS.SILENT (\\Deleted)"));
    return found;
}

static void check_uid(const struct wire *w, const struct maildrop *m,
                      uint32_t uid)
{
    uint32_t index = maildrop_find(m, uid);

    REQUIRE(index < maildrop_count(m));
    if (w->command == WIRE_STORE_SEEN && w->mailbox_policy->mark_seen)
        return;
    REQUIRE(maildrop_is_deleted(m, index));
    REQUIRE(index >= WIRE_MESSAGES_MAX || w->deleted[index]);
}

/* The next range of |set|. */
static void take_range(struct span *set, uint64_t *first, uint64_t *last)
{
    struct span range = span_take(set, span_find(*set, ','));
    struct span low = span_take(&range, span_find(range, ':'));

    (void)fuzz_take(set, 1);
    (void)fuzz_take(&range, 1);
    REQUIRE(span_to_number(low, UINT32_MAX, first)); /* and no `*` */
    *last = *first;
    if (range.len > 0)
        REQUIRE(span_to_number(range, UINT32_MAX, last));
    REQUIRE(*first <= *last);
}

bool wire_set_has(struct span set, uint32_t uid)
{
    uint64_t first, last;

    while (set.len > 0) {
        take_range(&set, &first, &last);
        if (first <= uid && uid <= last)
            return true;
    }
    return false;
}

/* |line| is behind `UID STORE ` or `UID EXPUNGE `. */
static void check_set(const struct wire *w, const struct bridge *b,
                      struct span line)
{
    const struct maildrop *m = bridge_maildrop(b);
    struct span set = span_take(&line, span_find(line, ' '));
    uint64_t first, last;

    REQUIRE(set.len > 0);
    while (set.len > 0) {
        take_range(&set, &first, &last);
        REQUIRE(last - first < maildrop_count(m));
        for (uint64_t uid = first; uid <= last; uid++)
            check_uid(w, m, (uint32_t)uid);
    }
}

/* May the command be sent at all under that policy? */
static bool policy_has(const struct mailbox_policy *policy,
                       enum wire_command command)
{
    switch (command) {
    case WIRE_STORE_SEEN:
        return policy->mark_seen || policy->on_delete == ON_DELETE_SEEN;
    case WIRE_STORE_KEPT:
        return policy->on_delete == ON_DELETE_KEEP;
    case WIRE_COPY:
    case WIRE_MOVE:
        return policy->on_delete == ON_DELETE_TRASH;
    default: /* the three that remove */
        return policy->on_delete == ON_DELETE_EXPUNGE ||
               policy->on_delete == ON_DELETE_TRASH;
    }
}

static void check_changes(const struct wire *w, const struct bridge *b,
                          struct span line)
{
    REQUIRE(w->quit_typed && pop3_session_is_logged_in(&b->pop3));
    REQUIRE(policy_has(w->mailbox_policy, w->command));
    if (w->command == WIRE_EXPUNGE) {
        REQUIRE(maildrop_deleted_count(bridge_maildrop(b)) > 0);
        return;
    }
    (void)span_take(&line, span_find(line, ' ') + 1);
    (void)span_take(&line, span_find(line, ' ') + 1);
    check_set(w, b, line);
}

/* RFC 9051 §5.5; |line| is `UID FETCH` of bodies, in whole or in part. */
static void note_fetch(struct wire *w, struct span line)
{
    struct wire_fetch *fetch = &w->fetches[w->fetch_count];
    struct span set;

    if (!ends_with(line, " (UID BODY.PEEK[])"))
        return;
    (void)span_take(&line, sizeof("UID FETCH ") - 1);
    set = span_take(&line, span_find(line, ' '));
    REQUIRE(set.len > 0 && set.len <= sizeof(fetch->set));
    (void)wire_set_has(set, 0); /* it is one */
    REQUIRE(w->fetch_count < WIRE_FETCHES_MAX);
    w->fetch_count++;
    fetch->tag = w->tag;
    fetch->len = set.len;
    memcpy(fetch->set, set.data, set.len);
}

static void check_credentials(const struct wire *w)
{
    if (w->command == WIRE_AUTHENTICATE || w->command == WIRE_LOGIN)
        REQUIRE(w->upstream_tls || w->upstream_policy->tls == TLS_MODE_NONE);
}

/* A new command: |line| without its tag. */
static void on_command(struct wire *w, const struct bridge *b, struct span line)
{
    bool changes = false;

    fuzz_show("to server", 0, line);
    w->last = w->sent;
    w->command = WIRE_NONE;
    w->challenged = false;
    w->answered = false;
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
        struct span text = span_from_string(known[i].text);

        if (known[i].whole ? !span_equals(line, text)
                           : !span_starts_with_nocase(line, text))
            continue;
        w->command = kind_of(line, known[i].command);
        changes = known[i].changes;
    }
    REQUIRE(w->command != WIRE_NONE);
    if (w->command == WIRE_BODY)
        note_fetch(w, line);
    else
        REQUIRE(w->fetch_count == 0);
    check_credentials(w);
    if (w->command == WIRE_UID_EXPUNGE || w->command == WIRE_EXPUNGE ||
        w->command == WIRE_MOVE)
        w->expunged = true;
    if (changes)
        check_changes(w, b, line);
}

/* `{12}` or `{12+}` at the end announces a literal. */
static uint64_t literal_of(struct span line)
{
    size_t open = line.len;
    uint64_t n;

    if (line.len == 0 || line.data[line.len - 1] != '}')
        return 0;
    while (open > 0 && line.data[open - 1] != '{')
        open--;
    line.len--;
    if (line.len > open && line.data[line.len - 1] == '+')
        line.len--;
    if (!span_to_number(span_make(line.data + open, line.len - open),
                        UINT32_MAX, &n))
        return 0;
    return n;
}

static bool names_mailbox(enum wire_command command)
{
    return command == WIRE_COPY || command == WIRE_MOVE;
}

static void on_sent(struct wire *w, const struct bridge *b)
{
    struct span line = text_of(&w->sent);
    uint64_t tag;

    REQUIRE(line.len > 0 && line.data[line.len - 1] == '\r');
    w->sent.len--;
    line.len--;
    REQUIRE(!span_contains(line, '\r') && !span_contains(line, '\0'));
    if (take_tag(&line, &tag) && tag == w->tag + 1U && line.len > 0) {
        (void)span_take(&line, 1);
        w->tag++;
        on_command(w, b, line);
    } else {
        REQUIRE(w->command == WIRE_LOGIN || w->command == WIRE_AUTHENTICATE ||
                names_mailbox(w->command));
    }
    if (w->command == WIRE_LOGIN || names_mailbox(w->command))
        w->literal_left = literal_of(text_of(&w->sent));
    if (w->command != WIRE_AUTHENTICATE)
        REQUIRE(w->sent.len + 2 <= IMAP_COMMAND_MAX);
    w->sent.len = 0;
}

static void look_upstream(struct wire *w, const struct bridge *b)
{
    struct span out = bridge_upstream_output(b);

    REQUIRE(out.len <= UPSTREAM_OUTPUT_MAX);
    for (; w->upstream_seen < out.len; w->upstream_seen++) {
        unsigned char octet = out.data[w->upstream_seen];

        if (w->literal_left > 0) {
            REQUIRE(octet != '\0' && octet != '\r' && octet != '\n');
            w->literal_left--;
        } else if (octet == '\n') {
            on_sent(w, b);
        } else {
            REQUIRE(w->sent.len < WIRE_LINE_MAX);
            add(&w->sent, octet);
        }
    }
}

static void look_client(struct wire *w, const struct bridge *b)
{
    struct span out = bridge_client_output(b);
    struct span news;

    REQUIRE(out.len <= CLIENT_OUTPUT_MAX);
    if (out.len < w->client_seen) /* dropped: the client is gone */
        w->client_seen = out.len;
    news = out;
    (void)span_take(&news, w->client_seen);
    if (news.len > 0)
        fuzz_show("to client", 0, news);
    w->client_seen = out.len;
    if (tail_has_secret(&w->out_tail, news))
        REQUIRE(w->password_elsewhere);
    for (size_t i = 0; i < news.len; i++) {
        REQUIRE(news.data[i] != '\n' || w->last_out == '\r');
        w->last_out = news.data[i];
    }
}

void wire_look(struct wire *w, const struct bridge *b)
{
    look_upstream(w, b);
    look_client(w, b);
}

void wire_upstream_taken(struct wire *w, size_t n)
{
    REQUIRE(n <= w->upstream_seen);
    w->upstream_seen -= n;
}

void wire_client_taken(struct wire *w, size_t n)
{
    REQUIRE(n <= w->client_seen);
    w->client_seen -= n;
}
