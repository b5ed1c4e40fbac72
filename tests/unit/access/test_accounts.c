/* test_accounts.c - accounts.conf: what it says, what is wrong with it, and who
 * may come from where.
 */
#include "access/accounts.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "support/alloc_fail.h"
#include "support/octets.h"

#define KEY "0123456789abcdef0123456789abcdef"
/* `hunter2`, cheaply. */
#define HASH "$y$j75$abcdefgh$9oSIzrLTxCxR2M3UWmrwoCwGN0FyGVzRGzxsDwFHrp4"
#define KEY_64 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define SCRAM "SCRAM-SHA-256$4096:c2FsdA==$" KEY_64 ":" KEY_64

static char file[] = "/tmp/test_accounts.XXXXXX";

static struct config_listener listeners[] = {
    { .name = (char[]){ "pop3s" }, .line = 1 },
    { .name = (char[]){ "pop3" }, .line = 2 }
};
static struct config_upstream upstreams[] = {
    { .name = (char[]){ "corp" }, .line = 3 },
};
static struct config_policy policies[] = {
    { .name = (char[]){ "careful" }, .line = 4 },
};
static struct config_oauth oauths[] = {
    { .name = (char[]){ "gmail" }, .line = 5 },
};
static const struct config config = {
    .policies = policies,
    .policy_count = ARRAY_LENGTH(policies),
    .oauths = oauths,
    .oauth_count = ARRAY_LENGTH(oauths),
    .listeners = listeners,
    .listener_count = ARRAY_LENGTH(listeners),
    .upstreams = upstreams,
    .upstream_count = ARRAY_LENGTH(upstreams),
};

static int set_up(void **state)
{
    int fd = mkstemp(file);

    (void)state;
    return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(file);
}

static void write_file(const char *text)
{
    FILE *f = fopen(file, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

/* What is wrong, without the name of the file; NULL: nothing. */
static const char *problem_of(const char *text, const char *key)
{
    static char error[1024];
    struct accounts *a;
    bool good;

    write_file(text);
    error[0] = '\0';
    a = accounts_read(file, error, sizeof(error));
    good = a != NULL && accounts_judge(a, &config, span_from_string(key), error,
                                       sizeof(error));
    accounts_free(a);
    if (good)
        return NULL;
    assert_memory_equal(error, file, strlen(file));
    return error + strlen(file);
}

static void check_bad(const char *text, const char *problem)
{
    const char *found = problem_of(text, KEY);

    assert_non_null(found);
    if (strncmp(found, problem, strlen(problem)) != 0)
        assert_string_equal(found, problem);
}

/* A file of one account whose |key| is sealed with |lock|'s octets. */
static void write_sealed(char *text, size_t size, const char *keys,
                         const char *key, const struct secret_lock *lock,
                         const char *secret)
{
    struct buf sealed;

    buf_init(&sealed, 2 * SECRET_MAX);
    assert_int_equal(secret_box_seal(lock, span_from_string(secret), &sealed),
                     SECRET_BOX_OK);
    (void)snprintf(text, size, "[account a]\n%s%s = %.*s\n", keys, key,
                   (int)buf_length(&sealed),
                   (const char *)buf_span(&sealed).data);
    buf_fini(&sealed);
}

static const struct secret_lock lock_of_a = {
    .kind = SECRET_BOX_BY_KEY,
    .octets = { (const unsigned char *)KEY, sizeof(KEY) - 1 },
    .purpose = ACCOUNT_SECRET_PURPOSE,
    .name = { (const unsigned char *)"a", 1 },
};

static struct accounts *must_read(const char *text)
{
    char error[1024] = "";
    struct accounts *a;

    write_file(text);
    a = accounts_read(file, error, sizeof(error));
    assert_string_equal(error, "");
    assert_non_null(a);
    return a;
}

static void test_keys(void **state)
{
    struct accounts *a = must_read(
        "; devices\n[account scanner@example.com]\npassword = " HASH "\n"
        "scram_sha_256 = " SCRAM "\nrecoverable_password = 1k.AA\n"
        "recoverable_password = BB\nnetworks = 192.0.2.0/24\n"
        "networks = 2001:db8::/32\nlisteners = pop3s, pop3\nupstream = corp\n"
        "user = mail@example.com\nidentity = boss\nsecret = 1k.CC\n"
        "secret = DD\nsecret = EE\noauth = gmail\npolicy = careful\n"
        "mailboxes = INBOX, Reports\n[account b]\n");
    const struct account *one =
        accounts_find(a, SPAN_LITERAL("scanner@example.com"));

    (void)state;
    assert_int_equal(a->count, 2);
    assert_non_null(one);
    assert_int_equal(one->line, 2);
    assert_string_equal(one->password, HASH);
    assert_string_equal(one->scram, SCRAM);
    assert_string_equal(one->recoverable_password, "1k.AABB");
    assert_int_equal(one->networks.count, 2);
    assert_string_equal(one->listeners, "pop3s, pop3");
    assert_string_equal(one->upstream, "corp");
    assert_string_equal(one->user, "mail@example.com");
    assert_string_equal(one->identity, "boss");
    assert_string_equal(one->secret, "1k.CCDDEE");
    assert_string_equal(one->oauth, "gmail");
    assert_string_equal(one->policy, "careful");
    assert_string_equal(one->mailboxes, "INBOX, Reports");
    assert_true(account_has_proof(one));
    one = accounts_find(a, SPAN_LITERAL("b"));
    assert_non_null(one);
    assert_false(account_has_proof(one));
    accounts_free(a);
}

static void test_find(void **state)
{
    static const char *const others[] = { "",   "A",   "aa",  "ab",
                                          "bb", "bcd", "bc ", "c" };
    struct accounts *a =
        must_read("[account bc]\n[account a]\n[account b]\n[account B]\n");

    (void)state;
    assert_string_equal(accounts_find(a, SPAN_LITERAL("a"))->name, "a");
    assert_string_equal(accounts_find(a, SPAN_LITERAL("b"))->name, "b");
    assert_string_equal(accounts_find(a, SPAN_LITERAL("B"))->name, "B");
    assert_string_equal(accounts_find(a, SPAN_LITERAL("bc"))->name, "bc");
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
        assert_null(accounts_find(a, span_from_string(others[i])));
    assert_null(accounts_find(a, SPAN_LITERAL("a\0b")));
    accounts_free(a);
    a = must_read("");
    assert_null(accounts_find(a, SPAN_LITERAL("a")));
    assert_null(accounts_find(NULL, SPAN_LITERAL("a")));
    accounts_free(a);
}

static void test_mistakes(void **state)
{
    char name[ACCOUNT_NAME_MAX + 32];

    (void)state;
    check_bad("password = x\n",
              ":1: password stands before the first [account NAME]");
    check_bad("[accounts]\n",
              ":1: there is no section [accounts], only [account NAME]");
    check_bad("[account]\n", ":1: there is no section [account]");
    check_bad("[account ]\n", ":1: [account NAME]: NAME must be 1 to 150");
    check_bad("[account a b]\n", ":1: [account NAME]: NAME must be 1 to 150");
    check_bad("[account a\"b]\n", ":1: [account NAME]: NAME must be");
    check_bad("[account a]\nshoe = 1\n",
              ":2: [account a] shoe: there is no such key");
    check_bad("[account a]\nuser = x\nuser = y\n",
              ":3: [account a] user: stands at line 2 already");
    check_bad("[account a]\nnetworks = hall3\n",
              ":2: [account a] networks: must be networks such as");
    check_bad("[account a]\n\n[account b]\n[account a]\n",
              ":4: [account a] stands at line 1 already");
    (void)snprintf(name, sizeof(name), "[account %0*d]\n", ACCOUNT_NAME_MAX + 1,
                   0);
    check_bad(name, ":1: [account NAME]: NAME must be 1 to 150");
    (void)snprintf(name, sizeof(name), "[account %0*d]\n", ACCOUNT_NAME_MAX, 0);
    assert_null(problem_of(name, KEY));
}

static void test_no_file(void **state)
{
    char error[256];

    (void)state;
    assert_null(
        accounts_read("/nonexistent/accounts.conf", error, sizeof(error)));
    assert_string_equal(error, "/nonexistent/accounts.conf: No such file or "
                               "directory");
}

static void test_judged(void **state)
{
    (void)state;
    assert_null(problem_of("[account a]\n", KEY));
    assert_null(
        problem_of("[account a]\nupstream = corp\nlisteners = pop3\n", KEY));
    check_bad("\n[account a]\nlisteners = pop3, imap\n",
              ":2: [account a] listeners: there is no [listen imap]");
    check_bad("[account a]\nupstream = other\n",
              ":1: [account a] upstream: there is no [upstream other]");
    check_bad("[account a]\npolicy = other\n",
              ":1: [account a] policy: there is no [policy other]");
    check_bad("[account a]\npassword = " HASH "\noauth = other\n",
              ":1: [account a] oauth: there is no [oauth other]");
    check_bad("[account a]\npassword = " HASH "\n",
              ":1: [account a] secret: is missing, or oauth");
    check_bad("[account a]\nsecret = 1k.AAAA\n",
              ":1: [account a] password: is missing, so anybody could use");
    check_bad("[account a]\noauth = gmail\n",
              ":1: [account a] password: is missing, so anybody could use");
    check_bad("[account a]\npassword = " HASH "\nsecret = 1k.AAAA\n"
              "oauth = g\n",
              ":1: [account a] secret: either this or oauth");
    check_bad("[account a]\npassword = hunter2\nsecret = 1k.AAAA\n",
              ":1: [account a] password: is no hash of crypt(5)");
    check_bad("[account a]\npassword = *\nsecret = 1k.AAAA\n",
              ":1: [account a] password: is no hash of crypt(5)");
    check_bad("[account a]\nscram_sha_256 = SCRAM\nsecret = 1k.AAAA\n",
              ":1: [account a] scram_sha_256: has not the form");
    check_bad("[account a]\npassword = " HASH "\nsecret = hunter2\n",
              ":1: [account a] secret: is no sealed secret");
    check_bad("[account a]\nrecoverable_password = x\nsecret = 1k.AAAA\n",
              ":1: [account a] recoverable_password: is no sealed secret");
}

/* With the right key, with none, with another, and damaged. */
static void test_sealed(void **state)
{
    struct secret_lock lock = lock_of_a;
    char text[1024];

    (void)state;
    write_sealed(text, sizeof(text), "password = " HASH "\n", "secret", &lock,
                 "s3cret");
    assert_null(problem_of(text, KEY));
    assert_string_equal(
        problem_of(text, ""),
        ":1: [account a] secret: is sealed with a key file, and there is none; "
        "name it in proxy.conf: [accounts] key_file");
    assert_string_equal(
        problem_of(text, "another key of the same length"),
        ":1: [account a] secret: does not open: it was sealed with another key "
        "or password or for another account, or it is damaged");
    lock.name = SPAN_LITERAL("b");
    write_sealed(text, sizeof(text), "password = " HASH "\n", "secret", &lock,
                 "s3cret");
    check_bad(text, ":1: [account a] secret: does not open");
    lock = lock_of_a;
    lock.purpose = ACCOUNT_PASSWORD_PURPOSE;
    write_sealed(text, sizeof(text), "oauth = gmail\n", "recoverable_password",
                 &lock, "device");
    assert_null(problem_of(text, KEY));
    check_bad("[account a]\noauth = gmail\nrecoverable_password = 1p.AAAA\n",
              ":1: [account a] recoverable_password: is no sealed secret");
}

/* The device's password opens it, so only who tells that may have it. */
static void test_sealed_by_password(void **state)
{
    struct secret_lock lock = lock_of_a;
    char text[1024];

    (void)state;
    lock.kind = SECRET_BOX_BY_PASSWORD;
    lock.octets = SPAN_LITERAL("hunter2");
    write_sealed(text, sizeof(text), "password = " HASH "\n", "secret", &lock,
                 "s3cret");
    assert_null(problem_of(text, ""));
    write_sealed(text, sizeof(text), "scram_sha_256 = " SCRAM "\n", "secret",
                 &lock, "s3cret");
    check_bad(text, ":1: [account a] secret: is sealed with the device's "
                    "password, which APOP, CRAM-MD5 and SCRAM do not tell");
}

static union address address_of(const char *text)
{
    union address address;

    assert_true(address_parse(span_from_string(text), &address));
    return address;
}

static void test_admits(void **state)
{
    struct accounts *a = must_read(
        "[account a]\n[account b]\nnetworks = 192.0.2.0/24, 2001:db8::/32\n"
        "listeners = pop3s, pop3\n");
    const struct account *any = accounts_find(a, SPAN_LITERAL("a"));
    const struct account *some = accounts_find(a, SPAN_LITERAL("b"));
    const union address in = address_of("192.0.2.9");
    const union address in_v6 = address_of("2001:db8::9");
    const union address out = address_of("192.0.3.9");

    (void)state;
    assert_true(account_admits(any, "other", &out));
    assert_true(account_admits(some, "pop3s", &in));
    assert_true(account_admits(some, "pop3", &in_v6));
    assert_false(account_admits(some, "pop", &in));
    assert_false(account_admits(some, "pop3s", &out));
    accounts_free(a);
}

static void test_any(void **state)
{
    struct accounts *a = must_read(
        "[account a]\n[account b]\nscram_sha_256 = " SCRAM
        "\nlisteners = pop3s\n[account c]\nrecoverable_password = x\n");

    (void)state;
    assert_true(accounts_any_scram(a, "pop3s"));
    assert_false(accounts_any_scram(a, "pop3"));
    assert_true(accounts_any_recoverable(a, "pop3"));
    accounts_free(a);
    assert_false(accounts_any_scram(NULL, "pop3"));
    assert_false(accounts_any_recoverable(NULL, "pop3"));
}

static void test_no_memory(void **state)
{
    char error[1024];
    struct accounts *a;
    unsigned long n = 0;

    (void)state;
    write_file("[account a]\npassword = " HASH "\nsecret = 1k.AA\n"
               "secret = BB\nnetworks = 192.0.2.0/24\n[account b]\n");
    do {
        alloc_fail_at(++n);
        a = accounts_read(file, error, sizeof(error));
        alloc_fail_at(0);
        if (a == NULL)
            assert_non_null(strstr(error, "memory"));
    } while (a == NULL);
    assert_true(n > 1);
    accounts_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_no_file),
        cmocka_unit_test(test_judged),
        cmocka_unit_test(test_sealed),
        cmocka_unit_test(test_sealed_by_password),
        cmocka_unit_test(test_admits),
        cmocka_unit_test(test_any),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
