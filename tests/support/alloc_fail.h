/* alloc_fail.h - memory that runs out when a test says so.
 *
 * Needs the linker's --wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free,
 * and --undefined=__wrap_malloc so that this is taken out of its archive: then
 * every allocation of the objects linked into the test passes here. Those
 * inside of shared libraries do not, nor what the C library allocates by
 * itself. One thread only.
 */
#ifndef POPINJAY_TESTS_ALLOC_FAIL_H
#define POPINJAY_TESTS_ALLOC_FAIL_H

#include <stddef.h>

/* From now on the |n|-th allocation fails, counted from 1, and the others do
 * not; 0: none fails. Starts the count anew.
 */
void alloc_fail_at(unsigned long n);

/* The allocations asked for since then, the failed one included. */
unsigned long alloc_fail_count(void);

/* From now on |seen| is shown all memory just before it is freed, with the
 * octets that may be read there; NULL: no more.
 */
void alloc_watch_free(void (*seen)(const unsigned char *memory, size_t size));

#endif
