#include "session/imap_parked.h"

#include "imap/command.h"

void imap_parked_write_logout(const struct imap_parked *parked, struct buf *out)
{
    imap_write_simple(out, parked->tag + 1, "LOGOUT");
}
