/* Cases by their bits: a backend against another, or the law (docs/arithmetic.md). */
#include "gk/verify.h"
#include "verify/trial.h"

#include <string.h>

enum { RUNS = 3 };

bool gk_verify_has_law(int i)
{
    static const char *const outside[] = {"fft2", "row_sums", "changed_losses", "rounding"};

    for (size_t k = 0; k < sizeof outside / sizeof *outside; k++)
        if (strcmp(gk_op_cases[i].op, outside[k]) == 0) return false;
    return true;
}

void gk_verify_bits(gk_verify_result *result, int i, gk_backend *be, gk_backend *other)
{
    gk_trial expected, got;

    gk_verify_name(result, i);
    gk_trial_run_wide(&expected, &gk_op_cases[i], other, 0, RUNS);
    gk_trial_run_wide(&got, &gk_op_cases[i], be, 0, RUNS);
    result->problem = expected.problem ? expected.problem : gk_trial_check(&got);
    if (!result->problem) {
        int64_t n = gk_trial_differences(&got, &expected, result->where, sizeof result->where);

        result->error = (double)n;
        if (n) result->problem = "other bits";
    }
    gk_trial_close(&expected);
    gk_trial_close(&got);
}
