/* test_log_record.c - one line, whatever the values hold: DEC-21. */
#include "base/log_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/utf8.h"
#include "support/octets.h"

#define WHEN UINT64_C(1769854830123)

static void begin(struct log_record *r, enum log_format format)
{
    log_record_begin(r, format, LOG_LEVEL_INFO, WHEN, "login");
}

static void check_text(struct span value, const char *expected)
{
    struct log_record r;
    struct buf line;

    begin(&r, LOG_FORMAT_TEXT);
    log_record_add_text(&r, "v", value);
    buf_init(&line, 8192);
    (void)buf_append_string(&line, "2026-01-31T10:20:30.123Z info login v=");
    (void)buf_append_string(&line, expected);
    (void)buf_append_string(&line, "\n");
    assert_octets(log_record_end(&r), buf_span(&line));
    buf_fini(&line);
    log_record_fini(&r);
}

static void test_text(void **state)
{
    (void)state;
    check_text(SPAN_LITERAL("pop3s"), "pop3s");
    check_text(SPAN_LITERAL("[::1]:995"), "[::1]:995");
    check_text(SPAN_LITERAL(""), "\"\"");
    check_text(SPAN_LITERAL("a b"), "\"a b\"");
    check_text(SPAN_LITERAL("a=b"), "\"a=b\"");
    check_text(SPAN_LITERAL("a\"b\\c"), "\"a\\\"b\\\\c\"");
    check_text(SPAN_LITERAL("a\r\n\tb"), "\"a\\r\\n\\tb\"");
    check_text(SPAN_LITERAL("a\0b\x1b[2J\x7f"), "\"a\\x00b\\x1b[2J\\x7f\"");
    check_text(SPAN_LITERAL("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x90\xA6"),
               "\"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x90\xA6\"");
    check_text(SPAN_LITERAL("\xC3"), "\"\\xc3\"");
    check_text(SPAN_LITERAL("\xE2\x82"), "\"\\xe2\\x82\"");
    check_text(SPAN_LITERAL("\xC0\xAFz"), "\"\\xc0\\xafz\"");
    /* CSI as one character: some terminals obey it. */
    check_text(SPAN_LITERAL("\xC2\x9B"
                            "2J"),
               "\"\\xc2\\x9b2J\"");
}

static void test_fields(void **state)
{
    struct log_record r;

    (void)state;
    begin(&r, LOG_FORMAT_TEXT);
    log_record_add_string(&r, "listener", "pop3s");
    log_record_add_number(&r, "octets", UINT64_MAX);
    assert_octets_string(log_record_end(&r),
                         "2026-01-31T10:20:30.123Z info login listener=pop3s "
                         "octets=18446744073709551615\n");
    log_record_fini(&r);
    begin(&r, LOG_FORMAT_JSON);
    log_record_add_string(&r, "listener", "pop3s");
    log_record_add_number(&r, "octets", UINT64_MAX);
    assert_octets_string(
        log_record_end(&r),
        "{\"time\":\"2026-01-31T10:20:30.123Z\",\"level\":\"info\","
        "\"event\":\"login\",\"listener\":\"pop3s\","
        "\"octets\":18446744073709551615}\n");
    log_record_fini(&r);
}

static void test_levels(void **state)
{
    static const char *const lines[] = {
        [LOG_LEVEL_ERROR] = "2026-01-31T10:20:30.123Z error login\n",
        [LOG_LEVEL_WARNING] = "2026-01-31T10:20:30.123Z warning login\n",
        [LOG_LEVEL_INFO] = "2026-01-31T10:20:30.123Z info login\n",
        [LOG_LEVEL_DEBUG] = "2026-01-31T10:20:30.123Z debug login\n",
    };
    struct log_record r;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(lines); i++) {
        log_record_begin(&r, LOG_FORMAT_TEXT, (enum log_level)i, WHEN, "login");
        assert_octets_string(log_record_end(&r), lines[i]);
        log_record_fini(&r);
    }
}

/* A JSON reader gets back what was put in; what is not UTF-8 becomes U+FFFD.
 */
static void check_json(struct span value, struct span expected)
{
    struct log_record r;
    struct span line;
    json_t *object;
    json_t *text;

    begin(&r, LOG_FORMAT_JSON);
    log_record_add_text(&r, "v", value);
    line = log_record_end(&r);
    assert_true(line.len > 0 && line.data[line.len - 1] == '\n');
    assert_int_equal(span_find(line, '\n'), line.len - 1);
    object =
        json_loadb((const char *)line.data, line.len, JSON_ALLOW_NUL, NULL);
    assert_non_null(object);
    text = json_object_get(object, "v");
    assert_true(json_is_string(text));
    assert_octets(span_make(json_string_value(text), json_string_length(text)),
                  expected);
    json_decref(object);
    log_record_fini(&r);
}

#define UNKNOWN "\xEF\xBF\xBD"

static void test_json(void **state)
{
    unsigned char octet;

    (void)state;
    check_json(SPAN_LITERAL(""), SPAN_LITERAL(""));
    check_json(SPAN_LITERAL("a\"b\\c\r\n\t\0\x1b\x7f/"),
               SPAN_LITERAL("a\"b\\c\r\n\t\0\x1b\x7f/"));
    check_json(SPAN_LITERAL("\xC3\xA4\xF0\x9F\x90\xA6"),
               SPAN_LITERAL("\xC3\xA4\xF0\x9F\x90\xA6"));
    check_json(SPAN_LITERAL("a\xC3"), SPAN_LITERAL("a" UNKNOWN));
    check_json(SPAN_LITERAL("\xE2\x82z"), SPAN_LITERAL(UNKNOWN UNKNOWN "z"));
    for (unsigned i = 0; i < 256; i++) {
        octet = (unsigned char)i;
        check_json(span_make(&octet, 1),
                   i < 0x80 ? span_make(&octet, 1) : SPAN_LITERAL(UNKNOWN));
    }
}

static void check_long(enum log_format format, unsigned char octet,
                       size_t length)
{
    static unsigned char value[2 * LOG_VALUE_MAX];
    struct log_record r;
    struct span line;
    bool json = format == LOG_FORMAT_JSON;
    const char *cut = json ? ",\"cut\":true}\n" : " cut=yes\n";

    memset(value, octet, sizeof(value));
    begin(&r, format);
    for (unsigned i = 0; i < 100; i++)
        log_record_add_text(&r, "key", span_make(value, length));
    log_record_add_number(&r, "late", 1);
    line = log_record_end(&r);
    assert_in_range(line.len, LOG_RECORD_MAX / 4, LOG_RECORD_MAX);
    assert_memory_equal(line.data + line.len - strlen(cut), cut, strlen(cut));
    if (json) {
        json_t *object = json_loadb((const char *)line.data, line.len, 0, NULL);

        assert_non_null(object);
        assert_null(json_object_get(object, "late"));
        json_decref(object);
    }
    log_record_fini(&r);
}

/* However long and however much escaped, the record stays under its cap and
 * whole.
 */
static void test_long(void **state)
{
    static const size_t lengths[] = {
        60, 100, 333, LOG_VALUE_MAX, LOG_VALUE_MAX + 1, 2 * LOG_VALUE_MAX
    };
    static const unsigned char octets[] = { 'a', '"', '\x01', 0xFF };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(lengths); i++) {
        for (size_t j = 0; j < ARRAY_LENGTH(octets); j++) {
            check_long(LOG_FORMAT_TEXT, octets[j], lengths[i]);
            check_long(LOG_FORMAT_JSON, octets[j], lengths[i]);
        }
    }
}

static void test_long_value(void **state)
{
    char value[LOG_VALUE_MAX + 2];
    char expected[LOG_VALUE_MAX + 8];

    (void)state;
    memset(value, 'a', sizeof(value));
    memset(expected, 'a', sizeof(expected));
    expected[LOG_VALUE_MAX] = '\0';
    check_text(span_make(value, LOG_VALUE_MAX), expected);
    memset(expected, 'a', sizeof(expected));
    expected[0] = '"';
    memcpy(expected + 1 + LOG_VALUE_MAX, "...\"", 5);
    check_text(span_make(value, LOG_VALUE_MAX + 1), expected);
}

/* One by one, escaped as in text whatever the line is, and none of them can end
 * early: the journal's protocol ends a field with its line.
 */
static void test_kept_fields(void **state)
{
    static const enum log_format formats[] = { LOG_FORMAT_TEXT,
                                               LOG_FORMAT_JSON };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(formats); i++) {
        struct log_record r;

        begin(&r, formats[i]);
        log_record_keep_fields(&r);
        log_record_add_text(&r, "user", SPAN_LITERAL("a b\nPRIORITY=0"));
        log_record_add_number(&r, "duration_ms", 12);
        assert_octets(buf_span(&r.fields),
                      SPAN_LITERAL("POPINJAY_EVENT=login\n"
                                   "POPINJAY_USER=a b\\nPRIORITY=0\n"
                                   "POPINJAY_DURATION_MS=12\n"));
        log_record_fini(&r);
    }
}

/* Whoever writes times itself leaves ours out. */
static void test_time_length(void **state)
{
    struct log_record r;
    struct span line;

    (void)state;
    begin(&r, LOG_FORMAT_TEXT);
    line = log_record_end(&r);
    (void)span_take(&line, r.time_length);
    assert_octets(line, SPAN_LITERAL("info login\n"));
    log_record_fini(&r);
    begin(&r, LOG_FORMAT_JSON);
    assert_int_equal(r.time_length, 0);
    log_record_fini(&r);
}

int main(void)
{
    const struct CMUnitTest log_record[] = {
        cmocka_unit_test(test_text),        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_levels),      cmocka_unit_test(test_json),
        cmocka_unit_test(test_long),        cmocka_unit_test(test_long_value),
        cmocka_unit_test(test_kept_fields), cmocka_unit_test(test_time_length),
    };

    return cmocka_run_group_tests(log_record, NULL, NULL);
}
