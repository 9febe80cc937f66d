/* Functions of vectors, in the vocabulary of simd.h. */

enum { WIDE = LANES / VW };

/* Sums over LANES lanes, l + (l + 8) first, whatever VW is; x is spoilt. */
static inline float v_total(vf x[WIDE])
{
    for (int n = WIDE / 2; n > 0; n /= 2) {
        for (int i = 0; i < n; i++) x[i] += x[i + n];
    }
    return v_sum(x[0]);
}

static inline double d_total(vd x[2 * WIDE])
{
    for (int n = WIDE; n > 0; n /= 2) {
        for (int i = 0; i < n; i++) x[i] += x[i + n];
    }
    return d_sum(x[0]);
}

static inline void d_clear(vd sum[2 * WIDE])
{
    for (int v = 0; v < 2 * WIDE; v++) sum[v] = v_low(v_set(0));
}

/* sum[v] += x, vector v of LANES */
static inline void d_add(vd sum[2 * WIDE], int v, vf x)
{
    sum[2 * v] += v_low(x);
    sum[2 * v + 1] += v_high(x);
}

/* `left` of VW floats, or all; the others are `fill`. */
static inline vf v_load_up_to(const float *p, int left, float fill)
{
    return left >= VW ? v_load(p) : v_load_part(p, left < 0 ? 0 : left, fill);
}

static inline void v_store_up_to(float *p, vf x, int left)
{
    if (left >= VW)
        v_store(p, x);
    else
        v_store_part(p, x, left < 0 ? 0 : left);
}

/* The sum of n floats in double. */
static inline double d_sum_of(const float *x, int n)
{
    vd sum[2 * WIDE];

    d_clear(sum);
    for (int i = 0; i < n; i += LANES) {
#pragma GCC unroll 4
        for (int v = 0; v < WIDE; v++)
            d_add(sum, v, v_load_up_to(x + i + v * VW, n - i - v * VW, 0));
    }
    return d_total(sum);
}

/* The sum of n products, rounded to floats, in double. */
static inline double d_sum_of_products(const float *x, const float *y, int n)
{
    vd sum[2 * WIDE];

    d_clear(sum);
    for (int i = 0; i < n; i += LANES) {
#pragma GCC unroll 4
        for (int v = 0; v < WIDE; v++) {
            int at = i + v * VW;
            d_add(sum, v, v_load_up_to(x + at, n - at, 0) * v_load_up_to(y + at, n - at, 0));
        }
    }
    return d_total(sum);
}

/* acc[0 .. VW-1] += x, in double */
static inline void v_add_widened(double *acc, vf x)
{
    d_store(acc, d_load(acc) + v_low(x));
    d_store(acc + VW / 2, d_load(acc + VW / 2) + v_high(x));
}

/* exp(x + low), |low| at most half an ulp of x.
 *
 * x = n ln 2 + r with whole n and |r| <= 0.3467; n ln 2 is taken off in two parts. The first, n
 * 355/512, has at most 17 bits and cancels exactly; after the second r is rounded, by 2^-26.
 * exp(r) = 1 + r + r^2 q(r): the minimax q of degree 4 is wrong by 3.1e-9 of exp(r). Rounding of r
 * and of r + r^2 q counts a quarter of an ulp of the result each where that is below 1, the last
 * addition a half: about 1 ulp together (1.0095 is the largest among all floats). Above 89 the
 * result is inf; below -87 it is 0, so that no denormal comes of it; NaN stays NaN. The argument
 * is cut first: a denormal that is thrown away costs as much as one that is kept. */
static inline vf v_exp_pair(vf x, vf low)
{
    const vf magic = v_set(0x1.8p23f); /* adding and subtracting it rounds to a whole number */
    vf n, r, q;

    x = v_min(v_set(90), v_max(v_set(-87), x));
    n = v_fma(x, v_set(0x1.715476p0f), magic) - magic;
    r = v_fnma(n, v_set(355.0f / 512), x);
    r = v_fnma(n, v_set(-2.12194440e-4f), r) + low;
    q = v_set(1.38145987e-3f);
    q = v_fma(q, r, v_set(8.36871688e-3f));
    q = v_fma(q, r, v_set(4.16683880e-2f));
    q = v_fma(q, r, v_set(1.66665206e-1f));
    q = v_fma(q, r, v_set(4.99999934e-1f));
    return v_if_negative(n + v_set(125), v_set(0), v_scale(v_set(1) + v_fma(r * r, q, r), n));
}

static inline vf v_exp(vf x) { return v_exp_pair(x, v_set(0)); }

/* erfc(z) for z >= 0 as t P(t) exp(-z^2), t = 1 / (1 + z/3), P the minimax polynomial of degree 9
 * on 0 <= z < 11, wrong by 3e-9 of the value. Rounding adds some 4 ulp, and that of z^2 in the
 * exponent another z^2 / 2, where erfc itself has the size of exp(-z^2). */
static inline vf v_erfc(vf z)
{
    vf t = v_set(1) / (v_fma(z, v_set(1 / 3.0f), v_set(1))), p = v_set(0.054700625f);

    p = v_fma(p, t, v_set(-0.28660314f));
    p = v_fma(p, t, v_set(0.522610524f));
    p = v_fma(p, t, v_set(-0.423542903f));
    p = v_fma(p, t, v_set(0.388688383f));
    p = v_fma(p, t, v_set(0.00614213183f));
    p = v_fma(p, t, v_set(0.189311003f));
    p = v_fma(p, t, v_set(0.172043446f));
    p = v_fma(p, t, v_set(0.188610177f));
    p = v_fma(p, t, v_set(0.188039752f));
    return t * p * v_exp(-(z * z));
}
