#include "server/listener_names.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void listener_names_fini(struct listener_names *names)
{
    for (unsigned i = 0; i < names->count; i++)
        free(names->at[i]);
    *names = (struct listener_names){ .count = 0 };
}

unsigned listener_names_take(struct listener_names *names, const char *name)
{
    for (unsigned i = 0; i < names->count; i++)
        if (strcmp(names->at[i], name) == 0)
            return i;
    if (names->count == LISTENER_NAMES_OTHER)
        return LISTENER_NAMES_OTHER;
    names->at[names->count] = strdup(name);
    if (names->at[names->count] == NULL)
        return LISTENER_NAMES_OTHER;
    return names->count++;
}

const char *listener_names_find(const struct listener_names *names,
                                unsigned number)
{
    assert(number < COUNTERS_LISTENERS);
    if (number == LISTENER_NAMES_OTHER)
        return names->count == LISTENER_NAMES_OTHER ? "other" : NULL;
    return number < names->count ? names->at[number] : NULL;
}
