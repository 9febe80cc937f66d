/* Every op of a backend against `ref`, on a table of op x shape (src/verify/cases.c). `grokc
 * verify` and tests/test_ops.c run all of it; benchmarks time the same rows. */
#ifndef GK_VERIFY_H
#define GK_VERIFY_H

#include "gk/ops.h"

typedef struct gk_verify_result {
    char op[32], shape[64];
    double error, limit; /* of the output that comes nearest to its limit; see src/verify/trial.h */
    const char *problem; /* NULL: the op is right */
    char where[96];      /* of gk_verify_bits: the first element that differs, or empty */
} gk_verify_result;

int gk_verify_cases(void);
/* Fills in op and shape of case i, 0 <= i < gk_verify_cases(). */
void gk_verify_name(gk_verify_result *result, int i);

/* Case i with 3 runs side by side. Besides error <= limit: nothing is written outside of the
 * outputs nor into inputs; with beta 0 outputs do not depend on what they
 * held; each of the 3 runs has the same bytes as alone. */
void gk_verify(gk_verify_result *result, int i, gk_backend *be, gk_backend *ref);

/* Is the op of case i one whose bytes docs/arithmetic.md promises? */
bool gk_verify_has_law(int i);
/* Case i with 3 runs, two of them of numbers of many sizes: has `be` the bits of `other`? error is
 * how many elements differ, limit 0; NaN is NaN. */
void gk_verify_bits(gk_verify_result *result, int i, gk_backend *be, gk_backend *other);

/* Seconds per call of case i with R runs: the best of `calls`. Negative: memory is out or the
 * device failed. */
double gk_verify_time(int i, gk_backend *be, int R, int calls);

/* c eps sqrt(length): what rounding may do to a sum of `length` terms, relative to the largest
 * result. eps is that of gk_real. */
double gk_verify_limit(double c, double length);

#endif
