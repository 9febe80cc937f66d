/* What forward leaves for backward, and the products that both are made of. Private to the model's
 * files and to what reads its inside; all pointers are the device's. */
#ifndef GK_ACTIVATIONS_H
#define GK_ACTIVATIONS_H

#include "gk/model.h"

/* Q: the positions that a block computes: T, and S in the last block. Where nothing is normalised
 * `read` and `sum` are other names of their neighbours, so that both directions can go by these. */
struct gk_activations {
    gk_real *x[GK_LAYERS_MAX + 1]; /* x[l] (R,B,T,D) enters block l; x[L] (R,B,S,D) */
    gk_real *read1[GK_LAYERS_MAX]; /* (R,B,T,D): what attention reads; x[l], or its pre-norm */
    gk_real *query[GK_LAYERS_MAX]; /* (R,B,Q,D): the queries' rows of read1; NULL: read in place */
    gk_real *q[GK_LAYERS_MAX];     /* (R,B,Q,H,K) */
    gk_real *k[GK_LAYERS_MAX];     /* (R,B,T,H,K) */
    gk_real *v[GK_LAYERS_MAX];     /* (R,B,T,H,K) */
    gk_real *prob[GK_LAYERS_MAX];  /* (R,B,H,Q,T) */
    gk_real *z[GK_LAYERS_MAX];     /* (R,B,Q,H,K) */
    gk_real *sum1[GK_LAYERS_MAX];  /* (R,B,Q,D): with attention added; mid[l], or before its norm */
    gk_real *mid[GK_LAYERS_MAX];   /* (R,B,Q,D): the residual stream between attention and MLP */
    gk_real *read2[GK_LAYERS_MAX]; /* (R,B,Q,D): what the MLP reads; mid[l], or its pre-norm */
    gk_real *pre[GK_LAYERS_MAX];   /* (R,B,Q,F) */
    gk_real *h[GK_LAYERS_MAX];     /* (R,B,Q,F) */
    gk_real *sum2[GK_LAYERS_MAX];  /* (R,B,Q,D): with the MLP added; x[l+1], or before its norm */
    gk_real *stat1[GK_LAYERS_MAX]; /* (R,B,T or Q,2): of ln1 */
    gk_real *stat2[GK_LAYERS_MAX]; /* (R,B,Q,2): of ln2 */
    gk_real *stat_final;           /* (R,B,S,2) */
    gk_real *out;    /* (R,B,S,width): what W_U reads; x[L], its norm, or h of an mlp */
    gk_real *logits; /* (R,B,S,C); the loss replaces them by their gradient */

    gk_real *d, *dx; /* (R,B,T,D): gradient of a block's output and of its input; they take turns */
    gk_real *branch; /* (R,B,Q,D): gradient inside the MLP's branch, where it is not d */
    gk_real *dh;     /* (R,B,Q,F) */
    gk_real *dq, *dk, *dv, *dz; /* (R,B,T,H,K) */
};

static inline int gk_positions(const gk_shape *s, int layer)
{
    return layer == s->L - 1 ? s->S : s->T;
}

/* mlp.c */
void gk_mlp_forward(const gk_model *model, const int32_t *token, int B, gk_backend *be);
void gk_mlp_backward(const gk_model *model, const int32_t *token, int B, gk_real beta,
                     gk_backend *be);

/* y (R,rows,out) = x (R,rows,in; rows ldx apart) w (R,in,out) + beta y */
static inline void gk_linear(gk_backend *be, gk_real *y, const gk_real *x, int ldx, size_t sx,
                             const gk_real *w, int R, int rows, int in, int out, gk_real beta)
{
    be->matmul(be, y, x, w, R, rows, out, in, 0, 0, ldx, out, out, sx, (size_t)in * out,
               (size_t)rows * out, beta);
}

/* dw (R,in,out) = x^T dy + beta dw;   x (R,rows,in; rows ldx apart), dy (R,rows,out) */
static inline void gk_linear_weight(gk_backend *be, gk_real *dw, const gk_real *x, int ldx,
                                    size_t sx, const gk_real *dy, int R, int rows, int in, int out,
                                    gk_real beta)
{
    be->matmul(be, dw, x, dy, R, in, out, rows, 1, 0, ldx, out, out, sx, (size_t)rows * out,
               (size_t)in * out, beta);
}

/* dx (R,rows,in; rows ldx apart) = dy w^T + beta dx;   dy (R,rows,out), w (R,in,out) */
static inline void gk_linear_input(gk_backend *be, gk_real *dx, int ldx, size_t sx,
                                   const gk_real *dy, const gk_real *w, int R, int rows, int in,
                                   int out, gk_real beta)
{
    be->matmul(be, dx, dy, w, R, rows, in, out, 0, 1, out, out, ldx, (size_t)rows * out,
               (size_t)in * out, sx, beta);
}

#endif
