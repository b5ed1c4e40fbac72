/* mailbox_list.h - which mailboxes of a user are shown as the maildrop.
 *
 * An operator or a login names them in UTF-8, with the server's own hierarchy
 * separator.
 * Source: RFC 3501 §5.1; CONFORMANCE DEC-1.
 */
#ifndef POPINJAY_SESSION_MAILBOX_LIST_H
#define POPINJAY_SESSION_MAILBOX_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "base/limits.h"
#include "base/span.h"
#include "imap/capability.h"

/* Both end with a NUL. */
struct mailbox_name {
    char text[IMAP_MAILBOX_MAX + 1]; /* as people see it */
    char wire[IMAP_MAILBOX_MAX + 1]; /* as IMAP4rev1 has it */
};

/* As it goes to a server of these capabilities. */
struct span mailbox_name_for(const struct mailbox_name *name,
                             struct imap_capabilities caps);

/* False, and |name| undefined, where |text| is empty, too long or not UTF-8, or
 * there is no memory. INBOX is INBOX in any case.
 */
MUST_CHECK bool mailbox_name_set(struct mailbox_name *name, struct span text);

/* None twice, and no two with the same mark (unique_id.h). Empty, all zero, it is
 * INBOX alone.
 */
struct mailbox_list {
    unsigned count;
    struct mailbox_name *names; /* owned */
};

/* At least 1. */
unsigned mailbox_list_count(const struct mailbox_list *list);
const struct mailbox_name *mailbox_list_name(const struct mailbox_list *list,
                                             unsigned i);

/* |text|: names with commas between them, and blanks around, in order; empty:
 * none. Returns NULL, or what is wrong in words; |list| is then empty.
 */
MUST_CHECK const char *mailbox_list_parse(struct mailbox_list *list,
                                          struct span text);
void mailbox_list_fini(struct mailbox_list *list);

/* Of one name alone. NULL, or what is wrong, as above. */
MUST_CHECK const char *mailbox_list_set(struct mailbox_list *list,
                                        struct span name);

/* False where there is no memory; |to| is then empty. */
MUST_CHECK bool mailbox_list_copy(struct mailbox_list *to,
                                  const struct mailbox_list *from);

/* A name in the login, "user+Folder" or "user+Folder@example.com". */
struct plus_name {
    struct span before; /* the name without it is this... */
    struct span folder; /* empty: there is none */
    struct span after;  /* ...and this */
};

struct plus_name plus_name_split(struct span given);

/* May |folder| be named in a login? |allowed|: patterns with commas between
 * them, in which `*` stands for anything; empty: every folder may, but for one
 * with a level that is `.`, `..` or empty, which never may.
 */
bool plus_name_is_allowed(struct span folder, struct span allowed);

#endif
