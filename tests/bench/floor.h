/* floor.h - what the two floors have in common: pairs of TLS connections, one
 * as a server towards a client, one as a client towards the upstream.
 *
 * A floor does the part of the proxy's work that nobody can be spared, and
 * nothing else: it is what the proxy is compared with on this machine.
 */
#ifndef POPINJAY_TESTS_BENCH_FLOOR_H
#define POPINJAY_TESTS_BENCH_FLOOR_H

#include <stdbool.h>

#include "bench/endpoint.h"
#include "bench/loop.h"
#include "bench/security.h"
#include "bench/wire.h"

struct floor;

struct floor_pair {
    struct floor *floor;
    struct floor_pair *prev;
    struct floor_pair *next;
    struct wire client;
    struct wire upstream;
};

/* One of a pair's wires was stirred. */
typedef void floor_on_stir(struct floor_pair *p);

struct floor {
    struct endpoint listen;
    struct endpoint connect;
    const char *server_name;
    floor_on_stir *on_stir;
    struct loop loop;
    struct source listener;
    struct security server;
    struct security client;
    struct floor_pair *pairs;
};

/* The whole program: reads the command line, serves until SIGTERM. The client's
 * wire of each pair is begun here, the other one by |on_stir|.
 */
int floor_main(int argc, char **argv, floor_on_stir *on_stir);

/* False where there is no way there. */
MUST_CHECK bool floor_connect_upstream(struct floor_pair *p);

/* With close_notify, both. */
void floor_pair_end(struct floor_pair *p);

#endif
