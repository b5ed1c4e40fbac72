/* fault.c - the one table of what can go wrong. */
#include "session/fault.h"

#include <assert.h>
#include <stdbool.h>

#include "base/attributes.h"

/* Texts tell the person at the device what to do; they are fixed ASCII and
 * never name which part of the credentials was wrong.
 */
static const struct {
    const char *name;
    const char *text;
    enum pop3_code code;
    enum fault_class class;
    bool alarm;
} faults[FAULT_COUNT] = {
    [FAULT_NONE] = { "quit", "goodbye", POP3_CODE_NONE, FAULT_CLASS_NONE,
                     false },

    [FAULT_CLIENT_GONE] = { "client_gone", "connection lost", POP3_CODE_NONE,
                            FAULT_CLASS_CLIENT, false },
    [FAULT_CLIENT_IDLE] = { "client_idle", "idle for too long", POP3_CODE_NONE,
                            FAULT_CLASS_TIMEOUT, false },
    [FAULT_LOGIN_TIMEOUT] = { "login_timeout", "login took too long",
                              POP3_CODE_SYS_TEMP, FAULT_CLASS_TIMEOUT, false },
    [FAULT_TOO_MANY_ERRORS] = { "too_many_errors", "too many errors, closing",
                                POP3_CODE_NONE, FAULT_CLASS_CLIENT, false },
    [FAULT_TOO_MANY_COMMANDS] = { "too_many_commands",
                                  "too many commands without login, closing",
                                  POP3_CODE_NONE, FAULT_CLASS_CLIENT, false },
    [FAULT_TOO_MANY_LOGINS] = { "too_many_logins",
                                "too many failed logins, closing",
                                POP3_CODE_NONE, FAULT_CLASS_REFUSED, false },
    [FAULT_CLEAR_BEFORE_TLS] = { "clear_before_tls", "clear text behind STLS",
                                 POP3_CODE_NONE, FAULT_CLASS_CLIENT, false },
    [FAULT_CLIENT_TLS] = { "client_tls", "TLS failed", POP3_CODE_NONE,
                           FAULT_CLASS_CLIENT, false },

    [FAULT_CREDENTIALS] = { "credentials", "wrong user name or password",
                            POP3_CODE_AUTH, FAULT_CLASS_REFUSED, false },
    [FAULT_TOKEN_REFUSED] = { "token_refused",
                              "mail server refuses the access granted to it",
                              POP3_CODE_AUTH, FAULT_CLASS_REFUSED, true },
    [FAULT_SECRET_REFUSED] = { "secret_refused",
                               "mail server refuses the password kept for it",
                               POP3_CODE_AUTH, FAULT_CLASS_REFUSED, true },
    [FAULT_TOKEN_WITHHELD] = { "token_withheld",
                               "access to the mail server has to be granted "
                               "anew",
                               POP3_CODE_AUTH, FAULT_CLASS_REFUSED, true },
    [FAULT_TOKEN_UNAVAILABLE] = { "token_unavailable",
                                  "no access to the mail server for now, try "
                                  "again later",
                                  POP3_CODE_SYS_TEMP, FAULT_CLASS_UPSTREAM,
                                  false },
    [FAULT_IDENTITY] = { "identity", "may not act as another user",
                         POP3_CODE_AUTH, FAULT_CLASS_REFUSED, false },
    /* What the client is told of these two is what it is told of any wrong
     * password: who has an account, and where, is not for all to know.
     */
    [FAULT_NO_ACCOUNT] = { "no_account", "wrong user name or password",
                           POP3_CODE_AUTH, FAULT_CLASS_REFUSED, false },
    [FAULT_ACCOUNT_PLACE] = { "account_place", "wrong user name or password",
                              POP3_CODE_AUTH, FAULT_CLASS_REFUSED, false },
    [FAULT_VERIFY_BUSY] = { "verify_busy",
                            "too many logins at a time, try again later",
                            POP3_CODE_SYS_TEMP, FAULT_CLASS_RESOURCES, false },
    [FAULT_AUTH_SERVICE] = { "auth_service",
                             "login cannot be checked, try again later",
                             POP3_CODE_SYS_TEMP, FAULT_CLASS_UPSTREAM, false },
    [FAULT_SECRET_SEALED] = { "secret_sealed",
                              "secret for the mail server cannot be opened",
                              POP3_CODE_SYS_PERM, FAULT_CLASS_REFUSED, true },
    [FAULT_IN_USE] = { "in_use", "maildrop is in use, try again later",
                       POP3_CODE_IN_USE, FAULT_CLASS_REFUSED, false },
    [FAULT_LOGIN_DELAY] = { "login_delay", "too soon after the last login",
                            POP3_CODE_LOGIN_DELAY, FAULT_CLASS_REFUSED, false },
    [FAULT_ACCOUNT] = { "account", "account needs its administrator",
                        POP3_CODE_SYS_PERM, FAULT_CLASS_REFUSED, false },
    [FAULT_OVERLOAD] = { "overload", "too many sessions, try again later",
                         POP3_CODE_SYS_TEMP, FAULT_CLASS_RESOURCES, false },
    [FAULT_SHUTDOWN] = { "shutdown", "server is shutting down",
                         POP3_CODE_SYS_TEMP, FAULT_CLASS_RESOURCES, false },
    [FAULT_SHED] = { "shed", "too many connections without login",
                     POP3_CODE_NONE, FAULT_CLASS_REFUSED, false },
    /* Nobody has judged the password, so this is no [AUTH]: CAP-8. */
    [FAULT_LOGIN_BLOCKED] = { "login_blocked",
                              "too many failed logins, try again later",
                              POP3_CODE_SYS_TEMP, FAULT_CLASS_REFUSED, false },
    [FAULT_UPSTREAM_BACKOFF] = { "upstream_backoff",
                                 "mail server asks for a pause, try again "
                                 "later",
                                 POP3_CODE_SYS_TEMP, FAULT_CLASS_REFUSED,
                                 false },

    [FAULT_UPSTREAM_UNREACHABLE] = { "upstream_unreachable",
                                     "mail server cannot be reached",
                                     POP3_CODE_SYS_TEMP, FAULT_CLASS_UPSTREAM,
                                     false },
    [FAULT_UPSTREAM_FULL] = { "upstream_full",
                              "too many logins at a time, try again later",
                              POP3_CODE_SYS_TEMP, FAULT_CLASS_RESOURCES,
                              false },
    [FAULT_UPSTREAM_GONE] = { "upstream_gone", "connection to mail server lost",
                              POP3_CODE_SYS_TEMP, FAULT_CLASS_UPSTREAM, false },
    [FAULT_UPSTREAM_BYE] = { "upstream_bye", "mail server said goodbye",
                             POP3_CODE_SYS_TEMP, FAULT_CLASS_UPSTREAM, false },
    [FAULT_UPSTREAM_SILENT] = { "upstream_silent",
                                "mail server does not answer",
                                POP3_CODE_SYS_TEMP, FAULT_CLASS_TIMEOUT,
                                false },
    [FAULT_UPSTREAM_BUSY] = { "upstream_busy",
                              "mail server is busy, try again later",
                              POP3_CODE_SYS_TEMP, FAULT_CLASS_UPSTREAM, false },
    [FAULT_UPSTREAM_NOT_CONNECTED] = { "upstream_not_connected",
                                       "mail server has lost the mailbox, "
                                       "try again later",
                                       POP3_CODE_SYS_TEMP, FAULT_CLASS_UPSTREAM,
                                       false },
    [FAULT_UPSTREAM_GARBLED] = { "upstream_garbled",
                                 "mail server sent unreadable data",
                                 POP3_CODE_SYS_TEMP, FAULT_CLASS_UPSTREAM,
                                 false },
    [FAULT_MAILBOX_BUSY] = { "mailbox_busy",
                             "mailbox cannot be opened, try again later",
                             POP3_CODE_SYS_TEMP, FAULT_CLASS_UPSTREAM, false },
    [FAULT_MAILBOX_INCOMPLETE] = { "mailbox_incomplete",
                                   "mailbox cannot be listed, try again later",
                                   POP3_CODE_SYS_TEMP, FAULT_CLASS_UPSTREAM,
                                   false },
    [FAULT_MAILBOX_CHANGED] = { "mailbox_changed",
                                "mailbox was replaced, log in again",
                                POP3_CODE_SYS_TEMP, FAULT_CLASS_UPSTREAM,
                                false },
    [FAULT_MESSAGE_UNREADABLE] = { "message_unreadable",
                                   "message cannot be read, try again later",
                                   POP3_CODE_SYS_TEMP, FAULT_CLASS_UPSTREAM,
                                   false },
    [FAULT_NOT_REMOVED] = { "not_removed",
                            "some messages not removed, try again later",
                            POP3_CODE_SYS_TEMP, FAULT_CLASS_UPSTREAM, false },

    [FAULT_UPSTREAM_UNTRUSTED] = { "upstream_untrusted",
                                   "mail server cannot be trusted",
                                   POP3_CODE_SYS_PERM, FAULT_CLASS_UPSTREAM,
                                   true },
    [FAULT_UPSTREAM_UNPROVEN] = { "upstream_unproven",
                                  "mail server has not proven who it is",
                                  POP3_CODE_SYS_PERM, FAULT_CLASS_UPSTREAM,
                                  true },
    [FAULT_UPSTREAM_MISFIT] = { "upstream_misfit",
                                "mail server is not one to work with",
                                POP3_CODE_SYS_PERM, FAULT_CLASS_UPSTREAM,
                                true },
    [FAULT_UPSTREAM_NO_LOGIN] = { "upstream_no_login",
                                  "mail server takes no login of this kind",
                                  POP3_CODE_SYS_PERM, FAULT_CLASS_UPSTREAM,
                                  true },
    [FAULT_UPSTREAM_REJECTED] = { "upstream_rejected",
                                  "mail server rejected a command",
                                  POP3_CODE_SYS_PERM, FAULT_CLASS_UPSTREAM,
                                  true },
    [FAULT_MAILBOX_REFUSED] = { "mailbox_refused", "mailbox cannot be opened",
                                POP3_CODE_SYS_PERM, FAULT_CLASS_UPSTREAM,
                                false },
    [FAULT_MAILBOX_TOO_LARGE] = { "mailbox_too_large",
                                  "mailbox holds too many messages",
                                  POP3_CODE_SYS_PERM, FAULT_CLASS_RESOURCES,
                                  true },
    [FAULT_MAILBOX_READ_ONLY] = { "mailbox_read_only", "mailbox is read-only",
                                  POP3_CODE_SYS_PERM, FAULT_CLASS_UPSTREAM,
                                  false },
    [FAULT_NO_SAFE_REMOVAL] = { "no_safe_removal",
                                "mail server cannot remove safely",
                                POP3_CODE_SYS_PERM, FAULT_CLASS_UPSTREAM,
                                false },
    [FAULT_NO_UNIQUE_IDS] = { "no_unique_ids",
                              "mail server has no lasting unique-ids",
                              POP3_CODE_SYS_PERM, FAULT_CLASS_UPSTREAM, false },
    [FAULT_NO_GMAIL_IDS] = { "no_gmail_ids",
                             "mail server has no unique-ids of Gmail",
                             POP3_CODE_SYS_PERM, FAULT_CLASS_UPSTREAM, false },
    [FAULT_NO_TRASH] = { "no_trash",
                         "mail server has no other mailbox for trash",
                         POP3_CODE_SYS_PERM, FAULT_CLASS_UPSTREAM, false },
    [FAULT_NO_KEYWORD] = { "no_keyword", "mail server keeps no such mark",
                           POP3_CODE_SYS_PERM, FAULT_CLASS_UPSTREAM, false },
    [FAULT_REMOVAL_REFUSED] = { "removal_refused",
                                "some messages may not be removed",
                                POP3_CODE_SYS_PERM, FAULT_CLASS_UPSTREAM,
                                false },
    [FAULT_REMOVAL_GUARDED] = { "removal_guarded", "some messages not removed",
                                POP3_CODE_SYS_PERM, FAULT_CLASS_UPSTREAM,
                                false },

    [FAULT_MESSAGE_GONE] = { "message_gone", "message is no longer there",
                             POP3_CODE_NONE, FAULT_CLASS_UPSTREAM, false },
    [FAULT_MESSAGE_NOT_READ] = { "message_not_read",
                                 "message could not be read, not deleted",
                                 POP3_CODE_SYS_TEMP, FAULT_CLASS_UPSTREAM,
                                 false },

    [FAULT_NO_MEMORY] = { "no_memory", "out of memory, try again later",
                          POP3_CODE_SYS_TEMP, FAULT_CLASS_RESOURCES, true },
};

enum pop3_code fault_pop3_code(enum fault fault)
{
    assert(fault < FAULT_COUNT);
    return faults[fault].code;
}

const char *fault_pop3_text(enum fault fault)
{
    assert(fault < FAULT_COUNT);
    return faults[fault].text;
}

enum fault_class fault_class(enum fault fault)
{
    assert(fault < FAULT_COUNT);
    return faults[fault].class;
}

const char *fault_name(enum fault fault)
{
    assert(fault < FAULT_COUNT);
    return faults[fault].name;
}

bool fault_is_alarm(enum fault fault)
{
    assert(fault < FAULT_COUNT);
    return faults[fault].alarm;
}

bool fault_is_wrong_login(enum fault fault)
{
    return fault == FAULT_CREDENTIALS || fault == FAULT_NO_ACCOUNT ||
           fault == FAULT_ACCOUNT_PLACE;
}
