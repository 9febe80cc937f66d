/* Biases and activations (Hendrycks & Gimpel 2016 for the two forms of GELU). */
#include "kernels.h"

#include <math.h>
#include <stdlib.h>

static const double root_half = 0.70710678118654752440;     /* sqrt(1/2)     */
static const double root_2_by_pi = 0.79788456080286535588;  /* sqrt(2/pi)    */
static const double root_1_by_2pi = 0.39894228040143267794; /* 1 / sqrt(2pi) */
static const double cubic = 0.044715;

static double activation(double x, int act)
{
    if (act == GK_RELU) return x <= 0 ? 0 : x; /* NaN stays NaN */
    if (act == GK_GELU) return 0.5 * x * (1 + tanh(root_2_by_pi * (x + cubic * x * x * x)));
    GK_CHECK(act == GK_GELU_ERF);
    return 0.5 * x * erfc(-root_half * x);
}

/* relu'(x) = [x > 0].
 * tanh form, u = sqrt(2/pi) (x + c x^3):  y = x (1 + tanh u) / 2, so
 *     y' = (1 + tanh u) / 2 + x (1 - tanh^2 u) u' / 2,   u' = sqrt(2/pi) (1 + 3 c x^2).
 * exact form, y = x Phi(x) and Phi' = phi, phi(x) = exp(-x^2/2) / sqrt(2 pi):
 *     y' = Phi(x) + x phi(x). */
static double derivative(double x, int act)
{
    if (act == GK_RELU) return x <= 0 ? 0 : 1;
    if (act == GK_GELU) {
        double u = root_2_by_pi * (x + cubic * x * x * x),
               du = root_2_by_pi * (1 + 3 * cubic * x * x);
        double th = tanh(u);

        return 0.5 * (1 + th) + 0.5 * x * (1 - th * th) * du;
    }
    GK_CHECK(act == GK_GELU_ERF);
    return 0.5 * erfc(-root_half * x) + x * root_1_by_2pi * exp(-0.5 * x * x);
}

void ref_bias_act(gk_backend *be, gk_real *h, gk_real *pre, const gk_real *bias, int R, int rows,
                  int F, int act)
{
    size_t n = (size_t)R * rows * F;

    if (bias) ref_bias_add(be, pre, bias, R, rows, F);
    for (size_t i = 0; i < n; i++) h[i] = (gk_real)activation(pre[i], act);
}

/* h = act(pre):  dpre = dh act'(pre); the bias gets what bias_add_back gives for dpre. */
void ref_bias_act_back(gk_backend *be, gk_real *dpre, gk_real *d_bias, const gk_real *dh,
                       const gk_real *pre, int R, int rows, int F, int act, gk_real beta)
{
    size_t n = (size_t)R * rows * F;

    for (size_t i = 0; i < n; i++) dpre[i] = (gk_real)(dh[i] * derivative(pre[i], act));
    if (d_bias) ref_bias_add_back(be, d_bias, dpre, R, rows, F, beta);
}

void ref_bias_add(gk_backend *be, gk_real *x, const gk_real *bias, int R, int rows, int D)
{
    (void)be;
    for (size_t i = 0; i < (size_t)R * rows; i++) { /* i = (r, row) */
        const gk_real *b = bias + i / rows * D;

        for (int d = 0; d < D; d++) x[i * D + d] += b[d];
    }
}

/* Every row contains the bias with factor 1:  d_bias = sum over rows of dx[row]. */
void ref_bias_add_back(gk_backend *be, gk_real *d_bias, const gk_real *dx, int R, int rows, int D,
                       gk_real beta)
{
    (void)be;
    for (int r = 0; r < R; r++) {
        double *sum = gk_alloc(D, sizeof *sum);
        gk_real *out = d_bias + (size_t)r * D;

        for (int i = 0; i < rows; i++) {
            const gk_real *row = dx + ((size_t)r * rows + i) * D;

            for (int d = 0; d < D; d++) sum[d] += row[d];
        }
        for (int d = 0; d < D; d++)
            out[d] = (gk_real)(beta != 0 ? beta * (double)out[d] + sum[d] : sum[d]);
        free(sum);
    }
}
