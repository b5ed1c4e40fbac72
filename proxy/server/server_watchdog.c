/* The sign of life that a service manager may ask for: one that a loop which
 * stands still does not give.
 */
#include "server/log.h"
#include "server/server_parts.h"

static void log_stuck(unsigned worker)
{
    struct log_record r;

    log_begin(&r, LOG_LEVEL_ERROR, "worker_stuck");
    log_record_add_number(&r, "worker", worker);
    log_write(&r);
}

/* Each worker has taken a turn since it was last asked to. */
static bool all_answer(const struct server *s)
{
    bool all = true;

    for (unsigned i = 0; i < s->workers; i++) {
        if (!s->members[i].is_running || worker_answers(s->members[i].worker))
            continue;
        log_stuck(i);
        all = false;
    }
    return all;
}

static void on_time(uv_timer_t *timer)
{
    struct server *s = timer->data;

    if (all_answer(s))
        notify_send(&s->notify, "WATCHDOG=1");
    for (unsigned i = 0; i < s->workers; i++)
        if (s->members[i].is_running)
            worker_ask(s->members[i].worker);
}

void server_start_watchdog(struct server *s)
{
    if (s->notify.watchdog_ms > 0)
        (void)uv_timer_start(&s->watchdog_timer, on_time, 0,
                             s->notify.watchdog_ms);
}
