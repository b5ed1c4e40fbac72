#include <string.h>

#include "bench/upstream.h"

/* --- reading what was asked for --- */

size_t upstream_find(struct span text, const char *words)
{
    struct span wanted = span_from_string(words);

    for (size_t i = 0; i + wanted.len <= text.len; i++)
        if (span_starts_with_nocase(span_make(text.data + i, text.len - i),
                                    wanted))
            return i + wanted.len;
    return 0;
}

uint64_t upstream_take_number(struct span *text)
{
    uint64_t value = 0;

    while (text->len > 0 && text->data[0] >= '0' && text->data[0] <= '9')
        value = 10 * value + (span_take(text, 1).data[0] - (unsigned)'0');
    return value;
}

/* A number, or `*`: the last message. */
static uint64_t take_bound(struct span *set, uint32_t count)
{
    if (set->len == 0 || set->data[0] != '*')
        return upstream_take_number(set);
    (void)span_take(set, 1);
    return count;
}

bool upstream_set_next(struct span *set, uint32_t count, uint32_t *number,
                       uint32_t *range_end)
{
    if (*number > 0 && *number < *range_end) {
        ++*number;
        return true;
    }
    while (set->len > 0) {
        uint64_t low = take_bound(set, count);
        uint64_t high = low;
        uint64_t swap;

        if (set->len > 0 && set->data[0] == ':') {
            (void)span_take(set, 1);
            high = take_bound(set, count);
        }
        if (set->len > 0) /* the comma, or whatever it is */
            (void)span_take(set, 1);
        if (low > high) {
            swap = low;
            low = high;
            high = swap;
        }
        if (low < 1 || low > count)
            continue;
        *number = (uint32_t)low;
        *range_end = high < count ? (uint32_t)high : count;
        return true;
    }
    return false;
}

/* `BODY.PEEK[section]<first.count>`; |args| begins behind the bracket. */
static void read_section(struct upstream_fetch *f, struct span args)
{
    size_t end = span_find(args, ']');

    f->items |= BIT(UPSTREAM_ITEM_OCTETS);
    f->name = span_make(args.data, end);
    f->header_only = f->name.len > 0;
    (void)span_take(&args, end < args.len ? end + 1 : end);
    if (args.len == 0 || args.data[0] != '<')
        return;
    (void)span_take(&args, 1);
    f->partial = true;
    f->first = upstream_take_number(&args);
    if (args.len > 0)
        (void)span_take(&args, 1);
    f->length_max = upstream_take_number(&args);
}

static void read_items(struct upstream_fetch *f, struct span args)
{
    static const struct {
        const char *name;
        enum upstream_item item;
    } known[] = {
        { "FLAGS", UPSTREAM_ITEM_FLAGS },
        { "RFC822.SIZE", UPSTREAM_ITEM_SIZE },
        { "INTERNALDATE", UPSTREAM_ITEM_DATE },
        { "MODSEQ", UPSTREAM_ITEM_MODSEQ },
        { "CHANGEDSINCE", UPSTREAM_ITEM_MODSEQ },
    };
    size_t section = upstream_find(args, "BODY[");

    if (section == 0)
        section = upstream_find(args, "BODY.PEEK[");
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++)
        if (upstream_find(args, known[i].name) > 0)
            f->items |= BIT(known[i].item);
    if (section > 0)
        read_section(f, span_make(args.data + section, args.len - section));
    if (upstream_find(args, "RFC822.HEADER") > 0) {
        f->items |= BIT(UPSTREAM_ITEM_OCTETS);
        f->header_only = true;
    }
}

/* All mod-sequences are 1. */
static bool nothing_has_changed(struct span args)
{
    size_t at = upstream_find(args, "CHANGEDSINCE ");
    struct span rest;

    if (at == 0)
        return false;
    rest = span_make(args.data + at, args.len - at);
    return upstream_take_number(&rest) >= 1;
}

void upstream_fetch_init(struct upstream_fetch *f,
                         const struct upstream_mail *mail, struct span args)
{
    *f = (struct upstream_fetch){ .mail = mail, .length_max = SIZE_MAX };
    f->set = span_take(&args, span_find(args, ' '));
    read_items(f, args);
    if (nothing_has_changed(args))
        f->set.len = 0;
}

/* --- answering --- */

static bool wants(const struct upstream_fetch *f, enum upstream_item item)
{
    return (f->items & BIT(item)) != 0;
}

/* The name of the octets, and how many of them there are. */
static void begin_octets(struct upstream_fetch *f, struct buf *out)
{
    size_t all = f->header_only ? f->mail->header_size : f->mail->size;

    upstream_mail_header(f->mail, f->number, f->header);
    f->at = f->first < all ? f->first : all;
    f->end = all - f->at < f->length_max ? all : f->at + f->length_max;
    if (f->header_only && f->name.len == 0) {
        buf_append_string(out, " RFC822.HEADER");
    } else {
        buf_append_string(out, " BODY[");
        buf_append(out, f->name);
        buf_append_octet(out, ']');
    }
    if (f->partial) {
        buf_append_octet(out, '<');
        buf_append_number(out, f->first);
        buf_append_octet(out, '>');
    }
    buf_append_string(out, " {");
    buf_append_number(out, f->end - f->at);
    buf_append_string(out, "}\r\n");
}

static void begin_message(struct upstream_fetch *f, struct buf *out,
                          struct upstream_counts *counts)
{
    buf_append_string(out, "* ");
    buf_append_number(out, f->number);
    /* Always, which a server may: a blank is then before each other item. */
    buf_append_string(out, " FETCH (UID ");
    buf_append_number(out, f->number);
    if (wants(f, UPSTREAM_ITEM_FLAGS))
        buf_append_string(out, " FLAGS ()");
    if (wants(f, UPSTREAM_ITEM_SIZE)) {
        buf_append_string(out, " RFC822.SIZE ");
        buf_append_number(out, f->mail->size);
    }
    if (wants(f, UPSTREAM_ITEM_DATE))
        buf_append_string(out, " INTERNALDATE \"02-Mar-2026 08:00:00 +0000\"");
    if (wants(f, UPSTREAM_ITEM_MODSEQ))
        buf_append_string(out, " MODSEQ (1)");
    f->at = 0;
    f->end = 0;
    if (!wants(f, UPSTREAM_ITEM_OCTETS))
        return;
    begin_octets(f, out);
    counts->bodies++;
    counts->octets += f->end - f->at;
}

/* From the header or from the body of all, no more than fit. */
static void append_octets(struct upstream_fetch *f, size_t enough,
                          struct buf *out)
{
    size_t header_size = f->mail->header_size;
    bool in_header = f->at < header_size;
    size_t to = in_header && f->end > header_size ? header_size : f->end;
    const unsigned char *from =
        in_header ? f->header + f->at : f->mail->body + f->at - header_size;
    size_t len = to - f->at;

    if (len > enough - buf_length(out))
        len = enough - buf_length(out);
    buf_append(out, span_make(from, len));
    f->at += len;
}

bool upstream_fetch_step(struct upstream_fetch *f, size_t enough,
                         struct buf *out, struct upstream_counts *counts)
{
    while (buf_length(out) < enough) {
        if (f->at < f->end) {
            append_octets(f, enough, out);
            continue;
        }
        if (f->number > 0)
            buf_append_string(out, ")\r\n");
        if (!upstream_set_next(&f->set, f->mail->count, &f->number,
                               &f->range_end))
            return true;
        begin_message(f, out, counts);
    }
    return false;
}
