/* The model server's two streams: reading commands as they are put out,
 * carrying them out when they have arrived.
 */
#include "support/model_imap.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

#define OUT_MAX (64 * 1024 * 1024)

void model_imap_open(struct model_imap *m, struct model_mailbox *box,
                     const struct model_traits *traits, struct random_source *r,
                     bool tls)
{
    struct model_imap old = *m;

    if (old.queue == NULL) {
        old.queue = malloc(MODEL_QUEUE_MAX * sizeof(*old.queue));
        old.events = malloc(MODEL_EVENTS_MAX * sizeof(*old.events));
        assert(old.queue != NULL && old.events != NULL);
    }
    *m = (struct model_imap){
        .random = r,
        .boxes = { box },
        .box = box,
        .traits = traits,
        .trusted = tls,
        .queue = old.queue,
        .events = old.events,
    };
    for (unsigned i = 0; i < MODEL_BOXES_MAX; i++)
        m->opened[i] = (struct model_opened){
            .listed = old.opened[i].listed,
            .listed_capacity = old.opened[i].listed_capacity,
            .viewed = old.opened[i].viewed,
            .viewed_capacity = old.opened[i].viewed_capacity,
        };
    buf_init(&m->out, OUT_MAX);
    buf_init(&m->late, MODEL_QUEUE_MAX * MODEL_COMMAND_MAX);
    model_imap_run(m, NULL); /* the greeting */
}

void model_imap_add_box(struct model_imap *m, struct model_mailbox *box)
{
    m->boxes[1] = box;
}

void model_imap_close(struct model_imap *m)
{
    buf_fini(&m->out);
    buf_fini(&m->late);
}

void model_imap_fini(struct model_imap *m)
{
    for (unsigned i = 0; i < MODEL_BOXES_MAX; i++) {
        free(m->opened[i].listed);
        free(m->opened[i].viewed);
    }
    free(m->queue);
    free(m->events);
    *m = (struct model_imap){ 0 };
}

bool model_chance(struct model_imap *m, unsigned permille)
{
    return permille > 0 && random_below(m->random, 1000) < permille;
}

void model_violation(struct model_imap *m, const char *what)
{
    if (m->violation == NULL)
        m->violation = what;
}

void model_say_octets(struct model_imap *m, const void *octets, size_t len)
{
    bool room = buf_append(&m->out, span_make(octets, len));

    assert(room);
    (void)room;
    m->written += len;
}

void model_say(struct model_imap *m, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    int len;

    va_start(arguments, format);
    len = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    assert(len >= 0 && (size_t)len < sizeof(text));
    model_say_octets(m, text, (size_t)len);
}

void model_event(struct model_imap *m, enum model_event_kind kind, size_t i)
{
    const struct model_message *message = &m->box->messages[i];
    size_t at = (m->events_head + m->events_count) % MODEL_EVENTS_MAX;

    assert(m->events_count < MODEL_EVENTS_MAX);
    m->events_count++;
    m->events[at] = (struct model_event){
        .kind = kind,
        .box = m->box,
        .message = i,
        .was_foreign = message->deleted && message->foreign,
        .unseen_flag = !m->searched || message->foreign_at > m->searched_at,
    };
}

bool model_imap_next_event(struct model_imap *m, struct model_event *event)
{
    if (m->events_count == 0)
        return false;
    *event = m->events[m->events_head];
    m->events_head = (m->events_head + 1) % MODEL_EVENTS_MAX;
    m->events_count--;
    return true;
}

/* --- Reading --- */

static bool is_body_fetch(const struct model_command *c)
{
    return strstr(c->text, "BODY.PEEK[") != NULL;
}

/* Informational: nobody need wait for its answer. */
static bool is_id(const struct model_command *c)
{
    return strstr(c->text, " ID (") != NULL;
}

/* Octets of our stream that the client has. */
static uint64_t read_by_client(const struct model_imap *m)
{
    return m->written - buf_length(&m->out);
}

/* RFC 9051 §5.5, and CONFORMANCE IMAP-24: all but body fetches run alone, and
 * behind ID.
 */
static void check_overlap(struct model_imap *m, const struct model_command *c)
{
    bool others = m->waiting_other > 0 || read_by_client(m) < m->answered_other;
    bool any = m->queue_count > m->waiting_id || (m->silent && !m->rested) ||
               read_by_client(m) < m->answered_at;

    if (strstr(c->text, " LOGOUT") != NULL)
        return;
    if (is_body_fetch(c) ? others : any)
        model_violation(m, "a command before the answer to the last");
}

static void check_tag(struct model_imap *m, const struct model_command *c)
{
    char *end;
    unsigned long tag;

    if (c->text[0] != 'A') {
        model_violation(m, "a tag that is not A and a number");
        return;
    }
    tag = strtoul(c->text + 1, &end, 10);
    if (*end != ' ' || tag <= m->last_tag)
        model_violation(m, "a tag that was used before");
    m->last_tag = (uint32_t)tag;
}

static bool is_change(const struct model_command *c)
{
    return strstr(c->text, " UID STORE ") != NULL ||
           strstr(c->text, "EXPUNGE") != NULL;
}

/* Once the client knows that the UIDs mean something else (DEC-15), or is to
 * change nothing more.
 */
static void check_change(struct model_imap *m, const struct model_command *c)
{
    if (!is_change(c))
        return;
    if (m->frozen)
        model_violation(m, "a change after all was to stay");
    if (m->revalidated && m->revalidated_at <= read_by_client(m))
        model_violation(m, "a change after UIDVALIDITY changed");
}

static void enqueue(struct model_imap *m, enum model_part part)
{
    struct model_command *to;

    if (m->queue_count == MODEL_QUEUE_MAX) {
        model_violation(m, "too many commands at once");
        return;
    }
    to = &m->queue[(m->queue_head + m->queue_count) % MODEL_QUEUE_MAX];
    m->queue_count++;
    to->part = part;
    to->arrives_at = m->produced;
    to->len = m->open.len;
    memcpy(to->text, m->open.text, m->open.len + 1);
    if (is_id(to))
        m->waiting_id++;
    else if (!is_body_fetch(to))
        m->waiting_other++;
}

/* The size of a literal that the line ends with, or -1. */
static long literal_at_end(const struct model_command *c, bool *waits)
{
    size_t i = c->len;
    char *end;
    long size;

    if (i < 3 || c->text[i - 1] != '}')
        return -1;
    while (i > 0 && c->text[i - 1] != '{')
        i--;
    if (i == 0 || i <= c->literal_end)
        return -1;
    size = strtol(c->text + i, &end, 10);
    *waits = *end != '+';
    return size;
}

/* AUTHENTICATE without an initial response: a challenge will follow. */
static bool wants_challenge(const struct model_command *c)
{
    const char *name = strstr(c->text, " AUTHENTICATE ");

    return name != NULL && strchr(name + strlen(" AUTHENTICATE "), ' ') == NULL;
}

static void line_is_complete(struct model_imap *m)
{
    bool waits = false;
    long literal = literal_at_end(&m->open, &waits);

    m->open.text[m->open.len] = '\0';
    if (m->open.len > IMAP_COMMAND_MAX &&
        strstr(m->open.text, "AUTHENTICATE") == NULL)
        model_violation(m, "a command line of more than 1000 octets");
    if (literal >= 0) {
        if (!waits && !m->traits->literal_plus)
            model_violation(m, "a literal that should have waited for `+`");
        m->literal_left = (uint64_t)literal;
        m->open.literal_end = m->open.len + (size_t)literal;
        m->mode = waits ? MODEL_BLOCKED : MODEL_READ_LITERAL;
        if (waits)
            enqueue(m, MODEL_PART_LITERAL);
        return;
    }
    check_tag(m, &m->open);
    check_overlap(m, &m->open);
    check_change(m, &m->open);
    enqueue(m, MODEL_PART_COMMAND);
    if (wants_challenge(&m->open) || strstr(m->open.text, " STARTTLS") != NULL)
        m->mode = MODEL_BLOCKED;
    m->open.len = m->open.literal_end = 0;
}

static void sasl_is_complete(struct model_imap *m)
{
    m->open.text[m->open.len] = '\0';
    enqueue(m, MODEL_PART_SASL);
    m->open.len = m->open.literal_end = 0;
    m->mode = MODEL_READ_LINE;
}

static void read_octet(struct model_imap *m, unsigned char octet)
{
    if (m->mode == MODEL_BLOCKED) {
        model_violation(m, "octets before the answer that they depend on");
        return;
    }
    if (m->open.len + 1 >= MODEL_COMMAND_MAX) {
        model_violation(m, "a command without end");
        return;
    }
    if (m->mode == MODEL_READ_LITERAL) {
        m->open.text[m->open.len++] = (char)octet;
        m->literal_left--;
        if (m->literal_left == 0)
            m->mode = MODEL_READ_LINE;
        return;
    }
    if (octet == '\0')
        model_violation(m, "a NUL in a command");
    if (octet != '\n') {
        m->open.text[m->open.len++] = (char)octet;
        return;
    }
    if (m->open.len == 0 || m->open.text[m->open.len - 1] != '\r') {
        model_violation(m, "a line that does not end with CRLF");
        return;
    }
    m->open.len--;
    if (m->mode == MODEL_READ_SASL)
        sasl_is_complete(m);
    else
        line_is_complete(m);
}

void model_imap_produced(struct model_imap *m, struct span octets)
{
    for (size_t i = 0; i < octets.len; i++) {
        m->produced++;
        read_octet(m, octets.data[i]);
    }
}

void model_imap_arrived(struct model_imap *m, size_t n)
{
    m->arrived += n;
    assert(m->arrived <= m->produced);
}

/* --- Carrying out --- */

bool model_imap_is_busy(const struct model_imap *m)
{
    return !m->silent && !m->closing && !m->cut && m->queue_count > 0 &&
           m->queue[m->queue_head].arrives_at <= m->arrived;
}

static const struct model_command *second(const struct model_imap *m)
{
    return &m->queue[(m->queue_head + 1) % MODEL_QUEUE_MAX];
}

bool model_next_is_body(const struct model_imap *m)
{
    return m->queue_count > 1 && second(m)->arrives_at <= m->arrived &&
           is_body_fetch(second(m));
}

/* RFC 9051 §5.5: where neither changes the meaning of the other. */
static void reorder(struct model_imap *m)
{
    struct model_command *first = &m->queue[m->queue_head];
    struct model_command *next =
        &m->queue[(m->queue_head + 1) % MODEL_QUEUE_MAX];
    struct model_command kept = *first;

    if (!is_body_fetch(first) || !model_next_is_body(m) ||
        !model_chance(m, m->traits->reorder))
        return;
    *first = *next;
    *next = kept;
    first->arrives_at = kept.arrives_at;
}

bool model_imap_act(struct model_imap *m)
{
    struct model_command *c;
    bool body;
    bool id;

    if (!model_imap_is_busy(m))
        return false;
    reorder(m);
    c = &m->queue[m->queue_head];
    body = is_body_fetch(c);
    id = is_id(c);
    m->waiting_id -= id;
    m->waiting_other -= !body && !id;
    model_imap_run(m, c);
    m->queue_head = (m->queue_head + 1) % MODEL_QUEUE_MAX;
    m->queue_count--;
    if (id)
        return true;
    if (!body)
        m->answered_other = m->written;
    m->answered_at = m->written;
    return true;
}

bool model_imap_is_at_rest(const struct model_imap *m)
{
    return m->mode == MODEL_READ_LINE && m->queue_count == 0 &&
           m->produced == m->arrived;
}

/* What the test wants to know is about one session. */
void model_imap_take_up(struct model_imap *m)
{
    m->rested = true;
    m->frozen = false;
    m->faults = 0;
    m->logins_refused = 0;
    m->in_use = false;
    m->listing_disturbed = false;
    m->revalidated = false;
    for (unsigned i = 0; i < MODEL_BOXES_MAX; i++)
        m->opened[i].listed_count = 0;
    m->events_count = 0;
}

void model_imap_tls_up(struct model_imap *m)
{
    m->trusted = true;
    m->mode = MODEL_READ_LINE;
}

void model_imap_announce_change(struct model_imap *m)
{
    if (!m->selected || m->silent || m->closing)
        return;
    model_say(m, "* OK [UIDVALIDITY %u] changed\r\n",
              (unsigned)(m->box->uidvalidity % UINT32_MAX + 1));
    m->revalidated = true;
    m->revalidated_at = m->written;
}
