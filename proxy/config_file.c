#include "config_file.h"

#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\r\n"

struct reading {
    FILE *file;
    const struct config_file_events *events;
    void *data;
    unsigned line; /* the last one read, from 1 */
    bool failed;   /* |why| is set, |line| is where */
    bool refused;  /* by an event */
    char *text;    /* of getline */
    size_t text_size;
    char *why;
    size_t why_size;
};

static bool fail(struct reading *r, const char *why)
{
    r->failed = true;
    (void)snprintf(r->why, r->why_size, "%s", why);
    return false;
}

/* Beside tabs and the line's end, LF or CRLF. */
static bool has_control(const char *text)
{
    size_t length = strcspn(text, "\r\n");

    for (size_t i = 0; i < length; i++)
        if (((unsigned char)text[i] < ' ' && text[i] != '\t') ||
            text[i] == 0x7f)
            return true;
    text += length;
    return strcmp(text, "") != 0 && strcmp(text, "\n") != 0 &&
           strcmp(text, "\r\n") != 0;
}

/* |header| begins with its bracket. */
static bool begin_section(struct reading *r, char *header)
{
    char name[CONFIG_LINE_MAX + 1];
    char *end = strchr(header, ']');
    size_t length;

    if (end == NULL)
        return fail(r, "[section] lacks its closing bracket");
    length = (size_t)(end - header) - 1;
    if (length > r->events->section_max)
        return fail(r, "the name of the section is too long");
    end += 1 + strspn(end + 1, BLANKS);
    if (*end != '\0' && *end != ';' && *end != '#')
        return fail(r, "something stands behind [section]");
    memcpy(name, header + 1, length);
    name[length] = '\0';
    r->refused = !r->events->section(r->data, name, r->line);
    return !r->refused;
}

/* Reads the next line into |r|; false: there is none, or it has failed. */
static bool read_line(struct reading *r)
{
    ssize_t length;

    errno = 0;
    length = getline(&r->text, &r->text_size, r->file);
    if (length < 0) {
        r->line = errno != 0 ? 0 : r->line;
        return errno != 0 ? fail(r, strerror(errno)) : false;
    }
    r->line++;
    if (strlen(r->text) != (size_t)length || has_control(r->text))
        return fail(r, "a control octet; this is to be a text file");
    return true;
}

/* The next line as inih may have it: whole, and from its first octet that is
 * no blank on, since inih takes an indented line for a part of the one before.
 */
static char *next_line(char *to, int size, void *data)
{
    struct reading *r = data;
    char *text;

    if (r->failed || r->refused || !read_line(r))
        return NULL;
    text = r->text;
    if (r->line == 1 && strncmp(text, "\xEF\xBB\xBF", 3) == 0)
        text += 3;
    text += strspn(text, BLANKS);
    if (*text == ';' || *text == '#')
        text = strchr(text, '\0');
    if (strlen(text) >= (size_t)size) {
        (void)fail(r, "the line is too long");
        return NULL;
    }
    if (*text == '[' && !begin_section(r, text))
        return NULL;
    memcpy(to, text, strlen(text) + 1);
    return to;
}

static int on_key(void *data, const char *section, const char *name,
                  const char *value)
{
    struct reading *r = data;

    (void)section; /* known since begin_section */
    if (!r->failed && !r->refused)
        r->refused = !r->events->key(r->data, name, value, r->line);
    return 1;
}

bool config_file_read(FILE *file, const struct config_file_events *events,
                      void *data, unsigned *line, char *why, size_t why_size)
{
    struct reading r = { .file = file,
                         .events = events,
                         .data = data,
                         .why = why,
                         .why_size = why_size };
    int result = ini_parse_stream(next_line, &r, on_key, &r);

    free(r.text);
    if (r.refused)
        return false;
    if (!r.failed && result > 0) {
        r.line = (unsigned)result;
        (void)fail(&r, "neither [section] nor key = value");
    } else if (!r.failed && result < 0) {
        r.line = 0;
        (void)fail(&r, "out of memory");
    }
    if (r.failed)
        *line = r.line;
    return !r.failed;
}
