/* Stochastic gradient descent with momentum: formulas as in ref, in float, as in cpu. */
#include "cuda/machine/spans.h"

static __global__ void sgd_kernel(gk_real *param, gk_real *m, const gk_real *grad,
                                  const gk_real *anchor, const gk_slot *slot,
                                  const gk_tensor_span *tensor, int R)
{
    gk_tensor_span t = tensor[blockIdx.y];

    if (t.lr_scale == 0) return;
    for (size_t i = blockIdx.x; i < span_chunks(&t, R); i += gridDim.x) {
        span_chunk c = span_chunk_at(&t, i);
        const gk_slot *s = &slot[c.run];
        float lr = (float)(s->lr_now * t.lr_scale);
        float decay = (float)(s->weight_decay * t.decay_scale), momentum = (float)s->momentum;

        if (!s->active) continue;
        for (int k = threadIdx.x; k < c.n; k += CUDA_BLOCK) {
            size_t at = c.at + k;
            float p = param[at], away = p - (anchor ? anchor[at] : 0);
            float mi = fmaf(momentum, m[at], fmaf(decay, away, grad[at]));

            param[at] = fmaf(-lr, mi, p);
            m[at] = mi;
        }
    }
}

void cuda_sgd(gk_backend *be, gk_real *param, gk_real *m, const gk_real *grad,
              const gk_real *anchor, const gk_slot *slot, const gk_tensor_span *tensor, int n,
              int R)
{
    LAUNCH(be, sgd_kernel, span_grid(n, R), CUDA_BLOCK, 0, param, m, grad, anchor, slot, tensor, R);
}
