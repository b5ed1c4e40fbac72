/* floor_handshakes.c - the same two TLS handshakes, and nothing else.
 *
 *   floor-handshakes [--listen HOST:PORT] --certificate FILE --private-key FILE
 *                    --connect HOST:PORT --ca FILE [--server-name NAME]
 *                    [--resume-client] [--resume-upstream]
 *
 * Each client is accepted and shakes hands; then the upstream is connected to
 * and shakes hands; then both are closed. With --resume-client tickets are
 * given and taken, with --resume-upstream the last session is offered. No
 * octet of any protocol above TLS is read.
 */
#include "bench/floor.h"

/* The ticket of TLS 1.3 comes behind the handshake. Once there is one it serves
 * for all that follow.
 */
static bool awaits_ticket(struct floor_pair *p)
{
    const struct security *client = &p->floor->client;
    unsigned char octet;
    size_t got;

    return client->resume && client->last == NULL &&
           wire_read(&p->upstream, &octet, 1, &got) == WIRE_MORE;
}

static void on_stir(struct floor_pair *p)
{
    if (p->client.state == WIRE_BROKEN || p->upstream.state == WIRE_BROKEN) {
        floor_pair_end(p);
    } else if (p->upstream.loop == NULL) {
        wire_pause(&p->client, true);
        if (!floor_connect_upstream(p))
            floor_pair_end(p);
    } else if (p->upstream.state == WIRE_OPEN && !awaits_ticket(p)) {
        floor_pair_end(p);
    }
}

int main(int argc, char **argv)
{
    return floor_main(argc, argv, on_stir);
}
