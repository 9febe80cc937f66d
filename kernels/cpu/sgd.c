/* Stochastic gradient descent with momentum: formulas as in ref, in float. */
#ifndef SIMD
#include "cpu/machine/spans.h"

typedef struct sgd_job {
    gk_real *param, *m;
    const gk_real *grad, *anchor;
    const gk_slot *slot;
    const gk_tensor_span *tensor;
    int R;
} sgd_job;

/* What is the same for all elements of a chunk. */
typedef struct sgd_factors {
    float lr, decay, momentum;
} sgd_factors;

#define SIMD_SOURCE "cpu/sgd.c"
#include "cpu/machine/simd.h"

void cpu_sgd(gk_backend *be, gk_real *param, gk_real *m, const gk_real *grad, const gk_real *anchor,
             const gk_slot *slot, const gk_tensor_span *tensor, int n, int R)
{
    sgd_job job = {param, m, grad, anchor, slot, tensor, R};

    cpu_parallel(be, span_chunks(tensor, n, R), CPU_PICK(be, update), &job);
}

#else

/* One vector of each array, in and out. */
static inline void SIMD(step)(const sgd_factors *f, vf *p, vf *m, vf g, vf anchor)
{
    *m = v_fma(v_set(f->momentum), *m, v_fma(v_set(f->decay), *p - anchor, g));
    *p = v_fnma(v_set(f->lr), *m, *p);
}

static void SIMD(update)(const void *job, int i)
{
    const sgd_job *w = job;
    span_chunk c = span_chunk_at(w->tensor, w->R, (size_t)i);
    const gk_slot *s = &w->slot[c.run];
    const sgd_factors f = {.lr = (float)(s->lr_now * c.tensor->lr_scale),
                           .decay = (float)(s->weight_decay * c.tensor->decay_scale),
                           .momentum = (float)s->momentum};
    gk_real *p = w->param + c.at, *m = w->m + c.at;
    const gk_real *g = w->grad + c.at, *anchor = w->anchor ? w->anchor + c.at : NULL;
    size_t j = 0;

    if (!s->active || c.tensor->lr_scale == 0) return;
    for (; j + VW <= c.n; j += VW) {
        vf pj = v_load(p + j), mj = v_load(m + j);

        SIMD(step)(&f, &pj, &mj, v_load(g + j), anchor ? v_load(anchor + j) : v_set(0));
        v_store(p + j, pj);
        v_store(m + j, mj);
    }
    if (j == c.n) return;
    int n = (int)(c.n - j);
    vf pj = v_load_part(p + j, n, 0), mj = v_load_part(m + j, n, 0);

    SIMD(step)
    (&f, &pj, &mj, v_load_part(g + j, n, 0), anchor ? v_load_part(anchor + j, n, 0) : v_set(0));
    v_store_part(p + j, pj, n);
    v_store_part(m + j, mj, n);
}

#endif
