#include "net/tcp.h"

#include <stdlib.h>

#define KEEPALIVE_SECONDS 120

static void on_closed(uv_handle_t *handle)
{
    free(handle);
}

void tcp_discard(uv_tcp_t *tcp)
{
    uv_close((uv_handle_t *)tcp, on_closed);
}

void tcp_tune(uv_tcp_t *tcp)
{
    uv_tcp_nodelay(tcp, 1);
    uv_tcp_keepalive(tcp, 1, KEEPALIVE_SECONDS);
}
