/* fuzz_config.c - whatever may stand in proxy.conf.
 *
 * Property: the file is either taken, and then every value is within its
 * range, or refused with one line `FILE:LINE: what is wrong` that names a line
 * of the file (no LINE where the file as a whole is meant) and has no control
 * octet. The same file is judged the same twice.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config.h"
#include "fuzz.h"
#include "imap/keyword.h"

#define ERROR_MAX 1024
#define PATH_MAX_OCTETS 32

static void check_error(const char *error, const char *path, struct span text)
{
    struct span rest = span_from_string(error);
    size_t colon, lines = 1;
    uint64_t line;

    REQUIRE(rest.len > strlen(path) && rest.len < ERROR_MAX - 1);
    REQUIRE(
        span_equals(span_take(&rest, strlen(path)), span_from_string(path)));
    REQUIRE(span_take(&rest, 1).data[0] == ':');
    for (size_t i = 0; i < rest.len; i++)
        REQUIRE(rest.data[i] >= ' ' && rest.data[i] != 0x7f);
    if (rest.data[0] == ' ')
        return;
    colon = span_find(rest, ':');
    for (size_t i = 0; i < text.len; i++)
        lines += text.data[i] == '\n';
    REQUIRE(span_to_number(span_take(&rest, colon), lines, &line));
    REQUIRE(line >= 1 && rest.len > 2 && rest.data[1] == ' ');
}

static void check_listener(const struct config *c, size_t i)
{
    const struct config_listener *a = &c->listeners[i];

    REQUIRE(a->name[0] != '\0' && a->address.host[0] != '\0');
    REQUIRE((a->tls == TLS_MODE_NONE) == (a->certificates.count == 0));
    REQUIRE(a->certificates.count == a->private_keys.count);
    REQUIRE(a->tls == TLS_MODE_NONE || a->tls_min_version >= TLS_VERSION_1_2 ||
            a->allow_from.count > 0);
    REQUIRE(a->tls != TLS_MODE_NONE || a->allow_plaintext_login);
    for (size_t j = 0; j < i; j++)
        REQUIRE(strcmp(a->name, c->listeners[j].name) != 0);
}

static void check_upstream(const struct config_upstream *u)
{
    REQUIRE(u->name[0] != '\0');
    REQUIRE((u->addresses.count == 0) == (u->srv != NULL));
    for (size_t i = 0; i < u->addresses.count; i++) {
        REQUIRE(u->addresses.at[i].host[0] != '\0');
        REQUIRE(u->addresses.at[i].port > 0);
    }
    REQUIRE(u->policy != NULL);
}

static void check_policy(const struct config_policy *policy)
{
    REQUIRE(policy->name[0] != '\0');
    REQUIRE(policy->without_uidplus <= REMOVAL_REFUSE);
    REQUIRE(policy->on_delete < ON_DELETE_COUNT);
    REQUIRE(imap_keyword_pattern_is_valid(policy->keep_keyword));
}

static void check_values(const struct config *c)
{
    REQUIRE(c->workers >= 1 && c->listener_count >= 1);
    for (size_t i = 0; i < c->listener_count; i++)
        check_listener(c, i);
    REQUIRE(c->upstream_count >= 1);
    for (size_t i = 0; i < c->upstream_count; i++)
        check_upstream(&c->upstreams[i]);
    REQUIRE(!c->has_status || c->status.host[0] != '\0');
    REQUIRE(c->session_timeout_ms >= 600000); /* RFC 1939 §3 */
    REQUIRE(c->login_timeout_ms > 0 && c->upstream_timeout_ms > 0);
    REQUIRE(c->max_sessions > 0);
    REQUIRE(c->log.level <= LOG_LEVEL_DEBUG);
    REQUIRE(c->log.format <= LOG_FORMAT_JSON);
    REQUIRE(config_policy_find(c, NULL) != NULL);
    for (size_t i = 0; i < c->policy_count; i++)
        check_policy(&c->policies[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make(data, size);
    char path[PATH_MAX_OCTETS];
    char errors[2][ERROR_MAX] = { "", "" };
    int file = memfd_create("proxy.conf", MFD_CLOEXEC);

    REQUIRE(file >= 0);
    REQUIRE(write(file, data, size) == (ssize_t)size);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    for (size_t i = 0; i < 2; i++) {
        struct config *c = config_load(path, errors[i], ERROR_MAX);

        if (c == NULL)
            check_error(errors[i], path, text);
        else
            check_values(c);
        config_free(c);
    }
    REQUIRE(strcmp(errors[0], errors[1]) == 0);
    close(file);
    return 0;
}
