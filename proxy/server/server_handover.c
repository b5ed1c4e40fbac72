/* One process takes the place of another at the same addresses. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "server/log.h"
#include "server/server_parts.h"

/* --- the one before --- */

/* Whoever asks for the status is to ask the other one. */
static void leave_status(struct server *s)
{
    status_server_close(s->status);
    s->status = NULL;
}

void server_hand_over(struct server *s)
{
    s->state = SERVER_DRAINING;
    s->handed_over = true;
    (void)uv_timer_stop(&s->take_over_timer); /* its turn comes after ours */
    server_log_sessions(s, "handing_over");
    notify_send(&s->notify, "STATUS=handing over");
    leave_status(s);
    parked_close(s->service->parked);
    watcher_rest(s->watcher);
    for (unsigned i = 0; i < s->workers; i++)
        if (s->members[i].is_running)
            worker_hand_over(s->members[i].worker, s->workers);
    server_limit_drain(s);
}

/* --- the one after --- */

static void on_taken_over(uv_timer_t *timer)
{
    struct server *s = timer->data;

    for (unsigned i = 0; i < s->workers; i++)
        if (s->members[i].is_running)
            worker_take_over(s->members[i].worker);
}

bool server_take_over(struct server *s, char *error, size_t error_size)
{
    pid_t before = s->replaces;

    if (before == 0)
        return true;
    s->replaces = 0;
    /* Where it has ended meanwhile, there is nothing to be handed over. */
    if (kill(before, SIGUSR2) != 0 && errno != ESRCH) {
        (void)snprintf(error, error_size, "--replace %ld: %s", (long)before,
                       strerror(errno));
        return false;
    }
    notify_send(&s->notify, "MAINPID=%ld", (long)getpid());
    (void)uv_timer_start(&s->take_over_timer, on_taken_over, 2 * HANDOVER_MS,
                         0);
    return true;
}
