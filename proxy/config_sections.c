#include "config_sections.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where things stand: in struct config, and in one of |size| octets. */
static const struct kind {
    size_t size; /* 0: it stands once */
    size_t array;
    size_t count;
    size_t name;
    size_t line;
    const char *unnamed;
} kinds[CONFIG_SECTION_COUNT] = {
    [CONFIG_LISTEN] = {
        .size = sizeof(struct config_listener),
        .array = offsetof(struct config, listeners),
        .count = offsetof(struct config, listener_count),
        .name = offsetof(struct config_listener, name),
        .line = offsetof(struct config_listener, line),
    },
    [CONFIG_UPSTREAM] = {
        .size = sizeof(struct config_upstream),
        .array = offsetof(struct config, upstreams),
        .count = offsetof(struct config, upstream_count),
        .name = offsetof(struct config_upstream, name),
        .line = offsetof(struct config_upstream, line),
        .unnamed = CONFIG_UPSTREAM_DEFAULT,
    },
    [CONFIG_POLICY] = {
        .size = sizeof(struct config_policy),
        .array = offsetof(struct config, policies),
        .count = offsetof(struct config, policy_count),
        .name = offsetof(struct config_policy, name),
        .line = offsetof(struct config_policy, line),
        .unnamed = CONFIG_POLICY_DEFAULT,
    },
    [CONFIG_OAUTH] = {
        .size = sizeof(struct config_oauth),
        .array = offsetof(struct config, oauths),
        .count = offsetof(struct config, oauth_count),
        .name = offsetof(struct config_oauth, name),
        .line = offsetof(struct config_oauth, line),
    },
};

/* Pointers of any kind, so they are copied and never looked through. */
static void *pointer_at(const void *base, size_t offset)
{
    void *pointer;

    memcpy(&pointer, (const char *)base + offset, sizeof(pointer));
    return pointer;
}

static void set_pointer(void *base, size_t offset, const void *pointer)
{
    memcpy((char *)base + offset, &pointer, sizeof(pointer));
}

static size_t *count_in(struct config *c, const struct kind *kind)
{
    return (void *)((char *)c + kind->count);
}

static void *element(const struct config *c, const struct kind *kind, size_t i)
{
    return (char *)pointer_at(c, kind->array) + i * kind->size;
}

bool config_section_is_named(enum config_section section)
{
    return kinds[section].size > 0;
}

const char *config_section_unnamed(enum config_section section)
{
    return kinds[section].unnamed;
}

const char *config_title(enum config_section section, const char *name,
                         char text[CONFIG_TITLE_MAX])
{
    bool shown =
        name != NULL && !config_same_text(name, kinds[section].unnamed);

    (void)snprintf(text, CONFIG_TITLE_MAX, "[%s%s%s]",
                   config_section_name(section), shown ? " " : "",
                   shown ? name : "");
    return text;
}

size_t config_named_count(const struct config *c, enum config_section section)
{
    const void *count = (const char *)c + kinds[section].count;

    return *(const size_t *)count;
}

void *config_named_last(struct config *c, enum config_section section)
{
    return element(c, &kinds[section], config_named_count(c, section) - 1);
}

const char *config_named_name(const void *one, enum config_section section)
{
    return pointer_at(one, kinds[section].name);
}

unsigned config_named_line(const struct config *c, enum config_section section,
                           const char *name)
{
    for (size_t i = 0; i < config_named_count(c, section); i++) {
        const char *one = element(c, &kinds[section], i);
        const void *line = one + kinds[section].line;

        if (strcmp(config_named_name(one, section), name) == 0)
            return *(const unsigned *)line;
    }
    return 0;
}

void *config_named_add(struct config *c, enum config_section section,
                       const char *name, unsigned line)
{
    const struct kind *kind = &kinds[section];
    size_t *count = count_in(c, kind);
    char *own = strdup(name);
    void *array = NULL;
    void *one;

    if (own != NULL)
        array =
            reallocarray(pointer_at(c, kind->array), *count + 1, kind->size);
    if (array == NULL) {
        free(own);
        return NULL;
    }
    set_pointer(c, kind->array, array);
    one = memset(element(c, kind, *count), 0, kind->size);
    set_pointer(one, kind->name, own);
    memcpy((char *)one + kind->line, &line, sizeof(line));
    ++*count;
    return one;
}

void config_named_free(struct config *c, enum config_section section)
{
    const struct kind *kind = &kinds[section];

    for (size_t i = 0; i < *count_in(c, kind); i++) {
        void *one = element(c, kind, i);

        config_keys_free(section, one);
        free(pointer_at(one, kind->name));
    }
    free(pointer_at(c, kind->array));
}
