/* fuzz_sasl.c - base64, and the messages that bring a secret.
 *
 * Property: what is encoded decodes to itself; what decodes is the one and only
 * encoding of its octets, so that encoding them again gives the same text, and
 * a plain decoder takes and refuses the same. A PLAIN message that is taken
 * has the form of RFC 4616, with parts that cannot end a line upstream; one
 * that is refused has not. A bearer's message that is taken says who and by
 * what, and neither can end a line.
 */
#include <string.h>

#include "base/base64.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "fuzz.h"
#include "pop3/sasl.h"

#define ALPHABET \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

static int value_of(unsigned char octet)
{
    const char *at = octet == 0 ? NULL : strchr(ALPHABET, octet);

    return at == NULL ? -1 : (int)(at - ALPHABET);
}

/* One bit after the other. */
static bool model_decode(struct span in, struct buf *out)
{
    size_t padding = 0;
    unsigned bits = 0;
    unsigned have = 0;

    if (in.len % 4 != 0)
        return false;
    while (in.len > 0 && padding < 2 && in.data[in.len - 1] == '=') {
        in.len--;
        padding++;
    }
    for (size_t i = 0; i < in.len; i++) {
        int value = value_of(in.data[i]);

        if (value < 0)
            return false;
        bits = (bits << 6 | (unsigned)value) & 0xffff;
        have += 6;
        if (have >= 8) {
            have -= 8;
            buf_append_octet(out, (unsigned char)(bits >> have));
        }
    }
    return (bits & (BIT(have) - 1)) == 0 && have == 2 * padding;
}

static void check_decode(struct span in)
{
    struct span copy = fuzz_copy(in);
    struct buf decoded, model, again;
    bool good;

    buf_init(&decoded, FUZZ_TRACE_MAX);
    buf_init(&model, FUZZ_TRACE_MAX);
    buf_init(&again, FUZZ_TRACE_MAX);
    good = base64_decode(copy, &decoded);
    fuzz_drop(copy);
    REQUIRE(good == model_decode(in, &model));
    if (good) {
        REQUIRE(span_equals(buf_span(&decoded), buf_span(&model)));
        REQUIRE(base64_encode(buf_span(&decoded), &again));
        REQUIRE(span_equals(buf_span(&again), in));
    }
    buf_fini(&decoded);
    buf_fini(&model);
    buf_fini(&again);
}

static void check_encode(struct span in)
{
    struct buf encoded, back;

    buf_init(&encoded, FUZZ_TRACE_MAX);
    buf_init(&back, FUZZ_TRACE_MAX);
    REQUIRE(base64_encode(in, &encoded));
    REQUIRE(buf_length(&encoded) == (in.len + 2) / 3 * 4);
    REQUIRE(base64_decode(buf_span(&encoded), &back));
    REQUIRE(span_equals(buf_span(&back), in));
    buf_fini(&encoded);
    buf_fini(&back);
}

static bool model_part(struct span part, bool may_be_empty)
{
    if (part.len == 0)
        return may_be_empty;
    for (size_t i = 0; i < part.len; i++)
        if (part.data[i] == '\r' || part.data[i] == '\n')
            return false;
    return part.len <= SASL_PART_MAX && utf8_is_valid(part);
}

static void check_plain(struct span message)
{
    struct span copy = fuzz_copy(message);
    struct span parts[3] = { { NULL, 0 } };
    struct sasl_plain plain;
    size_t nuls = 0;
    bool wanted;

    for (size_t i = 0, begin = 0; i <= copy.len; i++) {
        if (i < copy.len && copy.data[i] != 0)
            continue;
        if (nuls < 3)
            parts[nuls] = span_make(copy.data + begin, i - begin);
        nuls += i < copy.len;
        begin = i + 1;
    }
    wanted = nuls == 2 && model_part(parts[0], true) &&
             model_part(parts[1], false) && model_part(parts[2], false);
    REQUIRE(sasl_plain_parse(copy, &plain) == wanted);
    if (wanted) {
        REQUIRE(span_equals(plain.authzid, parts[0]));
        REQUIRE(span_equals(plain.authcid, parts[1]));
        REQUIRE(span_equals(plain.password, parts[2]));
    }
    fuzz_drop(copy);
}

/* What is taken can be written again, and is then taken for the same; and it
 * ends no line.
 */
static void check_bearer(enum sasl_mechanism mechanism, struct span message)
{
    struct span copy = fuzz_copy(message);
    struct sasl_bearer first;
    struct sasl_bearer again;
    struct buf written;
    struct span user;

    buf_init(&written, FUZZ_TRACE_MAX);
    if (sasl_bearer_parse(mechanism, copy, &first)) {
        user = span_make(first.user, first.user_length);
        REQUIRE(model_part(user, false));
        REQUIRE(first.token.len > 0 && first.token.len <= TOKEN_MAX);
        for (size_t i = 0; i < first.token.len; i++)
            REQUIRE(first.token.data[i] > ' ' && first.token.data[i] < 0x7f);
        buf_append_string(&written, "user=");
        buf_append(&written, user);
        buf_append_string(&written, "\1auth=Bearer ");
        buf_append(&written, first.token);
        buf_append_string(&written, "\1\1");
        if (!span_contains(user, '\1')) {
            REQUIRE(
                sasl_bearer_parse(SASL_XOAUTH2, buf_span(&written), &again));
            REQUIRE(span_equals(first.token, again.token));
            REQUIRE(
                span_equals(user, span_make(again.user, again.user_length)));
        }
    }
    buf_fini(&written);
    fuzz_drop(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span in = span_make(data, size);

    check_decode(in);
    check_encode(in);
    check_plain(in);
    check_bearer(SASL_XOAUTH2, in);
    check_bearer(SASL_OAUTHBEARER, in);
    return 0;
}
