/* What forward leaves for backward. Private to model.c, forward.c and backward.c; all pointers are
 * the device's. */
#ifndef GK_ACTIVATIONS_H
#define GK_ACTIVATIONS_H

#include "gk/model.h"

/* Q: the positions that a block computes: T, and 1 in the last block. */
struct gk_activations {
    gk_real *x[GK_LAYERS_MAX + 1]; /* x[l] (R,B,T,D) enters block l; x[L] (R,B,1,D) */
    gk_real *q[GK_LAYERS_MAX];     /* (R,B,Q,H,K) */
    gk_real *k[GK_LAYERS_MAX];     /* (R,B,T,H,K) */
    gk_real *v[GK_LAYERS_MAX];     /* (R,B,T,H,K) */
    gk_real *prob[GK_LAYERS_MAX];  /* (R,B,H,Q,T) */
    gk_real *z[GK_LAYERS_MAX];     /* (R,B,Q,H,K) */
    gk_real *mid[GK_LAYERS_MAX];   /* (R,B,Q,D): the residual stream between attention and MLP */
    gk_real *pre[GK_LAYERS_MAX];   /* (R,B,Q,F) */
    gk_real *h[GK_LAYERS_MAX];     /* (R,B,Q,F) */
    gk_real *logits;               /* (R,B,C); log_softmax replaces them by their gradient */

    gk_real *d, *dx; /* (R,B,T,D): gradient of a block's output and of its input; they take turns */
    gk_real *dh;     /* (R,B,T,F) */
    gk_real *dq, *dk, *dv, *dz; /* (R,B,T,H,K) */
};

static inline int gk_positions(const gk_shape *s, int layer)
{
    return layer == s->L - 1 ? 1 : s->T;
}

#endif
