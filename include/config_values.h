/* config_values.h - what the source files that make values of text share:
 * config_values.c, config_values_net.c.
 *
 * Each setter stores what |text| says at |to|, or says what is wrong with it and
 * stores nothing.
 */
#ifndef POPINJAY_CONFIG_VALUES_H
#define POPINJAY_CONFIG_VALUES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "base/span.h"
#include "config_keys.h"

/* Where it is said what is wrong. */
struct complaint {
    char *text;
    size_t size;
};

/* Always false. */
bool config_complain(struct complaint c, const char *format, ...)
    PRINTF_LIKE(2, 3);

/* A char *; NULL for an empty text. */
MUST_CHECK bool config_set_text(void *to, const char *text, struct complaint c);

/* --- config_values_net.c --- */

MUST_CHECK bool config_set_host(void *to, const char *text, struct complaint c);
MUST_CHECK bool config_set_address(const struct config_key *key, void *to,
                                   const char *text, struct complaint c);
MUST_CHECK bool config_set_address_text(const struct config_key *key, void *to,
                                        const char *text, struct complaint c);
/* One of a list: a bit of an unsigned. */
MUST_CHECK bool config_add_mechanism(void *to, struct span text,
                                     struct complaint c);
MUST_CHECK bool config_add_address(const struct config_key *key, void *to,
                                   const char *text, struct complaint c);

#endif
