/* unique_id_file.h - a map of imported unique-ids, from its file.
 *
 * The format: unique_id_map.h.
 */
#ifndef POPINJAY_SERVER_UNIQUE_ID_FILE_H
#define POPINJAY_SERVER_UNIQUE_ID_FILE_H

#include <stddef.h>

#include "base/attributes.h"
#include "session/unique_id_map.h"

/* On failure NULL, and one line in |error|: `PATH:LINE: what is wrong`, or
 * `PATH: ...`.
 */
MUST_CHECK struct unique_id_map *unique_id_file_read(const char *path,
                                                     char *error,
                                                     size_t error_size);

#endif
