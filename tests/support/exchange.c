#include "support/exchange.h"

void begin_with(struct harness *h, unsigned mechanisms)
{
    h->policy.mechanisms = mechanisms;
    begin(h);
}

void expect_login(struct harness *h)
{
    upstream_says(h, "# OK [CAPABILITY IMAP4rev1] in\r\n");
    expect_wish(h, BRIDGE_LOCK);
    outcome(h, BRIDGE_LOCKED);
    expect_upstream(h, "# SELECT INBOX\r\n");
    upstream_says(h, "* 0 EXISTS\r\n# OK\r\n");
    expect_ok(h);
    quit(h);
}

void greet(struct harness *h, const char *greeting)
{
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_UP);
    upstream_says(h, greeting);
}
