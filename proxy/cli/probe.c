#include "cli/probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <uv.h>

#include "access/scram_job.h"
#include "base/limits.h"
#include "cli/probe_report.h"
#include "net/tls_context.h"
#include "server/upstream_channel.h"
#include "server/upstream_srv.h"
#include "server/upstream_talk.h"
#include "session/listing.h"
#include "session/viewing.h"

#define ERROR_MAX 1024

struct probe {
    const struct config *config;
    const struct config_upstream *upstream;
    const struct upstream_server *server;
    const struct credentials *credentials; /* NULL: no login */
    struct upstream_policy policy;
    struct mailbox_policy mailbox_policy;
    unsigned mailbox;        /* of those of the policy */
    struct tls_context *tls; /* NULL: none */
    uv_loop_t loop;
    uv_timer_t timer;
    struct connection_space space;
    struct upstream_talk talk;
    struct scram_channel channel;
    const char *mechanism; /* of its logins; NULL: none will do */
    struct imap_capabilities
        at_login;      /* often fewer once logged in, and more */
    bool is_logged_in; /* and that has not been told yet */
    struct known_mailbox nothing_known;
    struct listing listing;
    bool is_listing;
    struct snapshot_halves messages; /* what it has found */
    struct viewing viewing;
    bool is_viewing;
    bool is_done;
    int code;
};

/* --- the end --- */

static void finish(struct probe *p, int code)
{
    if (p->is_done)
        return;
    p->is_done = true;
    p->code = code;
    upstream_talk_close(&p->talk); /* LOGOUT may be on its way */
    uv_close((uv_handle_t *)&p->timer, NULL);
}

static void fail(struct probe *p, const char *failure, bool is_untrusted)
{
    probe_report_failure(p->upstream, p->server, p->policy.tls, failure,
                         is_untrusted);
    finish(p, EXIT_FAILURE);
}

/* What the server says, which may be what it was sent. */
static struct span quotable(const struct probe *p, struct span words)
{
    return p->credentials == NULL ? words
                                  : credentials_hide_in(p->credentials, words);
}

/* Once what the server says of itself (ID) stands above. */
static void tell_server(struct probe *p)
{
    if (p->is_logged_in)
        probe_report_server(p->at_login, p->talk.imap.capabilities,
                            p->mechanism, p->upstream->policy, true);
    p->is_logged_in = false;
}

static void fail_by(struct probe *p, enum fault fault, struct span words)
{
    tell_server(p);
    probe_report_fault(fault, quotable(p, words));
    finish(p, EXIT_FAILURE);
}

static void on_time(uv_timer_t *timer)
{
    fail_by(timer->data, FAULT_UPSTREAM_SILENT, span_make(NULL, 0));
}

/* The server has so long to say something, or to get on. */
static void restart_timer(struct probe *p)
{
    (void)uv_timer_start(&p->timer, on_time, p->config->upstream_timeout_ms, 0);
}

/* --- the talk --- */

static void take_leave(struct probe *p)
{
    upstream_talk_leave(&p->talk);
    finish(p, EXIT_SUCCESS);
}

/* Without a user: for a password as most are. */
static const char *choose_mechanism(const struct probe *p)
{
    struct credentials any;
    enum imap_mechanism m;

    credentials_init(&any);
    if (imap_session_choose(&p->talk.imap,
                            p->credentials != NULL ? p->credentials : &any,
                            &m) != FAULT_NONE)
        return NULL;
    return imap_mechanism_name(m);
}

/* Without a user this is all that there is to see. */
static void on_ready(struct probe *p)
{
    enum fault fault;

    upstream_channel_make(p->talk.connection, &p->channel);
    p->talk.imap.channel = &p->channel;
    probe_report_connection(p->talk.connection);
    p->at_login = p->talk.imap.capabilities;
    p->mechanism = choose_mechanism(p);
    if (p->credentials == NULL) {
        probe_report_server(p->at_login, p->at_login, p->mechanism,
                            p->upstream->policy, false);
        take_leave(p);
        return;
    }
    fault = imap_session_log_in(&p->talk.imap, p->credentials);
    if (fault != FAULT_NONE)
        fail_by(p, fault, span_make(NULL, 0));
}

/* Nobody else waits for this loop. */
static void on_prove(struct probe *p)
{
    struct scram_work work = imap_session_scram_work(&p->talk.imap);
    struct scram_proof proof;

    scram_job_prove(&work, &proof);
    imap_session_prove(&p->talk.imap, &proof);
    wipe(&proof, sizeof(proof));
}

static const struct mailbox_name *mailbox_at_hand(const struct probe *p)
{
    return mailbox_list_name(&p->mailbox_policy.mailboxes, p->mailbox);
}

static void open_mailbox(struct probe *p)
{
    imap_session_select(
        &p->talk.imap,
        mailbox_name_for(mailbox_at_hand(p), p->talk.imap.capabilities), true);
}

/* To the next of those that the policy shows. */
static void go_on(struct probe *p)
{
    snapshot_halves_drop(&p->messages);
    if (p->mailbox + 1 < mailbox_list_count(&p->mailbox_policy.mailboxes)) {
        p->mailbox++;
        open_mailbox(p);
        return;
    }
    probe_report_end();
    take_leave(p);
}

static void on_viewed(struct probe *p, enum task_status status)
{
    struct snapshot *view;

    if (status == TASK_RUNNING)
        return;
    p->is_viewing = false;
    if (status == TASK_FAILED) {
        fail_by(p, p->viewing.fault, span_make(NULL, 0));
    } else {
        view = viewing_take(&p->viewing);
        probe_report_mailbox(mailbox_at_hand(p)->text, &p->talk.imap.mailbox,
                             &p->messages, view);
        snapshot_unref(view);
    }
    viewing_fini(&p->viewing);
    if (status == TASK_DONE)
        go_on(p);
}

static void on_listed(struct probe *p, enum task_status status)
{
    if (status == TASK_RUNNING)
        return;
    p->is_listing = false;
    if (status == TASK_FAILED) {
        fail_by(p, p->listing.fault, span_make(NULL, 0));
        listing_fini(&p->listing);
        return;
    }
    p->messages = listing_take(&p->listing);
    listing_fini(&p->listing);
    p->is_viewing = true;
    on_viewed(p, viewing_start(&p->viewing, &p->talk.imap, &p->messages,
                               &p->mailbox_policy, SPAN_LITERAL(""),
                               (uint64_t)time(NULL)));
}

static void on_selected(struct probe *p)
{
    if (p->mailbox == 0)
        tell_server(p);
    p->is_listing = true;
    on_listed(p, listing_start(&p->listing, &p->talk.imap, &p->nothing_known));
}

static void take_event(struct probe *p, const struct imap_session_event *ev)
{
    switch (ev->kind) {
    case IMAP_SESSION_READY:
        on_ready(p);
        break;
    case IMAP_SESSION_PROVE:
        on_prove(p);
        break;
    case IMAP_SESSION_LOGGED_IN:
        p->is_logged_in = true;
        open_mailbox(p);
        break;
    case IMAP_SESSION_SELECTED:
        on_selected(p);
        break;
    case IMAP_SESSION_ITEM:
    case IMAP_SESSION_COMPLETED:
        if (p->is_listing)
            on_listed(p, listing_on_event(&p->listing, ev));
        else if (p->is_viewing)
            on_viewed(p, viewing_on_event(&p->viewing, ev));
        break;
    case IMAP_SESSION_ID:
        probe_report_words("id", quotable(p, ev->item.text));
        break;
    case IMAP_SESSION_TEXT:
        probe_report_words("it says", quotable(p, ev->item.text));
        break;
    case IMAP_SESSION_FAILED:
        if (p->talk.imap.state == IMAP_AUTHENTICATED)
            probe_report_words("mailbox",
                               span_from_string(mailbox_at_hand(p)->text));
        fail_by(p, ev->fault, ev->item.text);
        break;
    case IMAP_SESSION_MORE:
    case IMAP_SESSION_START_TLS:
    case IMAP_SESSION_LOGGED_OUT:
        break;
    }
}

static void on_no_connection(struct probe *p)
{
    if (p->talk.is_untrusted)
        probe_report_connection(p->talk.connection);
    fail(p, p->talk.failure, p->talk.is_untrusted);
}

static void on_stir(void *owner)
{
    struct probe *p = owner;
    struct imap_session_event ev;

    restart_timer(p);
    while (!p->is_done) {
        switch (upstream_talk_next(&p->talk, &ev)) {
        case UPSTREAM_TALK_EVENT:
            take_event(p, &ev);
            break;
        case UPSTREAM_TALK_MORE:
            return;
        case UPSTREAM_TALK_FAILED:
            on_no_connection(p);
            break;
        }
    }
}

/* --- the beginning --- */

static void talk(struct probe *p)
{
    const struct config_upstream *upstream = p->upstream;
    const struct upstream_talk_to to = { .upstream = upstream,
                                         .server = p->server,
                                         .policy = &p->policy,
                                         .tls = p->tls };

    (void)uv_timer_init(&p->loop, &p->timer);
    p->timer.data = p;
    (void)printf("Server %s\n", p->server->text);
    if (upstream_talk_start(&p->talk, &to, &p->space, on_stir, p))
        restart_timer(p);
    else
        fail(p, "no memory", false);
    (void)uv_run(&p->loop, UV_RUN_DEFAULT);
    upstream_talk_fini(&p->talk);
    if (p->is_listing)
        listing_fini(&p->listing);
    if (p->is_viewing)
        viewing_fini(&p->viewing);
    snapshot_halves_drop(&p->messages);
}

static bool make_tls(struct probe *p)
{
    char error[ERROR_MAX];

    if (p->policy.tls == TLS_MODE_NONE)
        return true;
    p->tls = tls_context_new_client(p->upstream->ca_file, error, sizeof(error));
    if (p->tls == NULL)
        (void)fprintf(stderr, "popinjay: %s\n", error);
    return p->tls != NULL;
}

static int probe_server(struct probe p)
{
    p.code = EXIT_FAILURE;
    if (!make_tls(&p) || uv_loop_init(&p.loop) != 0)
        return EXIT_FAILURE;
    if (connection_space_init(&p.space, &p.loop))
        talk(&p);
    connection_space_fini(&p.space);
    (void)uv_loop_close(&p.loop);
    tls_context_free(p.tls);
    return p.code;
}

int probe_run(const struct config *config,
              const struct config_upstream *upstream, const char *version,
              const struct credentials *credentials)
{
    char error[ERROR_MAX] = "no memory";
    bool may_pass;
    struct upstream_servers *servers = upstream_servers_find(
        config, upstream, &may_pass, error, sizeof(error));
    struct probe p = {
        .config = config,
        .upstream = upstream,
        .credentials = credentials,
        .policy = config_upstream_policy(config, upstream, version),
        .mailbox_policy = config_mailbox_policy(upstream->policy),
    };
    int code = servers != NULL ? EXIT_SUCCESS : EXIT_FAILURE;

    if (servers == NULL)
        (void)fprintf(stderr, "popinjay: %s\n", error);
    for (size_t i = 0; servers != NULL && i < servers->count; i++) {
        p.server = &servers->at[i];
        p.policy.tls = servers->tls;
        if (probe_server(p) != EXIT_SUCCESS)
            code = EXIT_FAILURE;
    }
    upstream_servers_release(servers);
    return code;
}
