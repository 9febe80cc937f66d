/* The functions of gk/arith.h: beside long double, where they are exact, and bit for bit what they
 * are in every build. */
#include "gk/arith.h"
#include "lib/support.h"
#include "lib/tolerance.h"

#include <inttypes.h>
#include <math.h>

enum { TRIALS = 200000 };

typedef double function(double x);
typedef long double exact_function(long double x);

static function sine_of, cosine_of, sine_of_turns, cosine_of_turns;
static exact_function exact_sine_of_turns, exact_cosine_of_turns;

static double sine_of(double x)
{
    double s, c;

    gk_sin_cos(&s, &c, x);
    return s;
}

static double cosine_of(double x)
{
    double s, c;

    gk_sin_cos(&s, &c, x);
    return c;
}

static double sine_of_turns(double t)
{
    double s, c;

    gk_sin_cos_turns(&s, &c, t);
    return s;
}

static double cosine_of_turns(double t)
{
    double s, c;

    gk_sin_cos_turns(&s, &c, t);
    return c;
}

static const long double two_pi = 6.283185307179586476925286766559L;

static long double exact_sine_of_turns(long double t) { return sinl(two_pi * (t - roundl(t))); }
static long double exact_cosine_of_turns(long double t) { return cosl(two_pi * (t - roundl(t))); }

/* Uniform in (low, high), the same in every build. */
static double between(double low, double high, uint64_t seed, uint64_t i)
{
    uint32_t word[4];

    gk_random_words(word, seed, 0, i);
    return low + (high - low) * (((word[0] >> 6) * 0x1p26 + (word[1] >> 6) + 0.5) * 0x1p-52);
}

/* |y - exact| in spacings of doubles near `exact`, or near 1 where `of_one`. */
static double error_in_ulps(double y, long double exact, bool of_one)
{
    double size = of_one ? 1 : fabs((double)exact), error = (double)fabsl((long double)y - exact);

    return error / ldexp(1, ilogb(size) - 52);
}

/* Arguments between low and high, or, `by_exponent`, 2 to the power of those. */
static void hold_to(const char *name, function *f, exact_function *exact, double low, double high,
                    bool by_exponent, bool of_one, double limit)
{
    for (uint64_t i = 0; i < TRIALS; i++) {
        double x = between(low, high, 1, i);

        if (by_exponent) x = ldexp(1 + (x - floor(x)), (int)floor(x));
        double error = error_in_ulps(f(x), exact(x), of_one);
        if (!(error <= limit)) fail_msg("%s(%a): an error of %.3f ulp", name, x, error);
    }
}

/* fdlibm promises less than one. */
static void logarithms_are_right_to_an_ulp(void **state)
{
    (void)state;
    hold_to("log", gk_log, logl, -1022, 1022, true, false, 1);
    hold_to("log", gk_log, logl, 0.5, 2, false, false, 1);
    hold_to("log1p", gk_log1p, log1pl, -1022, 1022, true, false, 1);
    hold_to("log1p", gk_log1p, log1pl, -60, 60, true, false, 1);
    hold_to("log1p", gk_log1p, log1pl, 0, 2, false, false, 1);
}

static void exponentials_are_right_to_an_ulp(void **state)
{
    (void)state;
    hold_to("exp", gk_exp, expl, -708, 709, false, false, 1);
    hold_to("exp", gk_exp, expl, -2, 2, false, false, 1);
    hold_to("exp", gk_exp, expl, -60, 0, true, false, 1);
}

/* An angle in turns is exact, and its multiple of 2 pi rounded once; one in radians is what is left
 * of it by multiples of pi / 2. */
static void sines_are_right_to_two_ulps_of_one(void **state)
{
    (void)state;
    hold_to("sin", sine_of, sinl, -10, 10, false, true, 2);
    hold_to("cos", cosine_of, cosl, -10, 10, false, true, 2);
    hold_to("sin", sine_of, sinl, -1e5, 1e5, false, true, 2);
    hold_to("cos", cosine_of, cosl, -1e5, 1e5, false, true, 2);
    hold_to("sin of turns", sine_of_turns, exact_sine_of_turns, -2, 2, false, true, 2);
    hold_to("cos of turns", cosine_of_turns, exact_cosine_of_turns, -2, 2, false, true, 2);
}

static void quarters_are_exact(void **state)
{
    static const double sine[4] = {0, 1, 0, -1};

    (void)state;
    for (int i = -40; i <= 40; i++) {
        double s, c;

        gk_sin_cos_turns(&s, &c, i / 4.0);
        if (s != sine[i & 3] || c != sine[(i + 1) & 3]) fail_msg("%d quarters: %g, %g", i, s, c);
    }
}

static void powers_of_small_numbers_are_exact(void **state)
{
    (void)state;
    assert_true(gk_power(3, 0) == 1 && gk_power(3, 1) == 3 &&
                gk_power(3, 33) == 0x13bfefa65abb83p0);
    assert_true(gk_power(0.5, 1000) == 0x1p-1000 && gk_power(0, 0) == 1 && gk_power(0, 7) == 0);
    /* each squaring doubles the error and adds a rounding: at most n of them */
    for (int n = 1; n < 5000; n += 7) assert_near(gk_power(0.98, n), pow(0.98, n), n * 0x1p-53);
}

static void ends_and_nan(void **state)
{
    (void)state;
    assert_true(gk_log(1) == 0 && gk_log1p(0) == 0 && gk_exp(0) == 1 && gk_exp(-0.0) == 1);
    assert_true(gk_exp(-INFINITY) == 0 && gk_exp(-800) == 0 && gk_exp(INFINITY) == INFINITY);
    assert_true(gk_exp(800) == INFINITY && gk_log1p(INFINITY) == INFINITY);
    assert_true(gk_log(INFINITY) == INFINITY);
    assert_true(isnan(gk_exp(NAN)) && isnan(gk_log(NAN)) && isnan(gk_log1p(NAN)));
    assert_true(isnan(sine_of(NAN)) && isnan(cosine_of(NAN)));
}

/* FNV-1a (Fowler, Noll, Vo 1991) of the bits of what `f` makes of numbers between low and high. */
static uint64_t hash_of(function *f, double low, double high)
{
    uint64_t hash = 0xcbf29ce484222325;

    for (uint64_t i = 0; i < TRIALS; i++) {
        uint64_t bits = gk_bits_of(f(between(low, high, 2, i)));

        for (int j = 0; j < 64; j += 8) hash = (hash ^ (bits >> j & 255)) * 0x100000001b3;
    }
    return hash;
}

/* Whatever the compiler, its options and the CPU. A change of these numbers is another arithmetic:
 * every run from then on has other bytes. */
static void bits_are_the_same_everywhere(void **state)
{
    static const struct {
        const char *name;
        function *f;
        double low, high;
        uint64_t hash;
    } known[] = {
        {"log", gk_log, 0, 1, 0x731b43842072b9fa},
        {"log", gk_log, 1, 1e6, 0x17559b6a6ba722a6},
        {"log1p", gk_log1p, 0, 200, 0x6399f08f3fe77a69},
        {"exp", gk_exp, -100, 100, 0xc3b6bea3d7862538},
        {"sin", sine_of, -1000, 1000, 0x120646314cbc9968},
        {"cos", cosine_of, -1000, 1000, 0x978aac02d12da363},
        {"sin of turns", sine_of_turns, -1, 1, 0x4fbf864d3ebe8fd2},
        {"cos of turns", cosine_of_turns, -1, 1, 0x99bd561519873144},
    };

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        uint64_t hash = hash_of(known[i].f, known[i].low, known[i].high);

        if (hash != known[i].hash)
            fail_msg("%s from %g to %g: %#" PRIx64, known[i].name, known[i].low, known[i].high,
                     hash);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logarithms_are_right_to_an_ulp),
        cmocka_unit_test(exponentials_are_right_to_an_ulp),
        cmocka_unit_test(sines_are_right_to_two_ulps_of_one),
        cmocka_unit_test(quarters_are_exact),
        cmocka_unit_test(powers_of_small_numbers_are_exact),
        cmocka_unit_test(ends_and_nan),
        cmocka_unit_test(bits_are_the_same_everywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
