/* config_sections.h - sections of proxy.conf that may stand several times, each
 * with a name of its own: [listen NAME], [upstream NAME], [policy NAME].
 *
 * All of one kind are one array in struct config, in the order of the file. A
 * kind may have one without a name, which is known by a word that stands for
 * it.
 */
#ifndef POPINJAY_CONFIG_SECTIONS_H
#define POPINJAY_CONFIG_SECTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "config.h"
#include "config_keys.h"

/* "[upstream NAME]", whose length is bounded by the reader of the file. */
#define CONFIG_TITLE_MAX 64

bool config_section_is_named(enum config_section section);

/* What one without a name is called; NULL: each must have one. */
const char *config_section_unnamed(enum config_section section);

/* Writes "[listen pop3s]", or "[upstream]" for the one without a name and for
 * sections that have none, into |text|, which is returned.
 */
const char *config_title(enum config_section section, const char *name,
                         char text[CONFIG_TITLE_MAX]);

/* --- of a section that is named --- */

size_t config_named_count(const struct config *c, enum config_section section);

/* The newest; there must be one. Others that are added move it. */
void *config_named_last(struct config *c, enum config_section section);

/* The name of |one|, and the line at which the one of that |name| begins; 0:
 * there is none.
 */
const char *config_named_name(const void *one, enum config_section section);
unsigned config_named_line(const struct config *c, enum config_section section,
                           const char *name);

/* One more, zeroed but for its name and line. NULL where there is no memory. */
MUST_CHECK void *config_named_add(struct config *c, enum config_section section,
                                  const char *name, unsigned line);

/* All of the kind, with what their keys have stored. */
void config_named_free(struct config *c, enum config_section section);

#endif
