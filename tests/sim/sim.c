/* sim.c - many sessions, each from a seed, each judged.
 *
 *   sim [--sessions N] [--seed S] [--failures N] [--verbose]
 *       [--allocations | --fail-at I]
 *
 * With --allocations each world is played again and again, each time with
 * another allocation that fails, until every one has had its turn.
 *
 * World n of a run has the seed S + n, so `--seed X --sessions 1 --verbose`
 * plays the world of a failure again.
 */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/cover.h"
#include "sim/heap.h"
#include "sim/session.h"

/* From so many sessions on nothing may be left unvisited. */
#define ENOUGH_TO_VISIT_ALL 20000

struct options {
    uint64_t sessions;
    uint64_t seed;
    uint64_t failures; /* stop after so many */
    uint64_t fail_at;
    bool allocations;
    bool verbose;
};

static uint64_t seed; /* of the world being played */
static uint64_t failing_at;

static void say_replay(void)
{
    printf("sim: replay with --seed %" PRIu64 " --sessions 1 --verbose", seed);
    if (failing_at > 0 && failing_at < UINT64_MAX)
        printf(" --fail-at %" PRIu64, failing_at);
    printf("\n");
}

/* An assertion of the proxy's has failed: it is not ours to go on, but which
 * world it was should be said.
 */
static void on_abort(int number)
{
    say_replay();
    fflush(stdout);
    signal(number, SIG_DFL);
}

static uint64_t to_number(const char *text)
{
    char *end;
    uint64_t value = strtoull(text, &end, 0);

    if (*text == '\0' || *end != '\0') {
        fprintf(stderr, "sim: not a number: %s\n", text);
        exit(2);
    }
    return value;
}

static struct options read_options(int argc, char **argv)
{
    static const struct option names[] = {
        { "sessions", required_argument, NULL, 'n' },
        { "seed", required_argument, NULL, 's' },
        { "failures", required_argument, NULL, 'f' },
        { "fail-at", required_argument, NULL, 'i' },
        { "allocations", no_argument, NULL, 'a' },
        { "verbose", no_argument, NULL, 'v' },
        { NULL, 0, NULL, 0 },
    };
    struct options o = { .sessions = 20000, .seed = 1, .failures = 1 };
    int c;

    while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (c) {
        case 'n':
            o.sessions = to_number(optarg);
            break;
        case 's':
            o.seed = to_number(optarg);
            break;
        case 'f':
            o.failures = to_number(optarg);
            break;
        case 'i':
            o.fail_at = to_number(optarg);
            break;
        case 'a':
            o.allocations = true;
            break;
        case 'v':
            o.verbose = true;
            break;
        default:
            exit(2);
        }
    }
    return o;
}

static bool play(const struct options *o, uint64_t fail_at, uint64_t *sessions)
{
    char failure[FAILURE_MAX];

    failing_at = fail_at;
    if (world_run(&(struct world_options){ .seed = seed,
                                           .fail_at = fail_at,
                                           .verbose = o->verbose },
                  sessions, failure))
        return true;
    printf("sim: FAILED: %s\n", failure);
    say_replay();
    return false;
}

/* Every allocation of the world has its turn to fail. */
static bool play_allocations(const struct options *o, uint64_t *sessions)
{
    bool fine = play(o, UINT64_MAX, sessions);

    for (uint64_t i = 1; fine && i <= heap_asked(); i++)
        fine = play(o, i, sessions);
    return fine;
}

int main(int argc, char **argv)
{
    struct options o = read_options(argc, argv);
    uint64_t sessions = 0;
    uint64_t failures = 0;

    signal(SIGABRT, on_abort);
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("sim: %" PRIu64 " sessions from seed %" PRIu64 "\n", o.sessions,
           o.seed);
    for (seed = o.seed; sessions < o.sessions && failures < o.failures;
         seed++) {
        bool fine = o.allocations ? play_allocations(&o, &sessions)
                                  : play(&o, o.fail_at, &sessions);

        failures += !fine;
    }
    cover_print();
    printf("%12zu  octets held by a session at most\n", heap_most());
    printf("sim: %" PRIu64 " sessions, %" PRIu64 " failed\n", sessions,
           failures);
    if (failures > 0)
        return 1;
    return sessions >= ENOUGH_TO_VISIT_ALL && !o.allocations && !cover_is_full()
               ? 1
               : 0;
}
