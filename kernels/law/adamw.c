/* Rules 14, 31 and 32 of docs/arithmetic.md: AdamW and SGD, element by element. */
#include "law/law.h"

typedef struct law_adamw_factors {
    float lr, shrink, l2, b1, a1, b2, a2, r2, eps;
} law_adamw_factors;

static law_adamw_factors factors_of(const gk_slot *s, const gk_tensor_span *tensor)
{
    double lr = s->lr_now * tensor->lr_scale, decay = s->weight_decay * tensor->decay_scale;

    return (law_adamw_factors){.lr = (float)(lr / s->correction1),
                               .shrink = (float)(s->l2 ? 0 : lr * decay),
                               .l2 = (float)(s->l2 ? decay : 0),
                               .b1 = (float)s->beta1,
                               .a1 = (float)(1 - s->beta1),
                               .b2 = (float)s->beta2,
                               .a2 = (float)(1 - s->beta2),
                               .r2 = (float)(1 / sqrt(s->correction2)),
                               .eps = (float)s->eps};
}

static float normal(float x) { return fabsf(x) < 0x1p-120f ? 0 : x; }

static void adamw_element(const law_adamw_factors *f, float *p, float *m, float *v, float g,
                          float away)
{
    g = law_fma(f->l2, away, g);
    *m = normal(law_fma(f->a1, g, f->b1 * *m));
    *v = normal(law_fma(f->a2 * g, g, f->b2 * *v));
    *p = *p - law_fma(f->shrink, away, f->lr * *m / law_fma(sqrtf(*v), f->r2, f->eps));
}

void law_adamw(gk_backend *be, gk_real *param, gk_real *m, gk_real *v, const gk_real *grad,
               const gk_real *anchor, const gk_slot *slot, const gk_tensor_span *tensor, int n,
               int R)
{
    (void)be;
    for (int i = 0; i < n * R; i++) {
        const gk_tensor_span *t = &tensor[i / R];
        const gk_slot *s = &slot[i % R];
        size_t first = t->offset + (size_t)(i % R) * t->size;
        law_adamw_factors f = factors_of(s, t);

        if (!s->active || t->lr_scale == 0) continue;
        for (size_t at = first; at < first + t->size; at++)
            adamw_element(&f, &param[at], &m[at], &v[at], grad[at],
                          anchor ? param[at] - anchor[at] : param[at]);
    }
}

void law_sgd(gk_backend *be, gk_real *param, gk_real *m, const gk_real *grad, const gk_real *anchor,
             const gk_slot *slot, const gk_tensor_span *tensor, int n, int R)
{
    (void)be;
    for (int i = 0; i < n * R; i++) {
        const gk_tensor_span *t = &tensor[i / R];
        const gk_slot *s = &slot[i % R];
        size_t first = t->offset + (size_t)(i % R) * t->size;
        float lr = (float)(s->lr_now * t->lr_scale);
        float decay = (float)(s->weight_decay * t->decay_scale), momentum = (float)s->momentum;

        if (!s->active || t->lr_scale == 0) continue;
        for (size_t at = first; at < first + t->size; at++) {
            float away = param[at] - (anchor ? anchor[at] : 0);

            m[at] = law_fma(momentum, m[at], law_fma(decay, away, grad[at]));
            param[at] = law_fma(-lr, m[at], param[at]);
        }
    }
}
