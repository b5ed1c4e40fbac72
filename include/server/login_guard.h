/* login_guard.h - who may not try to log in just now, without the upstream being
 * asked.
 *
 * Two reasons: too many wrong passwords, and a server that has asked for a
 * pause. What is counted and what is refused goes by three keys:
 *
 *   the client          wrong passwords of one network, whoever they are for,
 *                       and those it did not await the server's word on
 *   the login           of one user from one network
 *   the user            from anywhere: only where block_user_everywhere says so,
 *                       since it lets anyone lock out the owner
 *
 * Who leaves while the server judges may have guessed, and the server may count
 * it; so may a device that is impatient with a slow server have left. It counts
 * against the client, whose threshold bears that, and shuts no user out.
 *
 * The window slides: of the wrong passwords of the window before, as large a
 * part counts as still lies within window_ms. A login that is under way counts
 * as a wrong password of its login until it is decided, so that many tries at
 * once are no more than one after the other.
 *
 * Names are kept as keyed digests only. Shared by all workers; each call holds
 * the mutex for three lookups. Memory: LOGIN_GUARD_ENTRIES_MAX entries of one
 * size; those not used for longest make room.
 * Source: CONFORMANCE POP-10, MAP-2; general rule 8 of PROVIDER_QUIRKS.md.
 */
#ifndef POPINJAY_SERVER_LOGIN_GUARD_H
#define POPINJAY_SERVER_LOGIN_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/span.h"
#include "net/keyed_digest.h"
#include "net/network.h"

struct login_guard; /* opaque */

struct login_limits {
    uint32_t failures;        /* of one login, or user; 0: no limit */
    uint32_t client_failures; /* of one client; 0: no limit */
    uint64_t window_ms;
    uint64_t block_ms;
    bool block_user_everywhere;
};

enum login_key {
    LOGIN_KEY_CLIENT,
    LOGIN_KEY_LOGIN,
    LOGIN_KEY_USER,
    LOGIN_KEY_COUNT,
};

/* One try: of the name that a client gave, for its passwords; of the user that
 * it is upstream, for pauses. A value, and no secret; `= { 0 }` is none.
 */
struct login_attempt {
    unsigned char keys[LOGIN_KEY_COUNT][KEYED_DIGEST_SIZE];
    bool is_exempt; /* neither client nor login is blocked */
    bool is_made;   /* login_attempt_make has filled it in */
    bool is_pending;
};

enum login_verdict {
    LOGIN_ADMITTED, /* and counted as pending: login_guard_end follows */
    LOGIN_BLOCKED,  /* too many wrong passwords */
};

enum login_result {
    LOGIN_RIGHT,     /* the server took the password */
    LOGIN_WRONG,     /* it did not */
    LOGIN_ABANDONED, /* the client left before it could say */
    LOGIN_UNDECIDED, /* something else was the matter */
};

/* NULL where there is no memory or no randomness. */
MUST_CHECK struct login_guard *login_guard_new(void);

/* NULL is fine. */
void login_guard_free(struct login_guard *g);

/* |exempt|: its clients share one address, such as those of a webmailer. False
 * where there is no memory.
 */
MUST_CHECK bool login_attempt_make(const struct login_guard *g,
                                   struct span upstream, struct span user,
                                   const struct network_key *client,
                                   bool exempt, struct login_attempt *attempt);

/* |now_ms| is by a monotonic clock that the workers share. */
MUST_CHECK enum login_verdict login_guard_begin(
    struct login_guard *g, const struct login_limits *limits,
    struct login_attempt *attempt, uint64_t now_ms);

/* Harmless where it is not pending. |blocked| [out], by enum login_key: what is
 * refused from now on and was not before.
 */
void login_guard_end(struct login_guard *g, const struct login_limits *limits,
                     struct login_attempt *attempt, enum login_result result,
                     uint64_t now_ms, bool blocked[LOGIN_KEY_COUNT]);

/* The server asks for a pause of |pause_ms|. |proven|: it had taken the
 * password, so it holds for the user from anywhere; else for this login only,
 * or anyone could have the owner wait.
 */
void login_guard_back_off(struct login_guard *g,
                          const struct login_attempt *attempt, bool proven,
                          uint64_t pause_ms, uint64_t now_ms);

/* Whether it has, and the pause is not over. */
bool login_guard_is_backing_off(struct login_guard *g,
                                const struct login_attempt *attempt,
                                uint64_t now_ms);

/* For figures. */
struct login_guard_figures {
    size_t entries;
    size_t blocked[LOGIN_KEY_COUNT];
    size_t backing_off;
};
struct login_guard_figures login_guard_figures(struct login_guard *g,
                                               uint64_t now_ms);

#endif
