/* test_worker.c - SD-4: a loop that takes no turn gives no sign of life. */
#include "server/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/service.h"

#define PATIENCE_MS 10000

static void wait_for_answer(const struct worker *w)
{
    for (unsigned ms = 0; !worker_answers(w); ms++) {
        assert_true(ms < PATIENCE_MS);
        usleep(1000);
    }
}

static void test_signs_of_life(void **state)
{
    struct service *service = service_new();
    struct worker *w;

    (void)state;
    assert_non_null(service);
    w = worker_new(service, 1);
    assert_non_null(w);
    assert_true(worker_answers(w)); /* nobody has asked */
    worker_ask(w);
    usleep(1000);
    assert_false(worker_answers(w)); /* its loop does not turn */
    assert_true(worker_start(w, NULL));
    wait_for_answer(w);
    worker_ask(w);
    wait_for_answer(w);
    worker_stop_listening(w);
    worker_join(w);
    worker_free(w);
    service_free(service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signs_of_life),
    };

    return cmocka_run_group_tests_name("server/worker", tests, NULL, NULL);
}
