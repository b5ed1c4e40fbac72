/* What wants a person's attention, in a sentence each. */
#include "server/html_writer.h"
#include "server/limit.h"
#include "server/status_parts.h"
#include "session/fault.h"

#define NEARLY_FULL_PERCENT 80
#define STATUS_NOTICES_MAX (64 * 1024)

struct notices {
    struct buf *out; /* of the notice that is written: the page or |later| */
    struct buf *page;
    struct buf later; /* warnings: alarms come first */
    const struct status_figures *f;
    const struct history_minute *hour;
    unsigned count;
};

/* The sentence and `</li>` are the caller's. */
static void begin(struct notices *n, bool alarming)
{
    n->count++;
    n->out = alarming ? n->page : &n->later;
    html_text(n->out, alarming
                          ? "<li class=\"bad\"><strong>Alarm:</strong> "
                          : "<li class=\"warn\"><strong>Warning:</strong> ");
}

static void end(struct notices *n)
{
    html_text(n->out, "</li>\n");
}

static void say(struct notices *n, bool alarming, const char *sentence)
{
    begin(n, alarming);
    html_text(n->out, sentence);
    end(n);
}

static void ago(struct buf *out, const struct status_figures *f,
                uint64_t unix_s)
{
    html_duration(out, f->now_seconds > unix_s ? f->now_seconds - unix_s : 0);
    html_text(out, " ago");
}

/* Of several; a single one is what the health of its upstream is about. */
static void on_servers(struct notices *n, const struct status_upstream *u)
{
    for (size_t i = 0; u->server_count > 1 && i < u->server_count; i++) {
        const struct upstream_server_view *server = &u->servers[i];

        if (server->aside_ms == 0)
            continue;
        begin(n, false);
        html_text(n->out, "the server ");
        html_escaped(n->out, server->text);
        html_text(n->out, " of the upstream ");
        html_escaped(n->out, u->name);
        html_text(n->out, " is put aside, the others have its users: ");
        html_escaped(n->out, server->failure);
        html_text(n->out, ".");
        end(n);
    }
}

static void on_upstreams(struct notices *n)
{
    const struct status_figures *f = n->f;

    for (size_t i = 0; i < f->upstream_count; i++) {
        const struct upstream_health_view *h = &f->upstreams[i].health;

        if (h->verdict != UPSTREAM_FAILING) {
            on_servers(n, &f->upstreams[i]);
            continue;
        }
        begin(n, true);
        html_text(n->out, "the upstream ");
        if (f->upstream_count > 1) {
            html_escaped(n->out, f->upstreams[i].name);
            html_text(n->out, " ");
        }
        html_text(n->out, "is not reached: ");
        html_escaped(n->out, h->failure);
        if (h->success_unix_s > 0) {
            html_text(n->out, ". The last success was ");
            ago(n->out, f, h->success_unix_s);
        }
        html_text(n->out, ". How far a connection comes shows: popinjay probe");
        if (f->upstream_count > 1) {
            html_text(n->out, " ");
            html_escaped(n->out, f->upstreams[i].name);
        }
        end(n);
    }
}

static void on_state(struct notices *n)
{
    switch (n->f->state) {
    case STATUS_DRAINING:
        say(n, false, "it is stopping: no new sessions are taken.");
        break;
    case STATUS_STARTING:
        say(n, false, "it is starting: no upstream was reached yet.");
        break;
    case STATUS_UPSTREAM_FAILING:
    case STATUS_SERVING:
    case STATUS_STATE_COUNT:
        break;
    }
}

/* |days| are left of a certificate: the end of a sentence about it. */
static void say_expiry(struct notices *n, int64_t days)
{
    if (days < 0) {
        html_text(n->out, " has expired");
        return;
    }
    html_text(n->out, " expires in ");
    html_number(n->out, (uint64_t)days);
    html_text(n->out, days == 1 ? " day" : " days");
}

static void on_certificates(struct notices *n)
{
    for (size_t i = 0; i < n->f->certificate_count; i++) {
        const struct settings_certificate *c = &n->f->certificates[i];
        int64_t days = status_days_left(c->facts.not_after_s, n->f);

        if (days >= CERTIFICATE_WARN_DAYS)
            continue;
        begin(n, days < CERTIFICATE_ALARM_DAYS);
        html_text(n->out, "the certificate of ");
        html_escaped(n->out, c->listener);
        html_text(n->out, " for ");
        html_escaped(n->out, c->facts.name);
        say_expiry(n, days);
        html_text(n->out, ".");
        end(n);
    }
}

static void on_server_certificate(struct notices *n, const char *upstream,
                                  const struct upstream_server_view *server)
{
    int64_t days = status_days_left(server->certificate_end_s, n->f);

    if (server->certificate_end_s == 0 || days >= CERTIFICATE_WARN_DAYS)
        return;
    begin(n, days < CERTIFICATE_ALARM_DAYS);
    html_text(n->out, "the certificate of the server ");
    html_escaped(n->out, server->text);
    html_text(n->out, " of the upstream ");
    html_escaped(n->out, upstream);
    say_expiry(n, days);
    html_text(n->out, ": whoever runs it has to renew it.");
    end(n);
}

static void on_upstream_certificates(struct notices *n)
{
    for (size_t i = 0; i < n->f->upstream_count; i++) {
        const struct status_upstream *u = &n->f->upstreams[i];

        for (size_t k = 0; k < u->server_count; k++)
            on_server_certificate(n, u->name, &u->servers[k]);
    }
}

static void on_tokens(struct notices *n)
{
    for (size_t i = 0; i < token_desk_sources(n->f->tokens); i++) {
        struct token_source_figures t = token_desk_figures(n->f->tokens, i);
        unsigned troubled = t.refused > 0 ? t.refused : t.failing;

        if (troubled == 0)
            continue;
        begin(n, t.refused > 0);
        html_number(n->out, troubled);
        html_text(n->out, troubled == 1 ? " account of [oauth "
                                        : " accounts of [oauth ");
        html_escaped(n->out, t.source);
        html_text(n->out,
                  t.refused > 0
                      ? "]: somebody has to agree anew; token_refused in the "
                        "log says whose it is and what to do."
                      : "]: no token is had for now; token_failed in the log "
                        "says why.");
        end(n);
    }
}

/* Of several, those at which it has happened since the start. */
static void say_where(struct notices *n, enum fault fault)
{
    const struct status_figures *f = n->f;
    const char *before = " Since the start at: ";

    for (size_t i = 0; f->upstream_count > 1 && i < f->upstream_count; i++) {
        if (f->upstreams[i].login_failures[fault] == 0)
            continue;
        html_text(n->out, before);
        html_escaped(n->out, f->upstreams[i].name);
        before = ", ";
    }
}

/* Of faults that are somebody's to mend: ours or the operator's. */
static void on_failures(struct notices *n)
{
    for (unsigned i = FAULT_NONE + 1; i < FAULT_COUNT; i++) {
        enum fault fault = (enum fault)i;
        enum fault_class class = fault_class(fault);
        bool alarming = fault_is_alarm(fault);

        if (n->hour->login_failures[i] == 0 ||
            (class != FAULT_CLASS_UPSTREAM && class != FAULT_CLASS_RESOURCES &&
             !alarming))
            continue;
        begin(n, alarming);
        html_number(n->out, n->hour->login_failures[i]);
        html_text(n->out,
                  n->hour->login_failures[i] == 1 ? " login" : " logins");
        html_text(n->out, " failed in the last hour: ");
        html_escaped(n->out, fault_pop3_text(fault));
        html_text(n->out, " (reason=");
        html_escaped(n->out, fault_name(fault));
        html_text(n->out, " in the log).");
        say_where(n, fault);
        end(n);
    }
}

static void on_limits(struct notices *n)
{
    for (unsigned i = 0; i < LIMIT_COUNT; i++) {
        uint64_t times = n->hour->value[limit_counter((enum limit)i)];

        if (times == 0)
            continue;
        begin(n, false);
        html_text(n->out, "the limit ");
        html_escaped(n->out, limit_name((enum limit)i));
        html_text(n->out, " was hit ");
        html_number(n->out, times);
        html_text(n->out, times == 1 ? " time" : " times");
        html_text(n->out, " in the last hour.");
        end(n);
    }
}

static bool is_nearly(uint64_t value, uint64_t most)
{
    return most > 0 && value * 100 >= most * NEARLY_FULL_PERCENT;
}

bool status_write_notices(struct buf *out, const struct status_figures *f,
                          const struct history_minute *hour)
{
    struct notices n = { .page = out, .f = f, .hour = hour };
    bool good;

    buf_init(&n.later, STATUS_NOTICES_MAX);
    html_text(out,
              "<section aria-label=\"Notices\">\n<ul class=\"notices\">\n");
    on_upstreams(&n);
    on_state(&n);
    on_certificates(&n);
    on_upstream_certificates(&n);
    on_tokens(&n);
    on_failures(&n);
    if (f->reload_good == 0)
        say(&n, false,
            "the last reload was refused; the log says why. It serves by what "
            "was read before.");
    if (is_nearly(f->sessions, f->max_sessions))
        say(&n, false, "sessions are near max_sessions.");
    if (is_nearly(f->process.open_files, f->process.max_files))
        say(&n, true, "file descriptors are nearly used up.");
    on_limits(&n);
    if (n.count == 0)
        html_text(out, "<li class=\"good\">Nothing needs attention.</li>\n");
    good = !buf_failed(&n.later) && buf_append(out, buf_span(&n.later));
    buf_fini(&n.later);
    html_text(out, "</ul>\n</section>\n");
    return good;
}
