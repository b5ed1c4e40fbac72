/* test_account_text.c - accounts.conf is changed where it is told to be, and
 * nowhere else.
 */
#include "access/account_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/alloc_fail.h"
#include "support/octets.h"

#define TEXT_MAX 4096

#define HEAD "; accounts of hall 3\n\n"
#define ONE "# by the door\n[account one]\npassword = a\n; kept\nuser = x\n"
#define TWO "; upstairs\n  [account two] ; as well\n\tuser = y\n\n; the end\n"
#define THREE "[account three]\nuser=z"

static const char whole[] = HEAD ONE "\n" TWO "\n" THREE;

static struct buf text_of(const char *words)
{
    struct buf text;

    buf_init(&text, TEXT_MAX);
    assert_true(words[0] == '\0' || buf_append_string(&text, words));
    return text;
}

static void test_has(void **state)
{
    static const char *const not_there[] = {
        "", "on", "one]", "four", "account", "two] ; as well"
    };
    const struct span text = span_from_string(whole);

    (void)state;
    assert_true(account_text_has(text, "one"));
    assert_true(account_text_has(text, "two"));
    assert_true(account_text_has(text, "three"));
    for (size_t i = 0; i < ARRAY_LENGTH(not_there); i++)
        assert_false(account_text_has(text, not_there[i]));
    assert_false(account_text_has(SPAN_LITERAL(""), "one"));
    assert_false(account_text_has(SPAN_LITERAL("; [account one]\n"), "one"));
    assert_false(account_text_has(SPAN_LITERAL("[accounts one]"), "one"));
}

static void check_add(const char *before, const char *after)
{
    struct buf text = text_of(before);

    assert_true(account_text_add(&text, "new"));
    assert_buf_string(&text, after);
    buf_fini(&text);
}

static void test_add(void **state)
{
    (void)state;
    check_add("", "[account new]\n");
    check_add("; one line", "; one line\n\n[account new]\n");
    check_add(THREE "\n", THREE "\n\n[account new]\n");
}

static void check_remove(const char *name, const char *after)
{
    struct buf text = text_of(whole);

    assert_true(account_text_remove(&text, name));
    assert_buf_string(&text, after);
    assert_false(account_text_remove(&text, name));
    assert_buf_string(&text, after);
    buf_fini(&text);
}

static void test_remove(void **state)
{
    (void)state;
    check_remove("one", HEAD TWO "\n" THREE);
    check_remove("two", HEAD ONE "\n" THREE);
    check_remove("three", HEAD ONE "\n" TWO "\n");
}

static void check_set(const char *name, const char *key, const char *value,
                      const char *after)
{
    struct buf text = text_of(whole);

    assert_true(account_text_set(&text, name, key, value));
    assert_buf_string(&text, after);
    buf_fini(&text);
}

static void test_set(void **state)
{
    (void)state;
    check_set("one", "password", "b",
              HEAD "# by the door\n[account one]\npassword = b\n; kept\n"
                   "user = x\n\n" TWO "\n" THREE);
    check_set("one", "policy", "p", HEAD ONE "policy = p\n\n" TWO "\n" THREE);
    check_set("one", "password", NULL,
              HEAD "# by the door\n[account one]\n; kept\nuser = x\n\n" TWO
                   "\n" THREE);
    check_set("two", "user", "new",
              HEAD ONE "\n; upstairs\n  [account two] ; as well\nuser = new\n"
                       "\n; the end\n\n" THREE);
    check_set("two", "nothing", NULL, whole);
    check_set("three", "user", "z2",
              HEAD ONE "\n" TWO "\n[account three]\nuser = z2\n");
    check_set("three", "policy", "p",
              HEAD ONE "\n" TWO "\n" THREE "\npolicy = p\n");
}

/* What the reader of the file takes, it finds as well. */
static void test_set_as_it_is_read(void **state)
{
    struct buf text =
        text_of("\xEF\xBB\xBF[account a]\r\nuser: x\r\n policy:p\r\n");

    (void)state;
    assert_true(account_text_set(&text, "a", "user", "y"));
    assert_true(account_text_set(&text, "a", "policy", NULL));
    assert_buf_string(&text, "\xEF\xBB\xBF[account a]\r\nuser = y\n");
    assert_true(account_text_remove(&text, "a"));
    assert_buf_string(&text, "\xEF\xBB\xBF");
    buf_fini(&text);
}

/* 400 octets are three lines, which are replaced as one value. */
static void test_set_long(void **state)
{
    char value[401];
    struct buf text = text_of("[account a]\n[account b]\n");
    struct span rest;

    (void)state;
    memset(value, 'v', 400);
    value[400] = '\0';
    assert_true(account_text_set(&text, "a", "secret", value));
    rest = buf_span(&text);
    (void)span_take(&rest, sizeof("[account a]\n") - 1);
    for (int i = 0; i < 3; i++) {
        struct span line = span_take(&rest, span_find(rest, '\n'));

        assert_int_equal(line.len, 9 + (i < 2 ? 160 : 80));
        (void)span_take(&rest, 1);
    }
    assert_octets_string(rest, "[account b]\n");
    assert_true(account_text_set(&text, "a", "user", "u"));
    assert_true(account_text_set(&text, "a", "secret", "short"));
    assert_buf_string(&text,
                      "[account a]\nsecret = short\nuser = u\n[account b]\n");
    buf_fini(&text);
}

static void test_not_there(void **state)
{
    struct buf text = text_of(whole);

    (void)state;
    assert_false(account_text_set(&text, "four", "user", "x"));
    assert_false(account_text_remove(&text, "four"));
    assert_buf_string(&text, whole);
    buf_fini(&text);
}

/* What fails has changed nothing. */
static void test_no_memory(void **state)
{
    struct buf text = text_of(whole);
    unsigned long n = 0;
    bool done;

    (void)state;
    do {
        alloc_fail_at(++n);
        done = account_text_set(&text, "one", "user", "other");
        alloc_fail_at(0);
        if (!done)
            assert_buf_string(&text, whole);
    } while (!done);
    assert_true(n > 1);
    buf_fini(&text);
    text = text_of(whole);
    for (n = 1; n < 3; n++) {
        alloc_fail_at(1);
        done = n == 1 ? account_text_add(&text, "four")
                      : account_text_remove(&text, "one");
        alloc_fail_at(0);
        assert_false(done);
        assert_buf_string(&text, whole);
    }
    buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_has),
        cmocka_unit_test(test_add),
        cmocka_unit_test(test_remove),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_set_as_it_is_read),
        cmocka_unit_test(test_set_long),
        cmocka_unit_test(test_not_there),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
