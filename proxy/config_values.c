/* The values of proxy.conf: text in, values or a complaint out. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/span.h"
#include "config.h"
#include "config_keys.h"
#include "config_units.h"
#include "config_values.h"
#include "imap/keyword.h"
#include "imap/mailbox_name.h"

bool config_complain(struct complaint c, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(c.text, c.size, format, args);
    va_end(args);
    return false;
}

static bool set_duration(const struct config_key *key, void *to,
                         const char *text, struct complaint c)
{
    char bound[CONFIG_AMOUNT_TEXT_MAX];
    uint64_t ms;

    if (!config_time_parse(text, &ms))
        return config_complain(c,
                               "must be a time such as 500 ms, 30 s, 5 min or "
                               "1 h, is \"%s\"",
                               text);
    if (ms < key->min)
        return config_complain(c, "must be %s or more, is \"%s\"",
                               config_time_text(key->min, bound, sizeof(bound)),
                               text);
    if (ms > key->max)
        return config_complain(c, "must be %s or less, is \"%s\"",
                               config_time_text(key->max, bound, sizeof(bound)),
                               text);
    *(uint64_t *)to = ms;
    return true;
}

static bool set_size(const struct config_key *key, void *to, const char *text,
                     struct complaint c)
{
    char bound[CONFIG_AMOUNT_TEXT_MAX];
    uint64_t octets;

    if (!config_size_parse(text, &octets))
        return config_complain(
            c, "must be a size such as 512 KB or 64 MB, is \"%s\"", text);
    if (octets < key->min)
        return config_complain(c, "must be %s or more, is \"%s\"",
                               config_size_text(key->min, bound, sizeof(bound)),
                               text);
    if (octets > key->max)
        return config_complain(c, "must be %s or less, is \"%s\"",
                               config_size_text(key->max, bound, sizeof(bound)),
                               text);
    *(uint64_t *)to = octets;
    return true;
}

static bool set_number(const struct config_key *key, void *to, const char *text,
                       struct complaint c)
{
    uint64_t number;

    if (!span_to_number(span_from_string(text), key->max, &number) ||
        number < key->min)
        return config_complain(
            c, "must be a number from %llu to %llu, is \"%s\"",
            (unsigned long long)key->min, (unsigned long long)key->max, text);
    *(uint32_t *)to = (uint32_t)number;
    return true;
}

static bool set_count_or_auto(const struct config_key *key, void *to,
                              const char *text, struct complaint c)
{
    uint64_t number = 0;

    if (strcmp(text, "auto") != 0 &&
        (!span_to_number(span_from_string(text), key->max, &number) ||
         number < key->min))
        return config_complain(c,
                               "must be auto or a number from %llu to %llu, is "
                               "\"%s\"",
                               (unsigned long long)key->min,
                               (unsigned long long)key->max, text);
    *(unsigned *)to = (unsigned)number;
    return true;
}

static bool set_bool(void *to, const char *text, struct complaint c)
{
    if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
        return config_complain(c, "must be yes or no, is \"%s\"", text);
    *(bool *)to = text[0] == 'y';
    return true;
}

static bool complain_of_choice(const struct config_key *key, const char *text,
                               struct complaint c)
{
    char words[128] = "";
    size_t used = 0;

    for (size_t i = 0; key->choices[i] != NULL; i++) {
        const char *comma = i == 0                        ? ""
                            : key->choices[i + 1] != NULL ? ", "
                                                          : " or ";
        int n = snprintf(words + used, sizeof(words) - used, "%s%s", comma,
                         key->choices[i]);

        if (n < 0 || (size_t)n >= sizeof(words) - used)
            break;
        used += (size_t)n;
    }
    return config_complain(c, "must be %s, is \"%s\"", words, text);
}

static bool set_choice(const struct config_key *key, void *to, const char *text,
                       struct complaint c)
{
    /* All the enums have no negative constant, so they are this wide. */
    _Static_assert(sizeof(enum tls_mode) == sizeof(unsigned), "enums");

    for (unsigned i = 0; key->choices[i] != NULL; i++) {
        if (strcmp(key->choices[i], text) == 0) {
            memcpy(to, &i, sizeof(i));
            return true;
        }
    }
    return complain_of_choice(key, text, c);
}

bool config_set_text(void *to, const char *text, struct complaint c)
{
    char **slot = to;
    char *copy = NULL;

    if (text[0] != '\0') {
        copy = strdup(text);
        if (copy == NULL)
            return config_complain(c, "out of memory");
    }
    free(*slot);
    *slot = copy;
    return true;
}

static bool set_keyword(void *to, const char *text, struct complaint c)
{
    if (text[0] != '\0' && !imap_keyword_is_valid(span_from_string(text)))
        return config_complain(
            c,
            "must be a keyword such as $Scanner, of %d octets or "
            "less, is \"%s\"",
            IMAP_KEYWORD_MAX, text);
    return config_set_text(to, text, c);
}

/* Opened, not only asked about: access() would judge by another user. */
static bool file_is_readable(const char *text, struct complaint c)
{
    struct stat st;
    int fd;
    bool is_file;

    fd = open(text, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return config_complain(c, "cannot read %s: %s", text, strerror(errno));
    is_file = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    (void)close(fd);
    if (!is_file)
        return config_complain(c, "cannot read %s: not a file", text);
    return true;
}

static bool set_file(void *to, const char *text, struct complaint c)
{
    if (text[0] != '\0' && !file_is_readable(text, c))
        return false;
    return config_set_text(to, text, c);
}

static bool add_file(void *to, const char *text, struct complaint c)
{
    struct config_paths *paths = to;
    struct config_path *more;

    if (text[0] == '\0')
        return true;
    if (!file_is_readable(text, c))
        return false;
    more = reallocarray(paths->at, paths->count + 1, sizeof(*more));
    if (more == NULL)
        return config_complain(c, "out of memory");
    paths->at = more;
    more[paths->count] = (struct config_path){ strdup(text), 0 };
    if (more[paths->count].text == NULL)
        return config_complain(c, "out of memory");
    paths->count++;
    return true;
}

static bool add_network(void *to, struct span text, struct complaint c)
{
    struct config_networks *networks = to;
    struct network *more;
    struct network network;

    if (!network_parse(text, &network))
        return config_complain(c,
                               "must be networks such as 192.0.2.0/24, "
                               "2001:db8::/32, has \"%.*s\"",
                               (int)text.len, (const char *)text.data);
    more = reallocarray(networks->at, networks->count + 1, sizeof(*more));
    if (more == NULL)
        return config_complain(c, "out of memory");
    networks->at = more;
    more[networks->count++] = network;
    return true;
}

static bool add_word(void *to, struct span text, struct complaint c)
{
    struct config_words *words = to;
    char *word = strndup((const char *)text.data, text.len);
    char **more = reallocarray(words->at, words->count + 1, sizeof(*words->at));

    if (more != NULL)
        words->at = more;
    if (more == NULL || word == NULL) {
        free(word);
        return config_complain(c, "out of memory");
    }
    more[words->count++] = word;
    return true;
}

/* Has |add| take each of what stands there with commas and blanks between. */
static bool add_each(void *to, const char *text, struct complaint c,
                     bool (*add)(void *to, struct span text,
                                 struct complaint c))
{
    for (;;) {
        size_t length;

        text += strspn(text, " \t");
        if (*text == '\0')
            return true;
        length = strcspn(text, ", \t");
        if (!add(to, span_make(text, length), c))
            return false;
        text += length + strspn(text + length, " \t");
        text += *text == ',';
    }
}

/* RFC 2449 §6.7: days, or NEVER. */
static bool set_retention(const struct config_key *key, void *to,
                          const char *text, struct complaint c)
{
    char days[16];
    uint64_t number;

    if (text[0] == '\0')
        return config_set_text(to, text, c);
    if (strcmp(text, "never") == 0)
        return config_set_text(to, "NEVER", c);
    if (!span_to_number(span_from_string(text), key->max, &number) ||
        number < key->min)
        return config_complain(
            c, "must be never or days from %llu to %llu, is \"%s\"",
            (unsigned long long)key->min, (unsigned long long)key->max, text);
    (void)snprintf(days, sizeof(days), "%llu", (unsigned long long)number);
    return config_set_text(to, days, c);
}

/* As it would go over the wire, where it must be no pattern of LIST either. */
static bool is_mailbox(struct span name)
{
    struct buf wire;
    bool is_name;

    buf_init(&wire, IMAP_MAILBOX_MAX);
    is_name = imap_mailbox_name_encode(&wire, name) &&
              !imap_mailbox_name_is_inbox(name) && !span_contains(name, '*') &&
              !span_contains(name, '%');
    buf_fini(&wire);
    return is_name;
}

static bool set_mailbox(char **to, const char *text, struct complaint c)
{
    if (text[0] != '\0' && !is_mailbox(span_from_string(text)))
        return config_complain(
            c,
            "must be the name of a mailbox in UTF-8, not INBOX, "
            "without * and %%, is \"%s\"",
            text);
    return config_set_text(to, text, c);
}

static bool set_mailboxes(struct mailbox_list *to, const char *text,
                          struct complaint c)
{
    struct mailbox_list list;
    const char *wrong = mailbox_list_parse(&list, span_from_string(text));

    if (wrong != NULL)
        return config_complain(
            c,
            "must be names of mailboxes with commas between them; "
            "\"%s\" %s",
            text, wrong);
    mailbox_list_fini(to);
    *to = list;
    return true;
}

static bool set_keyword_pattern(char **to, const char *text, struct complaint c)
{
    if (!imap_keyword_pattern_is_valid(text))
        return config_complain(
            c,
            "must be a keyword such as $PopinjayKept-%%u: no "
            "blank, none of (){*\"\\], %%u once at most, and "
            "%d octets or less, is \"%s\"",
            IMAP_KEYWORD_MAX, text);
    return config_set_text(to, text, c);
}

bool config_key_set(const struct config_key *key, void *base, const char *text,
                    char *why, size_t why_size)
{
    void *to = (char *)base + key->offset;
    struct complaint c = { why, why_size };

    switch (key->kind) {
    case CONFIG_BOOL:
        return set_bool(to, text, c);
    case CONFIG_CHOICE:
        return set_choice(key, to, text, c);
    case CONFIG_NUMBER:
        return set_number(key, to, text, c);
    case CONFIG_COUNT_OR_AUTO:
        return set_count_or_auto(key, to, text, c);
    case CONFIG_DURATION:
        return set_duration(key, to, text, c);
    case CONFIG_SIZE:
        return set_size(key, to, text, c);
    case CONFIG_TEXT:
        return config_set_text(to, text, c);
    case CONFIG_KEYWORD:
        return set_keyword(to, text, c);
    case CONFIG_HOST:
        return config_set_host(to, text, c);
    case CONFIG_ADDRESS_TEXT:
        return config_set_address_text(key, to, text, c);
    case CONFIG_FILE:
        return set_file(to, text, c);
    case CONFIG_FILES:
        return add_file(to, text, c);
    case CONFIG_NETWORKS:
        return add_each(to, text, c, add_network);
    case CONFIG_WORDS:
        return add_each(to, text, c, add_word);
    case CONFIG_MECHANISMS:
        *(unsigned *)to = 0;
        return add_each(to, text, c, config_add_mechanism);
    case CONFIG_RETENTION:
        return set_retention(key, to, text, c);
    case CONFIG_MAILBOXES:
        return set_mailboxes(to, text, c);
    case CONFIG_MAILBOX:
        return set_mailbox(to, text, c);
    case CONFIG_KEYWORD_PATTERN:
        return set_keyword_pattern(to, text, c);
    case CONFIG_NUMERIC_ADDRESS:
        return config_set_address(key, to, text, c);
    case CONFIG_ADDRESSES:
        return config_add_address(key, to, text, c);
    }
    return false;
}

static void free_paths(struct config_paths *paths)
{
    for (size_t i = 0; i < paths->count; i++)
        free(paths->at[i].text);
    free(paths->at);
    *paths = (struct config_paths){ NULL, 0 };
}

static void free_addresses(struct config_addresses *addresses)
{
    for (size_t i = 0; i < addresses->count; i++)
        free(addresses->at[i].host);
    free(addresses->at);
    *addresses = (struct config_addresses){ NULL, 0 };
}

static void free_words(struct config_words *words)
{
    for (size_t i = 0; i < words->count; i++)
        free(words->at[i]);
    free(words->at);
    *words = (struct config_words){ NULL, 0 };
}

static void free_networks(struct config_networks *networks)
{
    free(networks->at);
    *networks = (struct config_networks){ NULL, 0 };
}

static void free_value(const struct config_key *key, void *from)
{
    switch (key->kind) {
    case CONFIG_FILES:
        free_paths(from);
        break;
    case CONFIG_WORDS:
        free_words(from);
        break;
    case CONFIG_NETWORKS:
        free_networks(from);
        break;
    case CONFIG_MAILBOXES:
        mailbox_list_fini(from);
        break;
    case CONFIG_TEXT:
    case CONFIG_KEYWORD:
    case CONFIG_HOST:
    case CONFIG_ADDRESS_TEXT:
    case CONFIG_FILE:
    case CONFIG_RETENTION:
    case CONFIG_MAILBOX:
    case CONFIG_KEYWORD_PATTERN:
        free(*(char **)from);
        *(char **)from = NULL;
        break;
    case CONFIG_NUMERIC_ADDRESS:
        free(((struct config_address *)from)->host);
        ((struct config_address *)from)->host = NULL;
        break;
    case CONFIG_ADDRESSES:
        free_addresses(from);
        break;
    case CONFIG_BOOL:
    case CONFIG_CHOICE:
    case CONFIG_NUMBER:
    case CONFIG_COUNT_OR_AUTO:
    case CONFIG_DURATION:
    case CONFIG_SIZE:
    case CONFIG_MECHANISMS:
        break;
    }
}

void config_key_free(const struct config_key *key, void *base)
{
    free_value(key, (char *)base + key->offset);
}

void config_keys_free(enum config_section section, void *base)
{
    for (size_t i = 0; i < config_key_count; i++)
        if (config_keys[i].section == section)
            config_key_free(&config_keys[i], base);
}
