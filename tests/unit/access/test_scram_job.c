/* scram_job.c: the proof, at once and off the loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "access/scram_job.h"
#include "base/base64.h"
#include "support/octets.h"

/* RFC 7677 §3 */
#define NONCE "rOprNGfwEbeRWgbNEkqO"
#define SERVER_NONCE NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define MESSAGE                          \
    "n=user,r=" NONCE ",r=" SERVER_NONCE \
    ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=" SERVER_NONCE
#define PROOF "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define SIGNATURE "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

static const unsigned char salt[] = { 0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12,
                                      0x35, 0x8e, 0xec, 0xa0, 0x4b, 0x14,
                                      0x12, 0x36, 0xfa, 0x81 };

static struct scram_work work_for(struct span password)
{
    return (struct scram_work){ .password = password,
                                .salt = span_make(salt, sizeof(salt)),
                                .iterations = 4096,
                                .message = SPAN_LITERAL(MESSAGE) };
}

static void assert_key(const unsigned char *key, const char *base64)
{
    struct buf text;

    buf_init(&text, 64);
    assert_true(base64_encode(span_make(key, SCRAM_KEY_SIZE), &text));
    assert_buf_string(&text, base64);
    buf_fini(&text);
}

static void assert_vector(const struct scram_proof *proof)
{
    assert_int_equal(proof->fault, FAULT_NONE);
    assert_key(proof->client, PROOF);
    assert_key(proof->server, SIGNATURE);
}

/* IAUTH-6: RFC 7677 §3. */
static void test_vector(void **state)
{
    struct scram_work work = work_for(SPAN_LITERAL("pencil"));
    struct scram_proof proof;

    (void)state;
    scram_job_prove(&work, &proof);
    assert_vector(&proof);
}

static void prove(const char *password, struct scram_proof *proof)
{
    struct scram_work work = work_for(span_from_string(password));

    scram_job_prove(&work, proof);
    assert_int_equal(proof->fault, FAULT_NONE);
}

/* RFC 4013 §3: a soft hyphen is nothing, and a Roman numeral its letters. */
static void test_password_is_prepared(void **state)
{
    struct scram_proof a, b;

    (void)state;
    prove("pen\xc2\xad"
          "cil",
          &a);
    assert_vector(&a);
    prove("\xe2\x85\xa8", &a);
    prove("IX", &b);
    assert_memory_equal(a.client, b.client, SCRAM_KEY_SIZE);
}

/* Latin-1, and what SASLprep forbids: as it is, and not as anything else. */
static void test_password_that_cannot_be_prepared(void **state)
{
    struct scram_proof a, b;

    (void)state;
    prove("gr\xfcn", &a);
    prove("gr\xc3\xbcn", &b);
    assert_memory_not_equal(a.client, b.client, SCRAM_KEY_SIZE);
    prove("a\x07", &a);
    prove("a", &b);
    assert_memory_not_equal(a.client, b.client, SCRAM_KEY_SIZE);
    prove("", &a);
}

/* --- off the loop --- */

struct waiter {
    bool done;
    struct scram_proof proof;
};

static void on_done(void *data, const struct scram_proof *proof)
{
    struct waiter *w = data;

    assert_false(w->done);
    w->done = true;
    w->proof = *proof;
}

static void test_job(void **state)
{
    struct scram_work work = work_for(SPAN_LITERAL("pencil"));
    struct crypt_queue queue = { 0 };
    struct waiter waiter = { .done = false };
    uv_loop_t loop;

    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_non_null(scram_job_start(&queue, &loop, &work, on_done, &waiter));
    assert_int_equal(atomic_load(&queue.proofs), 1);
    assert_false(waiter.done);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_true(waiter.done);
    assert_vector(&waiter.proof);
    assert_int_equal(atomic_load(&queue.proofs), 0);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void test_cancelled_job_tells_nobody(void **state)
{
    struct scram_work work = work_for(SPAN_LITERAL("pencil"));
    struct crypt_queue queue = { 0 };
    struct waiter waiter = { .done = false };
    uv_loop_t loop;

    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    scram_job_cancel(scram_job_start(&queue, &loop, &work, on_done, &waiter));
    scram_job_cancel(NULL);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_false(waiter.done);
    assert_int_equal(atomic_load(&queue.proofs), 0);
    assert_int_equal(uv_loop_close(&loop), 0);
}

/* Whatever a server asks for, the passwords of accounts are judged meanwhile, and
 * the proofs that others ask for are made.
 */
static void test_queue_is_bounded_by_what_is_asked_for(void **state)
{
    struct scram_work work = work_for(SPAN_LITERAL("pencil"));
    struct crypt_queue queue = { 0 };
    struct waiter waiters[4] = { { .done = false } };
    uv_loop_t loop;

    (void)state;
    work.iterations = SCRAM_ITERATIONS_MAX;
    assert_int_equal(uv_loop_init(&loop), 0);
    for (size_t i = 0; i < 3; i++)
        assert_non_null(
            scram_job_start(&queue, &loop, &work, on_done, &waiters[i]));
    assert_null(scram_job_start(&queue, &loop, &work, on_done, NULL));
    work.iterations = SCRAM_ITERATIONS_DEAR;
    assert_non_null(
        scram_job_start(&queue, &loop, &work, on_done, &waiters[3]));
    assert_int_equal(atomic_load(&queue.proofs), 4);
    assert_int_equal(atomic_load(&queue.jobs), 0);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    for (size_t i = 0; i < ARRAY_LENGTH(waiters); i++)
        assert_true(waiters[i].done);
    assert_int_equal(atomic_load(&queue.proofs), 0);
    assert_int_equal(atomic_load(&queue.rounds), 0);
    assert_int_equal(uv_loop_close(&loop), 0);
}

/* Cheap ones have a bound as well. */
static void test_queue_of_cheap_ones_is_bounded(void **state)
{
    struct scram_work work = work_for(SPAN_LITERAL("pencil"));
    struct crypt_queue queue = { .rounds = SCRAM_ROUNDS_MAX };
    uv_loop_t loop;

    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_null(scram_job_start(&queue, &loop, &work, on_done, NULL));
    assert_int_equal(atomic_load(&queue.proofs), 0);
    assert_int_equal(atomic_load(&queue.rounds), SCRAM_ROUNDS_MAX);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void test_passwords_take_no_place_of_proofs(void **state)
{
    struct scram_work work = work_for(SPAN_LITERAL("pencil"));
    struct crypt_queue queue = { .jobs = CRYPT_JOBS_MAX };
    struct waiter waiter = { .done = false };
    uv_loop_t loop;

    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_non_null(scram_job_start(&queue, &loop, &work, on_done, &waiter));
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_vector(&waiter.proof);
    assert_int_equal(atomic_load(&queue.jobs), CRYPT_JOBS_MAX);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vector),
        cmocka_unit_test(test_password_is_prepared),
        cmocka_unit_test(test_password_that_cannot_be_prepared),
        cmocka_unit_test(test_job),
        cmocka_unit_test(test_cancelled_job_tells_nobody),
        cmocka_unit_test(test_queue_is_bounded_by_what_is_asked_for),
        cmocka_unit_test(test_queue_of_cheap_ones_is_bounded),
        cmocka_unit_test(test_passwords_take_no_place_of_proofs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
