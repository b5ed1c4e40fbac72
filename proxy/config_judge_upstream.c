/* What the keys of [upstream NAME] mean together, and those of all of them. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "access/route.h"
#include "base/limits.h"
#include "config_loading.h"
#include "config_sections.h"

/* One of them, for what is said of it. */
struct subject {
    struct config_loading *l;
    struct config_upstream *upstream;
    const struct config_key_lines *lines;
    char title[CONFIG_TITLE_MAX];
};

static struct subject subject_of(struct config_loading *l, size_t i)
{
    struct subject s = { .l = l,
                         .upstream = &l->config->upstreams[i],
                         .lines = &l->named_lines[CONFIG_UPSTREAM][i] };

    (void)config_title(CONFIG_UPSTREAM, s.upstream->name, s.title);
    return s;
}

static unsigned line_of(const struct subject *s, const char *name)
{
    return s->lines->line[config_key_find(CONFIG_UPSTREAM, name) - config_keys];
}

/* --- where it is --- */

/* 127.0.0.0/8, ::1, localhost: octets that leave no machine. */
static bool host_is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;

    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, host, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6);
    return strcasecmp(host, "localhost") == 0;
}

static bool host_is_numeric(const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, host, address) == 1 ||
           inet_pton(AF_INET6, host, address) == 1;
}

static bool judge_address(const struct subject *s, size_t i)
{
    const struct config_upstream *u = s->upstream;
    const struct config_address *address = &u->addresses.at[i];

    for (size_t n = 0; n < i; n++)
        if (config_address_equals(&u->addresses.at[n], address))
            return config_wrong(s->l, line_of(s, "address"),
                                "%s address: %s:%u is there twice", s->title,
                                address->host, (unsigned)address->port);
    if (u->tls == TLS_MODE_NONE && !u->allow_insecure_upstream &&
        !host_is_loopback(address->host))
        return config_wrong(s->l, line_of(s, "tls"),
                            "%s tls: none sends passwords in clear to another "
                            "host; only allow_insecure_upstream = yes permits "
                            "that",
                            s->title);
    return true;
}

static bool judge_srv(const struct subject *s)
{
    const struct config_upstream *u = s->upstream;

    if (host_is_numeric(u->srv))
        return config_wrong(s->l, line_of(s, "srv"),
                            "%s srv: must be a domain, is an address",
                            s->title);
    if (u->addresses.count > 0)
        return config_wrong(s->l, line_of(s, "srv"),
                            "%s srv: stands in place of address", s->title);
    if (line_of(s, "tls") != 0)
        return config_wrong(s->l, line_of(s, "tls"),
                            "%s tls: means nothing with srv: the records of "
                            "the domain say it, and none is not among them",
                            s->title);
    return true;
}

static bool judge_servers(const struct subject *s)
{
    const struct config_upstream *u = s->upstream;

    if (u->srv != NULL)
        return judge_srv(s);
    if (u->addresses.count == 0)
        return config_wrong(s->l, u->line, "%s address: is missing", s->title);
    if (u->srv_domains.count > 0)
        return config_wrong(s->l, line_of(s, "srv_domains"),
                            "%s srv_domains: means nothing without srv",
                            s->title);
    if (u->addresses.count > UPSTREAM_SERVERS_MAX)
        return config_wrong(s->l, line_of(s, "address"),
                            "%s address: more than %d of them", s->title,
                            UPSTREAM_SERVERS_MAX);
    for (size_t i = 0; i < u->addresses.count; i++)
        if (!judge_address(s, i))
            return false;
    return true;
}

/* --- who goes there --- */

/* Which upstream before the |i|th has it, or which it is itself for the second
 * time; NULL: none. Only |before| of its own words count.
 */
static const struct config_upstream *find_owner(const struct config *config,
                                                size_t i, size_t offset,
                                                size_t before, const char *word)
{
    for (size_t n = 0; n <= i; n++) {
        const struct config_upstream *u = &config->upstreams[n];
        const struct config_words *words =
            (const void *)((const char *)u + offset);
        size_t count = n < i ? words->count : before;

        for (size_t w = 0; w < count; w++)
            if (strcasecmp(words->at[w], word) == 0)
                return u;
    }
    return NULL;
}

/* Nobody goes to two upstreams. */
static bool judge_owners(const struct subject *s, const char *key,
                         size_t offset)
{
    const struct config *config = s->l->config;
    const struct config_words *words =
        (const void *)((const char *)s->upstream + offset);
    size_t i = (size_t)(s->upstream - config->upstreams);

    for (size_t w = 0; w < words->count; w++) {
        const struct config_upstream *owner =
            find_owner(config, i, offset, w, words->at[w]);
        char title[CONFIG_TITLE_MAX];

        if (owner != NULL)
            return config_wrong(
                s->l, line_of(s, key), "%s %s: %s belongs to %s already",
                s->title, key, words->at[w],
                config_title(CONFIG_UPSTREAM, owner->name, title));
    }
    return true;
}

static bool has_listener(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->listener_count; i++)
        if (strcmp(config->listeners[i].name, name) == 0)
            return true;
    return false;
}

static bool judge_listeners(const struct subject *s)
{
    const struct config_words *words = &s->upstream->listeners;

    for (size_t w = 0; w < words->count; w++)
        if (!has_listener(s->l->config, words->at[w]))
            return config_wrong(s->l, line_of(s, "listeners"),
                                "%s listeners: there is no [listen %s]",
                                s->title, words->at[w]);
    return judge_owners(s, "listeners",
                        offsetof(struct config_upstream, listeners));
}

static bool is_domain(const char *word)
{
    size_t length = strlen(word);

    return length > 0 && strpbrk(word, "@*%") == NULL && word[0] != '.' &&
           word[length - 1] != '.';
}

/* Others would never be anybody's. */
static bool judge_words(const struct subject *s, const char *key,
                        const struct config_words *words)
{
    for (size_t w = 0; w < words->count; w++)
        if (!is_domain(words->at[w]))
            return config_wrong(s->l, line_of(s, key),
                                "%s %s: must be domains such as example.com, "
                                "has \"%s\"",
                                s->title, key, words->at[w]);
    return true;
}

static bool judge_domains(const struct subject *s)
{
    if (!judge_words(s, "domains", &s->upstream->domains) ||
        !judge_words(s, "srv_domains", &s->upstream->srv_domains))
        return false;
    return judge_owners(s, "domains",
                        offsetof(struct config_upstream, domains));
}

static bool judge_names(const struct subject *s)
{
    struct config_upstream *u = s->upstream;
    const char *problem = route_template_problem(
        u->user_template != NULL ? u->user_template : "");

    if (problem != NULL)
        return config_wrong(s->l, line_of(s, "user_template"),
                            "%s user_template: %s", s->title, problem);
    u->policy = config_policy_find(s->l->config, u->policy_name);
    if (u->policy == NULL)
        return config_wrong(s->l, line_of(s, "policy"),
                            "%s policy: there is no [policy %s]", s->title,
                            u->policy_name);
    return true;
}

bool config_judge_upstreams(struct config_loading *l)
{
    struct config *config = l->config;

    if (config->upstream_count == 0)
        return config_wrong(l, 0, "[upstream] address: is missing");
    if (config->upstream_count > UPSTREAMS_MAX)
        return config_wrong(l, config->upstreams[UPSTREAMS_MAX].line,
                            "[upstream NAME]: more than %d of them",
                            UPSTREAMS_MAX);
    for (size_t i = 0; i < config->upstream_count; i++) {
        const struct subject s = subject_of(l, i);

        s.upstream->ca_file_line = line_of(&s, "ca_file");
        s.upstream->srv_line = line_of(&s, "srv");
        if (!judge_servers(&s) || !judge_domains(&s) || !judge_listeners(&s) ||
            !judge_names(&s))
            return false;
    }
    return true;
}
