/* AdamW: formulas as in ref, in float, as in cpu. Where ref multiplies by 1 - lr decay, lr decay p
 * is subtracted: rounding the factor 1 - 1e-3 to a float would change the decay itself by 3e-5 of
 * its size at every step. What is the same for a chunk (spans.h), one thread computes in double
 * while the others' loads are under way. */
#include "cuda/machine/spans.h"

typedef struct factors {
    float lr, shrink, l2, beta1, one_beta1, beta2, one_beta2, root2, eps;
} factors;

static __device__ factors factors_of(const gk_slot *s, const gk_tensor_span *tensor)
{
    double lr = s->lr_now * tensor->lr_scale, decay = s->weight_decay * tensor->decay_scale;
    factors f;

    f.lr = (float)(lr / s->correction1);
    f.shrink = (float)(s->l2 ? 0 : lr * decay);
    f.l2 = (float)(s->l2 ? decay : 0);
    f.beta1 = (float)s->beta1;
    f.one_beta1 = (float)(1 - s->beta1);
    f.beta2 = (float)s->beta2;
    f.one_beta2 = (float)(1 - s->beta2);
    f.root2 = (float)(1 / sqrt(s->correction2));
    f.eps = (float)s->eps;
    return f;
}

/* x, but 0 where it is nearly a denormal: moments of what has no gradient would stay there. */
static __device__ float normal(float x) { return fabsf(x) < 0x1p-120f ? 0 : x; }

/* Rule 31 of docs/arithmetic.md. */
static __device__ void update(const factors *f, float *p, float *m, float *v, float g, float anchor)
{
    float away = *p - anchor; /* with an anchor of 0 p, to the bit */

    g = fmaf(f->l2, away, g);
    *m = normal(fmaf(f->one_beta1, g, f->beta1 * *m));
    *v = normal(fmaf(f->one_beta2 * g, g, f->beta2 * *v));
    *p -= fmaf(f->shrink, away, f->lr * *m / fmaf(sqrtf(*v), f->root2, f->eps));
}

/* n elements of one tensor of one run, n <= SPAN_CHUNK; anchor NULL: zero */
static __device__ void update_chunk(gk_real *param, gk_real *m, gk_real *v, const gk_real *grad,
                                    const gk_real *anchor, int n, const gk_slot *s,
                                    const gk_tensor_span *tensor, factors *f)
{
    float p[SPAN_EACH], mi[SPAN_EACH], vi[SPAN_EACH], g[SPAN_EACH], a[SPAN_EACH];

    for (int k = 0; k < SPAN_EACH; k++) {
        int i = k * CUDA_BLOCK + threadIdx.x;

        p[k] = i < n ? param[i] : 0;
        mi[k] = i < n ? m[i] : 0;
        vi[k] = i < n ? v[i] : 0;
        g[k] = i < n ? grad[i] : 0;
        a[k] = anchor && i < n ? anchor[i] : 0;
    }
    if (threadIdx.x == 0) *f = factors_of(s, tensor);
    __syncthreads();
    for (int k = 0; k < SPAN_EACH; k++) {
        int i = k * CUDA_BLOCK + threadIdx.x;

        if (i >= n) break;
        update(f, &p[k], &mi[k], &vi[k], g[k], a[k]);
        param[i] = p[k];
        m[i] = mi[k];
        v[i] = vi[k];
    }
    __syncthreads(); /* f is free again */
}

static __global__ void adamw_kernel(gk_real *param, gk_real *m, gk_real *v, const gk_real *grad,
                                    const gk_real *anchor, const gk_slot *slot,
                                    const gk_tensor_span *tensor, int R)
{
    SHARED(factors, f, 1);
    gk_tensor_span t = tensor[blockIdx.y];

    if (t.lr_scale == 0) return;
    for (size_t i = blockIdx.x; i < span_chunks(&t, R); i += gridDim.x) {
        span_chunk c = span_chunk_at(&t, i);

        if (!slot[c.run].active) continue;
        update_chunk(param + c.at, m + c.at, v + c.at, grad + c.at, anchor ? anchor + c.at : NULL,
                     c.n, &slot[c.run], &t, f);
    }
}

void cuda_adamw(gk_backend *be, gk_real *param, gk_real *m, gk_real *v, const gk_real *grad,
                const gk_real *anchor, const gk_slot *slot, const gk_tensor_span *tensor, int n,
                int R)
{
    LAUNCH(be, adamw_kernel, span_grid(n, R), CUDA_BLOCK, 0, param, m, v, grad, anchor, slot,
           tensor, R);
}
