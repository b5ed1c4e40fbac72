/* fuzz_http_request.c - octets from whoever reaches the status port.
 *
 * Property: whole, octet by octet and in pieces the same requests come out and
 * the same error at the same octet. What is taken as a request is one by the
 * strict form of RFC 9112 as the header of http_request.h has it, looked at
 * here line by line without the parser; errors stick.
 */
#include <string.h>

#include "fuzz.h"
#include "server/http_request.h"

struct reading {
    struct http_reader reader;
    struct buf trace;
    enum http_request_status status;
    size_t taken;      /* octets of the input, all in all */
    size_t head_start; /* where the request at hand began */
};

/* --- what a head must look like --- */

static void check_octets(struct span line)
{
    for (size_t i = 0; i < line.len; i++)
        REQUIRE(line.data[i] == '\t' ||
                (line.data[i] >= ' ' && line.data[i] != 0x7f));
}

static struct span take_line(struct span *head)
{
    size_t lf = span_find(*head, '\n');
    struct span line;

    REQUIRE(lf > 0 && lf < head->len && head->data[lf - 1] == '\r');
    line = span_take(head, lf + 1);
    line.len -= 2;
    check_octets(line);
    return line;
}

static bool has_field_name(struct span line, const char *name)
{
    return span_starts_with_nocase(line, span_from_string(name)) &&
           line.len > strlen(name) && line.data[strlen(name)] == ':';
}

static void check_request_line(struct span line,
                               const struct http_request *request)
{
    size_t method = span_find(line, ' ');
    struct span version = line;

    REQUIRE(line.len <= HTTP_REQUEST_LINE_MAX - 2);
    REQUIRE(line.len > 9 + method);
    (void)span_take(&version, line.len - 9);
    REQUIRE(span_equals(version, SPAN_LITERAL(" HTTP/1.0")) ||
            span_equals(version, SPAN_LITERAL(" HTTP/1.1")));
    (void)span_take(&line, method + 1);
    line.len -= 9;
    REQUIRE(line.len > 0 && !span_contains(line, ' '));
    if (request->method == HTTP_METHOD_NOT_ALLOWED)
        return;
    REQUIRE(request->method != HTTP_METHOD_UNKNOWN);
    REQUIRE(request->path.len > 0 && request->path.data[0] == '/');
    REQUIRE(!span_contains(request->path, '?'));
    REQUIRE(!span_contains(request->path, '#'));
    REQUIRE(fuzz_contains(line, request->path) ||
            span_equals(request->path, SPAN_LITERAL("/")));
}

static void check_head(struct span head, const struct http_request *request)
{
    unsigned fields = 0, hosts = 0, lengths = 0, encodings = 0;
    struct span line = take_line(&head);
    bool is_1_1;

    if (line.len == 0) /* one empty line is ignored */
        line = take_line(&head);
    REQUIRE(head.len + line.len + 2 <= HTTP_HEAD_MAX);
    is_1_1 = line.data[line.len - 1] == '1';
    check_request_line(line, request);
    while ((line = take_line(&head)).len > 0) {
        REQUIRE(line.data[0] != ' ' && line.data[0] != '\t');
        fields++;
        hosts += has_field_name(line, "Host");
        lengths += has_field_name(line, "Content-Length");
        encodings += has_field_name(line, "Transfer-Encoding");
    }
    REQUIRE(head.len == 0 && fields <= HTTP_FIELDS_MAX);
    REQUIRE(hosts <= 1 && (hosts == 1 || !is_1_1));
    REQUIRE(lengths + encodings <= 1 && (is_1_1 || encodings == 0));
    REQUIRE(!request->keep_alive || encodings == 0);
}

/* --- in pieces --- */

static void record(struct reading *r, const struct http_request *request)
{
    struct buf *t = &r->trace;

    buf_append_octet(t, '\n');
    fuzz_trace_number(t, request->method);
    fuzz_trace_number(t, request->keep_alive);
    fuzz_trace_number(t, r->taken);
    buf_append_octet(t, ' ');
    buf_append(t, request->path);
}

static void feed(struct reading *r, struct span piece, struct span wire)
{
    struct span copy = fuzz_copy(piece);
    struct span in = copy;
    struct http_request request;
    size_t before = r->taken;

    while ((r->status = http_request_next(&r->reader, &in, &request)) ==
           HTTP_REQUEST_READY) {
        r->taken = before + (piece.len - in.len);
        check_head(
            span_make(wire.data + r->head_start, r->taken - r->head_start),
            &request);
        record(r, &request);
        r->head_start = r->taken;
    }
    r->taken = before + (piece.len - in.len);
    if (r->status == HTTP_REQUEST_MORE) {
        REQUIRE(in.len == 0);
    } else {
        REQUIRE(!request.keep_alive && request.error >= HTTP_BAD_REQUEST);
        fuzz_trace_number(&r->trace, request.error);
        fuzz_trace_number(&r->trace, r->taken);
        REQUIRE(http_request_next(&r->reader, &in, &request) ==
                HTTP_REQUEST_BAD);
    }
    fuzz_drop(copy);
}

static void read_in_pieces(struct reading *r, struct span wire,
                           struct span lengths)
{
    struct span rest = wire;
    size_t turn = 0;

    r->status = HTTP_REQUEST_MORE;
    r->taken = 0;
    r->head_start = 0;
    buf_init(&r->trace, FUZZ_TRACE_MAX);
    http_reader_init(&r->reader);
    while (rest.len > 0 && r->status == HTTP_REQUEST_MORE)
        feed(r, fuzz_take_piece(&rest, lengths, &turn), wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct reading whole, cut;
    struct span wire = span_make(data, size);
    struct span ways[] = { span_make("\1", 1), wire };

    read_in_pieces(&whole, wire, span_make(NULL, 0));
    for (size_t i = 0; i < ARRAY_LENGTH(ways); i++) {
        read_in_pieces(&cut, wire, ways[i]);
        REQUIRE(cut.status == whole.status);
        REQUIRE(span_equals(buf_span(&cut.trace), buf_span(&whole.trace)));
        buf_fini(&cut.trace);
    }
    buf_fini(&whole.trace);
    return 0;
}
