/* docs/arithmetic.md, whose rules kernels/law has as plain C: the law computes what ref does within
 * rounding, and the cpu backend computes the law's bits. slow/law.c has the large cases. */
#include "lib/law.h"

static const double MOST = 3e6;

static void test_cpu_keeps_the_law(void **state)
{
    (void)state;
    keeps_the_law("cpu", -1, MOST);
}

static void test_every_op_has_a_case(void **state)
{
    static const char *const ops[] = {
#define OP(name, ...) #name,
#include "gk/ops.def"
#undef OP
    };
    int with = 0, of_training = 0;

    (void)state;
    for (size_t k = 0; k < sizeof ops / sizeof *ops; k++) {
        bool here = false, law = false;

        for (int i = 0; i < gk_verify_cases(); i++) {
            if (strcmp(gk_op_cases[i].op, ops[k]) != 0) continue;
            law |= gk_verify_has_law(i);
            here |= law_case(i, -1, MOST);
        }
        with += here;
        of_training += law;
    }
    assert_int_equal(with, of_training);
    assert_int_equal(of_training, (int)(sizeof ops / sizeof *ops) - 4); /* measures */
}

static void test_law_is_right(void **state)
{
    gk_backend law = open_backend("law"), ref = open_ref();
    gk_verify_result result;
    int wrong = 0;

    (void)state;
    for (int i = 0; i < gk_verify_cases(); i++) {
        if (!law_case(i, -1, MOST)) continue;
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

/* relu with another zero, and a sum in another order: what bits find and errors do not. */
static void other_zero(gk_backend *be, gk_real *h, gk_real *pre, const gk_real *bias, int R,
                       int rows, int F, int act)
{
    gk_backend law = open_backend("law");

    law.bias_act(be, h, pre, bias, R, rows, F, act);
    for (size_t i = 0; act == GK_RELU && i < (size_t)R * rows * F; i++)
        h[i] = h[i] > 0 ? h[i] : -0.f;
}

static void backwards(gk_backend *be, double *sum, const double *row_loss, const uint8_t *row_hit,
                      const uint8_t *group, int R, int B, int G, int beta)
{
    (void)be;
    for (size_t r = 0; r < (size_t)R; r++) {
        for (int g = 0; g < G; g++) {
            double *out = sum + (r * G + g) * 2, total[2] = {0};

            for (size_t i = (r + 1) * B; i-- > r * B;) {
                if ((group ? group[i] : 0) != g) continue;
                total[0] += row_loss[i];
                total[1] += row_hit[i];
            }
            for (int c = 0; c < 2; c++) out[c] = (beta ? out[c] : 0) + total[c];
        }
    }
}

/* Is there a case of the op that `be` has other bits in, and no larger error than it may? */
static bool only_bits_find(const char *op, gk_backend *be, gk_backend *law)
{
    gk_backend ref = open_ref();
    gk_verify_result bits, error;
    bool found = false;

    for (int i = 0; i < gk_verify_cases(); i++) {
        if (strcmp(gk_op_cases[i].op, op) != 0 || !law_case(i, -1, MOST)) continue;
        gk_verify_bits(&bits, i, be, law);
        gk_verify(&error, i, be, &ref);
        assert_null(error.problem);
        found |= bits.problem != NULL;
    }
    gk_backend_close(&ref);
    return found;
}

static void test_other_bits_are_found(void **state)
{
    gk_backend law = open_backend("law"), be = open_backend("law");

    (void)state;
    be.bias_act = other_zero;
    be.group_sums = backwards;
    assert_true(only_bits_find("bias_act", &be, &law));
    assert_true(only_bits_find("group_sums", &be, &law));
    assert_false(only_bits_find("bias_add", &be, &law));
    gk_backend_close(&be);
    gk_backend_close(&law);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_op_has_a_case),
        cmocka_unit_test(test_cpu_keeps_the_law),
        cmocka_unit_test(test_law_is_right),
        cmocka_unit_test(test_other_bits_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
