/* removal_parts.h - what the parts of the removal share; not for others. */
#ifndef POPINJAY_SESSION_REMOVAL_PARTS_H
#define POPINJAY_SESSION_REMOVAL_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "session/removal.h"

/* --- removal_steps.c --- */

/* The messages of the chunk that the step is about, to |set|. */
void removal_gather_chunk(const struct removal *r, struct imap_uid_set *set);
/* From r->chunk on; returns the index behind the last that was looked at. */
uint32_t removal_gather(const struct removal *r, uint32_t end,
                        struct imap_uid_set *set);
bool removal_concerns(const struct removal *r, uint32_t index);
void removal_send_set(struct removal *r, const struct imap_uid_set *set);

/* --- removal_items.c --- */

void removal_on_item(struct removal *r, const struct imap_event *ev);

/* --- removal_meaning.c --- */

/* What a round begins with. */
enum removal_step removal_first_step(const struct removal *r);

/* Is the message to go by EXPUNGE, should it be flagged \Deleted? */
bool removal_may_expunge(const struct removal *r, uint32_t index);
uint32_t removal_expunge_count(const struct removal *r);

/* The flag that REMOVAL_NOTE sets, and its bit. */
const char *removal_noted_flag(const struct removal *r);
uint32_t removal_noted_bit(const struct removal *r);

/* The answer to COPY: what is confirmed is noted, down to |lowest_uid|. */
void removal_note_copies(struct removal *r, uint32_t lowest_uid);

/* removal_judge, on a server whose MOVE does not work. */
enum fault removal_judge_without_move(const struct removal *r);

/* Why nothing more is to be had of the server. */
enum fault removal_stuck_fault(const struct removal *r);

#endif
