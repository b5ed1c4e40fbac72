/* test_proof.c - exchanges with a client by libgsasl. */
#include "access/proof.h"

#include <gsasl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "access/proof_digests.h"
#include "base/limits.h"
#include "support/alloc_fail.h"
#include "support/octets.h"

#define PASSWORD "Kestrel-7"
#define KEY "0123456789abcdef0123456789abcdef"
#define TEXT_MAX 4096

static Gsasl *client_library;
static struct proof_maker maker;
static struct keyed_digest *decoys;
static struct account table[3]; /* "bare", "both", "far"; by name */
static struct accounts accounts = { .at = table, .count = 3 };
static struct access_rules rules = { .accounts = &accounts };

/* A string that the account may keep. */
static char *text_of(const struct buf *b)
{
    char *text = calloc(1, buf_length(b) + 1);

    assert_non_null(text);
    memcpy(text, buf_span(b).data, buf_length(b));
    return text;
}

static void fill(struct account *a, char *name)
{
    const struct secret_lock lock = {
        .kind = SECRET_BOX_BY_KEY,
        .octets = SPAN_LITERAL(KEY),
        .purpose = ACCOUNT_PASSWORD_PURPOSE,
        .name = span_from_string(name),
    };
    struct buf text;

    a->name = name;
    buf_init(&text, TEXT_MAX);
    assert_true(scram_keys_write(SPAN_LITERAL(PASSWORD), &text));
    a->scram = text_of(&text);
    buf_clear(&text);
    assert_int_equal(secret_box_seal(&lock, SPAN_LITERAL(PASSWORD), &text),
                     SECRET_BOX_OK);
    a->recoverable_password = text_of(&text);
    buf_fini(&text);
}

static int set_up(void **state)
{
    static char far_listeners[] = "elsewhere";
    static char names[][8] = { "bare", "both", "far" };

    (void)state;
    buf_init(&rules.key, sizeof(KEY));
    assert_true(buf_append(&rules.key, SPAN_LITERAL(KEY)));
    table[0].name = names[0];
    fill(&table[1], names[1]);
    fill(&table[2], names[2]);
    table[2].listeners = far_listeners;
    assert_true(decoys_init(&rules.decoys, &accounts, buf_span(&rules.key)));
    decoys = keyed_digest_new();
    assert_non_null(decoys);
    maker.decoys = decoys;
    return gsasl_init(&client_library);
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < accounts.count; i++) {
        free(table[i].scram);
        free(table[i].recoverable_password);
    }
    decoys_fini(&rules.decoys);
    buf_fini(&rules.key);
    proof_maker_fini(&maker);
    keyed_digest_free(decoys);
    gsasl_done(client_library);
    return 0;
}

static struct proof *begin(enum sasl_mechanism mechanism)
{
    const struct proof_wish wish = { .rules = &rules,
                                     .listener = "pop3s",
                                     .mechanism = mechanism };

    return proof_new(&maker, &wish);
}

/* What a device does. */
struct device {
    const char *user;
    const char *identity; /* NULL: none */
    const char *password;
};

static Gsasl_session *client_of(enum sasl_mechanism mechanism,
                                const struct device *d)
{
    Gsasl_session *client;

    assert_int_equal(gsasl_client_start(client_library,
                                        sasl_mechanism_name(mechanism),
                                        &client),
                     GSASL_OK);
    gsasl_property_set(client, GSASL_AUTHID, d->user);
    gsasl_property_set(client, GSASL_PASSWORD, d->password);
    if (d->identity != NULL)
        gsasl_property_set(client, GSASL_AUTHZID, d->identity);
    return client;
}

/* The whole exchange; the user is copied into |user|. */
static struct sasl_step talk(enum sasl_mechanism mechanism,
                             const struct device *d, char user[64])
{
    Gsasl_session *client = client_of(mechanism, d);
    struct proof *p = begin(mechanism);
    struct sasl_step step = { .status = SASL_CHALLENGE };
    bool speaks = mechanism == SASL_SCRAM_SHA_256; /* first */
    char *said = NULL;
    size_t length = 0;

    assert_non_null(p);
    if (speaks)
        assert_int_equal(gsasl_step(client, NULL, 0, &said, &length),
                         GSASL_NEEDS_MORE);
    for (;;) {
        proof_step(p, span_make(said, length), &step);
        gsasl_free(said);
        said = NULL;
        if (step.status == SASL_FAILED ||
            (step.status == SASL_PROVEN && step.text.len == 0))
            break;
        assert_true(gsasl_step(client, (const char *)step.text.data,
                               step.text.len, &said,
                               &length) <= GSASL_NEEDS_MORE);
        if (step.status == SASL_PROVEN)
            break;
    }
    gsasl_free(said);
    assert_true(step.user.len < 64);
    memcpy(user, step.user.len > 0 ? (const char *)step.user.data : "",
           step.user.len);
    user[step.user.len] = '\0';
    proof_free(p);
    gsasl_finish(client);
    return step;
}

static const enum sasl_mechanism both[] = { SASL_CRAM_MD5, SASL_SCRAM_SHA_256 };

static void test_proven(void **state)
{
    const struct device right = { "both", NULL, PASSWORD };
    char user[64];

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(both); i++) {
        assert_int_equal(talk(both[i], &right, user).status, SASL_PROVEN);
        assert_string_equal(user, "both");
    }
}

/* Whoever has no account: of him nobody is asked but where a service is, and then
 * with what was his challenge.
 */
static void test_claimed(void **state)
{
    const struct device stranger = { "nobody here", NULL, PASSWORD };
    const struct device known = { "both", NULL, "not the one" };
    struct sasl_step step;
    struct span response;
    char user[64];
    char *said = NULL;
    size_t length = 0;
    Gsasl_session *client;
    struct proof *p;

    (void)state;
    assert_int_equal(talk(SASL_CRAM_MD5, &stranger, user).status, SASL_FAILED);
    rules.auth_http.cram_md5 = true;
    assert_int_equal(talk(SASL_CRAM_MD5, &known, user).status, SASL_FAILED);
    assert_int_equal(talk(SASL_SCRAM_SHA_256, &stranger, user).status,
                     SASL_FAILED);
    p = begin(SASL_CRAM_MD5);
    client = client_of(SASL_CRAM_MD5, &stranger);
    assert_non_null(p);
    assert_int_equal(proof_challenge(p).len, 0);
    proof_step(p, SPAN_LITERAL(""), &step);
    assert_int_equal(step.status, SASL_CHALLENGE);
    assert_int_equal(gsasl_step(client, (const char *)step.text.data,
                                step.text.len, &said, &length),
                     GSASL_OK);
    response = span_make(said, length);
    proof_step(p, response, &step);
    assert_int_equal(step.status, SASL_CLAIMED);
    assert_octets_string(step.user, "nobody here");
    assert_true(span_equals(step.digest,
                            span_make(response.data + response.len - 32, 32)));
    assert_int_equal(proof_judge_cram_md5(proof_challenge(p),
                                          SPAN_LITERAL(PASSWORD), step.digest),
                     PROOF_RIGHT);
    proof_free(p);
    gsasl_free(said);
    gsasl_finish(client);
    rules.auth_http.cram_md5 = false;
}

static void test_failed(void **state)
{
    static const struct {
        struct device device;
        enum fault fault;
    } cases[] = {
        { { "both", NULL, "Kestrel-8" }, FAULT_CREDENTIALS },
        { { "bare", NULL, PASSWORD }, FAULT_CREDENTIALS },
        { { "nobody", NULL, PASSWORD }, FAULT_NO_ACCOUNT },
        { { "far", NULL, PASSWORD }, FAULT_ACCOUNT_PLACE },
    };
    char user[64];

    (void)state;
    for (size_t m = 0; m < ARRAY_LENGTH(both); m++) {
        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
            struct sasl_step step = talk(both[m], &cases[i].device, user);

            assert_int_equal(step.status, SASL_FAILED);
            assert_int_equal(step.fault, cases[i].fault);
            assert_string_equal(user, cases[i].device.user);
        }
    }
}

static void test_identity(void **state)
{
    const struct device himself = { "both", "both", PASSWORD };
    const struct device other = { "both", "boss", PASSWORD };
    struct sasl_step step;
    char user[64];

    (void)state;
    assert_int_equal(talk(SASL_SCRAM_SHA_256, &himself, user).status,
                     SASL_PROVEN);
    step = talk(SASL_SCRAM_SHA_256, &other, user);
    assert_int_equal(step.status, SASL_FAILED);
    assert_int_equal(step.fault, FAULT_IDENTITY);
}

/* What is no message of the mechanism fails at once. */
static void test_nonsense(void **state)
{
    static const char *const words[] = { "", "x", "n,,", "n,,n=both", "y,a=x" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        struct proof *p = begin(SASL_SCRAM_SHA_256);
        struct sasl_step step;

        assert_non_null(p);
        proof_step(p, span_from_string(words[i]), &step);
        assert_int_equal(step.status, SASL_FAILED);
        proof_free(p);
    }
    proof_free(NULL);
}

/* Of whoever has none another's is opened, and not given. */
static void test_opened(void **state)
{
    const struct access_rules none = { .accounts = NULL };
    struct buf password;

    (void)state;
    buf_init(&password, SECRET_MAX);
    assert_int_equal(proof_open_password(&rules, &table[0], &password),
                     SECRET_BOX_EWRONG);
    assert_int_equal(proof_open_password(&rules, NULL, &password),
                     SECRET_BOX_EWRONG);
    assert_int_equal(proof_open_password(&none, NULL, &password),
                     SECRET_BOX_EWRONG);
    assert_int_equal(buf_length(&password), 0);
    assert_int_equal(proof_open_password(&rules, &table[1], &password),
                     SECRET_BOX_OK);
    assert_buf_string(&password, PASSWORD);
    buf_fini(&password);
}

/* Without memory it fails, and says so; nobody is proven by accident. */
static void test_no_memory(void **state)
{
    const struct device right = { "both", NULL, PASSWORD };
    char user[64];

    (void)state;
    alloc_fail_at(1);
    assert_null(begin(SASL_CRAM_MD5));
    alloc_fail_at(0);
    for (size_t m = 0; m < ARRAY_LENGTH(both); m++) {
        struct sasl_step step;
        unsigned long n = 1; /* the first is that of proof_new */

        do {
            alloc_fail_at(++n);
            step = talk(both[m], &right, user);
            alloc_fail_at(0);
            if (step.status != SASL_PROVEN)
                assert_int_equal(step.fault, FAULT_NO_MEMORY);
        } while (step.status != SASL_PROVEN);
        assert_true(n > 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_proven),    cmocka_unit_test(test_claimed),
        cmocka_unit_test(test_failed),    cmocka_unit_test(test_identity),
        cmocka_unit_test(test_nonsense),  cmocka_unit_test(test_opened),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
