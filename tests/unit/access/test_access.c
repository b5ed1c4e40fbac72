/* test_access.c - whose login it is, and with which secret. */
#include "access/access.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "support/alloc_fail.h"
#include "support/octets.h"

#define KEY "0123456789abcdef0123456789abcdef"
#define PASSWORD "Kestrel-7"
#define CONF                                                            \
    "[listen pop3s]\naddress = 127.0.0.1:1\ntls = none\n"               \
    "allow_plaintext_login = yes\n[upstream]\naddress = 127.0.0.1:2\n"  \
    "tls = none\n[upstream other]\naddress = 127.0.0.1:3\ntls = none\n" \
    "[policy]\n[policy careful]\nmark_seen = no\nplus_folder = yes\n"   \
    "folders_allowed = Work\n[accounts]\n"

static char folder[] = "/tmp/test_access.XXXXXX";
static char conf[64], file[64], key[64];
static struct config *config;
static struct access_rules *rules;
static uv_loop_t loop;
static struct counters counters;
static struct crypt_queue queue;
static struct access access_of_loop;

/* The last answer; its words are copied. */
static struct seen {
    unsigned count;
    enum fault fault;
    const struct account *account;
    const char *upstream;
    const char *policy;
    enum secret_kind kind;
    char user[64];
    char identity[64];
    char secret[64];
} seen;

/* --- the files --- */

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fchmod(fileno(f), 0600), 0); /* as a key must be */
    assert_int_equal(fclose(f), 0);
}

static void seal(const char *name, enum secret_box_kind kind, char text[256])
{
    const struct secret_lock lock = {
        .kind = kind,
        .octets = kind == SECRET_BOX_BY_KEY ? SPAN_LITERAL(KEY)
                                            : SPAN_LITERAL(PASSWORD),
        .purpose = ACCOUNT_SECRET_PURPOSE,
        .name = span_from_string(name),
    };
    struct buf sealed;

    buf_init(&sealed, 255);
    assert_int_equal(secret_box_seal(&lock, SPAN_LITERAL("s3cret"), &sealed),
                     SECRET_BOX_OK);
    memcpy(text, buf_span(&sealed).data, buf_length(&sealed));
    text[buf_length(&sealed)] = '\0';
    buf_fini(&sealed);
}

static void write_accounts(void)
{
    char text[4096], by_key[256], by_password[256], hashed[256];
    struct buf hash;

    buf_init(&hash, 255);
    assert_true(crypt_hash(SPAN_LITERAL(PASSWORD), &hash));
    memcpy(hashed, buf_span(&hash).data, buf_length(&hash));
    hashed[buf_length(&hash)] = '\0';
    buf_fini(&hash);
    seal("device", SECRET_BOX_BY_KEY, by_key);
    seal("closed", SECRET_BOX_BY_PASSWORD, by_password);
    (void)snprintf(text, sizeof(text),
                   "[account device]\npassword = %s\nsecret = %s\n"
                   "user = mail\nidentity = boss\nupstream = other\n"
                   "policy = careful\n"
                   "[account closed]\npassword = %s\nsecret = %s\n"
                   "networks = 192.0.2.0/24\n"
                   "[account alias]\nuser = mail\n",
                   hashed, by_key, hashed, by_password);
    write_file(file, text);
}

static int read_rules(const char *more)
{
    char text[1024], error[1024] = "";

    (void)snprintf(text, sizeof(text), CONF "file = %s\nkey_file = %s\n%s",
                   file, key, more);
    write_file(conf, text);
    config = config_load(conf, error, sizeof(error));
    if (config != NULL)
        rules = access_rules_read(config, error, sizeof(error));
    if (rules == NULL)
        print_message("%s\n", error);
    return rules != NULL ? 0 : -1;
}

static void free_rules(void)
{
    access_rules_free(rules);
    config_free(config);
    rules = NULL;
    config = NULL;
}

static int set_up(void **state)
{
    const struct access_shared shared = { .crypt = &queue };

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(conf, sizeof(conf), "%s/proxy.conf", folder);
    (void)snprintf(file, sizeof(file), "%s/accounts.conf", folder);
    (void)snprintf(key, sizeof(key), "%s/key", folder);
    write_file(key, KEY);
    write_accounts();
    assert_int_equal(uv_loop_init(&loop), 0);
    memset(&counters, 0, sizeof(counters));
    access_init(&access_of_loop, &loop, &shared, &counters);
    return read_rules("");
}

static int tear_down(void **state)
{
    (void)state;
    free_rules();
    access_fini(&access_of_loop);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&loop), 0);
    (void)unlink(conf);
    (void)unlink(file);
    (void)unlink(key);
    return rmdir(folder);
}

/* --- asking --- */

static void copy(char to[64], const struct buf *from)
{
    struct span words = buf_span(from);

    assert_true(words.len < 64);
    if (words.len > 0)
        memcpy(to, words.data, words.len);
    to[words.len] = '\0';
}

static void on_answer(void *data, const struct access_answer *answer)
{
    assert_ptr_equal(data, &seen);
    seen.count++;
    seen.fault = answer->fault;
    seen.account = answer->account;
    if (answer->fault != FAULT_NONE)
        return;
    seen.upstream = answer->upstream->name;
    seen.policy = answer->policy->name;
    seen.kind = answer->credentials->kind;
    copy(seen.user, &answer->credentials->user);
    copy(seen.identity, &answer->credentials->identity);
    copy(seen.secret, &answer->credentials->secret);
}

static struct access_request *ask(const char *user, enum secret_kind kind,
                                  const char *secret)
{
    struct credentials given;
    struct access_question question = {
        .rules = rules, .listener = "pop3s", .attempt = 1, .given = &given
    };
    struct access_request *request;

    assert_true(address_parse(SPAN_LITERAL("127.0.0.1"), &question.client));
    credentials_init(&given);
    assert_true(credentials_set_user(&given, span_from_string(user)));
    assert_true(credentials_set_secret(&given, kind, span_from_string(secret)));
    seen = (struct seen){ .count = 0 };
    request = access_ask(&access_of_loop, &question, on_answer, &seen);
    credentials_wipe(&given);
    assert_int_equal(seen.count, request == NULL);
    return request;
}

static enum fault answer_to(const char *user, enum secret_kind kind,
                            const char *secret)
{
    (void)ask(user, kind, secret);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(seen.count, 1);
    return seen.fault;
}

static uint64_t judged(void)
{
    static struct counters_total total;

    memset(&total, 0, sizeof(total));
    counters_sum(&counters, &total);
    return histogram_count(&total.stage[COUNTER_STAGE_VERIFY]);
}

/* --- */

static void test_passed_on(void **state)
{
    uint64_t before = judged();

    (void)state;
    assert_null(ask("anna", SECRET_PASSWORD, "hers")); /* at once */
    assert_int_equal(seen.fault, FAULT_NONE);
    assert_null(seen.account);
    assert_string_equal(seen.upstream, CONFIG_UPSTREAM_DEFAULT);
    assert_string_equal(seen.user, "anna");
    assert_string_equal(seen.secret, "hers");
    assert_int_equal(answer_to("anna", SECRET_TOKEN, "a token"), FAULT_NONE);
    assert_int_equal(seen.kind, SECRET_TOKEN);
    assert_int_equal(answer_to("alias", SECRET_PASSWORD, "hers"), FAULT_NONE);
    assert_string_equal(seen.account->name, "alias");
    assert_string_equal(seen.user, "mail");
    assert_string_equal(seen.secret, "hers");
    assert_int_equal(judged(), before);
}

static void test_account(void **state)
{
    (void)state;
    assert_int_equal(answer_to("device", SECRET_PASSWORD, PASSWORD),
                     FAULT_NONE);
    assert_string_equal(seen.account->name, "device");
    assert_string_equal(seen.upstream, "other");
    assert_string_equal(seen.policy, "careful");
    assert_int_equal(seen.kind, SECRET_PASSWORD);
    assert_string_equal(seen.user, "mail");
    assert_string_equal(seen.identity, "boss");
    assert_string_equal(seen.secret, "s3cret");
    assert_int_equal(answer_to("device", SECRET_PROVEN, ""), FAULT_NONE);
    assert_string_equal(seen.secret, "s3cret");
}

static void test_refused(void **state)
{
    static const enum secret_kind others[] = { SECRET_TOKEN, SECRET_APOP };

    (void)state;
    assert_int_equal(answer_to("device", SECRET_PASSWORD, "Kestrel-8"),
                     FAULT_CREDENTIALS);
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
        assert_int_equal(answer_to("device", others[i], PASSWORD),
                         FAULT_CREDENTIALS);
    /* Nobody is proven to be whom there is no account of. */
    assert_int_equal(answer_to("anna", SECRET_PROVEN, ""), FAULT_CREDENTIALS);
    assert_int_equal(answer_to("alias", SECRET_PROVEN, ""), FAULT_CREDENTIALS);
    assert_int_equal(answer_to("closed", SECRET_PROVEN, ""),
                     FAULT_ACCOUNT_PLACE);
}

/* Which mailboxes an account may have named is nobody else's to know. */
static void test_folders(void **state)
{
    (void)state;
    assert_int_equal(answer_to("device+Work", SECRET_PASSWORD, PASSWORD),
                     FAULT_NONE);
    assert_string_equal(seen.account->name, "device");
    assert_int_equal(answer_to("device+Secret", SECRET_PASSWORD, PASSWORD),
                     FAULT_MAILBOX_REFUSED);
    assert_int_equal(answer_to("device+Secret", SECRET_PASSWORD, "Kestrel-8"),
                     FAULT_CREDENTIALS);
    assert_int_equal(answer_to("device+Work", SECRET_PROVEN, ""), FAULT_NONE);
}

/* As much work as a wrong password. */
static void test_equal_work(void **state)
{
    uint64_t before = judged();

    (void)state;
    assert_int_equal(answer_to("closed", SECRET_PASSWORD, PASSWORD),
                     FAULT_ACCOUNT_PLACE);
    assert_int_equal(judged(), before + 1);
    free_rules();
    assert_int_equal(read_rules("only = yes\n"), 0);
    assert_int_equal(answer_to("anna", SECRET_PASSWORD, "hers"),
                     FAULT_NO_ACCOUNT);
    assert_int_equal(judged(), before + 2);
    free_rules();
    assert_int_equal(read_rules(""), 0);
}

static void test_cancelled(void **state)
{
    struct access_request *r = ask("device", SECRET_PASSWORD, PASSWORD);

    (void)state;
    assert_non_null(r);
    access_cancel(r);
    access_cancel(NULL);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(seen.count, 0);
}

static void test_busy(void **state)
{
    (void)state;
    atomic_store(&queue.jobs, CRYPT_JOBS_MAX);
    assert_int_equal(answer_to("device", SECRET_PASSWORD, PASSWORD),
                     FAULT_VERIFY_BUSY);
    atomic_store(&queue.jobs, 0);
}

/* Refused, with a word that blames nobody, and nothing is left. */
static void test_no_memory(void **state)
{
    static const char *const users[] = { "device", "alias", "anna" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(users); i++) {
        /* The first ones are the test's own. */
        for (unsigned long n = 4; n < 40; n++) {
            alloc_fail_at(n);
            (void)ask(users[i], SECRET_PASSWORD, PASSWORD);
            alloc_fail_at(0);
            assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
            assert_int_equal(seen.count, 1);
            assert_true(seen.fault == FAULT_NONE ||
                        seen.fault == FAULT_NO_MEMORY ||
                        seen.fault == FAULT_VERIFY_BUSY ||
                        seen.fault == FAULT_SECRET_SEALED);
        }
        assert_int_equal(seen.fault, FAULT_NONE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passed_on),  cmocka_unit_test(test_account),
        cmocka_unit_test(test_refused),    cmocka_unit_test(test_folders),
        cmocka_unit_test(test_equal_work), cmocka_unit_test(test_cancelled),
        cmocka_unit_test(test_busy),       cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
