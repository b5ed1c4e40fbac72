/* config_file.h - proxy.conf as an INI file: lines in, sections and keys out.
 *
 * inih does the reading. Around it stands what it leaves open: the number of
 * the line at hand, lines that it would cut or join, and section headers,
 * which it reports only along with a key.
 */
#ifndef POPINJAY_CONFIG_FILE_H
#define POPINJAY_CONFIG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/attributes.h"

/* Both return false where the file is not to be read further; they know why.
 * |name| of a section is what stands in the brackets.
 */
struct config_file_events {
    bool (*section)(void *data, const char *name, unsigned line);
    bool (*key)(void *data, const char *name, const char *value, unsigned line);
    size_t
        section_max; /* octets of a section's name, CONFIG_LINE_MAX at most */
};

/* Octets of a line that inih has room for. */
#define CONFIG_LINE_MAX 198
/* Those of a section's name in proxy.conf. */
#define CONFIG_SECTION_NAME_MAX 49

/* Reads |file| to its end. On failure |line| is the number of the line, or 0
 * for the file as a whole, and |why| says what is wrong with it; both are left
 * alone where an event returned false.
 */
MUST_CHECK bool config_file_read(FILE *file,
                                 const struct config_file_events *events,
                                 void *data, unsigned *line, char *why,
                                 size_t why_size);

#endif
