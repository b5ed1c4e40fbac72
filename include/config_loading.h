/* config_loading.h - a configuration on its way to be one, shared by its source
 * files only: config.c (what the file says), config_judge.c (what that means as
 * a whole).
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

struct config_loading {
    struct config *config;
    enum config_section section;                 /* COUNT: none has begun */
    unsigned section_line[CONFIG_SECTION_COUNT]; /* 0: not yet seen */
    struct config_key_lines lines; /* of sections that stand once */
    /* Of those that may stand several times, one for each of them. */
    struct config_key_lines *named_lines[CONFIG_SECTION_COUNT];
    unsigned line; /* of what is wrong */
    char why[CONFIG_WHY_MAX];
};

/* Says what is wrong at |line|, 0 for the file as a whole. Always false. */
bool config_wrong(struct config_loading *l, unsigned line, const char *format,
                  ...) PRINTF_LIKE(3, 4);

/* Whether what was read makes sense as a whole; resolves what depends on it. */
MUST_CHECK bool config_judge(struct config_loading *l);

#endif
