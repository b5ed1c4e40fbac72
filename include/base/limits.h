/* limits.h - every cap on what a peer can make us hold, read or wait for.
 *
 * Sizes are octets, times milliseconds. What an operator may set is in the
 * configuration instead (proxy.conf.sample), with its range.
 */
#ifndef POPINJAY_BASE_LIMITS_H
#define POPINJAY_BASE_LIMITS_H

/* --- the POP3 side --- */

/* A command line with its CRLF: RFC 2449 §4. */
#define POP3_LINE_MAX 255
/* A SASL continuation line with its CRLF; tokens are long: RFC 5034 §4. */
#define POP3_SASL_LINE_MAX 16384
/* A first reply line with its CRLF: RFC 2449 §4. */
#define POP3_REPLY_MAX 512
/* Client octets that wait for their turn (pipelining); holds one SASL line. */
#define POP3_INPUT_MAX (POP3_SASL_LINE_MAX + 1024)
/* Errors in a row before the connection is closed. */
#define POP3_ERRORS_MAX 10
/* Commands of a connection that has not logged in. Devices send ten; so that one
 * that asks without end costs no more than one that connects anew.
 */
#define POP3_EARLY_COMMANDS_MAX 1000
/* Logins that may fail before the connection is closed. */
#define POP3_LOGIN_TRIES_MAX 3
/* Each part of a SASL PLAIN message: RFC 4616 §2. */
#define SASL_PART_MAX 255
/* The timestamp of a greeting, for APOP: RFC 1939 §7. */
#define APOP_TIMESTAMP_MAX 128
/* A bearer's token: what a SASL line can carry. */
#define TOKEN_MAX 12288

/* --- who may, and with which secret --- */

/* A secret at rest: a password, a token. */
#define SECRET_MAX 16384
/* Accounts of devices, and octets of the name of one. */
#define ACCOUNTS_MAX 100000
#define ACCOUNT_NAME_MAX 150
#define ACCOUNT_VALUE_MAX 160
/* Octets of a file that they are sealed with: 128 bits at least. */
#define SECRET_KEY_MIN 16
#define SECRET_KEY_MAX 4096
/* Kinds of SCRAM keys that are imitated for names without an account. */
#define DECOY_SHAPES_MAX 8
/* Passwords of devices that are judged at a time, or wait for it: about a second
 * of the few threads that also look up names, which should not wait longer.
 */
#define CRYPT_JOBS_MAX 64
/* SCRAM: RFC 7677 §4 asks for the least, and devices are slow; a server that
 * asks for more than the most asks for the half of a second and more.
 */
#define SCRAM_ITERATIONS_MIN 4096U
#define SCRAM_ITERATIONS_MAX 1000000U
/* Of all proofs that are made at a time, or wait for it: about a second of the
 * same threads, of which there are four. The dear ones leave a thread, and as many
 * rounds, to those of other servers.
 */
#define SCRAM_ROUNDS_MAX (4 * SCRAM_ITERATIONS_MAX)
#define SCRAM_ROUNDS_DEAR_MAX (3 * SCRAM_ITERATIONS_MAX)
#define SCRAM_ITERATIONS_DEAR 100000U
#define SCRAM_SALT_MAX 64
#define ACCOUNT_FILE_MAX (64 * 1024 * 1024)
/* Whoever else is changing that file is done in far less than these 3 s. */
#define ACCOUNT_LOCK_RETRY_US 10000
#define ACCOUNT_LOCK_TRIES 300

/* An authentication service that asks for a longer wait is not obeyed. */
#define AUTH_HTTP_WAIT_MIN_MS 1000 /* before it is asked again */
#define AUTH_HTTP_WAIT_MAX_MS 60000
/* The body of its answer, which nobody reads; and a file of further fields. */
#define AUTH_HTTP_BODY_MAX 65536
#define AUTH_HTTP_HEADER_MAX 4096
#define AUTH_HTTP_HEADER_FIELDS_MAX 8

/* A unique-id: RFC 1939 §7. */
#define UNIQUE_ID_MAX 70

/* --- octets on their way to a peer --- */

/* Plain octets taken from a connection at once: one TLS record. */
#define READ_CHUNK 16384
/* Octets for the client: above HIGH nothing more is asked for, at MAX the
 * transform of one chunk still fits, and of a body that came as one quoted
 * string (a lone LF or a dot doubles).
 */
#define CLIENT_OUTPUT_HIGH 65536
#define CLIENT_OUTPUT_MAX \
    (CLIENT_OUTPUT_HIGH + 2 * IMAP_STRING_MAX + 2 * READ_CHUNK)
/* The last octets of a message wait for its end, so that they leave together;
 * with a few more they still fit one TLS record.
 */
#define MESSAGE_TAIL_MAX (READ_CHUNK / 2)
/* The client's address in words. */
#define CLIENT_ADDRESS_MAX 64
/* Octets for the upstream; the longest thing sent is a SASL response. */
#define UPSTREAM_OUTPUT_MAX 65536

/* --- the IMAP side --- */

/* An atom, number, flag or section name. */
#define IMAP_ATOM_MAX 1024
/* A quoted string, or a literal outside of a message body that is kept. */
#define IMAP_STRING_MAX 65536
/* Human text of a status response; what is longer is cut. */
#define IMAP_TEXT_MAX 512
/* A mailbox's name as it goes over the wire, and a keyword: Dovecot takes none
 * that is longer.
 */
#define IMAP_MAILBOX_MAX 255
#define IMAP_KEYWORD_MAX 50
/* One response without its literals: a SEARCH answer may name 10^6 UIDs. */
#define IMAP_RESPONSE_MAX (16 * 1024 * 1024)
/* Parentheses within parentheses. */
#define IMAP_NESTING_MAX 64
/* A command line that we send, and the ranges in its set: RFC 2683 §3.2.1.5.
 */
#define IMAP_COMMAND_MAX 1000
#define IMAP_UID_SET_MAX 900
#define IMAP_UID_RANGES_MAX 200
/* Ranges of what a search names, where the mailbox is not listed: 32 KB. */
#define IMAP_UID_SPANS_MAX 4096
/* Commands from the oldest without its tagged response on: a batch that is read
 * ahead, a message that is asked for, and those whose messages were delivered
 * before they were called complete.
 */
#define IMAP_PIPELINE_MAX 64
/* A literal that is sent without waiting: RFC 7888 §5. */
#define IMAP_LITERAL_MINUS_MAX 4096
/* Octets of responses between two octets of progress on the listing, the
 * message or the tagged answer that is awaited.
 */
#define IMAP_UNASKED_MAX (64 * 1024 * 1024)
/* Lines of unasked noise without a tag in one session. */
#define IMAP_NOISE_LINES_MAX 100

/* --- a session --- */

/* Messages in a maildrop; eight octets each. */
#define MAILDROP_MESSAGES_MAX 1000000
/* Mailboxes that are merged into one maildrop. */
#define MAILBOXES_MAX 8
/* A map of imported unique-ids: its file, and the name of a user in it. */
#define UNIQUE_ID_MAP_OCTETS_MAX (128 * 1024 * 1024)
#define UNIQUE_ID_MAP_USER_MAX 255
/* A message this short that is not of the size listed is looked up before it is
 * passed on: it may be a server's note that the message is gone.
 */
#define SUSPECT_MESSAGE_MAX 1024
/* TOP reads the message in windows of this size: CONFORMANCE DEC-11. */
#define TOP_WINDOW 65536
/* Messages that are fetched before the client asks for them: one batch. */
#define READAHEAD_MESSAGES_MAX 60
/* A larger one is not: its way is what takes time, not the asking. Together with
 * the octets that an operator may allow it must stay below IMAP_UNASKED_MAX: so
 * much may come in vain.
 */
#define READAHEAD_MESSAGE_MAX (16 * 1024 * 1024)
#define READAHEAD_OCTETS_MAX (32 * 1024 * 1024)
/* A client that asks for nothing so long is not waited for with what was read
 * ahead: it is read off and thrown away, so that the connection is of use again.
 * The last message may be on its way to the client still, by as many octets a
 * millisecond at least.
 */
#define READAHEAD_PATIENCE_MS 10000
#define READAHEAD_CLIENT_RATE 20
/* Nor is one that asks for other things longer than this: servers end a
 * connection whose octets nobody takes (Dovecot after 5 min).
 */
#define READAHEAD_WAIT_MAX_MS (2 * 60 * 1000)
/* Upstream silence after which a NOOP is sent while the client lives. */
#define UPSTREAM_KEEPALIVE_MS (15 * 60 * 1000)
/* An answer that is awaited, and brings signs of life but no progress, may take
 * this many times upstream_timeout.
 */
#define UPSTREAM_PATIENCE 10
/* A connection that has rested has a quarter of upstream_timeout, and no longer
 * than this, to select the mailbox: then a new one is made.
 */
#define REUSE_TIMEOUT_MS 10000
/* LOGOUT waits this long for its answer. */
#define LOGOUT_TIMEOUT_MS 5000
/* A throttling server that names a wait no longer than this is obeyed. */
#define BACKOFF_PATIENCE_MS 10000

/* --- connections --- */

/* Connections that the kernel holds until they are accepted. */
#define LISTEN_BACKLOG 1024
/* A process that is replaced goes on accepting so long: a client whose connection
 * it has begun to make needs a round trip to finish it. Then it closes, and a
 * while later the one in its place takes connections at all of its sockets.
 */
#define HANDOVER_MS 2000
/* Accepting rests so long when descriptors or memory have run out. */
#define ACCEPT_PAUSE_MS 250
/* Above this many times max_sessions a connection is closed unheard. */
#define SESSIONS_HARD_FACTOR 2
/* What one read takes from a socket. */
#define RECEIVE_MAX 65536
/* The plain octets that one write carries, as a few TLS records: all that a
 * message brings between two looks at CLIENT_OUTPUT_HIGH.
 */
#define SEND_CHUNK (CLIENT_OUTPUT_HIGH + 2 * READ_CHUNK)
/* Octets of one connection that wait for its socket: such a write, sealed. */
#define CONNECTION_UNSENT_MAX (SEND_CHUNK + 2 * READ_CHUNK)
/* The plain octets of a burst's first TLS record, which fit one TCP segment on
 * most ways; a burst is one where none was for so long before.
 */
#define BURST_FIRST_RECORD 1300
#define BURST_REST_MS 1000
#define TLS_HANDSHAKE_TIMEOUT_MS 30000
/* A balancer's PROXY header: how long it may take, what it may say behind its
 * first 16 octets, and how many connections of a worker wait for theirs, of
 * which then the oldest is closed.
 */
#define PROXY_HEADER_TIMEOUT_MS 5000
#define PROXY_HEADER_BLOCK_MAX 4096
#define PROXY_HEADER_MAX (16 + PROXY_HEADER_BLOCK_MAX)
#define PROXY_HEADERS_AWAITED_MAX 1000
/* Servers whose TLS sessions a worker keeps, the sessions of each, proofs of
 * servers' certificates, and for how many seconds such a proof is good.
 */
#define TLS_PEERS_MAX 32
#define TLS_PROOFS_MAX 8
#define TLS_PEER_SESSIONS_MAX 8
#define TLS_TRUST_MAX_S (60 * 60)
#define CONNECT_TIMEOUT_MS 10000 /* one address */
#define CONNECT_ADDRESSES_MAX 16
/* The next address is tried after this, beside the one before: RFC 8305 §5. */
#define ATTEMPT_DELAY_MS 250
/* A peer has this long to take what is left when its connection closes. */
#define CLOSE_TIMEOUT_MS 5000

/* A probe of the upstream has this long until the server has greeted. */
#define UPSTREAM_PROBE_TIMEOUT_MS 10000

/* What is known of failed logins and of servers that ask for a pause: entries of
 * about 200 octets; those not used for longest make room.
 */
#define LOGIN_GUARD_ENTRIES_MAX 65536
/* A server that asks for a longer pause is not believed. */
#define THROTTLE_BACKOFF_MAX_MS (60 * 60 * 1000)
/* Logins that wait for a connection to the upstream look this often. */
#define UPSTREAM_QUEUE_TICK_MS 20
/* Where all sessions are taken, a client that has not logged in for so long
 * makes room.
 */
#define SHED_GRACE_MS 10000
/* So many are looked at to find one that makes room. */
#define SHED_LOOK_MAX 64
/* Parked connections are looked at this often. */
#define PARKED_SWEEP_MS 5000

/* --- requests to HTTP services --- */

/* Of one loop: connections at a time, those that rest for the next request, and
 * the octets of what is posted and of one field.
 */
#define HTTP_CLIENT_CONNECTIONS_MAX 64
#define HTTP_CLIENT_IDLE_MAX 8
#define HTTP_REQUEST_BODY_MAX 65536
#define HTTP_FIELD_MAX 1024

/* --- tokens of OAuth 2.0 --- */

/* Of an authorization server: its answers, one token, one address. A token of
 * either kind with its names must fit into SECRET_MAX together.
 */
#define OAUTH_ANSWER_MAX 65536
#define OAUTH_TOKEN_MAX 7168
#define OAUTH_ADDRESS_MAX 2048
#define OAUTH_SECRET_MAX 1024
/* A lifetime that is longer is not believed, in seconds. */
#define OAUTH_LIFETIME_MAX_S (366ULL * 24 * 60 * 60)
/* A token is renewed so long before its end, and not used at its very end; of
 * one that lives shorter, a fifth and a tenth of that. Where nobody says how
 * long it lives:
 */
#define TOKEN_RENEW_AHEAD_MS (5 * 60 * 1000ULL)
#define TOKEN_END_AHEAD_MS (30 * 1000ULL)
#define TOKEN_LIFETIME_UNKNOWN_MS (5 * 60 * 1000ULL)
/* A server that has failed is left alone for so long, and ever longer. */
#define TOKEN_RETRY_MIN_MS 1000ULL
#define TOKEN_RETRY_MAX_MS (60 * 1000ULL)
/* And for as long as it asks for itself, but no longer than this. */
#define TOKEN_PAUSE_MAX_MS (15 * 60 * 1000ULL)
/* A token that came in the place of one that was refused, and is newer than
 * this, is not thrown away for being refused too: what is wrong is something
 * else.
 */
#define TOKEN_REJECTED_MIN_MS (60 * 1000ULL)
/* Accounts whose tokens are in memory; how often it is looked which of them end
 * soon, and how many are renewed at a time for that reason.
 */
#define TOKEN_ACCOUNTS_MAX 65536
#define TOKEN_TICK_MS 1000
#define TOKEN_RENEWALS_AHEAD_MAX 16
/* While another process renews the token of an account: so often, and so many
 * times, it is seen whether it has ended.
 */
#define TOKEN_LOCK_RETRY_MS 100
#define TOKEN_LOCK_TRIES 100
/* Programs that print tokens: how many run at a time, how long each may take to
 * print and then to end, what it may print, and the names that they are asked
 * for by.
 */
#define COMMANDS_MAX 16
#define COMMAND_TIMEOUT_MS 30000
#define COMMAND_END_MS 2000
#define COMMAND_OUTPUT_MAX 16384
#define COMMAND_NAME_MAX 512
#define COMMAND_WORDS_MAX 32
/* A file of the token store, sealed, and so much of it is read at a time. */
#define TOKEN_FILE_MAX (2 * SECRET_MAX)
#define TOKEN_FILE_PIECE 4096
/* By so much the wall clock may be wrong. */
#define TOKEN_CLOCK_DOUBT_S 120
/* Threads of libuv's, of which there are four, that may wait for the disk. */
#define DISK_JOBS_MAX 2

/* --- the command line --- */

/* `popinjay status` waits so long for a connection, and for each answer. */
#define STATUS_TIMEOUT_MS 5000

/* --- the log --- */

/* Kinds of failures that are told apart while they are counted: two for each of
 * some 400 clients that guess passwords in one minute. They are searched one by
 * one, in a few microseconds.
 */
#define LOG_REPEATS_MAX 1024
/* An address, or a network, or HOST:PORT, in words; what is longer is cut. */
#define LOG_PEER_MAX 80
/* Octets of a line that a trace shows, and with what it says of the rest. */
#define TRACE_LINE_MAX 400
#define TRACE_SHOWN_MAX (TRACE_LINE_MAX + 100)
/* Counts whose window is over are looked for this often. */
#define LOG_SUMMARY_PERIOD_MS 1000

/* --- the HTTP status server --- */

/* Sessions in one list, and how long the workers have to name theirs. */
#define SESSIONS_LISTED_MAX 1000

/* Upstreams: sections of one configuration, and names since the start. */
#define UPSTREAMS_MAX 64
#define UPSTREAM_NAMES_MAX 256
#define UPSTREAM_SERVERS_MAX 16 /* of one upstream */

#define HOST_NAME_MAX_OCTETS 253 /* RFC 1035 §3.1, without the root's dot */
/* An upstream, and one of its servers: two names, ports, and a number. */
#define UPSTREAM_PLACE_MAX (2 * HOST_NAME_MAX_OCTETS + 64)

/* A question to the DNS, at the start and at a reload only. */
#define SRV_TIMEOUT_MS 4000
#define SRV_TRIES 2
#define SESSIONS_GATHER_MS 2000

#define HTTP_REQUEST_LINE_MAX 8192
#define HTTP_HEAD_MAX 16384
#define HTTP_FIELDS_MAX 64
#define HTTP_HEAD_TIMEOUT_MS 10000
#define HTTP_IDLE_TIMEOUT_MS 15000
#define HTTP_REQUESTS_MAX 100
#define HTTP_CONNECTIONS_MAX 64

#endif
