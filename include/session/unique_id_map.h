/* unique_id_map.h - unique-ids that devices know from another server.
 *
 * A list made once, when mail moves: which UID of which mailbox is the message
 * that the old POP3 server called so. Read whole, then immutable: sessions of
 * any thread share it. Lines, in UTF-8:
 *
 *   # a comment
 *   user alice@example.com       the name used upstream, to the next `user`
 *   mailbox 1700000000 INBOX     UIDVALIDITY, and the mailbox to its next
 *   12 UID12-1690000000          a UID and its unique-id; UIDs ascend
 *
 * No user and no mailbox of one stands there twice, nor a unique-id twice for
 * one user.
 * Memory: the text, and sixteen octets a message.
 * Source: RFC 1939 §7; CONFORMANCE DEC-12, POP-28.
 */
#ifndef POPINJAY_SESSION_UNIQUE_ID_MAP_H
#define POPINJAY_SESSION_UNIQUE_ID_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/span.h"

struct unique_id_map;  /* opaque */
struct unique_id_user; /* opaque; the map's */
struct unique_id_list; /* opaque: of one mailbox; the map's */

struct unique_id_map_error {
    size_t line; /* from 1; 0: not of one line */
    const char *text;
};

/* |text| is copied. NULL, and |error| set, where it is no map or there is no
 * memory.
 */
MUST_CHECK struct unique_id_map *unique_id_map_new(
    struct span text, struct unique_id_map_error *error);
void unique_id_map_free(struct unique_id_map *map);

/* What it has of |name|, or NULL. |map| may be NULL. */
const struct unique_id_user *unique_id_map_find(const struct unique_id_map *map,
                                                struct span name);

/* Some message of |user|, in whichever mailbox, has |id|. */
bool unique_id_user_has(const struct unique_id_user *user, const char *id);

/* Of |mailbox|, a name in UTF-8, whatever its UIDVALIDITY; or NULL. */
const struct unique_id_list *unique_id_user_list(
    const struct unique_id_user *user, struct span mailbox);
uint32_t unique_id_list_uidvalidity(const struct unique_id_list *list);

/* The unique-id of |uid|; NULL: it has none there. */
const char *unique_id_list_get(const struct unique_id_list *list, uint32_t uid);

#endif
