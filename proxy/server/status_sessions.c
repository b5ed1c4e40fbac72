/* The sessions as JSON: the one page that names users and clients. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/status_page.h"

#define SCHEMA 1

/* Both codecs of a login take UTF-8 only, and less of it than is kept. */
static json_t *user_text(const struct session_facts *f)
{
    return f->user_length > 0
               ? json_stringn((const char *)f->user, f->user_length)
               : json_null();
}

static json_t *session_object(const struct session_facts *f)
{
    char number[17]; /* 16 hexadecimal digits and a NUL, as in the log */

    (void)snprintf(number, sizeof(number), "%llx",
                   (unsigned long long)f->number);
    return json_pack(
        "{s:s, s:s, s:s?, s:s, s:i, s:o, s:s, s:s?, s:I, s:I, s:I}", "session",
        number, "listener", f->listener, "upstream",
        f->upstream[0] != '\0' ? f->upstream : NULL, "client", f->client.host,
        "port", (int)f->client.port, "user", user_text(f), "state",
        bridge_phase_name(f->phase), "tls", f->tls, "age_seconds",
        (json_int_t)(f->age_ms / 1000), "messages", (json_int_t)f->messages,
        "octets", (json_int_t)f->octets);
}

bool status_page_sessions(const struct session_facts *facts, size_t count,
                          bool complete, struct buf *out)
{
    json_t *list = json_array();
    char *text = NULL;
    json_t *page;
    bool good = list != NULL;

    for (size_t i = 0; good && i < count; i++)
        good = json_array_append_new(list, session_object(&facts[i])) == 0;
    page = json_pack("{s:i, s:b, s:o}", "schema", SCHEMA, "complete",
                     (int)complete, "sessions", list);
    if (good && page != NULL)
        text = json_dumps(page, JSON_INDENT(1));
    json_decref(page);
    if (text == NULL)
        return false;
    (void)buf_append_string(out, text);
    (void)buf_append_octet(out, '\n');
    free(text);
    return !buf_failed(out);
}
