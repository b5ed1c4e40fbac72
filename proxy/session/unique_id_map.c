/* unique_id_map.c - see unique_id_map.h. */
#include "session/unique_id_map.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "imap/mailbox_name.h"

struct entry {
    uint32_t uid;
    uint32_t at; /* its unique-id in the text */
};

struct unique_id_list {
    const char *mailbox;
    uint32_t uidvalidity;
    size_t count;
    const struct entry *entries; /* ascending by UID */
    const char *text;
};

struct unique_id_user {
    const char *name;
    struct unique_id_list *lists;
    size_t list_count;
    const char **ids; /* of all its lists, ascending */
    size_t id_count;
};

struct unique_id_map {
    char *text; /* each line ends with a NUL */
    struct unique_id_user *users;
    size_t user_count;
    struct unique_id_list *lists;
    size_t list_count;
    struct entry *entries;
    size_t entry_count;
    const char **ids;
};

enum line_kind {
    LINE_EMPTY,
    LINE_USER,
    LINE_MAILBOX,
    LINE_ENTRY,
    LINE_UNKNOWN,
};

static const char *const not_a_map =
    "is none of `user NAME`, `mailbox UIDVALIDITY NAME`, `UID UNIQUE-ID`";
static const char *const no_memory = "out of memory";

/* --- lines --- */

static struct span take_line(struct span *text)
{
    size_t end = span_find(*text, '\n');
    struct span line = span_take(text, end);

    if (text->len > 0)
        (void)span_take(text, 1);
    if (line.len > 0 && line.data[line.len - 1] == '\r')
        line.len--;
    return line;
}

static bool take_word(struct span *line, const char *word)
{
    struct span expected = span_from_string(word);

    if (line->len < expected.len ||
        memcmp(line->data, expected.data, expected.len) != 0)
        return false;
    (void)span_take(line, expected.len);
    return true;
}

/* What stands behind the keyword is left in |line|. */
static enum line_kind kind_of(struct span *line)
{
    if (line->len == 0 || line->data[0] == '#')
        return LINE_EMPTY;
    if (take_word(line, "user "))
        return LINE_USER;
    if (take_word(line, "mailbox "))
        return LINE_MAILBOX;
    if (line->data[0] >= '1' && line->data[0] <= '9')
        return LINE_ENTRY;
    return LINE_UNKNOWN;
}

/* A number from 1 on, and the blank behind it. */
static bool take_number(struct span *line, uint32_t *number)
{
    struct span digits = span_take(line, span_find(*line, ' '));
    uint64_t value;

    if (line->len == 0 || !span_to_number(digits, UINT32_MAX, &value) ||
        value == 0)
        return false;
    (void)span_take(line, 1);
    *number = (uint32_t)value;
    return true;
}

static bool is_name(struct span name, size_t max)
{
    if (name.len == 0 || name.len > max || !utf8_is_valid(name))
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (name.data[i] < ' ' || name.data[i] == 0x7f)
            return false;
    return true;
}

static bool is_unique_id(struct span id)
{
    for (size_t i = 0; i < id.len; i++)
        if (id.data[i] < 0x21 || id.data[i] > 0x7e)
            return false;
    return id.len > 0 && id.len <= UNIQUE_ID_MAX;
}

/* --- reading --- */

struct reader {
    struct unique_id_map *map;
    struct unique_id_user *user; /* NULL: none yet */
    struct unique_id_list *list; /* NULL: none yet of this user */
};

/* The line is in the map's own text: a NUL may end it. */
static const char *keep(const struct unique_id_map *map, struct span s)
{
    size_t at = (size_t)(s.data - (const unsigned char *)map->text);

    map->text[at + s.len] = '\0';
    return map->text + at;
}

static const char *read_user(struct reader *r, struct span name)
{
    struct unique_id_map *map = r->map;

    if (!is_name(name, UNIQUE_ID_MAP_USER_MAX))
        return "is no name of a user";
    r->user = &map->users[map->user_count++];
    *r->user = (struct unique_id_user){
        .name = keep(map, name),
        .lists = map->lists + map->list_count,
        .ids = map->ids + map->entry_count,
    };
    r->list = NULL;
    return NULL;
}

static const char *read_mailbox(struct reader *r, struct span rest)
{
    struct unique_id_map *map = r->map;
    uint32_t uidvalidity;
    const char *name;

    if (r->user == NULL)
        return "stands before the first `user NAME`";
    if (!take_number(&rest, &uidvalidity) || !is_name(rest, IMAP_MAILBOX_MAX))
        return "is no `mailbox UIDVALIDITY NAME`";
    /* INBOX in any case, as the mailbox is called where it is looked up. */
    name = imap_mailbox_name_is_inbox(rest) ? "INBOX" : keep(map, rest);
    for (size_t i = 0; i < r->user->list_count; i++)
        if (strcmp(r->user->lists[i].mailbox, name) == 0)
            return "names a mailbox that this user has already";
    r->list = &map->lists[map->list_count++];
    r->user->list_count++;
    *r->list = (struct unique_id_list){
        .mailbox = name,
        .uidvalidity = uidvalidity,
        .entries = map->entries + map->entry_count,
        .text = map->text,
    };
    return NULL;
}

static const char *read_entry(struct reader *r, struct span rest)
{
    struct unique_id_map *map = r->map;
    struct unique_id_list *list = r->list;
    const char *id;
    uint32_t uid;

    if (list == NULL)
        return "stands before the first `mailbox UIDVALIDITY NAME`";
    if (!take_number(&rest, &uid) || !is_unique_id(rest))
        return "is no `UID UNIQUE-ID`";
    if (list->count > 0 && list->entries[list->count - 1].uid >= uid)
        return "has a UID that is not greater than the one before";
    id = keep(map, rest);
    map->entries[map->entry_count] =
        (struct entry){ .uid = uid, .at = (uint32_t)(id - map->text) };
    map->ids[map->entry_count++] = id;
    list->count++;
    r->user->id_count++;
    return NULL;
}

static const char *read_line(struct reader *r, struct span line)
{
    switch (kind_of(&line)) {
    case LINE_USER:
        return read_user(r, line);
    case LINE_MAILBOX:
        return read_mailbox(r, line);
    case LINE_ENTRY:
        return read_entry(r, line);
    case LINE_EMPTY:
        return NULL;
    case LINE_UNKNOWN:
        break;
    }
    return not_a_map;
}

/* --- the whole of it --- */

static int compare_ids(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static int compare_users(const void *left, const void *right)
{
    return strcmp(((const struct unique_id_user *)left)->name,
                  ((const struct unique_id_user *)right)->name);
}

static const char *sort_ids(struct unique_id_user *user)
{
    qsort(user->ids, user->id_count, sizeof(*user->ids), compare_ids);
    for (size_t i = 1; i < user->id_count; i++)
        if (strcmp(user->ids[i - 1], user->ids[i]) == 0)
            return "a user has the same unique-id twice";
    return NULL;
}

static const char *sort(struct unique_id_map *map)
{
    const char *wrong = NULL;

    for (size_t i = 0; i < map->user_count && wrong == NULL; i++)
        wrong = sort_ids(&map->users[i]);
    if (wrong != NULL)
        return wrong;
    qsort(map->users, map->user_count, sizeof(*map->users), compare_users);
    for (size_t i = 1; i < map->user_count; i++)
        if (strcmp(map->users[i - 1].name, map->users[i].name) == 0)
            return "a user stands there twice";
    return NULL;
}

/* Room for as many of each as |text| has lines of its kind. */
static bool make_room(struct unique_id_map *map, struct span text)
{
    size_t counts[LINE_UNKNOWN + 1] = { 0 };

    while (text.len > 0) {
        struct span line = take_line(&text);

        counts[kind_of(&line)]++;
    }
    map->users = calloc(counts[LINE_USER] + 1, sizeof(*map->users));
    map->lists = calloc(counts[LINE_MAILBOX] + 1, sizeof(*map->lists));
    map->entries = calloc(counts[LINE_ENTRY] + 1, sizeof(*map->entries));
    map->ids = calloc(counts[LINE_ENTRY] + 1, sizeof(*map->ids));
    return map->users != NULL && map->lists != NULL && map->entries != NULL &&
           map->ids != NULL;
}

static const char *read_all(struct unique_id_map *map, struct span text,
                            size_t *line_number)
{
    struct reader r = { .map = map };
    const char *wrong;

    while (text.len > 0) {
        ++*line_number;
        wrong = read_line(&r, take_line(&text));
        if (wrong != NULL)
            return wrong;
    }
    *line_number = 0;
    return sort(map);
}

static const char *build(struct unique_id_map *map, struct span text,
                         size_t *line_number)
{
    if (text.len > UNIQUE_ID_MAP_OCTETS_MAX)
        return "is too large";
    map->text = malloc(text.len + 1);
    if (map->text == NULL)
        return no_memory;
    if (text.len > 0)
        memcpy(map->text, text.data, text.len);
    map->text[text.len] = '\0';
    text = span_make(map->text, text.len);
    if (!make_room(map, text))
        return no_memory;
    return read_all(map, text, line_number);
}

struct unique_id_map *unique_id_map_new(struct span text,
                                        struct unique_id_map_error *error)
{
    struct unique_id_map *map = calloc(1, sizeof(*map));

    error->line = 0;
    error->text = map != NULL ? build(map, text, &error->line) : no_memory;
    if (error->text == NULL)
        return map;
    unique_id_map_free(map);
    return NULL;
}

void unique_id_map_free(struct unique_id_map *map)
{
    if (map == NULL)
        return;
    free(map->text);
    free(map->users);
    free(map->lists);
    free(map->entries);
    free(map->ids);
    free(map);
}

/* --- looking up --- */

/* As strcmp: |name| is the client's. */
static int compare_name(struct span name, const char *other)
{
    size_t length = strlen(other);
    int order = memcmp(name.data, other, name.len < length ? name.len : length);

    return order != 0 ? order : (name.len > length) - (name.len < length);
}

const struct unique_id_user *unique_id_map_find(const struct unique_id_map *map,
                                                struct span name)
{
    size_t low = 0;
    size_t high = map != NULL && name.len > 0 ? map->user_count : 0;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_name(name, map->users[middle].name);

        if (order == 0)
            return &map->users[middle];
        if (order > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

bool unique_id_user_has(const struct unique_id_user *user, const char *id)
{
    return bsearch(&id, user->ids, user->id_count, sizeof(*user->ids),
                   compare_ids) != NULL;
}

const struct unique_id_list *unique_id_user_list(
    const struct unique_id_user *user, struct span mailbox)
{
    for (size_t i = 0; i < user->list_count; i++)
        if (span_equals(mailbox, span_from_string(user->lists[i].mailbox)))
            return &user->lists[i];
    return NULL;
}

uint32_t unique_id_list_uidvalidity(const struct unique_id_list *list)
{
    return list->uidvalidity;
}

const char *unique_id_list_get(const struct unique_id_list *list, uint32_t uid)
{
    size_t low = 0;
    size_t high = list->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct entry *entry = &list->entries[middle];

        if (entry->uid == uid)
            return list->text + entry->at;
        if (entry->uid < uid)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
