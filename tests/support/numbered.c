/* numbered.c - see numbered.h. */
#include "support/numbered.h"

#include <stdio.h>

#include "base/limits.h"

#define LINE_OCTETS 64

void numbered_log_in(struct harness *h, unsigned count)
{
    numbered_log_in_within(h, count, 1024 * 1024);
}

void numbered_log_in_within(struct harness *h, unsigned count, uint64_t octets)
{
    static char listing[NUMBERED_MAX * LINE_OCTETS];
    size_t len = 0;

    assert_true(count <= NUMBERED_MAX);
    for (unsigned n = 1; n <= count; n++)
        len += (size_t)snprintf(listing + len, sizeof(listing) - len,
                                "* %u FETCH (UID %u0 FLAGS () "
                                "RFC822.SIZE %u)\r\n",
                                n, n, NUMBERED_OCTETS);
    h->server.listing = listing;
    h->policy.readahead_octets = octets;
    begin(h);
    log_in(h);
}

void says_retr(struct harness *h, unsigned n)
{
    char line[LINE_OCTETS];

    snprintf(line, sizeof(line), "RETR %u\r\n", n);
    client_says(h, line);
}

static void format_body(char *text, size_t size, unsigned n, const char *end)
{
    snprintf(text, size, "* %u FETCH (UID %u0 BODY[] {5}\r\nm%04u)\r\n%s", n, n,
             n, end);
}

void says_message(struct harness *h, unsigned n)
{
    char answer[2 * LINE_OCTETS];

    format_body(answer, sizeof(answer), n, "# OK\r\n");
    upstream_says(h, answer);
}

void says_body(struct harness *h, unsigned n)
{
    char answer[2 * LINE_OCTETS];

    format_body(answer, sizeof(answer), n, "");
    upstream_says(h, answer);
}

void swap_answers(struct harness *h)
{
    uint64_t first = h->tags[0];

    assert_true(h->tag_count >= 2);
    h->tags[0] = h->tags[1];
    h->tags[1] = first;
}

void numbered_expect_fetch(struct harness *h, unsigned n, const char *file,
                           int line)
{
    numbered_expect_fetches(h, n, n, file, line);
}

void numbered_expect_fetches(struct harness *h, unsigned n, unsigned to,
                             const char *file, int line)
{
    char command[IMAP_COMMAND_MAX];
    size_t len = 0;

    for (unsigned i = n; i <= to; i++)
        len += (size_t)snprintf(command + len, sizeof(command) - len, "%s%u0",
                                i == n ? "# UID FETCH " : ",", i);
    snprintf(command + len, sizeof(command) - len, " (UID BODY.PEEK[])\r\n");
    harness_expect_upstream(h, command, file, line);
}

void numbered_expect_message(struct harness *h, unsigned n, const char *file,
                             int line)
{
    char lines[LINE_OCTETS];

    snprintf(lines, sizeof(lines), "m%04u\r\n.\r\n", n);
    harness_expect_reply(h, true, NULL, file, line);
    harness_expect_client(h, lines, file, line);
}

void retrieve_first(struct harness *h)
{
    says_retr(h, 1);
    expect_fetch(h, 1);
    expect_fetch(h, 2);
    expect_silence(h);
    says_message(h, 1);
    expect_message(h, 1);
    expect_silence(h);
    assert_waits(h);
}
