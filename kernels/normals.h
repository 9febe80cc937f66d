/* Two standard normals of two random words, in float, as ref/add_noise.c has them. Written once for
 * C and CUDA in + - x / and square roots, each rounded, so that both give the same bits. */
#ifndef GK_NORMALS_H
#define GK_NORMALS_H

#include "gk/arith.h"

#include <math.h>

/* log x for normal x > 0. x = 2^e m, m in [0.7, 1.42); with s = (m - 1) / (m + 1), s^2 < 0.03,
 * log m = 2 (s + s^3 / 3 + s^5 / 5 + ...), of which s^11 / 11 is 2e-9 of the sum. */
GK_ARITH float normals_log(float x)
{
    int32_t bits;
    float m;

    memcpy(&bits, &x, sizeof bits);
    int32_t e = (bits - 0x3f350000) >> 23; /* 0x3f350000: 0.707 */

    bits -= e * (1 << 23);
    memcpy(&m, &bits, sizeof m);
    float s = (m - 1) / (m + 1), z = s * s;

    return 2 * s * (1 + z * (1 / 3.0f + z * (1 / 5.0f + z * (1 / 7.0f + z / 9)))) +
           (float)e * 0.693147181f;
}

/* Of an angle of at most pi / 4: Taylor's series, of which the next term is below 3e-8. */
GK_ARITH float normals_sine(float a)
{
    float z = a * a;

    return a * (1 - z / 6 * (1 - z / 20 * (1 - z / 42 * (1 - z / 72))));
}

GK_ARITH float normals_cosine(float a)
{
    float z = a * a;

    return 1 - z / 2 * (1 - z / 12 * (1 - z / 30 * (1 - z / 56)));
}

/* An eighth of a turn at most is left when the nearest quarter (2^22 of the 2^24 steps of a turn)
 * has been taken off, exactly. */
GK_ARITH void normals_of(float out[2], uint32_t a, uint32_t b)
{
    float u = (float)(int32_t)((a >> 8) + 1) * 0x1p-24f;
    float radius = sqrtf(-2 * normals_log(u));
    int32_t turn = (int32_t)(b >> 8), quarter = (turn + (1 << 21)) >> 22;
    float angle = (float)(turn - quarter * (1 << 22)) * 3.74507028e-7f; /* 2 pi 2^-24 */
    float c = normals_cosine(angle), s = normals_sine(angle);
    float x = quarter & 1 ? -s : c, y = quarter & 1 ? c : s;

    radius = quarter & 2 ? -radius : radius;
    out[0] = radius * x;
    out[1] = radius * y;
}

#endif
