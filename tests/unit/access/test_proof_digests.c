/* test_proof_digests.c - the digests of APOP and CRAM-MD5. */
#include "access/proof_digests.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* RFC 1939 §7 */
static void test_apop(void **state)
{
    const struct span stamp = SPAN_LITERAL("<1896.697170952@dbc.mtview.ca.us>");
    const struct span right = SPAN_LITERAL("c4c9334bac560ecc979e58001b3e22fb");

    (void)state;
    assert_int_equal(proof_judge_apop(stamp, SPAN_LITERAL("tanstaaf"), right),
                     PROOF_RIGHT);
    assert_int_equal(
        proof_judge_apop(stamp, SPAN_LITERAL("tanstaaf"),
                         SPAN_LITERAL("C4C9334BAC560ECC979E58001B3E22FB")),
        PROOF_RIGHT);
    assert_int_equal(proof_judge_apop(stamp, SPAN_LITERAL("tanstaag"), right),
                     PROOF_WRONG);
    assert_int_equal(proof_judge_apop(SPAN_LITERAL("<1@x>"),
                                      SPAN_LITERAL("tanstaaf"), right),
                     PROOF_WRONG);
    assert_int_equal(
        proof_judge_apop(stamp, SPAN_LITERAL("tanstaaf"),
                         SPAN_LITERAL("c4c9334bac560ecc979e58001b3e22f")),
        PROOF_WRONG);
    assert_int_equal(
        proof_judge_apop(stamp, SPAN_LITERAL("tanstaaf"), span_make(NULL, 0)),
        PROOF_WRONG);
}

/* RFC 2195 §2 */
static void test_cram_md5(void **state)
{
    const struct span challenge =
        SPAN_LITERAL("<1896.697170952@postoffice.reston.mci.net>");
    const struct span right = SPAN_LITERAL("b913a602c7eda7a495b4e6e7334d3890");
    const struct span password = SPAN_LITERAL("tanstaaftanstaaf");

    (void)state;
    assert_int_equal(proof_judge_cram_md5(challenge, password, right),
                     PROOF_RIGHT);
    assert_int_equal(
        proof_judge_cram_md5(challenge, password,
                             SPAN_LITERAL("B913A602C7EDA7A495B4E6E7334D3890")),
        PROOF_RIGHT);
    assert_int_equal(
        proof_judge_cram_md5(challenge, SPAN_LITERAL("tanstaaf"), right),
        PROOF_WRONG);
    assert_int_equal(
        proof_judge_cram_md5(SPAN_LITERAL("<1@x>"), password, right),
        PROOF_WRONG);
    assert_int_equal(
        proof_judge_cram_md5(challenge, password,
                             SPAN_LITERAL("b913a602c7eda7a495b4e6e7334d389")),
        PROOF_WRONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_apop),
        cmocka_unit_test(test_cram_md5),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
