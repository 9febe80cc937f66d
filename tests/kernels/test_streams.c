/* The random numbers of dropout and add_noise on ref, to which test_ops.c holds the other
 * backends: which words they use, and that these are as independent and as distributed as they
 * should be. Limits are five standard deviations of what is counted or averaged over N numbers:
 * a right stream fails one test in 2 million. */
#include "lib/tolerance.h"

#include <stdlib.h>
#include <string.h>

enum { N = 1 << 18, SITE = 3 };
static const double rates[] = {0.1, 0.5, 0.75};
static gk_backend be;

static gk_slot slot_at(uint64_t seed, int64_t step)
{
    return (gk_slot){.seed = seed, .step = step, .noise = 1};
}

static void fill_ones(gk_real *x, size_t n)
{
    for (size_t i = 0; i < n; i++) x[i] = 1;
}

/* Ones through dropout; to be freed. */
static gk_real *mask(gk_slot slot, size_t first, int site, double rate)
{
    gk_real *x = gk_alloc(N, sizeof *x);

    fill_ones(x, N);
    be.dropout(&be, x, &slot, 1, N, first, site, rate);
    return x;
}

/* Element i is dropped where word i % 4 at counter (i / 4, step low, GK_RNG_DROPOUT, site and
 * step high) is below rate 2^32. */
static void dropout_uses_these_words(void **state)
{
    int64_t step = 0x123456789a;
    gk_slot slot = slot_at(0x0123456789abcdefu, step);

    (void)state;
    for (int k = 0; k < 3; k++) {
        gk_real *x = mask(slot, 5, SITE, rates[k]);

        for (uint32_t i = 0; i < 1000; i++) {
            uint32_t word[4], at = i + 5;

            gk_philox(word, (const uint32_t[]){at / 4, 0x3456789a, 6, SITE << 16 | 0x12},
                      (const uint32_t[]){0x89abcdef, 0x01234567});
            assert_near(x[i] + 1, word[at % 4] < rates[k] * 0x1p32 ? 1 : 1 / (1 - rates[k]) + 1,
                        gk_verify_limit(2, 1));
        }
        free(x);
    }
}

static void dropout_drops_its_share(void **state)
{
    (void)state;
    for (int k = 0; k < 3; k++) {
        double p = rates[k], dropped = 0;
        gk_real *x = mask(slot_at(1, 2), 0, SITE, p);

        for (int i = 0; i < N; i++) dropped += x[i] == 0;
        assert_near(dropped / N, p, 5 * sqrt((1 - p) / p / N));
        free(x);
    }
}

/* Two masks of half of the elements: as many agree as differ. Both are given back. */
static void check_independent(gk_real *a, gk_real *b, int lag)
{
    double agree = 0;

    for (int i = lag; i < N; i++) agree += (a[i - lag] == 0) == (b[i] == 0);
    assert_near(agree / (N - lag), 0.5, 5 / sqrt(N - lag));
}

static void masks_are_independent(void **state)
{
    gk_real *one = mask(slot_at(1, 2), 0, SITE, 0.5);
    gk_real *others[] = {mask(slot_at(2, 2), 0, SITE, 0.5), mask(slot_at(1, 3), 0, SITE, 0.5),
                         mask(slot_at(1, 2 + ((int64_t)1 << 32)), 0, SITE, 0.5),
                         mask(slot_at(1, 2), 0, SITE + 1, 0.5), mask(slot_at(1, 2), N, SITE, 0.5)};

    (void)state;
    for (int k = 0; k < 5; k++) {
        check_independent(one, others[k], 0);
        free(others[k]);
    }
    for (int lag = 1; lag <= 8; lag++) check_independent(one, one, lag);
    free(one);
}

/* In pieces as at once; what comes back has the mask of what went forward; rate 0 changes
 * nothing. */
static void masks_are_functions_of_the_place(void **state)
{
    static const size_t cuts[] = {0, 1, 7, 8, 1000, N};
    gk_slot slot = slot_at(3, 4);
    gk_real *whole = mask(slot, 0, SITE, 0.1), *pieces = gk_alloc(N, sizeof *pieces);

    (void)state;
    fill_ones(pieces, N);
    for (int k = 0; k < 5; k++)
        be.dropout(&be, pieces + cuts[k], &slot, 1, cuts[k + 1] - cuts[k], cuts[k], SITE, 0.1);
    assert_memory_equal(whole, pieces, N * sizeof *whole);
    be.dropout(&be, pieces, &slot, 1, N, 0, SITE, 0.1);
    for (int i = 0; i < N; i++) assert_true((pieces[i] == 0) == (whole[i] == 0));
    memcpy(pieces, whole, N * sizeof *whole);
    be.dropout(&be, pieces, &slot, 1, N, 0, SITE, 0);
    assert_memory_equal(whole, pieces, N * sizeof *whole);
    free(whole);
    free(pieces);
}

/* The noise of two tensors of N / 2 weights of 0; to be freed. */
static gk_real *noise(gk_slot slot)
{
    const gk_tensor_span span[] = {
        {.size = N / 2, .lr_scale = 1, .decay_scale = 1},
        {.offset = N / 2, .size = N / 2, .lr_scale = 1, .decay_scale = 1}};
    gk_real *x = gk_alloc(N, sizeof *x), *zero = gk_alloc(N, sizeof *zero);

    be.add_noise(&be, x, zero, &slot, span, 2, 1);
    free(zero);
    return x;
}

/* Words 0 and 1, then 2 and 3: radius sqrt(-2 log u), angle 2 pi v, at counter (i / 4, step low,
 * GK_RNG_NOISE, tensor and step high). */
static void noise_uses_these_words(void **state)
{
    gk_real *x = noise(slot_at(0x0123456789abcdefu, 0x123456789a));

    (void)state;
    for (uint32_t tensor = 0; tensor < 2; tensor++) {
        for (uint32_t i = 0; i < 1000; i++) {
            uint32_t word[4];

            gk_philox(word, (const uint32_t[]){i / 4, 0x3456789a, 7, tensor << 16 | 0x12},
                      (const uint32_t[]){0x89abcdef, 0x01234567});
            long double radius = sqrtl(-2 * logl(((word[i % 4 / 2 * 2] >> 8) + 1) / 0x1p24L));
            long double angle = 2 * acosl(-1) * (word[i % 4 / 2 * 2 + 1] >> 8) / 0x1p24L;
            long double normal = radius * (i % 2 ? sinl(angle) : cosl(angle));

            /* an ulp each for the angle, its sine or cosine, and the radius; a product */
            assert_true(fabsl((long double)x[tensor * N / 2 + i] - normal) <=
                        radius * (long double)gk_verify_limit(4, 1));
        }
    }
    free(x);
}

/* Moments of a normal: E x^2k = (2k - 1)!!, and the variance of x^k is E x^2k - (E x^k)^2. */
static void noise_is_normal(void **state)
{
    static const double moment[] = {1, 0, 1, 0, 3, 0, 15, 0, 105};
    gk_real *x = noise(slot_at(1, 2));
    double sum[5] = {0}, beyond[4] = {0};

    (void)state;
    for (int i = 0; i < N; i++) {
        for (int k = 1; k <= 4; k++) sum[k] += pow(x[i], k);
        for (int k = 1; k <= 3; k++) beyond[k] += fabs(x[i]) > k;
        assert_true(fabs(x[i]) <= sqrt(48 * log(2)) * (1 + gk_verify_limit(1, 1))); /* u = 2^-24 */
    }
    for (int k = 1; k <= 4; k++) {
        double deviation = sqrt((moment[2 * k] - moment[k] * moment[k]) / N);

        if (!(fabs(sum[k] / N - moment[k]) <= 5 * deviation))
            fail_msg("moment %d is %g", k, sum[k] / N);
    }
    for (int k = 1; k <= 3; k++) {
        double p = erfc(k / sqrt(2));

        assert_near(beyond[k] / N, p, 5 * sqrt((1 - p) / p / N));
    }
    free(x);
}

/* Products of independent normals have mean 0 and variance 1. */
static void check_uncorrelated(const gk_real *a, const gk_real *b, int n)
{
    double sum = 0;

    for (int i = 0; i < n; i++) sum += a[i] * b[i];
    if (!(fabs(sum / n) <= 5 / sqrt(n))) fail_msg("correlation %g", sum / n);
}

static void noises_are_independent(void **state)
{
    gk_real *one = noise(slot_at(1, 2));
    gk_real *others[] = {noise(slot_at(2, 2)), noise(slot_at(1, 3)),
                         noise(slot_at(1, 2 + ((int64_t)1 << 32)))};

    (void)state;
    for (int k = 0; k < 3; k++) {
        check_uncorrelated(one, others[k], N);
        free(others[k]);
    }
    check_uncorrelated(one, one + N / 2, N / 2);
    for (int lag = 1; lag <= 8; lag++) check_uncorrelated(one, one + lag, N / 2 - lag);
    free(one);
}

static void noise_adds_to_what_is_there(void **state)
{
    const gk_tensor_span span[] = {{.size = 5, .decay_scale = 1}, /* frozen */
                                   {.offset = 5, .size = 5, .lr_scale = 1, .decay_scale = 1}};
    gk_real param[10], out[10];
    gk_slot slot = slot_at(1, 2);

    (void)state;
    fill(param, 10, 1, 1);
    be.add_noise(&be, out, param, &slot, span, 2, 1);
    assert_memory_equal(out, param, 5 * sizeof *out);
    for (int i = 5; i < 10; i++) assert_true(out[i] != param[i]);
    slot.noise = 0;
    be.add_noise(&be, out, param, &slot, span, 2, 1);
    assert_memory_equal(out, param, sizeof out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dropout_uses_these_words),
        cmocka_unit_test(dropout_drops_its_share),
        cmocka_unit_test(masks_are_independent),
        cmocka_unit_test(masks_are_functions_of_the_place),
        cmocka_unit_test(noise_uses_these_words),
        cmocka_unit_test(noise_is_normal),
        cmocka_unit_test(noises_are_independent),
        cmocka_unit_test(noise_adds_to_what_is_there),
    };

    be = open_ref();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
