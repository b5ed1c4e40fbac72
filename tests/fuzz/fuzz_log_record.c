/* fuzz_log_record.c - values from outside, in a line of the log.
 *
 * Property: a record is one line of at most LOG_RECORD_MAX octets, UTF-8,
 * without a control octet but its last LF (CONFORMANCE DEC-21). As JSON it is
 * an object that jansson reads; as text its fields read back. In both forms a
 * value that is shown whole is the value that went in, as far as it is UTF-8.
 */
#include <jansson.h>
#include <string.h>

#include "base/log_record.h"
#include "base/utf8.h"
#include "fuzz.h"

#define VALUES_MAX 8

struct written {
    unsigned count;
    struct span values[VALUES_MAX];
};

static const char *const keys[VALUES_MAX] = { "a", "b", "c", "d",
                                              "e", "f", "g", "h" };

static void check_line(struct span line)
{
    REQUIRE(line.len > 0 && line.len <= LOG_RECORD_MAX);
    REQUIRE(line.data[line.len - 1] == '\n');
    line.len--;
    for (size_t i = 0; i < line.len; i++) {
        REQUIRE(line.data[i] >= ' ' && line.data[i] != 0x7f);
        if (line.data[i] == 0xC2) /* C1 controls: U+0080 to U+009F */
            REQUIRE(i + 1 < line.len && line.data[i + 1] >= 0xA0);
    }
    REQUIRE(utf8_is_valid(line));
}

static bool has_c1(struct span s)
{
    for (size_t i = 0; i + 1 < s.len; i++)
        if (s.data[i] == 0xC2 && s.data[i + 1] < 0xA0)
            return true;
    return false;
}

/* --- JSON --- */

static void check_json(struct span line, const struct written *w, bool cut)
{
    json_t *object = json_loadb((const char *)line.data, line.len,
                                JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);

    REQUIRE(json_is_object(object));
    REQUIRE(strcmp(json_string_value(json_object_get(object, "event")),
                   "fuzz") == 0);
    REQUIRE(json_is_true(json_object_get(object, "cut")) == cut);
    for (unsigned i = 0; i < w->count; i++) {
        struct span value = w->values[i];
        json_t *text = json_object_get(object, keys[i]);

        REQUIRE(text == NULL ? cut : json_is_string(text));
        if (text == NULL || value.len > LOG_VALUE_MAX ||
            !utf8_is_valid(value) || has_c1(value))
            continue;
        REQUIRE(span_equals(value, span_make(json_string_value(text),
                                             json_string_length(text))));
    }
    json_decref(object);
}

/* --- text --- */

static unsigned hex(unsigned char octet)
{
    REQUIRE((octet >= '0' && octet <= '9') || (octet >= 'a' && octet <= 'f'));
    return octet <= '9' ? octet - 0x30U : octet - 0x61U + 10U;
}

/* Behind a backslash. */
static unsigned char unescape(struct span *in)
{
    unsigned char octet = (unsigned char)fuzz_take_octet(in);
    unsigned high;

    switch (octet) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case '"':
    case '\\':
        return octet;
    default:
        break;
    }
    REQUIRE(octet == 'x' && in->len >= 2);
    high = hex(span_take(in, 1).data[0]);
    return (unsigned char)(high << 4 | hex(span_take(in, 1).data[0]));
}

/* A value, quoted or a word, up to the blank or the line's end. */
static void read_value(struct span *in, struct buf *out)
{
    bool quoted = in->len > 0 && in->data[0] == '"';

    if (!quoted) {
        size_t n = span_find(*in, ' ');
        struct span word = span_take(in, n);

        REQUIRE(!span_contains(word, '"') && !span_contains(word, '\\'));
        buf_append(out, word);
        return;
    }
    (void)span_take(in, 1);
    while (in->len > 0 && in->data[0] != '"') {
        unsigned char octet = span_take(in, 1).data[0];

        buf_append_octet(out, octet == '\\' ? unescape(in) : octet);
    }
    REQUIRE(in->len > 0);
    (void)span_take(in, 1);
}

static void read_field(struct span *in, const char *key, struct buf *value)
{
    size_t len = strlen(key);

    REQUIRE(in->len > len + 2 && in->data[0] == ' ');
    (void)span_take(in, 1);
    REQUIRE(span_equals(span_take(in, len), span_from_string(key)));
    REQUIRE(span_take(in, 1).data[0] == '=');
    read_value(in, value);
}

static void check_text(struct span line, const struct written *w, bool cut)
{
    static const char head[] = "2026-01-31T10:20:30.123Z info fuzz";

    line.len--;
    REQUIRE(span_equals(span_take(&line, sizeof(head) - 1),
                        span_from_string(head)));
    for (unsigned i = 0; i < w->count; i++) {
        struct span wanted = w->values[i];
        struct buf value;

        if (cut && span_equals(line, SPAN_LITERAL(" cut=yes")))
            return;
        buf_init(&value, FUZZ_TRACE_MAX);
        read_field(&line, keys[i], &value);
        if (wanted.len > LOG_VALUE_MAX) {
            wanted.len = LOG_VALUE_MAX;
            value.end -= 3; /* the dots */
        }
        REQUIRE(span_equals(buf_span(&value), wanted));
        buf_fini(&value);
    }
    REQUIRE(line.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span in = span_make(data, size);
    struct written w = { 0 };

    while (w.count < VALUES_MAX && in.len > 0)
        w.values[w.count++] = fuzz_take(&in, (size_t)fuzz_take_number(&in, 2));
    for (unsigned i = 0; i < 2; i++) {
        enum log_format format = i == 0 ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;
        struct log_record r;
        struct span line;

        log_record_begin(&r, format, LOG_LEVEL_INFO, 1769854830123, "fuzz");
        for (unsigned n = 0; n < w.count; n++) {
            struct span copy = fuzz_copy(w.values[n]);

            log_record_add_text(&r, keys[n], copy);
            fuzz_drop(copy);
        }
        line = log_record_end(&r);
        check_line(line);
        if (format == LOG_FORMAT_JSON)
            check_json(line, &w, r.cut);
        else
            check_text(line, &w, r.cut);
        log_record_fini(&r);
    }
    return 0;
}
