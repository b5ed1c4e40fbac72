/* What the answer to PASS and AUTH must be, and the maildrop after it. */
#include <stdlib.h>
#include <string.h>

#include "sim/cover.h"
#include "sim/session.h"

static int by_uid(const void *left, const void *right)
{
    const struct shown *a = left;
    const struct shown *b = right;

    return (a->uid > b->uid) - (a->uid < b->uid);
}

static struct shown *add_shown(struct judge *j)
{
    if (j->shown_count == j->shown_capacity) {
        j->shown_capacity = 2 * j->shown_capacity + 16;
        j->shown = realloc(j->shown, j->shown_capacity * sizeof(*j->shown));
        if (j->shown == NULL)
            abort();
    }
    return &j->shown[j->shown_count++];
}

/* A mailbox of the maildrop, and what the server did with it. */
struct opened {
    const struct model_mailbox *box;
    const struct model_opened *server;
    const struct known_mailbox *offered;
    bool is_second;
};

/* Nobody but the search, which no change to the mailbox follows, knows of flags
 * and dates.
 */
static void must_be_searched(struct session *s, const struct opened *o)
{
    if (!o->server->view_searched)
        session_fail(s, "what is to be hidden was not asked for");
}

static bool is_kept(struct session *s, const struct opened *o,
                    const struct model_listed *listed)
{
    const struct model_message *m = &o->box->messages[listed->message];

    if (s->world->mailbox_policy.on_delete != ON_DELETE_KEEP ||
        s->world->traits.no_deleted_flag || s->world->traits.no_keywords)
        return false; /* no message has it, or ever will */
    must_be_searched(s, o);
    if (!m->has_keyword && !m->gone)
        return false;
    cover(COVER_HIDDEN_KEPT);
    return true;
}

/* To the second where the server was asked so; else everywhere on earth. */
static bool is_old(const struct world *w, const struct opened *o,
                   const struct model_message *m)
{
    uint32_t days = w->mailbox_policy.window.newer_than_days;

    if (o->server->by_second)
        return model_message_came_s(m) + days * UINT64_C(86400) < w->unix_s;
    return m->day + days < (w->unix_s - 43200) / 86400;
}

/* Of what the window does not show, but for the number of the newest. */
static bool is_outside(struct session *s, const struct opened *o,
                       const struct model_listed *listed)
{
    const struct mailbox_window *w = &s->world->mailbox_policy.window;
    const struct model_message *m = &o->box->messages[listed->message];
    bool searched =
        w->newer_than_days > 0 || w->unread_only || w->only_keyword != NULL;

    if (searched)
        must_be_searched(s, o);
    if ((w->max_message_octets == 0 || listed->size <= w->max_message_octets) &&
        (w->newer_than_days == 0 || !is_old(s->world, o, m)) &&
        (!w->unread_only || !m->seen) &&
        (w->only_keyword == NULL || m->chosen) && !(searched && m->gone))
        return false;
    cover(COVER_HIDDEN_WINDOW);
    return true;
}

/* Of one mailbox, whose messages begin at |from|. */
static void cut_to_newest(struct session *s, size_t from)
{
    struct judge *j = &s->judge;
    uint32_t newest = s->world->mailbox_policy.window.newest;

    if (newest == 0 || j->shown_count - from <= newest)
        return;
    memmove(j->shown + from, j->shown + j->shown_count - newest,
            newest * sizeof(*j->shown));
    j->shown_count = from + newest;
    cover(COVER_HIDDEN_OLDER);
}

static void show(struct session *s, const struct opened *o,
                 const struct model_listed *listed)
{
    if (listed->deleted && s->world->mailbox_policy.hide_deleted) {
        cover(COVER_HIDDEN);
        return;
    }
    if (is_kept(s, o, listed) || is_outside(s, o, listed))
        return;
    *add_shown(&s->judge) = (struct shown){ .box = o->box,
                                            .uidvalidity = o->box->uidvalidity,
                                            .in_second = o->is_second,
                                            .message = listed->message,
                                            .uid = listed->uid,
                                            .size = listed->size };
}

/* The maildrop is what the server listed, the last word on each UID. */
static void take_all(struct session *s, const struct opened *o)
{
    const struct model_opened *m = o->server;

    if (!m->asked_for_all && m->viewed_count > 0)
        session_fail(s, "a listing anew that did not ask for all");
    for (size_t i = 0; i < m->listed_count; i++) {
        const struct model_listed *listed = &m->listed[i];
        bool again = false;

        for (size_t k = i + 1; k < m->listed_count && !again; k++)
            again = m->listed[k].message == listed->message;
        if (!again)
            show(s, o, listed);
    }
    if (m->asked_for_changes)
        cover(COVER_LISTING_UPDATE_FAILED);
    if (!known_mailbox_is_empty(o->offered))
        cover(COVER_LISTING_STALE);
}

/* It is what was there at SELECT, with the flags as they were when they were
 * asked for. What was gone by then has those that were known.
 */
static void take_known(struct session *s, const struct opened *o, bool changed)
{
    const struct model_opened *m = o->server;
    const struct snapshot *hidden = o->offered->messages.hidden;

    if (hidden == NULL) {
        session_fail(s, "nothing was known");
        return;
    }
    if (m->asked_for_all || m->asked_for_changes != changed)
        session_fail(s, "a listing that is not what it was counted as");
    for (size_t i = 0; i < m->viewed_count; i++) {
        struct model_viewed viewed = m->viewed[i];

        if (viewed.gone && !viewed.told)
            viewed.at.deleted =
                snapshot_find(hidden, viewed.at.uid) < snapshot_count(hidden);
        show(s, o, &viewed.at);
    }
    cover(changed ? COVER_LISTING_UPDATED : COVER_LISTING_FRESH);
}

/* What came of what was known, by what the server was asked. */
static enum known_verdict verdict_of(const struct model_opened *m)
{
    if (m->asked_for_all)
        return KNOWN_UNPROVEN;
    return m->asked_for_changes ? KNOWN_OLDER : KNOWN_FRESH;
}

/* The policy leaves something out, and the mailbox is great enough for that. */
static bool is_excerpt(const struct world *w, const struct model_opened *m)
{
    const struct mailbox_policy *p = &w->mailbox_policy;
    bool searched = p->window.newer_than_days > 0 || p->window.unread_only ||
                    p->window.only_keyword != NULL ||
                    (p->on_delete == ON_DELETE_KEEP &&
                     !w->traits.no_deleted_flag && !w->traits.no_keywords);
    bool counted = p->window.newest > 0 && p->window.newest < m->viewed_count;

    return m->viewed_count > p->list_whole_max && (searched || counted);
}

/* Listed or not, what passes the window of what was there at SELECT: nothing has
 * moved since then. It is all listed where that takes no longer, or where what
 * the server said was strange.
 */
static void take_excerpt(struct session *s, const struct opened *o)
{
    const struct model_opened *m = o->server;
    uint32_t newest = s->world->mailbox_policy.window.newest;

    if (m->asked_for_all && newest > 0 && s->world->server.faults == 0 &&
        m->viewed[m->viewed_count - 1].at.uid > 2 * newest)
        session_fail(s, "all is listed for a few of the newest");
    for (size_t i = 0; i < m->viewed_count; i++)
        show(s, o, &m->viewed[i].at);
    cover(m->asked_for_all         ? COVER_EXCERPT_GIVEN_UP
          : m->asked_for_parts > 0 ? COVER_EXCERPT
                                   : COVER_EXCERPT_FRESH);
    if (m->asked_for_parts > 1)
        cover(COVER_EXCERPT_IN_STEPS);
}

static void take_mailbox(struct session *s, const struct opened *o)
{
    enum known_verdict verdict = verdict_of(o->server);
    struct judge *j = &s->judge;
    size_t from = j->shown_count;

    /* An empty one is not asked for anything, known or not. */
    if (verdict == KNOWN_FRESH && o->server->viewed_count == 0)
        verdict = KNOWN_UNPROVEN;
    if (is_excerpt(s->world, o->server))
        take_excerpt(s, o);
    else if (verdict == KNOWN_UNPROVEN)
        take_all(s, o);
    else
        take_known(s, o, verdict == KNOWN_OLDER);
    if (j->shown_count > from)
        qsort(j->shown + from, j->shown_count - from, sizeof(*j->shown),
              by_uid);
    cut_to_newest(s, from);
}

/* As it was counted: an empty mailbox may be either, and one that is too great to
 * be listed for its window may be so all the same.
 */
static void check_counts(struct session *s)
{
    const uint64_t *now = bridge_report(s->bridge)->listings;
    const uint64_t *then = s->judge.listings;
    const struct world *w = s->world;
    uint64_t fresh = 0;
    uint64_t older = 0;
    uint64_t either = 0;

    for (unsigned i = 0; i < w->shown_count; i++) {
        const struct model_opened *m = &w->server.opened[w->shown[i]];
        enum known_verdict verdict = verdict_of(m);

        if (is_excerpt(w, m)) {
            either++;
            older++;
            continue;
        }
        either += verdict == KNOWN_FRESH && m->viewed_count == 0;
        fresh += verdict == KNOWN_FRESH && m->viewed_count > 0;
        older += verdict == KNOWN_OLDER;
    }
    if (now[KNOWN_OLDER] - then[KNOWN_OLDER] > older ||
        now[KNOWN_FRESH] - then[KNOWN_FRESH] < fresh ||
        now[KNOWN_FRESH] - then[KNOWN_FRESH] > fresh + either)
        session_fail(s, "a listing that is not what it was counted as");
}

static void take_listing(struct session *s)
{
    struct world *w = s->world;

    s->judge.shown_count = 0;
    check_counts(s);
    for (unsigned i = 0; i < w->shown_count; i++) {
        const struct opened o = {
            .box = &w->boxes[w->shown[i]],
            .server = &w->server.opened[w->shown[i]],
            .offered = &s->offered[i],
            .is_second = w->shown[i] == 1,
        };

        take_mailbox(s, &o);
    }
    cover_add(COVER_LISTED, s->judge.shown_count);
    if (w->shown_count > 1)
        cover(COVER_MERGED);
}

static void cover_mechanism(const struct session *s)
{
    if (s->world->traits.token != NULL)
        cover(COVER_LOGIN_TOKEN);
    else if (s->world->server.mechanism == MODEL_SCRAM_PLUS)
        cover(COVER_LOGIN_SCRAM_PLUS);
    else if (s->world->server.mechanism == MODEL_SCRAM)
        cover(COVER_LOGIN_SCRAM);
    else
        cover(s->world->traits.auth_plain ? COVER_LOGIN_AUTHENTICATE
                                          : COVER_LOGIN_LITERALS);
}

static void accepted(struct session *s, const struct op *op)
{
    if (op->login != LOGIN_RIGHT)
        session_fail(s, "logged in with wrong credentials");
    if (s->upstream != UPSTREAM_UP || !s->world->server.selected)
        session_fail(s, "logged in without a mailbox");
    if (s->login_asked)
        session_fail(s, "logged in before it was granted");
    if (!s->lock_held)
        session_fail(s, "logged in without the lock");
    if (s->world->overloaded)
        session_fail(s, "logged in beyond max_sessions");
    if (s->failed)
        return;
    s->judge.logged_in = true;
    take_listing(s);
    cover(COVER_LOGINS);
    if (s->was_taken_up)
        cover(s->reusing ? COVER_REUSED : COVER_NOT_REUSED);
    cover_mechanism(s);
}

/* The server can take these credentials at all: what is not ASCII goes by
 * AUTHENTICATE only (CONFORMANCE UTF-3).
 */
static bool server_is_usable(const struct world *w)
{
    const struct model_traits *t = &w->traits;
    bool ascii = true;

    for (const char *c = t->password; *c != '\0'; c++)
        ascii = ascii && *c >= ' ' && *c <= '~';
    if (t->token != NULL)
        return !w->overloaded && !t->preauth &&
               (t->auth_oauthbearer || t->auth_xoauth2);
    return !w->overloaded && !t->preauth &&
           (t->auth_plain || t->auth_scram ||
            (t->auth_scram_plus && w->server.channel.has_binding) ||
            (ascii && !t->login_disabled));
}

static void check_code(struct session *s, const struct op *op, struct span code)
{
    static const char *const names[] = { [MODEL_REFUSED_NOT] = "",
                                         [MODEL_REFUSED_AUTH] = "AUTH",
                                         [MODEL_REFUSED_TEMP] = "SYS/TEMP",
                                         [MODEL_REFUSED_PERM] = "SYS/PERM" };
    bool refused = s->refusals > s->judge.refusals;
    bool is_auth = span_equals(code, SPAN_LITERAL("AUTH"));

    if (refused && !span_equals(code, span_from_string(names[s->refusal])) &&
        !s->excused)
        session_fail(s, "a refusal by the server has the wrong code");
    if (refused && is_auth && s->refusal != MODEL_REFUSED_AUTH)
        session_fail(s, "[AUTH] for what was not about credentials");
    if (is_auth && !refused && op->login != LOGIN_STRANGER &&
        op->login != LOGIN_MALFORMED)
        session_fail(s, "[AUTH], and nobody refused the credentials");
    if (span_equals(code, SPAN_LITERAL("IN-USE")) && !s->in_use)
        session_fail(s, "[IN-USE], and it is not");
    if (span_equals(code, SPAN_LITERAL("LOGIN-DELAY")) && !s->too_soon)
        session_fail(s, "[LOGIN-DELAY], and nobody said so");
    if (code.len == 0 && op->login != LOGIN_MALFORMED)
        session_fail(s, "a login was refused without a code");
}

static void count_code(struct span code)
{
    if (span_equals(code, SPAN_LITERAL("AUTH")))
        cover(COVER_LOGIN_AUTH);
    else if (span_equals(code, SPAN_LITERAL("SYS/TEMP")))
        cover(COVER_LOGIN_TEMP);
    else if (span_equals(code, SPAN_LITERAL("SYS/PERM")))
        cover(COVER_LOGIN_PERM);
    else if (span_equals(code, SPAN_LITERAL("IN-USE")))
        cover(COVER_LOGIN_IN_USE);
    else if (span_equals(code, SPAN_LITERAL("LOGIN-DELAY")))
        cover(COVER_LOGIN_TOO_SOON);
}

void judge_login_reply(struct session *s, const struct op *op, bool ok,
                       struct span code)
{
    if (ok) {
        accepted(s, op);
        s->judge.refusals = s->refusals;
        return;
    }
    if (op->login == LOGIN_RIGHT && !s->excused && !s->in_use && !s->too_soon &&
        s->refusals == s->judge.refusals && server_is_usable(s->world))
        session_fail(s, "the right password was refused");
    check_code(s, op, code);
    count_code(code);
    s->judge.refusals = s->refusals;
    s->judge.logins_failed++;
    /* One that was listed, and then could not be searched. */
    memcpy(s->judge.listings, bridge_report(s->bridge)->listings,
           sizeof(s->judge.listings));
}
