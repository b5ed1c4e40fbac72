/* fuzz_imap_command.c - values in, command octets out, and back.
 *
 * Property: a strict reading of what was written, as a server would do it,
 * gives the values that went in and nothing else. No line is longer than
 * IMAP_COMMAND_MAX, none is ended by an octet of a value, a set names exactly
 * the UIDs that were added, and a literal goes unasked only where the
 * capabilities permit it.
 */
#include <string.h>

#include "base/limits.h"
#include "fuzz.h"
#include "imap/command.h"

#define OUT_MAX (8 * 1024 * 1024)
#define UIDS_MAX 1000

/* --- a strict reader --- */

static void expect(struct span *in, const char *text)
{
    size_t len = strlen(text);

    REQUIRE(in->len >= len);
    REQUIRE(span_equals(span_take(in, len), span_from_string(text)));
}

static void expect_tag(struct span *in, uint32_t tag)
{
    uint64_t read;

    expect(in, "A");
    REQUIRE(
        span_to_number(span_take(in, span_find(*in, ' ')), UINT32_MAX, &read));
    REQUIRE(read == tag);
    expect(in, " ");
}

/* Digits, the first of them not 0. */
static uint64_t read_number(struct span *in)
{
    uint64_t value;
    size_t n = 0;

    while (n < in->len && in->data[n] >= '0' && in->data[n] <= '9')
        n++;
    REQUIRE(n > 0 && (n == 1 || in->data[0] != '0'));
    REQUIRE(span_to_number(span_take(in, n), UINT64_MAX, &value));
    return value;
}

static void expect_number(struct span *in, uint64_t value)
{
    REQUIRE(read_number(in) == value);
}

/* --- sets --- */

/* Reads a set that must name exactly the |count| ascending |uids|. */
static void expect_set(struct span *in, const uint32_t *uids, size_t count)
{
    size_t at = 0;

    while (at < count) {
        uint64_t first = read_number(in);
        uint64_t last = first;

        if (in->len > 0 && in->data[0] == ':') {
            expect(in, ":");
            last = read_number(in);
            REQUIRE(last > first);
        }
        for (uint64_t uid = first; uid <= last; uid++) {
            REQUIRE(at < count && uids[at] == uid);
            at++;
        }
        if (at < count)
            expect(in, ",");
    }
}

static size_t gather_uids(struct span *in, uint32_t *uids)
{
    uint64_t uid = fuzz_take_number(in, 4);
    size_t count = 0;

    while (count < UIDS_MAX && uid >= 1 && uid <= UINT32_MAX) {
        uids[count++] = (uint32_t)uid;
        if (in->len == 0)
            break;
        /* Small steps, and now and then a great one. */
        uid += fuzz_take_octet(in);
        if (uid == uids[count - 1])
            uid += fuzz_take_number(in, 4);
        if (uid == uids[count - 1])
            break;
    }
    return count;
}

static void write_set_command(struct buf *out, uint32_t tag, unsigned which,
                              const struct imap_uid_set *set)
{
    switch (which) {
    case 0:
        imap_write_fetch_flags(out, tag, set);
        break;
    case 1:
        imap_write_store(out, tag, set, "\\Deleted");
        break;
    case 2:
        imap_write_uid_expunge(out, tag, set);
        break;
    default:
        imap_write_store(out, tag, set, "\\Seen");
        break;
    }
}

static const struct {
    const char *before, *behind;
} set_commands[] = {
    { "UID FETCH ", " (UID FLAGS)\r\n" },
    { "UID STORE ", " +FLAGS.SILENT (\\Deleted)\r\n" },
    { "UID EXPUNGE ", "\r\n" },
    { "UID STORE ", " +FLAGS.SILENT (\\Seen)\r\n" },
};

/* All |uids|, in as many commands as it takes. */
static void check_sets(struct buf *out, uint32_t tag, struct span in)
{
    unsigned which = fuzz_take_octet(&in) % ARRAY_LENGTH(set_commands);
    uint32_t uids[UIDS_MAX];
    size_t count = gather_uids(&in, uids);
    size_t done = 0;

    while (done < count) {
        struct imap_uid_set set;
        struct span written;
        size_t n = done;

        imap_uid_set_init(&set);
        REQUIRE(imap_uid_set_is_empty(&set));
        while (n < count && imap_uid_set_add(&set, uids[n]))
            n++;
        REQUIRE(n > done);
        REQUIRE(imap_uid_set_text(&set).len <= IMAP_UID_SET_MAX);
        REQUIRE(set.ranges <= IMAP_UID_RANGES_MAX);
        buf_clear(out);
        write_set_command(out, tag, which, &set);
        written = buf_span(out);
        REQUIRE(written.len <= IMAP_COMMAND_MAX);
        expect_tag(&written, tag);
        expect(&written, set_commands[which].before);
        expect_set(&written, uids + done, n - done);
        expect(&written, set_commands[which].behind);
        REQUIRE(written.len == 0);
        done = n;
    }
}

/* --- LOGIN, and a server that asks for its pieces --- */

struct login {
    struct buf *out;
    uint32_t tag;
    struct span user, password;
    struct imap_capabilities caps;
    unsigned piece;
    bool goes_on;    /* what imap_write_login said last */
    struct span now; /* what of this piece is not read yet */
};

static void next_piece(struct login *l)
{
    buf_clear(l->out);
    l->goes_on = imap_write_login(l->out, l->tag, l->piece++, l->user,
                                  l->password, l->caps);
    REQUIRE(!buf_failed(l->out));
    l->now = buf_span(l->out);
}

/* Octets up to a line's end must fit a line. */
static void check_line(struct span s)
{
    REQUIRE(span_find(s, '\n') < IMAP_COMMAND_MAX);
}

static void expect_quoted(struct span *in, struct span value)
{
    expect(in, "\"");
    for (size_t i = 0; i < value.len; i++) {
        unsigned char octet = span_take(in, 1).data[0];

        REQUIRE(octet != '"' && octet != '\r' && octet != '\n' && octet != 0);
        REQUIRE(octet < 0x80);
        if (octet == '\\') {
            octet = span_take(in, 1).data[0];
            REQUIRE(octet == '\\' || octet == '"');
        }
        REQUIRE(octet == value.data[i]);
    }
    expect(in, "\"");
}

static void expect_literal(struct login *l, struct span value)
{
    bool minus = imap_capabilities_have(l->caps, IMAP_CAP_LITERAL_MINUS) &&
                 value.len <= IMAP_LITERAL_MINUS_MAX;
    bool plus = imap_capabilities_have(l->caps, IMAP_CAP_LITERAL_PLUS);

    expect(&l->now, "{");
    expect_number(&l->now, value.len);
    if (plus || minus) {
        expect(&l->now, "+}\r\n");
    } else {
        expect(&l->now, "}\r\n");
        REQUIRE(l->now.len == 0 && l->goes_on);
        next_piece(l);
    }
    REQUIRE(l->now.len >= value.len);
    REQUIRE(span_equals(span_take(&l->now, value.len), value));
}

static void expect_string(struct login *l, struct span value)
{
    check_line(l->now);
    REQUIRE(l->now.len > 0);
    if (l->now.data[0] == '"')
        expect_quoted(&l->now, value);
    else
        expect_literal(l, value);
}

static void check_login(struct buf *out, uint32_t tag, struct span in)
{
    struct login l = { .out = out, .tag = tag };
    size_t n;

    l.caps.bits =
        (uint32_t)fuzz_take_number(&in, 2) & (BIT(IMAP_CAP_COUNT) - 1);
    n = (size_t)fuzz_take_number(&in, 2);
    l.user = fuzz_take(&in, n);
    l.password = in;
    for (unsigned i = 0; i < 2; i++) {
        struct span s = i == 0 ? l.user : l.password;
        bool refused = span_contains(s, '\r') || span_contains(s, '\n') ||
                       span_contains(s, '\0');

        REQUIRE((imap_string_form(s, l.caps) == IMAP_STRING_REFUSED) ==
                refused);
        if (refused)
            return;
    }
    next_piece(&l);
    expect_tag(&l.now, tag);
    expect(&l.now, "LOGIN ");
    expect_string(&l, l.user);
    expect(&l.now, " ");
    expect_string(&l, l.password);
    expect(&l.now, "\r\n");
    REQUIRE(l.now.len == 0 && !l.goes_on);
}

/* --- FETCH of one message --- */

static void check_fetch(struct buf *out, uint32_t tag, struct span in)
{
    uint32_t uid = (uint32_t)fuzz_take_number(&in, 4);
    uint32_t length = (uint32_t)fuzz_take_number(&in, 4);
    uint64_t offset = fuzz_take_number(&in, 8);
    struct span s;

    imap_write_fetch_window(out, tag, uid, offset, length);
    imap_write_fetch_listing(out, tag, uid, length);
    s = buf_span(out);
    expect_tag(&s, tag);
    expect(&s, "UID FETCH ");
    expect_number(&s, uid);
    expect(&s, " (UID BODY.PEEK[]<");
    expect_number(&s, offset);
    expect(&s, ".");
    expect_number(&s, length);
    expect(&s, ">)\r\n");
    expect_tag(&s, tag);
    expect(&s, "UID FETCH ");
    expect_number(&s, uid);
    expect(&s, ":");
    if (length == 0)
        expect(&s, "*");
    else
        expect_number(&s, length);
    expect(&s, " (UID FLAGS RFC822.SIZE)\r\n");
    REQUIRE(s.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span in = span_make(data, size);
    unsigned kind = fuzz_take_octet(&in) % 3;
    uint32_t tag = (uint32_t)fuzz_take_number(&in, 4);
    struct buf out;

    buf_init(&out, OUT_MAX);
    if (kind == 0)
        check_sets(&out, tag, in);
    else if (kind == 1)
        check_login(&out, tag, in);
    else
        check_fetch(&out, tag, in);
    REQUIRE(!buf_failed(&out));
    buf_fini(&out);
    return 0;
}
