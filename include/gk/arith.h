/* Functions of doubles in + - x / and square roots alone, which IEEE 754 rounds the same way
 * everywhere: not libm's, whose last bits differ from one library, version and CPU to the next.
 * Compiled without contraction, in C and CUDA. Wrong by less than an ulp, or two where it says so;
 * the polynomials' coefficients are fdlibm's (Sun Microsystems 1993). NaN stays NaN. */
#ifndef GK_ARITH_H
#define GK_ARITH_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef __FAST_MATH__
#error "grokc's results are the same everywhere only with IEEE arithmetic: leave out -ffast-math"
#endif

#ifdef __CUDACC__
#define GK_ARITH static __host__ __device__ inline
#else
#define GK_ARITH static inline
#endif

GK_ARITH uint64_t gk_bits_of(double x)
{
    uint64_t bits;

    memcpy(&bits, &x, sizeof bits);
    return bits;
}

GK_ARITH double gk_from_bits(uint64_t bits)
{
    double x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

/* x 2^-e for the e that brings a normal x > 0 into [0.707, 1.414). */
GK_ARITH double gk_mantissa(double x, int *e)
{
    uint64_t bits = gk_bits_of(x);

    *e = (int)((bits + (0x3ff0000000000000 - 0x3fe6a09e00000000)) >> 52) - 0x3ff;
    return gk_from_bits(bits - ((uint64_t)*e << 52));
}

/* log(1 + f) + c + e log 2 for 1 + f in [0.707, 1.414] and a small c */
GK_ARITH double gk_log_of(double f, double c, int e)
{
    double half = 0.5 * f * f, s = f / (2 + f), z = s * s, w = z * z, k = e;
    double even = w * (3.999999999940941908e-01 +
                       w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01));
    double odd = z * (6.666666666666735130e-01 +
                      w * (2.857142874366239149e-01 +
                           w * (1.818357216161805012e-01 + w * 1.479819860510658591e-01)));

    return s * (half + (odd + even)) + (k * 1.90821492927058770002e-10 + c) - half + f +
           k * 6.93147180369123816490e-01;
}

/* log(1 + x) for x >= 0; of 2^1023 and more, which no sum of ours is, x itself */
GK_ARITH double gk_log1p(double x)
{
    int e = 0;

    if (!(x < 0x1p1023)) return x;
    if (x < 0.41421356237309503) return gk_log_of(x, 0, 0);
    double u = 1 + x, m = gk_mantissa(u, &e);
    double lost = e < 54 ? (e >= 2 ? 1 - (u - x) : x - (u - 1)) / u : 0;

    return gk_log_of(m - 1, lost, e);
}

/* log(x) for normal x > 0, and inf */
GK_ARITH double gk_log(double x)
{
    int e;

    if (!(x < 0x1p1023)) return x;
    double m = gk_mantissa(x, &e);

    return gk_log_of(m - 1, 0, e);
}

/* exp(x), 0 below 2^-1021 */
GK_ARITH double gk_exp(double x)
{
    if (!(x < 709.0)) return x == x ? 1e300 * 1e300 : x;
    if (x < -708.0) return 0;
    double n = x * 1.44269504088896338700e+00 + 0x1.8p52 - 0x1.8p52; /* a whole number */
    double high = x - n * 6.93147180369123816490e-01, low = n * 1.90821492927058770002e-10;
    double r = high - low, z = r * r;
    double c =
        r - z * (1.66666666666666019037e-01 +
                 z * (-2.77777777770155933842e-03 +
                      z * (6.61375632143793436117e-05 +
                           z * (-1.65339022054652515390e-06 + z * 4.13813679705723846039e-08))));

    return (1 - ((low - (r * c) / (2 - c)) - high)) *
           gk_from_bits((uint64_t)((int64_t)n + 1023) << 52);
}

/* x^n by squaring, from the lowest bit of n >= 0 on */
GK_ARITH double gk_power(double x, int64_t n)
{
    double y = 1;

    for (; n > 0; n >>= 1, x *= x) {
        if (n & 1) y *= x;
    }
    return y;
}

/* sin and cos of an angle of at most pi / 4 */
GK_ARITH void gk_sine_cosine(double *sine, double *cosine, double a)
{
    double z = a * a;

    *sine =
        a +
        a * z *
            (-1.66666666666666324348e-01 +
             z * (8.33333333332248946124e-03 +
                  z * (-1.98412698298579493134e-04 +
                       z * (2.75573137070700676789e-06 +
                            z * (-2.50507602534068634195e-08 + z * 1.58969099521155010221e-10)))));
    *cosine = 1 - (0.5 * z - z * z *
                                 (4.16666666666666019037e-02 +
                                  z * (-1.38888888888741095749e-03 +
                                       z * (2.48015872894767294178e-05 +
                                            z * (-2.75573143513906633035e-07 +
                                                 z * (2.08757232129817482790e-09 +
                                                      z * -1.13596475577881948265e-11))))));
}

/* The same, turned by `quarters` of a whole turn. */
GK_ARITH void gk_turned(double *sine, double *cosine, double a, int64_t quarters)
{
    double s, c;

    gk_sine_cosine(&s, &c, a);
    *sine = quarters & 1 ? c : s;
    *cosine = quarters & 1 ? -s : c;
    if (!(quarters & 2)) return;
    *sine = -*sine;
    *cosine = -*cosine;
}

/* A whole number as one, 0 for what is none: NaN goes on in the angle. */
GK_ARITH int64_t gk_whole(double n) { return n > -0x1p62 && n < 0x1p62 ? (int64_t)n : 0; }

/* sin and cos of 2 pi t, |t| < 2^50: an exact quarter stays exact */
GK_ARITH void gk_sin_cos_turns(double *sine, double *cosine, double t)
{
    double quarters = 4 * t + 0x1.8p52 - 0x1.8p52;

    gk_turned(sine, cosine, (t - quarters / 4) * 6.28318530717958647692, gk_whole(quarters));
}

/* sin and cos of x, |x| < 10^5: to two ulps of 1 */
GK_ARITH void gk_sin_cos(double *sine, double *cosine, double x)
{
    double n = x * 6.36619772367581382433e-01 + 0x1.8p52 - 0x1.8p52; /* pi / 2 in three parts */
    double a = x - n * 1.57079632673412561417e+00 - n * 6.07710050630396597660e-11 -
               n * 2.02226624879595063154e-21;

    gk_turned(sine, cosine, a, gk_whole(n));
}

#endif
