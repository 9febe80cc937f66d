/* Copies and additions of rows between arrays with leading dimensions: an element per thread and
 * row (rows.h). */
#include "cuda/machine/rows.h"

static __global__ void add_rows_kernel(gk_real *out, const gk_real *in, int rows, int cols, int ldo,
                                       int ldi, size_t so, size_t si, gk_real beta)
{
    out += blockIdx.y * so;
    in += blockIdx.y * si;
    for (int k = 0; k < ROWS_EACH; k++) {
        size_t row = rows_row(k);

        if (row >= (size_t)rows) return;
        for (int j = threadIdx.x; j < cols; j += blockDim.x) {
            gk_real *to = out + row * ldo + j;
            gk_real from = in[row * ldi + j];

            *to = beta != 0 ? beta * *to + from : from;
        }
    }
}

void cuda_add_rows(gk_backend *be, gk_real *out, const gk_real *in, int R, int rows, int cols,
                   int ldo, int ldi, size_t so, size_t si, gk_real beta)
{
    dim3 block = rows_block(cols, 128);

    LAUNCH(be, add_rows_kernel, rows_grid(block, rows, R), block, 0, out, in, rows, cols, ldo, ldi,
           so, si, beta);
}
