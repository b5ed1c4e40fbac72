/* scram.c: the messages, and what a server may not get away with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"
#include "session/scram.h"
#include "support/alloc_fail.h"
#include "support/octets.h"

/* RFC 7677 §3, where the nonces are those of the example. */
#define NONCE "rOprNGfwEbeRWgbNEkqO"
#define SERVER_NONCE NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define SALT "W22ZaJ0SNY7soEsUEjb6gQ=="
#define FIRST "r=" SERVER_NONCE ",s=" SALT ",i=4096"
#define PROOF "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define SIGNATURE "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

struct fixture {
    struct credentials c;
    struct scram_channel channel;
    struct scram *scram;
    struct buf out;
};

static int setup(void **state)
{
    static struct fixture f;

    f = (struct fixture){ .channel = { .nonce = NONCE } };
    credentials_init(&f.c);
    if (!credentials_set_user(&f.c, SPAN_LITERAL("user")) ||
        !credentials_set_secret(&f.c, SECRET_PASSWORD, SPAN_LITERAL("pencil")))
        return -1;
    memset(f.channel.binding, 0xb1, sizeof(f.channel.binding));
    buf_init(&f.out, 4096);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    scram_free(f->scram);
    credentials_wipe(&f->c);
    buf_fini(&f->out);
    return 0;
}

static void begin(struct fixture *f, enum scram_binding binding)
{
    f->scram = scram_begin(&f->channel, binding, &f->c, &f->out);
    assert_non_null(f->scram);
}

static void expect(struct fixture *f, const char *text)
{
    octets_compare(buf_span(&f->out), span_from_string(text), "the message",
                   __FILE__, __LINE__);
    buf_clear(&f->out);
}

static enum scram_status take_first(struct fixture *f, const char *text)
{
    return scram_take_first(f->scram, span_from_string(text));
}

static enum scram_status take_final(struct fixture *f, const char *text)
{
    struct span error;

    return scram_take_final(f->scram, span_from_string(text), &error);
}

static void decode_key(const char *base64, unsigned char key[SCRAM_KEY_SIZE])
{
    struct buf octets;

    buf_init(&octets, SCRAM_KEY_SIZE);
    assert_true(base64_decode(span_from_string(base64), &octets));
    memcpy(key, buf_span(&octets).data, SCRAM_KEY_SIZE);
    buf_fini(&octets);
}

/* test_scram_job.c makes the same of what is asked for here. */
static void prove(struct fixture *f, struct scram_proof *proof)
{
    struct scram_work work = scram_work(f->scram);

    assert_int_equal(work.iterations, 4096);
    assert_int_equal(work.salt.len, 16);
    assert_octets_string(work.message,
                         "n=user,r=" NONCE "," FIRST ",c=biws,r=" SERVER_NONCE);
    proof->fault = FAULT_NONE;
    decode_key(PROOF, proof->client);
    decode_key(SIGNATURE, proof->server);
}

/* IAUTH-6: RFC 7677 §3. */
static void test_vector(void **state)
{
    struct fixture *f = *state;
    struct scram_proof proof;

    begin(f, SCRAM_UNBOUND);
    expect(f, "n,,n=user,r=" NONCE);
    assert_int_equal(take_first(f, FIRST), SCRAM_OK);
    prove(f, &proof);
    scram_write_final(f->scram, &proof, &f->out);
    expect(f, "c=biws,r=" SERVER_NONCE ",p=" PROOF);
    assert_int_equal(take_final(f, "v=" SIGNATURE), SCRAM_OK);
}

/* IAUTH-5 */
static void test_signature(void **state)
{
    struct fixture *f = *state;
    struct scram_proof proof;

    begin(f, SCRAM_UNBOUND);
    assert_int_equal(take_first(f, FIRST), SCRAM_OK);
    prove(f, &proof);
    scram_write_final(f->scram, &proof, &f->out);
    assert_int_equal(take_final(f, "v=" PROOF), SCRAM_ESIGNATURE);
    assert_int_equal(take_final(f, "v="), SCRAM_ESIGNATURE);
    assert_int_equal(take_final(f, "v=6rriTRBi23WpRR/wtup+"), SCRAM_ESIGNATURE);
    assert_int_equal(take_final(f, "v=!"), SCRAM_ESIGNATURE);
    assert_int_equal(take_final(f, ""), SCRAM_EFORM);
    assert_int_equal(take_final(f, SIGNATURE), SCRAM_EFORM);
    assert_int_equal(take_final(f, "v=" SIGNATURE ",x=more"), SCRAM_OK);
}

/* IAUTH-4 */
static void test_nonce(void **state)
{
    struct fixture *f = *state;

    begin(f, SCRAM_UNBOUND);
    assert_int_equal(take_first(f, "r=" NONCE ",s=" SALT ",i=4096"),
                     SCRAM_ENONCE);
    assert_int_equal(take_first(f, "r=,s=" SALT ",i=4096"), SCRAM_ENONCE);
    assert_int_equal(
        take_first(f, "r=ROprNGfwEbeRWgbNEkqOmore,s=" SALT ",i=4096"),
        SCRAM_ENONCE);
    assert_int_equal(take_first(f, "r=xr" NONCE ",s=" SALT ",i=4096"),
                     SCRAM_ENONCE);
}

/* IAUTH-6 */
static void test_extensions(void **state)
{
    struct fixture *f = *state;

    begin(f, SCRAM_UNBOUND);
    assert_int_equal(take_first(f, "m=must," FIRST), SCRAM_EEXTENSION);
    assert_int_equal(take_first(f, FIRST ",m=must"), SCRAM_EEXTENSION);
    buf_clear(&f->scram->salt);
    assert_int_equal(take_first(f, FIRST ",x=may,y"), SCRAM_OK);
}

/* IAUTH-7 */
static void test_iterations(void **state)
{
    static const struct {
        const char *count;
        enum scram_status status;
    } cases[] = {
        { "1", SCRAM_EITERATIONS },
        { "4095", SCRAM_EITERATIONS },
        { "4096", SCRAM_OK },
        { "1000000", SCRAM_OK },
        { "1000001", SCRAM_EITERATIONS },
        { "1000000000", SCRAM_EITERATIONS },
        { "18446744073709555712", SCRAM_EITERATIONS },
        { "-4096", SCRAM_EITERATIONS },
        { "", SCRAM_EITERATIONS },
        { "4096x", SCRAM_EITERATIONS },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char text[256];

        snprintf(text, sizeof(text), "r=%s,s=%s,i=%s", SERVER_NONCE, SALT,
                 cases[i].count);
        begin(f, SCRAM_UNBOUND);
        assert_int_equal(take_first(f, text), cases[i].status);
        scram_free(f->scram);
    }
    f->scram = NULL;
}

static void test_form(void **state)
{
    static const char *const texts[] = {
        "",
        "r",
        "r=",
        "e=other-error",
        "s=" SALT ",i=4096",
        "r=" SERVER_NONCE,
        "r=" SERVER_NONCE ",i=4096,s=" SALT,
        "r=" SERVER_NONCE ",s=,i=4096",
        "r=" SERVER_NONCE ",s=!,i=4096",
        "r=" SERVER_NONCE ",s=" SALT,
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        begin(f, SCRAM_UNBOUND);
        assert_true(take_first(f, texts[i]) < 0);
        scram_free(f->scram);
    }
    f->scram = NULL;
}

/* SCRAM_SALT_MAX octets are a salt, one more is none. */
static void test_salt(void **state)
{
    struct fixture *f = *state;

    for (size_t n = SCRAM_SALT_MAX; n <= SCRAM_SALT_MAX + 1; n++) {
        unsigned char salt[SCRAM_SALT_MAX + 1] = { 0 };
        struct buf text;

        buf_init(&text, 1024);
        buf_append_string(&text, "r=" SERVER_NONCE ",s=");
        assert_true(base64_encode(span_make(salt, n), &text));
        buf_append_string(&text, ",i=4096");
        begin(f, SCRAM_UNBOUND);
        assert_int_equal(scram_take_first(f->scram, buf_span(&text)),
                         n <= SCRAM_SALT_MAX ? SCRAM_OK : SCRAM_EFORM);
        scram_free(f->scram);
        buf_fini(&text);
    }
    f->scram = NULL;
}

/* IAUTH-6: `,` and `=` in both names. */
static void test_names(void **state)
{
    struct fixture *f = *state;

    assert_true(credentials_set_user(&f->c, SPAN_LITERAL("a,b=c\xc3\xa4")));
    assert_true(credentials_set_identity(&f->c, SPAN_LITERAL("=,")));
    begin(f, SCRAM_UNBOUND);
    expect(f, "n,a==3D=2C,n=a=2Cb=3Dc\xc3\xa4,r=" NONCE);
    assert_int_equal(take_first(f, FIRST), SCRAM_OK);
    octets_compare(scram_work(f->scram).message,
                   SPAN_LITERAL("n=a=2Cb=3Dc\xc3\xa4,r=" NONCE "," FIRST
                                ",c=bixhPT0zRD0yQyw=,r=" SERVER_NONCE),
                   "AuthMessage", __FILE__, __LINE__);
}

/* IAUTH-8: what is said of the channel, and that it is within the proof. */
static void test_binding(void **state)
{
    struct fixture *f = *state;
    unsigned char input[17 + SCRAM_BINDING_SIZE];
    struct scram_proof proof = { .fault = FAULT_NONE };
    struct buf text;

    f->channel.has_binding = true;
    begin(f, SCRAM_BINDABLE);
    expect(f, "y,,n=user,r=" NONCE);
    assert_int_equal(take_first(f, FIRST), SCRAM_OK);
    scram_write_final(f->scram, &proof, &f->out);
    assert_memory_equal(buf_span(&f->out).data, "c=eSws,r=", 9);
    buf_clear(&f->out);
    scram_free(f->scram);

    begin(f, SCRAM_BOUND);
    expect(f, "p=tls-exporter,,n=user,r=" NONCE);
    assert_int_equal(take_first(f, FIRST), SCRAM_OK);
    scram_write_final(f->scram, &proof, &f->out);
    memcpy(input, "p=tls-exporter,,", 16);
    memcpy(input + 16, f->channel.binding, SCRAM_BINDING_SIZE);
    buf_init(&text, 1024);
    buf_append_string(&text, "c=");
    assert_true(
        base64_encode(span_make(input, 16 + SCRAM_BINDING_SIZE), &text));
    buf_append_string(&text, ",r=" SERVER_NONCE ",p=");
    assert_memory_equal(buf_span(&f->out).data, buf_span(&text).data,
                        buf_length(&text));
    buf_fini(&text);
}

static void test_errors(void **state)
{
    static const struct {
        const char *message;
        enum fault fault;
    } cases[] = {
        { "e=invalid-proof", FAULT_CREDENTIALS },
        { "e=unknown-user", FAULT_CREDENTIALS },
        { "e=", FAULT_CREDENTIALS },
        { "e=something-new,x=1", FAULT_CREDENTIALS },
        { "e=channel-bindings-dont-match", FAULT_UPSTREAM_UNPROVEN },
        { "e=server-does-support-channel-binding", FAULT_UPSTREAM_UNPROVEN },
        { "e=unsupported-channel-binding-type", FAULT_UPSTREAM_NO_LOGIN },
        { "e=no-resources", FAULT_UPSTREAM_BUSY },
    };
    struct fixture *f = *state;

    begin(f, SCRAM_UNBOUND);
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct span error;

        assert_int_equal(scram_take_final(f->scram,
                                          span_from_string(cases[i].message),
                                          &error),
                         SCRAM_REFUSED);
        assert_int_equal(scram_error_fault(error), cases[i].fault);
    }
}

static void test_each_status_has_words_and_a_fault(void **state)
{
    (void)state;
    for (int status = SCRAM_EMEMORY; status < SCRAM_OK; status++) {
        assert_true(strlen(scram_status_text((enum scram_status)status)) > 0);
        assert_int_not_equal(scram_status_fault((enum scram_status)status),
                             FAULT_NONE);
    }
}

/* Each allocation fails in turn. */
static void test_no_memory(void **state)
{
    struct fixture *f = *state;
    unsigned long failing = 0;

    do {
        enum scram_status status = SCRAM_EMEMORY;

        buf_clear(&f->out);
        buf_prepare(&f->out, 4096);
        alloc_fail_at(++failing);
        f->scram = scram_begin(&f->channel, SCRAM_UNBOUND, &f->c, &f->out);
        if (f->scram != NULL)
            status = take_first(f, FIRST);
        if (alloc_fail_count() >= failing)
            assert_true(status < 0);
        else
            assert_int_equal(status, SCRAM_OK);
        scram_free(f->scram);
    } while (alloc_fail_count() >= failing);
    alloc_fail_at(0);
    f->scram = NULL;
    assert_true(failing > 3);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_vector),     TEST(test_signature),
        TEST(test_nonce),      TEST(test_extensions),
        TEST(test_iterations), TEST(test_form),
        TEST(test_salt),       TEST(test_names),
        TEST(test_binding),    TEST(test_errors),
        TEST(test_no_memory),  TEST(test_each_status_has_words_and_a_fault),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
