/* Rules 25 to 27 of docs/arithmetic.md. */
#include "gk/arith.h"
#include "host.h"
#include "law/law.h"

#include <stdlib.h>

static const float least = 0x1p-100f;

static float largest(const float *x, int C)
{
    float M = -HUGE_VALF;

    for (int j = 0; j < C; j++) M = x[j] > M ? x[j] : M;
    return M;
}

/* exp(x - M) */
static float exp_difference(float x, float M)
{
    float d = x - M, v = d - x, lost = (x - (d - v)) - (M + v);

    return float_exp(d, lost > -1 ? lost : -1);
}

static double exact(const law_loss *w, float *d, const float *x, int t, int C)
{
    float M = largest(x, C), xt = x[t];
    law_sums sum = {{0}};

    for (int j = 0; j < C; j++) {
        w->e[j] = exp_difference(x[j], M);
        if (j != t) law_sum_term(&sum, j, w->e[j]);
    }
    double S = law_sum_total(&sum), Z = S + (M == xt ? 1 : (double)w->e[t]);
    float factor = (float)(w->scale / Z);

    for (int j = 0; d && j < C; j++) d[j] = (w->e[j] < least ? 0 : w->e[j]) * factor;
    if (d) d[t] = S < (double)least ? 0 : (float)(-w->scale * S / Z);
    return M == xt ? gk_log1p(S) : (double)M - (double)xt + gk_log(Z);
}

/* In the double of f64 and the float of f32 alike: x_0 first, sums in order. */
static double f64(const law_loss *w, float *d, const float *x, int t, int C)
{
    double M = (double)x[0], s = 0, xt = (double)x[t];

    for (int j = 1; j < C; j++) M = (double)x[j] > M ? (double)x[j] : M;
    for (int j = 0; j < C; j++) s = s + gk_exp((double)x[j] - M);
    double L = gk_log(s), loss = -(xt - M - L);

    for (int j = 0; d && j < C; j++) {
        double g = gk_exp((double)x[j] - M - L) * w->scale;
        d[j] = (float)(j == t ? g - w->scale : g);
    }
    return loss;
}

static float exp_of(float x) { return (float)gk_exp((double)x); }

static double f32(const law_loss *w, float *d, const float *x, int t, int C)
{
    float M = x[0], s = 0, scale = (float)w->scale;

    for (int j = 1; j < C; j++) M = x[j] > M ? x[j] : M;
    for (int j = 0; j < C; j++) s = s + exp_of(x[j] - M);
    float L = (float)gk_log((double)s), loss = -(x[t] - M - L);

    for (int j = 0; d && j < C; j++) {
        float g = exp_of(x[j] - M - L) * scale;
        d[j] = j == t ? g - scale : g;
    }
    return (double)loss;
}

void law_loss_row(const law_loss *w, double *loss, uint8_t *hit, float *d, const float *x,
                  int label, int C)
{
    if (label < 0) {
        host_unscored(loss, hit, d, C);
        return;
    }
    *hit = host_hit(x, C, label);
    *loss = w->form == GK_LOSS_EXACT ? exact(w, d, x, label, C)
            : w->form == GK_LOSS_F64 ? f64(w, d, x, label, C)
                                     : f32(w, d, x, label, C);
}

void law_log_softmax(gk_backend *be, double *row_loss, uint8_t *row_hit, gk_real *dlogits,
                     const gk_real *logits, const int32_t *label, int R, int B, int C, int form,
                     double scale)
{
    law_loss w = {form, scale, gk_alloc((size_t)C, sizeof(float))};

    (void)be;
    GK_CHECK(form == GK_LOSS_EXACT || form == GK_LOSS_F64 || form == GK_LOSS_F32);
    for (size_t i = 0; i < (size_t)R * B; i++)
        law_loss_row(&w, &row_loss[i], &row_hit[i], dlogits ? dlogits + i * C : NULL,
                     logits + i * C, label[i], C);
    free(w.e);
}
