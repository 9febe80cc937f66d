/* How close is close: err = max |x - ref| / max |ref|, limit = c eps sqrt(reduction length), and
 * `if (!(err <= limit)) fail`, so that NaN fails. A limit is raised only with a derivation. */
#ifndef GK_TEST_TOLERANCE_H
#define GK_TEST_TOLERANCE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gk/verify.h"

#include <float.h>
#include <math.h>

/* Adding, say, 3 numbers of different sizes: a few roundings of the largest. */
#define FEW_ROUNDINGS gk_verify_limit(4, 1)

/* A central difference with step h has an error of h^2 f''' / 6 + eps |f| / h: with h = 1e-5 in
 * double and f, f''' of about 1, 2e-11 + 2e-11. */
#define DIFFERENCE_STEP  1e-5
#define DIFFERENCE_LIMIT 1e-9

/* 20 updates, each with at most 6 roundings of the weight or of a moment. */
#define ADAMW_LIMIT gk_verify_limit(20 * 6, 1)

static inline double error_of(const gk_real *x, const gk_real *ref, size_t n)
{
    double largest = DBL_MIN, error = 0;

    for (size_t i = 0; i < n; i++) largest = fmax(largest, fabs(ref[i]));
    for (size_t i = 0; i < n; i++) {
        double e = fabs(x[i] - ref[i]) / largest;

        if (!(e <= error)) error = e;
        if (isnan(e)) return e;
    }
    return error;
}

#define assert_error(error, limit)                                                                 \
    do {                                                                                           \
        double error_got = (error), error_limit = (limit);                                         \
        if (!(error_got <= error_limit))                                                           \
            fail_msg("%s: error %.3g, limit %.3g", #error, error_got, error_limit);                \
    } while (0)

/* Relative to the expected value. */
#define assert_near(value, expected, limit)                                                        \
    do {                                                                                           \
        double near_x = (value), near_ref = (expected), near_limit = (limit);                      \
        if (!(fabs(near_x - near_ref) <= near_limit * fabs(near_ref)))                             \
            fail_msg("%s = %.17g, expected %.17g, limit %.3g", #value, near_x, near_ref,           \
                     near_limit);                                                                  \
    } while (0)

/* Uniform in (-spread, spread), the same in every test that gives the same seed. */
static inline void fill(gk_real *x, size_t n, double spread, uint64_t seed)
{
    uint32_t word[4];

    for (size_t i = 0; i < n; i++) {
        if (i % 4 == 0) gk_random_words(word, seed, 0, i / 4);
        x[i] = (gk_real)(((word[i % 4] + 0.5) * 0x1p-31 - 1) * spread);
    }
}

/* The backend under test that needs no device: contents are read and written directly. */
static inline gk_backend open_ref(void)
{
    gk_backend be;

    if (gk_backend_open(&be, "ref", NULL) != GK_OK) fail_msg("%s", gk_message());
    return be;
}

#endif
