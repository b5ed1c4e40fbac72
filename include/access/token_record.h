/* token_record.h - what is kept of an account's tokens, and its text: JSON, which
 * is sealed before it is written anywhere.
 */
#ifndef POPINJAY_ACCESS_TOKEN_RECORD_H
#define POPINJAY_ACCESS_TOKEN_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/span.h"

/* Of the mark of who has granted a token (token_source_mark), with its end. */
#define TOKEN_MARK_SIZE 65

/* What is kept. */
struct token_record {
    char *refresh;       /* NULL: none */
    char *access;        /* NULL: none */
    uint64_t obtained_s; /* |access|, by the wall clock */
    uint64_t lifetime_s;
    char granted_by[TOKEN_MARK_SIZE]; /* "": nobody knows */
};

/* Appends the text. False: there is no memory, or no room for it. */
MUST_CHECK bool token_record_write(const struct token_record *record,
                                   struct buf *text);

/* False: it is no such text, or there is no memory. Otherwise |record| is to be
 * given to token_record_fini.
 */
MUST_CHECK bool token_record_read(struct span text,
                                  struct token_record *record);

/* Of all that it holds: SHA-256. */
#define TOKEN_DIGEST_SIZE 32
struct token_digest {
    unsigned char octets[TOKEN_DIGEST_SIZE];
};

/* False: there is no memory. */
MUST_CHECK bool token_record_digest(const struct token_record *record,
                                    struct token_digest *digest);

/* Wipes. */
void token_record_fini(struct token_record *record);

#endif
