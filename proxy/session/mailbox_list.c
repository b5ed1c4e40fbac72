/* mailbox_list.c - see mailbox_list.h. */
#include "session/mailbox_list.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "imap/command.h"
#include "imap/mailbox_name.h"
#include "session/unique_id.h"

static struct span trim(struct span s)
{
    while (s.len > 0 && (s.data[0] == ' ' || s.data[0] == '\t'))
        (void)span_take(&s, 1);
    while (s.len > 0 && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/* Splits off what stands before the next comma. False: there is nothing left.
 */
static bool take_item(struct span *rest, struct span *item)
{
    if (rest->data == NULL)
        return false;
    *item = trim(span_take(rest, span_find(*rest, ',')));
    if (rest->len > 0)
        (void)span_take(rest, 1); /* the comma */
    else
        *rest = (struct span){ NULL, 0 };
    return true;
}

bool mailbox_name_set(struct mailbox_name *name, struct span text)
{
    const struct imap_capabilities none = { 0 };
    struct buf wire;
    bool good;

    if (imap_mailbox_name_is_inbox(text))
        text = SPAN_LITERAL("INBOX");
    buf_init(&wire, IMAP_MAILBOX_MAX);
    good = text.len > 0 && text.len <= IMAP_MAILBOX_MAX &&
           imap_mailbox_name_encode(&wire, text) &&
           imap_mailbox_is_writable(buf_span(&wire), none);
    *name = (struct mailbox_name){ .text = "" };
    if (good) {
        memcpy(name->text, text.data, text.len);
        memcpy(name->wire, buf_span(&wire).data, buf_length(&wire));
    }
    buf_fini(&wire);
    return good;
}

/* Where both revisions are offered the first one holds: we never ENABLE. */
struct span mailbox_name_for(const struct mailbox_name *name,
                             struct imap_capabilities caps)
{
    bool is_first = imap_capabilities_have(caps, IMAP_CAP_IMAP4REV1);

    return span_from_string(is_first ? name->wire : name->text);
}

/* --- the list of a configuration --- */

unsigned mailbox_list_count(const struct mailbox_list *list)
{
    return list->count > 0 ? list->count : 1;
}

const struct mailbox_name *mailbox_list_name(const struct mailbox_list *list,
                                             unsigned i)
{
    static const struct mailbox_name inbox = { "INBOX", "INBOX" };

    assert(i < mailbox_list_count(list));
    return list->count > 0 ? &list->names[i] : &inbox;
}

/* With what would make two messages look the same. */
static const char *find_twin(const struct mailbox_list *list, const char *name)
{
    uint32_t mark = unique_id_mailbox_mark(span_from_string(name));

    for (unsigned i = 0; i < list->count; i++) {
        const char *other = list->names[i].text;

        if (strcmp(name, other) == 0)
            return "names a mailbox twice";
        if (mark == unique_id_mailbox_mark(span_from_string(other)))
            return "names two mailboxes whose unique-ids could be the same";
    }
    return NULL;
}

static const char *add(struct mailbox_list *list, struct span text)
{
    struct mailbox_name name;
    const char *wrong;

    if (list->count == MAILBOXES_MAX)
        return "names too many mailboxes";
    if (!mailbox_name_set(&name, text))
        return "has a name that is empty, too long, or not UTF-8";
    wrong = find_twin(list, name.text);
    if (wrong == NULL)
        list->names[list->count++] = name;
    return wrong;
}

const char *mailbox_list_parse(struct mailbox_list *list, struct span text)
{
    const char *wrong = NULL;
    struct span item;

    *list = (struct mailbox_list){ .names = NULL };
    text = trim(text);
    if (text.len == 0)
        return NULL;
    list->names = calloc(MAILBOXES_MAX, sizeof(*list->names));
    if (list->names == NULL)
        return "out of memory";
    while (wrong == NULL && take_item(&text, &item))
        wrong = add(list, item);
    if (wrong != NULL)
        mailbox_list_fini(list);
    return wrong;
}

const char *mailbox_list_set(struct mailbox_list *list, struct span name)
{
    const char *wrong;

    *list = (struct mailbox_list){ .count = 0 };
    list->names = calloc(1, sizeof(*list->names));
    wrong = list->names != NULL ? add(list, name) : "out of memory";
    if (wrong != NULL)
        mailbox_list_fini(list);
    return wrong;
}

bool mailbox_list_copy(struct mailbox_list *to, const struct mailbox_list *from)
{
    *to = (struct mailbox_list){ .count = 0 };
    if (from->count == 0)
        return true;
    to->names = calloc(from->count, sizeof(*to->names));
    if (to->names == NULL)
        return false;
    memcpy(to->names, from->names, from->count * sizeof(*to->names));
    to->count = from->count;
    return true;
}

void mailbox_list_fini(struct mailbox_list *list)
{
    free(list->names);
    *list = (struct mailbox_list){ .names = NULL };
}

/* --- the folder in a login --- */

struct plus_name plus_name_split(struct span given)
{
    struct plus_name name = { .before = given };
    struct span rest = given;

    name.before = span_take(&rest, span_find(rest, '+'));
    if (rest.len < 2 || name.before.len == 0)
        return (struct plus_name){ .before = given };
    (void)span_take(&rest, 1);
    name.folder = span_take(&rest, span_find(rest, '@'));
    name.after = rest;
    if (name.folder.len == 0)
        return (struct plus_name){ .before = given };
    return name;
}

/* `*` matches as little as it can at first, and more where that fails: only the
 * last one need be thought of again.
 */
static bool matches(struct span s, struct span pattern)
{
    size_t at = 0;
    size_t in = 0;
    size_t star = pattern.len; /* of the last `*`; none yet */
    size_t held = 0;           /* what it has taken ends here */

    while (at < s.len) {
        if (in < pattern.len && pattern.data[in] == '*') {
            star = in++;
            held = at;
        } else if (in < pattern.len && pattern.data[in] == s.data[at]) {
            in++;
            at++;
        } else if (star < pattern.len) {
            in = star + 1;
            at = ++held;
        } else {
            return false;
        }
    }
    while (in < pattern.len && pattern.data[in] == '*')
        in++;
    return in == pattern.len;
}

/* On a server whose mailboxes are files such a level would lead out of what a
 * pattern allows, or of the user's own; and `Archive/` may be Archive itself
 * (Cyrus), where a pattern names only what is below it.
 */
static bool has_odd_level(struct span folder)
{
    struct span level;

    for (;;) {
        level = span_take(&folder, span_find(folder, '/'));
        if (level.len == 0 || span_equals(level, SPAN_LITERAL(".")) ||
            span_equals(level, SPAN_LITERAL("..")))
            return true;
        if (folder.len == 0)
            return false;
        (void)span_take(&folder, 1); /* the slash */
    }
}

bool plus_name_is_allowed(struct span folder, struct span allowed)
{
    struct span pattern;

    if (has_odd_level(folder))
        return false;
    if (imap_mailbox_name_is_inbox(folder))
        folder = SPAN_LITERAL("INBOX");
    allowed = trim(allowed);
    if (allowed.len == 0)
        return true;
    while (take_item(&allowed, &pattern))
        if (matches(folder, pattern))
            return true;
    return false;
}
