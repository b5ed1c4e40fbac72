/* wiping.h - memory for libraries that keep copies of secrets: wiped before it is
 * given back.
 */
#ifndef POPINJAY_ACCESS_WIPING_H
#define POPINJAY_ACCESS_WIPING_H

#include <stddef.h>

/* As free and realloc; of memory that malloc, calloc and strdup gave. */
void wiping_free(void *memory);
void *wiping_realloc(void *memory, size_t size);

/* A text that is a secret; NULL is fine. */
void wiping_free_text(char *text);

#endif
