/* token_store.h - tokens that outlive the process: one file for each account, in
 * a folder of the state directory, sealed with the key of the accounts.
 *
 * A record is written to a new file, which is on the disk before it takes the
 * place of the old one; so there is always a whole one, and a refresh token that
 * the server has replaced is not used before the new one is safe.
 *
 * Several processes may share a store: one that drains and its successor, and
 * `popinjay oauth`. Whoever is about to have a token renewed holds the lock of
 * that account, and reads the record again.
 *
 * Thread: any, but of one account one at a time. It waits for the disk.
 */
#ifndef POPINJAY_ACCESS_TOKEN_STORE_H
#define POPINJAY_ACCESS_TOKEN_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "access/token_record.h"
#include "base/attributes.h"
#include "base/span.h"
#include "net/file_stamp.h"

struct token_store; /* opaque */

/* Whose a token is: both are parts of the name of its file, and of its seal. */
struct token_owner {
    const char *source;  /* NAME of [oauth NAME] */
    const char *account; /* as the account is called */
};

enum token_store_status {
    TOKEN_STORE_OK,
    TOKEN_STORE_NONE = -1,    /* there is no such record */
    TOKEN_STORE_EKEY = -2,    /* it does not open: another key, or damaged */
    TOKEN_STORE_EFAILED = -3, /* the file cannot be read or written, memory */
    TOKEN_STORE_ECHANGED = -4 /* another one has been kept meanwhile */
};

/* For people: completes `the token of X ...`. */
const char *token_store_problem(enum token_store_status status);

/* Makes the folder below |directory|, which must exist. |key| is copied. On
 * failure the result is NULL and |error| says why.
 */
MUST_CHECK struct token_store *token_store_open(const char *directory,
                                                struct span key, char *error,
                                                size_t error_size);

/* The folder, which a contained process must be permitted to write to. */
const char *token_store_folder(const struct token_store *s);

/* What it seals, and can open, is sealed with |key|. */
bool token_store_has_key(const struct token_store *s, struct span key);

/* Wipes the key. NULL is fine. */
void token_store_free(struct token_store *s);

/* |record| is set with TOKEN_STORE_OK only, then to be given to
 * token_record_fini.
 */
MUST_CHECK enum token_store_status token_store_load(
    struct token_store *s, const struct token_owner *owner,
    struct token_record *record);
MUST_CHECK enum token_store_status token_store_save(
    struct token_store *s, const struct token_owner *owner,
    const struct token_record *record);
/* Saves what has come of the record that had the digest |from|: where another one
 * is kept by now, or none, that stays, and it is TOKEN_STORE_ECHANGED. The caller
 * has the lock.
 */
MUST_CHECK enum token_store_status token_store_replace(
    struct token_store *s, const struct token_owner *owner,
    const struct token_digest *from, const struct token_record *record);
MUST_CHECK enum token_store_status token_store_remove(
    struct token_store *s, const struct token_owner *owner);

/* Another one after each save, by whomever; all zero: there is no record. */
struct file_stamp token_store_stamp(struct token_store *s,
                                    const struct token_owner *owner);

/* A note beside the record that the provider is being asked for one that may take
 * its place. It goes when a record is saved or removed, or the answer was no; so
 * one that is there already is of a question whose answer was lost, with the
 * process or on the way. It is empty, and is not waited for until it is on the
 * disk: it is there for processes that end, not for machines.
 */
bool token_store_has_question(struct token_store *s,
                              const struct token_owner *owner);
void token_store_note_question(struct token_store *s,
                               const struct token_owner *owner);
void token_store_end_question(struct token_store *s,
                              const struct token_owner *owner);

/* False: another process has it. It goes with the process. */
MUST_CHECK bool token_store_try_lock(struct token_store *s,
                                     const struct token_owner *owner);
void token_store_unlock(struct token_store *s, const struct token_owner *owner);

/* Calls |each| for all records, in no order. False: the folder cannot be read. */
typedef void token_store_each(void *owner, const struct token_owner *whose);
MUST_CHECK bool token_store_list(struct token_store *s, token_store_each *each,
                                 void *owner);

#endif
