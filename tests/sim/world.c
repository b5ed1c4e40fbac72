/* A mailbox, the server before it, and the sessions on it, all from a seed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/cover.h"
#include "sim/heap.h"
#include "sim/session.h"

#define SESSIONS_MAX 4

static bool one_in(struct world *w, uint64_t n)
{
    return random_below(&w->random, n) == 0;
}

static const char *any_password(struct world *w)
{
    static const char *const passwords[] = {
        "secret", "with space", "quote\" back\\slash", "{5}", "p\xc3\xa9", "%"
    };

    return passwords[random_below(&w->random, ARRAY_LENGTH(passwords))];
}

static void make_server(struct world *w)
{
    struct model_traits *t = &w->traits;
    bool faulty = one_in(w, 2);

    *t = (struct model_traits){
        .user = one_in(w, 4) ? "us er@example.org" : "user",
        .password = any_password(w),
        .rev2_only = one_in(w, 6),
        .auth_plain = !one_in(w, 4),
        .sasl_ir = !one_in(w, 3),
        .uidplus = !one_in(w, 3),
        .literal_plus = one_in(w, 2),
        .id = one_in(w, 2),
        .condstore = !one_in(w, 4),
        .condstore_bad = one_in(w, 20),
        .nomodseq = one_in(w, 20),
        .login_disabled = one_in(w, 200),
        .preauth = one_in(w, 300),
        .greeting_capabilities = one_in(w, 2),
        .login_capabilities = one_in(w, 2),
        .message_limit =
            one_in(w, 12) ? 1 + (unsigned)random_below(&w->random, 5) : 0,
        .read_only = one_in(w, 40),
        .no_deleted_flag = one_in(w, 40),
        .uid_not_sticky = one_in(w, 40),
        .no_keywords = one_in(w, 30),
        .move = one_in(w, 2),
        .special_use = one_in(w, 2),
        .no_trash = one_in(w, 20),
        .unasked = one_in(w, 2) ? 200 : 0,
        .split = one_in(w, 2) ? 300 : 0,
        .reorder = one_in(w, 4) ? 300 : 0,
        .overtake = one_in(w, 3) ? (one_in(w, 2) ? 500 : 1000) : 0,
        .fault = faulty ? 5 + (unsigned)random_below(&w->random, 60) : 0,
    };
    if (one_in(w, 4))
        t->token = "t0ken.0123456789-abcdef";
    t->auth_scram = one_in(w, 3);
    t->auth_scram_plus = one_in(w, t->auth_scram ? 2 : 8);
    t->can_bind = !one_in(w, 3);
    t->lies = one_in(w, 4) ? 300 : 0;
    t->stale_token = "stale.0123456789-abcdef";
    t->auth_oauthbearer = one_in(w, 2);
    t->auth_xoauth2 = !t->auth_oauthbearer || one_in(w, 2);
    if (one_in(w, 100))
        t->auth_oauthbearer = t->auth_xoauth2 = false;
    t->starttls = w->upstream_policy.tls == TLS_MODE_STARTTLS;
    /* RFC 9051 Appendix E. */
    t->esearch = t->rev2_only || one_in(w, 3);
    t->within = one_in(w, 2);
    t->unix_s = w->unix_s;
    t->sasl_ir = t->sasl_ir || t->rev2_only;
    t->uidplus = t->uidplus || t->rev2_only;
    t->literal_plus = t->literal_plus || t->rev2_only;
    t->move = t->move || t->rev2_only;
}

static uint64_t any_readahead(struct world *w)
{
    static const uint64_t octets[] = { 0, 1, 3000, 1 << 20 };

    return octets[random_below(&w->random, ARRAY_LENGTH(octets))];
}

/* As often removed for good as anything else. */
static enum on_delete any_on_delete(struct world *w)
{
    return one_in(w, 2)
               ? ON_DELETE_EXPUNGE
               : (enum on_delete)random_below(&w->random, ON_DELETE_COUNT);
}

/* Some of it, in every second world. */
static struct mailbox_window any_window(struct world *w)
{
    static const uint32_t days[] = { 1, 7, 40, 90 };
    struct mailbox_window window = { .newest = 0 };

    if (one_in(w, 2))
        return window;
    if (one_in(w, 3))
        window.newest = 1 + (uint32_t)random_below(&w->random, 6);
    if (one_in(w, 3))
        window.newer_than_days =
            days[random_below(&w->random, ARRAY_LENGTH(days))];
    if (one_in(w, 3))
        window.max_message_octets = random_below(&w->random, 800);
    window.unread_only = one_in(w, 3);
    window.only_keyword = one_in(w, 3) ? MODEL_CHOSEN : NULL;
    return window;
}

static void make_mailbox_policy(struct world *w)
{
    w->mailbox_policy = (struct mailbox_policy){
        .mark_seen = one_in(w, 2),
        .hide_deleted = !one_in(w, 4),
        .without_uidplus = one_in(w, 6) ? REMOVAL_REFUSE : REMOVAL_GUARDED,
        .on_delete = any_on_delete(w),
        .keep_keyword = MODEL_KEYWORD,
        .window = any_window(w),
        .list_whole_max = (uint32_t)random_below(&w->random, 8),
        .unique_ids = one_in(w, 3) ? (enum unique_id_format)random_below(
                                         &w->random, UNIQUE_ID_GMAIL)
                                   : UNIQUE_ID_POPINJAY,
    };
}

static void make_policy(struct world *w)
{
    w->unix_s = MODEL_TODAY * UINT64_C(86400) + random_below(&w->random, 86400);
    w->policy = (struct session_policy){
        .client_tls = (enum tls_mode)random_below(&w->random, 3),
        .allow_plaintext_login = one_in(w, 2),
        .show_implementation = one_in(w, 2),
        .mechanisms = SASL_PASSWORD_MECHANISMS,
        .early_upstream = one_in(w, 8) ? NULL : &w->upstream_policy,
        .login_timeout_ms = 180000,
        .session_timeout_ms = 600000,
        .auth_failure_delay_ms = one_in(w, 2) ? 0 : 1000,
        .readahead_octets = any_readahead(w),
        .readahead_budget = &w->readahead,
    };
    w->upstream_policy = (struct upstream_policy){
        .tls = one_in(w, 3)   ? TLS_MODE_STARTTLS
               : one_in(w, 4) ? TLS_MODE_NONE
                              : TLS_MODE_IMPLICIT,
        .send_id = one_in(w, 2),
        .upstream_timeout_ms = 60000,
        .upstream_reuse_ms = one_in(w, 2) ? 90000 : 0,
        .version = "1",
    };
    w->other_policy = w->upstream_policy;
    w->elsewhere = one_in(w, 6);
    w->late = one_in(w, 3) ? 700 : 0;
    w->denied = one_in(w, 20) ? 300 : 0;
    w->stale = one_in(w, 3) ? 500 : 0;
    make_mailbox_policy(w);
    octet_budget_init(&w->readahead, one_in(w, 8) ? 1500 : 1 << 20);
    if (w->policy.client_tls == TLS_MODE_NONE && !one_in(w, 8))
        w->policy.allow_plaintext_login = true;
}

static void fill(struct world *w, struct model_mailbox *box)
{
    uint64_t n = random_below(&w->random, 8);

    model_mailbox_init(box, &w->random);
    box->sizes_inexact = one_in(w, 10);
    if (one_in(w, 30))
        n = 30 + random_below(&w->random, 60);
    for (; n > 0; n--)
        model_mailbox_add_any(box);
    if (w->disturb > 0) {
        for (n = random_below(&w->random, 3); n > 0; n--)
            model_mailbox_disturb(box);
    }
    /* One that fits neither the output nor a window of TOP. */
    if (one_in(w, 60))
        model_mailbox_add(box, 70000 + random_below(&w->random, 200000));
    if (one_in(w, 20) && box->count > 0)
        box->messages[random_below(&w->random, box->count)].unreadable = true;
}

/* Mostly INBOX alone; else the other one, or both in either order. */
static void choose_mailboxes(struct world *w)
{
    static struct mailbox_name names[] = {
        { "INBOX", "INBOX" },
        { MODEL_SECOND, MODEL_SECOND },
        { "INBOX", "INBOX" },
    };
    unsigned first = one_in(w, 2);

    w->shown[0] = 0;
    w->shown_count = 1;
    if (!one_in(w, 3))
        return;
    w->shown[0] = first;
    w->shown[1] = 1 - first;
    /* Without lasting UIDs several are refused. */
    w->shown_count = w->traits.uid_not_sticky || one_in(w, 4) ? 1 : 2;
    w->mailbox_policy.mailboxes =
        (struct mailbox_list){ w->shown_count, names + first };
}

static void make_world(struct world *w, uint64_t seed, bool verbose)
{
    *w = (struct world){ .verbose = verbose,
                         .server = w->server,
                         .resting = w->resting };
    random_init(&w->random, seed);
    make_policy(w);
    make_server(w);
    w->overloaded = one_in(w, 200);
    w->disturb = one_in(w, 2) ? (unsigned)random_below(&w->random, 80) : 0;
    w->drop = one_in(w, 3) ? (unsigned)random_below(&w->random, 20) : 0;
    w->lock_busy = one_in(w, 20) ? 500 : 0;
    for (unsigned i = 0; i < MODEL_BOXES_MAX; i++)
        fill(w, &w->boxes[i]);
    choose_mailboxes(w);
}

struct model_mailbox *world_any_box(struct world *w)
{
    return &w->boxes[random_below(&w->random, MODEL_BOXES_MAX)];
}

size_t world_living(const struct world *w)
{
    size_t living = 0;

    for (unsigned i = 0; i < w->shown_count; i++)
        living += model_mailbox_living(&w->boxes[w->shown[i]]);
    return living;
}

size_t world_messages(const struct world *w)
{
    size_t messages = 0;

    for (unsigned i = 0; i < w->shown_count; i++)
        messages += w->boxes[w->shown[i]].count;
    return messages;
}

static bool run_one(struct world *w, struct session *s, uint64_t *now)
{
    struct judge judge = s->judge;
    bool fine;

    *s = (struct session){ .world = w, .judge = judge };
    judge_init(&s->judge);
    for (unsigned b = 0; b < MODEL_BOXES_MAX; b++)
        for (size_t i = 0; i < w->boxes[b].count; i++)
            w->boxes[b].messages[i].body_asked = false;
    buf_init(&s->to_bridge, 1024 * 1024);
    s->now = s->started = s->last_event = s->last_client_event = *now;
    s->cut = (enum cut_style)random_below(&w->random, 3);
    fine = session_run(s);
    cover(COVER_SESSIONS);
    *now = s->now + random_below(&w->random, 1000000);
    buf_fini(&s->to_bridge);
    buf_fini(&s->judge.reply);
    return fine;
}

/* Another policy from now on, or another account of the same mailboxes: what is
 * known of them, and what rests, is the same.
 */
static void change_policy(struct world *w)
{
    if (one_in(w, 2)) { /* the same but for one thing */
        w->mailbox_policy.window.newest =
            1 + (uint32_t)random_below(&w->random, 3);
    } else {
        make_mailbox_policy(w);
        choose_mailboxes(w);
    }
    cover(COVER_OTHER_POLICY);
}

static void between_sessions(struct world *w)
{
    parked_befall(w);
    if (one_in(w, 6))
        change_policy(w);
    if (w->disturb > 0 && one_in(w, 2))
        for (uint64_t n = 1 + random_below(&w->random, 4); n > 0; n--)
            model_mailbox_disturb(world_any_box(w));
    if (w->disturb > 0 && one_in(w, 4))
        model_mailbox_exchange(world_any_box(w));
    if (one_in(w, 20)) {
        model_mailbox_recreate(world_any_box(w));
        cover(COVER_RENUMBERED);
    } else if (one_in(w, 20)) {
        model_mailbox_renumber(world_any_box(w));
        cover(COVER_RENUMBERED);
    }
}

bool world_run(const struct world_options *options, uint64_t *sessions,
               char failure[FAILURE_MAX])
{
    static struct world w;
    static struct session s;
    uint64_t now;
    uint64_t n;
    bool fine = true;

    make_world(&w, options->seed, options->verbose);
    heap_fail_at(options->fail_at);
    now = random_below(&w.random, 1000000);
    for (n = 1 + random_below(&w.random, SESSIONS_MAX); n > 0 && fine; n--) {
        fine = run_one(&w, &s, &now);
        *sessions += 1;
        if (fine && octet_budget_taken(&w.readahead) != 0) {
            session_fail(&s, "octets of the budget are not given back");
            fine = false;
        }
        between_sessions(&w);
    }
    if (!fine)
        snprintf(failure, FAILURE_MAX, "%s", s.failure);
    parked_drop(&w);
    for (unsigned i = 0; i < MODEL_BOXES_MAX; i++) {
        known_mailbox_clear(&w.known[i]);
        model_mailbox_fini(&w.boxes[i]);
    }
    return fine;
}
