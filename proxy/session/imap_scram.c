/* imap_scram.c - see imap_scram.h. */
#include "session/imap_scram.h"

#include <assert.h>

#include "base/base64.h"
#include "base/limits.h"
#include "imap/command.h"
#include "session/imap_login.h"

static const struct imap_session_event nothing = { .kind = IMAP_SESSION_MORE };

static enum scram_binding binding_of(const struct imap_session *s)
{
    if (s->mechanism == IMAP_MECHANISM_SCRAM_PLUS)
        return SCRAM_BOUND;
    /* Where it is offered, and not wanted here, `y` would call it a lie. */
    return imap_login_can_bind(s) &&
                   !imap_capabilities_have(s->capabilities,
                                           IMAP_CAP_AUTH_SCRAM_PLUS)
               ? SCRAM_BINDABLE
               : SCRAM_UNBOUND;
}

bool imap_scram_begin(struct imap_session *s, struct buf *message)
{
    assert(s->scram == NULL);
    s->scram = scram_begin(s->channel, binding_of(s), &s->credentials, message);
    s->scram_stage = IMAP_SCRAM_BEGUN;
    s->scram_fault = FAULT_CREDENTIALS;
    s->channel = NULL; /* its nonce is used up */
    return s->scram != NULL;
}

static struct imap_session_event note(enum fault fault, struct span text)
{
    return (struct imap_session_event){ .kind = IMAP_SESSION_TEXT,
                                        .fault = fault,
                                        .noteworthy = true,
                                        .item = { .text = text } };
}

/* With `*`, to which BAD is the answer: RFC 9051 §6.2.2. */
static struct imap_session_event give_up(struct imap_session *s,
                                         enum scram_status status)
{
    imap_login_cancel(s);
    s->scram_fault = scram_status_fault(status);
    return note(s->scram_fault, span_from_string(scram_status_text(status)));
}

static struct imap_session_event on_first(struct imap_session *s,
                                          struct span message)
{
    enum scram_status status = scram_take_first(s->scram, message);

    if (status != SCRAM_OK)
        return give_up(s, status);
    s->scram_stage = IMAP_SCRAM_PROVING;
    return (struct imap_session_event){ .kind = IMAP_SESSION_PROVE };
}

static struct imap_session_event on_final(struct imap_session *s,
                                          struct span message)
{
    struct span error;
    enum scram_status status = scram_take_final(s->scram, message, &error);

    if (status < 0)
        return give_up(s, status);
    s->scram_stage = IMAP_SCRAM_TOLD;
    imap_write_response(&s->out, SPAN_LITERAL(""));
    if (status == SCRAM_OK) {
        s->scram_fault = FAULT_NONE;
        return nothing;
    }
    s->scram_fault = scram_error_fault(error);
    return note(s->scram_fault, error);
}

struct imap_session_event imap_scram_on_challenge(struct imap_session *s,
                                                  const struct imap_event *ev)
{
    struct span message;

    buf_clear(&s->challenge);
    if (!base64_decode(ev->text, &s->challenge))
        return give_up(s, SCRAM_EFORM);
    message = buf_span(&s->challenge);
    switch (s->scram_stage) {
    case IMAP_SCRAM_BEGUN:
        return on_first(s, message);
    case IMAP_SCRAM_PROVEN:
        return on_final(s, message);
    case IMAP_SCRAM_PROVING: /* it is our turn, or nobody's */
    case IMAP_SCRAM_TOLD:
        break;
    }
    return give_up(s, SCRAM_EFORM);
}

/* --- the proof --- */

bool imap_session_is_proving(const struct imap_session *s)
{
    return s->state == IMAP_AUTHENTICATE && s->scram != NULL &&
           s->scram_stage == IMAP_SCRAM_PROVING && !s->cancelled;
}

struct scram_work imap_session_scram_work(const struct imap_session *s)
{
    struct scram_work work = scram_work(s->scram);

    assert(imap_session_is_proving(s));
    work.password = buf_span(&s->credentials.secret);
    return work;
}

static void send_final(struct imap_session *s, const struct scram_proof *proof)
{
    struct buf message;
    struct buf base64;

    buf_init(&message, UPSTREAM_OUTPUT_MAX);
    buf_init(&base64, UPSTREAM_OUTPUT_MAX);
    scram_write_final(s->scram, proof, &message);
    if (buf_failed(&message) || !base64_encode(buf_span(&message), &base64))
        s->out.failed = true;
    else
        imap_write_response(&s->out, buf_span(&base64));
    buf_fini(&message);
    buf_fini(&base64);
}

void imap_session_prove(struct imap_session *s, const struct scram_proof *proof)
{
    assert(imap_session_is_proving(s));
    if (proof->fault != FAULT_NONE) {
        imap_login_cancel(s);
        s->scram_fault = proof->fault;
        return;
    }
    s->scram_stage = IMAP_SCRAM_PROVEN;
    send_final(s, proof);
}

/* --- the end --- */

enum fault imap_scram_end(struct imap_session *s, enum fault fault)
{
    bool is_told = s->scram_stage == IMAP_SCRAM_TOLD || s->cancelled;

    scram_free(s->scram);
    s->scram = NULL;
    if (s->cancelled)
        return s->scram_fault;
    if (fault == FAULT_NONE) /* IAUTH-5: whatever it says */
        return is_told && s->scram_fault == FAULT_NONE
                   ? FAULT_NONE
                   : FAULT_UPSTREAM_UNPROVEN;
    return fault == FAULT_CREDENTIALS && is_told && s->scram_fault != FAULT_NONE
               ? s->scram_fault
               : fault;
}
