/* exp and erfc in float: rules 10 and 11 of docs/arithmetic.md. */
#include "law/law.h"

static float larger(float a, float b) { return a > b ? a : b; }
static float smaller(float a, float b) { return a < b ? a : b; }

float law_exp(float x, float low)
{
    x = smaller(90, larger(-87, x));
    if (x != x) return x;
    float n = law_fma(x, 0x1.715476p+0f, 0x1.8p+23f) - 0x1.8p+23f;
    float r = law_fma(-n, 0x1.63p-1f, x);

    r = law_fma(-n, -0x1.bd0106p-13f, r) + low;
    float q = 0x1.6a2434p-10f;
    q = law_fma(q, r, 0x1.1239e2p-7f);
    q = law_fma(q, r, 0x1.5558f2p-5f);
    q = law_fma(q, r, 0x1.555492p-3f);
    q = law_fma(q, r, 0x1.fffffcp-2f);
    float y = 1 + law_fma(r * r, q, r);

    return n < -125 ? 0 : ldexpf(y, (int)n);
}

float law_erfc(float z)
{
    static const float c[] = {-0x1.257b4cp-2f, 0x1.0b939cp-1f, -0x1.b1b53cp-2f,
                              0x1.8e0454p-2f,  0x1.9287e0p-8f, 0x1.83b57cp-3f,
                              0x1.605850p-3f,  0x1.82460ep-3f, 0x1.811afcp-3f};
    float t = 1 / law_fma(z, 0x1.555556p-2f, 1), P = 0x1.c01b86p-5f;

    for (size_t i = 0; i < sizeof c / sizeof *c; i++) P = law_fma(P, t, c[i]);
    return t * P * law_exp(-(z * z), 0);
}
