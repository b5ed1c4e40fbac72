#include "bench/manifest.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bench/options.h"

#define LINE_MAX_OCTETS 128

/* --- the file --- */

/* The value of a hexadecimal digit, or 16. */
static unsigned digit_value(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;

    return at != NULL ? (unsigned)(at - digits) : 16;
}

static bool parse_hash(const char *text, unsigned char *hash)
{
    for (size_t i = 0; i < MANIFEST_HASH_SIZE; i++) {
        unsigned high = digit_value(text[2 * i]);
        unsigned low = high < 16 ? digit_value(text[2 * i + 1]) : 16;

        if (low == 16)
            return false;
        hash[i] = (unsigned char)(high << 4 | low);
    }
    return text[2 * MANIFEST_HASH_SIZE] == '\0';
}

static bool parse_line(char *line, struct manifest_entry *entry)
{
    char *blank = strchr(line, ' ');

    line[strcspn(line, "\n")] = '\0';
    return blank != NULL &&
           span_to_number(span_make(line, (size_t)(blank - line)), UINT64_MAX,
                          &entry->octets) &&
           parse_hash(blank + 1, entry->sha256);
}

static void append(struct manifest *m, const struct manifest_entry *entry)
{
    m->entries = reallocarray(m->entries, m->count + 1, sizeof(*m->entries));
    if (m->entries == NULL)
        die(EXIT_FAILED, "no memory");
    m->entries[m->count++] = *entry;
}

void manifest_read(struct manifest *m, const char *file)
{
    FILE *from = fopen(file, "r");
    char line[LINE_MAX_OCTETS];

    *m = (struct manifest){ NULL, 0 };
    if (from == NULL)
        die(EXIT_USAGE, "%s: cannot be read", file);
    while (fgets(line, sizeof(line), from) != NULL) {
        struct manifest_entry entry;

        if (!parse_line(line, &entry))
            die(EXIT_USAGE, "%s:%zu: not OCTETS SHA256", file, m->count + 1);
        append(m, &entry);
    }
    (void)fclose(from);
}

void manifest_fini(struct manifest *m)
{
    free(m->entries);
}

bool manifest_matches(const struct manifest *m, uint32_t number,
                      const struct manifest_entry *got)
{
    const struct manifest_entry *wanted;

    if (number < 1 || number > m->count)
        return false;
    wanted = &m->entries[number - 1];
    return wanted->octets == got->octets &&
           memcmp(wanted->sha256, got->sha256, sizeof(got->sha256)) == 0;
}

void manifest_write_entry(FILE *to, const struct manifest_entry *entry)
{
    (void)fprintf(to, "%" PRIu64 " ", entry->octets);
    for (size_t i = 0; i < MANIFEST_HASH_SIZE; i++)
        (void)fprintf(to, "%02x", entry->sha256[i]);
    (void)fputc('\n', to);
}

/* --- hashing --- */

static void must(bool fine)
{
    if (!fine)
        die(EXIT_FAILED, "SHA-256 failed");
}

void manifest_hasher_init(struct manifest_hasher *h)
{
    h->context = EVP_MD_CTX_new();
    h->octets = 0;
    must(h->context != NULL &&
         EVP_DigestInit_ex(h->context, EVP_sha256(), NULL) == 1);
}

void manifest_hasher_fini(struct manifest_hasher *h)
{
    EVP_MD_CTX_free(h->context);
}

void manifest_hasher_add(struct manifest_hasher *h, struct span octets)
{
    h->octets += octets.len;
    must(EVP_DigestUpdate(h->context, octets.data, octets.len) == 1);
}

struct manifest_entry manifest_hasher_take(struct manifest_hasher *h)
{
    struct manifest_entry entry = { .octets = h->octets };

    must(EVP_DigestFinal_ex(h->context, entry.sha256, NULL) == 1 &&
         EVP_DigestInit_ex(h->context, NULL, NULL) == 1);
    h->octets = 0;
    return entry;
}
