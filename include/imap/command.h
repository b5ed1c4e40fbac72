/* command.h - values in, IMAP command octets out.
 *
 * Source: RFC 9051 §2.2.1, §4.3, §6, §9; RFC 3501; RFC 4959; RFC 7888;
 * RFC 2971; RFC 4315; RFC 6154; RFC 6851; RFC 7162.
 * Each writer appends one whole command line unless its comment says
 * otherwise; failure sticks in |out| (buf.h). No line is longer than
 * IMAP_COMMAND_MAX octets, AUTHENTICATE's base64 and literals excepted.
 */
#ifndef POPINJAY_IMAP_COMMAND_H
#define POPINJAY_IMAP_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/span.h"
#include "imap/capability.h"
#include "imap/uid_ranges.h"
#include "imap/uid_set.h"

/* How a string argument goes on the wire (CONFORMANCE IMAP-14, IEXT-4). */
enum imap_string_form {
    IMAP_STRING_QUOTED,
    IMAP_STRING_LITERAL_NOW,  /* `{n+}`: the octets follow at once */
    IMAP_STRING_LITERAL_WAIT, /* `{n}`: they wait for `+` */
    IMAP_STRING_REFUSED,      /* holds CR, LF or NUL: never sent */
};

enum imap_string_form imap_string_form(struct span s,
                                       struct imap_capabilities caps);

/* A mailbox's name can be sent to this server in one piece: it is no literal
 * that waits, and no longer than IMAP_MAILBOX_MAX. The names that the writers
 * below take must be such (asserted).
 */
bool imap_mailbox_is_writable(struct span name, struct imap_capabilities caps);

/* The octets that |name| takes in a line, for imap_uid_set_init_beside. */
size_t imap_mailbox_length(struct span name);

/* `An NAME` with CRLF: CAPABILITY, STARTTLS, NOOP, LOGOUT, EXPUNGE ... */
void imap_write_simple(struct buf *out, uint32_t tag, const char *name);

/* `An AUTHENTICATE MECHANISM` and, where |initial| is not NULL, the initial
 * response (already base64; empty is written `=`).
 */
void imap_write_authenticate(struct buf *out, uint32_t tag,
                             const char *mechanism, const struct span *initial);

/* A line of base64 that answers a challenge. */
void imap_write_response(struct buf *out, struct span base64);

/* LOGIN, in as many pieces as the server makes us wait for a `+`.
 *
 * piece  0 for the command's begin; one more after each `+`
 *
 * Returns true if another piece follows after a `+`. Neither string may be
 * IMAP_STRING_REFUSED (asserted).
 */
bool imap_write_login(struct buf *out, uint32_t tag, unsigned piece,
                      struct span user, struct span password,
                      struct imap_capabilities caps);

/* `An ID ("name" "popinjay" "version" "...")`; with |client_address|, unless it
 * is empty, as "x-originating-ip", which Dovecot takes from trusted networks.
 */
void imap_write_id(struct buf *out, uint32_t tag, const char *version,
                   struct span client_address);

/* `An UID FETCH first:last (UID FLAGS RFC822.SIZE)`; last 0 means `*`. */
void imap_write_fetch_listing(struct buf *out, uint32_t tag, uint32_t first,
                              uint32_t last);

/* The same of |count| ranges, 1 to IMAP_UID_RANGES_PICKED_MAX. */
void imap_write_fetch_ranges(struct buf *out, uint32_t tag,
                             const struct imap_uid_range *ranges, size_t count);

/* `An UID FETCH 1:last (UID FLAGS RFC822.SIZE) (CHANGEDSINCE modseq)`: those
 * whose flags have changed since |modseq|, which is not 0 (CONDSTORE only).
 */
void imap_write_fetch_changes(struct buf *out, uint32_t tag, uint32_t last,
                              uint64_t modseq);

/* `An UID FETCH set (UID BODY.PEEK[])`. */
void imap_write_fetch_bodies(struct buf *out, uint32_t tag,
                             const struct imap_uid_set *set);

/* `An UID FETCH uid (UID BODY.PEEK[]<offset.length>)`. */
void imap_write_fetch_window(struct buf *out, uint32_t tag, uint32_t uid,
                             uint64_t offset, uint32_t length);

/* `An UID FETCH set (UID X-GM-MSGID)` (X-GM-EXT-1 only), of |count| ranges, 1 to
 * IMAP_UID_RANGES_PICKED_MAX.
 */
void imap_write_fetch_gmail_ids(struct buf *out, uint32_t tag,
                                const struct imap_uid_range *ranges,
                                size_t count);

/* `An UID FETCH set (UID FLAGS)`: which of these are still there? */
void imap_write_fetch_flags(struct buf *out, uint32_t tag,
                            const struct imap_uid_set *set);

/* `An UID STORE set +FLAGS.SILENT (flag)`; |flag| as `\\Deleted`. */
void imap_write_store(struct buf *out, uint32_t tag,
                      const struct imap_uid_set *set, const char *flag);

/* `An UID EXPUNGE set` (UIDPLUS or IMAP4rev2 only). */
void imap_write_uid_expunge(struct buf *out, uint32_t tag,
                            const struct imap_uid_set *set);

/* `An SELECT "mailbox"`, or EXAMINE where |read_only|; with `(CONDSTORE)` where
 * asked for. INBOX goes unquoted.
 */
void imap_write_select(struct buf *out, uint32_t tag, struct span mailbox,
                       bool read_only, bool condstore,
                       struct imap_capabilities caps);

/* `An UID COPY set "mailbox"`, or UID MOVE. */
void imap_write_copy(struct buf *out, uint32_t tag,
                     const struct imap_uid_set *set, struct span mailbox,
                     struct imap_capabilities caps);
void imap_write_move(struct buf *out, uint32_t tag,
                     const struct imap_uid_set *set, struct span mailbox,
                     struct imap_capabilities caps);

/* `An LIST "" "mailbox"`: is it there, and what is it? */
void imap_write_list(struct buf *out, uint32_t tag, struct span mailbox,
                     struct imap_capabilities caps);

/* `An LIST (SPECIAL-USE) "" "*"`, where the server knows that; elsewhere all
 * mailboxes are listed, and may say what they are for.
 */
void imap_write_list_special(struct buf *out, uint32_t tag,
                             struct imap_capabilities caps);

/* `An UID SEARCH DELETED`. */
void imap_write_search_deleted(struct buf *out, uint32_t tag);

/* What a search is to find: messages that meet all of it. All zero: all. */
struct imap_search {
    bool wants_set;          /* RETURN (ALL): ESEARCH or IMAP4rev2 only */
    const char *since;       /* of INTERNALDATE; `1-Feb-2026`, or NULL */
    uint32_t younger_s;      /* than so many seconds; 0: of any age (WITHIN) */
    bool unseen;             /* without \\Seen */
    struct span keyword;     /* with it; empty: any */
    struct span not_keyword; /* without it; empty: any */
    uint32_t last_uid;       /* up to there; 0: all */
};

/* `An UID SEARCH SINCE 1-Feb-2026 UNSEEN ...`, or `An UID SEARCH ALL`. Keywords
 * are such as imap_keyword_is_valid takes.
 */
void imap_write_search(struct buf *out, uint32_t tag,
                       const struct imap_search *search);

#endif
