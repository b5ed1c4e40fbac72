/* fuzz_scram.c - what a server says in an exchange of SCRAM-SHA-256.
 *
 * The input is the server's two messages, with a line feed between them.
 *
 * Property: whatever it says, nothing is worked for that is out of bounds, or
 * answers another nonce than ours; the server is believed only where it shows
 * the very signature; and the proof is made of what was said.
 */
#include <string.h>

#include "base/base64.h"
#include "fuzz.h"
#include "session/scram.h"

static const struct scram_channel channel = { .nonce = "ours" };

static void check_work(const struct scram *s, struct span first)
{
    struct scram_work work = scram_work(s);

    REQUIRE(work.iterations >= SCRAM_ITERATIONS_MIN);
    REQUIRE(work.iterations <= SCRAM_ITERATIONS_MAX);
    REQUIRE(work.salt.len > 0 && work.salt.len <= SCRAM_SALT_MAX);
    REQUIRE(first.len > 6 && memcmp(first.data, "r=ours", 6) == 0);
    REQUIRE(first.data[6] != ',');
    REQUIRE(fuzz_contains(work.message, first));
    REQUIRE(!fuzz_contains(first, SPAN_LITERAL(",m=")));
}

static void check_final(struct scram *s, struct span final)
{
    struct scram_proof proof = { .fault = FAULT_NONE };
    struct span error = span_make(NULL, 0);
    struct buf right;
    struct buf out;
    enum scram_status status;

    memset(proof.server, 0xa5, sizeof(proof.server));
    buf_init(&right, 256);
    buf_init(&out, UPSTREAM_OUTPUT_MAX);
    scram_write_final(s, &proof, &out);
    REQUIRE(!buf_failed(&out));
    status = scram_take_final(s, final, &error);
    buf_append_string(&right, "v=");
    base64_encode(span_make(proof.server, SCRAM_KEY_SIZE), &right);
    if (status == SCRAM_OK)
        REQUIRE(fuzz_contains(final, buf_span(&right)));
    if (status == SCRAM_REFUSED)
        REQUIRE(error.len + 2 <= final.len && !span_contains(error, ','));
    buf_fini(&right);
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span in = span_make(data, size);
    struct span first = fuzz_copy(span_take(&in, span_find(in, '\n')));
    struct span final;
    struct credentials c;
    struct scram *s;
    struct buf out;

    (void)fuzz_take(&in, 1);
    final = fuzz_copy(in);
    credentials_init(&c);
    buf_init(&out, UPSTREAM_OUTPUT_MAX);
    REQUIRE(credentials_set_user(&c, SPAN_LITERAL("anna")));
    s = scram_begin(&channel, SCRAM_UNBOUND, &c, &out);
    REQUIRE(s != NULL);
    if (scram_take_first(s, first) == SCRAM_OK) {
        check_work(s, first);
        check_final(s, final);
    }
    scram_free(s);
    buf_fini(&out);
    credentials_wipe(&c);
    fuzz_drop(first);
    fuzz_drop(final);
    return 0;
}
