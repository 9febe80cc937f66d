/* exp and erfc in float: rules 10 and 11 of docs/arithmetic.md, one text for plain C and CUDA. The
 * vectors of cpu have their own (cpu/machine/simd_math.h, where their errors are stated). */
#ifndef GK_FUNCTIONS_H
#define GK_FUNCTIONS_H

#include "gk/arith.h"

#include <math.h>

/* 2^n, -126 <= n <= 127 */
GK_ARITH float float_power_of_2(int n)
{
    uint32_t bits = (uint32_t)(n + 127) << 23;
    float x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

/* exp(x + low) */
GK_ARITH float float_exp(float x, float low)
{
    x = -87 > x ? -87 : x;
    x = 90 < x ? 90 : x;
    if (x != x) return x;
    float n = fmaf(x, 0x1.715476p+0f, 0x1.8p+23f) - 0x1.8p+23f;
    float r = fmaf(-n, 0x1.63p-1f, x);

    if (n < -125) return 0;
    r = fmaf(-n, -0x1.bd0106p-13f, r) + low;
    float q = 0x1.6a2434p-10f;
    q = fmaf(q, r, 0x1.1239e2p-7f);
    q = fmaf(q, r, 0x1.5558f2p-5f);
    q = fmaf(q, r, 0x1.555492p-3f);
    q = fmaf(q, r, 0x1.fffffcp-2f);
    int half = (int)n / 2; /* in two factors: 2^n alone may be too large */

    return (1 + fmaf(r * r, q, r)) * float_power_of_2(half) * float_power_of_2((int)n - half);
}

/* z >= 0 */
GK_ARITH float float_erfc(float z)
{
    float t = 1 / fmaf(z, 0x1.555556p-2f, 1), P = 0x1.c01b86p-5f;

    P = fmaf(P, t, -0x1.257b4cp-2f);
    P = fmaf(P, t, 0x1.0b939cp-1f);
    P = fmaf(P, t, -0x1.b1b53cp-2f);
    P = fmaf(P, t, 0x1.8e0454p-2f);
    P = fmaf(P, t, 0x1.9287e0p-8f);
    P = fmaf(P, t, 0x1.83b57cp-3f);
    P = fmaf(P, t, 0x1.605850p-3f);
    P = fmaf(P, t, 0x1.82460ep-3f);
    P = fmaf(P, t, 0x1.811afcp-3f);
    return t * P * float_exp(-(z * z), 0);
}

#endif
