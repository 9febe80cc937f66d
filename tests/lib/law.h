/* Backends against docs/arithmetic.md: what test_law and slow/law share. */
#ifndef GK_TESTS_LAW_H
#define GK_TESTS_LAW_H

#include "gk/timing.h"
#include "lib/support.h"
#include "lib/tolerance.h"
#include "verify/trial.h"

static inline gk_backend open_backend(const char *name)
{
    gk_backend be;

    if (gk_backend_open(&be, name, NULL) != GK_OK) fail_msg("%s", gk_message());
    return be;
}

/* Has case i a law, and more than `least` and at most `most` operations? */
static inline bool law_case(int i, double least, double most)
{
    const gk_op_case *c = &gk_op_cases[i];
    double flops = gk_cost_of(c->op, c->size).flops;

    return gk_verify_has_law(i) && flops > least && flops <= most;
}

/* Of such cases every one has the bits of the law. */
static inline void keeps_the_law(const char *name, double least, double most)
{
    gk_backend be = open_backend(name), law = open_backend("law");
    gk_verify_result result;
    int wrong = 0, cases = 0;

    for (int i = 0; i < gk_verify_cases(); i++) {
        if (!law_case(i, least, most)) continue;
        cases++;
        gk_verify_bits(&result, i, &be, &law);
        if (!result.problem) continue;
        wrong++;
        print_error("%s (%s): %.0f elements: %s: %s\n", result.op, result.shape, result.error,
                    result.problem, result.where);
    }
    print_message("%s: %d cases\n", name, cases);
    assert_true(cases > 0);
    assert_int_equal(wrong, 0);
    gk_backend_close(&be);
    gk_backend_close(&law);
}

#endif
