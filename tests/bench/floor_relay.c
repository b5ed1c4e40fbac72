/* floor_relay.c - reads TLS on one side and writes TLS on the other, both ways,
 * and nothing else.
 *
 *   floor-relay [--listen HOST:PORT] --certificate FILE --private-key FILE
 *               --connect HOST:PORT --ca FILE [--server-name NAME]
 *               [--resume-client] [--resume-upstream]
 *
 * One recv takes as many records as there are, up to 64 KiB; what they held is
 * sealed in records of 16 KiB and leaves by one send. One side is not read
 * while the other has something unsent.
 */
#include "bench/floor.h"

static unsigned char chunk[2 * LOOP_RECEIVE_MAX];

static void relay(struct wire *from, struct wire *to)
{
    size_t got;

    if (wire_unsent(to) > 0)
        return;
    while (wire_read(from, chunk, sizeof(chunk), &got) == WIRE_OK)
        wire_write(to, span_make(chunk, got));
    wire_flush(to);
}

static bool is_over(const struct wire *from, const struct wire *to)
{
    return from->state == WIRE_BROKEN || (from->ended && wire_unsent(to) == 0);
}

/* The client is not read until the upstream is open: POP3's server is the first
 * to speak, so nothing is there.
 */
static void on_stir(struct floor_pair *p)
{
    if (p->upstream.loop == NULL && p->client.state == WIRE_OPEN) {
        wire_pause(&p->client, true);
        if (!floor_connect_upstream(p))
            floor_pair_end(p);
        return;
    }
    if (p->upstream.state == WIRE_OPEN) {
        relay(&p->upstream, &p->client);
        relay(&p->client, &p->upstream);
        /* Reading may have sent something too: only now is it known. */
        wire_pause(&p->upstream, wire_unsent(&p->client) > 0);
        wire_pause(&p->client, wire_unsent(&p->upstream) > 0);
    }
    if (is_over(&p->upstream, &p->client) || is_over(&p->client, &p->upstream))
        floor_pair_end(p);
}

int main(int argc, char **argv)
{
    return floor_main(argc, argv, on_stir);
}
