#include "config_units.h"

#include <stdio.h>
#include <string.h>

#include "base/span.h"

struct unit {
    const char *name; /* NULL: the end */
    uint64_t factor;
};

static const struct unit times[] = {
    { "ms", 1 }, { "s", 1000 }, { "min", 60000 }, { "h", 3600000 }, { NULL, 0 },
};

static const struct unit sizes[] = {
    { "B", 1 },
    { "KB", 1024 },
    { "MB", 1024 * 1024 },
    { "GB", 1024 * 1024 * 1024 },
    { NULL, 0 },
};

static bool unit_find(const struct unit *units, const char *name,
                      uint64_t *factor)
{
    for (; units->name != NULL; units++) {
        if (strcmp(units->name, name) == 0) {
            *factor = units->factor;
            return true;
        }
    }
    return false;
}

static bool parse(const char *text, const struct unit *units, uint64_t usual,
                  uint64_t *amount)
{
    size_t digits = strspn(text, "0123456789");
    const char *unit = text + digits + strspn(text + digits, " \t");
    uint64_t factor = usual;
    uint64_t number;

    if (*unit != '\0' && !unit_find(units, unit, &factor))
        return false;
    if (!span_to_number(span_make(text, digits), UINT64_MAX / factor, &number))
        return false;
    *amount = number * factor;
    return true;
}

bool config_time_parse(const char *text, uint64_t *ms)
{
    return parse(text, times, 1000, ms);
}

bool config_size_parse(const char *text, uint64_t *octets)
{
    return parse(text, sizes, 1, octets);
}

const char *config_time_text(uint64_t ms, char *text, size_t size)
{
    if (ms % 1000 != 0)
        (void)snprintf(text, size, "%llu ms", (unsigned long long)ms);
    else if (ms >= 3600000 && ms % 3600000 == 0)
        (void)snprintf(text, size, "%llu h", (unsigned long long)ms / 3600000);
    else
        (void)snprintf(text, size, "%llu s", (unsigned long long)ms / 1000);
    return text;
}

const char *config_size_text(uint64_t octets, char *text, size_t size)
{
    size_t i = ARRAY_LENGTH(sizes) - 2;

    while (octets % sizes[i].factor != 0)
        i--;
    (void)snprintf(text, size, "%llu %s",
                   (unsigned long long)(octets / sizes[i].factor),
                   sizes[i].name);
    return text;
}
