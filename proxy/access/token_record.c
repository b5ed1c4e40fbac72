#include "access/token_record.h"

#include <jansson.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "access/wiping.h"
#include "base/limits.h"

void token_record_fini(struct token_record *record)
{
    wiping_free_text(record->refresh);
    wiping_free_text(record->access);
    *record = (struct token_record){ .refresh = NULL };
}

/* --- read --- */

/* A text that is not there is none, and fine. */
static char *copy_text(const json_t *object, const char *name, bool *good)
{
    const char *text = json_string_value(json_object_get(object, name));
    char *copy = text != NULL ? strdup(text) : NULL;

    *good = *good && (text == NULL || copy != NULL);
    return copy;
}

static uint64_t number_of(const json_t *object, const char *name)
{
    json_int_t number = json_integer_value(json_object_get(object, name));

    return number > 0 ? (uint64_t)number : 0;
}

/* What does not fit is the mark of nobody. */
static void copy_mark(const json_t *object, const char *name,
                      char mark[TOKEN_MARK_SIZE])
{
    const char *text = json_string_value(json_object_get(object, name));

    if (text != NULL && strlen(text) < TOKEN_MARK_SIZE)
        (void)snprintf(mark, TOKEN_MARK_SIZE, "%s", text);
}

bool token_record_read(struct span text, struct token_record *record)
{
    json_t *object = json_loadb((const char *)text.data, text.len, 0, NULL);
    bool good = json_is_object(object);

    *record = (struct token_record){ .refresh = NULL };
    record->refresh = copy_text(object, "refresh_token", &good);
    record->access = copy_text(object, "access_token", &good);
    record->obtained_s = number_of(object, "obtained");
    record->lifetime_s = number_of(object, "lifetime");
    copy_mark(object, "granted_by", record->granted_by);
    json_decref(object);
    if (!good)
        token_record_fini(record);
    return good;
}

/* --- written --- */

static bool add_text(json_t *object, const char *name, const char *text)
{
    return text == NULL ||
           json_object_set_new(object, name, json_string(text)) == 0;
}

static bool add_number(json_t *object, const char *name, uint64_t number)
{
    return json_object_set_new(object, name,
                               json_integer((json_int_t)number)) == 0;
}

bool token_record_write(const struct token_record *record, struct buf *text)
{
    json_t *object = json_object();
    char *words = NULL;
    bool good = object != NULL &&
                add_text(object, "refresh_token", record->refresh) &&
                add_text(object, "access_token", record->access) &&
                add_number(object, "obtained", record->obtained_s) &&
                add_number(object, "lifetime", record->lifetime_s) &&
                add_text(object, "granted_by", record->granted_by);

    if (good)
        words = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    good = words != NULL && buf_append_string(text, words);
    wiping_free_text(words);
    return good;
}

bool token_record_digest(const struct token_record *record,
                         struct token_digest *digest)
{
    struct buf text;
    struct span words;
    bool made;

    buf_init(&text, SECRET_MAX);
    made = token_record_write(record, &text);
    words = buf_span(&text);
    made = made && EVP_Digest(words.data, words.len, digest->octets, NULL,
                              EVP_sha256(), NULL) == 1;
    ERR_clear_error();
    buf_fini(&text);
    return made;
}
