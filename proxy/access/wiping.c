#include "access/wiping.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

void wiping_free(void *memory)
{
    if (memory != NULL)
        wipe(memory, malloc_usable_size(memory));
    free(memory);
}

void *wiping_realloc(void *memory, size_t size)
{
    size_t had = memory != NULL ? malloc_usable_size(memory) : 0;
    void *moved = malloc(size);

    if (moved == NULL)
        return NULL;
    if (had > 0)
        memcpy(moved, memory, had < size ? had : size);
    wiping_free(memory);
    return moved;
}

void wiping_free_text(char *text)
{
    if (text != NULL)
        wipe(text, strlen(text));
    free(text);
}
