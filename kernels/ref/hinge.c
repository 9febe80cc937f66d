/* The hinge loss. One logit x with labels 0 and 1, y = -1 and +1:
 *     loss = max(0, 1 - y x),   dloss/dx = -y where y x < 1, else 0.
 * C logits (Weston & Watkins 1999, divided by C as in PyTorch's MultiMarginLoss), t the label:
 *     loss = 1/C sum over j != t of max(0, m_j),  m_j = 1 - x_t + x_j,
 *     dloss/dx_j = [m_j > 0] / C,   dloss/dx_t = -(how many of them) / C.
 * Margins are doubles: all backends find the same side of a kink. A NaN stays one. */
#include "host.h"
#include "kernels.h"

static double positive(double margin) { return margin <= 0 ? 0 : margin; }

/* The slope of it. */
static double slope(double margin) { return margin > 0 ? 1 : positive(margin); }

static double two_classes(gk_real *d, uint8_t *hit, double x, int label, double scale)
{
    double y = 2 * label - 1, margin = 1 - y * x;

    *hit = y * x > 0;
    if (d) *d = (gk_real)(-scale * y * slope(margin));
    return positive(margin);
}

/* d may be x. */
static double many_classes(gk_real *d, const gk_real *x, int C, int t, double scale)
{
    double xt = x[t], loss = 0, above = 0;

    for (int j = 0; j < C; j++) {
        double margin = 1 - xt + x[j];

        if (j == t) continue;
        loss += positive(margin);
        above += slope(margin);
        if (d) d[j] = (gk_real)(scale / C * slope(margin));
    }
    if (d) d[t] = (gk_real)(-scale / C * above);
    return loss / C;
}

void ref_hinge(gk_backend *be, double *row_loss, uint8_t *row_hit, gk_real *dlogits,
               const gk_real *logits, const int32_t *label, int R, int B, int C, double scale)
{
    (void)be;
    for (size_t i = 0; i < (size_t)R * B; i++) {
        gk_real *d = dlogits ? dlogits + i * C : NULL;
        const gk_real *x = logits + i * C;

        if (label[i] < 0) {
            host_unscored(&row_loss[i], &row_hit[i], d, C);
        } else if (C == 1) {
            row_loss[i] = two_classes(d, &row_hit[i], x[0], label[i], scale);
        } else {
            row_hit[i] = host_hit(x, C, label[i]);
            row_loss[i] = many_classes(d, x, C, label[i], scale);
        }
    }
}
