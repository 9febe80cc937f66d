/* exp and erfc of every instruction set of the cpu backend against the C library's in double. */
#ifndef SIMD
#include "lib/tolerance.h"
#include "cpu/cpu.h"

#include <string.h>

#define SIMD_SOURCE "kernels/test_simd.c"
#include "cpu/machine/simd.h"

typedef void map(float *y, const float *x, int n);

/* Distance in units of the last place of the expected value; denormals are a fixed distance
 * apart. */
static double ulps(float got, double expected)
{
    int exponent;

    if (isnan(expected)) return isnan(got) ? 0 : HUGE_VAL;
    if (got == (float)expected) return 0;
    frexp(expected, &exponent);
    return fabs(got - expected) / ldexp(1, (exponent < -125 ? -125 : exponent) - FLT_MANT_DIG);
}

static float float_of(uint32_t bits)
{
    float x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Every `step`th float from `first` to `last` (as bits), in groups of 7: whole vectors and parts of
 * them. */
static double worst_ulps(map *f, double (*exact)(double), uint32_t first, uint32_t last,
                         uint32_t step)
{
    enum { GROUP = 7 * 16 + 3 };
    float x[GROUP], y[GROUP];
    double worst = 0;
    uint64_t bits = first;

    while (bits <= last) {
        int n = 0;

        for (; n < GROUP && bits <= last; n++, bits += step) x[n] = float_of((uint32_t)bits);
        f(y, x, n);
        for (int i = 0; i < n; i++) {
            double u = ulps(y[i], exact(x[i]));

            if (u > worst) worst = u;
        }
    }
    return worst;
}

static const double EXP_ULPS = 1.02; /* see simd_math.h */
static const float special[] = {0.0f,    -0.0f,    1e-45f,    -1e-45f,    1e-38f, -87.3f, -87.4f,
                                -103.9f, -103.98f, -104.1f,   -105.5f,    -1e30f, 88.7f,  88.73f,
                                89.9f,   1e30f,    HUGE_VALF, -HUGE_VALF, 1,      -1};

static void check_exp(map *f)
{
    enum { N = sizeof special / sizeof *special };
    float y[N + 1], nan = NAN;

    f(y, special, N);
    for (int i = 0; i < N; i++) {
        if (!(ulps(y[i], exp((double)special[i])) <= EXP_ULPS))
            fail_msg("exp(%g) = %g", special[i], y[i]);
    }
    f(y, &nan, 1);
    assert_true(isnan(y[0]));
    assert_true(worst_ulps(f, exp, 0x00000000, 0x7f800000, 4999) <= EXP_ULPS); /* 0 .. inf */
    assert_true(worst_ulps(f, exp, 0x80000000, 0xff800000, 4999) <= EXP_ULPS); /* -0 .. -inf */
    assert_true(worst_ulps(f, exp, 0xc2ae0000, 0xc2d40000, 1) <= EXP_ULPS);    /* denormals */
}

/* 4 roundings of the polynomial, and that of the exponent: see simd_math.h. */
static void check_erfc(map *f)
{
    for (float z = 0; z < 9; z += 0.001f) {
        float y;

        f(&y, &z, 1);
        double limit = (6 + 2 * (double)z * z) * FLT_EPSILON * erfc((double)z);
        if (!(fabs(y - erfc((double)z)) <= limit)) fail_msg("erfc(%g) = %g", z, y);
    }
}

static void test_functions(void **state)
{
    (void)state;
    for (int i = CPU_NONE; i <= (int)cpu_best_simd(); i++) {
        cpu_state chosen = {.simd = (enum cpu_simd)i};
        gk_backend be = {.state = &chosen};

        check_exp(CPU_PICK(&be, exp));
        check_erfc(CPU_PICK(&be, erfc));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_functions)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static void SIMD(exp)(float *y, const float *x, int n)
{
    int i = 0;

    for (; i + VW <= n; i += VW) v_store(y + i, v_exp(v_load(x + i)));
    if (i < n) v_store_part(y + i, v_exp(v_load_part(x + i, n - i, 0)), n - i);
}

static void SIMD(erfc)(float *y, const float *x, int n)
{
    int i = 0;

    for (; i + VW <= n; i += VW) v_store(y + i, v_erfc(v_load(x + i)));
    if (i < n) v_store_part(y + i, v_erfc(v_load_part(x + i, n - i, 0)), n - i);
}

#endif
