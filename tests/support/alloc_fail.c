#include "support/alloc_fail.h"

#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* The linker's names. */
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t number, size_t size);
void *__wrap_realloc(void *old, size_t size);
void __wrap_free(void *memory);
void *__real_malloc(size_t size);
void *__real_calloc(size_t number, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *memory);

/* Tests with threads allocate too. */
static atomic_ulong fails_at;
static atomic_ulong count;
static void (*watcher)(const unsigned char *memory, size_t size);

void alloc_fail_at(unsigned long n)
{
    fails_at = n;
    count = 0;
}

unsigned long alloc_fail_count(void)
{
    return count;
}

static bool fails_now(void)
{
    if (atomic_fetch_add(&count, 1) + 1 != fails_at)
        return false;
    errno = ENOMEM;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t number, size_t size)
{
    return fails_now() ? NULL : __real_calloc(number, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails_now() ? NULL : __real_realloc(old, size);
}

void alloc_watch_free(void (*seen)(const unsigned char *memory, size_t size))
{
    watcher = seen;
}

void __wrap_free(void *memory)
{
    if (watcher != NULL && memory != NULL)
        watcher(memory, malloc_usable_size(memory));
    __real_free(memory);
}
