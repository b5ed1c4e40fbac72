#include "support/parking.h"

struct imap_parked parked;

void begin_parking(struct harness *h)
{
    h->upstream_policy.upstream_reuse_ms = 90000;
    begin(h);
}

void begin_next(struct harness *h)
{
    bridge_free(h->bridge);
    h->note_count = 0;
    begin(h);
}

void answer_reuse(struct harness *h, const struct imap_parked *found)
{
    expect_wish(h, BRIDGE_REUSE);
    bridge_reuse(h->bridge, found, h->now_ms);
    client_takes(h, 0); /* nothing but what follows from that */
}

void give_password(struct harness *h)
{
    client_says(h, "USER u\r\n");
    expect_ok(h);
    expect_silence(h);
    client_says(h, "PASS p\r\n");
}

void greet_and_log_in(struct harness *h)
{
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_UP);
    upstream_says(h, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
}

void open_mailbox(struct harness *h)
{
    expect_upstream(h, "# SELECT INBOX\r\n");
    upstream_says(h, h->server.select);
    upstream_says(h, h->server.selected);
    expect_upstream(h, LISTING);
    upstream_says(h, h->server.listing);
    upstream_says(h, "# OK listed\r\n");
    expect_ok(h);
    expect_note(h, BRIDGE_NOTE_LOGGED_IN, FAULT_NONE);
    expect_silence(h);
}

void log_in_anew(struct harness *h)
{
    begin_parking(h);
    give_password(h);
    answer_reuse(h, NULL);
    greet_and_log_in(h);
    upstream_says(h, "# OK [CAPABILITY IMAP4rev1 UIDPLUS] in\r\n");
    expect_wish(h, BRIDGE_LOCK);
    outcome(h, BRIDGE_LOCKED);
    open_mailbox(h);
}

void expect_park(struct harness *h)
{
    assert_true(h->wish_count > 0 && h->wishes[0].kind == BRIDGE_PARK);
    parked = *h->wishes[0].parked;
    expect_wish(h, BRIDGE_PARK);
}

void expect_parked_end(struct harness *h)
{
    expect_park(h);
    expect_wish(h, BRIDGE_UNLOCK);
    expect_ok(h);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_over(h, FAULT_NONE);
}

void quit_and_park(struct harness *h)
{
    client_says(h, "QUIT\r\n");
    expect_parked_end(h);
}

void take_up(struct harness *h)
{
    log_in_anew(h);
    quit_and_park(h);
    begin_next(h);
    give_password(h);
    answer_reuse(h, &parked);
    expect_wish(h, BRIDGE_LOCK);
    expect_silence(h);
}
