/* token_desk_parts.h - the inside of the token desk, shared by token_desk.c (what
 * it has, and when it asks for it), token_desk_renewal.c (what comes of that),
 * token_counter.c (who asks it), token_figures.c.
 */
#ifndef POPINJAY_ACCESS_TOKEN_DESK_PARTS_H
#define POPINJAY_ACCESS_TOKEN_DESK_PARTS_H

#include <pthread.h>
#include <uthash.h>

#include "access/token_counter.h"
#include "access/token_renewal.h"
#include "access/token_state.h"

struct mailbox; /* of a counter: token_counter.c */

/* On its way to the desk and back; then freed by the counter. */
struct token_wish {
    struct token_wish *next; /* utlist */
    struct token_wish *prev;
    struct mailbox *mailbox;
    char *source;
    char *account;
    struct buf refused;
    enum token_outcome outcome;
    struct buf token;
    /* Of the worker's thread alone. */
    token_given *given; /* NULL: cancelled */
    void *owner;
};

/* The wish is answered: it goes back to its counter. Any thread. */
void token_wish_send_back(struct token_wish *w);

/* --- the desk --- */

/* What is known of a source beyond one reading of the configuration. */
struct desk_source {
    char *name;
    char *token_endpoint; /* as it was discovered; NULL: it was not */
    uint64_t tries[OAUTH_RESULT_COUNT];
};

/* One account of a source. */
struct desk_entry {
    UT_hash_handle hh;
    bool is_left_out; /* of the table: no memory */
    struct token_desk *desk;
    char *key; /* SOURCE:ACCOUNT */
    char *source;
    char *account;
    struct token_state state;
    char *access;   /* the last token that was had; NULL: none */
    bool is_wanted; /* asked for since it was obtained */
    struct token_unsaved unsaved;
    struct file_stamp stamp;       /* of the record, when the last try failed */
    struct token_renewal *renewal; /* NULL: none is under way */
    struct token_sources *held;    /* for the renewal */
    struct token_wish *wishes;     /* that wait for it */
};

struct token_desk {
    uv_loop_t *loop;
    token_desk_tell *tell;
    void *owner;
    struct disk_queue disk;
    struct http_client *http; /* NULL: nothing was asked yet */
    struct token_store *store;
    struct command_client *commands;
    struct token_sources *sources; /* NULL: not yet */
    struct desk_source *known;     /* in the order of |sources| */
    size_t known_count;
    struct desk_entry *entries; /* uthash */
    unsigned renewals;          /* under way */
    bool is_closing;
    uv_timer_t timer;
    uv_async_t arrivals;
    unsigned open_handles;
    pthread_mutex_t mutex; /* of |inbox| */
    struct token_wish *inbox;
};

struct token_owner desk_owner_of(const struct desk_entry *e);

/* Those who wait are told how it stands now. */
void desk_answer_all(struct desk_entry *e);

/* A desk that closes ends with the last renewal. */
void desk_end_if_idle(struct token_desk *d);

/* --- token_desk_renewal.c --- */

/* NULL: there is none of that name. */
struct desk_source *desk_known_source(struct token_desk *d, const char *name);

/* A renewal begins, and there is none. False: it cannot. */
bool desk_renew(struct desk_entry *e);

/* What a section has granted that has come to mean another provider or client is
 * not for those who ask now.
 */
void desk_forget_if_other(struct desk_entry *e,
                          const struct token_sources *then,
                          const struct token_sources *now);

/* --- token_counter.c --- */

/* Any thread: |w| is to be answered. */
void token_desk_take_wish(struct token_desk *d, struct token_wish *w);

#endif
