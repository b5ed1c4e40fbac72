/* cover.h - what the simulated sessions have done, all in all.
 *
 * A simulator that never gets to the interesting places finds nothing. Each
 * place worth reaching has a counter, and a long run fails when one is zero.
 */
#ifndef POPINJAY_TESTS_SIM_COVER_H
#define POPINJAY_TESTS_SIM_COVER_H

#include <stdbool.h>
#include <stdint.h>

enum cover {
    COVER_SESSIONS,
    COVER_LOGINS,
    COVER_LOGIN_AUTH,
    COVER_LOGIN_TEMP,
    COVER_LOGIN_PERM,
    COVER_LOGIN_IN_USE,
    COVER_LOGIN_TOO_SOON,
    COVER_LOGIN_AUTHENTICATE,
    COVER_LOGIN_LITERALS,
    COVER_CLIENT_STLS,
    COVER_CLIENT_INJECTION,
    COVER_UPSTREAM_STARTTLS,
    COVER_LISTED,
    COVER_HIDDEN,
    COVER_RETR,
    COVER_RETR_LARGE,
    COVER_RETR_FAILED,
    COVER_RETR_GONE,
    COVER_RETR_ABORTED,
    COVER_RETR_TAKEN_BACK,
    COVER_TOP,
    COVER_TOP_LARGE,
    COVER_DELE,
    COVER_DELE_REFUSED,
    COVER_DELE_UNREAD,
    COVER_RSET,
    COVER_ILLEGAL,
    COVER_ERRORS_CLOSE,
    COVER_QUIT_OK,
    COVER_QUIT_REMOVED,
    COVER_QUIT_REMOVED_MESSAGES,
    COVER_QUIT_REFUSED,
    COVER_QUIT_GUARDED,
    COVER_QUIT_PLAIN_EXPUNGE,
    COVER_QUIT_RECONNECT,
    COVER_QUIT_RECONNECT_OK,
    COVER_QUIT_CLIENT_GONE,
    COVER_FOREIGN_KEPT,
    COVER_SEEN,
    COVER_RENUMBERED,
    COVER_ANNOUNCED,
    COVER_DROP_CLIENT_BEFORE_LOGIN,
    COVER_DROP_CLIENT_LOGGING_IN,
    COVER_DROP_CLIENT_TRANSACTION,
    COVER_DROP_CLIENT_UPDATE,
    COVER_DROP_UPSTREAM_LOGGING_IN,
    COVER_DROP_UPSTREAM_TRANSACTION,
    COVER_DROP_UPSTREAM_UPDATE,
    COVER_TIMEOUT_LOGIN,
    COVER_TIMEOUT_SESSION,
    COVER_TIMEOUT_UPSTREAM,
    COVER_SHUT_DOWN,
    COVER_SHUT_DOWN_UPDATE,
    COVER_ROOM_CLOSED_CLIENT,
    COVER_ROOM_CLOSED_UPSTREAM,
    COVER_COUNT,
};

void cover(enum cover what);
void cover_add(enum cover what, uint64_t n);
uint64_t cover_of(enum cover what);
void cover_print(void);

/* False, and says which, if something was never reached. */
bool cover_is_full(void);

#endif
