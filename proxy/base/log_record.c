#include "base/log_record.h"

#include <string.h>

#include "base/datetime.h"
#include "base/utf8.h"

/* The longest form of one unit: four octets, none of them UTF-8, as text. */
#define ESCAPED_MAX 16
/* Kept free for what log_record_end adds. */
#define END_MAX 16

static const char hex_digits[] = "0123456789abcdef";

static const char *const level_names[] = {
    [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARNING] = "warning",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_DEBUG] = "debug",
};

/* --- escaping --- */

/* How many octets the character at the front of |s| has; 0: it is not UTF-8,
 * or a C1 control, which some terminals obey.
 */
static size_t character_length(struct span s)
{
    unsigned char lead = s.data[0];
    size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;

    if (length > s.len || !utf8_is_valid(span_make(s.data, length)))
        return 0;
    if (lead == 0xC2 && s.data[1] < 0xA0)
        return 0;
    return length;
}

static size_t escape_octet(enum log_format format, unsigned char octet,
                           char *out)
{
    /* An octet that is no character has no place in JSON: U+FFFD. */
    static const char unknown[] = "\\ufffd";
    size_t n = 0;

    if (format == LOG_FORMAT_JSON && octet >= 0x80) {
        memcpy(out, unknown, sizeof(unknown) - 1);
        return sizeof(unknown) - 1;
    }
    out[n++] = '\\';
    if (octet == '"' || octet == '\\') {
        out[n++] = (char)octet;
        return n;
    }
    if (octet == '\n' || octet == '\r' || octet == '\t') {
        out[n++] = octet == '\n' ? 'n' : octet == '\r' ? 'r' : 't';
        return n;
    }
    out[n++] = format == LOG_FORMAT_JSON ? 'u' : 'x';
    if (format == LOG_FORMAT_JSON) {
        out[n++] = '0';
        out[n++] = '0';
    }
    out[n++] = hex_digits[octet >> 4];
    out[n++] = hex_digits[octet & 15];
    return n;
}

/* Octets of ASCII that stand for themselves, off the front of |s|: nearly all
 * that a log ever sees.
 */
static struct span take_plain(struct span *s)
{
    size_t n = 0;

    while (n < s->len && s->data[n] >= ' ' && s->data[n] < 0x7f &&
           s->data[n] != '"' && s->data[n] != '\\')
        n++;
    return span_take(s, n);
}

/* Takes what is not plain, one character or one octet, off |s|; returns how long
 * its form is.
 */
static size_t escape_next(enum log_format format, struct span *s, char *out)
{
    size_t length = character_length(*s);
    unsigned char octet = s->data[0];

    if (length > 1) {
        memcpy(out, s->data, length);
        (void)span_take(s, length);
        return length;
    }
    (void)span_take(s, 1);
    return escape_octet(format, octet, out);
}

/* A value that stands in text without quotes. */
static bool is_word(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.data[i] <= ' ' || s.data[i] >= 0x7f || s.data[i] == '"' ||
            s.data[i] == '\\' || s.data[i] == '=')
            return false;
    return s.len > 0;
}

static size_t escaped_length(enum log_format format, struct span s)
{
    char out[ESCAPED_MAX];
    size_t n = take_plain(&s).len;

    while (s.len > 0) {
        n += escape_next(format, &s, out);
        n += take_plain(&s).len;
    }
    return n;
}

static void append_escaped(struct buf *to, enum log_format format,
                           struct span s)
{
    char out[ESCAPED_MAX];

    (void)buf_append(to, take_plain(&s));
    while (s.len > 0) {
        size_t n = escape_next(format, &s, out);

        (void)buf_append(to, span_make(out, n));
        (void)buf_append(to, take_plain(&s));
    }
}

/* --- fields --- */

static void append_key(struct log_record *r, const char *key)
{
    if (r->format == LOG_FORMAT_JSON) {
        (void)buf_append_string(&r->line, ",\"");
        (void)buf_append_string(&r->line, key);
        (void)buf_append_string(&r->line, "\":");
    } else {
        (void)buf_append_string(&r->line, " ");
        (void)buf_append_string(&r->line, key);
        (void)buf_append_string(&r->line, "=");
    }
}

/* Names in the journal are capitals, digits and underscores. */
static void keep_key(struct log_record *r, const char *key)
{
    (void)buf_append_string(&r->fields, "POPINJAY_");
    for (; *key != '\0'; key++) {
        bool small = *key >= 'a' && *key <= 'z';

        (void)buf_append_octet(
            &r->fields, (unsigned char)(small ? *key - 'a' + 'A' : *key));
    }
    (void)buf_append_octet(&r->fields, '=');
}

static void keep_text(struct log_record *r, const char *key, struct span value)
{
    if (!r->keeps_fields)
        return;
    keep_key(r, key);
    append_escaped(&r->fields, LOG_FORMAT_TEXT, value);
    (void)buf_append_octet(&r->fields, '\n');
}

static void keep_number(struct log_record *r, const char *key, uint64_t value)
{
    if (!r->keeps_fields)
        return;
    keep_key(r, key);
    (void)buf_append_number(&r->fields, value);
    (void)buf_append_octet(&r->fields, '\n');
}

/* Room for a field whose value takes |length| octets; once there was none,
 * never again.
 */
static bool has_room(struct log_record *r, const char *key, size_t length)
{
    /* ,"key": and the quotes and dots of the value */
    size_t needed = strlen(key) + 4 + length + 5 + END_MAX;

    if (!r->cut && needed > buf_room(&r->line))
        r->cut = true;
    return !r->cut;
}

void log_record_begin(struct log_record *r, enum log_format format,
                      enum log_level level, uint64_t unix_ms, const char *event)
{
    char time[DATETIME_RFC3339_LEN + 1];
    bool json = format == LOG_FORMAT_JSON;

    *r =
        (struct log_record){ .format = format, .level = level, .event = event };
    buf_init(&r->line, LOG_RECORD_MAX);
    buf_init(&r->fields, LOG_FIELDS_MAX);
    datetime_write_rfc3339(unix_ms, time);
    (void)buf_append_string(&r->line, json ? "{\"time\":\"" : "");
    (void)buf_append_string(&r->line, time);
    (void)buf_append_string(&r->line, json ? "\",\"level\":\"" : " ");
    r->time_length = json ? 0 : buf_length(&r->line);
    (void)buf_append_string(&r->line, level_names[level]);
    (void)buf_append_string(&r->line, json ? "\",\"event\":\"" : " ");
    (void)buf_append_string(&r->line, event);
    (void)buf_append_string(&r->line, json ? "\"" : "");
}

void log_record_keep_fields(struct log_record *r)
{
    r->keeps_fields = true;
    keep_text(r, "event", span_from_string(r->event));
}

void log_record_add_text(struct log_record *r, const char *key,
                         struct span value)
{
    bool whole = value.len <= LOG_VALUE_MAX;
    bool quoted = r->format == LOG_FORMAT_JSON || !whole || !is_word(value);

    if (!whole)
        value.len = LOG_VALUE_MAX;
    if (!has_room(r, key, escaped_length(r->format, value)))
        return;
    append_key(r, key);
    (void)buf_append_string(&r->line, quoted ? "\"" : "");
    append_escaped(&r->line, r->format, value);
    (void)buf_append_string(&r->line, whole ? "" : "...");
    (void)buf_append_string(&r->line, quoted ? "\"" : "");
    keep_text(r, key, value);
}

void log_record_add_string(struct log_record *r, const char *key,
                           const char *value)
{
    log_record_add_text(r, key, span_from_string(value));
}

void log_record_add_number(struct log_record *r, const char *key,
                           uint64_t value)
{
    if (!has_room(r, key, 20))
        return;
    append_key(r, key);
    (void)buf_append_number(&r->line, value);
    keep_number(r, key, value);
}

struct span log_record_end(struct log_record *r)
{
    bool json = r->format == LOG_FORMAT_JSON;

    if (r->cut)
        (void)buf_append_string(&r->line, json ? ",\"cut\":true" : " cut=yes");
    (void)buf_append_string(&r->line, json ? "}\n" : "\n");
    return buf_failed(&r->line) ? (struct span){ NULL, 0 } : buf_span(&r->line);
}

void log_record_fini(struct log_record *r)
{
    buf_fini(&r->line);
    buf_fini(&r->fields);
}
