/* The model server's FETCH answers: in every shape that the standards allow,
 * and in some that they do not.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "support/model_imap.h"

#define ROLL(m, n) random_below((m)->random, (n))
#define QUOTED_MAX 200

/* What is asked for of one message. */
struct wanted {
    enum model_fetch what;
    uint64_t changed_since; /* 0: whether changed or not */
    bool window;
    uint64_t offset, length;
};

/* Sequence numbers are told, rightly or wrongly; nobody should care. */
static size_t sequence_number(struct model_imap *m, size_t index)
{
    size_t number = 1;

    if (model_chance(m, m->traits->split))
        return ROLL(m, 5);
    for (size_t i = 0; i < index; i++)
        number += !m->box->messages[i].gone;
    return number;
}

static void say_flags(struct model_imap *m, const struct model_message *message)
{
    const char *blank = "";

    model_say(m, "FLAGS (");
    if (message->deleted) {
        model_say(m, "\\DELETED");
        blank = " ";
    }
    if (message->has_keyword) {
        model_say(m, "%s" MODEL_KEYWORD, blank);
        blank = " ";
    }
    model_say(m, "%s)", message->seen ? *blank ? " \\Seen" : "\\Seen" : "");
}

/* --- What was there at SELECT --- */

void model_view(struct model_imap *m)
{
    const struct model_mailbox *box = m->box;

    if (m->opened[m->at].viewed_capacity < box->count) {
        m->opened[m->at].viewed_capacity = 2 * box->count;
        m->opened[m->at].viewed = realloc(m->opened[m->at].viewed,
                                          m->opened[m->at].viewed_capacity *
                                              sizeof(*m->opened[m->at].viewed));
        assert(m->opened[m->at].viewed != NULL);
    }
    m->opened[m->at].viewed_count = 0;
    for (size_t i = 0; i < box->count; i++) {
        const struct model_message *message = &box->messages[i];

        if (message->gone)
            continue;
        m->opened[m->at].viewed[m->opened[m->at].viewed_count++] =
            (struct model_viewed){
                .at = { i, message->uid, message->said_size, message->deleted },
            };
    }
}

/* The client is told of this one, or would be if it were there. */
static void look_at(struct model_imap *m, size_t index)
{
    for (size_t i = 0; i < m->opened[m->at].viewed_count; i++) {
        struct model_viewed *viewed = &m->opened[m->at].viewed[i];

        if (viewed->at.message != index)
            continue;
        viewed->gone = m->box->messages[index].gone;
        if (viewed->gone)
            return;
        viewed->told = true;
        viewed->at.deleted = m->box->messages[index].deleted;
    }
}

static void look_at_set(struct model_imap *m, const char *set)
{
    for (size_t i = 0; i < m->opened[m->at].viewed_count; i++) {
        if (model_set_has(m, set, m->opened[m->at].viewed[i].at.uid))
            look_at(m, m->opened[m->at].viewed[i].at.message);
    }
}

static void say_flags_of_any(struct model_imap *m, bool with_uid)
{
    const struct model_mailbox *box = m->box;
    size_t any = box->count == 0 ? 0 : ROLL(m, box->count);

    if (box->count == 0 || box->messages[any].gone)
        return;
    model_say(m, "* %zu FETCH (", sequence_number(m, any));
    if (with_uid) {
        model_say(m, "UID %u ", (unsigned)box->messages[any].uid);
        look_at(m, any);
    }
    say_flags(m, &box->messages[any]);
    model_say(m, ")\r\n");
}

/* EXISTS never says less than before, EXPUNGE does (RFC 9051 §7.5.1). */
static void say_size_of_mailbox(struct model_imap *m)
{
    size_t living = model_mailbox_living(m->box);

    for (; m->told > living; m->told--)
        model_say(m, "* 1 EXPUNGE\r\n");
    if (m->told < living || ROLL(m, 2) == 0)
        model_say(m, "* %zu EXISTS\r\n", living);
    m->told = living;
}

void model_say_unasked(struct model_imap *m)
{
    switch (ROLL(m, 9)) {
    case 0:
    case 1:
        say_size_of_mailbox(m);
        break;
    case 2:
        say_flags_of_any(m, true);
        break;
    case 3:
        model_say(m, "* OK Searched 97%% of it\r\n");
        break;
    case 4:
        model_say(m, "* XFOO ({3}\r\na)b) \"q\\\"\" (a (b NIL))\r\n");
        break;
    case 5:
        model_say(m, "* NO this is a warning\r\n");
        break;
    case 6:
        say_flags_of_any(m, false);
        break;
    case 7:
        model_say(m, "* OK [ALERT] it \"rains\"\r\n");
        break;
    case 8:
        model_say(m, "* OK [UIDVALIDITY %u] as before\r\n",
                  (unsigned)m->box->uidvalidity);
        break;
    }
}

/* --- Listings --- */

static void remember_listed(struct model_imap *m, size_t index)
{
    const struct model_message *message = &m->box->messages[index];

    if (m->opened[m->at].listed_count == m->opened[m->at].listed_capacity) {
        m->opened[m->at].listed_capacity =
            2 * m->opened[m->at].listed_capacity + 16;
        m->opened[m->at].listed = realloc(m->opened[m->at].listed,
                                          m->opened[m->at].listed_capacity *
                                              sizeof(*m->opened[m->at].listed));
        assert(m->opened[m->at].listed != NULL);
    }
    m->opened[m->at].listed[m->opened[m->at].listed_count++] =
        (struct model_listed){
            .message = index,
            .uid = message->uid,
            .size = message->said_size,
            .deleted = message->deleted,
        };
}

static void say_in_pieces(struct model_imap *m, size_t index, size_t number)
{
    const struct model_message *message = &m->box->messages[index];

    model_say(m, "* %zu FETCH (RFC822.SIZE %u UID %u)\r\n", number,
              (unsigned)message->said_size, (unsigned)message->uid);
    if (ROLL(m, 4) == 0)
        model_say(m, "* %zu FETCH (FLAGS (\\Seen))\r\n", number);
    model_say(m, "* %zu FETCH (X-NEW (1 \"b\") UID %u ", number,
              (unsigned)message->uid);
    say_flags(m, message);
    model_say(m, ")\r\n");
}

static void say_listed(struct model_imap *m, size_t index,
                       const struct wanted *wanted)
{
    const struct model_message *message = &m->box->messages[index];
    size_t number = sequence_number(m, index);
    bool size = wanted->what == MODEL_FETCH_LISTING;

    if (size)
        remember_listed(m, index);
    if (size && model_chance(m, m->traits->split)) {
        say_in_pieces(m, index, number);
        return;
    }
    if (size && model_chance(m, m->traits->fault / 8)) {
        m->faults++;
        m->listing_disturbed = true;
        size = false;
    }
    model_say(m, "* %zu FETCH (", number);
    if (size)
        model_say(m, "RFC822.SIZE %u ", (unsigned)message->said_size);
    say_flags(m, message);
    if (m->traits->condstore && ROLL(m, 4) == 0)
        model_say(m, " MODSEQ (%zu)", number);
    model_say(m, " UID %u)\r\n", (unsigned)message->uid);
}

static void fetch_listing(struct model_imap *m, const char *tag,
                          const char *set, const struct wanted *wanted)
{
    size_t left = m->traits->message_limit;
    bool limited = left > 0;
    bool upwards = m->traits->split == 0 && !limited;
    uint32_t lowest = 0;
    bool more = false;

    look_at_set(m, set);
    for (size_t k = 0; k < m->box->count; k++) {
        size_t i = upwards ? k : m->box->count - 1 - k;
        const struct model_message *message = &m->box->messages[i];

        if (message->gone || !model_set_has(m, set, message->uid) ||
            (wanted->changed_since > 0 &&
             message->modseq <= wanted->changed_since))
            continue;
        if (limited && left == 0) {
            more = true;
            break;
        }
        say_listed(m, i, wanted);
        if (model_chance(m, m->traits->split / 4))
            say_listed(m, i, &(struct wanted){ .what = MODEL_FETCH_FLAGS });
        if (model_chance(m, m->traits->unasked / 4))
            model_say_unasked(m);
        lowest = message->uid;
        left -= limited;
    }
    model_tagged_limited(m, tag, more ? lowest : 0);
}

/* --- Bodies --- */

static bool may_be_quoted(struct span body)
{
    if (body.len == 0 || body.len > QUOTED_MAX)
        return body.len == 0;
    for (size_t i = 0; i < body.len; i++) {
        if (body.data[i] < ' ' || body.data[i] > '~')
            return false;
    }
    return true;
}

static void say_quoted(struct model_imap *m, struct span body)
{
    model_say(m, "\"");
    for (size_t i = 0; i < body.len; i++) {
        if (body.data[i] == '"' || body.data[i] == '\\')
            model_say(m, "\\");
        model_say_octets(m, body.data + i, 1);
    }
    model_say(m, "\"");
}

static void say_body_item(struct model_imap *m, struct span body,
                          const struct wanted *wanted)
{
    model_say(m, "BODY[]");
    if (wanted->window)
        model_say(m, "<%llu>", (unsigned long long)wanted->offset);
    model_say(m, " ");
    if (may_be_quoted(body) && ROLL(m, 2) == 0) {
        say_quoted(m, body);
        return;
    }
    model_say(m, "{%zu}\r\n", body.len);
    model_say_octets(m, body.data, body.len);
}

static struct span wanted_part(const struct model_message *message,
                               const struct wanted *wanted)
{
    struct span body = { message->body, message->size };

    if (!wanted->window)
        return body;
    if (wanted->offset >= body.len)
        return (struct span){ NULL, 0 };
    span_take(&body, (size_t)wanted->offset);
    if (body.len > wanted->length)
        body.len = (size_t)wanted->length;
    return body;
}

static void say_body(struct model_imap *m, size_t index,
                     const struct wanted *wanted)
{
    const struct model_message *message = &m->box->messages[index];
    struct span body = wanted_part(message, wanted);
    /* Whoever does that and answers in another order than asked says nothing
     * that could be understood (CONFORMANCE IMAP-20).
     */
    bool uid_last = m->traits->reorder == 0 && m->traits->overtake == 0 &&
                    model_chance(m, m->traits->split);

    model_say(m, "* %zu FETCH (", sequence_number(m, index));
    if (!uid_last)
        model_say(m, "UID %u ", (unsigned)message->uid);
    if (ROLL(m, 4) == 0) {
        say_flags(m, message);
        model_say(m, " ");
    }
    say_body_item(m, body, wanted);
    if (uid_last)
        model_say(m, " UID %u", (unsigned)message->uid);
    model_say(m, ")\r\n");
}

/* A body that does not come as it should. */
static void say_body_wrongly(struct model_imap *m, const char *tag,
                             size_t index, const struct wanted *wanted)
{
    const struct model_message *message = &m->box->messages[index];
    struct span body = wanted_part(message, wanted);
    unsigned uid = (unsigned)message->uid;

    m->faults++;
    switch (ROLL(m, 8)) {
    case 0:
        model_tagged(m, tag, "OK but nothing");
        return;
    case 1:
        model_say(m, "* 1 FETCH (UID %u BODY[] NIL)\r\n", uid);
        model_tagged(m, tag, "OK nil");
        return;
    case 2:
        model_say(m, "* 1 FETCH (UID %u BODY[] \"\")\r\n", uid);
        model_tagged(m, tag, "OK empty");
        return;
    case 3:
        say_body(m, index, wanted);
        model_tagged(m, tag, "NO after all");
        return;
    case 4: /* another one's body, under its own name */
        say_body(m, ROLL(m, m->box->count), wanted);
        model_tagged(m, tag, "OK that one");
        return;
    case 5:
        model_tagged(m, tag, "NO Some messages could not be FETCHed");
        return;
    default:
        break;
    }
    model_say(m, "* 1 FETCH (UID %u BODY[] {%zu}\r\n", uid, body.len);
    model_say_octets(m, body.data, body.len / 2);
    if (ROLL(m, 2) == 0)
        m->silent = true;
    else
        m->cut = true;
}

/* Dovecot, when it had to wait for its client. */
static void be_late(struct model_imap *m, const char *tag)
{
    bool fault = model_chance(m, m->traits->fault);

    m->faults += fault;
    if (ROLL(m, 4) == 0)
        model_say_late(m);
    buf_append_string(&m->late, tag);
    buf_append_string(&m->late, fault ? " NO after all\r\n" : " OK late\r\n");
}

/* RFC 9051 §5.5 says nothing about the order within a set. */
static void fetch_body(struct model_imap *m, const char *tag, const char *set,
                       const struct wanted *wanted)
{
    bool downwards = model_chance(m, m->traits->reorder);
    bool failed = false;

    for (size_t k = 0; k < m->box->count; k++) {
        size_t i = downwards ? m->box->count - 1 - k : k;
        struct model_message *message = &m->box->messages[i];

        if (message->gone || !model_set_has(m, set, message->uid))
            continue;
        message->body_asked = true;
        m->bodies += !wanted->window;
        if (message->unreadable) {
            m->faults++;
            failed = ROLL(m, 2) == 0;
            continue;
        }
        if (model_chance(m, m->traits->fault)) {
            say_body_wrongly(m, tag, i, wanted);
            return;
        }
        say_body(m, i, wanted);
    }
    if (model_chance(m, m->traits->unasked))
        model_say_unasked(m);
    if (model_next_is_body(m) && model_chance(m, m->traits->overtake))
        be_late(m, tag);
    else
        model_tagged(m, tag, failed ? "NO not all of them" : "OK done");
}

static void parse_window(const char *items, struct wanted *wanted)
{
    const char *window = strchr(items, '<');
    char *end;

    if (window == NULL)
        return;
    wanted->window = true;
    wanted->offset = strtoull(window + 1, &end, 10);
    wanted->length = strtoull(end + 1, NULL, 10);
}

/* ` (UID FLAGS RFC822.SIZE)`, and perhaps ` (CHANGEDSINCE n)`. */
static bool parse_listing(struct model_imap *m, const char *items,
                          struct wanted *wanted)
{
    static const char listing[] = " (UID FLAGS RFC822.SIZE)";
    static const char since[] = " (CHANGEDSINCE ";
    char *end;

    if (strncmp(items, listing, strlen(listing)) != 0)
        return false;
    items += strlen(listing);
    wanted->what = MODEL_FETCH_LISTING;
    if (*items == '\0')
        return true;
    if (strncmp(items, since, strlen(since)) != 0)
        return false;
    wanted->changed_since = strtoull(items + strlen(since), &end, 10);
    if (!m->condstore || m->traits->nomodseq || wanted->changed_since == 0 ||
        wanted->changed_since > m->box->modseq)
        model_violation(m, "CHANGEDSINCE of what was never told");
    return strcmp(end, ")") == 0;
}

/* All that is listed counts from here on; or what is new and changed does. */
static void note_listing(struct model_imap *m, const char *set,
                         const struct wanted *wanted)
{
    if (wanted->what != MODEL_FETCH_LISTING)
        return;
    m->opened[m->at].asked_for_parts += wanted->changed_since == 0;
    if (strncmp(set, "1:* ", 4) == 0) {
        m->opened[m->at].listed_count = 0;
        m->opened[m->at].asked_for_all = true;
    } else if (!m->opened[m->at].asked_for_all) {
        m->opened[m->at].asked_for_changes = true;
    }
}

void model_fetch(struct model_imap *m, const char *tag, const char *arguments)
{
    const char *items = strchr(arguments, ' ');
    struct wanted wanted = { .what = MODEL_FETCH_BODY };

    if (items == NULL) {
        model_violation(m, "FETCH of nothing");
        return;
    }
    if (parse_listing(m, items, &wanted))
        note_listing(m, arguments, &wanted);
    else if (strcmp(items, " (UID FLAGS)") == 0)
        wanted.what = MODEL_FETCH_FLAGS;
    else if (strncmp(items, " (UID BODY.PEEK[]", 17) != 0)
        model_violation(m, "FETCH of something else");
    if (wanted.what != MODEL_FETCH_BODY) {
        fetch_listing(m, tag, arguments, &wanted);
        return;
    }
    parse_window(items, &wanted);
    fetch_body(m, tag, arguments, &wanted);
}
