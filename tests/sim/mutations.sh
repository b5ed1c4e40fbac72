#!/bin/bash
# mutations.sh - shows that the simulator can fail.
#
# Each mutation breaks one promise of the proxy on purpose, in a scratch copy,
# by one sed expression; the simulator must then find a session that shows it.
# A mutation that changes nothing any more, because the code has moved on, is
# an error too: mend its expression.
#
#   mutations.sh [NAME]            all, or those whose names hold NAME
set -u
cd "$(dirname "$0")/../.."

# Some need a great many; one that is found ends the search.
sessions=${SESSIONS:-2000000}
only=${1:-}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/tree"
cp -r Makefile proxy include tests "$scratch/tree"
found=0
missed=0

build() {
    make -C "$scratch/tree" -j2 WERROR= build/sim >"$scratch/log" 2>&1
}

# NAME FILE EXPRESSION [WHAT IS SAID]: the failure must hold these words.
mutate() {
    local name=$1 file=$scratch/tree/proxy/$2 expression=$3 said=${4:-.}

    case $name in *"$only"*) ;; *) return ;; esac
    cp "$file" "$scratch/kept"
    sed -i -E "$expression" "$file"
    if cmp -s "$file" "$scratch/kept"; then
        echo "STALE   $name: the expression changes nothing"
        missed=$((missed + 1))
    elif ! build; then
        echo "BROKEN  $name: does not compile"
        tail -5 "$scratch/log"
        missed=$((missed + 1))
    elif (cd "$scratch/tree" && build/sim --sessions "$sessions") \
             >"$scratch/out" 2>&1; then
        echo "MISSED  $name"
        missed=$((missed + 1))
    elif ! grep -qE "(FAILED: |Assertion ).*($said)" "$scratch/out"; then
        echo "OTHER   $name: $(grep -aE 'FAILED|Assertion' "$scratch/out")"
        missed=$((missed + 1))
    else
        echo "found   $name: $(grep -aoE '(FAILED: |Assertion ).*' \
            "$scratch/out" | head -1)"
        found=$((found + 1))
    fi
    cp "$scratch/kept" "$file"
}

build || { cat "$scratch/log"; exit 1; }
(cd "$scratch/tree" && build/sim --sessions 20000) >"$scratch/out" 2>&1 || {
    echo "mutations: the simulator fails without any"
    cat "$scratch/out"
    exit 1
}

# --- No message gone that was not marked in a session that came to QUIT ---

mutate "a UID set bridges gaps" imap/uid_set.c \
    's/uid - 1 == set->last/uid <= set->last + 3/' 'not marked|not delivered'
mutate "all messages are removed, not the marked" session/removal_steps.c \
    '/case REMOVAL_STORE/,/case REMOVAL_SEE/s/return maildrop_is_to_be_removed\(m, index\) \&\&/return true ||/' \
    'not marked'
mutate "a lost client is taken for QUIT" session/bridge.c \
    '/^static void on_client_closed/,/^}/s/\{/{ if (b->phase == BRIDGE_TRANSACTION \&\& b->task == BRIDGE_TASK_NONE \&\& b->client != BRIDGE_CLIENT_ENDED) { b->client = BRIDGE_CLIENT_ENDED; buf_clear(\&b->pop3.out); b->pop3.state = POP3_UPDATE; b->pop3.pending = POP3_QUIT; b->request.kind = POP3_REQUEST_QUIT; return; }/' \
    'before QUIT'
mutate "a renumbered mailbox is not noticed at QUIT" session/bridge_update.c \
    's/mailbox->uidvalidity == maildrop_uidvalidity\(maildrop\)/true/' \
    'not marked|not delivered|RETR'
mutate "an announced UIDVALIDITY is ignored" session/bridge_upstream.c \
    's/\|\| !b->imap\.mailbox\.changed/|| true/' 'UIDVALIDITY'
mutate "SCRAM: any signature will do" session/scram.c \
    's/return is_signature\(s, signature\) \? .*/return SCRAM_OK;/' \
    'a wrong signature was taken for good'
mutate "SCRAM: OK will do" session/imap_scram.c \
    's/return is_told && s->scram_fault == FAULT_NONE$/return true/'
mutate "SCRAM: any nonce will do" session/scram.c \
    's/if \(!is_ours\(s, \*nonce\)\)/if (false)/' \
    'a proof for a server that lies'
mutate "SCRAM: any count of rounds will do" session/scram.c \
    's/number < SCRAM_ITERATIONS_MIN\)/false)/' \
    'a proof for a server that lies|would take for ever'
mutate "SCRAM: not bound where it could be" session/imap_login.c \
    's/m == IMAP_MECHANISM_SCRAM_PLUS && !imap_login_can_bind\(s\)/m == IMAP_MECHANISM_SCRAM_PLUS/' \
    'is none|is not offered|weaker|has_binding'
mutate "a server that heard the password is left for another" \
    session/bridge_link.c \
    's/b->link != BRIDGE_LINK_UP \|\| b->greeted/b->link != BRIDGE_LINK_UP/' \
    'CONNECT_NEXT'
mutate "a shut-down lets QUIT go on" session/bridge_client.c \
    '/^void bridge_shut_down/,/^}/s/^\{/{ if (b->phase == BRIDGE_UPDATE) return;/' \
    'all was to stay|CONNECT'


# --- None that another client had flagged ---

mutate "without UIDPLUS, others' flags are not looked for" session/removal.c \
    '/^static enum task_status on_search_end/,/^}/s/if \(r->foreign\)/if (false)/' \
    'not marked'
mutate "EXPUNGE where UID EXPUNGE would do" session/removal_steps.c \
    's/imap_write_uid_expunge\(out, tag, set\)/imap_write_simple(out, tag, "EXPUNGE")/' \
    'UID EXPUNGE would do|not marked'

# --- DELE means what the policy says ---

mutate "DELE: trash expunges what was not copied" session/removal_meaning.c \
    's/return r->may_move \? REMOVAL_MOVE : REMOVAL_COPY/return REMOVAL_STORE/;/^bool removal_may_expunge/,/^\}/s/maildrop_is_copied\(r->maildrop, index\)/true/' \
    'not marked'
mutate "DELE: a COPY is confirmed for those that COPYUID does not name" \
    session/removal_meaning.c \
    's/\(!r->copies_named \|\| maildrop_is_named\(r->maildrop, i\)\)/true/;s/maildrop_uid\(r->maildrop, i\) >= lowest_uid/true/' \
    'not marked'
mutate "DELE: copies are forgotten" session/removal_steps.c \
    's/!maildrop_is_copied\(m, index\)/true/' 'twice|not marked|QUIT'
mutate "DELE: seen and keep remove" session/removal_meaning.c \
    's/return REMOVAL_NOTE/return REMOVAL_STORE/;/^bool removal_may_expunge/,/^\}/s/return false/return true/' \
    'not marked'
mutate "DELE: keep flags as seen" session/removal_meaning.c \
    's/ON_DELETE_KEEP \? r->terms.keyword/ON_DELETE_COUNT ? r->terms.keyword/' \
    'Seen|operation'
mutate "DELE: all are kept, not the marked" session/removal_steps.c \
    's/return maildrop_is_to_be_removed\(m, index\);/return true;/' \
    'not marked|not delivered'
mutate "DELE: the OK of a keyword is taken for proof" session/removal.c \
    '/^static enum task_status after_last_chunk/,/^}/s/return any \? look_up/return any \&\& r->step != REMOVAL_NOTE ? look_up/' \
    'still there'
mutate "DELE: what is kept is shown again" session/bridge_client.c \
    's/if \(grant->mailbox->on_delete == ON_DELETE_KEEP\)/if (false)/' \
    'was not asked|IMAP|STORE'
mutate "DELE: moved without a look" session/removal.c \
    '/^static enum task_status after_last_chunk/,/^}/s/return any \? look_up/return any \&\& r->step != REMOVAL_MOVE ? look_up/' \
    'still there'

# --- +OK to QUIT means gone ---

mutate "the OK of the expunge is taken for proof" session/removal.c \
    's/return enter\(r, REMOVAL_LOOK_(UP|AT_ALL)\)/return settle(r)/' \
    'still there'
mutate "a refused removal is none" session/bridge_update.c \
    '/^void bridge_finish_quit/,/^}/s/pop3_session_finish\(&b->pop3, fault\)/pop3_session_finish(\&b->pop3, FAULT_NONE)/' \
    'still there'
mutate "the answer comes before the work" session/bridge_update.c \
    's/if \(!find_work\(b\)\)/if (true)/' \
    'still there'

# --- What the server holds is what the client gets ---

mutate "dots are not doubled" pop3/transform.c \
    's/\.data\[0\] == .\../.data[0] == 0x07/' 'RETR|TOP|nobody'
mutate "another's body is taken" session/retrieval.c \
    's/return r->answer_uid == r->uid;/return true;/;s/r->answer_has_body \&\& uid != r->uid/false/' \
    'RETR|TOP'
mutate "a message broken off gets its final dot" session/bridge_link.c \
    '/^static void lose_retrieval/,/^}/s/bridge_abort_client\(b, fault\);/pop3_write_end(\&b->pop3.out); pop3_session_close_message(\&b->pop3); pop3_session_close(\&b->pop3, fault);/;s/#include "imap\/command.h"/#include "imap\/command.h"\n#include "pop3\/reply.h"/' \
    'RETR|TOP|finished'
mutate "TOP asks for the wrong window" session/retrieval.c \
    's/imap_write_fetch_window\(&r->imap->out, r->tag, r->uid, r->octets,/imap_write_fetch_window(\&r->imap->out, r->tag, r->uid, 0,/'
mutate "an empty body is a message" session/retrieval.c \
    's/return ev->number > 0 \|\| r->opened \|\| listed_size\(r\) == 0/return true/;s/ev->number <= SUSPECT_MESSAGE_MAX/false/' \
    'RETR|TOP'
mutate "what could not be read may be deleted" session/maildrop.c \
    's/set_mark\(m, index, whole \? MARK_FAILED : MARK_TOP_FAILED\)/(void)m; (void)index; (void)whole/' \
    'operation'

# --- Numbers and unique-ids hold still ---

mutate "the snapshot is not sorted" session/snapshot_builder.c \
    's/if \(is_sorted\(b\)\)/if (true)/'
mutate "unique-ids without UIDVALIDITY" session/maildrops.c \
    's/\.uidvalidity = maildrop_uidvalidity\(maildrop\)/.uidvalidity = 7/' 'UIDL'
mutate "view: others' deleted messages are shown" session/viewing.c \
    's/policy->hide_deleted \?/false ?/'
mutate "view: the window shows too large messages" session/view.c \
    's/<= w->max_message_octets/>= 0/'
mutate "view: the window shows the oldest" session/view.c \
    's/e\.count == w->newest/e.count == w->newest + 1/'
mutate "view: newest counts what is hidden" session/view.c \
    '/^static struct extent measure/,/^}/s/if \(!passes\(whole, w, names, i\)\)/if (false)/'
mutate "view: the window is a day narrower" session/view.c \
    's/days \* SECONDS_A_DAY \+ ZONE_WEST_S/(days - 1) * SECONDS_A_DAY/'
mutate "view: the window is a hour narrower" session/searching.c \
    's/SECONDS_A_DAY 86400U/SECONDS_A_DAY 82800U/'
mutate "view: what is read is shown" session/searching.c \
    's/\.unseen = w->unread_only/.unseen = false/'
mutate "view: what is kept is shown" session/searching.c \
    's/\.not_keyword = s->hidden_keyword,//'
mutate "view: any keyword will do" session/searching.c \
    '/\.keyword = w->only_keyword/,/SPAN_LITERAL/s/w->only_keyword != NULL/false/'
mutate "view: a limited search is all there is" session/searching.c \
    's/answer->code == IMAP_CODE_MESSAGELIMIT/false/'
mutate "view: a view is kept for the next session" session/bridge_mailboxes.c \
    '/^static void end_viewing/,/^}/s/bridge_forget_task\(b\);$/learn_mailbox(b, \&(struct snapshot_halves){ view, view }); bridge_forget_task(b);/'
mutate "view: a great mailbox is listed whole" session/excerpt.c \
    '/^bool excerpt_is_wanted/,/^}/s/return /return false \&\& /'
mutate "view: an excerpt shows what others have deleted" session/excerpt.c \
    's/e->policy->hide_deleted \?/false ?/'
mutate "view: an excerpt has what was not asked for" session/excerpt.c \
    's/e->uid < e->first \|\| .*/false)/'
mutate "view: the first look is enough for the newest" session/excerpt.c \
    's/snapshot_count\(e->result\) == newest/e->listed.listed != NULL/'
mutate "view: what a limit left is not of an excerpt" session/excerpt.c \
    's/e->below = lowest_done/e->below = e->first/'
mutate "view: an excerpt is of all that is named" session/excerpt.c \
    '/^static enum task_status list_newest/,/^}/s/, 1, UINT32_MAX/, last_uid, UINT32_MAX/'
mutate "view: any window is the one that is known" session/known_mailbox.c \
    's/k->part\.(newest|max_message_octets|hide_deleted) == part->/true || k->part.\1 == part->/'
mutate "view: a window is known whatever has come" session/known_mailbox.c \
    's/mailbox->uidnext != k->uidnext/false/;s/mailbox->exists_at_select != k->exists/false/'
mutate "view: a window is taken for the mailbox" session/known_mailbox.c \
    's/known_mailbox_is_empty\(k\) \|\| is_part\(&k->part\)/known_mailbox_is_empty(k)/;s/return snapshot_count\(k->messages\.listed\)/return k->exists > 0 ? k->exists : snapshot_count(k->messages.listed)/'
mutate "STAT counts what is marked" session/maildrop.c \
    's/m->listed_octets -= maildrop_size_octets\(m, index\)/(void)0/' 'STAT'
mutate "RSET keeps the marks" session/maildrops.c \
    's/maildrop_unmark_all\(m->parts\[i\]\.maildrop\)/(void)m/'

# --- Each message in its own mailbox ---

mutate "mailboxes: a message is asked of the one that is selected" \
    session/bridge_client.c \
    's/if \(place\.part == b->selected\)/if (b->selected != BRIDGE_NO_MAILBOX)/'
mutate "mailboxes: QUIT changes the one that is selected" \
    session/bridge_update.c \
    's/&& b->selected == b->updating\)/\&\& b->selected != BRIDGE_NO_MAILBOX)/'
mutate "mailboxes: one made anew is read on" session/bridge_upstream.c \
    's/if \(bridge_is_same_mailbox\(b\)\)/if (true)/' 'RETR|TOP|not shown'
mutate "mailboxes: what could not be selected may be deleted" \
    session/bridge_upstream.c \
    '/^static void lose_mailbox/,/^}/s/maildrop_note_failed\(/if (false) maildrop_note_failed(/' \
    'should not have been said'
mutate "mailboxes: unique-ids without their mark" session/maildrops.c \
    's/rule->mailbox_mark,/0,/' 'UIDL'
mutate "mailboxes: the last one is left out at QUIT" session/bridge_update.c \
    '/^void bridge_update_next/,/^}/s/b->updating\+\+;/b->updating = MAILBOXES_MAX;/' \
    'still there'

# --- What is known is used only where it is proven ---

mutate "another UIDVALIDITY is the same mailbox" session/known_mailbox.c \
    's/mailbox->uidvalidity != k->uidvalidity/false/'
mutate "UIDNEXT is not compared" session/known_mailbox.c \
    's/mailbox->uidnext == k->uidnext &&//'
mutate "EXISTS is not compared" session/known_mailbox.c \
    's/&& exists == known &&/\&\&/'
mutate "HIGHESTMODSEQ is not compared" session/known_mailbox.c \
    's/mailbox->highestmodseq == k->highestmodseq/true/'
mutate "a HIGHESTMODSEQ that nobody asked for is a proof" \
    session/imap_session.c 's/ && imap_phase_has_condstore\(s\)//'
mutate "what comes before CLOSED counts" session/imap_session.c \
    '/case IMAP_CODE_CLOSED/,/break/s/imap_phase_forget_mailbox\(s\)/(void)s/'
mutate "the count of what was completed does not matter" session/listing.c \
    's/if \(known_mailbox_is_covered\(.*/if (true)/'
mutate "changed flags are not asked for" session/listing.c \
    's/known_mailbox_count\(l->known\) > 0/false/'
mutate "changed flags do not count" session/snapshot_builder.c \
    '/^static void correct/,/^}/s/later->has_flags/false/'
mutate "new mail is taken from CHANGEDSINCE" session/listing.c \
    's/return enter\(l, LISTING_NEW\)/return enter(l, LISTING_CHANGES)/;s/tag, l->known->uidnext - 1,/tag, l->imap->mailbox.uidnext - 1,/'
mutate "what is known is not given back" session/bridge_mailboxes.c \
    '/^void bridge_forget_mailboxes/,/^}/s/known_mailbox_clear\(&b->mailboxes\[i\]\.known\)/(void)i/' 'leaked'

# --- Everything is bounded ---

mutate "the upstream is read whatever the client takes" session/bridge.c \
    's/if \(buf_length\(out\) >= CLIENT_OUTPUT_HIGH\)/if (false)/'
mutate "nothing is given back" session/bridge.c \
    's/pop3_session_fini\(&b->pop3\)/(void)0/' 'leaked'
mutate "the output is larger than it should be" ../include/base/limits.h \
    's/(#define CLIENT_OUTPUT_HIGH 65536)/\100/' 'holds'

# --- What is read ahead is in nobody's way ---

mutate "a message is blamed for others of its batch" session/retrieval.c \
    's/r->together && !r->suspect/false/' 'operation|RETR'
mutate "a body of a batch is taken before its UID is known" session/retrieval.c \
    's/ && !r->together//'
mutate "a batch is fetched while another is to come" session/readahead.c \
    '/^bool readahead_is_low/,/^}/s/r->count == 0/r->in_order > 2/'
mutate "octets that were read ahead are lost with the session" session/readahead.c \
    '/^void readahead_forget/,/^}/s/give_back\(r, r->octets\)/(void)0/' \
    'budget'
mutate "messages are read ahead again and again" session/readahead.c \
    's/r->wasted <= r->useful \+ READAHEAD_MESSAGES_MAX/true/' \
    'bodies were fetched'
mutate "QUIT does not wait for what is read ahead" session/bridge_client.c \
    '/^static void start_deferred/,/^}/s/bridge_waits_for_client\(b\)/false/'
mutate "what is read ahead is not kept waiting" session/bridge_task.c \
    '/^bool bridge_waits_for_client/,/^}/s/return b->link == BRIDGE_LINK_UP/return false/'
mutate "what is read ahead is read all the same" session/bridge.c \
    '/^size_t bridge_upstream_room/,/^}/s/if \(bridge_waits_for_client\(b\)\)/if (false)/'
mutate "a look-up is sent among what is read ahead" session/retrieval.c \
    's/: imap_session_is_awaiting\(r->imap\)/: false/'
mutate "the late OK of what was read ahead is nobody's" session/bridge_task.c \
    's/retrieval_on_other_end\(r\)/(void)0/'

# --- Every session ends in time ---

mutate "idle clients stay" session/bridge_deadlines.c \
    's/return b->client_seen_ms \+ b->policy->session_timeout_ms/return UINT64_MAX/'
mutate "a silent upstream is waited for" session/bridge_link.c \
    '/^bool bridge_upstream_is_awaited/,/^}/s/b->imap\.state == IMAP_GREETING|imap_session_is_awaiting\(&b->imap\)/false/'
mutate "LOGOUT is waited for" session/bridge_deadlines.c \
    's/return b->upstream_seen_ms \+ LOGOUT_TIMEOUT_MS/return UINT64_MAX/'
mutate "logins take as long as they like" session/bridge_deadlines.c \
    's/return b->login_deadline_ms/return UINT64_MAX/'
mutate "the lock is kept" session/bridge_link.c \
    's/^    bridge_wish\(b, BRIDGE_UNLOCK\)/    (void)b/' 'lock'

# --- A parked connection never makes a login fail ---

mutate "parked: its loss is one like any other" session/bridge_link.c \
    '/^void bridge_upstream_lost/,/^}/s/if \(reused\) \{/if (false) {/' \
    'right password was refused'
mutate "parked: its refusal stands" session/bridge_upstream.c \
    's/IMAP_DEAD \|\| b->reused/IMAP_DEAD/' 'right password was refused'
mutate "parked: its silence is waited for" session/bridge_deadlines.c \
    's/return b->progress_ms \+ bridge_reuse_patience\(b\)/return UINT64_MAX \/ 2/' \
    'right password was refused|deadline'
mutate "parked: the lock is asked for twice" session/bridge_upstream.c \
    '/^static void on_logged_in/,/^}/s/if \(b->locked\)/if (b->phase == BRIDGE_UPDATE)/' \
    'LOCK'
mutate "parked: the view of before is believed" session/imap_session.c \
    '/case IMAP_CODE_CLOSED/,/break;/s/imap_phase_forget_mailbox\(s\)/(void)0/'
mutate "parked: the mailbox is not selected anew" session/imap_session.c \
    's/^    s->state = IMAP_AUTHENTICATED;/    s->state = IMAP_SELECTED;/'
mutate "parked: the tags begin anew" session/imap_session.c \
    '/^bool imap_session_take_up/,/^}/s/s->tag = parked->tag/s->tag = 0/' 'IMAP: '
mutate "parked: while an answer is due" session/imap_session.c \
    '/^bool imap_session_is_at_rest/,/^}/s/s->awaited == 0/true/' 'PARK|IMAP: '

# --- A fault has the right name ---

mutate "throttling is called a wrong password" session/imap_phases.c \
    's/FAULT_UPSTREAM_BUSY, FAULT_MAILBOX_BUSY/FAULT_CREDENTIALS, FAULT_MAILBOX_BUSY/' \
    'AUTH|code'
mutate "a lost connection is called a wrong password" session/bridge_link.c \
    's/bridge_refuse_login\(b, fault\);$/bridge_refuse_login(b, FAULT_CREDENTIALS);/' \
    'AUTH|code'

# --- A login goes where it is granted, with what is granted, once it is ---

mutate "a login does not wait for its grant" session/bridge_upstream.c \
    's/if \(b->login_asked \|\| b->refuse_at_ms/if (b->refuse_at_ms/'
mutate "the connection made at USER is used anyway" session/bridge_client.c \
    's/if \(b->upstream_policy != grant->upstream\)/if (false)/' 'granted'
mutate "a connection that is not needed refuses" session/bridge_link.c \
    's/if \(b->login_asked\) \/\*/if (false) \/*/' \
    'right password was refused|right one'
mutate "a denial is called a wrong password" session/bridge_client.c \
    '/^void bridge_login_denied/,/^}/s/bridge_refuse_login\(b, fault\)/bridge_refuse_login(b, FAULT_CREDENTIALS)/' \
    'code'
mutate "the device's password goes upstream" session/bridge_client.c \
    's/credentials_copy\(&b->upstream, grant->credentials\)/credentials_copy(\&b->upstream, \&b->pop3.given)/' \
    'IMAP: '
mutate "a token goes as a password does" session/imap_login.c \
    's/return choose_for_token\(s, mechanism\)/return choose_for_password(s, c, mechanism)/' \
    'IMAP: '
mutate "a token is for another host" session/imap_login.c \
    's/buf_append_string\(message, to->host\)/buf_append_string(message, "proxy.example.org")/' \
    "IMAP: a token's message"
mutate "a token is for another port" session/imap_login.c \
    's/buf_append_number\(message, to->port\)/buf_append_number(message, 993)/' \
    "IMAP: a token's message"
mutate "why a token is refused is not heard" session/imap_login.c \
    's/SPAN_LITERAL\("AQ=="\)/SPAN_LITERAL("*")/' 'IMAP: '
mutate "a refused token is asked about for ever" session/bridge_upstream.c \
    's/fault == FAULT_TOKEN_REFUSED && !b->asked_again/fault == FAULT_TOKEN_REFUSED/' \
    'again'
mutate "QUIT asks for a token for ever" session/bridge_update.c \
    's/b->asked_at_quit \|\|$/false ||/' 'ASK_LOGIN at QUIT, and again'
mutate "QUIT asks for a token by the old one" session/bridge_wishes.c \
    's/(wish->refused = )buf_span.*$/\1SPAN_LITERAL("x");/' 'another token'
mutate "a refused password is asked about again" session/bridge_upstream.c \
    's/fault == FAULT_TOKEN_REFUSED && !b->asked_again/!b->asked_again/' \
    'again'
mutate "it rests under a token that was refused" session/bridge_link.c \
    '/^static bool may_rest/,/^}/s/ && !b->asked_again//' 'PARK'

# --- The wire upstream ---

mutate "an initial response without SASL-IR" session/imap_login.c \
    's/imap_capabilities_have\(s->capabilities, IMAP_CAP_SASL_IR\)/true/' \
    'IMAP: '
mutate "no wait for TLS" session/imap_phases.c \
    's/imap_phase_enter\(s, IMAP_HANDSHAKE\)/imap_phase_enter(s, IMAP_CAPABILITY_TLS)/'
mutate "no wait for the answer" session/imap_session.c \
    's/assert\(!imap_session_is_awaiting\(s\)\)/(void)0/;s/!imap_session_awaits\(s, ev->tag\)/ev->tag > s->tag/;/^static struct imap_session_event on_untagged/,/^}/s/take_code\(s, ev\)/take_code(s, ev); s->awaited = 0/'
mutate "octets behind STLS are kept" session/pop3_session.c \
    '/^static struct pop3_request accept_stls/,/^}/s/buf_length\(&s->in\) > 0/false/'

echo "mutations: $found found, $missed not"
[ "$missed" -eq 0 ] && [ "$found" -gt 0 ]
