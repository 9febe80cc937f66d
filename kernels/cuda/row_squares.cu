/* Sums of squares of rows, in double. A warp owns a piece of a row; where rows have more than
 * one piece, a second launch adds the pieces of a row, a warp for each. */
#include "reduce.h"

enum { PIECE = 2048, WARPS = CUDA_BLOCK / CUDA_WARP };

/* The warp's number, of all that a launch has */
static __device__ size_t warp_number(void)
{
    return (size_t)blockIdx.x * WARPS + threadIdx.x / CUDA_WARP;
}

static __device__ void write_total(double *out, double sum, int beta)
{
    if (threadIdx.x % CUDA_WARP == 0) *out = (beta ? *out : 0) + sum;
}

/* out (rows,pieces) */
static __global__ void row_squares_kernel(double *out, const gk_real *in, size_t rows, int cols,
                                          int pieces, int beta)
{
    size_t i = warp_number(), row = i / pieces;
    int from = (int)(i % pieces) * PIECE, to = cols - from < PIECE ? cols : from + PIECE;
    double sum = 0;

    if (row >= rows) return;
    for (int j = from + threadIdx.x % CUDA_WARP; j < to; j += CUDA_WARP) {
        double x = in[row * cols + j];

        sum += x * x;
    }
    write_total(out + i, warp_sum(sum), beta);
}

static __global__ void add_pieces_kernel(double *out, const double *part, size_t rows, int pieces,
                                         int beta)
{
    size_t row = warp_number();
    double sum = 0;

    if (row >= rows) return;
    for (int j = threadIdx.x % CUDA_WARP; j < pieces; j += CUDA_WARP) sum += part[row * pieces + j];
    write_total(out + row, warp_sum(sum), beta);
}

void cuda_row_squares(gk_backend *be, double *out, const gk_real *in, int R, int rows, int cols,
                      int beta)
{
    int pieces = (cols + PIECE - 1) / PIECE;
    size_t n = (size_t)R * rows;
    double *part = pieces > 1 ? (double *)cuda_scratch(be, n * pieces * sizeof *part) : NULL;

    if (pieces > 1 && !part) return;
    LAUNCH(be, row_squares_kernel, cuda_blocks(n * pieces, WARPS), CUDA_BLOCK, 0, part ? part : out,
           in, n, cols, pieces, part ? 0 : beta);
    if (part)
        LAUNCH(be, add_pieces_kernel, cuda_blocks(n, WARPS), CUDA_BLOCK, 0, out, part, n, pieces,
               beta);
}
