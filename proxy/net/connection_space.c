#include "net/connection_space.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/limits.h"

bool connection_space_init(struct connection_space *space, uv_loop_t *loop)
{
    *space = (struct connection_space){ .loop = loop };
    space->received = malloc(RECEIVE_MAX);
    space->plain = malloc(READ_CHUNK);
    buf_init(&space->sealed, CONNECTION_UNSENT_MAX);
    if (space->received != NULL && space->plain != NULL)
        return true;
    connection_space_fini(space);
    return false;
}

/* What was kept meanwhile lies elsewhere, in memory that is wiped when it is
 * given back.
 */
static void wipe_within(unsigned char *buffer, size_t size, struct span octets)
{
    uintptr_t begin = (uintptr_t)buffer;
    uintptr_t at = (uintptr_t)octets.data;

    if (at >= begin && at < begin + size)
        wipe(buffer + (at - begin), octets.len);
}

void connection_space_forget(struct connection_space *space, struct span octets)
{
    wipe_within(space->received, RECEIVE_MAX, octets);
    wipe_within(space->plain, READ_CHUNK, octets);
}

void connection_space_fini(struct connection_space *space)
{
    assert(space->connections == 0);
    if (space->received != NULL)
        wipe(space->received, RECEIVE_MAX);
    if (space->plain != NULL)
        wipe(space->plain, READ_CHUNK);
    free(space->received);
    free(space->plain);
    buf_fini(&space->sealed);
    *space = (struct connection_space){ .loop = NULL };
}
