#include "support/session_harness.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "session/bridge_state.h"
#include "support/octets.h"

#define TEXT_MAX (64 * 1024 * 1024)
#define BUDGET_OCTETS (1024 * 1024)

bool harness_whole = false;
bool harness_octets = true;

int harness_setup(void **state)
{
    struct harness *h = calloc(1, sizeof(*h));

    if (h == NULL)
        return -1;
    h->octet_by_octet = *(bool *)*state;
    h->now_ms = HARNESS_START_MS;
    h->policy = (struct session_policy){
        .client_tls = TLS_MODE_IMPLICIT,
        .mechanisms = SASL_PASSWORD_MECHANISMS,
        .early_upstream = &h->upstream_policy,
        .login_timeout_ms = 180000,
        .session_timeout_ms = 600000,
        .readahead_budget = &h->budget,
    };
    h->upstream_policy = (struct upstream_policy){
        .tls = TLS_MODE_IMPLICIT,
        .send_id = true,
        .upstream_timeout_ms = 60000,
        .version = "1.0",
    };
    h->mailbox_policy = (struct mailbox_policy){
        .list_whole_max = 1000,
        .mark_seen = false,
        .hide_deleted = true,
        .without_uidplus = REMOVAL_GUARDED,
    };
    h->reached = (struct server_name){ "imap.example.org", 993 };
    octet_budget_init(&h->budget, BUDGET_OCTETS);
    h->server = (struct harness_server){
        .capabilities = "IMAP4rev1 SASL-IR AUTH=PLAIN",
        .capabilities_inside = "IMAP4rev1 UIDPLUS",
        .select = "* 3 EXISTS\r\n"
                  "* OK [UIDVALIDITY 77] valid\r\n"
                  "* OK [UIDNEXT 31] next\r\n"
                  "* OK [PERMANENTFLAGS (\\Seen \\Deleted \\*)] kept\r\n",
        .selected = "# OK [READ-WRITE] selected\r\n",
        .listing = "* 1 FETCH (UID 10 FLAGS () RFC822.SIZE 5)\r\n"
                   "* 2 FETCH (UID 20 FLAGS (\\Seen) RFC822.SIZE 200)\r\n"
                   "* 3 FETCH (UID 30 FLAGS () RFC822.SIZE 300)\r\n",
    };
    buf_init(&h->to_bridge, TEXT_MAX);
    buf_init(&h->from_upstream, TEXT_MAX);
    buf_init(&h->client, TEXT_MAX);
    buf_init(&h->upstream, TEXT_MAX);
    *state = h;
    return 0;
}

int harness_teardown(void **state)
{
    struct harness *h = *state;
    int left = (int)(buf_length(&h->client) + buf_length(&h->upstream) +
                     h->wish_count);

    if (left > 0)
        print_error("left over: %zu octets for the client, %zu for the "
                    "upstream, %u wishes\n",
                    buf_length(&h->client), buf_length(&h->upstream),
                    h->wish_count);
    bridge_free(h->bridge);
    known_mailbox_clear(&h->known);
    if (octet_budget_taken(&h->budget) > 0) {
        print_error("octets of the budget are not given back\n");
        left++;
    }
    buf_fini(&h->to_bridge);
    buf_fini(&h->from_upstream);
    buf_fini(&h->client);
    buf_fini(&h->upstream);
    free(h);
    return left > 0 ? -1 : 0;
}

/* --- The owner's work: bridge.h --- */

static void keep_mailbox(struct harness *h)
{
    known_mailbox_clear(&h->known);
    known_mailbox_share(&h->known, bridge_known_mailbox(h->bridge, 0));
}

static void grant(struct harness *h, const struct credentials *given)
{
    const struct login_grant grant = {
        .upstream = h->upstream_granted != NULL ? h->upstream_granted
                                                : &h->upstream_policy,
        .mailbox = &h->mailbox_policy,
        .credentials = h->granted != NULL ? h->granted : given,
        .secret_is_kept = h->secret_is_kept,
        .unix_s = HARNESS_DATE_S,
    };

    bridge_grant_login(h->bridge, &grant, h->now_ms);
}

static void decide(struct harness *h, const struct credentials *given)
{
    if (buf_length(&given->identity) > 0 && !h->passes_identities)
        bridge_deny_login(h->bridge, FAULT_IDENTITY, 0, h->now_ms);
    else
        grant(h, given);
}

static void take_wishes(struct harness *h)
{
    struct bridge_wish wish;

    while (bridge_next_wish(h->bridge, &wish)) {
        if (wish.kind == BRIDGE_NOTE) {
            if (h->note_count < HARNESS_WISHES_MAX)
                h->notes[h->note_count++] = wish;
            continue;
        }
        if (wish.kind == BRIDGE_ASK_LOGIN && !h->decides_late) {
            decide(h, wish.credentials);
            continue;
        }
        if (wish.kind == BRIDGE_KEEP_MAILBOX)
            keep_mailbox(h);
        assert_true(h->wish_count < HARNESS_WISHES_MAX);
        h->wishes[h->wish_count++] = wish;
    }
}

static bool take_client(struct harness *h, size_t n)
{
    struct span out = bridge_client_output(h->bridge);

    if (out.len > h->most_client_output)
        h->most_client_output = out.len;
    if (n > out.len)
        n = out.len;
    if (n == 0)
        return false;
    buf_append(&h->client, span_make(out.data, n));
    bridge_client_taken(h->bridge, n, h->now_ms);
    return true;
}

static bool take_upstream(struct harness *h)
{
    struct span out = bridge_upstream_output(h->bridge);

    if (out.len == 0)
        return false;
    buf_append(&h->upstream, out);
    bridge_upstream_taken(h->bridge, out.len, h->now_ms);
    return true;
}

static void serve(struct harness *h)
{
    bool moved = true;

    while (moved) {
        take_wishes(h);
        moved = take_upstream(h);
        if (!h->client_is_slow)
            moved = take_client(h, SIZE_MAX) || moved;
        else
            (void)take_client(h, 0);
    }
    take_wishes(h);
}

static size_t portion(const struct harness *h, struct buf *said, size_t room)
{
    size_t n = buf_length(said);

    if (h->octet_by_octet && n > 1)
        n = 1;
    return n < room ? n : room;
}

/* Input lies in memory of its own, so that reading beyond it is seen. */
static struct span cut_off(struct buf *said, size_t n)
{
    unsigned char *octets = malloc(n);

    assert_non_null(octets);
    memcpy(octets, buf_span(said).data, n);
    buf_consume(said, n);
    return span_make(octets, n);
}

static bool give_client(struct harness *h)
{
    size_t n = portion(h, &h->to_bridge, bridge_client_room(h->bridge));
    struct span in;

    if (n == 0)
        return false;
    in = cut_off(&h->to_bridge, n);
    bridge_client_input(h->bridge, in, h->now_ms);
    free((void *)(uintptr_t)in.data);
    return true;
}

static bool give_upstream(struct harness *h)
{
    size_t n = portion(h, &h->from_upstream, bridge_upstream_room(h->bridge));
    struct span in;

    if (n == 0)
        return false;
    in = cut_off(&h->from_upstream, n);
    bridge_upstream_input(h->bridge, in, h->now_ms);
    free((void *)(uintptr_t)in.data);
    return true;
}

/* A deadline that is due already, as of an answer without a delay. */
static bool give_time(struct harness *h)
{
    if (bridge_is_over(h->bridge) || bridge_deadline(h->bridge) > h->now_ms)
        return false;
    bridge_time(h->bridge, h->now_ms);
    serve(h);
    assert_true(bridge_is_over(h->bridge) ||
                bridge_deadline(h->bridge) > h->now_ms);
    return true;
}

/* Until nothing moves any more. */
static void pump(struct harness *h)
{
    bool moved = true;

    serve(h);
    while (moved) {
        moved = give_time(h);
        moved = give_client(h) || moved;
        serve(h);
        moved = give_upstream(h) || moved;
        serve(h);
    }
}

void begin(struct harness *h)
{
    const char *timestamp = h->timestamp != NULL ? h->timestamp : "";

    h->bridge = bridge_new(&h->policy, span_from_string(timestamp),
                           h->overloaded, h->now_ms);
    assert_non_null(h->bridge);
    pump(h);
    expect_client(h, "+OK POP3 server ready");
    if (h->timestamp != NULL) {
        expect_client(h, " ");
        expect_client(h, timestamp);
    }
    expect_client(h, "\r\n");
}

/* --- In --- */

void client_says_octets(struct harness *h, struct span octets)
{
    buf_append(&h->to_bridge, octets);
    pump(h);
}

void client_says(struct harness *h, const char *text)
{
    client_says_octets(h, span_from_string(text));
}

void upstream_says_octets(struct harness *h, struct span octets)
{
    buf_append(&h->from_upstream, octets);
    pump(h);
}

static uint64_t next_tag(struct harness *h)
{
    uint64_t tag = h->tags[0];

    assert_true(h->tag_count > 0);
    h->tag_count--;
    memmove(h->tags, h->tags + 1, h->tag_count * sizeof(h->tags[0]));
    return tag;
}

void upstream_says(struct harness *h, const char *text)
{
    struct buf said;

    buf_init(&said, TEXT_MAX);
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '#' && (c == text || c[-1] == '\n')) {
            buf_append_octet(&said, 'A');
            buf_append_number(&said, next_tag(h));
        } else {
            buf_append_octet(&said, (unsigned char)*c);
        }
    }
    upstream_says_octets(h, buf_span(&said));
    buf_fini(&said);
}

void outcome(struct harness *h, enum bridge_outcome what)
{
    if (what == BRIDGE_LOCKED)
        bridge_offer_mailbox(h->bridge, 0, &h->known);
    if (what == BRIDGE_UPSTREAM_UP)
        bridge_name_server(h->bridge, h->reached, h->another);
    if (what == BRIDGE_UPSTREAM_UP || what == BRIDGE_UPSTREAM_TLS_UP)
        bridge_offer_scram(h->bridge, &h->channel);
    bridge_outcome(h->bridge, what, h->now_ms);
    pump(h);
}

void prove(struct harness *h, const struct scram_proof *proof)
{
    bridge_prove(h->bridge, proof, h->now_ms);
    pump(h);
}

void grant_login(struct harness *h)
{
    grant(h, &h->bridge->pop3.given);
    pump(h);
}

void deny_login(struct harness *h, enum fault fault, uint64_t wait_ms)
{
    bridge_deny_login(h->bridge, fault, wait_ms, h->now_ms);
    pump(h);
}

void time_passes(struct harness *h, uint64_t ms)
{
    uint64_t until = h->now_ms + ms;
    unsigned deadlines = 0;

    while (bridge_deadline(h->bridge) <= until) {
        uint64_t deadline = bridge_deadline(h->bridge);

        if (deadline > h->now_ms)
            h->now_ms = deadline;
        bridge_time(h->bridge, h->now_ms);
        pump(h);
        assert_true(++deadlines < 10000);
    }
    h->now_ms = until;
}

void client_takes(struct harness *h, size_t n)
{
    (void)take_client(h, n);
    pump(h);
}

/* --- Out --- */

void harness_expect_client(struct harness *h, const char *text,
                           const char *file, int line)
{
    struct span expected = span_from_string(text);
    struct span actual = buf_span(&h->client);

    if (actual.len > expected.len)
        actual.len = expected.len;
    octets_compare(actual, expected, "to the client", file, line);
    buf_consume(&h->client, actual.len);
}

void harness_expect_reply(struct harness *h, bool ok, const char *code,
                          const char *file, int line)
{
    struct span actual = buf_span(&h->client);
    struct buf begin_of_line;
    size_t end = span_find(actual, '\n');
    struct span first =
        span_make(actual.data, end < actual.len ? end + 1 : end);
    struct span head = first;

    buf_init(&begin_of_line, POP3_REPLY_MAX);
    buf_append_string(&begin_of_line, ok ? "+OK" : "-ERR");
    if (code != NULL) {
        buf_append_string(&begin_of_line, " [");
        buf_append_string(&begin_of_line, code);
        buf_append_string(&begin_of_line, "]");
    }
    if (head.len > buf_length(&begin_of_line))
        head.len = buf_length(&begin_of_line);
    octets_compare(head, buf_span(&begin_of_line), "reply", file, line);
    buf_fini(&begin_of_line);
    if (first.len > POP3_REPLY_MAX || first.data[first.len - 1] != '\n' ||
        (code == NULL && span_contains(first, '['))) {
        octets_compare(first, SPAN_LITERAL("a line without a code"), "reply",
                       file, line);
    }
    buf_consume(&h->client, first.len);
}

/* A `#` stands for `A`, digits; the number is kept. */
static void match_tag(struct harness *h, struct span *actual)
{
    uint64_t tag = 0;

    assert_true(actual->len > 0 && actual->data[0] == 'A');
    (void)span_take(actual, 1);
    while (actual->len > 0 && actual->data[0] >= '0' &&
           actual->data[0] <= '9') {
        tag = 10 * tag + (uint64_t)(actual->data[0] - '0');
        (void)span_take(actual, 1);
    }
    assert_true(h->tag_count < HARNESS_TAGS_MAX);
    h->tags[h->tag_count++] = tag;
}

void harness_expect_upstream(struct harness *h, const char *text,
                             const char *file, int line)
{
    struct span actual = buf_span(&h->upstream);
    size_t before = actual.len;
    const char *c = text;

    while (*c != '\0') {
        if (actual.len > 0 && *c == '#' && (c == text || c[-1] == '\n')) {
            match_tag(h, &actual);
        } else if (actual.len > 0 && actual.data[0] == (unsigned char)*c) {
            (void)span_take(&actual, 1);
        } else {
            octets_compare(buf_span(&h->upstream), span_from_string(text),
                           "to the upstream", file, line);
        }
        c++;
    }
    buf_consume(&h->upstream, before - actual.len);
}

void harness_expect_wish(struct harness *h, enum bridge_wish_kind kind,
                         const char *file, int line)
{
    if (h->wish_count == 0 || h->wishes[0].kind != kind) {
        print_error("expected the wish %d, have %u, the first %d\n", (int)kind,
                    h->wish_count,
                    h->wish_count == 0 ? -1 : (int)h->wishes[0].kind);
        _fail(file, line);
    }
    h->wish_count--;
    memmove(h->wishes, h->wishes + 1, h->wish_count * sizeof(h->wishes[0]));
}

void harness_expect_note(struct harness *h, enum bridge_note note,
                         enum fault fault, const char *file, int line)
{
    for (unsigned i = 0; i < h->note_count; i++) {
        if (h->notes[i].note == note && h->notes[i].fault == fault)
            return;
    }
    print_error("no note %d with fault %s\n", (int)note, fault_name(fault));
    _fail(file, line);
}

void harness_expect_silence(struct harness *h, const char *file, int line)
{
    const struct span nothing = { NULL, 0 };

    octets_compare(buf_span(&h->client), nothing, "to the client", file, line);
    octets_compare(buf_span(&h->upstream), nothing, "to the upstream", file,
                   line);
    if (h->wish_count == 0)
        return;
    print_error("the wish %d\n", (int)h->wishes[0].kind);
    _fail(file, line);
}

void harness_expect_over(struct harness *h, enum fault fault, const char *file,
                         int line)
{
    harness_expect_silence(h, file, line);
    if (bridge_is_over(h->bridge) && bridge_report(h->bridge)->end == fault)
        return;
    print_error("%s, end: %s\n",
                bridge_is_over(h->bridge) ? "over" : "not over",
                fault_name(bridge_report(h->bridge)->end));
    _fail(file, line);
}

/* --- Plays --- */

static void say_capabilities(struct harness *h, const char *begin_of_line,
                             const char *capabilities)
{
    struct buf text;

    buf_init(&text, 4096);
    buf_append_string(&text, begin_of_line);
    buf_append_string(&text, " OK [CAPABILITY ");
    buf_append_string(&text, capabilities);
    buf_append_string(&text, "] ready\r\n");
    buf_append_octet(&text, '\0');
    upstream_says(h, (const char *)buf_span(&text).data);
    buf_fini(&text);
}

void connect_upstream(struct harness *h)
{
    client_says(h, "USER u\r\n");
    expect_ok(h);
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_UP);
    say_capabilities(h, "*", h->server.capabilities);
}

void log_in_to_listing(struct harness *h)
{
    connect_upstream(h);
    expect_silence(h);
    client_says(h, "PASS p\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    say_capabilities(h, "#", h->server.capabilities_inside);
    expect_wish(h, BRIDGE_LOCK);
    outcome(h, BRIDGE_LOCKED);
    expect_upstream(h, "# SELECT INBOX\r\n");
    upstream_says(h, h->server.select);
    upstream_says(h, h->server.selected);
    if (h->server.list != NULL) {
        expect_upstream(h, h->server.list);
        upstream_says(h, h->server.listed);
    }
    if (h->server.listing != NULL)
        expect_upstream(h, "# UID FETCH 1:* (UID FLAGS RFC822.SIZE)\r\n");
}

void log_in(struct harness *h)
{
    log_in_to_listing(h);
    if (h->server.listing != NULL) {
        upstream_says(h, h->server.listing);
        upstream_says(h, "# OK listed\r\n");
    }
    if (h->server.search != NULL) {
        expect_upstream(h, h->server.search);
        upstream_says(h, h->server.found);
        upstream_says(h, "# OK found\r\n");
    }
    expect_ok(h);
    expect_note(h, BRIDGE_NOTE_LOGGED_IN, FAULT_NONE);
    expect_silence(h);
}

void expect_logout(struct harness *h)
{
    expect_wish(h, BRIDGE_UNLOCK);
    expect_upstream(h, "# LOGOUT\r\n");
    upstream_says(h, "* BYE bye\r\n# OK out\r\n");
}

void quit(struct harness *h)
{
    client_says(h, "QUIT\r\n");
    expect_logout(h);
    expect_ok(h);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_over(h, FAULT_NONE);
}
