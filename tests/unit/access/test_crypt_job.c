/* test_crypt_job.c - passwords are judged off the loop, and not too many. */
#include "access/crypt_job.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "support/alloc_fail.h"
#include "support/octets.h"

#define PASSWORD "Kestrel-7"

static uv_loop_t loop;
static struct crypt_queue queue;
static char hash[256];

static struct verdict {
    unsigned count;
    enum crypt_verdict judged;
    enum secret_box_status opened;
    char secret[64];
} verdict;

static void on_done(void *data, struct crypt_result *result)
{
    struct span secret = buf_span(&result->secret);

    assert_ptr_equal(data, &verdict);
    verdict.count++;
    verdict.judged = result->verdict;
    verdict.opened = result->opened;
    assert_true(secret.len < sizeof(verdict.secret));
    if (secret.len > 0)
        memcpy(verdict.secret, secret.data, secret.len);
    verdict.secret[secret.len] = '\0';
}

static int set_up(void **state)
{
    struct buf made;

    (void)state;
    buf_init(&made, sizeof(hash) - 1);
    if (!crypt_hash(SPAN_LITERAL(PASSWORD), &made))
        return -1;
    memcpy(hash, buf_span(&made).data, buf_length(&made));
    buf_fini(&made);
    return uv_loop_init(&loop);
}

static int tear_down(void **state)
{
    (void)state;
    return uv_loop_close(&loop);
}

static struct crypt_job *start(struct crypt_work work)
{
    verdict = (struct verdict){ .count = 0 };
    if (work.hash == NULL)
        work.hash = hash;
    return crypt_job_start(&queue, &loop, &work, on_done, &verdict);
}

static void judge(struct crypt_work work)
{
    assert_non_null(start(work));
    assert_int_equal(atomic_load(&queue.jobs), 1);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(verdict.count, 1);
    assert_int_equal(atomic_load(&queue.jobs), 0);
}

static void test_judged(void **state)
{
    (void)state;
    judge((struct crypt_work){ .password = SPAN_LITERAL(PASSWORD) });
    assert_int_equal(verdict.judged, CRYPT_RIGHT);
    judge((struct crypt_work){ .password = SPAN_LITERAL("Kestrel-8") });
    assert_int_equal(verdict.judged, CRYPT_WRONG);
    judge((struct crypt_work){ .password = SPAN_LITERAL(PASSWORD),
                               .is_decoy = true });
    assert_int_equal(verdict.judged, CRYPT_WRONG);
    judge((struct crypt_work){ .password = SPAN_LITERAL(PASSWORD),
                               .hash = "*no hash" });
    assert_int_equal(verdict.judged, CRYPT_WRONG);
    judge((struct crypt_work){ .password = SPAN_LITERAL(""), .hash = "" });
    assert_int_equal(verdict.judged, CRYPT_WRONG);
}

/* Only the right password opens what is sealed with it. */
static void test_opens(void **state)
{
    struct secret_lock lock = { .kind = SECRET_BOX_BY_PASSWORD,
                                .octets = SPAN_LITERAL(PASSWORD),
                                .purpose = "test",
                                .name = SPAN_LITERAL("device") };
    struct crypt_work work = { .password = SPAN_LITERAL(PASSWORD),
                               .lock = lock };
    struct buf sealed;

    (void)state;
    buf_init(&sealed, 2 * SECRET_MAX);
    assert_int_equal(secret_box_seal(&lock, SPAN_LITERAL("s3cret"), &sealed),
                     SECRET_BOX_OK);
    work.sealed = buf_span(&sealed);
    judge(work);
    assert_int_equal(verdict.judged, CRYPT_RIGHT);
    assert_int_equal(verdict.opened, SECRET_BOX_OK);
    assert_string_equal(verdict.secret, "s3cret");
    work.lock.name = SPAN_LITERAL("other");
    judge(work);
    assert_int_equal(verdict.judged, CRYPT_RIGHT);
    assert_int_equal(verdict.opened, SECRET_BOX_EWRONG);
    assert_string_equal(verdict.secret, "");
    work.password = SPAN_LITERAL("wrong");
    work.lock.name = SPAN_LITERAL("device");
    judge(work);
    assert_int_equal(verdict.judged, CRYPT_WRONG);
    assert_string_equal(verdict.secret, "");
    buf_fini(&sealed);
}

/* Nobody hears of it, and its place is free when the work has ended. */
static void test_cancelled(void **state)
{
    struct crypt_job *job =
        start((struct crypt_work){ .password = SPAN_LITERAL(PASSWORD) });

    (void)state;
    assert_non_null(job);
    crypt_job_cancel(job);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(verdict.count, 0);
    assert_int_equal(atomic_load(&queue.jobs), 0);
}

static void test_full(void **state)
{
    const struct crypt_work work = { .password = SPAN_LITERAL(PASSWORD),
                                     .hash = "*cheap" };

    (void)state;
    for (unsigned i = 0; i < CRYPT_JOBS_MAX; i++)
        assert_non_null(start(work));
    assert_null(start(work));
    assert_int_equal(atomic_load(&queue.jobs), CRYPT_JOBS_MAX);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(verdict.count, CRYPT_JOBS_MAX);
    assert_non_null(start(work));
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
}

static void test_at_once(void **state)
{
    (void)state;
    assert_int_equal(crypt_judge(SPAN_LITERAL(PASSWORD), hash), CRYPT_RIGHT);
    assert_int_equal(crypt_judge(SPAN_LITERAL("wrong"), hash), CRYPT_WRONG);
    assert_int_equal(strncmp(hash, "$y$", 3), 0);
}

static void test_no_memory(void **state)
{
    const struct crypt_work work = { .password = SPAN_LITERAL(PASSWORD) };
    struct crypt_job *job;
    struct buf made;
    unsigned long n = 0;
    bool done;

    (void)state;
    do {
        alloc_fail_at(++n);
        job = start(work);
        alloc_fail_at(0);
        assert_true(job != NULL || atomic_load(&queue.jobs) == 0);
    } while (job == NULL);
    assert_true(n > 2);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    judge(work);
    assert_int_equal(verdict.judged, CRYPT_RIGHT);
    n = 0;
    do {
        buf_init(&made, 256);
        alloc_fail_at(++n);
        done = crypt_hash(SPAN_LITERAL(PASSWORD), &made);
        alloc_fail_at(0);
        buf_fini(&made);
    } while (!done);
    assert_true(n > 2);
    for (n = 1; n < 3; n++) {
        alloc_fail_at(n);
        assert_int_equal(crypt_judge(SPAN_LITERAL(PASSWORD), hash),
                         CRYPT_FAILED);
        alloc_fail_at(0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judged),    cmocka_unit_test(test_opens),
        cmocka_unit_test(test_cancelled), cmocka_unit_test(test_full),
        cmocka_unit_test(test_at_once),   cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
