/* The loss, -log softmax(x)[label] of each row, in three forms (enum gk_loss_form); its gradient.
 *
 * With p = softmax(x) and t the label:   loss = -log p_t,   dloss/dx_j = p_j - [j=t].
 *
 * The usual forms take logp_j = x_j - max - log(sum of exp(x - max)) and p_j = exp(logp_j). Where
 * p_t is within one rounding error of 1 the loss is 0 and so is d_t: in float below 1.2e-7, in
 * double below 2.2e-16.
 *
 * The exact form never subtracts from 1. With g_j = x_j - x_t, m = max(0, max of g_j),
 * e_j = exp(g_j - m), S = sum of e_j over j != t and Z = exp(-m) + S it is the softmax with x_t + m
 * taken off every exponent:
 *     p_j = e_j / Z,   p_t = exp(-m) / Z,   p_t - 1 = -S / Z,   loss = -log p_t = m + log Z,
 * and for m = 0, where Z = 1 + S, loss = log1p(S). No exponent is above 0: no gap overflows. */
#include "gk/arith.h"
#include "host.h"
#include "kernels.h"

#include <stdlib.h>

/* One row: logits x and label t in; gradient d (scaled; may be x or NULL) out; e: C for scratch. */
typedef struct row {
    gk_real *d;
    const gk_real *x;
    int C, t;
    double scale, *e;
} row;

static double exact_loss(const row *w)
{
    double xt = w->x[w->t], m = 0, S = 0, Z, scale = w->scale;

    for (int j = 0; j < w->C; j++) {
        double g = w->x[j] - xt;

        w->e[j] = g;
        if (g > m) m = g;
    }
    for (int j = 0; j < w->C; j++) {
        w->e[j] = gk_exp(w->e[j] - m);
        if (j != w->t) S += w->e[j];
    }
    Z = gk_exp(-m) + S;
    for (int j = 0; w->d && j < w->C; j++)
        w->d[j] = (gk_real)(scale * (j == w->t ? -S / Z : w->e[j] / Z));
    return m == 0 ? gk_log1p(S) : m + gk_log(Z);
}

/* The cast to double of the paper. As PyTorch has it, the gradient -scale of logp_t goes back to
 * [j = t] (-scale) - exp(logp_j) (-scale). */
static double f64_loss(const row *w)
{
    double max = w->x[0], sum = 0, logp_t;

    for (int j = 1; j < w->C; j++) max = w->x[j] > max ? w->x[j] : max;
    for (int j = 0; j < w->C; j++) sum += gk_exp(w->x[j] - max);
    sum = gk_log(sum);
    logp_t = w->x[w->t] - max - sum;
    for (int j = 0; w->d && j < w->C; j++) {
        double ps = gk_exp(w->x[j] - max - sum) * w->scale;

        w->d[j] = (gk_real)(j == w->t ? ps - w->scale : ps);
    }
    return -logp_t;
}

static float f32_exp(float x) { return (float)gk_exp((double)x); }

/* The same in float, operation for operation, also where gk_real is double. */
static double f32_loss(const row *w)
{
    float max = (float)w->x[0], sum = 0, logp_t, scale = (float)w->scale;

    for (int j = 1; j < w->C; j++) max = (float)w->x[j] > max ? (float)w->x[j] : max;
    for (int j = 0; j < w->C; j++) sum += f32_exp((float)w->x[j] - max);
    sum = (float)gk_log((double)sum);
    logp_t = (float)w->x[w->t] - max - sum;
    for (int j = 0; w->d && j < w->C; j++) {
        float ps = f32_exp((float)w->x[j] - max - sum) * scale;

        w->d[j] = j == w->t ? ps - scale : ps;
    }
    return -logp_t;
}

void ref_log_softmax(gk_backend *be, double *row_loss, uint8_t *row_hit, gk_real *dlogits,
                     const gk_real *logits, const int32_t *label, int R, int B, int C, int form,
                     double scale)
{
    double *e = gk_alloc(C, sizeof *e);

    (void)be;
    GK_CHECK(form == GK_LOSS_EXACT || form == GK_LOSS_F64 || form == GK_LOSS_F32);
    for (size_t i = 0; i < (size_t)R * B; i++) {
        row w = {dlogits ? dlogits + i * C : NULL, logits + i * C, C, label[i], scale, e};

        if (w.t < 0) {
            host_unscored(&row_loss[i], &row_hit[i], w.d, C);
            continue;
        }
        row_hit[i] = host_hit(w.x, C, w.t);
        row_loss[i] = form == GK_LOSS_EXACT ? exact_loss(&w)
                      : form == GK_LOSS_F64 ? f64_loss(&w)
                                            : f32_loss(&w);
    }
    free(e);
}
