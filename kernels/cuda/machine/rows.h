/* Work on the elements of arrays (R,rows,cols): threads x along columns, so that neighbours
 * touch neighbours, threads y along rows; nobody divides by cols. ROWS_EACH rows per thread, so
 * that a few loads are under way at once. Grid: row tiles, runs. */
#ifndef GK_CUDA_ROWS_H
#define GK_CUDA_ROWS_H

#include "cuda/machine/cuda.h"

enum { ROWS_EACH = 4 };

/* As many threads along `cols` columns as fill them, a power of two up to `widest`; the rest of
 * the block along rows. */
static inline dim3 rows_block(int cols, unsigned widest)
{
    unsigned x = 1;

    while (x < widest && x < (unsigned)cols) x *= 2;
    return dim3(x, CUDA_BLOCK / x);
}

static inline dim3 rows_grid(dim3 block, int rows, int R)
{
    return dim3(cuda_blocks((size_t)rows, block.y * ROWS_EACH), (unsigned)R);
}

/* Row k = 0 .. ROWS_EACH - 1 of this thread; may be beyond the last. */
static __device__ inline size_t rows_row(int k)
{
    return ((size_t)blockIdx.x * ROWS_EACH + k) * blockDim.y + threadIdx.y;
}

#endif
