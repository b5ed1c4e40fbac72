/* imap_session.c - responses in, session events out. */
#include "session/imap_session.h"

#include <assert.h>

#include "base/limits.h"
#include "imap/command.h"
#include "session/imap_phases.h"
#include "session/quirks.h"

static const struct imap_session_event nothing = { .kind = IMAP_SESSION_MORE };

bool imap_session_init(struct imap_session *s,
                       const struct upstream_policy *policy,
                       struct server_name server, struct span client_address)
{
    *s = (struct imap_session){ .policy = policy,
                                .server = server,
                                .state = IMAP_GREETING,
                                .client_address = client_address };
    buf_init(&s->out, UPSTREAM_OUTPUT_MAX);
    buf_init(&s->challenge, IMAP_TEXT_MAX);
    credentials_init(&s->credentials);
    s->parser = imap_parser_new();
    return s->parser != NULL;
}

void imap_session_fini(struct imap_session *s)
{
    imap_parser_free(s->parser);
    s->parser = NULL;
    buf_fini(&s->out);
    buf_fini(&s->challenge);
    scram_free(s->scram);
    s->scram = NULL;
    credentials_wipe(&s->credentials);
}

/* Of |awaited|; 0 where |tag| is none of the last IMAP_PIPELINE_MAX. */
static uint64_t bit_of_tag(const struct imap_session *s, uint32_t tag)
{
    uint32_t age = s->tag - tag;

    return age < IMAP_PIPELINE_MAX ? UINT64_C(1) << age : 0;
}

bool imap_session_is_awaiting(const struct imap_session *s)
{
    return s->awaited != 0;
}

bool imap_session_awaits(const struct imap_session *s, uint32_t tag)
{
    return (s->awaited & bit_of_tag(s, tag)) != 0;
}

uint32_t imap_session_oldest_tag(const struct imap_session *s)
{
    for (uint32_t age = IMAP_PIPELINE_MAX; age-- > 0;)
        if (s->awaited >> age & 1)
            return s->tag - age;
    return 0;
}

bool imap_session_is_at_rest(const struct imap_session *s)
{
    bool is_idle = s->state == IMAP_AUTHENTICATED || s->state == IMAP_SELECTED;

    return is_idle && s->awaited == 0 && s->id_tag == 0 &&
           !s->mailbox.changed && !s->input_is_left &&
           imap_parser_is_idle(s->parser) && buf_length(&s->out) == 0 &&
           !buf_failed(&s->out);
}

struct imap_parked imap_session_park(const struct imap_session *s)
{
    assert(imap_session_is_at_rest(s));
    return (struct imap_parked){ s->capabilities, s->tag,
                                 s->condstore_refused };
}

bool imap_session_take_up(struct imap_session *s,
                          const struct upstream_policy *policy,
                          struct span client_address,
                          const struct imap_parked *parked)
{
    const struct server_name not_asked = { NULL, 0 }; /* it is logged in */

    if (!imap_session_init(s, policy, not_asked, client_address))
        return false;
    s->state = IMAP_AUTHENTICATED;
    s->capabilities = parked->capabilities;
    s->tag = parked->tag;
    s->condstore_refused = parked->condstore_refused;
    return true;
}

static struct imap_session_event note_text(const struct imap_event *ev)
{
    return (struct imap_session_event){ .kind = IMAP_SESSION_TEXT,
                                        .noteworthy = true,
                                        .item = *ev };
}

static bool is_authenticated(const struct imap_session *s)
{
    return s->state >= IMAP_CAPABILITY_LOGIN && s->state <= IMAP_SELECTED;
}

/* Mailbox facts count from SELECT on: CONFORMANCE IMAP-8. */
static bool has_mailbox(const struct imap_session *s)
{
    return s->state == IMAP_SELECT || s->state == IMAP_SELECTED;
}

static void take_uidvalidity(struct imap_session *s, uint64_t value)
{
    if (value > UINT32_MAX)
        return;
    if (s->state == IMAP_SELECTED && value != s->mailbox.uidvalidity)
        s->mailbox.changed = true;
    else if (s->state == IMAP_SELECT)
        s->mailbox.uidvalidity = (uint32_t)value;
}

static void take_code(struct imap_session *s, const struct imap_event *ev)
{
    switch (ev->code) {
    case IMAP_CODE_UIDVALIDITY:
        if (has_mailbox(s))
            take_uidvalidity(s, ev->number);
        break;
    case IMAP_CODE_UIDNOTSTICKY:
        if (has_mailbox(s))
            s->mailbox.uids_last = false;
        break;
    case IMAP_CODE_PERMANENTFLAGS:
        if (!has_mailbox(s))
            break;
        s->mailbox.keeps_deleted = ev->flags & BIT(IMAP_FLAG_DELETED);
        s->mailbox.keeps_seen = ev->flags & BIT(IMAP_FLAG_SEEN);
        s->mailbox.keeps_keyword =
            ev->flags & (BIT(IMAP_FLAG_WATCHED) | BIT(IMAP_FLAG_ANY));
        break;
    case IMAP_CODE_READ_ONLY:
    case IMAP_CODE_READ_WRITE: /* the one behind SELECT has the last word */
        if (has_mailbox(s))
            s->mailbox.read_only = ev->code == IMAP_CODE_READ_ONLY;
        break;
    case IMAP_CODE_UIDNEXT:
        if (s->state == IMAP_SELECT)
            s->mailbox.uidnext = (uint32_t)ev->number;
        break;
    case IMAP_CODE_HIGHESTMODSEQ: /* kept up to date only if asked for */
        if (s->state == IMAP_SELECT && imap_phase_has_condstore(s))
            s->mailbox.highestmodseq = ev->number;
        break;
    case IMAP_CODE_NOMODSEQ:
        if (s->state == IMAP_SELECT)
            s->mailbox.highestmodseq = 0;
        break;
    case IMAP_CODE_CLOSED: /* so far it was about the one selected before */
        if (s->state == IMAP_SELECT)
            imap_phase_forget_mailbox(s);
        break;
    case IMAP_CODE_CLIENTBUG:
        s->rejects++;
        break;
    default:
        /* Of the many codes there are, no other changes what we know. */
        break;
    }
}

/* What the server wants a person to know, or we about our own mistakes. */
static bool is_noteworthy(const struct imap_event *ev)
{
    return ev->condition != IMAP_OK || ev->code == IMAP_CODE_ALERT ||
           ev->code == IMAP_CODE_CLIENTBUG || ev->code == IMAP_CODE_DOWNGRADED;
}

static struct imap_session_event on_untagged(struct imap_session *s,
                                             const struct imap_event *ev)
{
    if (s->state == IMAP_GREETING)
        return imap_phase_on_greeting(s, ev);
    if (ev->condition == IMAP_BYE && s->state != IMAP_LOGOUT)
        return imap_phase_fail(s, FAULT_UPSTREAM_BYE, ev);
    take_code(s, ev);
    /* It answers every LOGOUT: RFC 9051 §7.1.5. */
    if (ev->condition == IMAP_BYE && ev->code != IMAP_CODE_ALERT)
        return nothing;
    return is_noteworthy(ev) ? note_text(ev) : nothing;
}

/* A tagged response to a command on the mailbox. */
static struct imap_session_event on_completed(struct imap_session *s,
                                              const struct imap_event *ev)
{
    struct imap_session_event result = { .kind = IMAP_SESSION_COMPLETED,
                                         .item = *ev };
    struct quirk quirk;

    imap_session_note_progress(s);
    if (ev->condition == IMAP_OK)
        return result;
    if (quirk_find(ev->condition, ev->code, ev->text, &quirk)) {
        result.fault = quirk.fault;
        result.backoff_ms = quirk.backoff_ms;
    } else if (ev->condition == IMAP_BAD) {
        s->rejects++;
        result.fault = FAULT_UPSTREAM_REJECTED;
    } else {
        result.fault = FAULT_UPSTREAM_BUSY; /* whose NO it is decides */
    }
    return result;
}

static struct imap_session_event on_tagged(struct imap_session *s,
                                           const struct imap_event *ev,
                                           bool clean)
{
    struct imap_session_event result;

    if (s->id_tag != 0 && ev->tag == s->id_tag) {
        s->id_tag = 0;
        return is_noteworthy(ev) ? note_text(ev) : nothing;
    }
    if (!imap_session_awaits(s, ev->tag) || ev->condition > IMAP_BAD)
        return imap_phase_fail(s, FAULT_UPSTREAM_GARBLED, ev);
    take_code(s, ev);
    s->awaited &= ~bit_of_tag(s, ev->tag);
    result = s->state == IMAP_SELECTED ? on_completed(s, ev)
                                       : imap_phase_on_tagged(s, ev, clean);
    if (!is_noteworthy(ev))
        return result;
    if (result.kind == IMAP_SESSION_MORE)
        return note_text(ev);
    result.noteworthy = true;
    result.item = *ev;
    return result;
}

static struct imap_session_event on_noise(struct imap_session *s,
                                          const struct imap_event *ev)
{
    struct quirk quirk;

    if (quirk_find(IMAP_BAD, IMAP_CODE_NONE, ev->text, &quirk))
        return imap_phase_fail(s, quirk.fault, ev);
    s->noise_lines++;
    if (s->state == IMAP_GREETING || s->noise_lines > IMAP_NOISE_LINES_MAX)
        return imap_phase_fail(s, FAULT_UPSTREAM_GARBLED, ev);
    return note_text(ev);
}

static void on_exists(struct imap_session *s, uint64_t number)
{
    if (!has_mailbox(s) || number > UINT32_MAX)
        return;
    s->mailbox.exists_told = true;
    /* Once selected it never falls; EXPUNGE says so (CONFORMANCE IMAP-23). */
    if (s->state == IMAP_SELECT || number > s->mailbox.exists)
        s->mailbox.exists = (uint32_t)number;
}

/* Keywords that are in use are named there, whether we may set them or not. */
static void on_flags(struct imap_session *s, const struct imap_event *ev)
{
    if (has_mailbox(s))
        s->mailbox.knows_keyword = ev->flags & BIT(IMAP_FLAG_WATCHED);
}

static void on_expunge(struct imap_session *s)
{
    if (!has_mailbox(s) || s->mailbox.exists == 0)
        return;
    s->mailbox.exists--;
    s->mailbox.expunged = s->state == IMAP_SELECTED;
}

static void on_capability(struct imap_session *s, const struct imap_event *ev)
{
    /* Only in answer to our question: a list that was sent before TLS or
     * before the login is about another session.
     */
    if (s->collecting)
        s->capabilities.bits |= ev->capabilities.bits;
}

/* It has taken the password where it says so in the answer to a login, too. */
static void note_throttling(struct imap_session *s, const struct imap_event *ev)
{
    bool at_login = s->state == IMAP_AUTHENTICATE || s->state == IMAP_LOGIN;

    if (!quirk_is_throttling(ev->condition, ev->code, ev->text,
                             &s->throttle_ms))
        return;
    s->throttled = true;
    s->throttled_inside =
        is_authenticated(s) ||
        (at_login && ev->kind == IMAP_TAGGED && ev->condition == IMAP_OK);
}

static struct imap_session_event dispatch(struct imap_session *s,
                                          const struct imap_event *ev,
                                          bool clean)
{
    if (ev->kind == IMAP_TAGGED || ev->kind == IMAP_UNTAGGED)
        note_throttling(s, ev);
    switch (ev->kind) {
    case IMAP_TAGGED:
        return on_tagged(s, ev, clean);
    case IMAP_UNTAGGED:
        return on_untagged(s, ev);
    case IMAP_CONTINUE:
        return imap_phase_on_continue(s, ev);
    case IMAP_NOISE:
        return on_noise(s, ev);
    case IMAP_CAPABILITY:
        on_capability(s, ev);
        return nothing;
    case IMAP_EXISTS:
        on_exists(s, ev->number);
        return nothing;
    case IMAP_ID: /* once, since it is only told when asked: RFC 2971 §3 */
        if (s->id_tag == 0)
            return nothing;
        return (struct imap_session_event){ .kind = IMAP_SESSION_ID,
                                            .item = *ev };
    case IMAP_EXPUNGE:
        on_expunge(s);
        return nothing;
    case IMAP_FETCH:
    case IMAP_FETCH_UID:
    case IMAP_FETCH_SIZE:
    case IMAP_FETCH_GMAIL_ID:
    case IMAP_FETCH_FLAGS:
    case IMAP_BODY:
    case IMAP_BODY_DATA:
    case IMAP_BODY_END:
    case IMAP_FETCH_END:
    case IMAP_SEARCH_UIDS:
    case IMAP_SEARCH_END:
    case IMAP_COPIED_UIDS:
    case IMAP_LIST:
        if (s->state != IMAP_SELECTED)
            return nothing;
        return (struct imap_session_event){ .kind = IMAP_SESSION_ITEM,
                                            .item = *ev };
    case IMAP_FLAGS:
        on_flags(s, ev);
        return nothing;
    case IMAP_OTHER:
    case IMAP_EVENT_KIND_COUNT:
        return nothing;
    }
    return nothing;
}

static enum fault fault_of_status(enum imap_status status)
{
    return status == IMAP_ENOMEM ? FAULT_NO_MEMORY : FAULT_UPSTREAM_GARBLED;
}

struct imap_session_event imap_session_next(struct imap_session *s,
                                            struct span *in)
{
    struct imap_session_event result = nothing;
    struct imap_event ev;

    while (result.kind == IMAP_SESSION_MORE && s->state != IMAP_DEAD) {
        size_t before = in->len;
        enum imap_status status = imap_parser_next(s->parser, in, &ev);

        s->unasked_octets += before - in->len;
        s->input_is_left = in->len > 0;
        if (status < 0)
            return imap_phase_fail(s, fault_of_status(status), NULL);
        if (s->unasked_octets > IMAP_UNASKED_MAX)
            return imap_phase_fail(s, FAULT_UPSTREAM_GARBLED, NULL);
        if (status == IMAP_MORE)
            return nothing;
        if (s->state == IMAP_GREETING && ev.kind != IMAP_UNTAGGED)
            return imap_phase_fail(s, FAULT_UPSTREAM_GARBLED, &ev);
        result =
            dispatch(s, &ev, in->len == 0 && imap_parser_is_idle(s->parser));
    }
    return result;
}

void imap_session_tls_up(struct imap_session *s)
{
    assert(s->state == IMAP_HANDSHAKE);
    imap_phase_enter(s, IMAP_CAPABILITY_TLS);
}

void imap_session_watch(struct imap_session *s, const char *keyword)
{
    imap_parser_watch(s->parser, span_from_string(keyword));
}

void imap_session_select(struct imap_session *s, struct span mailbox,
                         bool read_only)
{
    assert(s->state == IMAP_AUTHENTICATED || s->state == IMAP_SELECTED);
    s->mailbox_name = mailbox;
    s->examine_only = read_only;
    imap_phase_enter(s, IMAP_SELECT);
}

uint32_t imap_session_begin(struct imap_session *s)
{
    assert(!imap_session_is_awaiting(s));
    return imap_session_begin_fetch(s);
}

bool imap_session_may_begin_fetch(const struct imap_session *s, unsigned spare)
{
    return s->awaited >> (IMAP_PIPELINE_MAX - 1 - spare) == 0;
}

uint32_t imap_session_begin_fetch(struct imap_session *s)
{
    assert(s->state == IMAP_SELECTED && imap_session_may_begin_fetch(s, 0));
    return imap_phase_next_tag(s);
}

void imap_session_note_progress(struct imap_session *s)
{
    s->unasked_octets = 0;
    s->progressed = true;
}

bool imap_session_take_progress(struct imap_session *s)
{
    bool progressed = s->progressed;

    s->progressed = false;
    return progressed;
}

bool imap_session_take_throttling(struct imap_session *s, uint64_t *pause_ms,
                                  bool *inside)
{
    if (!s->throttled)
        return false;
    s->throttled = false;
    *pause_ms = s->throttle_ms;
    *inside = s->throttled_inside;
    return true;
}

bool imap_session_log_out(struct imap_session *s)
{
    /* Not in the middle of an exchange: an answer would be misread. */
    if (s->state == IMAP_DEAD || s->state == IMAP_GREETING ||
        s->state == IMAP_HANDSHAKE || imap_session_is_awaiting(s))
        return false;
    imap_phase_enter(s, IMAP_LOGOUT);
    return true;
}

bool imap_session_has_uidplus(const struct imap_session *s)
{
    assert(is_authenticated(s));
    return imap_capabilities_have(s->capabilities, IMAP_CAP_UIDPLUS);
}

bool imap_session_can_move(const struct imap_session *s)
{
    assert(is_authenticated(s));
    return imap_capabilities_have(s->capabilities, IMAP_CAP_MOVE);
}
