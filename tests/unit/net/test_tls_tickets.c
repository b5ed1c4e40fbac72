/* test_tls_tickets.c - which key seals and which ones open, at what time. */
#include "net/tls_tickets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <pthread.h>

#include "support/alloc_fail.h"

#define KEY_SIZE 80

static char folder[] = "/tmp/popinjay-test-tickets-XXXXXX";
static char path[64];
static char other_path[64];

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static unsigned reports;
static char last_report[512];

static void note(const char *problem)
{
    reports++;
    snprintf(last_report, sizeof(last_report), "%s", problem);
}

static struct tls_tickets *make(const char *file)
{
    char error[512] = "";
    struct tls_tickets *t = tls_tickets_new(file, note, error, sizeof(error));

    if (t == NULL)
        fail_msg("%s", error);
    return t;
}

static struct tls_ticket_key sealing(struct tls_tickets *t, uint64_t at_ms)
{
    struct tls_ticket_key key;

    tls_tickets_sealing_key(t, at_ms, &key);
    return key;
}

static enum tls_ticket_age age(struct tls_tickets *t,
                               const struct tls_ticket_key *key, uint64_t at_ms)
{
    struct tls_ticket_key found;
    enum tls_ticket_age a =
        tls_tickets_opening_key(t, key->name, at_ms, &found);

    if (a != TLS_TICKET_UNKNOWN)
        assert_memory_equal(&found, key, sizeof(found));
    return a;
}

/* --- random keys --- */

/* RFC 5077 §5.5, RFC 9325 §3.4 */
static void test_a_key_is_replaced_and_outlives_its_tickets(void **state)
{
    struct tls_tickets *t = make(NULL);
    uint64_t changed = now_ms() + TLS_TICKET_KEY_PERIOD_MS;
    uint64_t forgotten = changed + TLS_TICKET_LIFETIME_MS;
    struct tls_ticket_key first = sealing(t, now_ms());
    struct tls_ticket_key second;

    (void)state;
    assert_int_equal(age(t, &first, changed - 1000), TLS_TICKET_CURRENT);
    second = sealing(t, changed);
    assert_memory_not_equal(&first.name, &second.name, sizeof(first.name));
    assert_memory_not_equal(&first.mac, &second.mac, sizeof(first.mac));
    assert_memory_not_equal(&first.cipher, &second.cipher,
                            sizeof(first.cipher));
    assert_int_equal(age(t, &first, changed), TLS_TICKET_OLD);
    assert_int_equal(age(t, &second, changed), TLS_TICKET_CURRENT);
    assert_int_equal(age(t, &first, forgotten - 1), TLS_TICKET_OLD);
    assert_int_equal(age(t, &first, forgotten), TLS_TICKET_UNKNOWN);
    assert_int_equal(age(t, &second, forgotten), TLS_TICKET_CURRENT);
    (void)sealing(t, changed + TLS_TICKET_KEY_PERIOD_MS);
    assert_int_equal(age(t, &second, changed + TLS_TICKET_KEY_PERIOD_MS),
                     TLS_TICKET_OLD);
    tls_tickets_release(t);
}

/* To ask whether a key opens moves the time as much as to ask for one. */
static void test_opening_rotates_too(void **state)
{
    struct tls_tickets *t = make(NULL);
    struct tls_ticket_key first = sealing(t, now_ms());
    uint64_t later = now_ms() + TLS_TICKET_KEY_PERIOD_MS;

    (void)state;
    assert_int_equal(age(t, &first, later), TLS_TICKET_OLD);
    later += TLS_TICKET_KEY_PERIOD_MS;
    assert_int_equal(age(t, &first, later), TLS_TICKET_UNKNOWN);
    tls_tickets_release(t);
}

static void test_each_process_has_a_key_of_its_own(void **state)
{
    struct tls_tickets *one = make(NULL);
    struct tls_tickets *other = make(NULL);
    struct tls_ticket_key key = sealing(one, now_ms());

    (void)state;
    assert_int_equal(age(other, &key, now_ms()), TLS_TICKET_UNKNOWN);
    tls_tickets_release(one);
    tls_tickets_release(other);
}

/* --- a file --- */

/* |count| keys, each of one octet all over: |first|, the next one, and so on.
 * The file is another one each time, as if moved into place.
 */
static void write_keys(unsigned char first, size_t count)
{
    FILE *f = fopen(other_path, "w");

    assert_non_null(f);
    for (size_t i = 0; i < count * KEY_SIZE; i++)
        fputc(first + (int)(i / KEY_SIZE), f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(other_path, 0640), 0);
    assert_int_equal(rename(other_path, path), 0);
}

static struct tls_ticket_key key_of(unsigned char octet)
{
    struct tls_ticket_key key;

    memset(&key, octet, sizeof(key));
    return key;
}

static enum tls_ticket_age age_of(struct tls_tickets *t, unsigned char octet,
                                  uint64_t at_ms)
{
    struct tls_ticket_key key = key_of(octet);

    return age(t, &key, at_ms);
}

static void test_the_first_key_of_a_file_seals_and_all_open(void **state)
{
    struct tls_ticket_key expected = key_of('a');
    struct tls_ticket_key key;
    struct tls_tickets *t;
    uint64_t far = now_ms() + 10 * TLS_TICKET_KEY_PERIOD_MS;

    (void)state;
    write_keys('a', TLS_TICKET_KEYS_MAX);
    t = make(path);
    key = sealing(t, now_ms());
    assert_memory_equal(&key, &expected, sizeof(key));
    assert_int_equal(age_of(t, 'a', now_ms()), TLS_TICKET_CURRENT);
    for (int i = 1; i < TLS_TICKET_KEYS_MAX; i++)
        assert_int_equal(age_of(t, (unsigned char)('a' + i), now_ms()),
                         TLS_TICKET_OLD);
    assert_int_equal(age_of(t, 'a' + TLS_TICKET_KEYS_MAX, now_ms()),
                     TLS_TICKET_UNKNOWN);
    key = sealing(t, far); /* the operator's business */
    assert_memory_equal(&key, &expected, sizeof(key));
    tls_tickets_release(t);
}

/* nginx has the key for the MAC in the middle. */
static void test_a_key_is_name_mac_cipher(void **state)
{
    FILE *f = fopen(path, "w");
    struct tls_ticket_key key;
    struct tls_tickets *t;

    (void)state;
    assert_non_null(f);
    for (int i = 0; i < KEY_SIZE; i++)
        fputc(i, f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, 0400), 0);
    t = make(path);
    key = sealing(t, now_ms());
    assert_int_equal(key.name[0], 0);
    assert_int_equal(key.mac[0], 16);
    assert_int_equal(key.cipher[0], 48);
    assert_int_equal(key.cipher[31], 79);
    tls_tickets_release(t);
}

static void test_a_changed_file_is_read_within_a_minute(void **state)
{
    struct tls_tickets *t;
    uint64_t start;

    (void)state;
    write_keys('a', 1);
    t = make(path);
    start = now_ms();
    write_keys('b', 2);
    assert_int_equal(age_of(t, 'a', start), TLS_TICKET_CURRENT);
    start += TLS_TICKET_FILE_LOOK_MS;
    assert_int_equal(age_of(t, 'a', start), TLS_TICKET_UNKNOWN);
    assert_int_equal(age_of(t, 'b', start), TLS_TICKET_CURRENT);
    assert_int_equal(age_of(t, 'c', start), TLS_TICKET_OLD);
    tls_tickets_release(t);
}

static void spoil(const char *how)
{
    write_keys('z', strcmp(how, "many") == 0 ? TLS_TICKET_KEYS_MAX + 1 : 1);
    if (strcmp(how, "missing") == 0)
        assert_int_equal(unlink(path), 0);
    if (strcmp(how, "empty") == 0)
        assert_int_equal(truncate(path, 0), 0);
    if (strcmp(how, "short") == 0)
        assert_int_equal(truncate(path, KEY_SIZE - 1), 0);
    if (strcmp(how, "long") == 0)
        assert_int_equal(truncate(path, KEY_SIZE + 1), 0);
    if (strcmp(how, "open") == 0)
        assert_int_equal(chmod(path, 0604), 0);
    if (strcmp(how, "folder") == 0) {
        assert_int_equal(unlink(path), 0);
        assert_int_equal(mkdir(path, 0700), 0);
    }
}

static const char *const bad_files[][2] = {
    { "missing", "No such file or directory" },
    { "empty", "is empty" },
    { "short", "must be keys of 80 octets each, one after the other" },
    { "long", "must be keys of 80 octets each, one after the other" },
    { "many", "is too long: 1280 octets at most" },
    { "open", "holds a secret and is open to all users; close it: chmod o= " },
    { "folder", "not a file" },
};

/* What mends the rights is said whole. */
static void complaint(const char *const file[2], char *text, size_t size)
{
    snprintf(text, size, "%s: %s%s", path, file[1],
             strcmp(file[0], "open") == 0 ? path : "");
}

static void test_a_bad_file_is_refused_at_start(void **state)
{
    char expected[512];

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(bad_files); i++) {
        char error[512] = "";

        spoil(bad_files[i][0]);
        complaint(bad_files[i], expected, sizeof(expected));
        assert_null(tls_tickets_new(path, note, error, sizeof(error)));
        assert_string_equal(error, expected);
        (void)rmdir(path);
    }
}

static void test_a_bad_file_later_is_told_once_and_changes_nothing(void **state)
{
    char expected[512];

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(bad_files); i++) {
        struct tls_tickets *t;
        uint64_t at;

        write_keys('a', 2);
        t = make(path);
        at = now_ms();
        reports = 0;
        spoil(bad_files[i][0]);
        complaint(bad_files[i], expected, sizeof(expected));
        for (int look = 0; look < 3; look++) {
            at += TLS_TICKET_FILE_LOOK_MS;
            assert_int_equal(age_of(t, 'a', at), TLS_TICKET_CURRENT);
            assert_int_equal(age_of(t, 'b', at), TLS_TICKET_OLD);
            assert_int_equal(reports, 1);
            assert_string_equal(last_report, expected);
        }
        (void)rmdir(path);
        write_keys('n', 1);
        at += TLS_TICKET_FILE_LOOK_MS;
        assert_int_equal(age_of(t, 'n', at), TLS_TICKET_CURRENT);
        assert_int_equal(reports, 1);
        tls_tickets_release(t);
    }
}

/* Nothing but the rights has changed. */
static void test_a_file_that_is_closed_again_is_read(void **state)
{
    struct tls_tickets *t;
    uint64_t at;

    (void)state;
    write_keys('a', 1);
    t = make(path);
    at = now_ms() + TLS_TICKET_FILE_LOOK_MS;
    reports = 0;
    write_keys('b', 1);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(age_of(t, 'b', at), TLS_TICKET_UNKNOWN);
    assert_int_equal(chmod(path, 0640), 0);
    at += TLS_TICKET_FILE_LOOK_MS;
    assert_int_equal(age_of(t, 'b', at), TLS_TICKET_CURRENT);
    assert_int_equal(reports, 1);
    tls_tickets_release(t);
}

/* --- memory and threads --- */

static bool seen_secret;

static void look_for_secret(const unsigned char *memory, size_t size)
{
    static const unsigned char secret[] = "sssssssssssssssss";

    if (memmem(memory, size, secret, sizeof(secret) - 1) != NULL)
        seen_secret = true;
}

static void test_keys_are_wiped(void **state)
{
    struct tls_tickets *t;
    char *sample = strdup("ssssssssssssssssssss");

    (void)state;
    write_keys('s', 2);
    t = make(path);
    seen_secret = false;
    alloc_watch_free(look_for_secret);
    tls_tickets_release(t);
    assert_false(seen_secret);
    free(sample);
    assert_true(seen_secret); /* it would have been noticed */
    alloc_watch_free(NULL);
}

static void test_no_memory(void **state)
{
    char error[512];

    (void)state;
    write_keys('a', 1);
    for (unsigned long n = 1;; n++) {
        struct tls_tickets *t;

        alloc_fail_at(n);
        t = tls_tickets_new(path, note, error, sizeof(error));
        tls_tickets_release(t);
        if (alloc_fail_count() < n) {
            assert_non_null(t);
            assert_true(n > 1);
            break;
        }
        assert_null(t);
        assert_non_null(strstr(error, "no memory"));
    }
    alloc_fail_at(0);
}

#define ROUNDS 2000

/* Some ask, and the time of each runs through many periods. */
static void *ask(void *arg)
{
    struct tls_tickets *t = arg;
    uint64_t at = now_ms();
    size_t unknown = 0;

    for (int i = 0; i < ROUNDS; i++, at += TLS_TICKET_LIFETIME_MS / 4) {
        struct tls_ticket_key key;
        struct tls_ticket_key found;

        tls_tickets_sealing_key(t, at, &key);
        unknown += tls_tickets_opening_key(t, key.name, at, &found) ==
                   TLS_TICKET_UNKNOWN;
    }
    return (void *)unknown;
}

static void test_many_threads(void **state)
{
    struct tls_tickets *t = make(NULL);
    pthread_t threads[4];
    void *unknown;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask, t), 0);
    for (size_t i = 0; i < ARRAY_LENGTH(threads); i++)
        assert_int_equal(pthread_join(threads[i], &unknown), 0);
    tls_tickets_release(t);
    /* Alone, a thread is never told of a key that is unknown by now. */
    t = make(NULL);
    assert_null(ask(t));
    tls_tickets_release(t);
}

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof(path), "%s/keys", folder);
    snprintf(other_path, sizeof(other_path), "%s/keys.new", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_key_is_replaced_and_outlives_its_tickets),
        cmocka_unit_test(test_opening_rotates_too),
        cmocka_unit_test(test_each_process_has_a_key_of_its_own),
        cmocka_unit_test(test_the_first_key_of_a_file_seals_and_all_open),
        cmocka_unit_test(test_a_key_is_name_mac_cipher),
        cmocka_unit_test(test_a_changed_file_is_read_within_a_minute),
        cmocka_unit_test(test_a_bad_file_is_refused_at_start),
        cmocka_unit_test(
            test_a_bad_file_later_is_told_once_and_changes_nothing),
        cmocka_unit_test(test_a_file_that_is_closed_again_is_read),
        cmocka_unit_test(test_keys_are_wiped),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_many_threads),
    };

    return cmocka_run_group_tests_name("net/tls_tickets", tests, set_up,
                                       tear_down);
}
