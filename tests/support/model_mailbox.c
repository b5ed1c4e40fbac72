#include "support/model_mailbox.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Room for what one more line may add to a body. */
#define LINE_SLACK 256

void model_mailbox_init(struct model_mailbox *box, struct random_source *r)
{
    *box = (struct model_mailbox){
        .random = r,
        .uidvalidity = (uint32_t)(1 + random_below(r, UINT32_MAX)),
        .uid_next = (uint32_t)(1 + random_below(r, 1000)),
        .modseq = 1 + random_below(r, 1000),
        .low_modseq = random_below(r, 4) == 0,
        .counts_expunges = random_below(r, 2) == 0,
    };
    if (random_below(r, 16) == 0)
        box->uid_next = UINT32_MAX - 10000;
    if (random_below(r, 16) == 0)
        box->modseq = INT64_MAX - 10000;
}

void model_mailbox_touch(struct model_mailbox *box, struct model_message *m)
{
    m->modseq = ++box->modseq;
}

void model_mailbox_note_expunge(struct model_mailbox *box)
{
    box->modseq += box->counts_expunges;
}

void model_mailbox_fini(struct model_mailbox *box)
{
    for (size_t i = 0; i < box->count; i++)
        free(box->messages[i].body);
    free(box->messages);
    box->messages = NULL;
    box->count = box->capacity = 0;
}

size_t model_mailbox_living(const struct model_mailbox *box)
{
    size_t living = 0;

    for (size_t i = 0; i < box->count; i++)
        living += !box->messages[i].gone;
    return living;
}

/* --- Bodies --- */

struct pen {
    struct random_source *random;
    unsigned char *at;
};

static void put(struct pen *pen, const void *octets, size_t len)
{
    memcpy(pen->at, octets, len);
    pen->at += len;
}

/* Letters and spaces, eight to one random number. */
static void put_text(struct pen *pen, size_t len)
{
    static const char letters[] = "abcdefgh ijklmno";
    uint64_t bits = 0;

    for (size_t i = 0; i < len; i++) {
        if (i % 16 == 0)
            bits = random_next(pen->random);
        *pen->at++ = (unsigned char)letters[bits & 15];
        bits >>= 4;
    }
}

static void put_any_octets(struct pen *pen, size_t len)
{
    for (size_t i = 0; i < len; i++)
        *pen->at++ = (unsigned char)random_next(pen->random);
}

/* What lines of mail begin with, and what has broken other proxies. */
static void put_line_begin(struct pen *pen)
{
    switch (random_below(pen->random, 10)) {
    case 0:
        put(pen, ".", 1);
        break;
    case 1:
        put(pen, "..", 2);
        break;
    case 2:
        put(pen, "\0", 1);
        break;
    case 3:
        put(pen, "\r.", 2);
        break;
    case 4:
        put_any_octets(pen, random_below(pen->random, 20));
        break;
    default:
        break;
    }
}

static void put_line_end(struct pen *pen)
{
    switch (random_below(pen->random, 12)) {
    case 0:
        put(pen, "\n", 1);
        break;
    case 1:
        put(pen, "\n.\r\n", 4);
        break;
    case 2:
        put(pen, "\r\r\n", 3);
        break;
    case 3:
        put(pen, "\r", 1);
        break;
    default:
        put(pen, "\r\n", 2);
        break;
    }
}

static void put_header(struct pen *pen)
{
    put(pen, "Subject: ", 9);
    put_text(pen, random_below(pen->random, 40));
    put(pen, "\r\n", 2);
    switch (random_below(pen->random, 8)) {
    case 0:
        put(pen, "\n", 1);
        break;
    case 1:
        break;
    default:
        put(pen, "\r\n", 2);
        break;
    }
}

static size_t write_body(struct random_source *r, unsigned char *body,
                         size_t size)
{
    struct pen pen = { r, body };

    if (size == 0)
        return 0;
    if (random_below(r, 16) != 0)
        put_header(&pen);
    while ((size_t)(pen.at - body) < size) {
        put_line_begin(&pen);
        put_text(&pen, random_below(r, size > 4000 ? 160 : 70));
        put_line_end(&pen);
    }
    /* Now and then the last line end is missing. */
    if (random_below(r, 6) == 0)
        pen.at--;
    return (size_t)(pen.at - body);
}

void model_mailbox_add(struct model_mailbox *box, size_t size)
{
    struct model_message *m;

    if (box->count == box->capacity) {
        box->capacity = box->capacity == 0 ? 16 : 2 * box->capacity;
        box->messages =
            realloc(box->messages, box->capacity * sizeof(*box->messages));
        assert(box->messages != NULL);
    }
    m = &box->messages[box->count++];
    *m = (struct model_message){
        .uid = box->uid_next,
        .modseq = box->modseq,
        .day = MODEL_TODAY - (uint32_t)random_below(box->random, 80),
        .chosen = random_below(box->random, 2) == 0,
        .seen = random_below(box->random, 4) == 0,
    };
    if (!box->low_modseq)
        model_mailbox_touch(box, m);
    box->uid_next++;
    if (random_below(box->random, 3) == 0)
        box->uid_next += (uint32_t)random_below(box->random, 9);
    m->body = malloc(size + LINE_SLACK);
    assert(m->body != NULL);
    m->size = write_body(box->random, m->body, size);
    m->said_size = (uint32_t)m->size;
    if (box->sizes_inexact && m->size > 0)
        m->said_size += (uint32_t)random_below(box->random, 10);
}

void model_mailbox_add_any(struct model_mailbox *box)
{
    uint64_t kind = random_below(box->random, 1000);

    if (kind == 0)
        model_mailbox_add(box, 100000 + random_below(box->random, 300000));
    else if (kind < 10)
        model_mailbox_add(box, 10000 + random_below(box->random, 70000));
    else if (kind < 50)
        model_mailbox_add(box, 0);
    else
        model_mailbox_add(box, 1 + random_below(box->random, 800));
}

/* --- Other clients --- */

static struct model_message *any_living(struct model_mailbox *box)
{
    size_t living = model_mailbox_living(box);
    size_t nth;

    if (living == 0)
        return NULL;
    nth = random_below(box->random, living);
    for (size_t i = 0; i < box->count; i++) {
        if (!box->messages[i].gone && nth-- == 0)
            return &box->messages[i];
    }
    return NULL;
}

static void flag_one(struct model_mailbox *box)
{
    struct model_message *m = any_living(box);

    if (m == NULL)
        return;
    m->deleted = true;
    m->foreign = true;
    m->foreign_at = box->changes;
    model_mailbox_touch(box, m);
}

static void unflag_one(struct model_mailbox *box)
{
    struct model_message *m = any_living(box);

    if (m == NULL)
        return;
    m->deleted = m->foreign = false;
    model_mailbox_touch(box, m);
}

static void read_one(struct model_mailbox *box)
{
    struct model_message *m = any_living(box);

    if (m == NULL)
        return;
    m->seen = true; /* and it stays so: on_delete = seen goes by it */
    m->chosen = random_below(box->random, 2) == 0;
    model_mailbox_touch(box, m);
}

/* A plain EXPUNGE: it takes what our own session has flagged as well. */
static void expunge_all(struct model_mailbox *box)
{
    for (size_t i = 0; i < box->count; i++) {
        if (!box->messages[i].deleted || box->messages[i].gone)
            continue;
        box->messages[i].gone = true;
        model_mailbox_note_expunge(box);
    }
}

void model_mailbox_exchange(struct model_mailbox *box)
{
    size_t living = model_mailbox_living(box);

    box->changes++;
    expunge_all(box);
    while (model_mailbox_living(box) < living)
        model_mailbox_add_any(box);
}

uint64_t model_message_came_s(const struct model_message *m)
{
    return m->day * UINT64_C(86400) + m->uid * UINT64_C(7919) % 86400;
}

void model_mailbox_disturb(struct model_mailbox *box)
{
    box->changes++;
    switch (random_below(box->random, 7)) {
    case 0:
    case 1:
        model_mailbox_add_any(box);
        break;
    case 2:
    case 3:
        flag_one(box);
        break;
    case 4:
        unflag_one(box);
        break;
    case 5:
        expunge_all(box);
        break;
    case 6:
        read_one(box);
        break;
    }
}

static void revalidate(struct model_mailbox *box)
{
    box->uidvalidity++;
    if (box->uidvalidity == 0)
        box->uidvalidity = 1;
}

void model_mailbox_recreate(struct model_mailbox *box)
{
    struct model_message *a = any_living(box);
    struct model_message *b = any_living(box);
    struct model_message kept;

    revalidate(box);
    if (a == NULL || a == b)
        return;
    kept = *a;
    *a = *b;
    *b = kept;
    b->uid = a->uid;
    a->uid = kept.uid;
}

void model_mailbox_renumber(struct model_mailbox *box)
{
    struct model_message *before = NULL;

    revalidate(box);
    /* Each takes the UID of the one behind it. */
    for (size_t i = 0; i < box->count; i++) {
        struct model_message *m = &box->messages[i];

        if (m->gone)
            continue;
        if (before != NULL)
            before->uid = m->uid;
        before = m;
    }
    if (before != NULL)
        before->uid = box->uid_next++;
}
