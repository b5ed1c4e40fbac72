/* test_unique_id_map.c - imported unique-ids: what is a map, and what it says.
 */
#include "session/unique_id_map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "support/alloc_fail.h"
#include "support/octets.h"

static const char two_users[] = "# from pop.old.example\n"
                                "user bob\n"
                                "mailbox 7 INBOX\n"
                                "3 UID3-1690000000\r\n"
                                "5 UID4-1690000000\n"
                                "\n"
                                "mailbox 9 Gr\xc3\xbc\xc3\x9f"
                                "e aus Rom\n"
                                "1 !~\n"
                                "user alice@example.com\n"
                                "mailbox 4294967295 INBOX\n"
                                "4294967295 UID3-1690000000";

static struct unique_id_map *read_map(const char *text)
{
    struct unique_id_map_error error;
    struct unique_id_map *map =
        unique_id_map_new(span_from_string(text), &error);

    assert_null(error.text);
    assert_non_null(map);
    return map;
}

static const struct unique_id_list *find(const struct unique_id_map *map,
                                         const char *user, const char *mailbox)
{
    const struct unique_id_user *found =
        unique_id_map_find(map, span_from_string(user));

    return found != NULL ? unique_id_user_list(found, span_from_string(mailbox))
                         : NULL;
}

/* DEC-12: what was imported is told, to its user and for its mailbox only. */
static void test_find(void **state)
{
    struct unique_id_map *map = read_map(two_users);
    const struct unique_id_list *bob = find(map, "bob", "INBOX");
    const struct unique_id_list *rome = find(map, "bob",
                                             "Gr\xc3\xbc\xc3\x9f"
                                             "e aus Rom");
    const struct unique_id_list *alice =
        find(map, "alice@example.com", "INBOX");

    (void)state;
    assert_int_equal(unique_id_list_uidvalidity(bob), 7);
    assert_string_equal(unique_id_list_get(bob, 3), "UID3-1690000000");
    assert_string_equal(unique_id_list_get(bob, 5), "UID4-1690000000");
    assert_string_equal(unique_id_list_get(rome, 1), "!~");
    assert_int_equal(unique_id_list_uidvalidity(alice), UINT32_MAX);
    assert_string_equal(unique_id_list_get(alice, UINT32_MAX),
                        "UID3-1690000000");
    unique_id_map_free(map);
}

static void test_find_nothing(void **state)
{
    struct unique_id_map *map = read_map(two_users);
    const struct unique_id_list *bob = find(map, "bob", "INBOX");

    (void)state;
    assert_null(unique_id_list_get(bob, 1));
    assert_null(unique_id_list_get(bob, 4));
    assert_null(unique_id_list_get(bob, UINT32_MAX));
    assert_null(find(map, "bo", "INBOX"));
    assert_null(find(map, "bobby", "INBOX"));
    assert_null(find(map, "", "INBOX"));
    assert_null(find(map, "bob", "Inbox"));
    assert_null(find(map, "alice@example.com", "Reports"));
    assert_null(unique_id_map_find(map, span_make("bob\0x", 5)));
    assert_null(unique_id_map_find(map, (struct span){ NULL, 0 }));
    assert_null(find(NULL, "bob", "INBOX"));
    unique_id_map_free(map);
    unique_id_map_free(NULL);
}

/* Whichever mailbox of the same user it is in, and of no other. */
static void test_user_has(void **state)
{
    struct unique_id_map *map = read_map(two_users);
    const struct unique_id_user *bob =
        unique_id_map_find(map, SPAN_LITERAL("bob"));
    const struct unique_id_user *alice =
        unique_id_map_find(map, SPAN_LITERAL("alice@example.com"));

    (void)state;
    assert_true(unique_id_user_has(bob, "UID4-1690000000"));
    assert_true(unique_id_user_has(bob, "!~"));
    assert_false(unique_id_user_has(bob, "UID4-169000000"));
    assert_false(unique_id_user_has(alice, "!~"));
    unique_id_map_free(map);
}

/* RFC 3501 §5.1: however the list has it written. */
static void test_inbox(void **state)
{
    struct unique_id_map *map = read_map("user bob\nmailbox 7 Inbox\n3 a\n");
    struct unique_id_map_error error;

    (void)state;
    assert_string_equal(unique_id_list_get(find(map, "bob", "INBOX"), 3), "a");
    unique_id_map_free(map);
    assert_null(unique_id_map_new(
        SPAN_LITERAL("user bob\nmailbox 7 INBOX\nmailbox 7 inbox\n"), &error));
    assert_int_equal(error.line, 3);
}

static void test_empty(void **state)
{
    struct unique_id_map *map = read_map("");
    const struct unique_id_list *list;

    (void)state;
    assert_null(find(map, "bob", "INBOX"));
    unique_id_map_free(map);
    map = read_map("user bob\nmailbox 1 INBOX\n");
    list = find(map, "bob", "INBOX");
    assert_null(unique_id_list_get(list, 1));
    assert_false(
        unique_id_user_has(unique_id_map_find(map, SPAN_LITERAL("bob")), "1"));
    unique_id_map_free(map);
}

#define SEVENTY \
    "1234567890123456789012345678901234567890123456789012345678901234567890"

/* POP-28: 1 to 70 characters of 0x21 to 0x7E, and none twice. */
static void test_bad(void **state)
{
    static const struct {
        const char *text;
        size_t line;
        const char *wrong;
    } cases[] = {
        { "bob\n", 1,
          "is none of `user NAME`, `mailbox UIDVALIDITY NAME`, "
          "`UID UNIQUE-ID`" },
        { "\nuser \n", 2, "is no name of a user" },
        { "user b\tb\n", 1, "is no name of a user" },
        { "user b\xff\n", 1, "is no name of a user" },
        { "mailbox 1 INBOX\n", 1, "stands before the first `user NAME`" },
        { "user b\nmailbox 0 INBOX\n", 2, "is no `mailbox UIDVALIDITY NAME`" },
        { "user b\nmailbox 1\n", 2, "is no `mailbox UIDVALIDITY NAME`" },
        { "user b\nmailbox 1 \n", 2, "is no `mailbox UIDVALIDITY NAME`" },
        { "user b\nmailbox 4294967296 I\n", 2,
          "is no `mailbox UIDVALIDITY NAME`" },
        { "user b\nmailbox 1 I\nmailbox 2 I\n", 3,
          "names a mailbox that this user has already" },
        { "user b\n1 x\n", 2,
          "stands before the first `mailbox UIDVALIDITY NAME`" },
        { "user b\nmailbox 1 I\nuser c\n1 x\n", 4,
          "stands before the first `mailbox UIDVALIDITY NAME`" },
        { "user b\nmailbox 1 I\n1\n", 3, "is no `UID UNIQUE-ID`" },
        { "user b\nmailbox 1 I\n1 \n", 3, "is no `UID UNIQUE-ID`" },
        { "user b\nmailbox 1 I\n1 x y\n", 3, "is no `UID UNIQUE-ID`" },
        { "user b\nmailbox 1 I\n1 \x7f\n", 3, "is no `UID UNIQUE-ID`" },
        { "user b\nmailbox 1 I\n1 " SEVENTY "x\n", 3, "is no `UID UNIQUE-ID`" },
        { "user b\nmailbox 1 I\n2 x\n2 y\n", 4,
          "has a UID that is not greater than the one before" },
        { "user b\nmailbox 1 I\n2 x\nmailbox 1 R\n1 x\n", 0,
          "a user has the same unique-id twice" },
        { "user b\nuser c\nuser b\n", 0, "a user stands there twice" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct unique_id_map_error error;

        assert_null(unique_id_map_new(span_from_string(cases[i].text), &error));
        assert_string_equal(error.text, cases[i].wrong);
        assert_int_equal(error.line, cases[i].line);
    }
    unique_id_map_free(read_map("user b\nmailbox 1 I\n1 " SEVENTY "\n"));
}

/* Enough users, in no order, that each is found among the others. */
static void test_many_users(void **state)
{
    char text[8192];
    struct unique_id_map *map;
    size_t length = 0;

    (void)state;
    for (unsigned i = 0; i < 100; i++)
        length += (size_t)snprintf(text + length, sizeof(text) - length,
                                   "user u%u\nmailbox %u INBOX\n%u id%u\n",
                                   i * 37 % 100, i + 1, i + 1, i);
    map = read_map(text);
    for (unsigned i = 0; i < 100; i++) {
        const struct unique_id_list *list;
        char expected[16];
        char name[16];

        (void)snprintf(name, sizeof(name), "u%u", i * 37 % 100);
        (void)snprintf(expected, sizeof(expected), "id%u", i);
        list = find(map, name, "INBOX");
        assert_non_null(list);
        assert_int_equal(unique_id_list_uidvalidity(list), i + 1);
        assert_string_equal(unique_id_list_get(list, i + 1), expected);
        assert_true(unique_id_user_has(
            unique_id_map_find(map, span_from_string(name)), expected));
    }
    unique_id_map_free(map);
}

static void test_no_memory(void **state)
{
    struct unique_id_map_error error;
    struct unique_id_map *map = NULL;
    unsigned long failing = 0;

    (void)state;
    while (map == NULL) {
        alloc_fail_at(++failing);
        map = unique_id_map_new(span_from_string(two_users), &error);
        alloc_fail_at(0);
        assert_true(map != NULL || strcmp(error.text, "out of memory") == 0);
    }
    assert_int_equal(failing, 7);
    unique_id_map_free(map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),       cmocka_unit_test(test_find_nothing),
        cmocka_unit_test(test_user_has),   cmocka_unit_test(test_inbox),
        cmocka_unit_test(test_empty),      cmocka_unit_test(test_bad),
        cmocka_unit_test(test_many_users), cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests_name("session/unique_id_map", tests, NULL,
                                       NULL);
}
