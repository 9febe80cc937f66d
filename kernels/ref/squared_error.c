/* The mean squared error against the one-hot label, as in PyTorch's mse_loss: of C logits
 *     loss = 1/C sum over j of (x_j - [j = t])^2,   dloss/dx_j = 2 (x_j - [j = t]) / C.
 * One logit has the targets -1 and +1 for the labels 0 and 1. */
#include "host.h"
#include "kernels.h"

/* d may be x. */
static double row(gk_real *d, const gk_real *x, int C, int t, double scale)
{
    double loss = 0;

    for (int j = 0; j < C; j++) {
        double target = C == 1 ? 2 * t - 1 : j == t, away = x[j] - target;

        loss += away * away;
        if (d) d[j] = (gk_real)(2 * scale / C * away);
    }
    return loss / C;
}

void ref_squared_error(gk_backend *be, double *row_loss, uint8_t *row_hit, gk_real *dlogits,
                       const gk_real *logits, const int32_t *label, int R, int B, int C,
                       double scale)
{
    (void)be;
    for (size_t i = 0; i < (size_t)R * B; i++) {
        gk_real *d = dlogits ? dlogits + i * C : NULL;
        const gk_real *x = logits + i * C;

        if (label[i] < 0) {
            host_unscored(&row_loss[i], &row_hit[i], d, C);
            continue;
        }
        row_hit[i] = C == 1 ? (label[i] ? x[0] > 0 : x[0] < 0) : host_hit(x, C, label[i]);
        row_loss[i] = row(d, x, C, label[i], scale);
    }
}
