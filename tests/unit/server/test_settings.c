/* test_settings.c - what one reading of the configuration takes over from the
 * one before, and when its files are stale.
 */
#include "server/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "server/service.h"
#include "support/alloc_fail.h"
#include "support/x509.h"

#define ERROR_MAX 2048

static char folder[] = "/tmp/test_settings.XXXXXX";
static char path[64], ca_file[64], key_file[64];
static struct x509_pair pair;
static struct service *service;
static struct settings_source source;

static void write_file(const char *to, const char *text, size_t size)
{
    FILE *f = fopen(to, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static void copy_file(const char *from, const char *to)
{
    char text[16384];
    FILE *f = fopen(from, "r");
    size_t size;

    assert_non_null(f);
    size = fread(text, 1, sizeof(text), f);
    assert_int_equal(fclose(f), 0);
    write_file(to, text, size);
}

/* |server| and |upstream| are further keys of these sections. */
static void configure(const char *server, const char *upstream)
{
    char text[2048];
    int size = snprintf(text, sizeof(text),
                        "[server]\nworkers = 1\n%s\n"
                        "[listen a]\naddress = 127.0.0.1:1\n"
                        "certificate = %s\nprivate_key = %s\n"
                        "[upstream]\nca_file = %s\nserver_name = s.example\n"
                        "%s\n",
                        server, pair.certificate, pair.key, ca_file, upstream);

    write_file(path, text, (size_t)size);
}

static int set_up(void **state)
{
    char trail[80];

    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(path, sizeof(path), "%s/proxy.conf", folder);
    (void)snprintf(ca_file, sizeof(ca_file), "%s/ca.pem", folder);
    (void)snprintf(key_file, sizeof(key_file), "%s/tickets", folder);
    pair = x509_make(folder, "own",
                     (struct x509_wish){ .common_name = "a", .days_left = 1 });
    copy_file(pair.certificate, ca_file);
    memset(trail, 'x', sizeof(trail));
    write_file(key_file, trail, sizeof(trail));
    assert_int_equal(chmod(key_file, 0600), 0);
    service = service_new();
    source =
        (struct settings_source){ .path = path,
                                  .version = "test",
                                  .readahead = &service->readahead,
                                  .listener_names = &service->listener_names,
                                  .upstreams = &service->upstreams };
    return service != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[64];

    (void)state;
    service_free(service);
    (void)snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command);
}

static struct settings *read_after(const struct settings *before)
{
    char error[ERROR_MAX];
    struct settings *s = settings_read(&source, before, error, sizeof(error));

    if (s == NULL)
        fail_msg("%s", error);
    return s;
}

/* The key of what is read after |before|, by other keys of [upstream]. */
static bool is_another_upstream(const struct settings *before,
                                const char *upstream)
{
    struct settings *s;
    bool differs;

    configure("", upstream);
    s = read_after(before);
    differs = strcmp(s->upstreams->key, before->upstreams->key) != 0;
    settings_release(s);
    return differs;
}

static void test_which_upstream(void **state)
{
    static const char same[] = "address = 127.0.0.1:993";
    struct settings *first;

    (void)state;
    configure("", same);
    first = read_after(NULL);
    assert_string_equal(first->upstreams->place, "s.example:993");
    assert_false(is_another_upstream(first, same));
    assert_false(is_another_upstream(
        first, "address = 127.0.0.1:993\nmax_connections = 3"));
    /* The same name is not the same server. */
    assert_true(is_another_upstream(first, "address = 127.0.0.2:993"));
    assert_true(is_another_upstream(first, "address = 127.0.0.1:994"));
    assert_true(
        is_another_upstream(first, "address = 127.0.0.1:993\ntls = starttls"));
    copy_file(pair.certificate, ca_file);
    assert_true(is_another_upstream(first, same)); /* trusted by others */
    settings_release(first);
}

/* There and back again is another one both times. */
static void test_numbers_are_not_used_twice(void **state)
{
    struct settings *first, *second, *third;

    (void)state;
    configure("", "address = 127.0.0.1:993");
    first = read_after(NULL);
    configure("", "address = 127.0.0.2:993");
    second = read_after(first);
    configure("", "address = 127.0.0.1:993");
    third = read_after(second);
    assert_string_not_equal(first->upstreams->key, third->upstreams->key);
    assert_string_equal(first->upstreams->place, third->upstreams->place);
    settings_release(first);
    settings_release(second);
    settings_release(third);
}

/* Random keys live on, those of a file are read, a file's end is an end. */
static void test_ticket_keys(void **state)
{
    struct settings *random, *again, *file;
    char key[128];

    (void)state;
    configure("", "address = 127.0.0.1:993");
    random = read_after(NULL);
    again = read_after(random);
    assert_ptr_equal(random->tickets, again->tickets);
    settings_release(random); /* the keys outlive it */
    (void)snprintf(key, sizeof(key), "tls_ticket_key_file = %s", key_file);
    configure(key, "address = 127.0.0.1:993");
    file = read_after(again);
    assert_ptr_not_equal(file->tickets, again->tickets);
    settings_release(again);
    again = read_after(file);
    assert_ptr_not_equal(file->tickets, again->tickets);
    settings_release(again);
    settings_release(file);
}

static void test_stale_files(void **state)
{
    char error[ERROR_MAX];
    struct settings *s, *renewed;

    (void)state;
    configure("", "address = 127.0.0.1:993");
    s = read_after(NULL);
    assert_false(settings_are_stale(s));
    configure("", "address = 127.0.0.9:993"); /* of no concern */
    assert_false(settings_are_stale(s));
    assert_int_equal(chmod(pair.key, 0640), 0);
    assert_true(settings_are_stale(s));
    renewed = settings_renew(s, error, sizeof(error));
    assert_non_null(renewed);
    assert_false(settings_are_stale(renewed));
    assert_string_equal(renewed->upstreams->key, s->upstreams->key);
    assert_ptr_equal(renewed->config, s->config);
    settings_release(s); /* the configuration outlives it */
    assert_string_equal(renewed->config->listeners[0].name, "a");
    settings_release(renewed);
}

/* Wherever there is no memory: nothing, and no leak. */
static void test_no_memory(void **state)
{
    char error[ERROR_MAX];
    struct settings *before, *s = NULL;

    (void)state;
    configure("", "address = 127.0.0.1:993");
    before = read_after(NULL);
    for (unsigned long n = 1; s == NULL; n++) {
        alloc_fail_at(n);
        s = settings_renew(before, error, sizeof(error));
        alloc_fail_at(0);
        if (s == NULL)
            assert_true(error[0] != '\0');
    }
    settings_release(s);
    settings_release(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_which_upstream),
        cmocka_unit_test(test_numbers_are_not_used_twice),
        cmocka_unit_test(test_ticket_keys),
        cmocka_unit_test(test_stale_files),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests_name("server/settings", tests, set_up,
                                       tear_down);
}
