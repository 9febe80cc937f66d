/* The cuda backend's bits, on the host shim, against docs/arithmetic.md. */
#include "control.h"
#include "lib/law.h"

/* Ops whose kernels do not keep their rule yet. One that does leaves this list, and stays out. */
static const char *const not_yet[] = {
    "matmul",        "embed_back",  "attention",       "attention_back", "log_softmax",
    "squared_error", "layer_norm",  "layer_norm_back", "bag_back",       "table_build",
    "table_rows",    "table_pairs", "table_back"};

static const double MOST = SANITIZED ? 1e4 : 1e6;

static bool listed(const char *op)
{
    for (size_t k = 0; k < sizeof not_yet / sizeof *not_yet; k++)
        if (strcmp(op, not_yet[k]) == 0) return true;
    return false;
}

/* How many cases of an op have other bits; the first of them is shown. */
static int differing(const char *op, gk_backend *be, gk_backend *law)
{
    gk_verify_result result;
    int wrong = 0;

    for (int i = 0; i < gk_verify_cases(); i++) {
        if (strcmp(gk_op_cases[i].op, op) != 0 || !law_case(i, -1, MOST)) continue;
        gk_verify_bits(&result, i, be, law);
        if (!result.problem || wrong++) continue;
        print_message("%s (%s): %.0f elements: %s: %s\n", result.op, result.shape, result.error,
                      result.problem, result.where);
    }
    return wrong;
}

static void test_bits(void **state)
{
    static const char *const ops[] = {
#define OP(name, ...) #name,
#include "gk/ops.def"
#undef OP
    };
    gk_backend be, law = open_backend("law");
    int wrong = 0;

    (void)state;
    gk_shim_reset();
    be = open_backend("cuda");
    for (size_t k = 0; k < sizeof ops / sizeof *ops; k++) {
        bool differs = differing(ops[k], &be, &law) > 0;

        if (differs == listed(ops[k])) continue;
        wrong++;
        print_error("%s %s\n", ops[k],
                    differs ? "has other bits than the law's" : "keeps the law: off the list");
    }
    gk_backend_close(&be);
    gk_backend_close(&law);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bits)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
