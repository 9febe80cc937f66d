/* docs/arithmetic.md, whose rules kernels/law has as plain C: the law computes what ref does within
 * rounding, and the cpu backend computes the law's bytes. */
#include "lib/support.h"
#include "lib/tolerance.h"

#include <stdlib.h>
#include <string.h>

static gk_backend open_backend(const char *name)
{
    gk_backend be;

    if (gk_backend_open(&be, name, NULL) != GK_OK) fail_msg("%s", gk_message());
    return be;
}

/* How many cases have other bytes. */
static int differing(gk_backend *be, gk_backend *law, bool show)
{
    gk_verify_result result;
    int wrong = 0;

    for (int i = 0; i < gk_verify_cases(); i++) {
        if (!gk_verify_has_law(i)) continue;
        gk_verify_bits(&result, i, be, law);
        if (!result.problem) continue;
        wrong++;
        if (!show) continue;
        print_error("%s (%s): %.0f elements: %s: %s\n", result.op, result.shape, result.error,
                    result.problem, result.where);
    }
    return wrong;
}

static void test_cpu_keeps_the_law(void **state)
{
    gk_backend law = open_backend("law"), be = open_backend("cpu");

    (void)state;
    assert_int_equal(differing(&be, &law, true), 0);
    gk_backend_close(&be);
    gk_backend_close(&law);
}

static void test_law_is_right(void **state)
{
    gk_backend law = open_backend("law"), ref = open_ref();
    gk_verify_result result;
    int wrong = 0;

    (void)state;
    for (int i = 0; i < gk_verify_cases(); i++) {
        if (!gk_verify_has_law(i)) continue;
        gk_verify(&result, i, &law, &ref);
        if (!result.problem && result.error <= result.limit) continue;
        wrong++;
        print_error("%s (%s): error %.3g, limit %.3g: %s\n", result.op, result.shape, result.error,
                    result.limit, result.problem ? result.problem : "too far off");
    }
    assert_int_equal(wrong, 0);
    gk_backend_close(&law);
    gk_backend_close(&ref);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cpu_keeps_the_law),
        cmocka_unit_test(test_law_is_right),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
