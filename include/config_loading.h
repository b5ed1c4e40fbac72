/* config_loading.h - a configuration on its way to be one, shared by its source
 * files only: config.c (what the file says), config_policies.c (what policies
 * take over), config_judge.c (what all that means as a whole).
 */
#ifndef POPINJAY_CONFIG_LOADING_H
#define POPINJAY_CONFIG_LOADING_H

#include <stdbool.h>

#include "base/attributes.h"
#include "config.h"
#include "config_keys.h"

#define CONFIG_WHY_MAX 512

/* Where each key of a section stands in the file; 0: not yet seen. */
struct config_key_lines {
    unsigned line[CONFIG_KEYS_MAX];
};

/* A key that [policy] has, as it stands there. */
struct config_said {
    const struct config_key *key;
    char *text;
};

struct config_loading {
    struct config *config;
    enum config_section section;                 /* COUNT: none has begun */
    unsigned section_line[CONFIG_SECTION_COUNT]; /* 0: not yet seen */
    struct config_key_lines lines; /* of sections that stand once */
    /* Of those that may stand several times, one for each of them. */
    struct config_key_lines *named_lines[CONFIG_SECTION_COUNT];
    struct config_said *said; /* by [policy], in its order */
    size_t said_count;
    unsigned line; /* of what is wrong */
    char why[CONFIG_WHY_MAX];
};

/* Says what is wrong at |line|, 0 for the file as a whole. Always false. */
bool config_wrong(struct config_loading *l, unsigned line, const char *format,
                  ...) PRINTF_LIKE(3, 4);

/* Stores the defaults of |section| below |base|. */
MUST_CHECK bool config_set_defaults(struct config_loading *l,
                                    enum config_section section, void *base);

/* One more section of a kind that is named, with its defaults. NULL where
 * there is no memory.
 */
MUST_CHECK void *config_add_named(struct config_loading *l,
                                  enum config_section section, const char *name,
                                  unsigned line);

/* --- config_policies.c --- */

/* |key| of [policy] is stored, as |text|. False where there is no memory. */
MUST_CHECK bool config_policies_note(struct config_loading *l,
                                     const struct config_key *key,
                                     const char *text);

/* All is read: each [policy NAME] takes over what it does not say. */
MUST_CHECK bool config_policies_inherit(struct config_loading *l);

/* Whether what each says can all be so. */
MUST_CHECK bool config_policies_judge(struct config_loading *l);

/* What was noted. */
void config_policies_forget(struct config_loading *l);

/* --- config_judge_oauth.c --- */

MUST_CHECK bool config_judge_oauths(struct config_loading *l);

/* --- config_judge_upstream.c --- */

MUST_CHECK bool config_judge_upstreams(struct config_loading *l);

/* --- config_judge.c --- */

/* Whether what was read makes sense as a whole; resolves what depends on it. */
MUST_CHECK bool config_judge(struct config_loading *l);

#endif
