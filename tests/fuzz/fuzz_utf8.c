/* fuzz_utf8.c - is it UTF-8?
 *
 * Property: the answer is that of a plain decoder, which reads code points and
 * encodes each again by the table of RFC 3629 §3; and where the input is cut
 * between two characters, both parts are UTF-8 exactly when the whole is.
 */
#include "base/utf8.h"
#include "fuzz.h"

/* Writes |point| as UTF-8 wants it; returns how many octets that takes. */
static size_t encode(uint32_t point, unsigned char *out)
{
    size_t more = point < 0x80      ? 0
                  : point < 0x800   ? 1
                  : point < 0x10000 ? 2
                                    : 3;
    static const unsigned char leads[] = { 0, 0xC0, 0xE0, 0xF0 };

    out[0] = (unsigned char)(leads[more] | point >> (6 * more));
    for (size_t i = 1; i <= more; i++)
        out[i] = (unsigned char)(0x80 | (point >> (6 * (more - i)) & 0x3F));
    return more + 1;
}

/* The octets of the character at the front; 0: there is none. */
static size_t model_character(struct span s)
{
    unsigned char lead = s.data[0];
    size_t len = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    uint32_t point = len == 1 ? lead : lead & (0x7FU >> len);
    unsigned char again[4];

    if (lead >= 0xF8 || (lead >= 0x80 && lead < 0xC0) || len > s.len)
        return 0;
    for (size_t i = 1; i < len; i++)
        point = point << 6 | (s.data[i] & 0x3FU);
    if (point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
        return 0;
    if (encode(point, again) != len)
        return 0;
    return span_equals(span_make(again, len), span_make(s.data, len)) ? len : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span whole = fuzz_copy(span_make(data, size));
    struct span rest = whole;
    bool valid = utf8_is_valid(whole);
    bool ascii = true;
    size_t n = 1;

    while (rest.len > 0 && (n = model_character(rest)) > 0) {
        struct span before = span_make(whole.data, whole.len - rest.len);

        REQUIRE(utf8_is_valid(before));
        REQUIRE(utf8_is_valid(rest) == valid);
        (void)span_take(&rest, n);
    }
    REQUIRE(valid == (rest.len == 0));
    for (size_t i = 0; i < size; i++)
        ascii = ascii && data[i] < 0x80;
    REQUIRE(utf8_is_ascii(whole) == ascii);
    fuzz_drop(whole);
    return 0;
}
