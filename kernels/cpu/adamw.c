/* AdamW: formulas as in ref, in float. Where ref multiplies by 1 - lr decay, lr decay p is
 * subtracted: rounding the factor 1 - 1e-3 to a float would change the decay itself by 3e-5 of its
 * size at every step. */
#ifndef SIMD
#include "cpu/machine/spans.h"

#include <math.h>

typedef struct adamw_job {
    gk_real *param, *m, *v;
    const gk_real *grad, *anchor;
    const gk_slot *slot;
    const gk_tensor_span *tensor;
    int R;
} adamw_job;

/* Chunk i: some elements of one tensor of one run, and what is the same for all of them. */
typedef struct adamw_chunk {
    size_t at, n; /* n 0: nothing to do */
    float lr, shrink, l2, beta1, one_beta1, beta2, one_beta2, root2, eps;
} adamw_chunk;

static adamw_chunk chunk_of(const adamw_job *w, size_t i)
{
    span_chunk span = span_chunk_at(w->tensor, w->R, i);
    const gk_slot *s = &w->slot[span.run];
    double lr = s->lr_now * span.tensor->lr_scale;
    double decay = s->weight_decay * span.tensor->decay_scale;
    adamw_chunk c = {.at = span.at,
                     .n = span.n,
                     .lr = (float)(lr / s->correction1),
                     .shrink = (float)(s->l2 ? 0 : lr * decay),
                     .l2 = (float)(s->l2 ? decay : 0),
                     .beta1 = (float)s->beta1,
                     .one_beta1 = (float)(1 - s->beta1),
                     .beta2 = (float)s->beta2,
                     .one_beta2 = (float)(1 - s->beta2),
                     .root2 = (float)(1 / sqrt(s->correction2)),
                     .eps = (float)s->eps};

    if (!s->active || span.tensor->lr_scale == 0) c.n = 0;
    return c;
}

#define SIMD_SOURCE "cpu/adamw.c"
#include "cpu/machine/simd.h"

void cpu_adamw(gk_backend *be, gk_real *param, gk_real *m, gk_real *v, const gk_real *grad,
               const gk_real *anchor, const gk_slot *slot, const gk_tensor_span *tensor, int n,
               int R)
{
    adamw_job job = {param, m, v, grad, anchor, slot, tensor, R};

    cpu_parallel(be, span_chunks(tensor, n, R), CPU_PICK(be, update), &job);
}

#else

/* x, but 0 where it is nearly a denormal, by law: moments of what has no gradient would end there
 * and stay. */
static inline vf SIMD(normal)(vf x)
{
    return v_if_negative(v_abs(x) - v_set(0x1p-120f), v_set(0), x);
}

/* One vector of each array, in and out; `away`: how far the weights are from where decay pulls. */
static inline void SIMD(step)(const adamw_chunk *c, vf *p, vf *m, vf *v, vf g, vf away)
{
    g = v_fma(v_set(c->l2), away, g);
    *m = SIMD(normal)(v_fma(v_set(c->one_beta1), g, v_set(c->beta1) * *m));
    *v = SIMD(normal)(v_fma(v_set(c->one_beta2) * g, g, v_set(c->beta2) * *v));
    vf root = v_fma(v_sqrt(*v), v_set(c->root2), v_set(c->eps));

    *p -= v_fma(v_set(c->shrink), away, v_set(c->lr) * *m / root);
}

static void SIMD(update)(const void *job, int i)
{
    const adamw_job *w = job;
    adamw_chunk c = chunk_of(w, (size_t)i);
    gk_real *p = w->param + c.at, *m = w->m + c.at, *v = w->v + c.at;
    const gk_real *g = w->grad + c.at, *anchor = w->anchor ? w->anchor + c.at : NULL;
    size_t j = 0;

    for (; j + VW <= c.n; j += VW) {
        vf pj = v_load(p + j), mj = v_load(m + j), vj = v_load(v + j);
        vf away = pj;

        if (anchor) away -= v_load(anchor + j);
        SIMD(step)(&c, &pj, &mj, &vj, v_load(g + j), away);
        v_store(p + j, pj);
        v_store(m + j, mj);
        v_store(v + j, vj);
    }
    if (j == c.n) return;
    int n = (int)(c.n - j);
    vf pj = v_load_part(p + j, n, 0), mj = v_load_part(m + j, n, 0), vj = v_load_part(v + j, n, 0);
    vf away = pj;

    if (anchor) away -= v_load_part(anchor + j, n, 0);
    SIMD(step)(&c, &pj, &mj, &vj, v_load_part(g + j, n, 0), away);
    v_store_part(p + j, pj, n);
    v_store_part(m + j, mj, n);
    v_store_part(v + j, vj, n);
}

#endif
