/* Tokens of OAuth 2.0: the desk that has them, and what the log hears of it. */
#include "access/command_runner.h"
#include "access/token_desk.h"
#include "server/log.h"
#include "server/server_parts.h"

#define ERROR_MAX 1024
#define ADVICE_MAX 640

/* --- the log --- */

static void begin_record(struct log_record *r, enum log_level level,
                         const char *event, const struct token_report *report)
{
    log_begin(r, level, event);
    log_record_add_string(r, "source", report->source);
    if (report->account[0] != '\0')
        log_record_add_string(r, "account", report->account);
}

static void log_success(const struct token_report *report)
{
    struct log_record r;
    enum log_level level = report->is_kept ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;

    if (!log_wants(level))
        return;
    begin_record(&r, level, report->is_kept ? "token_kept" : "token_renewed",
                 report);
    log_record_add_number(&r, "lifetime_s", report->lifetime_s);
    log_write(&r);
}

static void add_failure(struct log_record *r, const struct token_report *report)
{
    log_record_add_string(r, "reason", oauth_result_name(report->result));
    if (report->error[0] != '\0')
        log_record_add_string(r, "text", report->error);
}

static void log_failure(const struct token_report *report)
{
    struct log_record r;

    begin_record(&r, LOG_LEVEL_WARNING, "token_failed", report);
    add_failure(&r, report);
    log_record_add_number(&r, "retry_in_ms", report->retry_in_ms);
    log_write(&r);
}

/* Only its owner can mend it: how is said here, once. */
static void log_refusal(const struct token_report *report)
{
    struct log_record r;
    char advice[ADVICE_MAX];

    (void)snprintf(advice, sizeof(advice), "popinjay oauth login %s",
                   report->account);
    begin_record(&r, LOG_LEVEL_ERROR, "token_refused", report);
    add_failure(&r, report);
    log_record_add_string(&r, "advice", advice);
    log_write(&r);
}

static void on_report(void *owner, const struct token_report *report)
{
    (void)owner;
    if (report->result == OAUTH_OK)
        log_success(report);
    else if (report->retry_in_ms > 0)
        log_failure(report);
    else
        log_refusal(report);
}

/* --- the desk --- */

bool server_set_up_tokens(struct server *s)
{
    s->service->tokens = token_desk_new(&s->loop, on_report, s);
    return s->service->tokens != NULL;
}

bool server_renew_tokens(struct server *s, struct settings *settings)
{
    return token_desk_adopt(s->service->tokens, settings->token_sources);
}

static void log_lack(const char *event, const char *text)
{
    log_event(LOG_LEVEL_ERROR, event, text);
}

static const char *keep_tokens(struct server *s)
{
    const struct settings *settings = s->settings;
    struct span key = buf_span(&settings->access->key);
    char error[ERROR_MAX] = "[accounts] key_file is missing: nothing to seal "
                            "tokens with";
    struct token_store *store = NULL;

    /* Tokens are for accounts. */
    if (settings->access->accounts == NULL ||
        !token_sources_are_kept(settings->token_sources))
        return NULL;
    if (key.len > 0)
        store = token_store_open(settings->config->state_directory, key, error,
                                 sizeof(error));
    if (store == NULL) {
        log_lack("tokens_not_kept", error);
        return NULL;
    }
    token_desk_keep(s->service->tokens, store);
    return token_store_folder(store);
}

static void begin_commands(struct server *s)
{
    struct command_client *client = NULL;
    char error[ERROR_MAX] = "no memory";
    int fd;

    if (!command_runner_is_needed(s->settings->config))
        return;
    if (command_runner_start(s->settings->config, &fd, error, sizeof(error)))
        client = command_client_new(&s->loop, fd);
    if (client == NULL)
        log_lack("no_commands", error);
    token_desk_command(s->service->tokens, client);
}

const char *server_prepare_tokens(struct server *s)
{
    begin_commands(s);
    return keep_tokens(s);
}
