/* trace_parts.h - the inside of a trace, shared by its source files only:
 * trace.c (lines, and POP3's), trace_imap.c (IMAP's).
 */
#ifndef POPINJAY_SESSION_TRACE_PARTS_H
#define POPINJAY_SESSION_TRACE_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/span.h"
#include "session/trace.h"

/* The line of a wire that is being read. */
struct trace_lane {
    unsigned char kept[TRACE_LINE_MAX]; /* its front */
    size_t kept_len;
    uint64_t octets;   /* all in all, without CR and LF */
    unsigned rows;     /* lines of a long list that were shown one by one */
    uint64_t left_out; /* and those that were not */
};

/* `{n}` at the end of a line announces a literal. */
enum trace_mark {
    TRACE_MARK_NONE,
    TRACE_MARK_DIGITS,
    TRACE_MARK_CLOSED,
};

struct trace {
    struct trace_lane lanes[TRACE_WIRE_COUNT];
    unsigned char shown[TRACE_SHOWN_MAX];
    size_t shown_len;

    bool answer_due; /* the client's next line answers a challenge */
    bool in_message; /* to the client */
    uint64_t message_octets;

    bool logging_in;      /* upstream, not yet answered */
    bool password_is_out; /* and was not accepted: it may be repeated */
    bool literal_follows; /* to the upstream: the line goes on behind it */
    enum trace_mark mark; /* from the upstream, here and below */
    uint64_t mark_number;
    uint64_t literal; /* octets of it still to come */
    bool in_string;
    bool escaped;
    uint64_t string_octets;
};

/* --- trace.c --- */

/* Appends to what is shown; what finds no place is left out. */
void trace_show(struct trace *t, struct span s);
/* `(12 octets)` */
void trace_show_octets(struct trace *t, uint64_t octets);

/* What was kept of the line at hand, and whether it is all of it. */
struct span trace_kept(const struct trace_lane *lane);
bool trace_is_whole(const struct trace_lane *lane);
void trace_keep(struct trace_lane *lane, unsigned char octet);

/* Shows all that was kept, and how much was not. */
void trace_show_line(struct trace *t, const struct trace_lane *lane);

/* One of a list's lines: a long list is cut short. */
void trace_show_row(struct trace *t, struct trace_lane *lane);

/* The list is over: how many of its lines were not shown. */
void trace_show_left_out(struct trace *t, struct trace_lane *lane);

/* --- trace_imap.c --- */

/* The line is complete. */
void trace_on_command(struct trace *t, struct trace_lane *lane);

/* Takes octets off |in|. True: the line was complete. */
bool trace_take_response(struct trace *t, struct span *in);

#endif
