/* AdamW (Loshchilov & Hutter 2019; Kingma & Ba 2015) as PyTorch has it. */
#include "kernels.h"

#include <math.h>

/* One tensor of one run. */
static void update(gk_real *p, gk_real *m, gk_real *v, const gk_real *grad, const gk_real *anchor,
                   size_t size, const gk_slot *s, const gk_tensor_span *tensor)
{
    double lr = s->lr_now * tensor->lr_scale, decay = s->weight_decay * tensor->decay_scale;
    double keep = s->l2 ? 1 : 1 - lr * decay, l2 = s->l2 ? decay : 0;
    double step = lr / s->correction1, root2 = sqrt(s->correction2);

    for (size_t i = 0; i < size; i++) {
        double g = grad[i] + l2 * (anchor ? (double)p[i] - (double)anchor[i] : (double)p[i]);
        double mi = s->beta1 * m[i] + (1 - s->beta1) * g;
        double vi = s->beta2 * v[i] + (1 - s->beta2) * g * g;
        double decayed = anchor ? keep * p[i] + (1 - keep) * anchor[i] : keep * p[i];

        p[i] = (gk_real)(decayed - step * mi / (sqrt(vi) / root2 + s->eps));
        m[i] = (gk_real)mi;
        v[i] = (gk_real)vi;
    }
}

void ref_adamw(gk_backend *be, gk_real *param, gk_real *m, gk_real *v, const gk_real *grad,
               const gk_real *anchor, const gk_slot *slot, const gk_tensor_span *tensor, int n,
               int R)
{
    (void)be;
    for (int i = 0; i < n; i++) {
        for (int r = 0; r < R; r++) {
            size_t at = tensor[i].offset + r * tensor[i].size;

            if (!slot[r].active || tensor[i].lr_scale == 0) continue;
            update(param + at, m + at, v + at, grad + at, anchor ? anchor + at : NULL,
                   tensor[i].size, &slot[r], &tensor[i]);
        }
    }
}
