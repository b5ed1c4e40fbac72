/* pop3_transaction.c - the commands after login. */
#include "base/limits.h"
#include "pop3/reply.h"
#include "session/pop3_handlers.h"

static const struct pop3_request no_request = { .kind = POP3_REQUEST_NONE };

/* A message number as an index; false, and the reply written, where there is
 * no such message or it is marked as deleted (RFC 1939 §5).
 */
static bool find_message(struct pop3_session *s, enum pop3_verb verb,
                         struct span word, uint32_t *index)
{
    uint32_t number;

    if (!pop3_argument_message(word, &number) ||
        number > maildrops_count(&s->maildrops)) {
        pop3_reply_error(&s->out, verb, POP3_CODE_NONE, "no such message");
        return false;
    }
    if (maildrops_is_deleted(&s->maildrops, number - 1)) {
        pop3_reply_error(&s->out, verb, POP3_CODE_NONE, "message is deleted");
        return false;
    }
    *index = number - 1;
    return true;
}

struct pop3_request pop3_on_stat(struct pop3_session *s,
                                 const struct pop3_command *command)
{
    (void)command;
    pop3_reply_numbers(&s->out, maildrops_listed_count(&s->maildrops),
                       maildrops_listed_octets(&s->maildrops));
    return no_request;
}

static void write_unique_id(struct pop3_session *s, const char *prefix,
                            uint32_t index)
{
    struct unique_id id = maildrops_unique_id(&s->maildrops, index);

    pop3_write_unique_id(&s->out, prefix, index + 1, id.text);
}

static void write_listing_line(struct pop3_session *s, uint32_t index)
{
    if (s->listing == POP3_LISTING_SIZES)
        pop3_write_scan_line(&s->out, index + 1,
                             maildrops_size_octets(&s->maildrops, index));
    else
        write_unique_id(s, "", index);
}

void pop3_continue_listing(struct pop3_session *s)
{
    while (s->listing_index < maildrops_count(&s->maildrops)) {
        if (buf_length(&s->out) >= CLIENT_OUTPUT_HIGH || buf_failed(&s->out))
            return;
        if (!maildrops_is_deleted(&s->maildrops, s->listing_index))
            write_listing_line(s, s->listing_index);
        s->listing_index++;
    }
    s->listing = POP3_LISTING_NONE;
    pop3_write_end(&s->out);
}

static struct pop3_request start_listing(struct pop3_session *s,
                                         enum pop3_listing listing)
{
    s->listing = listing;
    s->listing_index = 0;
    pop3_reply_ok(&s->out, "listing follows");
    pop3_continue_listing(s);
    return no_request;
}

struct pop3_request pop3_on_list(struct pop3_session *s,
                                 const struct pop3_command *command)
{
    uint32_t index;

    if (command->arguments == 0)
        return start_listing(s, POP3_LISTING_SIZES);
    if (find_message(s, POP3_LIST, command->argument[0], &index))
        pop3_reply_numbers(&s->out, index + 1,
                           maildrops_size_octets(&s->maildrops, index));
    return no_request;
}

struct pop3_request pop3_on_uidl(struct pop3_session *s,
                                 const struct pop3_command *command)
{
    uint32_t index;

    if (!maildrops_have_unique_ids(&s->maildrops)) {
        pop3_reply_error(&s->out, POP3_UIDL,
                         fault_pop3_code(FAULT_NO_UNIQUE_IDS),
                         fault_pop3_text(FAULT_NO_UNIQUE_IDS));
        return no_request;
    }
    if (command->arguments == 0)
        return start_listing(s, POP3_LISTING_UNIQUE_IDS);
    if (find_message(s, POP3_UIDL, command->argument[0], &index))
        write_unique_id(s, "+OK ", index);
    return no_request;
}

struct pop3_request pop3_on_retr(struct pop3_session *s,
                                 const struct pop3_command *command)
{
    uint32_t index;

    if (!find_message(s, POP3_RETR, command->argument[0], &index))
        return no_request;
    s->pending = POP3_RETR;
    return (struct pop3_request){ .kind = POP3_REQUEST_MESSAGE,
                                  .index = index };
}

struct pop3_request pop3_on_top(struct pop3_session *s,
                                const struct pop3_command *command)
{
    uint32_t index;
    uint32_t lines;

    if (!pop3_argument_lines(command->argument[1], &lines))
        return pop3_reject(s, POP3_TOP, "wrong arguments");
    if (!find_message(s, POP3_TOP, command->argument[0], &index))
        return no_request;
    s->pending = POP3_TOP;
    return (struct pop3_request){ .kind = POP3_REQUEST_MESSAGE,
                                  .index = index,
                                  .top = true,
                                  .lines = lines };
}

struct pop3_request pop3_on_dele(struct pop3_session *s,
                                 const struct pop3_command *command)
{
    enum fault fault;
    uint32_t index;

    if (!find_message(s, POP3_DELE, command->argument[0], &index))
        return no_request;
    fault = maildrops_mark_deleted(&s->maildrops, index);
    if (fault == FAULT_NONE)
        pop3_reply_ok(&s->out, "marked for deletion");
    else
        pop3_reply_error(&s->out, POP3_DELE, fault_pop3_code(fault),
                         fault_pop3_text(fault));
    return no_request;
}

struct pop3_request pop3_on_noop(struct pop3_session *s,
                                 const struct pop3_command *command)
{
    (void)command;
    pop3_reply_ok(&s->out, "");
    return no_request;
}

struct pop3_request pop3_on_rset(struct pop3_session *s,
                                 const struct pop3_command *command)
{
    (void)command;
    maildrops_unmark_all(&s->maildrops);
    pop3_reply_ok(&s->out, "nothing is marked");
    return no_request;
}

/* RETR and DELE in turn, as most clients send them; what else may come in
 * between could change the meaning of what follows, or end the session.
 */
unsigned pop3_session_waiting_retrievals(const struct pop3_session *s,
                                         uint32_t *index, unsigned max,
                                         bool *is_all)
{
    struct span rest = buf_span(&s->in);
    struct pop3_command command;
    unsigned count = 0;
    uint32_t number;
    size_t end;

    *is_all = false;
    while ((end = span_find(rest, '\n')) < rest.len) {
        struct span line = span_take(&rest, end + 1);

        line.len -= line.len > 1 && line.data[line.len - 2] == '\r' ? 2 : 1;
        pop3_command_parse(line, &command);
        if (command.verb == POP3_DELE)
            continue;
        if (count == max || command.verb != POP3_RETR ||
            command.arguments != 1 ||
            !pop3_argument_message(command.argument[0], &number) ||
            number > maildrops_count(&s->maildrops))
            return count;
        index[count++] = number - 1;
    }
    *is_all = true;
    return count;
}
