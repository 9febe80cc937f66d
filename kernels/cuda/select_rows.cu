/* The rows of a minibatch: an element per thread and row (rows.h). */
#include "cuda/machine/rows.h"

static __global__ void select_rows_kernel(int32_t *out, const int32_t *pool, const int32_t *index,
                                          const gk_slot *slot, int B, int N, int cols, int ring)
{
    size_t r = blockIdx.y;

    index += (r * ring + slot[r].step % ring) * B;
    for (int k = 0; k < ROWS_EACH; k++) {
        size_t b = rows_row(k);

        if (b >= (size_t)B) return;
        for (int c = threadIdx.x; c < cols; c += blockDim.x)
            out[(r * B + b) * cols + c] = pool[(r * N + index[b]) * cols + c];
    }
}

void cuda_select_rows(gk_backend *be, int32_t *out, const int32_t *pool, const int32_t *index,
                      const gk_slot *slot, int R, int B, int N, int cols, int ring)
{
    dim3 block = rows_block(cols, 128);

    LAUNCH(be, select_rows_kernel, rows_grid(block, B, R), block, 0, out, pool, index, slot, B, N,
           cols, ring);
}
