/* mailbox_name.c - runs of what is not printable ASCII are base64 of UTF-16,
 * between `&` and `-`, with `,` for `/`.
 */
#include "imap/mailbox_name.h"

#include <stdint.h>

#include "base/utf8.h"

bool imap_mailbox_name_is_inbox(struct span name)
{
    return span_equals_nocase(name, SPAN_LITERAL("INBOX"));
}

static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/* A run that is open: bits of it that make no digit yet. */
struct run {
    struct buf *out;
    bool open;
    uint32_t bits;
    unsigned count;
};

static void add_unit(struct run *r, uint32_t unit)
{
    if (!r->open)
        buf_append_octet(r->out, '&');
    r->open = true;
    r->bits = r->bits << 16 | unit;
    r->count += 16;
    while (r->count >= 6) {
        r->count -= 6;
        buf_append_octet(r->out,
                         (unsigned char)digits[r->bits >> r->count & 63]);
    }
}

static void close_run(struct run *r)
{
    if (!r->open)
        return;
    if (r->count > 0)
        buf_append_octet(r->out,
                         (unsigned char)digits[r->bits << (6 - r->count) & 63]);
    buf_append_octet(r->out, '-');
    *r = (struct run){ .out = r->out };
}

/* RFC 2781 §2.1. */
static void add_character(struct run *r, uint32_t c)
{
    if (c < 0x10000) {
        add_unit(r, c);
        return;
    }
    c -= 0x10000;
    add_unit(r, 0xD800 + (c >> 10));
    add_unit(r, 0xDC00 + (c & 0x3FF));
}

/* One character off the front of valid UTF-8. */
static uint32_t take_character(struct span *s)
{
    unsigned char lead = span_take(s, 1).data[0];
    uint32_t c = lead;

    if (lead >= 0xF0)
        c = lead & 0x07U;
    else if (lead >= 0xE0)
        c = lead & 0x0FU;
    else if (lead >= 0xC0)
        c = lead & 0x1FU;
    while (s->len > 0 && (s->data[0] & 0xC0) == 0x80)
        c = c << 6 | (span_take(s, 1).data[0] & 0x3FU);
    return c;
}

bool imap_mailbox_name_encode(struct buf *out, struct span name)
{
    struct run r = { .out = out };

    if (!utf8_is_valid(name))
        return false;
    while (name.len > 0) {
        uint32_t c = take_character(&name);

        if (c < 0x20 || c == 0x7F)
            return false;
        if (c >= 0x80) {
            add_character(&r, c);
            continue;
        }
        close_run(&r);
        buf_append_octet(out, (unsigned char)c);
        if (c == '&')
            buf_append_octet(out, '-');
    }
    close_run(&r);
    return !buf_failed(out);
}
