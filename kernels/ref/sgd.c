/* Stochastic gradient descent with momentum as PyTorch has it: no dampening, no Nesterov; decay is
 * part of the gradient. m starts at 0, so that the first step has m = g. */
#include "kernels.h"

/* One tensor of one run. */
static void update(gk_real *p, gk_real *m, const gk_real *grad, const gk_real *anchor, size_t size,
                   const gk_slot *s, const gk_tensor_span *tensor)
{
    double lr = s->lr_now * tensor->lr_scale, decay = s->weight_decay * tensor->decay_scale;

    for (size_t i = 0; i < size; i++) {
        double away = anchor ? (double)p[i] - (double)anchor[i] : (double)p[i];
        double mi = s->momentum * m[i] + (grad[i] + decay * away);

        p[i] = (gk_real)(p[i] - lr * mi);
        m[i] = (gk_real)mi;
    }
}

void ref_sgd(gk_backend *be, gk_real *param, gk_real *m, const gk_real *grad, const gk_real *anchor,
             const gk_slot *slot, const gk_tensor_span *tensor, int n, int R)
{
    (void)be;
    for (int i = 0; i < n; i++) {
        for (int r = 0; r < R; r++) {
            size_t at = tensor[i].offset + r * tensor[i].size;

            if (!slot[r].active || tensor[i].lr_scale == 0) continue;
            update(param + at, m + at, grad + at, anchor ? anchor + at : NULL, tensor[i].size,
                   &slot[r], &tensor[i]);
        }
    }
}
