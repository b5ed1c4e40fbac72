/* The model server's commands: what it does and what it says. */
#include "support/model_imap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROLL(m, n) random_below((m)->random, (n))

void model_tagged(struct model_imap *m, const char *tag, const char *answer)
{
    model_say_late(m);
    model_say(m, "%s %s\r\n", tag, answer);
}

void model_say_late(struct model_imap *m)
{
    struct span late = buf_span(&m->late);

    model_say_octets(m, late.data, late.len);
    buf_clear(&m->late);
}

void model_tagged_limited(struct model_imap *m, const char *tag,
                          uint32_t lowest)
{
    if (lowest == 0)
        model_tagged(m, tag, "OK done");
    else
        model_say(m, "%s OK [MESSAGELIMIT %u %u] some done\r\n", tag,
                  m->traits->message_limit, (unsigned)lowest);
}

/* What `*` stands for (RFC 9051 §9, seq-number). */
static uint32_t last_uid(const struct model_imap *m)
{
    uint32_t last = 0;

    for (size_t i = 0; i < m->box->count; i++)
        if (!m->box->messages[i].gone)
            last = m->box->messages[i].uid;
    return last;
}

bool model_set_has(const struct model_imap *m, const char *set, uint32_t uid)
{
    char *end;

    for (;;) {
        unsigned long first = strtoul(set, &end, 10);
        unsigned long last = first;

        if (*end == ':' && end[1] == '*') {
            last = last_uid(m);
            end += 2;
        } else if (*end == ':') {
            last = strtoul(end + 1, &end, 10);
        }
        if (uid >= (first < last ? first : last) &&
            uid <= (first < last ? last : first))
            return true;
        if (*end != ',')
            return false;
        set = end + 1;
    }
}

/* --- After login --- */

static void on_id(struct model_imap *m, const char *tag, const char *arguments)
{
    if (!m->traits->id || arguments[0] != '(' || arguments[1] == ')')
        model_violation(m, "ID not offered, or empty");
    if (ROLL(m, 4) == 0) {
        model_tagged(m, tag, "NO we dislike it");
        return;
    }
    model_say(m, "* ID (\"name\" NIL \"x\" {3}\r\na\"b)\r\n");
    model_tagged(m, tag, "OK done");
}

/* Asked for or not, but true only where it was asked for. */
static void say_modseq(struct model_imap *m)
{
    if (m->condstore && m->traits->nomodseq)
        model_say(m, "* OK [NOMODSEQ] none\r\n");
    else if (m->condstore)
        model_say(m, "* OK [HIGHESTMODSEQ %llu] x\r\n",
                  (unsigned long long)m->box->modseq);
    else if (m->traits->condstore)
        model_say(m, "* OK [HIGHESTMODSEQ 90060115205545359] x\r\n");
}

static void say_select_item(struct model_imap *m, unsigned item)
{
    const struct model_traits *t = m->traits;

    switch (item) {
    case 0:
        model_say(m, "* FLAGS (\\Seen \\Deleted $x)\r\n");
        break;
    case 1:
        model_say(m, "*%s%zu EXISTS\r\n", ROLL(m, 8) == 0 ? "  " : " ",
                  model_mailbox_living(m->box));
        break;
    case 2:
        model_say(m, "* OK [UIDVALIDITY %u] valid\r\n",
                  (unsigned)m->box->uidvalidity);
        break;
    case 3:
        if (ROLL(m, 4) != 0)
            model_say(m, "* OK [UIDNEXT %u]\r\n", (unsigned)m->box->uid_next);
        break;
    case 4:
        if (t->no_deleted_flag)
            model_say(m, "* OK [PERMANENTFLAGS (\\Seen)] few\r\n");
        else if (t->no_keywords)
            model_say(m, "* OK [PERMANENTFLAGS (\\Deleted \\Seen)] ok\r\n");
        else if (ROLL(m, 4) != 0)
            model_say(m, "* OK [PERMANENTFLAGS (\\Deleted \\Seen \\*)] ok\r\n");
        break;
    case 5:
        say_modseq(m);
        break;
    case 6:
        if (t->uid_not_sticky)
            model_say(m, "* NO [UIDNOTSTICKY] new ones each time\r\n");
        break;
    }
}

/* Anything, where CLOSED says up to where it goes. */
static void say_of_the_old_view(struct model_imap *m)
{
    static const char *const said[] = { "* 99 EXISTS",
                                        "* OK [UIDVALIDITY 7] once",
                                        "* OK [READ-ONLY] once",
                                        "* OK [PERMANENTFLAGS ()] once",
                                        "* NO [UIDNOTSTICKY] once",
                                        "* OK [UIDNEXT 7] once",
                                        "* OK [HIGHESTMODSEQ 7] once",
                                        "* 1 FETCH (FLAGS (\\Deleted))" };

    if (!m->traits->rev2_only && ROLL(m, 2) == 0) {
        if (ROLL(m, 4) == 0)
            model_say(m, "* OK [READ-ONLY] once\r\n");
        return;
    }
    for (unsigned n = (unsigned)ROLL(m, 4); n > 0; n--)
        model_say(m, "%s\r\n", said[ROLL(m, ARRAY_LENGTH(said))]);
    model_say(m, "* OK [CLOSED] the one before\r\n");
}

/* The name is taken off; 0: INBOX, or what is wrong is left. */
static unsigned find_box(const char **arguments)
{
    const char *second = "\"" MODEL_SECOND "\"";

    if (strncmp(*arguments, second, strlen(second)) == 0) {
        *arguments += strlen(second);
        return 1;
    }
    if (strncmp(*arguments, "INBOX", 5) == 0)
        *arguments += 5;
    return 0;
}

static void on_select(struct model_imap *m, const char *tag,
                      const char *arguments)
{
    unsigned first = (unsigned)ROLL(m, 7);
    unsigned at = find_box(&arguments);

    m->condstore = strcmp(arguments, " (CONDSTORE)") == 0;
    if (!m->condstore && arguments[0] != '\0')
        model_violation(m, "SELECT of something else");
    if (m->boxes[at] == NULL)
        model_violation(m, "SELECT of what is not there");
    if (m->selected && !m->rested && at == m->at)
        model_violation(m, "SELECT of what is selected");
    if (m->condstore && !m->traits->condstore)
        model_violation(m, "CONDSTORE where it is not offered");
    if (m->condstore && m->traits->condstore_bad) {
        m->selected = false;
        model_tagged(m, tag, "BAD no parameters");
        return;
    }
    if (m->selected || ROLL(m, 8) == 0) /* the last as if it had been */
        say_of_the_old_view(m);
    m->at = at;
    m->box = m->boxes[at];
    for (unsigned i = 0; i < 7; i++)
        say_select_item(m, (first + i) % 7);
    m->selected = true;
    m->rested = false;
    m->revalidated = false; /* that was said of the one before */
    m->searched = false;
    m->opened[m->at].view_searched = m->opened[m->at].by_second = false;
    m->opened[m->at].listed_count = 0;
    m->opened[m->at].asked_for_all = m->opened[m->at].asked_for_changes = false;
    m->opened[m->at].asked_for_parts = 0;
    model_view(m);
    m->told = model_mailbox_living(m->box);
    model_tagged(m, tag,
                 m->traits->read_only ? "OK [READ-ONLY] in"
                                      : "OK [READ-WRITE] in");
}

static void on_noop(struct model_imap *m, const char *tag,
                    const char *arguments)
{
    (void)arguments;
    model_say_unasked(m);
    model_tagged(m, tag, "OK done");
}

static void on_logout(struct model_imap *m, const char *tag,
                      const char *arguments)
{
    (void)arguments;
    model_say(m, "* BYE bye\r\n");
    model_tagged(m, tag, "OK out");
    m->closing = true;
}

/* --- Dispatch --- */

enum needs {
    NEEDS_NOTHING,
    NEEDS_LOGIN,
    NEEDS_SELECT,
};

static const struct model_verb {
    const char *name;
    enum needs needs;
    bool changes; /* the mailbox */
    model_handler *run;
} verbs[] = {
    { "CAPABILITY", NEEDS_NOTHING, false, model_on_capability },
    { "STARTTLS", NEEDS_NOTHING, false, model_on_starttls },
    { "AUTHENTICATE ", NEEDS_NOTHING, false, model_on_authenticate },
    { "LOGIN ", NEEDS_NOTHING, false, model_on_login },
    { "NOOP", NEEDS_NOTHING, false, on_noop },
    { "LOGOUT", NEEDS_NOTHING, false, on_logout },
    { "ID ", NEEDS_LOGIN, false, on_id },
    { "SELECT ", NEEDS_LOGIN, false, on_select },
    { "UID FETCH ", NEEDS_SELECT, false, model_fetch },
    { "UID STORE ", NEEDS_SELECT, true, model_on_store },
    { "UID EXPUNGE ", NEEDS_SELECT, true, model_on_uid_expunge },
    { "EXPUNGE", NEEDS_SELECT, true, model_on_expunge },
    { "UID MOVE ", NEEDS_SELECT, true, model_on_move },
    { "UID COPY ", NEEDS_SELECT, false, model_on_copy },
    { "LIST ", NEEDS_SELECT, false, model_on_list },
    { "UID SEARCH ", NEEDS_SELECT, false, model_on_search },
};

static const struct model_verb *find_verb(const char *text)
{
    for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++) {
        if (strncmp(text, verbs[i].name, strlen(verbs[i].name)) == 0)
            return &verbs[i];
    }
    return NULL;
}

static bool is_login(const struct model_verb *verb)
{
    return verb->run == model_on_authenticate || verb->run == model_on_login;
}

static void answer_no(struct model_imap *m, const struct model_verb *verb,
                      const char *tag)
{
    static const char *const answers[] = {
        "NO",
        "NO [SERVERBUG] x",
        "NO [UNAVAILABLE] x",
        "NO [INUSE] x",
        "NO [NOPERM] x",
        "NO [CANNOT] x",
        "NO [NONEXISTENT] x",
        "NO [LIMIT] x",
        "BAD x",
        "NO [CLIENTBUG] x",
        "NO [EXPUNGEISSUED] x",
        "NO [TRYCREATE] x",
    };
    const char *answer = answers[ROLL(m, ARRAY_LENGTH(answers))];

    if (is_login(verb)) {
        model_refuse_login(m, tag, MODEL_REFUSALS_ALL);
        return;
    }
    if (verb->run == on_select)
        m->selected = false;
    if (verb->run == on_select && strstr(answer, "INUSE") != NULL)
        m->in_use = true;
    model_tagged(m, tag, answer);
}

/* Something goes wrong. True: and the command is not carried out. */
static bool go_wrong(struct model_imap *m, const struct model_verb *verb,
                     const char *tag, const char *arguments)
{
    m->faults++;
    switch (ROLL(m, 8)) {
    case 0:
        model_say(m, "* BYE going\r\n");
        m->closing = true;
        return true;
    case 1:
        m->silent = true;
        return true;
    case 2:
        m->cut = true;
        return true;
    case 3:
        model_say(m, "Server Unavailable.\r\n");
        m->closing = true;
        return true;
    case 4: /* done, but the answer is lost */
        verb->run(m, tag, arguments);
        m->cut = true;
        return true;
    case 5:
        if (!model_do_in_part(m, tag, arguments, verb->run))
            answer_no(m, verb, tag);
        return true;
    default:
        answer_no(m, verb, tag);
        return true;
    }
}

static void check_state(struct model_imap *m, const struct model_verb *verb)
{
    bool again = (m->rested || m->boxes[1] != NULL) && verb->run == on_select;

    if (verb->needs == NEEDS_LOGIN &&
        (!m->authenticated || (m->selected && !again)))
        model_violation(m, "a command in the wrong state");
    if (verb->needs == NEEDS_SELECT && !m->selected)
        model_violation(m, "a command that needs a mailbox");
}

static void run_command(struct model_imap *m, char *text)
{
    char *name = strchr(text, ' ');
    const struct model_verb *verb;
    const char *arguments;

    if (name == NULL) {
        model_violation(m, "a tag without a command");
        return;
    }
    *name++ = '\0';
    verb = find_verb(name);
    if (verb == NULL) {
        model_violation(m, "a command that is never needed");
        return;
    }
    check_state(m, verb);
    if (m->violation != NULL)
        return;
    if (m->selected && model_chance(m, m->traits->unasked))
        model_say_unasked(m);
    arguments = name + strlen(verb->name);
    if (m->revalidated && verb->changes) {
        model_tagged(m, text, "NO the mailbox is another");
        return;
    }
    if (model_chance(m, m->traits->fault) && go_wrong(m, verb, text, arguments))
        return;
    verb->run(m, text, arguments);
}

/* Only what waits for a handshake may still say nothing. */
static void run_command_part(struct model_imap *m, char *text)
{
    run_command(m, text);
    if (m->mode == MODEL_BLOCKED && (m->trusted || !m->accepted_tls))
        m->mode = MODEL_READ_LINE;
}

static void run_literal(struct model_imap *m)
{
    if (model_chance(m, m->traits->fault)) {
        m->faults++;
        m->open.text[strcspn(m->open.text, " ")] = '\0';
        model_refuse_login(m, m->open.text, MODEL_REFUSALS_ALL);
        m->last_tag = (uint32_t)strtoul(m->open.text + 1, NULL, 10);
        m->open.len = m->open.literal_end = 0;
        m->mode = MODEL_READ_LINE;
        return;
    }
    model_say(m, "+ go on\r\n");
    m->mode = m->literal_left > 0 ? MODEL_READ_LITERAL : MODEL_READ_LINE;
}

void model_imap_run(struct model_imap *m, struct model_command *command)
{
    char tag[16];

    if (command == NULL) {
        model_greet(m);
        return;
    }
    switch (command->part) {
    case MODEL_PART_COMMAND:
        run_command_part(m, command->text);
        break;
    case MODEL_PART_LITERAL:
        run_literal(m);
        break;
    case MODEL_PART_SASL:
        snprintf(tag, sizeof(tag), "A%u", (unsigned)m->last_tag);
        model_on_response(m, tag, command->text);
        break;
    }
}
