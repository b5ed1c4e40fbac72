/* The model server's commands that change a mailbox, and what goes with them.
 */
#include <string.h>

#include "support/model_imap.h"

#define ROLL(m, n) random_below((m)->random, (n))

static void say_expunged(struct model_imap *m, size_t index)
{
    size_t number = 1;

    for (size_t i = 0; i < index; i++)
        number += !m->box->messages[i].gone;
    model_say(m, "* %zu EXPUNGE\r\n", number);
    if (m->told > 0)
        m->told--;
}

/* How many messages one command may touch: RFC 9738, or a fault. */
static size_t quota(const struct model_imap *m)
{
    return m->traits->message_limit == 0 ? SIZE_MAX : m->traits->message_limit;
}

static const struct {
    const char *flags;
    enum model_event_kind event;
} stores[] = {
    { " +FLAGS.SILENT (\\Deleted)", MODEL_STORED_DELETED },
    { " +FLAGS.SILENT (\\Seen)", MODEL_STORED_SEEN },
    { " +FLAGS.SILENT (" MODEL_KEYWORD ")", MODEL_STORED_KEYWORD },
};

static void set_flag(struct model_imap *m, size_t index,
                     enum model_event_kind event)
{
    struct model_message *message = &m->box->messages[index];

    model_event(m, event, index);
    message->deleted = message->deleted || event == MODEL_STORED_DELETED;
    message->seen = message->seen || event == MODEL_STORED_SEEN;
    message->has_keyword =
        message->has_keyword || event == MODEL_STORED_KEYWORD;
    model_mailbox_touch(m->box, message);
}

static enum model_event_kind kind_of_store(struct model_imap *m,
                                           const char *arguments)
{
    const char *flags = strchr(arguments, ' ');

    for (size_t i = 0; i < ARRAY_LENGTH(stores); i++)
        if (flags != NULL && strcmp(flags, stores[i].flags) == 0)
            return stores[i].event;
    model_violation(m, "STORE of something else");
    return MODEL_STORED_SEEN;
}

static uint32_t store(struct model_imap *m, const char *arguments, size_t left)
{
    enum model_event_kind event = kind_of_store(m, arguments);

    for (size_t i = m->box->count; i-- > 0 && left > 0;) {
        const struct model_message *message = &m->box->messages[i];

        if (message->gone || !model_set_has(m, arguments, message->uid))
            continue;
        set_flag(m, i, event);
        if (--left == 0)
            return message->uid;
    }
    return 0;
}

void model_on_store(struct model_imap *m, const char *tag,
                    const char *arguments)
{
    model_tagged_limited(m, tag, store(m, arguments, quota(m)));
}

/* Removes what is flagged and in |set| (NULL: whatever is flagged). */
static uint32_t expunge(struct model_imap *m, const char *set, size_t left)
{
    uint32_t lowest = 0;

    for (size_t i = m->box->count; i-- > 0;) {
        struct model_message *message = &m->box->messages[i];

        if (message->gone || !message->deleted ||
            (set != NULL && !model_set_has(m, set, message->uid)))
            continue;
        if (left == 0)
            return lowest;
        model_event(m, MODEL_EXPUNGED, i);
        say_expunged(m, i);
        message->gone = true;
        model_mailbox_note_expunge(m->box);
        lowest = message->uid;
        left--;
    }
    return 0;
}

void model_on_uid_expunge(struct model_imap *m, const char *tag,
                          const char *arguments)
{
    if (!m->traits->uidplus)
        model_violation(m, "UID EXPUNGE without UIDPLUS");
    model_tagged_limited(m, tag, expunge(m, arguments, quota(m)));
}

void model_on_expunge(struct model_imap *m, const char *tag,
                      const char *arguments)
{
    (void)arguments;
    if (m->traits->uidplus)
        model_violation(m, "EXPUNGE where UID EXPUNGE would do");
    model_tagged_limited(m, tag, expunge(m, NULL, quota(m)));
}

/* --- The trash --- */

static bool is_for_trash(struct model_imap *m, const char *arguments)
{
    const char *name = strchr(arguments, ' ');

    if (name == NULL || strcmp(name, " \"" MODEL_TRASH "\"") != 0)
        model_violation(m, "COPY or MOVE to somewhere else");
    return !m->traits->no_trash;
}

static bool copies(struct model_imap *m, const char *set, size_t i)
{
    const struct model_message *message = &m->box->messages[i];

    return !message->gone && model_set_has(m, set, message->uid);
}

/* RFC 4315 §3: in the order of the source, and copies that have any UIDs. */
static void say_copyuid(struct model_imap *m, const char *set, size_t left)
{
    size_t count = 0;

    model_say(m, "[COPYUID 9 ");
    for (size_t i = 0; i < m->box->count && count < left; i++)
        if (copies(m, set, i))
            model_say(m, "%s%u", count++ > 0 ? "," : "",
                      (unsigned)m->box->messages[i].uid);
    model_say(m, " 1:%zu] ", count);
}

static size_t count_copies(struct model_imap *m, const char *set)
{
    size_t count = 0;

    for (size_t i = 0; i < m->box->count; i++)
        count += copies(m, set, i);
    return count;
}

static void copy(struct model_imap *m, const char *set, size_t left)
{
    for (size_t i = 0; i < m->box->count && left > 0; i++) {
        if (!copies(m, set, i))
            continue;
        model_event(m, MODEL_COPIED, i);
        m->box->messages[i].in_trash = true;
        left--;
    }
}

/* RFC 9738 §3: all or nothing. */
void model_on_copy(struct model_imap *m, const char *tag, const char *arguments)
{
    size_t count = count_copies(m, arguments);

    if (!is_for_trash(m, arguments)) {
        model_tagged(m, tag, "NO [TRYCREATE] gone");
        return;
    }
    if (count > quota(m)) {
        model_say(m, "%s NO [MESSAGELIMIT %u] too many\r\n", tag,
                  m->traits->message_limit);
        return;
    }
    model_say(m, "%s OK ", tag);
    if (count > 0 && m->traits->uidplus && ROLL(m, 4) != 0) {
        /* Fewer than were asked for, and it says which. */
        if (ROLL(m, 4) == 0)
            count = 1 + ROLL(m, count);
        say_copyuid(m, arguments, count);
    }
    model_say(m, "done\r\n");
    copy(m, arguments, count);
}

static uint32_t move(struct model_imap *m, const char *set, size_t left)
{
    uint32_t lowest = 0;

    for (size_t i = m->box->count; i-- > 0;) {
        struct model_message *message = &m->box->messages[i];

        if (!copies(m, set, i))
            continue;
        if (left == 0)
            return lowest;
        model_event(m, MODEL_COPIED, i);
        message->in_trash = true;
        model_event(m, MODEL_EXPUNGED, i);
        say_expunged(m, i);
        message->gone = true;
        model_mailbox_note_expunge(m->box);
        lowest = message->uid;
        left--;
    }
    return 0;
}

void model_on_move(struct model_imap *m, const char *tag, const char *arguments)
{
    if (!m->traits->move)
        model_violation(m, "MOVE where it is not offered");
    if (!is_for_trash(m, arguments)) {
        model_tagged(m, tag, "NO [TRYCREATE] gone");
        return;
    }
    model_tagged_limited(m, tag, move(m, arguments, quota(m)));
}

void model_on_list(struct model_imap *m, const char *tag, const char *arguments)
{
    bool special = strcmp(arguments, "(SPECIAL-USE) \"\" \"*\"") == 0;

    if (special && !m->traits->special_use)
        model_violation(m, "SPECIAL-USE where it is not offered");
    if (!special && strcmp(arguments, "\"\" \"*\"") != 0)
        model_violation(m, "LIST of something else");
    if (!special)
        model_say(m, "* LIST (\\HasNoChildren) \"/\" INBOX\r\n"
                     "* LIST () NIL {3}\r\na\"b\r\n");
    if (!m->traits->no_trash)
        model_say(m, "* LIST (\\Trash) \"/\" \"" MODEL_TRASH "\"\r\n");
    model_tagged(m, tag, "OK done");
}

/* --- What goes wrong --- */

bool model_do_in_part(struct model_imap *m, const char *tag,
                      const char *arguments, model_handler *run)
{
    size_t some = ROLL(m, 3);

    if (run == model_on_uid_expunge) {
        (void)expunge(m, arguments, some);
    } else if (run == model_on_move) {
        (void)move(m, arguments, some);
    } else if (run == model_on_store) {
        (void)store(m, arguments, some);
    }
    if ((run != model_on_store && run != model_on_move) || ROLL(m, 2) == 0)
        return false;
    model_tagged(m, tag, "OK as if all were done");
    return true;
}
