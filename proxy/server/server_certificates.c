/* Certificates, keys and trusted authorities that are replaced on disk. */
#include "server/log.h"
#include "server/server_parts.h"

#define ERROR_MAX 2048
/* A renewal writes one file after the other: what does not fit together may do
 * so a moment later, and is complained of where it does not fit at two looks.
 */
#define LOOKS_BEFORE_COMPLAINT 2

static void take_up(struct server *s)
{
    char error[ERROR_MAX];
    struct settings *fresh = settings_renew(s->settings, error, sizeof(error));
    bool done = fresh != NULL && server_adopt(s, fresh, error, sizeof(error));

    settings_release(fresh);
    if (done) {
        s->reload_failed = false;
        log_event(LOG_LEVEL_INFO, "certificates_reloaded", NULL);
    } else if (++s->bad_looks == LOOKS_BEFORE_COMPLAINT) {
        s->reload_failed = true;
        log_event(LOG_LEVEL_ERROR, "certificates_kept", error);
    }
}

static void on_look(uv_timer_t *timer)
{
    struct server *s = timer->data;

    if (s->state != SERVER_SERVING)
        return;
    if (settings_are_stale(s->settings))
        take_up(s);
    else
        s->bad_looks = 0;
}

void server_watch_certificates(struct server *s)
{
    uint64_t period_ms = s->settings->config->certificate_check_ms;

    s->bad_looks = 0;
    if (period_ms == 0)
        (void)uv_timer_stop(&s->certificate_timer);
    else
        (void)uv_timer_start(&s->certificate_timer, on_look, period_ms,
                             period_ms);
}
