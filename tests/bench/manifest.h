/* manifest.h - what the messages of a mailbox must be: `OCTETS SHA256` a line,
 * for message 1, 2 ... A message is what a POP3 client keeps: dots unstuffed,
 * lines ended by CRLF, without the lone dot.
 */
#ifndef POPINJAY_TESTS_BENCH_MANIFEST_H
#define POPINJAY_TESTS_BENCH_MANIFEST_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/span.h"

#define MANIFEST_HASH_SIZE 32

struct manifest_entry {
    uint64_t octets;
    unsigned char sha256[MANIFEST_HASH_SIZE];
};

struct manifest {
    struct manifest_entry *entries; /* of message 1 on */
    size_t count;
};

/* Ends the process where the file cannot be read or is no manifest. */
void manifest_read(struct manifest *m, const char *file);
void manifest_fini(struct manifest *m);

/* False also where there is no message |number| in it. */
bool manifest_matches(const struct manifest *m, uint32_t number,
                      const struct manifest_entry *got);

void manifest_write_entry(FILE *to, const struct manifest_entry *entry);

/* A message that is put together from runs of octets. */
struct manifest_hasher {
    EVP_MD_CTX *context;
    uint64_t octets;
};

/* Ends the process where there is no memory. */
void manifest_hasher_init(struct manifest_hasher *h);
void manifest_hasher_fini(struct manifest_hasher *h);
void manifest_hasher_add(struct manifest_hasher *h, struct span octets);

/* The message so far; the next one begins. */
struct manifest_entry manifest_hasher_take(struct manifest_hasher *h);

#endif
