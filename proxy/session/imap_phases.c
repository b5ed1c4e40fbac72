/* imap_phases.c - from the greeting to the selected mailbox. */
#include "session/imap_phases.h"

#include <assert.h>

#include "base/limits.h"
#include "imap/command.h"
#include "imap/mailbox_name.h"
#include "session/imap_login.h"
#include "session/imap_scram.h"
#include "session/quirks.h"

static const struct imap_session_event nothing = { .kind = IMAP_SESSION_MORE };

static struct imap_session_event happened(enum imap_session_event_kind kind)
{
    return (struct imap_session_event){ .kind = kind };
}

uint32_t imap_phase_next_tag(struct imap_session *s)
{
    s->awaited = s->awaited << 1 | 1;
    s->unasked_octets = 0;
    return ++s->tag;
}

/* All but the fetching of bodies runs alone. */
static uint32_t next_tag(struct imap_session *s)
{
    assert(!imap_session_is_awaiting(s));
    return imap_phase_next_tag(s);
}

/* --- what is sent on entering a state --- */

static void ask_capability(struct imap_session *s)
{
    s->capabilities.bits = 0;
    s->collecting = true;
    imap_write_simple(&s->out, next_tag(s), "CAPABILITY");
}

/* It is informational, refused or not (RFC 2971 §3): what follows need not wait
 * for its answer, which would cost a round trip.
 */
static void send_id(struct imap_session *s)
{
    struct span address = { NULL, 0 };

    if (s->policy->forward_client_address)
        address = s->client_address;
    s->id_tag = next_tag(s);
    s->id_said = true;
    s->awaited = 0;
    imap_write_id(&s->out, s->id_tag, s->policy->version, address);
}

/* Once, where it is wanted and understood. The client's address is to be told
 * before the login: only there does Dovecot heed it.
 */
static void offer_id(struct imap_session *s)
{
    if (s->policy->send_id && !s->id_said &&
        imap_capabilities_have(s->capabilities, IMAP_CAP_ID))
        send_id(s);
}

void imap_phase_forget_mailbox(struct imap_session *s)
{
    /* What the server leaves out: no lasting UIDs without UIDVALIDITY, all
     * flags permanent without PERMANENTFLAGS (RFC 9051 §6.3.2).
     */
    s->mailbox = (struct imap_mailbox){ .uids_last = true,
                                        .keeps_deleted = true,
                                        .keeps_seen = true,
                                        .keeps_keyword = true };
}

bool imap_phase_has_condstore(const struct imap_session *s)
{
    return imap_capabilities_have(s->capabilities, IMAP_CAP_CONDSTORE) &&
           !s->condstore_refused;
}

static void send_select(struct imap_session *s)
{
    imap_phase_forget_mailbox(s);
    imap_write_select(&s->out, next_tag(s), s->mailbox_name, s->examine_only,
                      imap_phase_has_condstore(s), s->capabilities);
}

void imap_phase_enter(struct imap_session *s, enum imap_state next)
{
    assert(s->state != IMAP_DEAD);
    s->state = next;
    switch (next) {
    case IMAP_CAPABILITY_FIRST:
    case IMAP_CAPABILITY_TLS:
    case IMAP_CAPABILITY_LOGIN:
        ask_capability(s);
        break;
    case IMAP_STARTTLS:
        imap_write_simple(&s->out, next_tag(s), "STARTTLS");
        break;
    case IMAP_AUTHENTICATE:
    case IMAP_LOGIN:
        imap_login_send(s, next_tag(s));
        break;
    case IMAP_SELECT:
        send_select(s);
        break;
    case IMAP_LOGOUT:
        imap_write_simple(&s->out, next_tag(s), "LOGOUT");
        break;
    case IMAP_GREETING:
    case IMAP_HANDSHAKE:
    case IMAP_NOT_AUTHENTICATED:
    case IMAP_AUTHENTICATED:
    case IMAP_SELECTED:
    case IMAP_DEAD:
    case IMAP_STATE_COUNT:
        break;
    }
}

struct imap_session_event imap_phase_fail(struct imap_session *s,
                                          enum fault fault,
                                          const struct imap_event *ev)
{
    struct imap_session_event result = { .kind = IMAP_SESSION_FAILED,
                                         .fault = fault };

    if (ev != NULL) {
        result.item = *ev;
        result.noteworthy = true;
    }
    if (s->state != IMAP_DEAD)
        imap_phase_enter(s, IMAP_DEAD);
    s->awaited = 0;
    credentials_wipe(&s->credentials);
    return result;
}

/* The server said no, and the connection is as good as before. */
static struct imap_session_event refuse(struct imap_session *s,
                                        enum imap_state back, enum fault fault,
                                        const struct imap_event *ev)
{
    imap_phase_enter(s, back);
    /* CLIENTBUG is counted as the code that it is. */
    s->rejects +=
        fault == FAULT_UPSTREAM_REJECTED && ev->code != IMAP_CODE_CLIENTBUG;
    return (struct imap_session_event){ .kind = IMAP_SESSION_FAILED,
                                        .fault = fault,
                                        .item = *ev };
}

/* --- what is known before a login --- */

static struct imap_session_event ready_for_login(struct imap_session *s)
{
    imap_phase_enter(s, IMAP_NOT_AUTHENTICATED);
    return happened(IMAP_SESSION_READY);
}

static struct imap_session_event judge_capabilities(struct imap_session *s)
{
    struct imap_capabilities c = imap_capabilities_complete(s->capabilities);

    s->capabilities = c;
    s->collecting = false;
    if ((!imap_capabilities_have(c, IMAP_CAP_IMAP4REV1) &&
         !imap_capabilities_have(c, IMAP_CAP_IMAP4REV2)) ||
        imap_capabilities_have(c, IMAP_CAP_UTF8_ONLY))
        return imap_phase_fail(s, FAULT_UPSTREAM_MISFIT, NULL);
    return nothing;
}

/* The capabilities of a connection without login are known. */
static struct imap_session_event on_capabilities(struct imap_session *s,
                                                 bool tls_wanted)
{
    struct imap_session_event result = judge_capabilities(s);

    if (result.kind != IMAP_SESSION_MORE)
        return result;
    if (!tls_wanted)
        return ready_for_login(s);
    if (!imap_capabilities_have(s->capabilities, IMAP_CAP_STARTTLS))
        return imap_phase_fail(s, FAULT_UPSTREAM_MISFIT, NULL);
    imap_phase_enter(s, IMAP_STARTTLS);
    return nothing;
}

struct imap_session_event imap_phase_on_greeting(struct imap_session *s,
                                                 const struct imap_event *ev)
{
    bool tls_wanted = s->policy->tls == TLS_MODE_STARTTLS;

    switch (ev->condition) {
    case IMAP_OK:
        break;
    case IMAP_PREAUTH: /* the password would go unchecked: DEC-20 */
        return imap_phase_fail(s, FAULT_UPSTREAM_MISFIT, ev);
    case IMAP_BYE:
        return imap_phase_fail(s, FAULT_UPSTREAM_BYE, ev);
    case IMAP_NO:
    case IMAP_BAD:
    case IMAP_CONDITION_COUNT:
        return imap_phase_fail(s, FAULT_UPSTREAM_GARBLED, ev);
    }
    if (ev->code != IMAP_CODE_CAPABILITY) {
        imap_phase_enter(s, IMAP_CAPABILITY_FIRST);
        return nothing;
    }
    s->capabilities = ev->capabilities;
    return on_capabilities(s, tls_wanted);
}

/* --- logging in --- */

enum fault imap_session_log_in(struct imap_session *s,
                               const struct credentials *credentials)
{
    enum fault fault = imap_session_choose(s, credentials, &s->mechanism);

    assert(s->state == IMAP_NOT_AUTHENTICATED);
    if (fault != FAULT_NONE)
        return fault;
    if (!credentials_copy(&s->credentials, credentials))
        return FAULT_NO_MEMORY;
    if (s->policy->forward_client_address)
        offer_id(s);
    imap_phase_enter(s, s->mechanism == IMAP_MECHANISM_LOGIN
                            ? IMAP_LOGIN
                            : IMAP_AUTHENTICATE);
    return FAULT_NONE;
}

/* --- what a NO means --- */

/* CONFORMANCE MAP-1 to MAP-4, MAP-6, MAP-7. A code that is not here leaves the
 * usual meaning: wrong credentials (RFC 5530 §3), a mailbox that is busy.
 */
static const struct {
    enum imap_code code;
    enum fault at_login;
    enum fault at_select;
} refusals[] = {
    { IMAP_CODE_UNAVAILABLE, FAULT_UPSTREAM_BUSY, FAULT_MAILBOX_BUSY },
    { IMAP_CODE_LIMIT, FAULT_UPSTREAM_BUSY, FAULT_MAILBOX_BUSY },
    { IMAP_CODE_SERVERBUG, FAULT_UPSTREAM_BUSY, FAULT_MAILBOX_BUSY },
    { IMAP_CODE_OVERQUOTA, FAULT_UPSTREAM_BUSY, FAULT_MAILBOX_BUSY },
    { IMAP_CODE_INUSE, FAULT_UPSTREAM_BUSY, FAULT_IN_USE },
    { IMAP_CODE_CONTACTADMIN, FAULT_ACCOUNT, FAULT_MAILBOX_BUSY },
    { IMAP_CODE_NOPERM, FAULT_ACCOUNT, FAULT_MAILBOX_REFUSED },
    { IMAP_CODE_NONEXISTENT, FAULT_ACCOUNT, FAULT_MAILBOX_REFUSED },
    { IMAP_CODE_CORRUPTION, FAULT_ACCOUNT, FAULT_MAILBOX_REFUSED },
    /* UTF8=ONLY: RFC 9755 §3 */
    { IMAP_CODE_CANNOT, FAULT_UPSTREAM_NO_LOGIN, FAULT_MAILBOX_REFUSED },
    { IMAP_CODE_PRIVACYREQUIRED, FAULT_UPSTREAM_NO_LOGIN, FAULT_MAILBOX_BUSY },
    { IMAP_CODE_CLIENTBUG, FAULT_UPSTREAM_REJECTED, FAULT_UPSTREAM_REJECTED },
};

static enum fault fault_of_no(const struct imap_event *ev, bool at_login)
{
    struct quirk quirk;

    if (quirk_find(ev->condition, ev->code, ev->text, &quirk))
        return quirk.fault;
    if (ev->condition == IMAP_BAD)
        return FAULT_UPSTREAM_REJECTED;
    for (size_t i = 0; i < ARRAY_LENGTH(refusals); i++)
        if (refusals[i].code == ev->code)
            return at_login ? refusals[i].at_login : refusals[i].at_select;
    return at_login ? FAULT_CREDENTIALS : FAULT_MAILBOX_BUSY;
}

/* Authenticated, and its capabilities are known. */
static struct imap_session_event after_login(struct imap_session *s)
{
    struct imap_session_event result = judge_capabilities(s);

    if (result.kind != IMAP_SESSION_MORE)
        return result;
    offer_id(s);
    imap_phase_enter(s, IMAP_AUTHENTICATED);
    return happened(IMAP_SESSION_LOGGED_IN);
}

static bool is_token(const struct imap_session *s)
{
    return s->mechanism == IMAP_MECHANISM_OAUTHBEARER ||
           s->mechanism == IMAP_MECHANISM_XOAUTH2;
}

/* A token that was good a while ago can be had anew; a password cannot. */
static enum fault fault_of_login(const struct imap_session *s,
                                 const struct imap_event *ev)
{
    enum fault fault = fault_of_no(ev, true);

    return fault == FAULT_CREDENTIALS && is_token(s) ? FAULT_TOKEN_REFUSED
                                                     : fault;
}

static struct imap_session_event on_login_answer(struct imap_session *s,
                                                 const struct imap_event *ev)
{
    enum fault fault =
        ev->condition == IMAP_OK ? FAULT_NONE : fault_of_login(s, ev);

    credentials_wipe(&s->credentials);
    if (s->scram != NULL)
        fault = imap_scram_end(s, fault);
    else if (s->cancelled)
        return imap_phase_fail(s, FAULT_UPSTREAM_GARBLED, ev);
    if (fault != FAULT_NONE)
        return refuse(s, IMAP_NOT_AUTHENTICATED, fault, ev);
    /* General rule 6: ask again unless the answer says. */
    if (ev->code != IMAP_CODE_CAPABILITY) {
        imap_phase_enter(s, IMAP_CAPABILITY_LOGIN);
        return nothing;
    }
    s->capabilities = ev->capabilities;
    return after_login(s);
}

struct imap_session_event imap_phase_on_continue(struct imap_session *s,
                                                 const struct imap_event *ev)
{
    if ((s->state == IMAP_AUTHENTICATE || s->state == IMAP_LOGIN) &&
        imap_session_is_awaiting(s))
        return imap_login_on_continue(s, ev);
    /* A bare `+` elsewhere is a known noise: ignored. */
    return nothing;
}

/* --- opening the mailbox --- */

/* It may be the parameter that the server cannot bear, though it offers it. */
static struct imap_session_event select_plainly(struct imap_session *s)
{
    s->condstore_refused = true;
    imap_phase_enter(s, IMAP_SELECT);
    return nothing;
}

/* INBOX is always there; another that a server will not open, without a word
 * why, is in all likelihood not (Dovecot, Courier).
 */
static enum fault fault_of_select(const struct imap_session *s,
                                  const struct imap_event *ev)
{
    enum fault fault = fault_of_no(ev, false);

    return fault == FAULT_MAILBOX_BUSY && ev->code == IMAP_CODE_NONE &&
                   !imap_mailbox_name_is_inbox(s->mailbox_name)
               ? FAULT_MAILBOX_REFUSED
               : fault;
}

static struct imap_session_event on_select_answer(struct imap_session *s,
                                                  const struct imap_event *ev)
{
    enum fault fault;

    if (ev->condition != IMAP_OK) {
        fault = fault_of_select(s, ev);
        if (fault == FAULT_UPSTREAM_REJECTED && imap_phase_has_condstore(s))
            return select_plainly(s);
        return refuse(s, IMAP_AUTHENTICATED, fault, ev);
    }
    s->mailbox.exists_at_select = s->mailbox.exists;
    imap_phase_enter(s, IMAP_SELECTED);
    return happened(IMAP_SESSION_SELECTED);
}

/* --- what a tagged response means --- */

static struct imap_session_event on_starttls_answer(struct imap_session *s,
                                                    const struct imap_event *ev,
                                                    bool clean)
{
    if (ev->condition != IMAP_OK)
        return imap_phase_fail(s, FAULT_UPSTREAM_MISFIT, ev);
    /* Clear text behind the OK is an injection (RFC 9051 §11.3). */
    if (!clean)
        return imap_phase_fail(s, FAULT_UPSTREAM_UNTRUSTED, NULL);
    s->capabilities.bits = 0;
    imap_phase_enter(s, IMAP_HANDSHAKE);
    return happened(IMAP_SESSION_START_TLS);
}

struct imap_session_event imap_phase_on_tagged(struct imap_session *s,
                                               const struct imap_event *ev,
                                               bool clean)
{
    bool ok = ev->condition == IMAP_OK;

    switch (s->state) {
    case IMAP_CAPABILITY_FIRST:
        if (!ok)
            return imap_phase_fail(s, FAULT_UPSTREAM_MISFIT, ev);
        return on_capabilities(s, s->policy->tls == TLS_MODE_STARTTLS);
    case IMAP_STARTTLS:
        return on_starttls_answer(s, ev, clean);
    case IMAP_CAPABILITY_TLS:
        if (!ok)
            return imap_phase_fail(s, FAULT_UPSTREAM_MISFIT, ev);
        return on_capabilities(s, false);
    case IMAP_AUTHENTICATE:
    case IMAP_LOGIN:
        return on_login_answer(s, ev);
    case IMAP_CAPABILITY_LOGIN:
        if (!ok)
            return imap_phase_fail(s, FAULT_UPSTREAM_MISFIT, ev);
        return after_login(s);
    case IMAP_SELECT:
        return on_select_answer(s, ev);
    case IMAP_LOGOUT:
        imap_phase_enter(s, IMAP_DEAD);
        return happened(IMAP_SESSION_LOGGED_OUT);
    case IMAP_GREETING:
    case IMAP_HANDSHAKE:
    case IMAP_NOT_AUTHENTICATED:
    case IMAP_AUTHENTICATED:
    case IMAP_SELECTED:
    case IMAP_DEAD:
    case IMAP_STATE_COUNT:
        break;
    }
    return imap_phase_fail(s, FAULT_UPSTREAM_GARBLED, ev);
}
