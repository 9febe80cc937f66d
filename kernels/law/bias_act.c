/* Rules 15 to 17 and 20 of docs/arithmetic.md. */
#include "law/law.h"

static const float root_2_by_pi_2 = 0x1.988454p+0f, cubic = 0x1.6e4e26p-5f;

static float inner(float x) { return root_2_by_pi_2 * (x + cubic * x * x * x); }

static float tail(float x) { return 0.5f * float_erfc(0x1.6a09e6p-1f * fabsf(x)); }

static float activation(float x, int act)
{
    if (act == GK_RELU) return 0 > x ? 0 : x;
    if (act == GK_GELU) return x / (1 + float_exp(-inner(x), 0));
    GK_CHECK(act == GK_GELU_ERF);
    return x * (x < 0 ? tail(x) : 1 - tail(x));
}

static float gelu_back(float x, float dh)
{
    float u = inner(x), du = root_2_by_pi_2 * (1 + 0x1.12ba9ep-3f * x * x);
    float e = float_exp(-fabsf(u), 0), o = 1 / (1 + e);

    return dh * ((u < 0 ? e * o : o) + x * (e * o * o) * du);
}

static float derivative(float x, float dh, int act)
{
    if (act == GK_RELU) return x <= 0 ? 0 : dh;
    if (act == GK_GELU) return gelu_back(x, dh);
    GK_CHECK(act == GK_GELU_ERF);
    float density = 0x1.988454p-2f * float_exp(-0.5f * x * x, 0);

    return dh * ((x < 0 ? tail(x) : 1 - tail(x)) + x * density);
}

void law_bias_act(gk_backend *be, gk_real *h, gk_real *pre, const gk_real *bias, int R, int rows,
                  int F, int act)
{
    if (bias) law_bias_add(be, pre, bias, R, rows, F);
    for (size_t i = 0; i < (size_t)R * rows * F; i++) h[i] = activation(pre[i], act);
}

void law_bias_act_back(gk_backend *be, gk_real *dpre, gk_real *d_bias, const gk_real *dh,
                       const gk_real *pre, int R, int rows, int F, int act, gk_real beta)
{
    for (size_t i = 0; i < (size_t)R * rows * F; i++) dpre[i] = derivative(pre[i], dh[i], act);
    if (d_bias) law_bias_add_back(be, d_bias, dpre, R, rows, F, beta);
}

void law_bias_add(gk_backend *be, gk_real *x, const gk_real *bias, int R, int rows, int D)
{
    (void)be;
    for (size_t i = 0; i < (size_t)R * rows; i++)
        for (int d = 0; d < D; d++) x[i * D + d] = x[i * D + d] + bias[i / rows * D + d];
}

void law_bias_add_back(gk_backend *be, gk_real *d_bias, const gk_real *dx, int R, int rows, int D,
                       gk_real beta)
{
    (void)be;
    for (size_t r = 0; r < (size_t)R; r++)
        law_column_sums(d_bias + r * D, dx + r * rows * D, rows, D, beta != 0);
}
