/* What rounding does to a softmax: where it is exactly 1, and by how much gradients do not sum to
 * 0. */
#include "kernels.h"

#include <math.h>

/* Does the float32 softmax, in its usual form, give exactly 1? */
static bool is_saturated(const gk_real *x, int C, int label)
{
    float largest = (float)x[0], sum = 0;

    for (int j = 1; j < C; j++) largest = fmaxf(largest, (float)x[j]);
    for (int j = 0; j < C; j++) sum += expf((float)x[j] - largest);
    return expf((float)x[label] - largest) / sum == 1.0f;
}

void ref_rounding(gk_backend *be, double *sum, const gk_real *logits, const gk_real *dlogits,
                  const int32_t *label, const uint8_t *group, int R, int B, int C, int beta)
{
    (void)be;
    for (size_t r = 0; r < (size_t)R; r++) {
        double saturated = 0, gradient_sum = 0, *out = sum + 2 * r;

        for (size_t i = r * B; i < (r + 1) * B; i++) {
            double total = 0;

            if (group[i] || label[i] < 0) continue;
            for (int j = 0; j < C; j++) total += dlogits[i * C + j];
            saturated += is_saturated(logits + i * C, C, label[i]);
            gradient_sum += fabs(total);
        }
        out[0] = (beta ? out[0] : 0) + saturated;
        out[1] = (beta ? out[1] : 0) + gradient_sum;
    }
}
