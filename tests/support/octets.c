#include "support/octets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define SHOWN_MAX 4096

static void escape_octet(unsigned char octet, struct buf *out)
{
    static const char digits[] = "0123456789ABCDEF";

    if (octet == '\r') {
        buf_append_string(out, "\\r");
    } else if (octet == '\n') {
        buf_append_string(out, "\\n");
    } else if (octet == '\\') {
        buf_append_string(out, "\\\\");
    } else if (octet >= ' ' && octet <= '~') {
        buf_append_octet(out, octet);
    } else {
        buf_append_string(out, "\\x");
        buf_append_octet(out, (unsigned char)digits[octet >> 4]);
        buf_append_octet(out, (unsigned char)digits[octet & 15]);
    }
}

void octets_escape(struct span s, struct buf *out)
{
    for (size_t i = 0; i < s.len; i++)
        escape_octet(s.data[i], out);
}

static void print(const char *what, struct span s)
{
    struct buf shown;
    struct span text;

    buf_init(&shown, SHOWN_MAX);
    octets_escape(s, &shown);
    text = buf_span(&shown);
    print_error("%s %zu octets: %.*s%s\n", what, s.len, (int)text.len,
                text.data == NULL ? "" : (const char *)text.data,
                buf_failed(&shown) ? "..." : "");
    buf_fini(&shown);
}

void octets_compare(struct span actual, struct span expected, const char *where,
                    const char *file, int line)
{
    if (span_equals(actual, expected))
        return;
    print_error("%s\n", where);
    print("expected", expected);
    print("actual  ", actual);
    _fail(file, line);
}
