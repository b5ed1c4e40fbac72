#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/manifest.h"
#include "bench/options.h"
#include "bench/upstream.h"

#define LINE_TEXT 76
#define LINE_OCTETS (LINE_TEXT + 2)
/* One line in so many begins with a dot. */
#define DOT_EVERY 50
#define DIGITS 10

static const char header_form[] =
    "Return-Path: <sender@example.org>\r\n"
    "Date: Mon, 02 Mar 2026 08:00:00 +0000\r\n"
    "From: A Sender <sender@example.org>\r\n"
    "To: A Reader <reader@example.org>\r\n"
    "Message-ID: <0000000000@bench.example.org>\r\n"
    "Subject: one of many\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: text/plain; charset=us-ascii\r\n"
    "\r\n";
static const char number_mark[] = "0000000000";

void upstream_mail_header(const struct upstream_mail *m, uint32_t number,
                          unsigned char *header)
{
    size_t at = (size_t)(strstr(header_form, number_mark) - header_form);

    memcpy(header, header_form, m->header_size);
    for (size_t i = DIGITS; i > 0; i--, number /= 10)
        header[at + i - 1] = (unsigned char)('0' + number % 10);
}

/* What base64 looks like: no dots within the lines. */
static void fill_line(unsigned char *line, size_t len, size_t index,
                      uint32_t *seed)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "abcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < len; i++) {
        *seed = *seed * 1664525 + 1013904223;
        line[i] = (unsigned char)alphabet[*seed >> 26];
    }
    if (index % DOT_EVERY == 0)
        line[0] = '.';
    line[len - 2] = '\r';
    line[len - 1] = '\n';
}

/* The last line takes what is left; one octet would be too few for its end, so
 * the line before it is longer by that.
 */
static void fill_body(unsigned char *body, size_t size)
{
    uint32_t seed = 1;

    for (size_t at = 0, index = 1; at < size; index++) {
        size_t left = size - at;
        size_t len = left < LINE_OCTETS ? left : LINE_OCTETS;

        len += left == LINE_OCTETS + 1;
        fill_line(body + at, len, index, &seed);
        at += len;
    }
}

bool upstream_mail_init(struct upstream_mail *m, uint32_t count, size_t size)
{
    *m = (struct upstream_mail){ .count = count,
                                 .size = size,
                                 .header_size = sizeof(header_form) - 1 };
    if (size < m->header_size + 2)
        return false;
    m->body = malloc(size - m->header_size);
    if (m->body == NULL)
        die(EXIT_FAILED, "no memory");
    fill_body(m->body, size - m->header_size);
    return true;
}

void upstream_mail_fini(struct upstream_mail *m)
{
    free(m->body);
}

void upstream_mail_write_manifest(const struct upstream_mail *m,
                                  const char *file)
{
    FILE *to = fopen(file, "w");
    struct manifest_hasher hasher;

    if (to == NULL)
        die(EXIT_USAGE, "%s: cannot be written", file);
    manifest_hasher_init(&hasher);
    for (uint32_t number = 1; number <= m->count; number++) {
        unsigned char header[UPSTREAM_HEADER_MAX];
        struct manifest_entry entry;

        upstream_mail_header(m, number, header);
        manifest_hasher_add(&hasher, span_make(header, m->header_size));
        manifest_hasher_add(&hasher,
                            span_make(m->body, m->size - m->header_size));
        entry = manifest_hasher_take(&hasher);
        manifest_write_entry(to, &entry);
    }
    manifest_hasher_fini(&hasher);
    if (fclose(to) != 0)
        die(EXIT_FAILED, "%s: cannot be written", file);
}
