#include "support/quit_plays.h"

void mark_two_and_quit(struct harness *h)
{
    begin(h);
    log_in(h);
    client_says(h, "DELE 1\r\nDELE 3\r\n");
    expect_ok(h);
    expect_ok(h);
    expect_silence(h);
    client_says(h, "QUIT\r\n");
}

void expect_end(struct harness *h, const char *code, enum fault fault)
{
    expect_logout(h);
    if (fault == FAULT_NONE)
        expect_ok(h);
    else
        expect_error(h, code);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_over(h, fault);
}

void end(struct harness *h)
{
    bridge_free(h->bridge);
    h->bridge = NULL;
}

void finish(struct harness *h, const char *code, enum fault fault)
{
    expect_end(h, code, fault);
    end(h);
}
