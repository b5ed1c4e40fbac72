#include "server/warnings.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/log.h"

/* Descriptors beside those of the sessions: listeners, loops, files. */
#define FILES_ASIDE 256

/* Two a session, one for each connection that rests, and some more. */
static uint64_t files_needed(const struct config *config)
{
    uint64_t parked =
        config->upstream_reuse_ms > 0 ? config->parked_connections : 0;

    return 2 * (uint64_t)config->max_sessions + parked + FILES_ASIDE;
}

static uint64_t files_allowed(void)
{
    struct rlimit files = { 0, 0 };

    (void)getrlimit(RLIMIT_NOFILE, &files);
    return files.rlim_cur;
}

/* TLS-6: what a listener was lowered to. */
static void warn_of_listener(const struct config_listener *listener,
                             const char *event, const char *text)
{
    struct log_record r;

    log_begin(&r, LOG_LEVEL_WARNING, event);
    log_record_add_string(&r, "listener", listener->name);
    log_record_add_string(&r, "text", text);
    log_write(&r);
}

static void warn_of_lowered(const struct config_listener *listener)
{
    if (listener->tls != TLS_MODE_NONE &&
        listener->tls_min_version < TLS_VERSION_1_2)
        warn_of_listener(listener, "old_tls",
                         "versions below TLS 1.2 can be broken");
    if (listener->plaintext_from.count > 0)
        warn_of_listener(listener, "plaintext_logins",
                         "whoever is on the way from plaintext_from can read "
                         "passwords");
}

static void warn_of_upstream(const struct config_upstream *upstream)
{
    struct log_record r;

    if (upstream->tls != TLS_MODE_NONE || !upstream->allow_insecure_upstream)
        return;
    log_begin(&r, LOG_LEVEL_WARNING, "insecure_upstream");
    log_record_add_string(&r, "upstream", upstream->name);
    log_record_add_string(&r, "text",
                          "passwords and mail cross the network in clear");
    log_write(&r);
}

/* Others than the user that we run as: whoever has the hashes can guess at them.
 */
static void warn_of_open_file(const char *path)
{
    struct log_record r;
    struct stat st;

    if (path == NULL || stat(path, &st) != 0 || (st.st_mode & 0077) == 0)
        return;
    log_begin(&r, LOG_LEVEL_WARNING, "file_open_to_others");
    log_record_add_string(&r, "text", path);
    log_write(&r);
}

/* With a key they last, and nobody can tell names without account by their change.
 */
static void warn_of_decoys(const struct settings *settings)
{
    const struct access_rules *rules = settings->access;
    bool any = false;

    for (size_t i = 0; i < settings->config->listener_count; i++)
        any = any || accounts_any_scram(rules->accounts,
                                        settings->config->listeners[i].name);
    if (any && rules->decoys.lasting == NULL)
        log_event(LOG_LEVEL_WARNING, "scram_without_key",
                  "[accounts] key_file is missing: salts made up for names "
                  "without account change at each start, those of accounts do "
                  "not");
}

static void warn_of_accounts(const struct settings *settings)
{
    size_t count = accounts_count_recoverable(settings->access->accounts);
    struct log_record r;

    warn_of_open_file(settings->config->accounts_file);
    warn_of_decoys(settings);
    if (count == 0)
        return;
    log_begin(&r, LOG_LEVEL_WARNING, "recoverable_passwords");
    log_record_add_number(&r, "accounts", count);
    log_record_add_string(&r, "text",
                          "kept for APOP and CRAM-MD5: whoever has the file of "
                          "accounts and the key file has them");
    log_write(&r);
}

void warnings_log(const struct settings *settings)
{
    const struct config *config = settings->config;
    uint64_t files = files_allowed();
    struct log_record r;

    for (size_t i = 0; i < config->upstream_count; i++)
        warn_of_upstream(&config->upstreams[i]);
    if (geteuid() == 0 && config->user == NULL)
        log_event(LOG_LEVEL_WARNING, "runs_as_root",
                  "[server] user names nobody to become");
    if (config->trace_user != NULL || config->trace_client.count > 0)
        log_event(LOG_LEVEL_WARNING, "tracing",
                  "trace_user or trace_client is set");
    for (size_t i = 0; i < config->listener_count; i++)
        warn_of_lowered(&config->listeners[i]);
    warn_of_accounts(settings);
    if (files >= files_needed(config))
        return;
    log_begin(&r, LOG_LEVEL_WARNING, "few_files");
    log_record_add_number(&r, "open_files", files);
    log_record_add_number(&r, "max_sessions", config->max_sessions);
    log_write(&r);
}
