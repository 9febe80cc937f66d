/* The cpu backend beside what test_ops asks of every backend: the same bytes on any number of
 * threads and in any company, every instruction set, its exp and erfc, and what the environment may
 * choose. The pool: test_pool.c. */
#ifndef SIMD
#include "lib/tolerance.h"
#include "cpu/cpu.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIMD_SOURCE "kernels/test_cpu.c"
#include "cpu/machine/simd.h"

static const char *const variants[] = {"none", "fma", "avx2", "avx512"};

static gk_backend open_cpu(int threads)
{
    gk_backend be;

    if (gk_backend_open(&be, "cpu", &(gk_device_options){.threads = threads}) != GK_OK)
        fail_msg("%s", gk_message());
    return be;
}

/* Every case on `be` against `one`, which has a single thread: no difference, and runs as alone. */
static void same_everywhere(gk_backend *be, gk_backend *one)
{
    gk_verify_result result;

    for (int i = 0; i < gk_verify_cases(); i++) {
        gk_verify(&result, i, be, one);
        if (result.problem || !(result.error == 0))
            fail_msg("%d threads, %s (%s): %s, difference %g",
                     cpu_pool_threads(cpu_state_of(be)->pool), result.op, result.shape,
                     result.problem ? result.problem : "", result.error);
    }
}

static void test_threads(void **state)
{
    static const int threads[] = {2, 5}; /* 3: test_ops */
    gk_backend one = open_cpu(1);

    (void)state;
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        gk_backend be = open_cpu(threads[i]);

        same_everywhere(&be, &one);
        gk_backend_close(&be);
    }
    gk_backend_close(&one);
}

/* A product of the experiment's largest shapes with R runs; bytes of run 0 come back in c. */
static void product(gk_real *c, const gk_real *a, const gk_real *b, int threads, int R, int m,
                    int n, int k, int ta, int tb)
{
    gk_backend be = open_cpu(threads);
    size_t size = (size_t)m * n;
    gk_real *all = gk_alloc(R * size, sizeof *all);

    be.matmul(&be, all, a, b, R, m, n, k, ta, tb, ta ? m : k, tb ? k : n, n, 0, 0, size, 0);
    for (int r = 1; r < R; r++) assert_memory_equal(all, all + r * size, size * sizeof *all);
    memcpy(c, all, size * sizeof *c);
    free(all);
    gk_backend_close(&be);
}

static void test_products(void **state)
{
    static const int shape[][5] = {{3830, 114, 512, 0, 0}, {512, 114, 3830, 1, 0},
                                   {3830, 512, 114, 0, 1}, {128, 128, 11490, 1, 0},
                                   {113, 626, 64, 0, 0},   {30, 7, 2100, 1, 1}};
    size_t most = 3830 * 512;
    gk_real *a = gk_alloc(most, sizeof *a), *b = gk_alloc(most, sizeof *b);
    gk_real *one = gk_alloc(most, sizeof *one), *other = gk_alloc(most, sizeof *other);

    (void)state;
    fill(a, most, 1, 1);
    fill(b, most, 1, 2);
    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) {
        const int *s = shape[i];

        product(one, a, b, 1, 1, s[0], s[1], s[2], s[3], s[4]);
        for (int threads = 2; threads <= 5; threads++) {
            product(other, a, b, threads, threads - 1, s[0], s[1], s[2], s[3], s[4]);
            assert_memory_equal(one, other, (size_t)s[0] * s[1] * sizeof *one);
        }
    }
    free(a), free(b), free(one), free(other);
}

/* Every case has the bits of the best variant, which test_ops holds to ref. */
static void verify_bits(const char *variant)
{
    unsetenv("GROKC_SIMD");
    gk_backend best = open_cpu(2);
    setenv("GROKC_SIMD", variant, 1);
    gk_backend be = open_cpu(1);
    gk_verify_result result;
    int other = 0;

    for (int i = 0; i < gk_verify_cases(); i++) {
        gk_verify_bits(&result, i, &be, &best);
        if (!result.problem) continue;
        print_error("%s: %s (%s): %s\n", variant, result.op, result.shape, result.problem);
        other++;
    }
    gk_backend_close(&be);
    gk_backend_close(&best);
    assert_int_equal(other, 0);
}

static void test_variants(void **state)
{
    gk_backend be;

    (void)state;
#ifdef __SANITIZE_THREAD__
    print_message("skipped: vectors have nothing to do with threads, and ref takes minutes here\n");
    skip();
#endif
    for (int i = CPU_NONE; i <= CPU_AVX512; i++) {
        setenv("GROKC_SIMD", variants[i], 1);
        if (i == (int)cpu_best_simd()) continue; /* test_ops */
        if (i < (int)cpu_best_simd()) {
            verify_bits(variants[i]);
            continue;
        }
        assert_int_equal(gk_backend_open(&be, "cpu", &(gk_device_options){.threads = 1}),
                         GK_EUSAGE);
        assert_non_null(strstr(gk_message(), "this CPU has no more than"));
    }
    setenv("GROKC_SIMD", "mmx", 1);
    assert_int_equal(gk_backend_open(&be, "cpu", &(gk_device_options){.threads = 1}), GK_EUSAGE);
    assert_non_null(strstr(gk_message(), "not \"mmx\""));
    unsetenv("GROKC_SIMD");
}

static void test_describe(void **state)
{
    gk_backend be = open_cpu(3);
    gk_text json = {0};

    (void)state;
    gk_text_add(&json, "{");
    be.describe(&be, &json);
    gk_text_add(&json, "}");
    json_t *object = json_loads(json.data, 0, NULL);
    assert_non_null(object);
    assert_int_equal(json_integer_value(json_object_get(object, "threads")), 3);
    assert_string_equal(json_string_value(json_object_get(object, "simd")),
                        variants[cpu_best_simd()]);
    assert_true(json_string_length(json_object_get(object, "cpu")) > 0);
    assert_true(json_string_length(json_object_get(object, "fft")) > 0);
    json_decref(object);
    gk_text_free(&json);
    gk_backend_close(&be);
}

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
/* What is below 2^-125.5 is 0. */
static double cut_exp(double x)
{
    float n = fmaf((float)x, 0x1.715476p0f, 0x1.8p23f) - 0x1.8p23f;

    return n < -125 ? 0 : exp(x);
}

static const float special[] = {0.0f,    -0.0f,    1e-45f,    -1e-45f,    1e-38f, -87.3f, -87.4f,
                                -103.9f, -103.98f, -104.1f,   -105.5f,    -1e30f, 88.7f,  88.73f,
                                89.9f,   1e30f,    HUGE_VALF, -HUGE_VALF, 1,      -1};

static void check_exp(map *f)
{
    enum { N = sizeof special / sizeof *special };
    float y[N + 1], nan = NAN;

    f(y, special, N);
    for (int i = 0; i < N; i++) {
        if (!(ulps(y[i], cut_exp((double)special[i])) <= EXP_ULPS))
            fail_msg("exp(%g) = %g", special[i], y[i]);
    }
    f(y, &nan, 1);
    assert_true(isnan(y[0]));
    assert_true(worst_ulps(f, cut_exp, 0x00000000, 0x7f800000, 4999) <= EXP_ULPS); /* 0 .. inf */
    assert_true(worst_ulps(f, cut_exp, 0x80000000, 0xff800000, 4999) <= EXP_ULPS); /* -0 .. -inf */
    assert_true(worst_ulps(f, cut_exp, 0xc2ac0000, 0xc2b40000, 1) <= EXP_ULPS);    /* the cut */
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

/* The exact form against double: losses from 1e-12 to 200, gradients of which every element is
 * right. */
static void test_exact_loss(void **state)
{
    enum { B = 2000, C = 114 };
    static gk_real x[B * C], d[B * C];
    static int32_t label[B];
    static double loss[B], expected[B];
    static gk_real gradient[B * C];
    static uint8_t hit[B];
    gk_backend be = open_cpu(1), ref = open_ref();

    (void)state;
    fill(x, B * C, 2, 3);
    for (int b = 0; b < B; b++) {
        label[b] = b * 7 % C;
        x[b * C + label[b]] += (gk_real)(b % 2 ? 32.0 * b / B : -200.0 * b / B);
    }
    be.log_softmax(&be, loss, hit, d, x, label, 1, B, C, GK_LOSS_EXACT, 1);
    ref.log_softmax(&ref, expected, hit, gradient, x, label, 1, B, C, GK_LOSS_EXACT, 1);
    for (int b = 0; b < B; b++) assert_near(loss[b], expected[b], 2 * FLT_EPSILON);
    for (int i = 0; i < B * C; i++) {
        if (fabs(gradient[i]) > 1e-37) assert_near(d[i], gradient[i], 3 * FLT_EPSILON);
    }
    gk_backend_close(&be);
    gk_backend_close(&ref);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_functions), cmocka_unit_test(test_exact_loss),
        cmocka_unit_test(test_threads),   cmocka_unit_test(test_products),
        cmocka_unit_test(test_variants),  cmocka_unit_test(test_describe),
    };

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
