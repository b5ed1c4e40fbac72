#include "support/imap_names.h"

const char *imap_code_name(enum imap_code code)
{
    if (code == IMAP_CODE_NONE)
        return "";
    return code == IMAP_CODE_UNKNOWN ? "UNKNOWN" : imap_code_names[code];
}

const char *imap_event_kind_name(enum imap_event_kind kind)
{
    static const char *const names[IMAP_EVENT_KIND_COUNT] = {
        [IMAP_TAGGED] = "tagged",
        [IMAP_UNTAGGED] = "untagged",
        [IMAP_CONTINUE] = "continue",
        [IMAP_CAPABILITY] = "capability",
        [IMAP_EXISTS] = "exists",
        [IMAP_EXPUNGE] = "expunge",
        [IMAP_FETCH] = "fetch",
        [IMAP_FETCH_UID] = "fetch uid",
        [IMAP_FETCH_SIZE] = "fetch size",
        [IMAP_FETCH_GMAIL_ID] = "fetch gmail id",
        [IMAP_FETCH_FLAGS] = "fetch flags",
        [IMAP_BODY] = "body",
        [IMAP_BODY_DATA] = "body data",
        [IMAP_BODY_END] = "body end",
        [IMAP_FETCH_END] = "fetch end",
        [IMAP_SEARCH_UIDS] = "search uids",
        [IMAP_SEARCH_END] = "search end",
        [IMAP_COPIED_UIDS] = "copied uids",
        [IMAP_LIST] = "list",
        [IMAP_FLAGS] = "flags",
        [IMAP_ID] = "id",
        [IMAP_OTHER] = "other",
        [IMAP_NOISE] = "noise",
    };

    return names[kind];
}
