/* Kaplan-Meier's median, Wilson's interval and the plain median against textbooks and by hand. */
#include "lib/support.h"

#include "gk/statistics.h"

static void expect_estimate(gk_estimate e, double value, double low, double high)
{
    const double got[] = {e.value, e.low, e.high}, expected[] = {value, low, high};

    for (int i = 0; i < 3; i++)
        if (!(got[i] == expected[i] || (isnan(got[i]) && isnan(expected[i]))))
            fail_msg("%g [%g, %g], expected %g [%g, %g]", e.value, e.low, e.high, value, low, high);
}

/* Weeks in remission, Freireich et al. (1963), as in table 1.1 of Klein & Moeschberger (2003).
 * Below 0: censored at minus that. In an order that is not theirs. */
static const int drug[] = {-35, 6,  -9, 23,  6,   22,  -6,  7,   6,   10, -10,
                           -11, 13, 16, -17, -19, -20, -25, -32, -32, -34};
static const int placebo[] = {1, 1, 2,  2,  3,  4,  4,  5,  5,  8, 8,
                              8, 8, 11, 11, 12, 12, 15, 17, 22, 23};

static gk_estimate median_of(const int *weeks, int n)
{
    gk_lifetime life[64];

    for (int i = 0; i < n; i++) life[i] = (gk_lifetime){abs(weeks[i]), weeks[i] > 0};
    return gk_kaplan_meier(life, n);
}

/* By hand, n watched, d events, S the product of 1 - d/n, V the sum of d/(n(n-d)), g = log(-log S),
 * e = 1.96 sqrt(V)/|log S|; a time is in the interval if |g - log log 2| = |g + .3665| <= e.
 *
 *      t  n  d    S      V       g       e
 *      6 21  3  .8571  .00794  -1.870  1.133    1.503 > 1.133
 *      7 17  1  .8067  .01161  -1.538   .983    1.171 >  .983
 *     10 15  1  .7529  .01638  -1.259   .884     .893 >  .884
 *     13 12  1  .6902  .02395   -.992   .818     .626 <= .818   low
 *     16 11  1  .6275  .03304   -.764   .764
 *     22  7  1  .5378  .05685   -.478   .753
 *     23  6  1  .4482  .09018   -.220   .733     S <= 1/2: median; .146 <= .733 to the end: no high
 *
 * The censored one at 6 is watched at 6, that at 10 at 10. For the placebo (nobody is censored:
 * S is the share that is left): S(8) = 8/21 is the first below 1/2; at 3, S = 16/21, g = -1.302,
 * e = .879 < .936; at 4, S = 14/21, .536 <= e = .746; at 8, .331 <= e = .565; at 11, S = 6/21,
 * g = .225, e = .540 < .592. */
static void test_kaplan_meier(void **state)
{
    (void)state;
    expect_estimate(median_of(drug, 21), 23, 13, NAN);
    expect_estimate(median_of(placebo, 21), 8, 4, 11);
}

/* The shares S of the table above, and of the one censored at 9 between 7 and 10 no step. */
static void test_survival(void **state)
{
    static const double at[] = {0, 6, 7, 10, 13, 16, 22, 23};
    static const double left[] = {1, .8571, .8067, .7529, .6902, .6275, .5378, .4482};
    double time[32], share[32];
    gk_lifetime life[32];

    (void)state;
    for (int i = 0; i < 21; i++) life[i] = (gk_lifetime){abs(drug[i]), drug[i] > 0};
    assert_int_equal(gk_survival(time, share, life, 21), 8);
    for (int i = 0; i < 8; i++)
        if (!(time[i] == at[i] && fabs(share[i] - left[i]) <= 5e-5)) /* four digits */
            fail_msg("step %d: %g at %g", i, share[i], time[i]);
    assert_int_equal(gk_survival(time, share, life, 0), 1);
    if (!(time[0] == 0 && share[0] == 1)) fail_msg("nobody: %g at %g", share[0], time[0]);
}

static void test_few_lifetimes(void **state)
{
    static const int one[] = {7}, censored[] = {-7, -3, -7}, same[] = {5, 5, 5, 5}, two[] = {1, 2},
                     five[] = {1, 2, 3, 4, 5};

    (void)state;
    expect_estimate(median_of(one, 0), NAN, NAN, NAN);
    expect_estimate(median_of(censored, 3), NAN, NAN, NAN);
    expect_estimate(median_of(one, 1), 7, NAN, NAN); /* S falls to 0 at once: no interval */
    expect_estimate(median_of(same, 4), 5, NAN, NAN);
    expect_estimate(median_of(two, 2), 1, 1, NAN); /* S = 1/2 at 1: S <= 1/2 */
    /* at 4, S = .2, V = .8, g = .476, e = 1.089: not yet below for sure */
    expect_estimate(median_of(five, 5), 3, 1, NAN);
}

/* Of an even number, uncensored, S is 1/2 at the lower one of the middle. */
static void test_half_exactly(void **state)
{
    enum { MOST = 3000 };
    gk_lifetime *life = gk_alloc(MOST, sizeof *life);

    (void)state;
    for (int n = 2; n <= MOST; n += 2) {
        for (int i = 0; i < n; i++) life[i] = (gk_lifetime){n - i, true};
        double median = gk_kaplan_meier(life, n).value;
        if (!(median == n / 2)) fail_msg("of 1 .. %d: %g", n, median);
    }
    free(life);
}

/* R. G. Newcombe (1998), Statistics in Medicine 17, 857, table I, method 3, to its four digits. */
static void test_wilson(void **state)
{
    static const struct {
        int k, n;
        double low, high;
    } table[] = {
        {81, 263, .2553, .3662}, {15, 148, .0624, .1605}, {0, 20, 0, .1611}, {1, 29, .0061, .1718}};

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        int k = table[i].k, n = table[i].n;
        gk_estimate e = gk_wilson(k, n), other = gk_wilson(n - k, n);
        if (!(fabs(e.low - table[i].low) <= .00005 && fabs(e.high - table[i].high) <= .00005))
            fail_msg("%d of %d: [%g, %g]", k, n, e.low, e.high);
        if (!(fabs(e.low + other.high - 1) <= 1e-15 && fabs(e.high + other.low - 1) <= 1e-15))
            fail_msg("%d of %d and the others: [%g, %g], [%g, %g]", k, n, e.low, e.high, other.low,
                     other.high);
        assert_true(e.value == (double)k / n);
    }
    assert_true(gk_wilson(0, 20).low == 0 && gk_wilson(20, 20).high == 1);
    expect_estimate(gk_wilson(0, 0), NAN, NAN, NAN);
}

static void test_median(void **state)
{
    double odd[] = {3, NAN, 1, 2}, even[] = {4, 1, 3, 2, NAN}, large[] = {1e308, 1.5e308},
           none[] = {NAN};

    (void)state;
    assert_true(gk_median(odd, 4) == 2);
    assert_true(gk_median(even, 5) == 2.5);
    assert_true(gk_median(large, 2) == 1.25e308);
    assert_true(isnan(gk_median(none, 1)));
    assert_true(isnan(gk_median(none, 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kaplan_meier),  cmocka_unit_test(test_survival),
        cmocka_unit_test(test_few_lifetimes), cmocka_unit_test(test_half_exactly),
        cmocka_unit_test(test_wilson),        cmocka_unit_test(test_median)};

    return cmocka_run_group_tests_name("statistics", tests, NULL, NULL);
}
