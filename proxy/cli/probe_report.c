#include "cli/probe_report.h"

#include <stdio.h>
#include <string.h>

#include "net/certificate_text.h"
#include "net/tls.h"

#define CERTIFICATE_TEXT_MAX 65536

static void print_span(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        (void)putchar(s.data[i] >= ' ' && s.data[i] < 0x7f ? s.data[i] : '?');
}

void probe_report_words(const char *what, struct span words)
{
    (void)printf("  %-12s", what);
    print_span(words);
    (void)putchar('\n');
}

static void say(const char *what, const char *words)
{
    (void)printf("  %-12s%s\n", what, words);
}

/* --- the connection --- */

static void report_certificate(const struct tls *tls)
{
    const struct x509_st *certificate = tls_server_certificate(tls);
    struct buf text;

    if (certificate == NULL)
        return;
    buf_init(&text, CERTIFICATE_TEXT_MAX);
    if (certificate_text_write(certificate, &text))
        (void)fwrite(buf_span(&text).data, 1, buf_length(&text), stdout);
    buf_fini(&text);
}

void probe_report_connection(const struct connection *c)
{
    const struct tls *tls = connection_tls(c);
    struct address_text peer = connection_peer(c);

    if (tls == NULL) {
        (void)printf("  %-12s%s port %u\n", "address", peer.host,
                     (unsigned)peer.port);
        say("tls", "none");
        return;
    }
    (void)printf("  %-12s%s port %u\n  %-12s%s, %s\n", "address", peer.host,
                 (unsigned)peer.port, "tls", tls_version_name(tls),
                 tls_cipher_name(tls));
    report_certificate(tls);
}

/* --- what the server can do --- */

static bool has(struct imap_capabilities set, enum imap_capability c)
{
    return imap_capabilities_have(set, c);
}

static void report_capabilities(struct imap_capabilities set)
{
    (void)printf("  %-12s", "can");
    for (unsigned i = 0; i < IMAP_CAP_COUNT; i++)
        if (has(set, (enum imap_capability)i))
            (void)printf("%s ", imap_capability_name((enum imap_capability)i));
    (void)putchar('\n');
}

static void say_login(struct imap_capabilities set, const char *mechanism)
{
    static const char *const round_trips[] = { "one round trip",
                                               "two round trips",
                                               "three round trips",
                                               "four round trips" };
    char words[128];
    size_t more;

    if (mechanism == NULL) {
        say("USER, PASS", "nothing: refused with [SYS/PERM]");
        return;
    }
    if (strcmp(mechanism, "LOGIN") == 0) {
        say("USER, PASS", "LOGIN; names and passwords in ASCII only");
        return;
    }
    more = strncmp(mechanism, "SCRAM", 5) == 0 ? 2 : 0;
    if (!has(set, IMAP_CAP_SASL_IR))
        more++;
    (void)snprintf(words, sizeof(words), "AUTHENTICATE %s, in %s", mechanism,
                   round_trips[more]);
    say("USER, PASS", words);
}

static bool is_removal_refused(struct imap_capabilities set,
                               const struct config_policy *policy)
{
    return !has(set, IMAP_CAP_UIDPLUS) &&
           policy->without_uidplus == REMOVAL_REFUSE;
}

static const char *expunge_words(struct imap_capabilities set)
{
    return has(set, IMAP_CAP_UIDPLUS)
               ? "UID STORE +FLAGS.SILENT (\\Deleted), UID EXPUNGE"
               : "UID STORE, and EXPUNGE if nobody else marked any";
}

static const char *trash_words(struct imap_capabilities set)
{
    if (has(set, IMAP_CAP_MOVE))
        return "UID MOVE to the trash";
    return has(set, IMAP_CAP_UIDPLUS)
               ? "UID COPY to the trash, then UID STORE, UID EXPUNGE"
               : "UID COPY to the trash, then UID STORE, and EXPUNGE if "
                 "nobody else marked any";
}

/* NULL: DELE is refused. */
static const char *quit_words(struct imap_capabilities set,
                              const struct config_policy *policy)
{
    bool refused = is_removal_refused(set, policy);

    switch (policy->on_delete) {
    case ON_DELETE_EXPUNGE:
        return refused ? NULL : expunge_words(set);
    case ON_DELETE_TRASH:
        return refused && !has(set, IMAP_CAP_MOVE) ? NULL : trash_words(set);
    case ON_DELETE_SEEN:
        return "UID STORE +FLAGS.SILENT (\\Seen)";
    case ON_DELETE_KEEP:
        return "UID STORE +FLAGS.SILENT of the user's keyword";
    case ON_DELETE_COUNT:
        break;
    }
    return NULL;
}

static void report_commands(struct imap_capabilities set, const char *mechanism,
                            const struct config_policy *policy)
{
    const char *quit = quit_words(set, policy);
    char select[IMAP_MAILBOX_MAX + 32];

    (void)puts("POP3 becomes");
    say_login(set, mechanism);
    (void)snprintf(select, sizeof(select), "SELECT %s%s",
                   mailbox_list_name(&policy->mailboxes, 0)->text,
                   has(set, IMAP_CAP_CONDSTORE) ? " (CONDSTORE)" : "");
    say("", select);
    say("STAT, LIST,",
        "UID FETCH 1:* (UID FLAGS RFC822.SIZE), once at the login");
    say("UIDL", has(set, IMAP_CAP_CONDSTORE)
                    ? "and only what has changed since the last one"
                    : "and each time anew");
    say("RETR", "UID FETCH n (UID BODY.PEEK[])");
    say("TOP", "UID FETCH n (UID BODY.PEEK[]<0.65536>)");
    say("DELE", quit == NULL ? "nothing: refused with [SYS/PERM]"
                             : "nothing before QUIT");
    say("QUIT", quit == NULL ? "LOGOUT: no message is ever removed" : quit);
    say("NOOP, RSET", "nothing: answered here");
}

/* --- what is missing --- */

static const struct {
    enum imap_capability capability;
    const char *without;
} wanted[] = {
    { IMAP_CAP_UIDPLUS,
      "single messages cannot be expunged: see without_uidplus" },
    { IMAP_CAP_CONDSTORE, "the mailbox is listed anew at each login" },
    { IMAP_CAP_SASL_IR, "a login takes one round trip more" },
    { IMAP_CAP_AUTH_PLAIN, "names and passwords must be ASCII" },
    { IMAP_CAP_ID, "the server is not told that it is popinjay who comes" },
};

static void report_missing(struct imap_capabilities set, bool logged_in)
{
    bool all = true;

    (void)puts("Missing");
    for (size_t i = 0; i < ARRAY_LENGTH(wanted); i++) {
        if (has(set, wanted[i].capability) ||
            (wanted[i].capability == IMAP_CAP_AUTH_PLAIN &&
             has(set, IMAP_CAP_AUTH_SCRAM)))
            continue;
        say(imap_capability_name(wanted[i].capability), wanted[i].without);
        all = false;
    }
    if (all)
        say("nothing", "");
    else if (!logged_in)
        (void)puts(
            "Servers tell more after a login: popinjay probe --user NAME");
}

void probe_report_server(struct imap_capabilities at_login,
                         struct imap_capabilities now, const char *mechanism,
                         const struct config_policy *policy, bool logged_in)
{
    const uint32_t of_login =
        BIT(IMAP_CAP_AUTH_PLAIN) | BIT(IMAP_CAP_AUTH_SCRAM) |
        BIT(IMAP_CAP_AUTH_SCRAM_PLUS) | BIT(IMAP_CAP_LOGINDISABLED) |
        BIT(IMAP_CAP_SASL_IR);
    /* Most servers do not name again what only a login is made with. */
    struct imap_capabilities set = { (now.bits & ~of_login) |
                                     (at_login.bits & of_login) };

    report_capabilities(set);
    report_commands(set, mechanism, policy);
    report_missing(set, logged_in);
}

/* --- the mailbox --- */

void probe_report_mailbox(const char *name, const struct imap_mailbox *mailbox,
                          const struct snapshot_halves *messages,
                          const struct snapshot *view)
{
    uint32_t marked = snapshot_count(messages->hidden);
    uint32_t hidden =
        snapshot_count(messages->listed) + marked - snapshot_count(view);

    (void)puts(name);
    (void)printf("  %-12s%lu, %llu octets\n", "messages",
                 (unsigned long)snapshot_count(view),
                 (unsigned long long)snapshot_total_octets(view));
    if (hidden > 0)
        (void)printf("  %-12s%lu, by the policy\n", "hidden",
                     (unsigned long)hidden);
    if (marked > 0)
        (void)printf("  %-12s%lu, by another client, as deleted\n", "marked",
                     (unsigned long)marked);
    (void)printf("  %-12s%lu\n", "uidvalidity",
                 (unsigned long)mailbox->uidvalidity);
    say("unique-ids", mailbox->uidvalidity != 0 && mailbox->uids_last
                          ? "last"
                          : "do not last: mail may be retrieved twice");
    say("changes", mailbox->highestmodseq != 0
                       ? "are told (HIGHESTMODSEQ)"
                       : "are not told: no HIGHESTMODSEQ");
}

void probe_report_end(void)
{
    (void)puts("Nothing was changed.");
}

/* --- what went wrong --- */

void probe_report_failure(const struct config_upstream *u,
                          const struct upstream_server *server,
                          enum tls_mode tls, const char *failure,
                          bool is_untrusted)
{
    (void)printf("  %-12s%s\n", "failed", failure);
    if (is_untrusted)
        (void)printf("The certificate must be valid for server_name (%s), and "
                     "signed by one of\nca_file (%s). It is shown by:\n"
                     "  openssl s_client -connect %s -servername %s%s\n",
                     server->name,
                     u->ca_file != NULL ? u->ca_file : "the system's",
                     server->text, server->name,
                     tls == TLS_MODE_STARTTLS ? " -starttls imap" : "");
    else
        (void)printf("Look at [upstream] address and tls, the name server, and "
                     "the firewall.\n");
}

static const char *advice(enum fault fault)
{
    switch (fault) {
    case FAULT_CREDENTIALS:
        return "Name or password are wrong, or the account may not use IMAP. "
               "By "
               "SCRAM: or\nthe server has only a hash of the password, see "
               "sasl_mechanisms.";
    case FAULT_UPSTREAM_UNPROVEN:
        return "It may not be the server that it should be: tell whoever runs "
               "that.";
    case FAULT_UPSTREAM_MISFIT:
        return "Is it an IMAP server, and is [upstream] tls right?";
    case FAULT_UPSTREAM_NO_LOGIN:
        return "It takes no passwords here, or none by sasl_mechanisms; with "
               "tls "
               "= none perhaps\nunder TLS.";
    case FAULT_UPSTREAM_GARBLED:
        return "It does not speak IMAP: with TLS from the first octet on, set\n"
               "[upstream] tls = implicit, else starttls.";
    case FAULT_UPSTREAM_SILENT:
        return "Where the server expects TLS at once, set tls = implicit.";
    default:
        return "Its words, if any, stand above; try again later.";
    }
}

void probe_report_fault(enum fault fault, struct span words)
{
    if (words.len > 0)
        probe_report_words("it says", words);
    (void)printf("  %-12s%s\n%s\n", "failed", fault_pop3_text(fault),
                 advice(fault));
}
