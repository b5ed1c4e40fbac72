/* heap.h - how much memory the bridge holds, and memory that runs out.
 *
 * Needs the linker's --wrap for malloc, calloc, realloc and free. Counted is
 * what is asked for between heap_enter and heap_leave: the test's own memory
 * is not.
 */
#ifndef POPINJAY_TESTS_SIM_HEAP_H
#define POPINJAY_TESTS_SIM_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void heap_enter(void);
void heap_leave(void);

/* Octets held now, and the most that ever were. */
size_t heap_held(void);
size_t heap_most(void);

/* From now on the |n|-th allocation fails, counted from 1; 0: none does. */
void heap_fail_at(uint64_t n);

/* Allocations asked for since then, and whether that one has failed. */
uint64_t heap_asked(void);
bool heap_has_failed(void);

#endif
