/* test_config.c - each mistake has its line, and the sample is no mistake. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config_keys.h"
#include "imap/mechanism.h"
#include "pop3/sasl.h"

/* `make test` runs in the folder of the checkout. */
#define SAMPLE "proxy.conf.sample"

static char folder[] = "/tmp/test_config.XXXXXX";
static char path[64];
static char pem[64];

static void write_file(const char *name, const char *text, size_t length)
{
    FILE *file = fopen(name, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(path, sizeof(path), "%s/proxy.conf", folder);
    (void)snprintf(pem, sizeof(pem), "%s/x.pem", folder);
    write_file(pem, "pem\n", 4);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(path);
    (void)unlink(pem);
    return rmdir(folder);
}

/* |text| with each @ replaced by the name of a file that can be read. */
static struct config *load(const char *text, char *error, size_t error_size)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    for (; *text != '\0'; text++) {
        if (*text == '@')
            (void)fputs(pem, file);
        else
            (void)fputc(*text, file);
    }
    assert_int_equal(fclose(file), 0);
    return config_load(path, error, error_size);
}

static struct config *load_good(const char *text)
{
    char error[1024] = "";
    struct config *config = load(text, error, sizeof(error));

    if (config == NULL)
        fail_msg("%s", error);
    return config;
}

/* |expected| is what follows the name of the file; @ as above. */
static void check_bad(const char *text, const char *expected)
{
    char error[1024] = "";
    char wanted[1024];
    const char *at = strchr(expected, '@');
    struct config *config = load(text, error, sizeof(error));

    if (at == NULL)
        (void)snprintf(wanted, sizeof(wanted), "%s%s", path, expected);
    else
        (void)snprintf(wanted, sizeof(wanted), "%s%.*s%s%s", path,
                       (int)(at - expected), expected, pem, at + 1);
    assert_null(config);
    assert_string_equal(error, wanted);
    assert_null(strchr(error, '\n'));
}

#define PLAIN                   \
    "[listen a]\n"              \
    "address = 127.0.0.1:110\n" \
    "tls = none\n"              \
    "allow_plaintext_login = yes\n"
#define UPSTREAM "[upstream]\naddress = imap.example.com:993\n"
/* Six lines. */
#define BASE PLAIN UPSTREAM

static void test_defaults(void **state)
{
    struct config *c = load_good(BASE);

    (void)state;
    assert_true(c->workers >= 1);
    assert_null(c->user);
    assert_int_equal(c->log.level, LOG_LEVEL_INFO);
    assert_int_equal(c->log.format, LOG_FORMAT_TEXT);
    assert_int_equal(c->log.to, LOG_TO_STDERR);
    assert_int_equal(c->log.facility, LOG_FACILITY_MAIL);
    assert_null(c->log.socket);
    assert_int_equal(c->log.repeat_limit, 10);
    assert_int_equal(c->log.repeat_window_ms, 60000);
    assert_int_equal(c->listener_count, 1);
    assert_string_equal(c->listeners[0].name, "a");
    assert_int_equal(c->upstreams[0].tls, TLS_MODE_IMPLICIT);
    assert_null(c->upstreams[0].ca_file);
    assert_null(c->upstreams[0].server_name);
    assert_false(c->upstreams[0].allow_insecure_upstream);
    assert_false(c->has_status);
    assert_int_equal(c->max_sessions, 10000);
    assert_int_equal(c->drain_timeout_ms, 30000);
    assert_int_equal(c->snapshot_cache_octets, 64 * 1024 * 1024);
    assert_int_equal(c->login_timeout_ms, 180000);
    assert_int_equal(c->session_timeout_ms, 600000);
    assert_int_equal(c->upstream_timeout_ms, 60000);
    assert_int_equal(c->auth_failure_delay_ms, 1000);
    assert_int_equal(c->upstream_reuse_ms, 90000);
    assert_int_equal(c->upstream_login_age_ms, 900000);
    assert_int_equal(c->parked_connections, 1000);
    assert_true(c->policies->mark_seen && c->policies->hide_deleted);
    assert_true(c->send_id && c->show_implementation);
    assert_int_equal(c->policies->without_uidplus, REMOVAL_GUARDED);
    assert_int_equal(c->policies->on_delete, ON_DELETE_EXPUNGE);
    assert_null(c->policies->trash_mailbox);
    assert_string_equal(c->policies->keep_keyword, "$PopinjayKept-%u");
    assert_int_equal(c->listeners[0].tls_min_version, TLS_VERSION_1_2);
    assert_int_equal(c->listeners[0].allow_from.count, 0);
    assert_true(c->upstreams[0].alpn);
    assert_false(c->upstreams[0].pass_identity);
    assert_false(c->upstreams[0].forward_client_address);
    assert_int_equal(c->upstreams[0].max_connections, 0);
    assert_int_equal(c->policies->login_delay_ms, 0);
    assert_null(c->policies->expire);
    config_free(c);
}

static void test_everything(void **state)
{
    struct config *c = load_good(
        "\xEF\xBB\xBF; a mark of UTF-8 does no harm\r\n"
        "[server]\r\n"
        "workers = 3 ; of many\n"
        "  log_level=debug\n" /* indented: not a part of the line before */
        "log_format\t=\tjson\n"
        "# another comment\n"
        "  ; and one more = no key\n"
        "[listen pop3s] ; the usual one\n"
        "address = [::]:995\n"
        "tls = implicit\n"
        "certificate = @\n"
        "private_key = @ ; of the same\n"
        "[listen stls]\n"
        "address = 192.0.2.1:110\n"
        "tls = starttls\n"
        "certificate = @\n"
        "private_key = @\n"
        "allow_plaintext_login = yes\n"
        "[upstream]\n"
        "address = [2001:db8::1]:143\n"
        "tls = starttls\n"
        "ca_file = @\n"
        "server_name = mail.example.com\n"
        "[status]\n"
        "address = 127.0.0.1:8110\n"
        "[limits]\n"
        "max_sessions = 1\n"
        "login_timeout = 1\n"
        "session_timeout = 24 h\n"
        "upstream_timeout = 1500ms\n"
        "auth_failure_delay = 0\n"
        "upstream_reuse = 30 min\n"
        "upstream_login_age = 1 h\n"
        "parked_connections = 10000\n"
        "drain_timeout = 5 min\n"
        "snapshot_cache = 3 GB\n"
        "[policy]\n"
        "mark_seen = no\n"
        "hide_deleted = no\n"
        "send_id = no\n"
        "show_implementation = no\n"
        "without_uidplus = refuse");

    (void)state;
    assert_int_equal(c->workers, 3);
    assert_int_equal(c->log.level, LOG_LEVEL_DEBUG);
    assert_int_equal(c->log.format, LOG_FORMAT_JSON);
    assert_int_equal(c->listener_count, 2);
    assert_string_equal(c->listeners[0].name, "pop3s");
    assert_string_equal(c->listeners[0].address.host, "::");
    assert_int_equal(c->listeners[0].address.port, 995);
    assert_int_equal(c->listeners[0].tls, TLS_MODE_IMPLICIT);
    assert_string_equal(c->listeners[0].certificates.at[0].text, pem);
    assert_string_equal(c->listeners[0].private_keys.at[0].text, pem);
    assert_int_equal(c->listeners[0].line, 8);
    assert_string_equal(c->listeners[1].address.host, "192.0.2.1");
    assert_int_equal(c->listeners[1].tls, TLS_MODE_STARTTLS);
    assert_true(c->listeners[1].allow_plaintext_login);
    assert_string_equal(c->upstreams[0].addresses.at->host, "2001:db8::1");
    assert_int_equal(c->upstreams[0].addresses.at->port, 143);
    assert_int_equal(c->upstreams[0].tls, TLS_MODE_STARTTLS);
    assert_string_equal(c->upstreams[0].ca_file, pem);
    assert_string_equal(c->upstreams[0].server_name, "mail.example.com");
    assert_true(c->has_status);
    assert_int_equal(c->status.port, 8110);
    assert_int_equal(c->max_sessions, 1);
    assert_int_equal(c->login_timeout_ms, 1000);
    assert_int_equal(c->session_timeout_ms, 24 * 3600 * 1000);
    assert_int_equal(c->upstream_timeout_ms, 1500);
    assert_int_equal(c->auth_failure_delay_ms, 0);
    assert_int_equal(c->upstream_reuse_ms, 1800000);
    assert_int_equal(c->upstream_login_age_ms, 3600000);
    assert_int_equal(c->parked_connections, 10000);
    assert_int_equal(c->drain_timeout_ms, 300000);
    assert_true(c->snapshot_cache_octets == UINT64_C(3) << 30);
    assert_false(c->policies->mark_seen || c->policies->hide_deleted);
    assert_false(c->send_id || c->show_implementation);
    assert_int_equal(c->policies->without_uidplus, REMOVAL_REFUSE);
    config_free(c);
}

static void test_sections(void **state)
{
    (void)state;
    check_bad("", ": there is no [listen NAME] section");
    check_bad(UPSTREAM, ": there is no [listen NAME] section");
    check_bad(PLAIN, ": [upstream] address: is missing");
    check_bad(PLAIN "[upstream]\n", ":5: [upstream] address: is missing");
    check_bad(BASE "[status]\n", ":7: [status] address: is missing");
    check_bad(BASE "[nonsense]\n", ":7: there is no section [nonsense]");
    check_bad(BASE "[Server]\n", ":7: there is no section [Server]");
    check_bad(BASE "[]\n", ":7: there is no section []");
    check_bad(BASE "[listen]\n", ":7: [listen] needs a name: [listen NAME]");
    check_bad(BASE "[listen ]\n", ":7: [listen NAME]: NAME must be letters, "
                                  "digits, - _ or ., is \"\"");
    check_bad(BASE "[listen a b]\n", ":7: [listen NAME]: NAME must be letters, "
                                     "digits, - _ or ., is \"a b\"");
    check_bad(BASE "[listen a]\n", ":7: [listen a] stands at line 1 already");
    check_bad(BASE "[upstream]\n", ":7: [upstream] stands at line 5 already");
    check_bad(BASE "[upstream default]\n",
              ":7: [upstream] stands at line 5 already");
    check_bad(BASE "[upstream b]\naddress = b:1\n[upstream b]\n",
              ":9: [upstream b] stands at line 7 already");
    check_bad(BASE "[upstream b]\n", ":7: [upstream b] address: is missing");
    check_bad(BASE "address = imap.example.com:993\n",
              ":7: [upstream] address: imap.example.com:993 is there twice");
    check_bad(BASE "address = b:1\ntls = none\n",
              ":8: [upstream] tls: none sends passwords in clear to another "
              "host; only allow_insecure_upstream = yes permits that");
    check_bad(BASE "[upstream b]\ntls = x\n",
              ":8: [upstream b] tls: must be implicit, starttls or none, is "
              "\"x\"");
    check_bad(BASE "[upstream b/c]\n",
              ":7: [upstream NAME]: NAME must be letters, digits, - _ or ., is "
              "\"b/c\"");
    check_bad(BASE "[status x]\n", ":7: there is no section [status x]");
    check_bad(BASE "[limits\n", ":7: [section] lacks its closing bracket");
    check_bad(BASE "[limits] x\n", ":7: something stands behind [section]");
    check_bad(BASE "[aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]\n",
              ":7: the name of the section is too long");
}

static void test_several_upstreams(void **state)
{
    struct config *c = load_good(
        PLAIN "[upstream b]\naddress = b.example:143\ntls = starttls\n"
              "[upstream]\naddress = a.example:993\nserver_name = x.example\n"
              "[upstream c.d]\naddress = c.example:993\nalpn = no\n"
              "address = [::1]:1993\n");

    (void)state;
    assert_int_equal(c->upstreams[2].addresses.count, 2);
    assert_string_equal(c->upstreams[2].addresses.at[1].host, "::1");
    assert_int_equal(c->upstream_count, 3);
    assert_string_equal(c->upstreams[0].name, "b");
    assert_int_equal(c->upstreams[0].tls, TLS_MODE_STARTTLS);
    assert_null(c->upstreams[0].server_name);
    assert_int_equal(c->upstreams[0].line, 5);
    assert_string_equal(c->upstreams[1].name, CONFIG_UPSTREAM_DEFAULT);
    assert_string_equal(c->upstreams[1].server_name, "x.example");
    assert_true(c->upstreams[1].alpn);
    assert_string_equal(c->upstreams[2].name, "c.d");
    assert_false(c->upstreams[2].alpn);
    assert_int_equal(c->upstreams[2].login_burst, 10);
    config_free(c);
}

/* Of everything that there may be several of there is an end. */
static void test_most_upstreams(void **state)
{
    static char text[16384];
    int length = snprintf(text, sizeof(text), "%s", PLAIN);

    (void)state;
    for (unsigned i = 0; i < UPSTREAMS_MAX; i++)
        length += snprintf(text + length, sizeof(text) - (size_t)length,
                           "[upstream u%u]\naddress = b:1\n", i);
    config_free(load_good(text));
    (void)snprintf(text + length, sizeof(text) - (size_t)length,
                   "[upstream last]\naddress = b:1\n");
    check_bad(text, ":133: [upstream NAME]: more than 64 of them");
    length = snprintf(text, sizeof(text), "%s", PLAIN "[upstream]\n");
    for (unsigned i = 0; i < UPSTREAM_SERVERS_MAX; i++)
        length += snprintf(text + length, sizeof(text) - (size_t)length,
                           "address = b:%u\n", i + 1);
    config_free(load_good(text));
    (void)snprintf(text + length, sizeof(text) - (size_t)length,
                   "address = c:1\n");
    check_bad(text, ":22: [upstream] address: more than 16 of them");
}

static void test_routes(void **state)
{
    struct config *c =
        load_good(BASE "domains = a.example, b.example\n"
                       "[upstream b]\naddress = b:1\ndomains = c.example\n"
                       "domains =  D.example  e.example,\nlisteners = a\n"
                       "user_template = %n.x\nuser_case = lower\n");
    const struct config_upstream *b = &c->upstreams[1];

    (void)state;
    assert_int_equal(c->upstreams[0].domains.count, 2);
    assert_string_equal(c->upstreams[0].user_template, "%u");
    assert_int_equal(c->upstreams[0].user_case, ROUTE_CASE_KEEP);
    assert_int_equal(b->domains.count, 3);
    assert_string_equal(b->domains.at[2], "e.example");
    assert_int_equal(b->listeners.count, 1);
    assert_string_equal(b->user_template, "%n.x");
    assert_int_equal(b->user_case, ROUTE_CASE_LOWER);
    config_free(c);
    check_bad(BASE "domains = a.b, A.B\n",
              ":7: [upstream] domains: A.B belongs to [upstream] already");
    check_bad(BASE "domains = a.b\n[upstream b]\naddress = b:1\n"
                   "domains = c.d\ndomains = a.b\n",
              ":11: [upstream b] domains: a.b belongs to [upstream] already");
    check_bad(BASE "domains = b.example.\n",
              ":7: [upstream] domains: must be domains such as example.com, "
              "has \"b.example.\"");
    check_bad(BASE "domains = , b.example\n",
              ":7: [upstream] domains: must be domains such as example.com, "
              "has \"\"");
    check_bad(BASE "domains = .b.example\n",
              ":7: [upstream] domains: must be domains such as example.com, "
              "has \".b.example\"");
    check_bad("[listen a]\naddress = 127.0.0.1:1\ntls = none\n"
              "allow_plaintext_login = yes\n[upstream]\nsrv = example.com\n"
              "srv_domains = *.example.net\n",
              ":7: [upstream] srv_domains: must be domains such as "
              "example.com, has \"*.example.net\"");
    check_bad(BASE "domains = *.b\n",
              ":7: [upstream] domains: must be domains such as example.com, "
              "has \"*.b\"");
    check_bad(BASE "listeners = a b\n",
              ":7: [upstream] listeners: there is no [listen b]");
    check_bad(BASE "listeners = a\n[upstream b]\naddress = b:1\n"
                   "listeners = a\n",
              ":10: [upstream b] listeners: a belongs to [upstream] already");
    check_bad(BASE "user_template = x\n",
              ":7: [upstream] user_template: must have %u or %n, or all users "
              "would be the same");
    check_bad(BASE "user_template = %x%u\n",
              ":7: [upstream] user_template: knows %u, %n, %d and %%");
    check_bad(BASE "user_template =\n",
              ":7: [upstream] user_template: must have %u or %n, or all users "
              "would be the same");
    check_bad(BASE "user_case = upper\n",
              ":7: [upstream] user_case: must be keep or lower, is \"upper\"");
}

static void test_srv(void **state)
{
    struct config *c =
        load_good("[server]\nresolver = 127.0.0.1:53\n" PLAIN
                  "[upstream]\nsrv = example.com\nsrv_domains = a.example b\n");

    (void)state;
    assert_string_equal(c->resolver, "127.0.0.1:53");
    assert_string_equal(c->upstreams[0].srv, "example.com");
    assert_int_equal(c->upstreams[0].srv_domains.count, 2);
    assert_int_equal(c->upstreams[0].addresses.count, 0);
    config_free(c);
    check_bad("[server]\nresolver = localhost:53\n" BASE,
              ":2: [server] resolver: must be a numeric ADDRESS:PORT, such as "
              "127.0.0.1:110 or [::]:995, is \"localhost:53\"");
    check_bad(BASE "srv = example.com\n",
              ":7: [upstream] srv: stands in place of address");
    check_bad(BASE "srv_domains = a\n",
              ":7: [upstream] srv_domains: means nothing without srv");
    check_bad(PLAIN "[upstream]\nsrv = 127.0.0.1\n",
              ":6: [upstream] srv: must be a domain, is an address");
    check_bad(PLAIN "[upstream]\nsrv = a b\n",
              ":6: [upstream] srv: must be a host name or an address without "
              "brackets, is \"a b\"");
    check_bad(PLAIN "[upstream]\nsrv = a\ntls = none\n",
              ":7: [upstream] tls: means nothing with srv: the records of the "
              "domain say it, and none is not among them");
}

static void test_keys(void **state)
{
    (void)state;
    check_bad("a = b\n" BASE, ":1: a stands before the first [section]");
    check_bad(BASE "nonsense = 1\n",
              ":7: [upstream] nonsense: there is no such key");
    check_bad(BASE "[limits]\nAddress = 1\n",
              ":8: [limits] Address: there is no such key");
    check_bad(PLAIN "user = x\n" UPSTREAM,
              ":5: [listen a] user: there is no such key");
    check_bad(BASE "tls = implicit\n\ntls = implicit\n",
              ":9: [upstream] tls: stands at line 7 already");
    check_bad(BASE "tls\n", ":7: neither [section] nor key = value");
    check_bad(BASE "\ngarbage\n[limits]\n",
              ":8: neither [section] nor key = value");
    check_bad(BASE "= x\n", ":7: [upstream] : there is no such key");
    check_bad(BASE "[limits]\nmax_sessions = 5\n more\n",
              ":9: neither [section] nor key = value");
}

#define IN_LIMITS BASE "[limits]\n"

/* Rows of POP-24 among them. */
static void test_numbers(void **state)
{
    static const char *const no_time[] = {
        "",
        "x",
        "30 x",
        "-1",
        "+1",
        "1.5 s",
        "30 S",
        "30 seconds",
        "s",
        "1 2",
        "99999999999999999999",
        "0x10",
    };
    char text[512];
    char expected[512];

    (void)state;
    check_bad(IN_LIMITS "session_timeout = 30 s\n",
              ":8: [limits] session_timeout: must be 600 s or more, is "
              "\"30 s\"");
    check_bad(IN_LIMITS "session_timeout = 599999ms\n",
              ":8: [limits] session_timeout: must be 600 s or more, is "
              "\"599999ms\"");
    check_bad(IN_LIMITS "session_timeout = 25 h\n",
              ":8: [limits] session_timeout: must be 24 h or less, is "
              "\"25 h\"");
    check_bad(IN_LIMITS "login_timeout = 0\n",
              ":8: [limits] login_timeout: must be 1 s or more, is \"0\"");
    check_bad(IN_LIMITS "auth_failure_delay = 61\n",
              ":8: [limits] auth_failure_delay: must be 60 s or less, is "
              "\"61\"");
    check_bad(IN_LIMITS "max_sessions = 0\n",
              ":8: [limits] max_sessions: must be a number from 1 to 1000000, "
              "is \"0\"");
    check_bad(IN_LIMITS "max_sessions = many\n",
              ":8: [limits] max_sessions: must be a number from 1 to 1000000, "
              "is \"many\"");
    check_bad("[server]\nworkers = 257\n" BASE,
              ":2: [server] workers: must be auto or a number from 1 to 256, "
              "is \"257\"");
    for (size_t i = 0; i < ARRAY_LENGTH(no_time); i++) {
        (void)snprintf(text, sizeof(text), IN_LIMITS "drain_timeout = %s\n",
                       no_time[i]);
        (void)snprintf(expected, sizeof(expected),
                       ":8: [limits] drain_timeout: must be a time such as "
                       "500 ms, 30 s, 5 min or 1 h, is \"%s\"",
                       no_time[i]);
        check_bad(text, expected);
    }
}

static void test_sizes(void **state)
{
    static const struct {
        const char *text;
        uint64_t octets;
    } good[] = {
        { "0", 0 },
        { "0 MB", 0 },
        { "4096", 4096 },
        { "17 B", 17 },
        { "512 KB", 524288 },
        { "2MB", 2097152 },
        { "1 GB", 1 << 30 },
        { "1024 GB", UINT64_C(1) << 40 },
        { "1099511627776", UINT64_C(1) << 40 },
    };
    static const char *const no_size[] = {
        "", "-1", "1.5 MB", "1 mb", "1 TB", "MB", "64 MB s", "17179869184 GB",
    };
    char text[512];
    char expected[512];

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
        struct config *c;

        (void)snprintf(text, sizeof(text), IN_LIMITS "snapshot_cache = %s\n",
                       good[i].text);
        c = load_good(text);
        assert_true(c->snapshot_cache_octets == good[i].octets);
        config_free(c);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(no_size); i++) {
        (void)snprintf(text, sizeof(text), IN_LIMITS "snapshot_cache = %s\n",
                       no_size[i]);
        (void)snprintf(expected, sizeof(expected),
                       ":8: [limits] snapshot_cache: must be a size such as "
                       "512 KB or 64 MB, is \"%s\"",
                       no_size[i]);
        check_bad(text, expected);
    }
    check_bad(IN_LIMITS "snapshot_cache = 1025 GB\n",
              ":8: [limits] snapshot_cache: must be 1024 GB or less, is "
              "\"1025 GB\"");
}

static void test_words(void **state)
{
    (void)state;
    check_bad(BASE "[policy]\nmark_seen = true\n",
              ":8: [policy] mark_seen: must be yes or no, is \"true\"");
    check_bad(BASE "[policy]\nmark_seen =\n",
              ":8: [policy] mark_seen: must be yes or no, is \"\"");
    check_bad(BASE "[policy]\nwithout_uidplus = x\n",
              ":8: [policy] without_uidplus: must be guarded or refuse, is "
              "\"x\"");
    check_bad("[server]\nlog_level = loud\n" BASE,
              ":2: [server] log_level: must be error, warning, info or debug, "
              "is \"loud\"");
    check_bad("[server]\nlog_format = xml\n" BASE,
              ":2: [server] log_format: must be text or json, is \"xml\"");
    check_bad(BASE "tls = ssl\n",
              ":7: [upstream] tls: must be implicit, starttls or none, is "
              "\"ssl\"");
}

static void test_addresses(void **state)
{
    static const char *const bad[] = {
        "",          "110",           "127.0.0.1",     "127.0.0.1:",
        ":110",      "127.0.0.1:0",   "127.0.0.1:x",   "127.0.0.1:65536",
        "::1:110",   "[::1]",         "[::1]110",      "[::1:110",
        "[a]:110",   "[127.0.0.1]:1", "localhost:110", "127.0.0.1:+1",
        "127.1:110", "*:110",
    };
    static const char *const bad_names[] = {
        "imap.example.com", "-a:1", ".a:1", "a..b:1", "a b:1", "a/b:1", "[a]:1",
    };
    char text[512];
    char expected[512];

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        (void)snprintf(text, sizeof(text), "[listen a]\naddress = %s\n",
                       bad[i]);
        (void)snprintf(expected, sizeof(expected),
                       ":2: [listen a] address: must be a numeric "
                       "ADDRESS:PORT, such as 127.0.0.1:110 or [::]:995, is "
                       "\"%s\"",
                       bad[i]);
        check_bad(text, expected);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(bad_names); i++) {
        (void)snprintf(text, sizeof(text), "[upstream]\naddress = %s\n",
                       bad_names[i]);
        (void)snprintf(expected, sizeof(expected),
                       ":2: [upstream] address: must be HOST:PORT, such as "
                       "imap.example.com:993, is \"%s\"",
                       bad_names[i]);
        check_bad(text, expected);
    }
    check_bad("[listen b]\naddress = 127.0.0.1:110\ntls = none\n"
              "allow_plaintext_login = yes\n" BASE,
              ":6: [listen a] address: is that of [listen b]");
    check_bad(BASE "[status]\naddress = 127.0.0.1:110\n",
              ":8: [status] address: is that of [listen a]");
    check_bad("[listen a]\ntls = none\n" UPSTREAM,
              ":1: [listen a] address: is missing");
}

#define LISTEN "[listen a]\naddress = [::]:995\n"

static void test_certificates(void **state)
{
    char expected[256];

    (void)state;
    check_bad(LISTEN UPSTREAM, ":1: [listen a] certificate: is missing");
    check_bad(LISTEN "certificate =\n" UPSTREAM,
              ":1: [listen a] certificate: is missing");
    check_bad(LISTEN "certificate = @\n" UPSTREAM,
              ":1: [listen a] private_key: is missing");
    check_bad(LISTEN "certificate = @x\n" UPSTREAM,
              ":3: [listen a] certificate: cannot read @x: No such file or "
              "directory");
    (void)snprintf(expected, sizeof(expected),
                   ":7: [upstream] ca_file: cannot read %s: not a file",
                   "/tmp");
    check_bad(BASE "ca_file = /tmp\n", expected);
    check_bad("[listen a]\naddress = 127.0.0.1:110\ntls = none\n" UPSTREAM,
              ":3: [listen a] tls: with none nobody can log in; add "
              "allow_plaintext_login = yes if passwords may pass in clear");
}

#define PAIR "certificate = @\nprivate_key = @\n"

static void test_several_certificates(void **state)
{
    struct config *c =
        load_good(LISTEN PAIR "certificate = /etc/passwd\n"
                              "private_key = /etc/group\n" UPSTREAM);
    const struct config_listener *a = &c->listeners[0];

    (void)state;
    assert_int_equal(a->certificates.count, 2);
    assert_int_equal(a->private_keys.count, 2);
    assert_string_equal(a->certificates.at[0].text, pem);
    assert_string_equal(a->certificates.at[1].text, "/etc/passwd");
    assert_int_equal(a->certificates.at[1].line, 5);
    assert_string_equal(a->private_keys.at[1].text, "/etc/group");
    config_free(c);
    check_bad(LISTEN PAIR "certificate = @x\n" UPSTREAM,
              ":5: [listen a] certificate: cannot read @x: No such file or "
              "directory");
    check_bad(LISTEN PAIR "certificate = /etc/passwd\n" UPSTREAM,
              ":5: [listen a] certificate: has no private_key; the first key "
              "belongs to the first certificate, and so on");
    check_bad(LISTEN PAIR "private_key = /etc/passwd\n" UPSTREAM,
              ":5: [listen a] private_key: has no certificate; the first key "
              "belongs to the first certificate, and so on");
}

/* TLS-6: the old versions are for known networks only. */
static void test_old_tls(void **state)
{
    static const char *const versions[] = { "1.0", "1.1" };
    struct config *c;
    char text[256];

    (void)state;
    for (int i = 0; i < 2; i++) {
        (void)snprintf(text, sizeof(text),
                       LISTEN PAIR "tls_min_version = %s\n" UPSTREAM,
                       versions[i]);
        check_bad(text, ":5: [listen a] tls_min_version: below 1.2 is only "
                        "for devices whose networks stand in allow_from");
    }
    check_bad(LISTEN PAIR "tls_min_version = 1.0\nallow_from =\n" UPSTREAM,
              ":5: [listen a] tls_min_version: below 1.2 is only for devices "
              "whose networks stand in allow_from");
    check_bad(LISTEN "tls_min_version = 1\n" UPSTREAM,
              ":3: [listen a] tls_min_version: must be 1.0, 1.1, 1.2 or 1.3, "
              "is \"1\"");
    c = load_good(LISTEN PAIR "tls_min_version = 1.0\n"
                              "allow_from = 192.0.2.0/24\n"
                              "[listen b]\naddress = [::]:996\n" PAIR
                              "tls_min_version = 1.3\n" UPSTREAM);
    assert_int_equal(c->listeners[0].tls_min_version, TLS_VERSION_1_0);
    assert_int_equal(c->listeners[1].tls_min_version, TLS_VERSION_1_3);
    config_free(c);
}

/* PP-1: whoever is believed is named. */
static void test_balancers(void **state)
{
    struct config *c = load_good(PLAIN "proxy_protocol = v2\n"
                                       "proxy_from = 192.0.2.0/24\n" UPSTREAM);

    (void)state;
    assert_int_equal(c->listeners[0].proxy_protocol, PROXY_PROTOCOL_V2);
    assert_int_equal(c->listeners[0].proxy_from.count, 1);
    config_free(c);
    c = load_good(PLAIN UPSTREAM);
    assert_int_equal(c->listeners[0].proxy_protocol, PROXY_PROTOCOL_NO);
    config_free(c);
    check_bad(PLAIN "proxy_protocol = any\n" UPSTREAM,
              ":5: [listen a] proxy_protocol: needs proxy_from, the networks "
              "of the balancers that are believed");
    check_bad(PLAIN "proxy_from = 192.0.2.1\n" UPSTREAM,
              ":5: [listen a] proxy_from: means nothing without "
              "proxy_protocol = v2, v1 or any");
    check_bad(PLAIN "proxy_protocol = yes\n" UPSTREAM,
              ":5: [listen a] proxy_protocol: must be no, v1, v2 or any, is "
              "\"yes\"");
}

/* TLS-6: clear text for some networks, where that says anything. */
static void test_plaintext_networks(void **state)
{
    struct config *c =
        load_good("[listen a]\naddress = 127.0.0.1:110\n"
                  "tls = none\n"
                  "plaintext_from = 192.0.2.0/24, ::1\n" UPSTREAM);

    (void)state;
    assert_false(c->listeners[0].allow_plaintext_login);
    assert_int_equal(c->listeners[0].plaintext_from.count, 2);
    config_free(c);
    check_bad(PLAIN "plaintext_from = 192.0.2.1\n" UPSTREAM,
              ":5: [listen a] plaintext_from: means nothing with "
              "allow_plaintext_login = yes, which is for clients from "
              "everywhere");
    check_bad(LISTEN PAIR "plaintext_from = 192.0.2.1\n" UPSTREAM,
              ":5: [listen a] plaintext_from: means nothing with tls = "
              "implicit");
}

static void test_networks(void **state)
{
    struct config *c =
        load_good(PLAIN "allow_from = 192.0.2.0/24,2001:db8::/32 , ::1\n"
                        "allow_from = 127.0.0.1\n" UPSTREAM);
    const struct config_networks *n = &c->listeners[0].allow_from;

    (void)state;
    assert_int_equal(n->count, 4);
    assert_int_equal(n->at[0].prefix, 24);
    assert_int_equal(n->at[1].prefix, 32);
    assert_int_equal(n->at[2].prefix, 128);
    assert_int_equal(n->at[3].prefix, 32);
    config_free(c);
    check_bad(PLAIN "allow_from = 192.0.2.0/24, lan\n" UPSTREAM,
              ":5: [listen a] allow_from: must be networks such as "
              "192.0.2.0/24, 2001:db8::/32, has \"lan\"");
    check_bad(PLAIN "allow_from = , ::1\n" UPSTREAM,
              ":5: [listen a] allow_from: must be networks such as "
              "192.0.2.0/24, 2001:db8::/32, has \"\"");
}

/* DEC-19 */
static void test_sasl_mechanisms(void **state)
{
    struct config *c =
        load_good(BASE "sasl_mechanisms = Scram-SHA-256, PLAIN\n");

    (void)state;
    assert_int_equal(config_upstream_policy(c, c->upstreams, "v").mechanisms,
                     BIT(IMAP_MECHANISM_SCRAM) | BIT(IMAP_MECHANISM_PLAIN));
    config_free(c);
    c = load_good(BASE);
    assert_int_equal(config_upstream_policy(c, c->upstreams, "v").mechanisms,
                     0);
    config_free(c);
    check_bad(BASE "sasl_mechanisms = PLAIN SCRAM-SHA-1\n",
              ":7: [upstream] sasl_mechanisms: must be names such as "
              "SCRAM-SHA-256-PLUS, SCRAM-SHA-256, PLAIN, LOGIN, OAUTHBEARER, "
              "XOAUTH2, has \"SCRAM-SHA-1\"");
}

static void test_login_policy(void **state)
{
    struct config *c = load_good(BASE "alpn = no\nmax_connections = 4\n"
                                      "pass_identity = yes\n"
                                      "forward_client_address = yes\n"
                                      "[policy]\nlogin_delay = 5 min\n"
                                      "expire = never\n");
    struct session_policy p = config_policy(c, &c->listeners[0]);
    struct upstream_policy u = config_upstream_policy(c, c->upstreams, "v");

    (void)state;
    assert_false(c->upstreams[0].alpn);
    assert_int_equal(c->upstreams[0].max_connections, 4);
    assert_true(c->upstreams[0].pass_identity && u.forward_client_address);
    assert_int_equal(p.announced.login_delay_ms, 300000);
    assert_string_equal(p.announced.expire, "NEVER");
    config_free(c);
    c = load_good(BASE "[policy]\nexpire = 030\n");
    assert_string_equal(c->policies->expire, "30");
    config_free(c);
    check_bad(BASE "[policy]\nexpire = NEVER\n",
              ":8: [policy] expire: must be never or days from 0 to 9999, is "
              "\"NEVER\"");
    check_bad(BASE "[policy]\nexpire = 10000\n",
              ":8: [policy] expire: must be never or days from 0 to 9999, is "
              "\"10000\"");
    check_bad(BASE "[policy]\nlogin_delay = 61 min\n",
              ":8: [policy] login_delay: must be 1 h or less, is \"61 min\"");
}

/* CAP-12: before login the least retention and the longest delay of all. */
static void test_announcement(void **state)
{
    static const struct {
        const char *policies;
        const char *expire;
        uint64_t login_delay_ms;
        bool expire_varies;
        bool login_delay_varies;
    } cases[] = {
        { "", NULL, 0, false, false },
        { "expire = 30\nlogin_delay = 9 s\n[policy b]\n", "30", 9000, false,
          false },
        { "expire = 30\nlogin_delay = 9 s\n"
          "[policy b]\nexpire = 7\nlogin_delay = 90 s\n",
          "7", 90000, true, true },
        { "expire = 30\nlogin_delay = 9 s\n"
          "[policy b]\nexpire = never\nlogin_delay = 0 s\n",
          "30", 9000, true, true },
        { "expire = never\n[policy b]\nexpire = 0\n", "0", 0, true, false },
        /* Of one nothing is known: nothing can be said of all. */
        { "expire = 30\n[policy b]\nexpire =\n[policy c]\n", NULL, 0, false,
          false },
        { "[policy b]\nexpire = 30\n", NULL, 0, false, false },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char text[256];
        struct config *c;
        struct announcement all;

        (void)snprintf(text, sizeof(text), BASE "[policy]\n%s",
                       cases[i].policies);
        c = load_good(text);
        all = config_announcement(c);
        assert_true(config_same_text(all.expire, cases[i].expire));
        assert_int_equal(all.login_delay_ms, cases[i].login_delay_ms);
        assert_int_equal(all.expire_varies, cases[i].expire_varies);
        assert_int_equal(all.login_delay_varies, cases[i].login_delay_varies);
        config_free(c);
    }
}

/* [policy] counts only where it is used. */
static void test_announcement_of_names(void **state)
{
    struct config *c = load_good(BASE "policy = b\n"
                                      "[policy b]\nexpire = 30\n");
    struct announcement all = config_announcement(c);

    (void)state;
    assert_string_equal(all.expire, "30");
    assert_false(all.expire_varies);
    config_free(c);
}

static void test_window(void **state)
{
    struct config *c =
        load_good(BASE "[policy]\nnewest = 500\nnewer_than = 30\n"
                       "max_message_size = 10 MB\nunread_only = yes\n"
                       "only_keyword = $Scan\nexpire = 30\n"
                       "[policy b]\nonly_keyword =\nnewest = 0\n"
                       "list_whole = 0\n");
    struct mailbox_policy m =
        config_mailbox_policy(config_policy_find(c, NULL));
    struct mailbox_policy b = config_mailbox_policy(config_policy_find(c, "b"));

    (void)state;
    assert_int_equal(m.window.newest, 500);
    assert_int_equal(m.window.newer_than_days, 30);
    assert_int_equal(m.window.max_message_octets, 10 * 1024 * 1024);
    assert_true(m.window.unread_only);
    assert_string_equal(m.window.only_keyword, "$Scan");
    assert_string_equal(m.announced.expire, "30");
    assert_int_equal(m.list_whole_max, 10000);
    assert_int_equal(b.list_whole_max, 0);
    assert_int_equal(b.window.newest, 0);
    assert_null(b.window.only_keyword);
    assert_int_equal(b.window.newer_than_days, 30);
    config_free(c);
    check_bad(BASE "[policy]\nonly_keyword = \\Flagged\n",
              ":8: [policy] only_keyword: must be a keyword such as $Scanner, "
              "of 50 octets or less, is \"\\Flagged\"");
    check_bad(BASE "[policy]\nnewest = -1\n",
              ":8: [policy] newest: must be a number from 0 to 1000000, is "
              "\"-1\"");
    check_bad(BASE "[policy]\nnewer_than = 30 days\n",
              ":8: [policy] newer_than: must be a number from 0 to 9999, is "
              "\"30 days\"");
    check_bad(BASE "[policy]\nexpire = 31\n[policy b]\nnewer_than = 30\n",
              ":9: [policy b] expire: tells that mail stays for longer than "
              "newer_than shows it; 30 is the most");
    check_bad(BASE "[policy]\nexpire = never\nnewer_than = 30\n",
              ":7: [policy] expire: tells that mail stays for longer than "
              "newer_than shows it; 30 is the most");
}

/* Wherever [policy] stands, a name has its values but for its own. */
static void test_named_policies(void **state)
{
    struct config *c = load_good(PLAIN UPSTREAM "policy = scanner\n"
                                                "[policy scanner]\n"
                                                "mark_seen = yes\n"
                                                "expire =\n"
                                                "[policy]\n"
                                                "mark_seen = no\n"
                                                "expire = 30\n"
                                                "without_uidplus = refuse\n"
                                                "send_id = no\n"
                                                "[policy archive]\n");
    const struct config_policy *all = config_policy_find(c, NULL);
    const struct config_policy *scanner = config_policy_find(c, "scanner");
    const struct config_policy *archive = config_policy_find(c, "archive");

    (void)state;
    assert_int_equal(c->policy_count, 3);
    assert_ptr_equal(all, config_policy_find(c, "default"));
    assert_false(all->mark_seen);
    assert_string_equal(all->expire, "30");
    assert_true(scanner->mark_seen);
    assert_true(scanner->hide_deleted);
    assert_null(scanner->expire);
    assert_int_equal(scanner->without_uidplus, REMOVAL_REFUSE);
    assert_false(archive->mark_seen);
    assert_string_equal(archive->expire, "30");
    assert_ptr_equal(c->upstreams->policy, scanner);
    assert_false(c->send_id);
    assert_null(config_policy_find(c, "scanner2"));
    config_free(c);
}

/* The texts reach the session as they are, also through a copy. */
static void test_deletion(void **state)
{
    struct config *c = load_good(PLAIN UPSTREAM "policy = b\n"
                                                "[policy]\n"
                                                "on_delete = trash\n"
                                                "trash_mailbox = Gel\xc3\xb6"
                                                "scht\n"
                                                "keep_keyword = x\n"
                                                "[policy b]\n"
                                                "on_delete = keep\n"
                                                "keep_keyword = $K-%u\n");
    struct mailbox_policy all = config_mailbox_policy(c->policies);
    struct mailbox_policy b = config_mailbox_policy(c->upstreams->policy);

    (void)state;
    assert_int_equal(all.on_delete, ON_DELETE_TRASH);
    assert_string_equal(all.trash_mailbox, "Gel\xc3\xb6"
                                           "scht");
    assert_string_equal(all.keep_keyword, "x");
    assert_int_equal(b.on_delete, ON_DELETE_KEEP);
    assert_string_equal(b.trash_mailbox, "Gel\xc3\xb6"
                                         "scht");
    assert_string_equal(b.keep_keyword, "$K-%u");
    config_free(c);
}

static void test_mailboxes(void **state)
{
    struct config *c = load_good(PLAIN UPSTREAM "policy = b\n"
                                                "[policy]\n"
                                                "mailboxes = INBOX, Reports\n"
                                                "unique_ids = dovecot\n"
                                                "[policy b]\n"
                                                "plus_folder = yes\n"
                                                "folders_allowed = R*, Sent\n"
                                                "mailboxes = Sent\n"
                                                "[policy c]\n");
    struct mailbox_policy all = config_mailbox_policy(c->policies);
    struct mailbox_policy b = config_mailbox_policy(c->upstreams->policy);
    const struct config_policy *third = config_policy_find(c, "c");

    (void)state;
    assert_int_equal(mailbox_list_count(&all.mailboxes), 2);
    assert_string_equal(mailbox_list_name(&all.mailboxes, 1)->text, "Reports");
    assert_false(all.plus_folder);
    assert_null(all.folders_allowed);
    assert_int_equal(all.unique_ids, UNIQUE_ID_DOVECOT);
    assert_null(all.unique_id_map);
    assert_int_equal(mailbox_list_count(&b.mailboxes), 1);
    assert_string_equal(mailbox_list_name(&b.mailboxes, 0)->text, "Sent");
    assert_true(b.plus_folder);
    assert_string_equal(b.folders_allowed, "R*, Sent");
    assert_int_equal(b.unique_ids, UNIQUE_ID_DOVECOT);
    assert_int_equal(mailbox_list_count(&third->mailboxes), 2);
    config_free(c);
}

static void test_bad_mailboxes(void **state)
{
    (void)state;
    check_bad(BASE "[policy]\nmailboxes = INBOX,\n",
              ":8: [policy] mailboxes: must be names of mailboxes with commas "
              "between them; \"INBOX,\" has a name that is empty, too long, or "
              "not UTF-8");
    check_bad(
        BASE "[policy a]\nmailboxes = INBOX, Inbox\n",
        ":8: [policy a] mailboxes: must be names of mailboxes with commas "
        "between them; \"INBOX, Inbox\" names a mailbox twice");
    check_bad(BASE "[policy]\nunique_ids = pop3\n",
              ":8: [policy] unique_ids: must be popinjay, dovecot, cyrus, "
              "courier, uw, uid or gmail, is \"pop3\"");
    check_bad(BASE "[policy]\nunique_id_map = /nonexistent\n",
              ":8: [policy] unique_id_map: cannot read /nonexistent: No such "
              "file or directory");
}

static void test_bad_deletion(void **state)
{
    static const char *const mailboxes[] = { "INBOX", "inbox", "a*", "%",
                                             "\xff" };
    static const char *const keywords[] = { "", "\\Seen", "a b", "%n", "%u%u" };
    char text[400];
    char expected[400];

    (void)state;
    check_bad(BASE "[policy]\non_delete = archive\n",
              ":8: [policy] on_delete: must be expunge, trash, seen or keep, "
              "is \"archive\"");
    for (size_t i = 0; i < ARRAY_LENGTH(mailboxes); i++) {
        snprintf(text, sizeof(text), BASE "[policy]\ntrash_mailbox = %s\n",
                 mailboxes[i]);
        snprintf(expected, sizeof(expected),
                 ":8: [policy] trash_mailbox: must be the name of a mailbox in "
                 "UTF-8, not INBOX, without * and %%, is \"%s\"",
                 mailboxes[i]);
        check_bad(text, expected);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(keywords); i++) {
        snprintf(text, sizeof(text), BASE "[policy]\nkeep_keyword = %s\n",
                 keywords[i]);
        snprintf(expected, sizeof(expected),
                 ":8: [policy] keep_keyword: must be a keyword such as "
                 "$PopinjayKept-%%u: no blank, none of (){*\"\\], %%u once at "
                 "most, and 50 octets or less, is \"%s\"",
                 keywords[i]);
        check_bad(text, expected);
    }
}

static void test_bad_policies(void **state)
{
    (void)state;
    check_bad(BASE "policy = scanner\n",
              ":7: [upstream] policy: there is no [policy scanner]");
    check_bad(BASE "[policy a]\nsend_id = no\n",
              ":8: [policy a] send_id: is for all, and stands in [policy]");
    check_bad(BASE "[policy a]\nsend = no\n",
              ":8: [policy a] send: there is no such key");
    check_bad(BASE "[policy a]\n[policy a]\n",
              ":8: [policy a] stands at line 7 already");
    check_bad(BASE "[policy]\nsend_id = no\nsend_id = no\n",
              ":9: [policy] send_id: stands at line 8 already");
    check_bad(BASE "[policy a b]\n",
              ":7: [policy NAME]: NAME must be letters, digits, - _ or ., is "
              "\"a b\"");
    check_bad(BASE "[policy a]\nmark_seen = maybe\n",
              ":8: [policy a] mark_seen: must be yes or no, is \"maybe\"");
}

static void test_limits_of_clients(void **state)
{
    struct config *c = load_good(BASE);

    (void)state;
    assert_int_equal(c->listeners[0].max_sessions, 0);
    assert_int_equal(c->max_sessions_per_client, 0);
    assert_int_equal(c->max_unauthenticated, 2000);
    assert_int_equal(c->client_prefix_v4, 32);
    assert_int_equal(c->client_prefix_v6, 64);
    assert_int_equal(c->exempt_networks.count, 0);
    assert_int_equal(c->login_failures, 20);
    assert_int_equal(c->login_failures_per_client, 200);
    assert_int_equal(c->login_failure_window_ms, 600000);
    assert_int_equal(c->login_block_ms, 600000);
    assert_false(c->block_user_everywhere);
    assert_int_equal(c->throttle_backoff_ms, 60000);
    assert_int_equal(c->upstreams[0].logins_per_second, 0);
    assert_int_equal(c->upstreams[0].login_burst, 10);
    assert_int_equal(c->upstreams[0].queue_length, 1000);
    assert_int_equal(c->upstreams[0].queue_timeout_ms, 5000);
    config_free(c);

    c = load_good(BASE "logins_per_second = 50\nlogin_burst = 5\n"
                       "queue_length = 0\nqueue_timeout = 0\n"
                       "[limits]\nexempt_networks = 192.0.2.0/24, ::1\n"
                       "login_failures = 0\nclient_prefix_v6 = 56\n");
    assert_int_equal(c->upstreams[0].logins_per_second, 50);
    assert_int_equal(c->upstreams[0].login_burst, 5);
    assert_int_equal(c->upstreams[0].queue_timeout_ms, 0);
    assert_int_equal(c->exempt_networks.count, 2);
    assert_int_equal(c->login_failures, 0);
    assert_int_equal(c->client_prefix_v6, 56);
    config_free(c);

    check_bad(BASE "login_burst = 0\n",
              ":7: [upstream] login_burst: must be a number from 1 to 100000, "
              "is \"0\"");
    check_bad(
        BASE "queue_timeout = 61 s\n",
        ":7: [upstream] queue_timeout: must be 60 s or less, is \"61 s\"");
    check_bad(BASE "[limits]\nclient_prefix_v6 = 129\n",
              ":8: [limits] client_prefix_v6: must be a number from 16 to 128, "
              "is \"129\"");
}

/* Passwords in clear: only to this machine, or by a loud setting. */
static void test_insecure_upstream(void **state)
{
    static const char *const near[] = { "127.0.0.1", "127.9.9.9", "[::1]",
                                        "localhost", "LocalHost" };
    static const char *const far[] = { "imap.example.com", "128.0.0.1", "[::2]",
                                       "localhost.example.com", "0.0.0.0" };
    char text[256];

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(near); i++) {
        (void)snprintf(text, sizeof(text),
                       PLAIN "[upstream]\naddress = %s:143\ntls = none\n",
                       near[i]);
        config_free(load_good(text));
    }
    for (size_t i = 0; i < ARRAY_LENGTH(far); i++) {
        struct config *c;

        (void)snprintf(text, sizeof(text),
                       PLAIN "[upstream]\naddress = %s:143\ntls = none\n",
                       far[i]);
        check_bad(text, ":7: [upstream] tls: none sends passwords in clear to "
                        "another host; only allow_insecure_upstream = yes "
                        "permits that");
        (void)snprintf(text, sizeof(text),
                       PLAIN "[upstream]\naddress = %s:143\ntls = none\n"
                             "allow_insecure_upstream = yes\n",
                       far[i]);
        c = load_good(text);
        assert_true(c->upstreams[0].allow_insecure_upstream);
        config_free(c);
    }
}

/* What could never stand in a certificate is no name to look for there. */
static void test_server_name(void **state)
{
    static const char *const wrong[] = { "[::1]", ".example.com", "a b",
                                         "a..example" };
    char text[1024];
    char problem[256];
    struct config *c;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        (void)snprintf(text, sizeof(text), "%sserver_name = %s\n", BASE,
                       wrong[i]);
        (void)snprintf(problem, sizeof(problem),
                       ":7: [upstream] server_name: must be a host name or an "
                       "address without brackets, is \"%s\"",
                       wrong[i]);
        check_bad(text, problem);
    }
    c = load_good(BASE "server_name = ::1\n");
    assert_string_equal(c->upstreams[0].server_name, "::1");
    config_free(c);
}

/* inih would cut a long line in two and take the rest for another one. */
static void test_lines(void **state)
{
    char text[1024];
    char error[256];
    size_t length;

    (void)state;
    (void)snprintf(text, sizeof(text), "%sserver_name = %0*d\n", BASE, 300, 0);
    check_bad(text, ":7: the line is too long");
    /* 198 octets and the LF are what fits. */
    (void)snprintf(text, sizeof(text), "%sserver_name = %0*d\n", BASE, 198 - 14,
                   0);
    config_free(load_good(text));
    (void)snprintf(text, sizeof(text), "%sserver_name = %0*d\n", BASE, 199 - 14,
                   0);
    check_bad(text, ":7: the line is too long");
    /* A comment may be of any length. */
    (void)snprintf(text, sizeof(text), "%s;%0*d\n", BASE, 600, 0);
    config_free(load_good(text));
    check_bad(BASE "server_name = a\x01"
                   "b\n",
              ":7: a control octet; this is to be a text file");
    length = strlen(BASE) + 9;
    memcpy(text, BASE "tls = a\0b\n", length + 2);
    write_file(path, text, length + 2);
    assert_null(config_load(path, error, sizeof(error)));
    assert_non_null(strstr(error, ":7: a control octet"));
}

static void test_file(void **state)
{
    char error[256];
    char expected[256];

    (void)state;
    assert_null(config_load("/nonexistent/x", error, sizeof(error)));
    assert_string_equal(error, "/nonexistent/x: No such file or directory");
    assert_null(config_load(folder, error, sizeof(error)));
    (void)snprintf(expected, sizeof(expected), "%s: Is a directory", folder);
    assert_string_equal(error, expected);
}

static void test_user(void **state)
{
    struct config *c;

    (void)state;
    if (geteuid() != 0) {
        c = load_good("[server]\nuser = no-such-user\n" BASE);
        assert_string_equal(c->user, "no-such-user");
        config_free(c);
        return;
    }
    check_bad("[server]\nuser = no-such-user\n" BASE,
              ":2: [server] user: there is no user \"no-such-user\"");
    c = load_good("[server]\nuser = root\n" BASE);
    assert_string_equal(c->user, "root");
    config_free(c);
}

static void test_locate(void **state)
{
    struct config *c =
        load_good(LISTEN "private_key = @\n"
                         "certificate = /dev/../etc/passwd\n" UPSTREAM
                         "ca_file = /etc/group\n");
    char error[256];
    char problem[128];
    char expected[256];

    (void)state;
    (void)snprintf(problem, sizeof(problem), "%s: no key in it", pem);
    (void)snprintf(expected, sizeof(expected),
                   "p:3: [listen a] private_key: %s", problem);
    config_locate(c, "p", problem, error, sizeof(error));
    assert_string_equal(error, expected);
    config_locate(c, "p", "/dev/../etc/passwd: no", error, sizeof(error));
    assert_string_equal(error,
                        "p:4: [listen a] certificate: /dev/../etc/passwd: no");
    config_locate(c, "p", "/etc/group: no", error, sizeof(error));
    assert_string_equal(error, "p:7: [upstream] ca_file: /etc/group: no");
    config_locate(c, "p", "out of memory", error, sizeof(error));
    assert_string_equal(error, "p: out of memory");
    config_free(c);
}

/* What the DNS has to say about a domain. */
static void test_locate_domain(void **state)
{
    struct config *c = load_good("[listen a]\naddress = 127.0.0.1:1\n"
                                 "tls = none\nallow_plaintext_login = yes\n"
                                 "[upstream]\naddress = b:1\n"
                                 "[upstream two]\nsrv = example.com\n");
    char error[256];

    (void)state;
    config_locate(c, "p", "example.com: there is none", error, sizeof(error));
    assert_string_equal(error, "p:8: [upstream two] srv: there is none");
    config_locate(c, "p", "example.org: there is none", error, sizeof(error));
    assert_string_equal(error, "p: example.org: there is none");
    config_free(c);
}

static void test_policy(void **state)
{
    struct config *c = load_good(BASE "[limits]\nlogin_timeout = 7 s\n"
                                      "[policy]\nmark_seen = no\n");
    struct session_policy p = config_policy(c, &c->listeners[0]);
    struct upstream_policy u = config_upstream_policy(c, c->upstreams, "v");
    struct mailbox_policy m = config_mailbox_policy(c->policies);

    (void)state;
    assert_int_equal(p.client_tls, TLS_MODE_NONE);
    assert_true(p.allow_plaintext_login);
    assert_int_equal(p.mechanisms, SASL_PASSWORD_MECHANISMS);
    assert_false(p.apop);
    c->listeners[0].token_login = true;
    p = config_policy(c, &c->listeners[0]);
    assert_int_equal(p.mechanisms,
                     SASL_PASSWORD_MECHANISMS | SASL_TOKEN_MECHANISMS);
    assert_int_equal(u.tls, TLS_MODE_IMPLICIT);
    assert_false(m.mark_seen);
    assert_true(m.hide_deleted && u.send_id && p.show_implementation);
    assert_int_equal(p.login_timeout_ms, 7000);
    assert_int_equal(p.session_timeout_ms, 600000);
    assert_int_equal(u.upstream_timeout_ms, 60000);
    assert_int_equal(p.auth_failure_delay_ms, 1000);
    assert_int_equal(u.upstream_reuse_ms, 90000);
    assert_string_equal(u.version, "v");
    config_free(c);
}

/* --- [oauth NAME] --- */

/* Its section begins at line 7. */
#define OAUTH BASE "[oauth o]\n"

static void test_oauth(void **state)
{
    struct config *c = load_good(
        OAUTH "provider = gmail\nclient_id = x\nclient_secret_file = @\n"
              "[oauth m]\nprovider = microsoft\nclient_id = y\n"
              "[oauth a]\nprovider = microsoft\nclient_id = y\n"
              "grant = client_credentials\ntenant = example.com\n"
              "client_secret_file = @\n"
              "[oauth g]\nprovider = generic\nclient_id = z\n"
              "issuer = https://login.example.com\nrequest_timeout = 3 s\n"
              "[oauth c]\ngrant = command\ncommand = /bin/echo a b\n");

    (void)state;
    assert_int_equal(c->oauth_count, 5);
    assert_string_equal(c->oauths[0].name, "o");
    assert_int_equal(c->oauths[0].provider, OAUTH_GMAIL);
    assert_int_equal(c->oauths[0].grant, OAUTH_REFRESH_TOKEN);
    assert_string_equal(c->oauths[0].scope, "https://mail.google.com/");
    assert_int_equal(c->oauths[0].request_timeout_ms, 10000);
    assert_int_equal(c->oauths[0].client_secret_file_line, 10);
    assert_string_equal(c->oauths[1].tenant, "organizations");
    assert_string_equal(
        c->oauths[1].scope,
        "https://outlook.office.com/IMAP.AccessAsUser.All offline_access");
    assert_string_equal(c->oauths[2].scope,
                        "https://outlook.office365.com/.default");
    assert_null(c->oauths[3].scope);
    assert_int_equal(c->oauths[3].request_timeout_ms, 3000);
    assert_int_equal(c->oauths[4].grant, OAUTH_COMMAND);
    assert_string_equal(c->state_directory, "/var/lib/popinjay");
    config_free(c);
}

static void test_bad_oauth(void **state)
{
    (void)state;
    check_bad(BASE "[oauth]\n", ":7: [oauth] needs a name: [oauth NAME]");
    check_bad(OAUTH, ":7: [oauth o] provider: is missing");
    check_bad(OAUTH "provider = gmail\n",
              ":7: [oauth o] client_id: is missing");
    check_bad(OAUTH "provider = other\n",
              ":8: [oauth o] provider: must be generic, gmail or microsoft, "
              "is \"other\"");
    check_bad(OAUTH "provider = generic\nclient_id = x\n",
              ":7: [oauth o] issuer: is missing, and so is token_endpoint: one "
              "of them says where tokens are had");
    check_bad(OAUTH "provider = generic\nclient_id = x\n"
                    "issuer = http://example.com\n",
              ":10: [oauth o] issuer: the URL must begin with https:// unless "
              "it leads to this machine");
    check_bad(OAUTH "provider = microsoft\nclient_id = x\n"
                    "device_endpoint = example.com/device\n",
              ":10: [oauth o] device_endpoint: the URL is none, such as "
              "https://example.com/token");
    check_bad(OAUTH "provider = gmail\nclient_id = x\n"
                    "grant = client_credentials\n",
              ":10: [oauth o] grant: Google has no client_credentials; use "
              "refresh_token or command");
    check_bad(OAUTH "provider = microsoft\nclient_id = x\n"
                    "grant = client_credentials\n",
              ":10: [oauth o] grant: client_credentials needs "
              "client_secret_file");
    check_bad(OAUTH "provider = microsoft\nclient_id = x\n"
                    "grant = client_credentials\nclient_secret_file = @\n",
              ":10: [oauth o] grant: client_credentials needs tenant, the "
              "number or a domain of yours");
    check_bad(OAUTH "provider = microsoft\nclient_id = x\ntenant = a/b\n",
              ":10: [oauth o] tenant: must be the number or a domain of the "
              "tenant, or organizations, consumers or common, is \"a/b\"");
    check_bad(OAUTH "grant = command\n", ":7: [oauth o] command: is missing");
    check_bad(OAUTH "grant = command\ncommand = /no/such --fast\n",
              ":9: [oauth o] command: cannot run /no/such: No such file or "
              "directory");
    check_bad(OAUTH "grant = command\ncommand = echo x\n",
              ":9: [oauth o] command: must begin with the whole path of a "
              "program, is \"echo x\"");
}

/* A key that is not looked at is a mistake, not a wish that nobody hears. */
static void test_idle_oauth(void **state)
{
    static const struct {
        const char *section;
        const char *key;
        const char *with;
    } cases[] = {
        { "provider = gmail\nclient_id = x\n", "command = /bin/a",
          "grant = refresh_token" },
        { "provider = gmail\nclient_id = x\n", "tenant = a.example",
          "provider = gmail" },
        { "provider = generic\nclient_id = x\n", "tenant = a.example",
          "provider = generic" },
        { "provider = gmail\nclient_id = x\n", "issuer = https://a.example",
          "provider = gmail" },
        { "provider = microsoft\nclient_id = x\n", "issuer = https://a.example",
          "provider = microsoft" },
        { "provider = gmail\nclient_id = x\n",
          "device_endpoint = https://a.example", "provider = gmail" },
        { "provider = microsoft\nclient_id = x\n",
          "authorization_endpoint = https://a.example",
          "provider = microsoft" },
        { "provider = generic\ngrant = client_credentials\n",
          "device_endpoint = https://a.example", "grant = client_credentials" },
        { "provider = generic\ngrant = client_credentials\n",
          "authorization_endpoint = https://a.example",
          "grant = client_credentials" },
        { "grant = command\ncommand = /bin/echo\n", "provider = gmail",
          "grant = command" },
        { "grant = command\ncommand = /bin/echo\n", "client_id = x",
          "grant = command" },
        { "grant = command\ncommand = /bin/echo\n", "client_secret_file = @",
          "grant = command" },
        { "grant = command\ncommand = /bin/echo\n",
          "client_authentication = form", "grant = command" },
        { "grant = command\ncommand = /bin/echo\n", "scope = mail",
          "grant = command" },
        { "grant = command\ncommand = /bin/echo\n",
          "token_endpoint = https://a.example", "grant = command" },
        { "grant = command\ncommand = /bin/echo\n", "ca_file = @",
          "grant = command" },
        { "grant = command\ncommand = /bin/echo\n", "request_timeout = 3 s",
          "grant = command" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        const char *key = cases[i].key;
        char text[512];
        char why[256];

        (void)snprintf(text, sizeof(text), OAUTH "%s%s\n", cases[i].section,
                       key);
        (void)snprintf(why, sizeof(why),
                       ":10: [oauth o] %.*s: means nothing with %s; one of "
                       "them has to go",
                       (int)strcspn(key, " "), key, cases[i].with);
        check_bad(text, why);
    }
    check_bad(OAUTH "provider = gmail\nclient_id = x\n"
                    "client_authentication = basic\n",
              ":10: [oauth o] client_authentication: means nothing without "
              "client_secret_file");
    check_bad(OAUTH "provider = generic\ngrant = client_credentials\n"
                    "issuer = https://a.example\n"
                    "token_endpoint = https://a.example/t\n",
              ":10: [oauth o] issuer: means nothing beside token_endpoint with "
              "grant = client_credentials; take one of them out");
    /* What says nothing is not there. */
    config_free(load_good(OAUTH "provider = gmail\nclient_id = x\n"
                                "tenant = organizations\nissuer =\n"
                                "client_authentication = form\ncommand =\n"
                                "device_endpoint =\n"));
}

/* --- [auth_http] --- */

#define AUTH_HTTP BASE "[auth_http]\n"

static void test_auth_http(void **state)
{
    struct config *c = load_good(AUTH_HTTP "url = http://localhost:8080/auth\n"
                                           "header_file = @\n");

    (void)state;
    assert_string_equal(c->auth_http.url, "http://localhost:8080/auth");
    assert_int_equal(c->auth_http.timeout_ms, 10000);
    assert_int_equal(c->auth_http.header_file_line, 9);
    assert_null(c->auth_http.ca_file);
    config_free(c);
    c = load_good(AUTH_HTTP "url = http://192.0.2.1/\nallow_insecure = yes\n");
    assert_true(c->auth_http.allow_insecure);
    config_free(c);
    c = load_good(AUTH_HTTP "unlisted_as = default\n");
    assert_null(c->auth_http.url);
    assert_ptr_equal(c->auth_http.unlisted, &c->upstreams[0]);
    config_free(c);
}

static void test_bad_auth_http(void **state)
{
    (void)state;
    check_bad(AUTH_HTTP "url = http://192.0.2.1/auth\n",
              ":8: [auth_http] url: http sends passwords in clear to another "
              "host; only allow_insecure = yes permits that");
    check_bad(AUTH_HTTP "unlisted_as = other\n",
              ":8: [auth_http] unlisted_as: there is no [upstream other]");
    check_bad(AUTH_HTTP "unlisted_as = clear\n[upstream clear]\n"
                        "address = 127.0.0.1:143\ntls = none\n",
              ":8: [auth_http] unlisted_as: [upstream clear] has tls = none, "
              "and passwords would go in clear to whatever address the service "
              "names");
    check_bad(AUTH_HTTP "url = 192.0.2.1:8080\n",
              ":8: [auth_http] url: the URL is none, such as "
              "https://example.com/token");
    check_bad(AUTH_HTTP "url = https://192.0.2.1/\ntimeout = 2 min\n",
              ":9: [auth_http] timeout: must be 60 s or less, is \"2 min\"");
}

/* --- proxy.conf.sample --- */

static char *read_sample(void)
{
    FILE *file = fopen(SAMPLE, "r");
    char *text = calloc(1, 65536);

    assert_non_null(file);
    assert_non_null(text);
    assert_in_range(fread(text, 1, 65535, file), 1, 65534);
    assert_int_equal(fclose(file), 0);
    return text;
}

/* Whether a line `key = value` or, with its default, `;key = default` stands
 * in the section.
 */
static bool documents(const char *sample, const struct config_key *key)
{
    char header[32];
    char line[128];
    const char *begin;
    const char *end;
    const char *found;

    (void)snprintf(header, sizeof(header), "\n[%s",
                   config_section_name(key->section));
    begin = strstr(sample, header);
    assert_non_null(begin);
    end = strstr(begin + 1, "\n; -----");
    if (key->default_text != NULL && key->default_text[0] != '\0')
        (void)snprintf(line, sizeof(line), "\n;%s = %s\n", key->name,
                       key->default_text);
    else if (key->default_text != NULL && strcmp(key->name, "user") != 0 &&
             key->kind != CONFIG_FILES)
        (void)snprintf(line, sizeof(line), "\n;%s =\n", key->name);
    else
        (void)snprintf(line, sizeof(line), "\n%s = ", key->name);
    found = strstr(begin, line);
    return found != NULL && (end == NULL || found < end);
}

static void test_sample_documents_all(void **state)
{
    char *sample = read_sample();

    (void)state;
    for (size_t i = 0; i < config_key_count; i++)
        if (!documents(sample, &config_keys[i]))
            fail_msg("%s lacks [%s] %s or its default", SAMPLE,
                     config_section_name(config_keys[i].section),
                     config_keys[i].name);
    free(sample);
}

/* The sample with paths that exist and a user that does; |uncomment| takes the
 * ; from each key that shows its default.
 */
static void check_sample(bool uncomment)
{
    char *sample = read_sample();
    FILE *file = fopen(path, "w");
    char error[1024] = "";
    struct config *c;
    char *rest = sample;
    char *line;

    assert_non_null(file);
    while ((line = strsep(&rest, "\n")) != NULL) {
        if (strncmp(line, "certificate =", 13) == 0)
            (void)fprintf(file, "certificate = %s\n", pem);
        else if (strncmp(line, "private_key =", 13) == 0)
            (void)fprintf(file, "private_key = %s\n", pem);
        else if (strncmp(line, "user =", 6) == 0)
            (void)fputs("user =\n", file);
        else
            (void)fprintf(file, "%s\n",
                          uncomment && line[0] == ';' && line[1] >= 'a' &&
                                  line[1] <= 'z'
                              ? line + 1
                              : line);
    }
    assert_int_equal(fclose(file), 0);
    free(sample);
    c = config_load(path, error, sizeof(error));
    if (c == NULL)
        fail_msg("%s", error);
    assert_int_equal(c->listener_count, 2);
    assert_true(c->has_status);
    config_free(c);
}

static void test_sample_loads(void **state)
{
    (void)state;
    check_sample(false);
    check_sample(true);
}

int main(void)
{
    const struct CMUnitTest config[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_everything),
        cmocka_unit_test(test_sections),
        cmocka_unit_test(test_several_upstreams),
        cmocka_unit_test(test_most_upstreams),
        cmocka_unit_test(test_routes),
        cmocka_unit_test(test_srv),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_certificates),
        cmocka_unit_test(test_several_certificates),
        cmocka_unit_test(test_old_tls),
        cmocka_unit_test(test_balancers),
        cmocka_unit_test(test_plaintext_networks),
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_sasl_mechanisms),
        cmocka_unit_test(test_login_policy),
        cmocka_unit_test(test_announcement),
        cmocka_unit_test(test_announcement_of_names),
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_named_policies),
        cmocka_unit_test(test_deletion),
        cmocka_unit_test(test_bad_deletion),
        cmocka_unit_test(test_bad_policies),
        cmocka_unit_test(test_limits_of_clients),
        cmocka_unit_test(test_insecure_upstream),
        cmocka_unit_test(test_server_name),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_user),
        cmocka_unit_test(test_locate),
        cmocka_unit_test(test_locate_domain),
        cmocka_unit_test(test_policy),
        cmocka_unit_test(test_mailboxes),
        cmocka_unit_test(test_bad_mailboxes),
        cmocka_unit_test(test_oauth),
        cmocka_unit_test(test_bad_oauth),
        cmocka_unit_test(test_idle_oauth),
        cmocka_unit_test(test_auth_http),
        cmocka_unit_test(test_bad_auth_http),
        cmocka_unit_test(test_sample_documents_all),
        cmocka_unit_test(test_sample_loads),
    };

    return cmocka_run_group_tests(config, set_up, tear_down);
}
