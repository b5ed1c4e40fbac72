/* owner.c - see owner.h: calls of the bridge, and what must hold after each. */
#include "owner_parts.h"

#include "fuzz.h"
#include "session/bridge_state.h"

#define ON_THE_WAY_MAX (4 * 1024 * 1024)
/* Calls in a row that may lead to another one. */
#define ROUNDS_MAX 200
/* Deadlines that may pass before the end; each ends something. */
#define DEADLINES_MAX 100
#define DEADLINES_AT_ONCE_MAX 8

/* The last: no TLS, and messages are read ahead. Where it is the client's,
 * connections are parked; where it is the upstream's, one is, whoever logs in.
 */
static const enum tls_mode modes[4] = { TLS_MODE_NONE, TLS_MODE_IMPLICIT,
                                        TLS_MODE_STARTTLS, TLS_MODE_NONE };
#define MODE_LAST 3
#define AHEAD_OCTETS 100000

static void settle(struct owner *o);

/* UIDs 1, 2, 3 and 7, the third of them hidden: UIDVALIDITY 1, UIDNEXT 8,
 * HIGHESTMODSEQ 5. A server may say that it is still so, or that it is not.
 */
static void know_mailbox(struct known_mailbox *known)
{
    *known = (struct known_mailbox){
        .uidvalidity = 1,
        .uidnext = 8,
        .highestmodseq = 5,
        .messages = { snapshot_new(3, 1), snapshot_new(1, 0) },
    };
    REQUIRE(known->messages.listed != NULL && known->messages.hidden != NULL);
    snapshot_append(known->messages.listed, 1, 100);
    snapshot_append(known->messages.listed, 2, UINT64_MAX);
    snapshot_append(known->messages.listed, 7, 0);
    snapshot_append(known->messages.hidden, 3, 300);
}

static struct mailbox_name mailboxes[] = { { "INBOX", "INBOX" },
                                           { WIRE_SECOND, WIRE_SECOND } };

void owner_init(struct owner *o, unsigned policy_flags, unsigned owner_flags)
{
    bool delay = owner_flags & BIT(7);
    bool merged = (policy_flags & BIT(5)) && (owner_flags & BIT(1));
    bool ahead =
        (policy_flags & 3) == MODE_LAST || (policy_flags >> 2 & 3) == MODE_LAST;

    *o = (struct owner){ .now_ms = 1000 };
    o->policy = (struct session_policy){
        .client_tls = modes[policy_flags & 3],
        .allow_plaintext_login = policy_flags & BIT(4),
        .show_implementation = owner_flags & BIT(6),
        .mechanisms = BIT(SASL_MECHANISM_COUNT) - 1,
        .early_upstream = owner_flags & BIT(2) ? NULL : &o->upstream_policy,
        .login_timeout_ms = 180000,
        .session_timeout_ms = 600000,
        .auth_failure_delay_ms = delay ? 2000 : 0,
        .readahead_octets = ahead ? AHEAD_OCTETS : 0,
        .readahead_budget = &o->budget,
    };
    o->upstream_policy = (struct upstream_policy){
        .tls = modes[policy_flags >> 2 & 3],
        .send_id = owner_flags & BIT(5),
        .upstream_timeout_ms = 60000,
        .upstream_reuse_ms = (policy_flags & 3) == MODE_LAST ? 90000 : 0,
        .version = "1",
    };
    o->mailbox_policy = (struct mailbox_policy){
        .mark_seen = policy_flags & BIT(5),
        .hide_deleted = policy_flags & BIT(6),
        .without_uidplus =
            policy_flags & BIT(7) ? REMOVAL_REFUSE : REMOVAL_GUARDED,
        .on_delete = (enum on_delete)(owner_flags >> 5 & 3),
        .keep_keyword = WIRE_KEYWORD,
        .window = { .unread_only = delay, .newest = delay ? 3 : 0 },
        .mailboxes = { merged ? ARRAY_LENGTH(mailboxes) : 0, mailboxes },
    };
    octet_budget_init(&o->budget, AHEAD_OCTETS);
    o->slow = owner_flags & BIT(1);
    o->blocked = owner_flags & BIT(3);
    know_mailbox(&o->known);
    credentials_init(&o->asked);
    o->eager = owner_flags & BIT(4);
    o->client_tls = o->policy.client_tls == TLS_MODE_IMPLICIT;
    o->has_parked = (policy_flags >> 2 & 3) == MODE_LAST;
    o->parked.capabilities.bits = BIT(IMAP_CAP_IMAP4REV1);
    wire_init(&o->wire, &o->upstream_policy, &o->mailbox_policy);
    buf_init(&o->on_the_way, ON_THE_WAY_MAX);
    o->bridge = bridge_new(
        &o->policy,
        span_from_string(owner_flags & BIT(6) ? OWNER_TIMESTAMP : ""),
        owner_flags & BIT(0), o->now_ms);
    REQUIRE(o->bridge != NULL);
    settle(o);
}

void owner_fini(struct owner *o)
{
    bridge_free(o->bridge);
    known_mailbox_clear(&o->known);
    credentials_wipe(&o->asked);
    REQUIRE(octet_budget_taken(&o->budget) == 0);
    buf_fini(&o->on_the_way);
}

/* --- output --- */

void owner_pass_to_client(struct owner *o, size_t n)
{
    struct span out = bridge_client_output(o->bridge);

    if (out.len < n)
        n = out.len;
    if (n == 0)
        return;
    wire_client_taken(&o->wire, n);
    bridge_client_taken(o->bridge, n, o->now_ms);
    wire_look(&o->wire, o->bridge);
}

void owner_pass_to_server(struct owner *o, size_t n)
{
    struct span out = bridge_upstream_output(o->bridge);

    if (out.len < n)
        n = out.len;
    if (n == 0)
        return;
    wire_upstream_taken(&o->wire, n);
    bridge_upstream_taken(o->bridge, n, o->now_ms);
}

/* --- the server's octets --- */

static bool may_deliver(const struct owner *o)
{
    return o->upstream == OWNER_UPSTREAM_OPEN &&
           buf_length(&o->on_the_way) > 0 &&
           bridge_upstream_room(o->bridge) > 0;
}

/* False: nothing of it was wanted. */
static bool deliver(struct owner *o)
{
    struct span rest = buf_span(&o->on_the_way);
    struct span piece = fuzz_take(&rest, bridge_upstream_room(o->bridge));
    struct span copy = fuzz_copy(piece);

    fuzz_show("server", 0, piece);
    wire_on_server(&o->wire, piece);
    buf_consume(&o->on_the_way, piece.len);
    bridge_upstream_input(o->bridge, copy, o->now_ms);
    fuzz_drop(copy);
    return piece.len > 0;
}

void owner_drop_upstream(struct owner *o)
{
    o->upstream = OWNER_UPSTREAM_NONE;
    buf_clear(&o->on_the_way);
}

/* --- after each call --- */

static void check_report(struct owner *o)
{
    const struct bridge_report *report = bridge_report(o->bridge);

    REQUIRE(report->end != FAULT_NO_MEMORY);
    REQUIRE(report->last_login_fault != FAULT_NO_MEMORY);
    REQUIRE(report->messages_deleted >= o->messages_deleted);
    /* `+OK` to QUIT with marks: the server was asked what is left. */
    if (report->messages_deleted > o->messages_deleted)
        REQUIRE(o->wire.removal_proved || o->wire.foretold);
    o->messages_deleted = report->messages_deleted;
}

static void check(struct owner *o)
{
    const struct bridge *b = o->bridge;

    wire_look(&o->wire, b);
    check_report(o);
    REQUIRE(bridge_client_room(b) <= READ_CHUNK);
    REQUIRE(bridge_upstream_room(b) <= READ_CHUNK);
    REQUIRE(bridge_phase(b) < BRIDGE_PHASE_COUNT);
    if (o->client != OWNER_CLIENT_OPEN)
        REQUIRE(bridge_client_room(b) == 0);
    if (o->upstream != OWNER_UPSTREAM_OPEN)
        REQUIRE(bridge_upstream_room(b) == 0);
    if (bridge_is_over(b)) {
        REQUIRE(o->upstream == OWNER_UPSTREAM_NONE);
        REQUIRE(o->client == OWNER_CLIENT_LEAVING ||
                o->client == OWNER_CLIENT_CLOSED);
        o->over = true;
    }
}

static void serve_wishes(struct owner *o)
{
    struct bridge_wish wish;

    check(o);
    while (bridge_next_wish(o->bridge, &wish))
        owner_serve(o, &wish);
    check(o);
}

static bool is_due(const struct owner *o)
{
    return bridge_deadline(o->bridge) <= o->now_ms;
}

static bool has_work(const struct owner *o)
{
    if (may_deliver(o) || (o->eager && is_due(o)))
        return true;
    if (o->eager && (o->client == OWNER_CLIENT_HANDSHAKE ||
                     o->upstream == OWNER_UPSTREAM_CONNECTING ||
                     o->upstream == OWNER_UPSTREAM_HANDSHAKE ||
                     o->lock == OWNER_LOCK_ASKED))
        return true;
    return !o->slow && (bridge_client_output(o->bridge).len > 0 ||
                        bridge_upstream_output(o->bridge).len > 0);
}

/* Serves the wishes, and does what need not be told. */
static void settle(struct owner *o)
{
    unsigned rounds = 0;

    serve_wishes(o);
    while (has_work(o)) {
        REQUIRE(rounds++ < ROUNDS_MAX);
        if (o->eager && is_due(o)) {
            bridge_time(o->bridge, o->now_ms);
            serve_wishes(o);
        }
        if (may_deliver(o)) {
            if (deliver(o))
                rounds = 0; /* a large answer takes many */
            serve_wishes(o);
        }
        if (o->eager)
            owner_succeed(o);
        if (!o->slow) {
            owner_pass_to_client(o, SIZE_MAX);
            owner_pass_to_server(o, SIZE_MAX);
        }
        serve_wishes(o);
    }
}

/* --- octets --- */

void owner_client_says(struct owner *o, struct span s)
{
    while (s.len > 0 && bridge_client_room(o->bridge) > 0) {
        struct span piece = fuzz_take(&s, bridge_client_room(o->bridge));
        struct span copy = fuzz_copy(piece);

        fuzz_show("client", 0, piece);
        wire_on_client(&o->wire, piece);
        bridge_client_input(o->bridge, copy, o->now_ms);
        fuzz_drop(copy);
        settle(o);
    }
}

void owner_server_says(struct owner *o, struct span s)
{
    if (o->upstream != OWNER_UPSTREAM_OPEN)
        return;
    (void)buf_append(&o->on_the_way, s);
    settle(o);
}

void owner_client_takes(struct owner *o, size_t n)
{
    owner_pass_to_client(o, n);
    settle(o);
}

void owner_server_takes(struct owner *o, size_t n)
{
    owner_pass_to_server(o, n);
    settle(o);
}

/* --- outcomes --- */

static const struct scram_channel channel = { .nonce = "fuzz",
                                              .has_binding = true };

static void tell(struct owner *o, enum bridge_outcome outcome)
{
    fuzz_show("outcome", outcome, span_make(NULL, 0));
    bridge_outcome(o->bridge, outcome, o->now_ms);
    serve_wishes(o);
}

static bool answer_lock(struct owner *o, enum bridge_outcome outcome)
{
    if (o->lock != OWNER_LOCK_ASKED)
        return false;
    o->lock = outcome == BRIDGE_LOCKED ? OWNER_LOCK_HELD : OWNER_LOCK_FREE;
    for (uint32_t i = 0;
         outcome == BRIDGE_LOCKED && i < bridge_mailbox_count(o->bridge); i++)
        bridge_offer_mailbox(o->bridge, i, &o->known);
    tell(o, outcome);
    return true;
}

void owner_succeed(struct owner *o)
{
    if (o->client == OWNER_CLIENT_HANDSHAKE) {
        o->client = OWNER_CLIENT_OPEN;
        o->client_tls = true;
        tell(o, BRIDGE_CLIENT_TLS_UP);
    }
    if (o->upstream == OWNER_UPSTREAM_CONNECTING) {
        o->upstream = OWNER_UPSTREAM_OPEN;
        bridge_name_server(o->bridge,
                           (struct server_name){ "imap.example.org", 993 },
                           o->another);
        bridge_offer_scram(o->bridge, &channel);
        tell(o, BRIDGE_UPSTREAM_UP);
    } else if (o->upstream == OWNER_UPSTREAM_HANDSHAKE) {
        o->upstream = OWNER_UPSTREAM_OPEN;
        o->wire.upstream_tls = true;
        bridge_offer_scram(o->bridge, &channel);
        tell(o, BRIDGE_UPSTREAM_TLS_UP);
    }
    (void)answer_lock(o, BRIDGE_LOCKED);
    owner_answer_login(o, true);
    serve_wishes(o);
}

void owner_fail(struct owner *o, unsigned how)
{
    bool untrusted = how & 1;

    owner_answer_login(o, false);
    serve_wishes(o);
    if (answer_lock(o, how & 1 ? BRIDGE_LOCK_TOO_SOON : BRIDGE_LOCK_BUSY)) {
        settle(o);
    } else if (o->client == OWNER_CLIENT_HANDSHAKE) {
        o->client = OWNER_CLIENT_CLOSED;
        tell(o, BRIDGE_CLIENT_TLS_FAILED);
    } else if (o->upstream == OWNER_UPSTREAM_CONNECTING) {
        owner_drop_upstream(o);
        tell(o, untrusted ? BRIDGE_UPSTREAM_UNTRUSTED
                          : BRIDGE_UPSTREAM_UNREACHABLE);
    } else if (o->upstream == OWNER_UPSTREAM_HANDSHAKE) {
        owner_drop_upstream(o);
        tell(o, untrusted ? BRIDGE_UPSTREAM_UNTRUSTED : BRIDGE_UPSTREAM_CLOSED);
    }
    settle(o);
}

void owner_close_client(struct owner *o)
{
    if (o->client == OWNER_CLIENT_CLOSED)
        return;
    o->client = OWNER_CLIENT_CLOSED;
    tell(o, BRIDGE_CLIENT_CLOSED);
    settle(o);
}

void owner_close_upstream(struct owner *o)
{
    if (o->upstream != OWNER_UPSTREAM_OPEN &&
        o->upstream != OWNER_UPSTREAM_HANDSHAKE)
        return;
    owner_drop_upstream(o);
    tell(o, BRIDGE_UPSTREAM_CLOSED);
    settle(o);
}

void owner_shut_down(struct owner *o)
{
    tell(o, BRIDGE_SHUT_DOWN);
    settle(o);
}

/* --- time --- */

void owner_wait(struct owner *o, uint64_t ms)
{
    unsigned calls = 0;

    fuzz_show("seconds", (unsigned)(ms / 1000), span_make(NULL, 0));
    o->now_ms += ms;
    /* More than one deadline may have passed; but a call that changes nothing
     * would make an event loop spin.
     */
    do {
        REQUIRE(calls++ < DEADLINES_AT_ONCE_MAX);
        bridge_time(o->bridge, o->now_ms);
        settle(o);
    } while (bridge_deadline(o->bridge) <= o->now_ms);
}

bool owner_wait_for_deadline(struct owner *o)
{
    uint64_t deadline = bridge_deadline(o->bridge);

    if (deadline == UINT64_MAX)
        return false;
    owner_wait(o, deadline > o->now_ms ? deadline - o->now_ms : 0);
    return true;
}

/* --- the end --- */

void owner_end(struct owner *o, unsigned how)
{
    unsigned deadlines = 0;

    o->slow = false;
    if (how & 1)
        owner_close_client(o);
    else
        settle(o);
    if (how & 2)
        owner_shut_down(o);
    (void)answer_lock(o, BRIDGE_LOCKED);
    settle(o);
    while (!o->over) {
        REQUIRE(deadlines++ < DEADLINES_MAX);
        if (o->client == OWNER_CLIENT_HANDSHAKE ||
            o->upstream == OWNER_UPSTREAM_CONNECTING)
            owner_fail(o, 0);
        else
            REQUIRE(owner_wait_for_deadline(o));
        (void)answer_lock(o, BRIDGE_LOCKED);
        settle(o);
    }
    REQUIRE(o->lock == OWNER_LOCK_FREE);
    REQUIRE(o->upstream == OWNER_UPSTREAM_NONE);
}
