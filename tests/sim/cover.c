#include "sim/cover.h"

#include <inttypes.h>
#include <stdio.h>

static uint64_t counts[COVER_COUNT];

static const char *const names[COVER_COUNT] = {
    [COVER_SESSIONS] = "sessions",
    [COVER_LOGINS] = "logins",
    [COVER_LOGIN_AUTH] = "logins refused: [AUTH]",
    [COVER_LOGIN_TEMP] = "logins refused: [SYS/TEMP]",
    [COVER_LOGIN_PERM] = "logins refused: [SYS/PERM]",
    [COVER_LOGIN_IN_USE] = "logins refused: [IN-USE]",
    [COVER_LOGIN_AUTHENTICATE] = "logins upstream by AUTHENTICATE",
    [COVER_LOGIN_LITERALS] = "logins upstream with literals",
    [COVER_LOGIN_SCRAM] = "logins by SCRAM",
    [COVER_LOGIN_SCRAM_PLUS] = "logins by SCRAM, bound to the channel",
    [COVER_SCRAM_LIE] = "servers whose SCRAM was a lie",
    [COVER_LOGIN_TOKEN] = "logins upstream by a token",
    [COVER_LOGIN_RENEWED] = "tokens renewed within a login",
    [COVER_LOGIN_LATE] = "logins answered later",
    [COVER_LOGIN_DENIED] = "logins denied by the owner",
    [COVER_NEXT_SERVER] = "connections left for the next server",
    [COVER_LOGIN_ELSEWHERE] = "connections left for another upstream",
    [COVER_CLIENT_STLS] = "STLS",
    [COVER_CLIENT_INJECTION] = "octets behind STLS",
    [COVER_UPSTREAM_STARTTLS] = "STARTTLS",
    [COVER_LOGIN_TOO_SOON] = "logins refused: [LOGIN-DELAY]",
    [COVER_PARKED] = "upstream connections parked",
    [COVER_TAKEN_UP] = "of these taken up",
    [COVER_REUSED] = "logins with one of these",
    [COVER_NOT_REUSED] = "logins with a new one in its place",
    [COVER_LISTED] = "messages listed",
    [COVER_HIDDEN] = "messages hidden",
    [COVER_LISTING_FRESH] = "listings that asked for nothing",
    [COVER_LISTING_UPDATED] = "listings that asked for changes",
    [COVER_LISTING_UPDATE_FAILED] = "listings that changes did not complete",
    [COVER_LISTING_STALE] = "listings anew, though something was known",
    [COVER_EXCERPT] = "mailboxes of which only the window was listed",
    [COVER_EXCERPT_FRESH] = "windows that asked for no message",
    [COVER_EXCERPT_GIVEN_UP] = "mailboxes listed all the same",
    [COVER_EXCERPT_IN_STEPS] = "windows that took several commands",
    [COVER_KEPT] = "mailboxes known for the next session",
    [COVER_KEPT_AFTER_REMOVAL] = "of these, after a removal",
    [COVER_RETR] = "RETR whole",
    [COVER_RETR_LARGE] = "RETR of more than the output holds",
    [COVER_RETR_FAILED] = "RETR refused, the message there",
    [COVER_RETR_GONE] = "RETR refused, the message gone",
    [COVER_RETR_ABORTED] = "RETR broken off",
    [COVER_RETR_TAKEN_BACK] = "RETR taken back before it was read",
    [COVER_TOP] = "TOP",
    [COVER_TOP_LARGE] = "TOP over more than one window",
    [COVER_DELE] = "DELE",
    [COVER_DELE_REFUSED] = "DELE refused: no removal here",
    [COVER_DELE_UNREAD] = "DELE refused: RETR had failed",
    [COVER_RSET] = "RSET with marks",
    [COVER_ILLEGAL] = "illegal lines refused",
    [COVER_ERRORS_CLOSE] = "closed for too many errors",
    [COVER_QUIT_OK] = "QUIT with nothing marked",
    [COVER_QUIT_REMOVED] = "QUIT that removed",
    [COVER_QUIT_MOVED] = "QUIT that moved to the trash",
    [COVER_QUIT_FLAGGED] = "QUIT that flagged as seen",
    [COVER_QUIT_KEPT] = "QUIT that kept under a keyword",
    [COVER_COPIED] = "messages copied to the trash",
    [COVER_HIDDEN_KEPT] = "messages hidden that were kept",
    [COVER_HIDDEN_WINDOW] = "messages hidden by size, age or flags",
    [COVER_HIDDEN_OLDER] = "mailboxes cut to their newest",
    [COVER_QUIT_REMOVED_MESSAGES] = "messages removed by it",
    [COVER_QUIT_REFUSED] = "QUIT -ERR",
    [COVER_QUIT_GUARDED] = "QUIT that spared others' flags",
    [COVER_QUIT_PLAIN_EXPUNGE] = "messages removed by plain EXPUNGE",
    [COVER_QUIT_RECONNECT] = "reconnections at QUIT",
    [COVER_QUIT_RECONNECT_OK] = "reconnections at QUIT, then +OK",
    [COVER_QUIT_RENEWED] = "tokens renewed at QUIT",
    [COVER_QUIT_RENEWED_OK] = "tokens renewed at QUIT, then +OK",
    [COVER_QUIT_CLIENT_GONE] = "QUIT, and the client did not wait",
    [COVER_FOREIGN_KEPT] = "others' flags that outlived a removal",
    [COVER_SEEN] = "messages flagged as seen",
    [COVER_OTHER_POLICY] = "other policies for the next session",
    [COVER_RENUMBERED] = "mailboxes made anew",
    [COVER_RENUMBERED_OTHER] = "the one made anew that is not selected",
    [COVER_MERGED] = "maildrops of two mailboxes",
    [COVER_ANNOUNCED] = "UIDVALIDITY announced while selected",
    [COVER_DROP_CLIENT_BEFORE_LOGIN] = "clients lost before login",
    [COVER_DROP_CLIENT_LOGGING_IN] = "clients lost at login",
    [COVER_DROP_CLIENT_TRANSACTION] = "clients lost in TRANSACTION",
    [COVER_DROP_CLIENT_UPDATE] = "clients lost in UPDATE",
    [COVER_DROP_UPSTREAM_LOGGING_IN] = "upstreams lost at login",
    [COVER_DROP_UPSTREAM_TRANSACTION] = "upstreams lost in TRANSACTION",
    [COVER_DROP_UPSTREAM_UPDATE] = "upstreams lost in UPDATE",
    [COVER_TIMEOUT_LOGIN] = "login timeouts",
    [COVER_TIMEOUT_SESSION] = "session timeouts",
    [COVER_TIMEOUT_UPSTREAM] = "upstream timeouts",
    [COVER_SHUT_DOWN] = "shut down",
    [COVER_SHUT_DOWN_UPDATE] = "shut down in UPDATE",
    [COVER_ROOM_CLOSED_CLIENT] = "reading the client stopped",
    [COVER_ROOM_CLOSED_UPSTREAM] = "reading the upstream stopped",
};

void cover(enum cover what)
{
    counts[what]++;
}

void cover_add(enum cover what, uint64_t n)
{
    counts[what] += n;
}

uint64_t cover_of(enum cover what)
{
    return counts[what];
}

void cover_print(void)
{
    for (unsigned i = 0; i < COVER_COUNT; i++)
        printf("%12" PRIu64 "  %s\n", counts[i], names[i]);
}

bool cover_is_full(void)
{
    bool full = true;

    for (unsigned i = 0; i < COVER_COUNT; i++) {
        if (counts[i] > 0)
            continue;
        printf("sim: never reached: %s\n", names[i]);
        full = false;
    }
    return full;
}
