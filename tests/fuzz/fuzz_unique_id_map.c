/* fuzz_unique_id_map.c - a list of imported unique-ids, and names of folders in
 * logins.
 *
 * Property: a map that is taken says of each of its lines what stands there, and
 * nothing else of the lines around it; no unique-id is of two messages of one
 * user, and each is one (RFC 1939 §7). One that is not taken says which line is
 * wrong. A name is taken apart into what makes it up.
 */
#include <string.h>

#include "base/limits.h"
#include "fuzz.h"
#include "imap/mailbox_name.h"
#include "session/mailbox_list.h"
#include "session/unique_id_map.h"

static struct span take_line(struct span *in)
{
    struct span line = span_take(in, span_find(*in, '\n'));

    if (in->len > 0)
        (void)span_take(in, 1);
    if (line.len > 0 && line.data[line.len - 1] == '\r')
        line.len--;
    return line;
}

static bool take_word(struct span *line, const char *word)
{
    struct span rest = *line;

    if (line->len < strlen(word) ||
        memcmp(span_take(&rest, strlen(word)).data, word, strlen(word)) != 0)
        return false;
    *line = rest;
    return true;
}

static uint64_t take_number(struct span *line)
{
    uint64_t number = 0;

    while (line->len > 0 && line->data[0] != ' ')
        number = 10 * number + (uint64_t)(span_take(line, 1).data[0] - '0');
    REQUIRE(line->len > 1 && number >= 1 && number <= UINT32_MAX);
    (void)span_take(line, 1);
    return number;
}

static void check_entry(const struct unique_id_user *user,
                        const struct unique_id_list *list, struct span line)
{
    uint32_t uid = (uint32_t)take_number(&line);
    const char *id = unique_id_list_get(list, uid);

    REQUIRE(id != NULL && span_equals(line, span_from_string(id)));
    REQUIRE(line.len <= UNIQUE_ID_MAX && unique_id_user_has(user, id));
    for (size_t i = 0; i < line.len; i++)
        REQUIRE(line.data[i] >= 0x21 && line.data[i] <= 0x7e);
}

static void check_map(const struct unique_id_map *map, struct span in)
{
    const struct unique_id_user *user = NULL;
    const struct unique_id_list *list = NULL;

    while (in.len > 0) {
        struct span line = take_line(&in);

        if (take_word(&line, "user ")) {
            user = unique_id_map_find(map, line);
            REQUIRE(user != NULL);
            list = NULL;
        } else if (take_word(&line, "mailbox ")) {
            uint64_t uidvalidity = take_number(&line);

            REQUIRE(user != NULL);
            /* As mailbox_list calls it, whose names are looked up. */
            list = unique_id_user_list(user, imap_mailbox_name_is_inbox(line)
                                                 ? SPAN_LITERAL("INBOX")
                                                 : line);
            REQUIRE(list != NULL);
            REQUIRE(unique_id_list_uidvalidity(list) == uidvalidity);
        } else if (line.len > 0 && line.data[0] != '#') {
            REQUIRE(list != NULL);
            check_entry(user, list, line);
        }
    }
}

static void check_name(struct span in)
{
    struct plus_name name = plus_name_split(in);

    if (name.folder.len == 0) {
        REQUIRE(span_equals(name.before, in) && name.after.len == 0);
        return;
    }
    REQUIRE(name.before.len > 0 &&
            name.before.len + 1 + name.folder.len + name.after.len == in.len);
    REQUIRE(!span_contains(name.before, '+') &&
            !span_contains(name.folder, '@'));
    /* A pattern for all is as good as none; a level that is empty, or dots, is
     * refused nevertheless.
     */
    REQUIRE(plus_name_is_allowed(name.folder, SPAN_LITERAL("x, *")) ==
            plus_name_is_allowed(name.folder, SPAN_LITERAL("")));
    REQUIRE(plus_name_is_allowed(name.folder, SPAN_LITERAL("*")) ||
            span_contains(name.folder, '/') || name.folder.data[0] == '.');
}

static void check_list(struct span in)
{
    struct mailbox_list list;

    if (mailbox_list_parse(&list, in) != NULL) {
        REQUIRE(list.count == 0 && list.names == NULL);
        return;
    }
    REQUIRE(list.count <= MAILBOXES_MAX);
    for (unsigned i = 0; i < list.count; i++)
        for (size_t k = 0; list.names[i].wire[k] != '\0'; k++)
            REQUIRE(list.names[i].wire[k] >= ' ' &&
                    list.names[i].wire[k] <= '~');
    mailbox_list_fini(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span in = fuzz_copy(span_make(data, size));
    struct unique_id_map_error error;
    struct unique_id_map *map = unique_id_map_new(in, &error);

    REQUIRE((map == NULL) == (error.text != NULL));
    if (map != NULL)
        check_map(map, in);
    unique_id_map_free(map);
    check_name(in);
    check_list(in);
    fuzz_drop(in);
    return 0;
}
