/* owner_wishes.c - what the bridge may wish for, and when. */
#include "owner_parts.h"

#include "fuzz.h"
#include "session/bridge_state.h"

static void on_connect(struct owner *o)
{
    REQUIRE(o->upstream == OWNER_UPSTREAM_NONE);
    /* Nobody is asked before a login is allowed: CONFORMANCE TLS-5. */
    REQUIRE(o->client_tls || o->policy.allow_plaintext_login);
    o->upstream = OWNER_UPSTREAM_CONNECTING;
    wire_connect(&o->wire);
}

/* Nobody hears two servers' logins: of the first there was none. */
static void on_connect_next(struct owner *o)
{
    REQUIRE(o->another && o->wire.command <= WIRE_STARTTLS);
    o->another = false;
    owner_drop_upstream(o);
    on_connect(o);
}

/* An exchange that goes as the client's message says. */
static void on_sasl(struct owner *o, const struct bridge_wish *wish)
{
    struct sasl_step step = { .status = SASL_FAILED,
                              .fault = FAULT_CREDENTIALS,
                              .user = SPAN_LITERAL("u") };
    unsigned char said =
        wish->response.len > 0 ? wish->response.data[0] : (unsigned char)'C';

    REQUIRE(o->policy.mechanisms & BIT(wish->mechanism));
    REQUIRE(wish->has_response || (wish->begins && wish->response.len == 0));
    REQUIRE(wish->mechanism == SASL_CRAM_MD5 ||
            wish->mechanism == SASL_SCRAM_SHA_256);
    if (said == 'C')
        step = (struct sasl_step){ .status = SASL_CHALLENGE,
                                   .text = SPAN_LITERAL(OWNER_TIMESTAMP) };
    else if (said == 'P')
        step = (struct sasl_step){ .status = SASL_PROVEN, .user = step.user };
    else if (said == 'V')
        step = (struct sasl_step){ .status = SASL_PROVEN,
                                   .user = step.user,
                                   .text = SPAN_LITERAL("v=1") };
    bridge_sasl(o->bridge, &step, o->now_ms);
}

static void grant(struct owner *o, const struct credentials *given)
{
    const struct login_grant grant = { .upstream = &o->upstream_policy,
                                       .mailbox = &o->mailbox_policy,
                                       .credentials = given };

    bridge_grant_login(o->bridge, &grant, o->now_ms);
}

/* For QUIT: a fresh one for the same user. */
static void grant_token(struct owner *o)
{
    REQUIRE(
        credentials_set_secret(&o->asked, SECRET_TOKEN, SPAN_LITERAL("fresh")));
    grant(o, &o->asked);
}

void owner_answer_login(struct owner *o, bool well)
{
    if (!o->login_asked)
        return;
    o->login_asked = false;
    if (buf_length(&o->asked.identity) > 0)
        bridge_deny_login(o->bridge, FAULT_IDENTITY, 0, o->now_ms);
    else if (o->blocked || !well)
        bridge_deny_login(o->bridge, FAULT_LOGIN_BLOCKED, 0, o->now_ms);
    else if (o->asked_again && !o->slow)
        bridge_deny_login(o->bridge, FAULT_CREDENTIALS, 500, o->now_ms);
    else if (o->asked_again && o->asked.kind == SECRET_PROVEN)
        grant_token(o);
    else
        grant(o, &o->asked);
    credentials_wipe(&o->asked);
}

static void on_ask_login(struct owner *o, const struct bridge_wish *wish)
{
    REQUIRE(buf_length(&wish->credentials->user) > 0);
    REQUIRE(!wish->again || wish->refused.len > 0);
    REQUIRE(!wish->again ||
            (!o->asked_again && wish->credentials->kind == SECRET_TOKEN) ||
            bridge_phase(o->bridge) == BRIDGE_UPDATE);
    o->login_asked = true;
    o->asked_again = wish->again;
    REQUIRE(credentials_copy(&o->asked, wish->credentials));
    if (!o->slow)
        owner_answer_login(o, true);
}

/* Each is of use once, to the same user with the same password. */
static void on_reuse(struct owner *o, const struct credentials *credentials)
{
    bool reuse = o->has_parked;

    REQUIRE(o->upstream_policy.upstream_reuse_ms > 0);
    REQUIRE(o->upstream == OWNER_UPSTREAM_NONE);
    REQUIRE(buf_length(&credentials->user) > 0);
    o->has_parked = false;
    if (reuse) {
        o->upstream = OWNER_UPSTREAM_OPEN;
        wire_take_up(&o->wire, o->parked.tag);
    }
    bridge_reuse(o->bridge, reuse ? &o->parked : NULL, o->now_ms);
}

static void on_park(struct owner *o, const struct imap_parked *parked)
{
    REQUIRE(o->upstream_policy.upstream_reuse_ms > 0);
    REQUIRE(o->upstream == OWNER_UPSTREAM_OPEN);
    REQUIRE(parked->tag == o->wire.tag);
    o->parked = *parked;
    o->has_parked = true;
    owner_drop_upstream(o);
}

static void on_close_client(struct owner *o, bool abort)
{
    REQUIRE(o->client != OWNER_CLIENT_LEAVING);
    REQUIRE(o->client != OWNER_CLIENT_CLOSED);
    o->client = abort ? OWNER_CLIENT_CLOSED : OWNER_CLIENT_LEAVING;
    if (abort)
        REQUIRE(bridge_client_output(o->bridge).len == 0);
}

static void on_note(struct owner *o, const struct bridge_wish *wish)
{
    /* No allocation fails here, so this would be a cap of ours. */
    REQUIRE(wish->fault != FAULT_NO_MEMORY);
    REQUIRE(wish->note < BRIDGE_NOTE_COUNT);
    wire_on_note(&o->wire, wish->user);
    if (wish->note == BRIDGE_NOTE_UPSTREAM_TEXT ||
        wish->note == BRIDGE_NOTE_UPSTREAM_ID) {
        REQUIRE(wish->text.len > 0 && wish->text.len <= IMAP_TEXT_MAX);
        wire_on_note(&o->wire, wish->text);
    }
}

static void keep_mailbox(struct owner *o, uint32_t mailbox)
{
    const struct known_mailbox *known =
        bridge_known_mailbox(o->bridge, mailbox);

    REQUIRE(!known_mailbox_is_empty(known));
    REQUIRE(known->uidvalidity != 0 && known->highestmodseq != 0);
    REQUIRE(snapshot_count_below(known->messages.listed, known->uidnext) ==
            snapshot_count(known->messages.listed));
    known_mailbox_clear(&o->known);
    known_mailbox_share(&o->known, known);
}

/* A proof of no password: what a server makes of it is its own affair. */
static void on_prove(struct owner *o, const struct scram_work *work)
{
    static const struct scram_proof proofs[] = {
        { .fault = FAULT_NONE },
        { .fault = FAULT_VERIFY_BUSY },
    };

    REQUIRE(o->upstream == OWNER_UPSTREAM_OPEN);
    REQUIRE(work->iterations >= SCRAM_ITERATIONS_MIN &&
            work->iterations <= SCRAM_ITERATIONS_MAX);
    REQUIRE(work->salt.len > 0 && work->salt.len <= SCRAM_SALT_MAX);
    bridge_prove(o->bridge, &proofs[work->iterations % 2], o->now_ms);
}

void owner_serve(struct owner *o, const struct bridge_wish *wish)
{
    fuzz_show("wish", wish->kind,
              wish->kind == BRIDGE_NOTE ? wish->text : wish->user);
    switch (wish->kind) {
    case BRIDGE_START_CLIENT_TLS:
        REQUIRE(o->client == OWNER_CLIENT_OPEN && !o->client_tls);
        REQUIRE(o->policy.client_tls == TLS_MODE_STARTTLS);
        owner_pass_to_client(o, SIZE_MAX);
        o->client = OWNER_CLIENT_HANDSHAKE;
        break;
    case BRIDGE_ASK_LOGIN:
        on_ask_login(o, wish);
        break;
    case BRIDGE_SASL:
        on_sasl(o, wish);
        break;
    case BRIDGE_REUSE:
        on_reuse(o, wish->credentials);
        break;
    case BRIDGE_PARK:
        on_park(o, wish->parked);
        break;
    case BRIDGE_CONNECT:
        o->another = true;
        on_connect(o);
        break;
    case BRIDGE_CONNECT_NEXT:
        on_connect_next(o);
        break;
    case BRIDGE_START_UPSTREAM_TLS:
        REQUIRE(o->upstream == OWNER_UPSTREAM_OPEN && !o->wire.upstream_tls);
        REQUIRE(o->upstream_policy.tls == TLS_MODE_STARTTLS);
        owner_pass_to_server(o, SIZE_MAX);
        o->upstream = OWNER_UPSTREAM_HANDSHAKE;
        break;
    case BRIDGE_PROVE:
        on_prove(o, &wish->scram);
        break;
    case BRIDGE_CLOSE_UPSTREAM:
        REQUIRE(o->upstream != OWNER_UPSTREAM_NONE);
        owner_drop_upstream(o);
        break;
    case BRIDGE_LOCK:
        REQUIRE(o->lock == OWNER_LOCK_FREE && wish->user.len > 0);
        o->lock = OWNER_LOCK_ASKED;
        break;
    case BRIDGE_UNLOCK:
        REQUIRE(o->lock == OWNER_LOCK_HELD);
        o->lock = OWNER_LOCK_FREE;
        break;
    case BRIDGE_KEEP_MAILBOX:
        REQUIRE(o->lock == OWNER_LOCK_HELD && wish->user.len > 0);
        keep_mailbox(o, wish->mailbox);
        break;
    case BRIDGE_CLOSE_CLIENT:
        on_close_client(o, false);
        break;
    case BRIDGE_ABORT_CLIENT:
        on_close_client(o, true);
        break;
    case BRIDGE_NOTE:
        on_note(o, wish);
        break;
    case BRIDGE_WISH_KIND_COUNT:
        REQUIRE(wish->kind < BRIDGE_WISH_KIND_COUNT);
    }
}
