/* What is asked for where a window of a great mailbox has a great many messages,
 * or few of very many: in how many commands?
 */
#include "support/session_harness.h"

#include "base/limits.h"

#define ITEMS " (UID FLAGS RFC822.SIZE)\r\n"

/* The first command behind SELECT is |command|. */
static void log_in_to(struct harness *h, const char *command)
{
    h->mailbox_policy.list_whole_max = 2;
    h->server.listing = NULL;
    begin(h);
    log_in_to_listing(h);
    expect_upstream(h, command);
    expect_silence(h);
}

/* Not piece by piece where it is known before that there are too many. */
static void lists_all_where_too_much_is_named(void **state)
{
    struct harness *h = *state;
    struct buf answer;

    buf_init(&answer, SIZE_MAX);
    buf_append_string(&answer, "* SEARCH");
    for (uint32_t i = 1; i <= IMAP_UID_SPANS_MAX + 1; i++) {
        buf_append_octet(&answer, ' ');
        buf_append_number(&answer, 2 * i);
    }
    buf_append_string(&answer, "\r\n# OK\r\n");
    buf_append_octet(&answer, '\0');
    h->server.select = "* 20000 EXISTS\r\n* OK [UIDVALIDITY 77]\r\n";
    h->mailbox_policy.window.unread_only = true;
    log_in_to(h, "# UID SEARCH UNSEEN\r\n");
    upstream_says(h, (const char *)buf_span(&answer).data);
    buf_fini(&answer);
    expect_upstream(h, "# UID FETCH 1:*" ITEMS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(lists_all_where_too_much_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
