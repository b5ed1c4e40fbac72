/* The model server's SEARCH: what is flagged, before an EXPUNGE, or what a session
 * is to see.
 */
#include <stdlib.h>
#include <string.h>

#include "support/model_imap.h"

/* What was asked for; all of it must be met. */
struct wanted {
    bool deleted;
    bool unseen;
    bool chosen;
    bool not_kept;
    uint32_t since;     /* a day since 1970 */
    uint64_t younger_s; /* 0: of any age */
    uint32_t last_uid;
};

/* RFC 9051 §9 date, as days since 1970: `1-Feb-2026`. 0: it is none. */
static uint32_t parse_date(const char *text, char **end)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    static const unsigned before[] = { 0,   31,  59,  90,  120, 151,
                                       181, 212, 243, 273, 304, 334 };
    unsigned long day = strtoul(text, end, 10);
    unsigned long year, leaps;
    char name[4] = "";
    const char *month;

    if (day == 0 || **end != '-' || strlen(*end) < 9)
        return 0;
    memcpy(name, *end + 1, 3);
    month = strstr(months, name);
    year = strtoul(*end + 5, end, 10);
    if (month == NULL || year < 1970)
        return 0;
    leaps = (year - 1969) / 4; /* no session is in 2100 */
    if (year % 4 == 0 && month - months > 3)
        leaps++;
    return (uint32_t)((year - 1970) * 365 + leaps +
                      before[(month - months) / 3] + day - 1);
}

static bool skip(const char **text, const char *word)
{
    size_t length = strlen(word);

    if (strncmp(*text, word, length) != 0)
        return false;
    *text += length;
    *text += **text == ' ';
    return true;
}

static bool parse_key(const char **text, struct wanted *w)
{
    char *end;

    if (skip(text, "DELETED"))
        return w->deleted = true;
    if (skip(text, "UNSEEN"))
        return w->unseen = true;
    if (skip(text, "KEYWORD " MODEL_CHOSEN))
        return w->chosen = true;
    if (skip(text, "UNKEYWORD " MODEL_KEYWORD))
        return w->not_kept = true;
    if (skip(text, "SINCE ")) {
        w->since = parse_date(*text, &end);
    } else if (skip(text, "YOUNGER ")) {
        w->younger_s = strtoull(*text, &end, 10);
    } else if (skip(text, "UID 1:")) {
        w->last_uid = (uint32_t)strtoul(*text, &end, 10);
    } else {
        return false;
    }
    *text = end + (*end == ' ');
    return w->since > 0 || w->last_uid > 0 || w->younger_s > 0;
}

static struct wanted parse_search(struct model_imap *m, const char *text,
                                  bool *with_return)
{
    struct wanted w = { .last_uid = UINT32_MAX };
    unsigned keys = 0;

    *with_return = skip(&text, "RETURN (ALL)");
    if (*with_return && !m->traits->esearch)
        model_violation(m, "RETURN where it is not offered");
    while (*text != '\0' && parse_key(&text, &w))
        keys++;
    if (*text != '\0' || keys == 0 || (w.deleted && keys > 1))
        model_violation(m, "SEARCH for something else");
    if (w.younger_s > 0 && !m->traits->within)
        model_violation(m, "YOUNGER where it is not offered");
    if (w.since > 0 && m->traits->within && m->faults == 0)
        model_violation(m, "SINCE where YOUNGER is offered");
    if (!w.deleted && m->traits->esearch && !*with_return && m->faults == 0)
        model_violation(m, "SEARCH without RETURN where it is offered");
    return w;
}

static bool is_found(const struct model_imap *m,
                     const struct model_message *message,
                     const struct wanted *w)
{
    return !message->gone && message->uid <= w->last_uid &&
           (!w->deleted || message->deleted) &&
           (!w->unseen || !message->seen) && (!w->chosen || message->chosen) &&
           (!w->not_kept || !message->has_keyword) &&
           message->day >= w->since &&
           (w->younger_s == 0 ||
            model_message_came_s(message) + w->younger_s >= m->traits->unix_s);
}

/* The lowest UID that is looked at: RFC 9738; 1: all of them are. */
static uint32_t limit(const struct model_imap *m, const struct wanted *w)
{
    unsigned left = m->traits->message_limit;

    if (left == 0 || w->deleted)
        return 1;
    for (size_t i = m->box->count; i-- > 0;) {
        const struct model_message *message = &m->box->messages[i];

        if (!message->gone && message->uid <= w->last_uid && --left == 0)
            return message->uid;
    }
    return 1;
}

static void say_found(struct model_imap *m, const struct wanted *w,
                      uint32_t lowest, const char *between, const char *then)
{
    for (size_t i = 0; i < m->box->count; i++) {
        const struct model_message *message = &m->box->messages[i];

        if (message->uid < lowest || !is_found(m, message, w))
            continue;
        model_say(m, "%s%u", between, (unsigned)message->uid);
        between = then;
    }
    model_say(m, "\r\n");
}

void model_on_search(struct model_imap *m, const char *tag,
                     const char *arguments)
{
    bool with_return;
    struct wanted w = parse_search(m, arguments, &with_return);
    uint32_t lowest = limit(m, &w);

    if (w.deleted) {
        m->searched = true;
        m->searched_at = m->box->changes;
    } else {
        m->opened[m->at].view_searched = true;
        m->opened[m->at].by_second = w.younger_s > 0;
    }
    if (with_return || m->traits->rev2_only) {
        model_say(m, "* ESEARCH (TAG \"%s\") UID", tag);
        say_found(m, &w, lowest, " ALL ", ",");
    } else {
        model_say(m, "* SEARCH");
        say_found(m, &w, lowest, " ", " ");
    }
    model_tagged_limited(m, tag, lowest > 1 ? lowest : 0);
}
