/* upstream_health.h - does the upstream answer?
 *
 * Every attempt to reach it counts, a session's or a probe's: it was reached
 * once it has greeted and said what it can do, and failed where there was no
 * connection, no TLS that is to be trusted, or no such greeting. What comes
 * later is between the server and one user: a refused login or a mailbox that
 * breaks says nothing about the others.
 *
 * It is failing after two failures in a row, so that one connection lost among
 * many is none, and after the first where it was never reached. One success
 * ends that. Where nobody may come while it is failing, a probe has to ask: see
 * upstream_probe.h.
 *
 * Times are monotonic; |unix_s| is for people to read.
 * Thread: any; a mutex for a few numbers.
 */
#ifndef POPINJAY_SERVER_UPSTREAM_HEALTH_H
#define POPINJAY_SERVER_UPSTREAM_HEALTH_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UPSTREAM_HEALTH_TEXT_MAX 128
#define UPSTREAM_HEALTH_MINUTES 5 /* the present one, and those before */

enum upstream_verdict {
    UPSTREAM_UNKNOWN, /* nobody has tried */
    UPSTREAM_REACHED,
    UPSTREAM_DOUBTFUL, /* reached before, and the last attempt failed */
    UPSTREAM_FAILING,
    UPSTREAM_VERDICT_COUNT,
};

/* "reached" */
const char *upstream_verdict_name(enum upstream_verdict verdict);

struct upstream_health_view {
    enum upstream_verdict verdict;
    uint64_t success_unix_s;                /* the last; 0: none */
    uint64_t failure_unix_s;                /* the last; 0: none */
    char failure[UPSTREAM_HEALTH_TEXT_MAX]; /* why; "": none */
    uint64_t successes;                     /* since the start */
    uint64_t failures;
    uint32_t recent_successes; /* in UPSTREAM_HEALTH_MINUTES */
    uint32_t recent_failures;
    uint64_t failure_ms; /* when the last was; 0: none */
};

struct upstream_health {
    pthread_mutex_t mutex;
    struct upstream_health_view view; /* but for verdict, recent_* */
    uint64_t failures_in_row;
    unsigned upstream; /* which it is about: the settings' number of it */
    struct {
        uint64_t minute;
        uint32_t successes;
        uint32_t failures;
    } minutes[UPSTREAM_HEALTH_MINUTES];
};

void upstream_health_init(struct upstream_health *h);
void upstream_health_fini(struct upstream_health *h);

/* |failure|: why it was not reached, in words; NULL: it was. What is heard of
 * another |upstream| than that of the day, from those who set out before a
 * reload, does not count.
 */
void upstream_health_note(struct upstream_health *h, unsigned upstream,
                          const char *failure, uint64_t now_ms,
                          uint64_t unix_s);

/* It is that one from here on: where it was another before, nothing is known of
 * it yet. At first it is number 0.
 */
void upstream_health_turn_to(struct upstream_health *h, unsigned upstream);

struct upstream_health_view upstream_health_view(struct upstream_health *h,
                                                 uint64_t now_ms);

#endif
