#include "sim/heap.h"

#include <errno.h>
#include <malloc.h>

/* The linker's names. */
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t number, size_t size);
void *__wrap_realloc(void *old, size_t size);
void __wrap_free(void *old);
void *__real_malloc(size_t size);
void *__real_calloc(size_t number, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *old);

static bool counting;
static size_t held;
static size_t most;
static uint64_t fails_at;
static uint64_t asked;

void heap_enter(void)
{
    counting = true;
}

void heap_leave(void)
{
    counting = false;
}

size_t heap_held(void)
{
    return held;
}

size_t heap_most(void)
{
    return most;
}

void heap_fail_at(uint64_t n)
{
    fails_at = n;
    asked = 0;
}

uint64_t heap_asked(void)
{
    return asked;
}

bool heap_has_failed(void)
{
    return fails_at > 0 && asked >= fails_at;
}

static bool fails_now(void)
{
    if (!counting || ++asked != fails_at)
        return false;
    errno = ENOMEM;
    return true;
}

static void *count(void *block)
{
    if (!counting || block == NULL)
        return block;
    held += malloc_usable_size(block);
    if (held > most)
        most = held;
    return block;
}

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : count(__real_malloc(size));
}

void *__wrap_calloc(size_t number, size_t size)
{
    return fails_now() ? NULL : count(__real_calloc(number, size));
}

void *__wrap_realloc(void *old, size_t size)
{
    size_t before = old == NULL ? 0 : malloc_usable_size(old);
    void *block;

    if (fails_now())
        return NULL;
    block = __real_realloc(old, size);
    if (counting && block != NULL)
        held -= before;
    return count(block);
}

void __wrap_free(void *old)
{
    if (counting && old != NULL)
        held -= malloc_usable_size(old);
    __real_free(old);
}
