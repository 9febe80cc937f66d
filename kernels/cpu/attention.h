/* What the two ways to compute attention share. */
#ifndef GK_CPU_ATTENTION_H
#define GK_CPU_ATTENTION_H

#include "cpu/machine/tiles.h"

/* Shapes as in ops.def; outputs of one direction are NULL in the other. */
typedef struct attention_job {
    gk_real *z, *prob;     /* forward: out */
    gk_real *dq, *dk, *dv; /* back: out */
    const gk_real *p, *dz; /* back: in */
    const gk_real *q, *k, *v;
    const cpu_tiles *tiles;
    gk_real *scratch; /* of every chunk: `room` floats */
    size_t room;
    int R, B, Q, T, H, K, chunk;
    float scale; /* 1 / sqrt(K) */
} attention_job;

/* attention_long.c: is that the faster way? Both directions; of the job they read arrays, sizes and
 * scale. */
bool cpu_attention_is_long(int T);
void cpu_attention_long(gk_backend *be, attention_job *job);
void cpu_attention_long_back(gk_backend *be, attention_job *job);

#endif
