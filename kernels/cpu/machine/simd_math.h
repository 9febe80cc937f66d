/* Functions of vectors, in the vocabulary of simd.h. */

/* acc[0 .. VW-1] += x, in double */
static inline void v_add_widened(double *acc, vf x)
{
    d_store(acc, d_load(acc) + v_low(x));
    d_store(acc + VW / 2, d_load(acc + VW / 2) + v_high(x));
}

/* exp(x + low), |low| at most half an ulp of x.
 *
 * x = n ln 2 + r with whole n and |r| <= 0.3467; n ln 2 is taken off in two parts. The first,
 * n 355/512, has at most 17 bits and cancels exactly; after the second r is rounded, by 2^-26.
 * exp(r) = 1 + r + r^2 q(r): the minimax q of degree 4 is wrong by 3.1e-9 of exp(r). Rounding of r
 * and of r + r^2 q counts a quarter of an ulp of the result each where that is below 1, the last
 * addition a half: about 1 ulp together (1.0095 is the largest among all floats). Results below
 * 2^-126 are rounded once more, to the spacing of denormals. Above 89 the result is inf, below -104
 * it is 0; NaN stays NaN. */
static inline vf v_exp_pair(vf x, vf low)
{
    const vf magic = v_set(0x1.8p23f); /* adding and subtracting it rounds to a whole number */
    vf n, r, q;

    x = v_min(v_set(90), v_max(v_set(-105), x));
    n = x * v_set(0x1.715476p0f) + magic;
    n = n - magic;
    r = x - n * v_set(355.0f / 512);
    r = r - n * v_set(-2.12194440e-4f) + low;
    q = v_set(1.38145987e-3f);
    q = q * r + v_set(8.36871688e-3f);
    q = q * r + v_set(4.16683880e-2f);
    q = q * r + v_set(1.66665206e-1f);
    q = q * r + v_set(4.99999934e-1f);
    return v_scale(v_set(1) + (r + r * r * q), n);
}

static inline vf v_exp(vf x) { return v_exp_pair(x, v_set(0)); }

/* erfc(z) for z >= 0 as t P(t) exp(-z^2), t = 1 / (1 + z/3), P the minimax polynomial of degree 9
 * on 0 <= z < 11, wrong by 3e-9 of the value. Rounding adds some 4 ulp, and that of z^2 in the
 * exponent another z^2 / 2, where erfc itself has the size of exp(-z^2). */
static inline vf v_erfc(vf z)
{
    vf t = v_set(1) / (v_set(1) + z * v_set(1 / 3.0f)), p = v_set(0.054700625f);

    p = p * t + v_set(-0.28660314f);
    p = p * t + v_set(0.522610524f);
    p = p * t + v_set(-0.423542903f);
    p = p * t + v_set(0.388688383f);
    p = p * t + v_set(0.00614213183f);
    p = p * t + v_set(0.189311003f);
    p = p * t + v_set(0.172043446f);
    p = p * t + v_set(0.188610177f);
    p = p * t + v_set(0.188039752f);
    return t * p * v_exp(-(z * z));
}
