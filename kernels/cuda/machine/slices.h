/* Long sums in two steps: fixed slices of the terms side by side, each to a double in scratch
 * memory; then the slices in their order. Where the cuts are depends on the sizes of one run
 * alone, never on R or on the machine. */
#ifndef GK_CUDA_SLICES_H
#define GK_CUDA_SLICES_H

#include "cuda/machine/cuda.h"

enum { SLICES_X = 32, SLICES_Y = 8 };

typedef struct slices {
    int rows, n; /* of each (the last may be shorter); how many */
} slices;

/* rows > 0 in slices of at least `least`, at most `most` of them. */
static inline slices slices_of(int rows, int least, int most)
{
    slices s;

    s.rows = rows / most + (rows % most != 0);
    if (s.rows < least) s.rows = least;
    s.n = rows / s.rows + (rows % s.rows != 0);
    return s;
}

/* How many of R runs go through scratch memory at a time. */
static inline int slices_group(int R, size_t bytes_of_run)
{
    const size_t most = (size_t)256 << 20;
    size_t n = bytes_of_run ? most / bytes_of_run : (size_t)R;

    return n < 1 ? 1 : n < (size_t)R ? (int)n : R;
}

/* out[r][j] = beta out + sum over s of part[r][s][j], in order: rule 9 of docs/arithmetic.md. */
static __global__ void add_slices_kernel(gk_real *out, const double *part, int n, size_t cols,
                                         gk_real beta)
{
    size_t j = (size_t)blockIdx.x * blockDim.x + threadIdx.x, r = blockIdx.y;

    if (j >= cols) return;
    out += r * cols + j;
    part += r * n * cols + j;
    double sum = beta != 0 ? *out : 0;

    for (int s = 0; s < n; s++) sum += part[s * cols];
    *out = (gk_real)sum;
}

/* out (R,cols), part (R,n,cols) */
static inline void add_slices(gk_backend *be, gk_real *out, const double *part, int R, int n,
                              size_t cols, gk_real beta)
{
    const unsigned block = 128;

    LAUNCH(be, add_slices_kernel, dim3(cuda_blocks(cols, block), (unsigned)R), block, 0, out, part,
           n, cols, beta);
}

#endif
