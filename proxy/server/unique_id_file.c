#include "server/unique_id_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/limits.h"

/* NULL, or what is wrong; |octets| are then the caller's to free. */
static const char *take(FILE *file, unsigned char **octets, size_t *size)
{
    struct stat st;

    if (fstat(fileno(file), &st) != 0)
        return strerror(errno);
    if (!S_ISREG(st.st_mode))
        return "not a file";
    if (st.st_size > UNIQUE_ID_MAP_OCTETS_MAX)
        return "is too large";
    *size = (size_t)st.st_size;
    *octets = malloc(*size + 1);
    if (*octets == NULL)
        return "no memory";
    if (fread(*octets, 1, *size, file) == *size)
        return NULL;
    free(*octets);
    return "cannot be read to its end";
}

static struct unique_id_map *parse(const char *path, struct span text,
                                   char *error, size_t error_size)
{
    struct unique_id_map_error wrong;
    struct unique_id_map *map = unique_id_map_new(text, &wrong);

    if (map == NULL && wrong.line > 0)
        (void)snprintf(error, error_size, "%s:%zu: %s", path, wrong.line,
                       wrong.text);
    else if (map == NULL)
        (void)snprintf(error, error_size, "%s: %s", path, wrong.text);
    return map;
}

struct unique_id_map *unique_id_file_read(const char *path, char *error,
                                          size_t error_size)
{
    FILE *file = fopen(path, "re");
    unsigned char *octets = NULL;
    size_t size = 0;
    const char *problem =
        file != NULL ? take(file, &octets, &size) : strerror(errno);
    struct unique_id_map *map = NULL;

    if (file != NULL)
        (void)fclose(file);
    if (problem != NULL) {
        (void)snprintf(error, error_size, "%s: %s", path, problem);
        return NULL;
    }
    map = parse(path, span_make(octets, size), error, error_size);
    free(octets);
    return map;
}
