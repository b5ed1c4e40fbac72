#include "base/base64.h"

#include <stddef.h>
#include <stdint.h>

#define PAD '='

static const unsigned char alphabet[64] = {
    'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M',
    'N', 'O', 'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z',
    'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm',
    'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z',
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '+', '/',
};

/* One to three octets as four letters. */
static void encode_group(const unsigned char *in, size_t len,
                         unsigned char *out)
{
    uint32_t bits = (uint32_t)in[0] << 16;

    if (len > 1)
        bits |= (uint32_t)in[1] << 8;
    if (len > 2)
        bits |= in[2];
    out[0] = alphabet[bits >> 18];
    out[1] = alphabet[bits >> 12 & 63];
    out[2] = len > 1 ? alphabet[bits >> 6 & 63] : PAD;
    out[3] = len > 2 ? alphabet[bits & 63] : PAD;
}

bool base64_encode(struct span in, struct buf *out)
{
    /* No overflow: no object is larger than half of what size_t counts. */
    size_t encoded = (in.len / 3 + (in.len % 3 != 0)) * 4;
    unsigned char *to;

    if (in.len == 0)
        return !buf_failed(out);
    to = buf_reserve(out, encoded);
    if (to == NULL)
        return false;
    while (in.len > 0) {
        struct span group = span_take(&in, in.len < 3 ? in.len : 3);

        encode_group(group.data, group.len, to);
        to += 4;
    }
    buf_commit(out, encoded);
    return true;
}

/* What a letter stands for, or -1. */
static int value_of(unsigned char letter)
{
    if (letter >= 'A' && letter <= 'Z')
        return letter - 'A';
    if (letter >= 'a' && letter <= 'z')
        return letter - 'a' + 26;
    if (letter >= '0' && letter <= '9')
        return letter - '0' + 52;
    if (letter == '+')
        return 62;
    if (letter == '/')
        return 63;
    return -1;
}

/* Two to four letters as one to three octets: |len| without the padding. */
static bool decode_group(const unsigned char *in, size_t len, struct buf *out)
{
    unsigned char octets[3];
    uint32_t bits = 0;

    for (size_t i = 0; i < 4; i++) {
        int value = i < len ? value_of(in[i]) : 0;

        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
    }
    octets[0] = (unsigned char)(bits >> 16);
    octets[1] = (unsigned char)(bits >> 8);
    octets[2] = (unsigned char)bits;
    /* The bits that padding leaves over say nothing and must be zero, or one
     * secret would have several spellings.
     */
    if ((len == 2 && octets[1] != 0) || (len < 4 && octets[2] != 0))
        return false;
    return buf_append(out, span_make(octets, len - 1));
}

/* The letters of the last group that are not padding. */
static size_t without_padding(struct span group)
{
    if (group.data[3] != PAD)
        return 4;
    return group.data[2] != PAD ? 3 : 2;
}

bool base64_decode(struct span in, struct buf *out)
{
    if (in.len % 4 != 0)
        return false;
    while (in.len > 0) {
        struct span group = span_take(&in, 4);
        size_t letters = in.len > 0 ? 4 : without_padding(group);

        if (!decode_group(group.data, letters, out))
            return false;
    }
    return !buf_failed(out);
}
