/* keyword.c - see keyword.h. */
#include "imap/keyword.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/crc32c.h"

/* What must be left of a keyword for a name: some of it, and its checksum. */
#define CHECKSUM_DIGITS 8
#define NAME_MIN (8 + 2 + CHECKSUM_DIGITS)

static const char hex[] = "0123456789abcdef";

/* RFC 9051 §9, ATOM-CHAR. */
static bool is_atom_octet(unsigned char octet)
{
    return octet > ' ' && octet < 0x7F &&
           !span_contains(SPAN_LITERAL("(){%*\"\\]"), octet);
}

bool imap_keyword_is_valid(struct span word)
{
    for (size_t i = 0; i < word.len; i++)
        if (!is_atom_octet(word.data[i]))
            return false;
    return word.len > 0 && word.len <= IMAP_KEYWORD_MAX;
}

/* |before| `%u` |after|; false where there is no `%u`. */
static bool cut_pattern(const char *pattern, struct span *before,
                        struct span *after)
{
    const char *place = strstr(pattern, "%u");

    if (place == NULL)
        return false;
    *before = span_make(pattern, (size_t)(place - pattern));
    *after = span_from_string(place + 2);
    return true;
}

bool imap_keyword_pattern_is_valid(const char *pattern)
{
    struct span before;
    struct span after;

    if (!cut_pattern(pattern, &before, &after))
        return imap_keyword_is_valid(span_from_string(pattern));
    return before.len + after.len + NAME_MIN <= IMAP_KEYWORD_MAX &&
           (before.len == 0 || imap_keyword_is_valid(before)) &&
           (after.len == 0 || imap_keyword_is_valid(after));
}

/* A name on its way into a keyword: as much of it as there is room for. */
struct piece {
    char *text;
    size_t room;
    size_t len; /* of all of it */
    uint32_t checksum;
};

static void add(struct piece *p, char octet)
{
    if (p->len < p->room)
        p->text[p->len] = octet;
    p->len++;
    p->checksum = crc32c_add(p->checksum, span_make(&octet, 1));
}

/* `=` begins an escape, so that is escaped too. */
static void add_escaped(struct piece *p, unsigned char octet)
{
    if (octet >= 'A' && octet <= 'Z')
        octet = (unsigned char)(octet - 'A' + 'a');
    if (is_atom_octet(octet) && octet != '=') {
        add(p, (char)octet);
        return;
    }
    add(p, '=');
    add(p, hex[octet >> 4]);
    add(p, hex[octet & 15]);
}

/* `==`, which no escape begins with, and the checksum at the end of the room.
 */
static void end_with_checksum(struct piece *p)
{
    uint32_t checksum = p->checksum;

    p->len = p->room - CHECKSUM_DIGITS - 2;
    add(p, '=');
    add(p, '=');
    for (unsigned shift = 32; shift > 0; shift -= 4)
        add(p, hex[checksum >> (shift - 4) & 15]);
}

static size_t copy(char *to, struct span from)
{
    if (from.len > 0)
        memcpy(to, from.data, from.len);
    return from.len;
}

void imap_keyword_expand(const char *pattern, struct span name,
                         char keyword[IMAP_KEYWORD_MAX + 1])
{
    struct span before = span_from_string(pattern);
    struct span after = { NULL, 0 };
    bool has_name = cut_pattern(pattern, &before, &after);
    struct piece p = { .text = keyword + before.len,
                       .room = IMAP_KEYWORD_MAX - before.len - after.len };
    size_t len;

    assert(imap_keyword_pattern_is_valid(pattern));
    len = copy(keyword, before);
    for (size_t i = 0; has_name && i < name.len; i++)
        add_escaped(&p, name.data[i]);
    if (p.len > p.room)
        end_with_checksum(&p);
    len += p.len;
    len += copy(keyword + len, after);
    keyword[len] = '\0';
}
