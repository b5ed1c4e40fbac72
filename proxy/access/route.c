#include "access/route.h"

#include <string.h>

/* --- names --- */

static char small(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool equals_without_case(struct span a, const char *b)
{
    if (a.len != strlen(b))
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (small((char)a.data[i]) != small(b[i]))
            return false;
    return true;
}

/* |user| becomes what stands before its last `@`. */
static struct span cut_domain(struct span *user)
{
    for (size_t i = user->len; i > 0; i--) {
        if (user->data[i - 1] != '@')
            continue;
        struct span domain = span_make(user->data + i, user->len - i);

        user->len = i - 1;
        return domain;
    }
    return span_make(NULL, 0);
}

/* --- which upstream --- */

static bool has_domain(const struct config_upstream *u, struct span domain)
{
    for (size_t i = 0; i < u->domains.count; i++)
        if (equals_without_case(domain, u->domains.at[i]))
            return true;
    return false;
}

static bool has_listener(const struct config_upstream *u, const char *listener)
{
    for (size_t i = 0; i < u->listeners.count; i++)
        if (strcmp(u->listeners.at[i], listener) == 0)
            return true;
    return false;
}

static const struct config_upstream *by_listener(const struct config *config,
                                                 const char *listener)
{
    for (size_t i = 0; i < config->upstream_count; i++)
        if (has_listener(&config->upstreams[i], listener))
            return &config->upstreams[i];
    return &config->upstreams[0];
}

const struct config_upstream *route_choose(const struct config *config,
                                           const char *listener,
                                           struct span user)
{
    struct span domain = cut_domain(&user);

    if (domain.len > 0 && domain.data[domain.len - 1] == '.')
        domain.len--;
    for (size_t i = 0; domain.len > 0 && i < config->upstream_count; i++)
        if (has_domain(&config->upstreams[i], domain))
            return &config->upstreams[i];
    return by_listener(config, listener);
}

const struct config_upstream *route_sole(const struct config *config,
                                         const char *listener)
{
    const struct config_upstream *sole = by_listener(config, listener);

    if (config->upstream_count > 1 && config->accounts_file != NULL)
        return NULL; /* an account may name another */
    for (size_t i = 0; i < config->upstream_count; i++)
        if (&config->upstreams[i] != sole &&
            config->upstreams[i].domains.count > 0)
            return NULL;
    return sole;
}

/* --- which name --- */

static enum route_name append(struct buf *to, struct span octets,
                              enum route_case wanted)
{
    if (octets.len > buf_room(to))
        return ROUTE_NAME_TOO_LONG;
    for (size_t i = 0; i < octets.len; i++) {
        char c = (char)octets.data[i];

        (void)buf_append_octet(
            to, (unsigned char)(wanted == ROUTE_CASE_LOWER ? small(c) : c));
    }
    return buf_failed(to) ? ROUTE_NAME_NO_MEMORY : ROUTE_NAME_WRITTEN;
}

enum route_name route_write_user(const struct config_upstream *upstream,
                                 struct span user, struct buf *name)
{
    enum route_case wanted = upstream->user_case;
    enum route_name status = ROUTE_NAME_WRITTEN;
    struct span local = user;
    struct span domain = cut_domain(&local);

    for (const char *c = upstream->user_template;
         *c != '\0' && status == ROUTE_NAME_WRITTEN; c++) {
        if (*c == '%' && c[1] == 'u')
            status = append(name, user, wanted);
        else if (*c == '%' && c[1] == 'n')
            status =
                local.len > 0 ? append(name, local, wanted) : ROUTE_NAME_NOBODY;
        else if (*c == '%' && c[1] == 'd')
            status = append(name, domain, wanted);
        else
            status = append(name, span_make(c, 1), wanted);
        c += *c == '%';
    }
    return status;
}

const char *route_template_problem(const char *user_template)
{
    bool names = false;

    for (const char *c = user_template; *c != '\0'; c++) {
        if (*c != '%')
            continue;
        c++;
        if (*c == '\0' || strchr("und%", *c) == NULL)
            return "knows %u, %n, %d and %%";
        names |= *c == 'u' || *c == 'n';
    }
    return names ? NULL : "must have %u or %n, or all users would be the same";
}
