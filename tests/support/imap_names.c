#include "support/imap_names.h"

static const char *const code_names[IMAP_CODE_COUNT] = {
    [IMAP_CODE_NONE] = "",
    [IMAP_CODE_UNKNOWN] = "UNKNOWN",
    [IMAP_CODE_ALERT] = "ALERT",
    [IMAP_CODE_ALREADYEXISTS] = "ALREADYEXISTS",
    [IMAP_CODE_AUTHENTICATIONFAILED] = "AUTHENTICATIONFAILED",
    [IMAP_CODE_AUTHORIZATIONFAILED] = "AUTHORIZATIONFAILED",
    [IMAP_CODE_CANNOT] = "CANNOT",
    [IMAP_CODE_CAPABILITY] = "CAPABILITY",
    [IMAP_CODE_CLIENTBUG] = "CLIENTBUG",
    [IMAP_CODE_CLOSED] = "CLOSED",
    [IMAP_CODE_CONTACTADMIN] = "CONTACTADMIN",
    [IMAP_CODE_COPYUID] = "COPYUID",
    [IMAP_CODE_CORRUPTION] = "CORRUPTION",
    [IMAP_CODE_DOWNGRADED] = "DOWNGRADED",
    [IMAP_CODE_EXPIRED] = "EXPIRED",
    [IMAP_CODE_EXPUNGEISSUED] = "EXPUNGEISSUED",
    [IMAP_CODE_HIGHESTMODSEQ] = "HIGHESTMODSEQ",
    [IMAP_CODE_INUSE] = "INUSE",
    [IMAP_CODE_LIMIT] = "LIMIT",
    [IMAP_CODE_MESSAGELIMIT] = "MESSAGELIMIT",
    [IMAP_CODE_NOMODSEQ] = "NOMODSEQ",
    [IMAP_CODE_NONEXISTENT] = "NONEXISTENT",
    [IMAP_CODE_NOPERM] = "NOPERM",
    [IMAP_CODE_OVERQUOTA] = "OVERQUOTA",
    [IMAP_CODE_PERMANENTFLAGS] = "PERMANENTFLAGS",
    [IMAP_CODE_PRIVACYREQUIRED] = "PRIVACYREQUIRED",
    [IMAP_CODE_READ_ONLY] = "READ-ONLY",
    [IMAP_CODE_READ_WRITE] = "READ-WRITE",
    [IMAP_CODE_SERVERBUG] = "SERVERBUG",
    [IMAP_CODE_THROTTLED] = "THROTTLED",
    [IMAP_CODE_TRYCREATE] = "TRYCREATE",
    [IMAP_CODE_UIDNEXT] = "UIDNEXT",
    [IMAP_CODE_UIDNOTSTICKY] = "UIDNOTSTICKY",
    [IMAP_CODE_UIDVALIDITY] = "UIDVALIDITY",
    [IMAP_CODE_UNAVAILABLE] = "UNAVAILABLE",
};

const char *imap_code_name(enum imap_code code)
{
    return code_names[code];
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
