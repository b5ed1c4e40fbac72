/* config_keys.h - every key of proxy.conf: its kind, range and default.
 *
 * The table is the one source: values are parsed, judged and stored by it, the
 * defaults are parsed from it like anything that an operator writes, and a
 * test holds proxy.conf.sample against it.
 */
#ifndef POPINJAY_CONFIG_KEYS_H
#define POPINJAY_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"

enum config_section {
    CONFIG_SERVER,
    CONFIG_LISTEN,   /* [listen NAME], as many as wanted */
    CONFIG_UPSTREAM, /* [upstream], [upstream NAME]; the same */
    CONFIG_OAUTH,    /* [oauth NAME], as many as wanted */
    CONFIG_AUTH_HTTP,
    CONFIG_ACCOUNTS,
    CONFIG_STATUS,
    CONFIG_LIMITS,
    CONFIG_POLICY,        /* [policy], [policy NAME]; the same */
    CONFIG_POLICY_OF_ALL, /* what stands in [policy] and in no [policy NAME] */
    CONFIG_SECTION_COUNT,
};

enum config_kind {
    CONFIG_BOOL,            /* bool: yes, no */
    CONFIG_CHOICE,          /* an enum: one word of |choices| */
    CONFIG_NUMBER,          /* uint32_t, min to max */
    CONFIG_COUNT_OR_AUTO,   /* unsigned; auto is 0 */
    CONFIG_DURATION,        /* uint64_t in ms, min to max */
    CONFIG_SIZE,            /* uint64_t in octets, min to max */
    CONFIG_TEXT,            /* char *; empty is NULL */
    CONFIG_KEYWORD,         /* the same; a flag, keyword.h */
    CONFIG_HOST,            /* the same; a name or an address */
    CONFIG_ADDRESS_TEXT,    /* the same; a numeric ADDRESS:PORT */
    CONFIG_FILE,            /* char *; empty is NULL, else it can be read */
    CONFIG_FILES,           /* struct config_paths; may stand several times */
    CONFIG_NETWORKS,        /* struct config_networks; the same */
    CONFIG_WORDS,           /* struct config_words; the same */
    CONFIG_MECHANISMS,      /* unsigned: one BIT(enum imap_mechanism) each */
    CONFIG_RETENTION,       /* char *: "NEVER" or days, min to max; or NULL */
    CONFIG_MAILBOXES,       /* struct mailbox_list */
    CONFIG_MAILBOX,         /* char *, in UTF-8, not INBOX; empty is NULL */
    CONFIG_KEYWORD_PATTERN, /* char *: imap/keyword.h */
    CONFIG_NUMERIC_ADDRESS, /* struct config_address */
    CONFIG_ADDRESSES,       /* struct config_addresses; host names too; may
                               stand several times */
};

struct config_key {
    enum config_section section;
    const char *name;
    enum config_kind kind;
    size_t offset; /* in struct config, or in that of its named section */
    const char *default_text; /* as in the file; NULL: must be given */
    uint64_t min;
    uint64_t max;
    const char *const *choices; /* in the order of the enum; ends with NULL */
};

#define CONFIG_KEYS_MAX 192

extern const struct config_key config_keys[];
extern const size_t config_key_count; /* CONFIG_KEYS_MAX at most */

/* NULL where there is no such key. */
const struct config_key *config_key_find(enum config_section section,
                                         const char *name);

/* "limits"; false from find where there is none of that name, which is |length|
 * octets long.
 */
const char *config_section_name(enum config_section section);
MUST_CHECK bool config_section_find(const char *name, size_t length,
                                    enum config_section *section);

/* Whether the key may stand several times, each adding to those before. */
bool config_key_is_list(const struct config_key *key);

/* Parses |text| as |key| wants it and stores it below |base|, replacing what
 * stands there or, for a list, adding to it. On failure nothing is stored and |why| says what is wrong:
 * `must be 600 s or more, is "30 s"`.
 */
MUST_CHECK bool config_key_set(const struct config_key *key, void *base,
                               const char *text, char *why, size_t why_size);

/* Frees what config_key_set stored for |key|, as if it were not given. */
void config_key_free(const struct config_key *key, void *base);

/* The same for all keys of |section|. */
void config_keys_free(enum config_section section, void *base);

#endif
