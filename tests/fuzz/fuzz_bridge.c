/* fuzz_bridge.c - a whole session: both peers, the network and the clock do
 * whatever the input says.
 *
 * Two octets of flags, then operations, each a letter and what it needs; what
 * is no operation is passed over. A line goes up to its LF.
 *
 *     c LINE    the client says it        C n OCTETS  as many, any
 *     s LINE    the server says it        S n OCTETS
 *     t LINE    the server says it behind the tag of the last command
 *     a h       the server answers the last command, ordinarily or nearly so
 *     b h       the same to one of the bodies that are asked for
 *     o  f h    what is pending (connection, handshake, lock) succeeds, fails
 *     x  y  z   the client hangs up, the server does, the proxy shuts down
 *     d nn      time passes, nn * 16 ms;  D  up to the next deadline
 *     k n  u n  n octets reach the client, the server;  K  U  all
 *
 * Properties: those of wire.h and owner.h.
 */
#include "canned.h"
#include "fuzz.h"
#include "owner.h"

#define TAG_MAX 16

static struct span take_line(struct span *in)
{
    size_t lf = span_find(*in, '\n');

    return fuzz_take(in, lf + 1);
}

static void say_tagged(struct owner *o, struct span line)
{
    struct buf out;

    buf_init(&out, TAG_MAX + line.len);
    buf_append_octet(&out, 'A');
    buf_append_number(&out, o->wire.tag);
    buf_append_octet(&out, ' ');
    buf_append(&out, line);
    owner_server_says(o, buf_span(&out));
    buf_fini(&out);
}

static void say_canned(struct owner *o, unsigned how)
{
    struct buf out;

    buf_init(&out, CANNED_MAX);
    canned_answer(&o->wire, how, &out);
    REQUIRE(!buf_failed(&out));
    owner_server_says(o, buf_span(&out));
    buf_fini(&out);
}

static void say_body(struct owner *o, unsigned how)
{
    struct buf out;

    buf_init(&out, CANNED_MAX);
    if (canned_body(&o->wire, how, &out)) {
        REQUIRE(!buf_failed(&out));
        owner_server_says(o, buf_span(&out));
    }
    buf_fini(&out);
}

static void run_octets(struct owner *o, unsigned op, struct span *in)
{
    switch (op) {
    case 'c':
        owner_client_says(o, take_line(in));
        break;
    case 'C':
        owner_client_says(o, fuzz_take(in, fuzz_take_octet(in)));
        break;
    case 's':
        owner_server_says(o, take_line(in));
        break;
    case 'S':
        owner_server_says(o, fuzz_take(in, fuzz_take_octet(in)));
        break;
    case 't':
        say_tagged(o, take_line(in));
        break;
    case 'a':
        say_canned(o, fuzz_take_octet(in));
        break;
    case 'b':
        say_body(o, fuzz_take_octet(in));
        break;
    case 'k':
        owner_client_takes(o, fuzz_take_octet(in));
        break;
    case 'K':
        owner_client_takes(o, SIZE_MAX);
        break;
    case 'u':
        owner_server_takes(o, fuzz_take_octet(in));
        break;
    case 'U':
        owner_server_takes(o, SIZE_MAX);
        break;
    default:
        break;
    }
}

static void run(struct owner *o, unsigned op, struct span *in)
{
    switch (op) {
    case 'o':
        owner_succeed(o);
        break;
    case 'f':
        owner_fail(o, fuzz_take_octet(in));
        break;
    case 'x':
        owner_close_client(o);
        break;
    case 'y':
        owner_close_upstream(o);
        break;
    case 'z':
        owner_shut_down(o);
        break;
    case 'd':
        owner_wait(o, fuzz_take_number(in, 2) * 16);
        break;
    case 'D':
        (void)owner_wait_for_deadline(o);
        break;
    default:
        run_octets(o, op, in);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct owner o;
    struct span in = span_make(data, size);
    unsigned policy_flags = fuzz_take_octet(&in);
    unsigned owner_flags = fuzz_take_octet(&in);

    owner_init(&o, policy_flags, owner_flags);
    while (in.len > 0 && !o.over)
        run(&o, fuzz_take_octet(&in), &in);
    owner_end(&o, owner_flags >> 2 & 3);
    owner_fini(&o);
    return 0;
}
