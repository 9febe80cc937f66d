/* What the two ways to compute attention share. */
#ifndef GK_CUDA_ATTENTION_H
#define GK_CUDA_ATTENTION_H

#include "cuda/machine/cuda.h"

/* Sizes of some examples; E counts them through the runs. */
typedef struct attention_sizes {
    size_t E;
    int Q, T, H, K;
    float scale; /* 1 / sqrt(K) */
} attention_sizes;

/* Where head eh, counted through all examples, starts in an array (E,rows,H,K). */
static __device__ inline size_t attention_head(size_t eh, int rows, const attention_sizes *s)
{
    return (eh / s->H * rows * s->H + eh % s->H) * s->K;
}

/* attention_long.cu: for many queries, or keys of any number. */
void cuda_attention_long(gk_backend *be, gk_real *z, gk_real *prob, const gk_real *q,
                         const gk_real *k, const gk_real *v, attention_sizes s);
void cuda_attention_long_back(gk_backend *be, gk_real *dq, gk_real *dk, gk_real *dv,
                              const gk_real *dz, const gk_real *prob, const gk_real *q,
                              const gk_real *k, const gk_real *v, attention_sizes s);

#endif
