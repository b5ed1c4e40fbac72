#include "support/reuse_plays.h"

void restart_session(struct harness *h)
{
    bridge_free(h->bridge);
    h->bridge = NULL;
    h->tag_count = 0;
    buf_consume(&h->from_upstream, buf_length(&h->from_upstream));
}

void log_in_to_select(struct harness *h)
{
    begin(h);
    connect_upstream(h);
    client_says(h, "PASS p\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    upstream_says(h, "# OK [CAPABILITY IMAP4rev1 UIDPLUS CONDSTORE] in\r\n");
    expect_wish(h, BRIDGE_LOCK);
    outcome(h, BRIDGE_LOCKED);
    expect_upstream(h, SELECT);
    expect_silence(h);
}

void select_and_say(struct harness *h, const char *untagged)
{
    log_in_to_select(h);
    upstream_says(h, untagged);
    upstream_says(h, "# OK [READ-WRITE] x\r\n");
}

void expect_stat(struct harness *h, const char *stat)
{
    expect_ok(h);
    expect_silence(h);
    client_says(h, "STAT\r\n");
    expect_client(h, stat);
}

void end_session(struct harness *h, const char *stat)
{
    expect_stat(h, stat);
    quit(h);
    restart_session(h);
}

void end_session_kept(struct harness *h, const char *stat)
{
    expect_wish(h, BRIDGE_KEEP_MAILBOX);
    end_session(h, stat);
}

void first_session(struct harness *h)
{
    known_mailbox_clear(&h->known);
    select_and_say(h, FIRST);
    expect_upstream(h, LIST_ALL);
    upstream_says(h, FIRST_ROWS);
    end_session_kept(h, FIRST_STAT);
}

void expect_counted(struct harness *h, enum known_verdict verdict)
{
    const struct bridge_report *report = bridge_report(h->bridge);

    for (unsigned i = 0; i < KNOWN_VERDICT_COUNT; i++)
        assert_int_equal(report->listings[i], i == verdict);
}
