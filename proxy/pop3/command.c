#include "pop3/command.h"

#include <assert.h>

#define ANY_NUMBER UINT32_MAX

static const struct {
    const char *name;
    unsigned least, most; /* words behind the keyword */
} verbs[POP3_VERB_COUNT] = {
    [POP3_USER] = { "USER", 1, ANY_NUMBER },
    [POP3_PASS] = { "PASS", 0, ANY_NUMBER },
    [POP3_AUTH] = { "AUTH", 1, 2 },
    [POP3_APOP] = { "APOP", 2, 2 },
    [POP3_CAPA] = { "CAPA", 0, 0 },
    [POP3_STLS] = { "STLS", 0, 0 },
    [POP3_STAT] = { "STAT", 0, 0 },
    [POP3_LIST] = { "LIST", 0, 1 },
    [POP3_RETR] = { "RETR", 1, 1 },
    [POP3_DELE] = { "DELE", 1, 1 },
    [POP3_NOOP] = { "NOOP", 0, 0 },
    [POP3_RSET] = { "RSET", 0, 0 },
    [POP3_TOP] = { "TOP", 2, 2 },
    [POP3_UIDL] = { "UIDL", 0, 1 },
    [POP3_QUIT] = { "QUIT", 0, 0 },
    [POP3_UNKNOWN] = { "UNKNOWN", 0, ANY_NUMBER },
};

static enum pop3_verb find_verb(struct span keyword)
{
    for (enum pop3_verb verb = 0; verb < POP3_UNKNOWN; verb++) {
        if (span_equals_nocase(keyword, span_from_string(verbs[verb].name)))
            return verb;
    }
    return POP3_UNKNOWN;
}

static struct span trim(struct span s)
{
    while (s.len > 0 && s.data[0] == ' ')
        span_take(&s, 1);
    while (s.len > 0 && s.data[s.len - 1] == ' ')
        s.len--;
    return s;
}

static void split_words(struct span text, struct pop3_command *command)
{
    for (text = trim(text); text.len > 0; text = trim(text)) {
        struct span word = span_take(&text, span_find(text, ' '));

        if (command->arguments < POP3_ARGUMENTS_MAX)
            command->argument[command->arguments] = word;
        command->arguments++;
    }
}

void pop3_command_parse(struct span line, struct pop3_command *command)
{
    struct span keyword = span_take(&line, span_find(line, ' '));

    *command = (struct pop3_command){ .verb = find_verb(keyword) };
    if (line.len == 0)
        return;
    span_take(&line, 1);
    /* Of a password every space counts (POP-30). */
    command->rest = command->verb == POP3_PASS ? line : trim(line);
    split_words(line, command);
}

bool pop3_command_has_arguments(const struct pop3_command *command)
{
    if (command->verb == POP3_PASS)
        return command->rest.data != NULL;
    return command->arguments >= verbs[command->verb].least &&
           command->arguments <= verbs[command->verb].most;
}

bool pop3_argument_message(struct span word, uint32_t *number)
{
    uint64_t value;

    if (!span_to_number(word, UINT32_MAX, &value) || value == 0)
        return false;
    *number = (uint32_t)value;
    return true;
}

static bool all_digits(struct span word)
{
    for (size_t i = 0; i < word.len; i++) {
        if (word.data[i] < '0' || word.data[i] > '9')
            return false;
    }
    return word.len > 0;
}

bool pop3_argument_lines(struct span word, uint32_t *lines)
{
    uint64_t value;

    if (!all_digits(word))
        return false;
    /* More lines than can be counted are all of them. */
    if (!span_to_number(word, UINT32_MAX, &value))
        value = UINT32_MAX;
    *lines = (uint32_t)value;
    return true;
}

const char *pop3_verb_name(enum pop3_verb verb)
{
    assert(verb < POP3_VERB_COUNT);
    return verbs[verb].name;
}
