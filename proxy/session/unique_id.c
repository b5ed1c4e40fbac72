/* unique_id.c - see unique_id.h. */
#include "session/unique_id.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/crc32c.h"
#include "imap/mailbox_name.h"

typedef int writer(char *text, const struct unique_id_facts *facts);

#define SIZE (UNIQUE_ID_MAX + 1)

/* UNIQUE_ID_CYRUS is the same. */
static int write_popinjay(char *text, const struct unique_id_facts *f)
{
    return snprintf(text, SIZE, "%" PRIu32 ".%" PRIu32, f->uidvalidity, f->uid);
}

static int write_dovecot(char *text, const struct unique_id_facts *f)
{
    return snprintf(text, SIZE, "%08" PRIx32 "%08" PRIx32, f->uid,
                    f->uidvalidity);
}

static int write_courier(char *text, const struct unique_id_facts *f)
{
    return snprintf(text, SIZE, "UID%" PRIu32 "-%" PRIu32, f->uid,
                    f->uidvalidity);
}

static int write_uw(char *text, const struct unique_id_facts *f)
{
    return snprintf(text, SIZE, "%08" PRIx32 "%08" PRIx32, f->uidvalidity,
                    f->uid);
}

static int write_uid(char *text, const struct unique_id_facts *f)
{
    return snprintf(text, SIZE, "%" PRIu32, f->uid);
}

static int write_gmail(char *text, const struct unique_id_facts *f)
{
    return snprintf(text, SIZE, "GmailId%" PRIx64, f->gmail_id);
}

static writer *const writers[UNIQUE_ID_FORMAT_COUNT] = {
    [UNIQUE_ID_POPINJAY] = write_popinjay,
    [UNIQUE_ID_DOVECOT] = write_dovecot,
    [UNIQUE_ID_CYRUS] = write_popinjay,
    [UNIQUE_ID_COURIER] = write_courier,
    [UNIQUE_ID_UW] = write_uw,
    [UNIQUE_ID_UID] = write_uid,
    [UNIQUE_ID_GMAIL] = write_gmail,
};

struct unique_id unique_id_make(enum unique_id_format format,
                                const struct unique_id_facts *facts)
{
    struct unique_id id;
    int length;
    int more;

    assert(format < UNIQUE_ID_FORMAT_COUNT);
    length = writers[format](id.text, facts);
    assert(length > 0 && length <= UNIQUE_ID_MAX);
    if (facts->mailbox_mark != 0) {
        more = snprintf(id.text + length, SIZE - (size_t)length, "+%08" PRIx32,
                        facts->mailbox_mark);
        assert(more > 0 && length + more <= UNIQUE_ID_MAX);
    }
    return id;
}

uint32_t unique_id_mailbox_mark(struct span mailbox)
{
    uint32_t mark;

    if (imap_mailbox_name_is_inbox(mailbox))
        return 0;
    mark = crc32c_add(0, mailbox);
    return mark != 0 ? mark : UINT32_MAX;
}
