#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_file.h"
#include "config_keys.h"
#include "config_loading.h"
#include "config_sections.h"
#include "pop3/sasl.h"

bool config_wrong(struct config_loading *l, unsigned line, const char *format,
                  ...)
{
    va_list args;

    l->line = line;
    va_start(args, format);
    (void)vsnprintf(l->why, sizeof(l->why), format, args);
    va_end(args);
    return false;
}

/* --- what the file says --- */

/* The section at hand, below which its keys are stored. */
static void *section_base(struct config_loading *l, enum config_section section)
{
    return config_section_is_named(section)
               ? config_named_last(l->config, section)
               : l->config;
}

static struct config_key_lines *section_lines(struct config_loading *l,
                                              enum config_section section)
{
    if (!config_section_is_named(section))
        return &l->lines;
    return &l->named_lines[section][config_named_count(l->config, section) - 1];
}

bool config_set_defaults(struct config_loading *l, enum config_section section,
                         void *base)
{
    for (size_t i = 0; i < config_key_count; i++) {
        const struct config_key *key = &config_keys[i];

        if (key->section == section && key->default_text != NULL &&
            !config_key_set(key, base, key->default_text, l->why,
                            sizeof(l->why)))
            return false;
    }
    return true;
}

static bool name_is_plain(const char *name)
{
    return name[0] != '\0' &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyz"
                             "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")] == 0;
}

void *config_add_named(struct config_loading *l, enum config_section section,
                       const char *name, unsigned line)
{
    size_t count = config_named_count(l->config, section);
    struct config_key_lines *lines;
    void *base;

    lines = reallocarray(l->named_lines[section], count + 1, sizeof(*lines));
    if (lines == NULL)
        return NULL;
    l->named_lines[section] = lines;
    lines[count] = (struct config_key_lines){ { 0 } };
    base = config_named_add(l->config, section, name, line);
    return base != NULL && config_set_defaults(l, section, base) ? base : NULL;
}

static bool begin_named(struct config_loading *l, enum config_section section,
                        const char *name, unsigned line)
{
    char title[CONFIG_TITLE_MAX];
    unsigned other;

    if (!name_is_plain(name))
        return config_wrong(l, line,
                            "[%s NAME]: NAME must be letters, digits, "
                            "- _ or ., is \"%s\"",
                            config_section_name(section), name);
    other = config_named_line(l->config, section, name);
    if (other != 0)
        return config_wrong(l, line, "%s stands at line %u already",
                            config_title(section, name, title), other);
    if (config_add_named(l, section, name, line) == NULL)
        return config_wrong(l, line, "out of memory");
    l->section = section;
    return true;
}

/* |words| is what stands between the brackets. */
static bool begin_section(void *data, const char *words, unsigned line)
{
    struct config_loading *l = data;
    size_t length = strcspn(words, " ");
    const char *name = words + length + strspn(words + length, " ");
    enum config_section section;

    if (!config_section_find(words, length, &section) ||
        (words[length] != '\0' && !config_section_is_named(section)))
        return config_wrong(l, line, "there is no section [%s]", words);
    if (config_section_is_named(section)) {
        if (words[length] == '\0')
            name = config_section_unnamed(section);
        if (name == NULL)
            return config_wrong(l, line, "[%s] needs a name: [%s NAME]", words,
                                words);
        return begin_named(l, section, name, line);
    }
    if (l->section_line[section] != 0)
        return config_wrong(l, line, "[%s] stands at line %u already", words,
                            l->section_line[section]);
    l->section = section;
    l->section_line[section] = line;
    return true;
}

/* "[listen pop3s] tls" of the section at hand. */
static const char *where(struct config_loading *l, const char *key, char *text,
                         size_t size)
{
    char title[CONFIG_TITLE_MAX];
    const char *name = NULL;

    if (config_section_is_named(l->section))
        name = config_named_name(section_base(l, l->section), l->section);
    (void)snprintf(text, size, "%s %s", config_title(l->section, name, title),
                   key);
    return text;
}

/* So that a file that turns out to be unusable later can be found here. */
static void note_line(const struct config_key *key, void *base, unsigned line)
{
    struct config_paths *paths = (void *)((char *)base + key->offset);

    if (key->kind == CONFIG_FILES && paths->count > 0 &&
        paths->at[paths->count - 1].line == 0)
        paths->at[paths->count - 1].line = line;
}

/* Of the section at hand: [policy] has keys of two kinds. */
static const struct config_key *find_key(const struct config_loading *l,
                                         const char *name)
{
    const struct config_key *key = config_key_find(l->section, name);

    return key == NULL && l->section == CONFIG_POLICY
               ? config_key_find(CONFIG_POLICY_OF_ALL, name)
               : key;
}

/* The section at hand is [policy] itself. */
static bool is_in_policy_of_all(struct config_loading *l)
{
    return l->section == CONFIG_POLICY &&
           strcmp(
               config_named_name(section_base(l, CONFIG_POLICY), CONFIG_POLICY),
               CONFIG_POLICY_DEFAULT) == 0;
}

static bool take_key(void *data, const char *name, const char *value,
                     unsigned line)
{
    struct config_loading *l = data;
    const struct config_key *key;
    void *base;
    char place[128];
    char why[CONFIG_WHY_MAX - sizeof(place) - 2];
    unsigned *seen;

    if (l->section == CONFIG_SECTION_COUNT)
        return config_wrong(l, line, "%s stands before the first [section]",
                            name);
    (void)where(l, name, place, sizeof(place));
    key = find_key(l, name);
    if (key == NULL)
        return config_wrong(l, line, "%s: there is no such key", place);
    if (key->section == CONFIG_POLICY_OF_ALL && !is_in_policy_of_all(l))
        return config_wrong(l, line, "%s: is for all, and stands in [policy]",
                            place);
    base = section_base(l, key->section);
    seen = &section_lines(l, key->section)->line[key - config_keys];
    if (*seen != 0 && !config_key_is_list(key))
        return config_wrong(l, line, "%s: stands at line %u already", place,
                            *seen);
    *seen = line;
    if (!config_key_set(key, base, value, why, sizeof(why)))
        return config_wrong(l, line, "%s: %s", place, why);
    note_line(key, base, line);
    if (is_in_policy_of_all(l) && !config_policies_note(l, key, value))
        return config_wrong(l, line, "out of memory");
    return true;
}

static bool load(struct config_loading *l, FILE *file)
{
    static const struct config_file_events events = { begin_section, take_key,
                                                      CONFIG_SECTION_NAME_MAX };

    for (size_t i = 0; i < CONFIG_SECTION_COUNT; i++)
        if (!config_section_is_named((enum config_section)i) &&
            !config_set_defaults(l, (enum config_section)i, l->config))
            return false;
    return config_file_read(file, &events, l, &l->line, l->why,
                            sizeof(l->why)) &&
           config_policies_inherit(l) && config_judge(l);
}

/* The words of the file are quoted, and a tab among them is none of a line that
 * a person or a log reads.
 */
static void blank_tabs(char *text)
{
    for (; *text != '\0'; text++)
        if (*text == '\t')
            *text = ' ';
}

struct config *config_load(const char *path, char *error, size_t error_size)
{
    struct config_loading l = { .section = CONFIG_SECTION_COUNT };
    FILE *file = fopen(path, "re");
    bool loaded = false;

    if (file == NULL) {
        (void)snprintf(error, error_size, "%s: %s", path, strerror(errno));
        return NULL;
    }
    l.config = calloc(1, sizeof(*l.config));
    if (l.config != NULL) {
        atomic_init(&l.config->holders, 1);
        loaded = load(&l, file);
    } else {
        (void)config_wrong(&l, 0, "out of memory");
    }
    (void)fclose(file);
    for (size_t i = 0; i < CONFIG_SECTION_COUNT; i++)
        free(l.named_lines[i]);
    config_policies_forget(&l);
    if (loaded)
        return l.config;
    blank_tabs(l.why);
    if (l.line != 0)
        (void)snprintf(error, error_size, "%s:%u: %s", path, l.line, l.why);
    else
        (void)snprintf(error, error_size, "%s: %s", path, l.why);
    config_free(l.config);
    return NULL;
}

void config_hold(struct config *config)
{
    atomic_fetch_add(&config->holders, 1);
}

void config_free(struct config *config)
{
    if (config == NULL || atomic_fetch_sub(&config->holders, 1) > 1)
        return;
    for (size_t i = 0; i < CONFIG_SECTION_COUNT; i++) {
        if (config_section_is_named((enum config_section)i))
            config_named_free(config, (enum config_section)i);
        else
            config_keys_free((enum config_section)i, config);
    }
    free(config);
}

/* Whether |problem| begins with |file| and a colon. */
static bool is_about(const char *problem, const char *file)
{
    size_t length = file == NULL ? 0 : strlen(file);

    return length > 0 && strncmp(problem, file, length) == 0 &&
           problem[length] == ':';
}

/* Whether `:12: ...` follows the name of the file. */
static bool names_line(const char *rest)
{
    return rest[0] == ':' && rest[1] >= '0' && rest[1] <= '9';
}

static const struct config_path *find_path(const struct config_paths *paths,
                                           const char *problem)
{
    for (size_t i = 0; i < paths->count; i++)
        if (is_about(problem, paths->at[i].text))
            return &paths->at[i];
    return NULL;
}

static bool is_about_unique_ids(const char *problem,
                                const struct config *config)
{
    for (size_t i = 0; i < config->policy_count; i++)
        if (is_about(problem, config->policies[i].unique_id_map))
            return true;
    return false;
}

/* Of [upstream]: its authorities, or a domain, which the problem need not name
 * again.
 */
static bool locate_upstream(const struct config *config, const char *path,
                            const char *problem, char *error, size_t error_size)
{
    for (size_t i = 0; i < config->upstream_count; i++) {
        const struct config_upstream *u = &config->upstreams[i];
        bool is_srv = is_about(problem, u->srv);
        char title[CONFIG_TITLE_MAX];

        if (!is_srv && !is_about(problem, u->ca_file))
            continue;
        (void)snprintf(error, error_size, "%s:%u: %s %s: %s", path,
                       is_srv ? u->srv_line : u->ca_file_line,
                       config_title(CONFIG_UPSTREAM, u->name, title),
                       is_srv ? "srv" : "ca_file",
                       is_srv ? problem + strlen(u->srv) + 2 : problem);
        return true;
    }
    return false;
}

void config_locate(const struct config *config, const char *path,
                   const char *problem, char *error, size_t error_size)
{
    for (size_t i = 0; i < config->listener_count; i++) {
        const struct config_listener *a = &config->listeners[i];
        const struct config_path *found = find_path(&a->certificates, problem);
        const char *key = found != NULL ? "certificate" : "private_key";

        if (found == NULL)
            found = find_path(&a->private_keys, problem);
        if (found == NULL)
            continue;
        (void)snprintf(error, error_size, "%s:%u: [listen %s] %s: %s", path,
                       found->line, a->name, key, problem);
        return;
    }
    if (locate_upstream(config, path, problem, error, error_size))
        return;
    for (size_t i = 0; i < config->oauth_count; i++) {
        const struct config_oauth *o = &config->oauths[i];

        if (!is_about(problem, o->client_secret_file))
            continue;
        (void)snprintf(error, error_size,
                       "%s:%u: [oauth %s] client_secret_file: %s", path,
                       o->client_secret_file_line, o->name, problem);
        return;
    }
    if (is_about(problem, config->auth_http.header_file))
        (void)snprintf(error, error_size, "%s:%u: [auth_http] header_file: %s",
                       path, config->auth_http.header_file_line, problem);
    else if ((is_about(problem, config->accounts_file) &&
              names_line(problem + strlen(config->accounts_file))) ||
             is_about_unique_ids(problem, config))
        (void)snprintf(error, error_size, "%s", problem);
    else if (is_about(problem, config->accounts_file))
        (void)snprintf(error, error_size, "%s:%u: [accounts] file: %s", path,
                       config->accounts_file_line, problem);
    else if (is_about(problem, config->accounts_key_file))
        (void)snprintf(error, error_size, "%s:%u: [accounts] key_file: %s",
                       path, config->accounts_key_file_line, problem);
    else if (is_about(problem, config->tls_ticket_key_file))
        (void)snprintf(error, error_size,
                       "%s:%u: [server] tls_ticket_key_file: %s", path,
                       config->tls_ticket_key_file_line, problem);
    else
        (void)snprintf(error, error_size, "%s: %s", path, problem);
}

char *config_address_text(const struct config_address *a)
{
    bool v6 = strchr(a->host, ':') != NULL;
    char *text = NULL;

    if (asprintf(&text, v6 ? "[%s]:%u" : "%s:%u", a->host, (unsigned)a->port) <
        0)
        return NULL;
    return text;
}

const struct config_upstream *config_upstream_find(const struct config *config,
                                                   const char *name)
{
    for (size_t i = 0; i < config->upstream_count; i++)
        if (strcmp(config->upstreams[i].name, name) == 0)
            return &config->upstreams[i];
    return NULL;
}

bool config_same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

struct session_policy config_policy(const struct config *config,
                                    const struct config_listener *listener)
{
    return (struct session_policy){
        .client_tls = listener->tls,
        .allow_plaintext_login = listener->allow_plaintext_login,
        .show_implementation = config->show_implementation,
        .mechanisms = SASL_PASSWORD_MECHANISMS |
                      (listener->token_login ? SASL_TOKEN_MECHANISMS : 0),
        .announced = config_announcement(config),
        .login_timeout_ms = config->login_timeout_ms,
        .session_timeout_ms = config->session_timeout_ms,
        .auth_failure_delay_ms = config->auth_failure_delay_ms,
        .readahead_octets = config->readahead_octets,
    };
}

struct upstream_policy config_upstream_policy(
    const struct config *config, const struct config_upstream *upstream,
    const char *version)
{
    return (struct upstream_policy){
        .tls = upstream->tls,
        .send_id = config->send_id,
        .forward_client_address = upstream->forward_client_address,
        .mechanisms = upstream->mechanisms,
        .upstream_timeout_ms = config->upstream_timeout_ms,
        .upstream_reuse_ms = config->upstream_reuse_ms,
        .version = version,
    };
}

struct mailbox_policy config_mailbox_policy(const struct config_policy *policy)
{
    return (struct mailbox_policy){
        .mark_seen = policy->mark_seen,
        .hide_deleted = policy->hide_deleted,
        .without_uidplus = policy->without_uidplus,
        .mailboxes = policy->mailboxes,
        .plus_folder = policy->plus_folder,
        .folders_allowed = policy->folders_allowed,
        .unique_ids = policy->unique_ids,
        .on_delete = policy->on_delete,
        .trash_mailbox = policy->trash_mailbox,
        .keep_keyword = policy->keep_keyword,
        .window = {
            .newest = policy->newest,
            .newer_than_days = policy->newer_than_days,
            .max_message_octets = policy->max_message_octets,
            .unread_only = policy->unread_only,
            .only_keyword = policy->only_keyword,
        },
        .list_whole_max = policy->list_whole_max,
        .announced = {
            .expire = policy->expire,
            .login_delay_ms = policy->login_delay_ms,
        },
    };
}
