#include "cli/account_options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "access/accounts.h"
#include "base/limits.h"

#define NUMBER_OF(value) #value
#define NUMBER(macro) NUMBER_OF(macro)

#define SYNOPSIS                                                  \
    "usage: popinjay account add NAME [-c FILE] [OPTION...]\n"    \
    "       popinjay account passwd NAME [-c FILE] [OPTION...]\n" \
    "       popinjay account remove NAME [-c FILE]\n"             \
    "       popinjay account list [-c FILE]\n"

/* One screen: 24 lines of 80. */
const char account_options_usage[] = SYNOPSIS
    "\n"
    "Edits accounts.conf: names and passwords of devices. Passwords are asked "
    "for,\n"
    "or read from standard input, a line each: the device's, then the secret.\n"
    "\n"
    "  -g, --generate         make up the device's password, and print it\n"
    "      --user USER        who it is at the upstream; else the same name\n"
    "      --upstream NAME    of [upstream NAME]; --policy, --oauth likewise\n"
    "      --identity USER    whom to act as there\n"
    "      --networks LIST    where it may come from; --listeners LIST: and "
    "where\n"
    "                         it may come to\n"
    "      --mailboxes LIST   instead of INBOX\n"
    "      --scram            it may prove its password by SCRAM-SHA-256 too\n"
    "      --recoverable      or by APOP and CRAM-MD5: it is kept recoverable\n"
    "      --seal-by-password the secret opens with the device's password "
    "alone\n"
    "      --pass-through     no password of its own: that of the upstream\n"
    "      --secret           passwd: a new secret of the upstream\n";

static const char *const settings[ACCOUNT_SET_COUNT] = {
    [ACCOUNT_SET_UPSTREAM] = "upstream",   [ACCOUNT_SET_USER] = "user",
    [ACCOUNT_SET_IDENTITY] = "identity",   [ACCOUNT_SET_NETWORKS] = "networks",
    [ACCOUNT_SET_LISTENERS] = "listeners", [ACCOUNT_SET_POLICY] = "policy",
    [ACCOUNT_SET_MAILBOXES] = "mailboxes", [ACCOUNT_SET_OAUTH] = "oauth",
};

static const char *const actions[] = {
    [ACCOUNT_ADD] = "add",
    [ACCOUNT_LIST] = "list",
    [ACCOUNT_REMOVE] = "remove",
    [ACCOUNT_PASSWD] = "passwd",
};

const char *account_setting_key(enum account_setting setting)
{
    return settings[setting];
}

static struct account_options wrong(const char *what, const char *which)
{
    (void)fprintf(stderr,
                  "popinjay: %s%s\n" SYNOPSIS
                  "popinjay account --help tells more\n",
                  what, which);
    return (struct account_options){ .action = ACCOUNT_WRONG };
}

/* --- judging --- */

/* It is to be one line of an INI file, without a comment, and read as it is. */
static bool is_fit(const char *value)
{
    size_t length = strlen(value);

    if (length == 0 || length > ACCOUNT_VALUE_MAX || value[0] == ' ' ||
        value[length - 1] == ' ')
        return false;
    for (const char *c = value; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f || *c == ';')
            return false;
    return true;
}

static const char *unfit_setting(const struct account_options *o)
{
    for (unsigned i = 0; i < ACCOUNT_SET_COUNT; i++)
        if (o->value[i] != NULL && !is_fit(o->value[i]))
            return settings[i];
    return NULL;
}

static bool has_setting(const struct account_options *o)
{
    for (unsigned i = 0; i < ACCOUNT_SET_COUNT; i++)
        if (o->value[i] != NULL)
            return true;
    return false;
}

/* Which of the options say what another denies, or mean nothing here. */
static const char *conflict(const struct account_options *o)
{
    bool proves = o->generates || o->scram || o->recoverable;

    if (o->action != ACCOUNT_ADD && (has_setting(o) || o->passes_through))
        return "these options belong to add";
    if (o->action != ACCOUNT_PASSWD && o->secret)
        return "--secret belongs to passwd";
    if ((o->action == ACCOUNT_LIST || o->action == ACCOUNT_REMOVE) &&
        (proves || o->seals_by_password))
        return "these options belong to add and passwd";
    if (o->secret && proves)
        return "either --secret or the device's password";
    if (o->passes_through &&
        (proves || o->seals_by_password || o->value[ACCOUNT_SET_OAUTH] != NULL))
        return "--pass-through has no password, secret or tokens of its own";
    if (o->seals_by_password && (o->scram || o->recoverable))
        return "--seal-by-password needs a password that is told, which SCRAM, "
               "APOP and CRAM-MD5 do not do";
    if (o->seals_by_password && o->value[ACCOUNT_SET_OAUTH] != NULL)
        return "--oauth has no secret to be sealed";
    return NULL;
}

static struct account_options judge(struct account_options o)
{
    const char *what = unfit_setting(&o);

    if (what != NULL)
        return wrong("it has 1 to " NUMBER(
                         ACCOUNT_VALUE_MAX) " octets, without ;, control "
                                            "characters, and blanks "
                                            "around it: --",
                     what);
    what = conflict(&o);
    if (what != NULL)
        return wrong(what, "");
    if (o.action != ACCOUNT_LIST &&
        (o.name == NULL || !account_name_is_valid(span_from_string(o.name))))
        return wrong("a name has 1 to 150 octets, without blanks, quotes, "
                     "brackets, ; and #",
                     "");
    return o;
}

/* --- parsing --- */

static struct account_options take_words(struct account_options o, char **words,
                                         int count)
{
    unsigned i = 0;

    if (count == 0)
        return wrong("what is to be done?", "");
    while (i < ARRAY_LENGTH(actions) && strcmp(words[0], actions[i]) != 0)
        i++;
    if (i == ARRAY_LENGTH(actions))
        return wrong("there is no command account ", words[0]);
    o.action = (enum account_action)i;
    if (o.action != ACCOUNT_LIST && count > 1)
        o.name = words[1];
    if (count > 2 || (o.action == ACCOUNT_LIST && count > 1))
        return wrong("one word too many: ", words[count - 1]);
    return judge(o);
}

enum {
    OPTION_SCRAM = 256,
    OPTION_RECOVERABLE,
    OPTION_SEAL_BY_PASSWORD,
    OPTION_PASS_THROUGH,
    OPTION_SECRET,
    OPTION_SETTING, /* and its number */
};

#define SETTING(word, setting)                                    \
    {                                                             \
        word, required_argument, NULL, OPTION_SETTING + (setting) \
    }

static const struct option options[] = {
    { "config", required_argument, NULL, 'c' },
    { "generate", no_argument, NULL, 'g' },
    { "help", no_argument, NULL, 'h' },
    { "scram", no_argument, NULL, OPTION_SCRAM },
    { "recoverable", no_argument, NULL, OPTION_RECOVERABLE },
    { "seal-by-password", no_argument, NULL, OPTION_SEAL_BY_PASSWORD },
    { "pass-through", no_argument, NULL, OPTION_PASS_THROUGH },
    { "secret", no_argument, NULL, OPTION_SECRET },
    SETTING("upstream", ACCOUNT_SET_UPSTREAM),
    SETTING("user", ACCOUNT_SET_USER),
    SETTING("identity", ACCOUNT_SET_IDENTITY),
    SETTING("networks", ACCOUNT_SET_NETWORKS),
    SETTING("listeners", ACCOUNT_SET_LISTENERS),
    SETTING("policy", ACCOUNT_SET_POLICY),
    SETTING("mailboxes", ACCOUNT_SET_MAILBOXES),
    SETTING("oauth", ACCOUNT_SET_OAUTH),
    { NULL, 0, NULL, 0 },
};

static void take_option(struct account_options *o, int c)
{
    o->generates |= c == 'g';
    o->scram |= c == OPTION_SCRAM;
    o->recoverable |= c == OPTION_RECOVERABLE;
    o->seals_by_password |= c == OPTION_SEAL_BY_PASSWORD;
    o->passes_through |= c == OPTION_PASS_THROUGH;
    o->secret |= c == OPTION_SECRET;
    if (c == 'c')
        o->config = optarg;
    if (c >= OPTION_SETTING)
        o->value[c - OPTION_SETTING] = optarg;
}

struct account_options account_options_parse(int argc, char **argv)
{
    struct account_options o = { .action = ACCOUNT_WRONG };
    int c;

    optind = 1;
    while ((c = getopt_long(argc, argv, "c:gh", options, NULL)) != -1) {
        if (c == 'h')
            return (struct account_options){ .action = ACCOUNT_HELP };
        if (c == '?') /* getopt has said what is wrong */
            return wrong("see ", "popinjay account --help");
        take_option(&o, c);
    }
    return take_words(o, argv + optind, argc - optind);
}
