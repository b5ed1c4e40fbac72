/* model_imap.h - an IMAP server without a network, strict in what it takes
 * and as varied as the standards allow in what it answers.
 *
 * Commands are read at the moment the client puts them out, and carried out
 * later, once their octets have arrived (model_imap_arrived) and the server
 * is given its turn (model_imap_act). So it sees whether the client waited
 * for an answer before it went on, whatever the network does to the octets.
 * What the client does wrong is in |violation|; what happened to the mailbox
 * is handed out by model_imap_next_event, for the test to judge.
 *
 * Source: RFC 9051, RFC 3501; RFC 2683 §3.2.1.5 (line length); RFC 4315,
 * RFC 4731, RFC 4959, RFC 6154, RFC 6851, RFC 7162, RFC 7888, RFC 9738.
 */
#ifndef POPINJAY_TESTS_MODEL_IMAP_H
#define POPINJAY_TESTS_MODEL_IMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"
#include "session/scram.h"
#include "support/model_mailbox.h"
#include "support/random.h"

#define MODEL_COMMAND_MAX 4096
#define MODEL_QUEUE_MAX 64
#define MODEL_EVENTS_MAX 4096
/* The flag of the window's only_keyword. */
#define MODEL_CHOSEN "$Chosen"
#define MODEL_KEYWORD "$Kept" /* the only one that is ever stored */
#define MODEL_TRASH "Bin (old)"
/* Beside INBOX. */
#define MODEL_SECOND "My work"
#define MODEL_BOXES_MAX 2

/* What a server is like; the same for all connections of a world. */
struct model_traits {
    const char *user; /* who may log in; another name or password is refused */
    const char *password;
    const char *token;       /* in the password's place; NULL: that is used */
    const char *stale_token; /* is refused, and no fault of the client's */
    bool auth_scram;         /* these five are offered, whatever is used */
    bool auth_scram_plus;
    bool can_bind; /* TLS is 1.3, where there is any */
    unsigned lies; /* permille of the exchanges of SCRAM */
    bool auth_oauthbearer;
    bool auth_xoauth2;
    bool rev2_only;
    bool sasl_ir;
    bool auth_plain;
    bool login_disabled;
    bool uidplus;
    bool literal_plus;
    bool id;
    bool condstore;
    bool condstore_bad; /* offered, and refused in SELECT */
    bool nomodseq;      /* the mailbox has none */
    bool esearch;       /* takes RETURN; rev2 answers so without it */
    bool within;        /* takes YOUNGER */
    uint64_t unix_s;    /* the time, for that */
    bool starttls;
    bool preauth;
    bool greeting_capabilities;
    bool login_capabilities;
    unsigned message_limit; /* RFC 9738; 0: none */
    bool read_only;
    bool no_deleted_flag; /* PERMANENTFLAGS without \Deleted */
    bool no_keywords;     /* ... and without \* */
    bool move;
    bool special_use; /* with LIST-EXTENDED */
    bool no_trash;
    bool uid_not_sticky;
    /* How it answers: permille, each. */
    unsigned unasked;  /* untagged responses that nobody asked for */
    unsigned reorder;  /* of two bodies, the later is answered first */
    unsigned overtake; /* the next body comes before the last one's OK */
    unsigned split;    /* FETCH answers in pieces, repeated, in any order */
    unsigned fault;    /* a command goes wrong, in one way of many */
};

/* What the last login that was refused should be called (MAP-1 to MAP-4). */
enum model_refusal {
    MODEL_REFUSED_NOT,
    MODEL_REFUSED_AUTH,
    MODEL_REFUSED_TEMP,
    MODEL_REFUSED_PERM,
};

enum model_event_kind {
    MODEL_STORED_DELETED, /* \Deleted was set, or set again */
    MODEL_STORED_SEEN,
    MODEL_STORED_KEYWORD,
    MODEL_COPIED,   /* to the trash */
    MODEL_EXPUNGED, /* removed */
};

struct model_event {
    enum model_event_kind kind;
    const struct model_mailbox *box;
    size_t message;   /* its index in it */
    bool was_foreign; /* another client had flagged it ... */
    bool unseen_flag; /* ... after the last SEARCH, or there was none */
};

/* A line of the listing as the client was told. */
struct model_listed {
    size_t message;
    uint32_t uid;
    uint32_t size;
    bool deleted;
};

/* A message that was there at SELECT, as the listing found it. */
struct model_viewed {
    struct model_listed at;
    bool told; /* its flags were, since SELECT */
    bool gone; /* when it should have been told last */
};

/* What came of a mailbox since it was selected last. */
struct model_opened {
    bool asked_for_all;       /* by a listing */
    bool asked_for_changes;   /* or for what is new */
    unsigned asked_for_parts; /* commands of that kind, but for changes */
    bool by_second;           /* YOUNGER was asked for */
    bool view_searched;       /* for what a session is to see */
    struct model_listed *listed;
    size_t listed_count, listed_capacity;
    struct model_viewed *viewed;
    size_t viewed_count, viewed_capacity;
};

enum model_mode {
    MODEL_READ_LINE,
    MODEL_READ_LITERAL, /* |literal_left| octets of one */
    MODEL_READ_SASL,    /* a line that answers a challenge */
    MODEL_BLOCKED,      /* nothing may come before our answer */
};

enum model_part {
    MODEL_PART_COMMAND, /* a whole command */
    MODEL_PART_LITERAL, /* it waits for `+` */
    MODEL_PART_SASL,    /* the answer to a challenge */
};

enum model_mechanism {
    MODEL_PLAIN,
    MODEL_SCRAM,
    MODEL_SCRAM_PLUS,
    MODEL_OAUTHBEARER,
    MODEL_XOAUTH2,
    MODEL_MECHANISM_COUNT,
};

/* Of a server that does not know the password, and of others that cannot. */
enum model_lie {
    MODEL_HONEST,
    MODEL_LIE_SIGNATURE,
    MODEL_LIE_NO_SIGNATURE, /* those before are told of behind the proof */
    MODEL_LIE_NONCE,
    MODEL_LIE_EXTENSION,
    MODEL_LIE_ITERATIONS,
    MODEL_LIE_COUNT,
};

enum model_scram_stage {
    MODEL_SCRAM_BEGUN,  /* the client's proof is to come */
    MODEL_SCRAM_SIGNED, /* the server's was told */
    MODEL_SCRAM_REFUSED,
};

/* An exchange of SCRAM: model_scram.h. */
struct model_scram {
    enum model_scram_stage stage;
    enum model_lie lie;
    char bare[400]; /* the messages that the proof is made of */
    char first[200];
    char nonce[80];
};

struct model_command {
    enum model_part part;
    uint64_t arrives_at; /* octets of the stream up to its end */
    size_t len;
    size_t literal_end; /* up to here it is a literal's octets */
    char text[MODEL_COMMAND_MAX];
};

struct model_imap {
    struct random_source *random;
    struct model_mailbox *boxes[MODEL_BOXES_MAX]; /* INBOX, MODEL_SECOND */
    unsigned at;                                  /* which is, or was last */
    struct model_mailbox *box;                    /* that one */
    const struct model_traits *traits;
    const char *violation; /* the first thing that the client did wrong */
    bool trusted;          /* TLS is up, or none is wanted */
    bool accepted_tls;
    bool authenticated;
    bool selected;
    bool condstore; /* SELECT asked for it */
    bool rested;    /* the mailbox may be selected anew */
    bool frozen;    /* no change may be asked for any more */
    bool silent;    /* it answers nothing any more */
    bool closing;   /* it closes once its output is written */
    bool cut;       /* it closes now, whatever is written */

    /* The client's stream. */
    enum model_mode mode;
    enum model_mechanism mechanism; /* of the last AUTHENTICATE */
    unsigned logins;                /* that were tried */
    bool challenged;              /* AUTHENTICATE: the first message has come */
    bool error_told;              /* and that it is wrong */
    struct scram_channel channel; /* as the client was told of it */
    struct model_scram scram;
    bool lied;         /* and the client has noticed */
    uint64_t produced; /* octets put out by the client */
    uint64_t arrived;  /* octets that reached the server */
    uint64_t literal_left;
    uint32_t last_tag;
    struct model_command open; /* what is being read */
    unsigned queue_head, queue_count;
    struct model_command *queue; /* MODEL_QUEUE_MAX */

    /* The server's stream. */
    struct buf out;
    uint64_t written;        /* octets ever put into |out| */
    uint64_t answered_at;    /* where the last tagged answer ends */
    uint64_t answered_other; /* the same, of what is not a body fetch */
    unsigned waiting_other;  /* not carried out; neither body fetches nor ID */
    unsigned waiting_id;
    struct buf late; /* tagged answers that the next bodies overtake */

    /* What the test may want to know. */
    unsigned faults; /* things made to go wrong */
    unsigned bodies; /* whole messages asked for */
    uint16_t port;   /* of imap.example.org, as whoever connects knows it */
    unsigned logins_refused;
    enum model_refusal refusal;
    size_t told;            /* messages, by EXISTS and EXPUNGE */
    bool in_use;            /* SELECT was refused with INUSE */
    bool listing_disturbed; /* a listing was answered with a gap */
    bool searched;
    uint64_t searched_at;    /* box->changes of the last SEARCH */
    bool revalidated;        /* an unasked UIDVALIDITY was announced ... */
    uint64_t revalidated_at; /* ... and this is where in the stream */
    struct model_opened opened[MODEL_BOXES_MAX];
    size_t events_head, events_count;
    struct model_event *events; /* MODEL_EVENTS_MAX */
};

/* |m| may be opened again after model_imap_close. |tls| is up from the start.
 */
void model_imap_open(struct model_imap *m, struct model_mailbox *box,
                     const struct model_traits *traits, struct random_source *r,
                     bool tls);
/* There is MODEL_SECOND too. */
void model_imap_add_box(struct model_imap *m, struct model_mailbox *box);
void model_imap_close(struct model_imap *m);
void model_imap_fini(struct model_imap *m);

/* The client has put out |octets|; they are read, not yet carried out. */
void model_imap_produced(struct model_imap *m, struct span octets);

/* |n| more of those octets have arrived. */
void model_imap_arrived(struct model_imap *m, size_t n);

/* Carries out the next command that has arrived. False: there is none. */
bool model_imap_act(struct model_imap *m);

/* All that was asked is answered: the connection may rest. */
bool model_imap_is_at_rest(const struct model_imap *m);

/* Another session goes on with a connection that rested. */
void model_imap_take_up(struct model_imap *m);

/* STARTTLS was accepted and the handshake is done. */
void model_imap_tls_up(struct model_imap *m);

/* Says on its own that the mailbox has another UIDVALIDITY. */
void model_imap_announce_change(struct model_imap *m);

/* An answer is due, and octets have come that ask for one. */
bool model_imap_is_busy(const struct model_imap *m);

bool model_imap_next_event(struct model_imap *m, struct model_event *event);

/* --- within the model --- */

/* Carries out |command|: model_imap_commands.c. */
void model_imap_run(struct model_imap *m, struct model_command *command);

/* Rolls the dice. */
bool model_chance(struct model_imap *m, unsigned permille);

__attribute__((format(printf, 2, 3))) void model_say(struct model_imap *m,
                                                     const char *format, ...);
void model_say_octets(struct model_imap *m, const void *octets, size_t len);
void model_event(struct model_imap *m, enum model_event_kind kind, size_t i);
void model_violation(struct model_imap *m, const char *what);

typedef void model_handler(struct model_imap *m, const char *tag,
                           const char *arguments);

/* What changes a mailbox: model_imap_change.c. |run| is done to some of what it
 * names, whatever the server says of that. True: it has said something.
 */
bool model_do_in_part(struct model_imap *m, const char *tag,
                      const char *arguments, model_handler *run);
void model_on_store(struct model_imap *m, const char *tag,
                    const char *arguments);
void model_on_uid_expunge(struct model_imap *m, const char *tag,
                          const char *arguments);
void model_on_expunge(struct model_imap *m, const char *tag,
                      const char *arguments);
void model_on_copy(struct model_imap *m, const char *tag,
                   const char *arguments);
void model_on_move(struct model_imap *m, const char *tag,
                   const char *arguments);
void model_on_list(struct model_imap *m, const char *tag,
                   const char *arguments);
void model_on_search(struct model_imap *m, const char *tag,
                     const char *arguments);

/* Before login: model_imap_login.c. */
#define MODEL_REFUSALS_ALL SIZE_MAX
void model_greet(struct model_imap *m);
void model_refuse_login(struct model_imap *m, const char *tag, size_t among);
void model_judge_login(struct model_imap *m, const char *tag, bool right);
void model_on_response(struct model_imap *m, const char *tag,
                       const char *response);
void model_on_capability(struct model_imap *m, const char *tag,
                         const char *arguments);
void model_on_starttls(struct model_imap *m, const char *tag,
                       const char *arguments);
void model_on_authenticate(struct model_imap *m, const char *tag,
                           const char *arguments);
void model_on_login(struct model_imap *m, const char *tag,
                    const char *arguments);

/* FETCH answers: model_imap_fetch.c. |set| is what the client wrote. */
enum model_fetch {
    MODEL_FETCH_LISTING, /* (UID FLAGS RFC822.SIZE) */
    MODEL_FETCH_FLAGS,   /* (UID FLAGS) */
    MODEL_FETCH_BODY,    /* (UID BODY.PEEK[]), or a window of it */
};
void model_fetch(struct model_imap *m, const char *tag, const char *arguments);
void model_say_unasked(struct model_imap *m);
void model_view(struct model_imap *m); /* at SELECT */

/* Is |uid| in the sequence-set |set|? */
bool model_set_has(const struct model_imap *m, const char *set, uint32_t uid);

/* The tagged answer; with RFC 9738's code where |lowest| is not 0. */
void model_tagged(struct model_imap *m, const char *tag, const char *answer);
void model_say_late(struct model_imap *m);

/* A body fetch has arrived behind the command that is being carried out. */
bool model_next_is_body(const struct model_imap *m);
void model_tagged_limited(struct model_imap *m, const char *tag,
                          uint32_t lowest);

#endif
