/* Rows added up by index and by column. By index: a block owns (run, entry e of index t, 32
 * columns); its warps share the rows, 32 of them at a time: every lane looks at one index, and the
 * warp reads those rows that are e's, a line each. By column: slices of rows (slices.h). Warps and
 * slices are added in their order, in double: no atomics. */
#include "cuda/machine/reduce.h"
#include "cuda/machine/slices.h"

enum { WARPS = CUDA_BLOCK / CUDA_WARP, SLICE = 256 /* rows, at least */, SLICES = 64 };

/* sum (R,T,E,cols); grid: tiles of columns, T E, R */
static __global__ void row_sums_kernel(gk_real *sum, const gk_real *in, const int32_t *index, int B,
                                       int T, int E, int cols, gk_real beta)
{
    SHARED(double, sums, CUDA_BLOCK);
    int lane = threadIdx.x % CUDA_WARP, warp = threadIdx.x / CUDA_WARP;
    int c = blockIdx.x * CUDA_WARP + lane, t = blockIdx.y / E, e = blockIdx.y % E;
    const gk_real *x = in + (size_t)blockIdx.z * B * cols;
    double total = 0;

    for (int first = warp * CUDA_WARP; first < B; first += CUDA_BLOCK) {
        int row = first + lane;
        unsigned ours = __ballot_sync(whole_warp, row < B && index[(size_t)row * T + t] == e);

        for (int k = 0; k < CUDA_WARP; k++)
            if (c < cols && ours >> k & 1) total += x[(size_t)(first + k) * cols + c];
    }
    sums[threadIdx.x] = total;
    __syncthreads();
    if (warp || c >= cols) return;
    for (int w = 1; w < WARPS; w++) total += sums[w * CUDA_WARP + lane];
    gk_real *to = sum + ((size_t)blockIdx.z * gridDim.y + blockIdx.y) * cols + c;

    *to = (gk_real)(beta != 0 ? (double)beta * *to + total : total);
}

/* part (R,slices,2,cols); grid: tiles of columns, slices, R */
static __global__ void moments_kernel(double *part, const gk_real *in, int B, int cols, int slice)
{
    SHARED(double, sums, SLICES_X *SLICES_Y);
    SHARED(double, squares, SLICES_X *SLICES_Y);
    int c = blockIdx.x * SLICES_X + threadIdx.x, at = threadIdx.y * SLICES_X + threadIdx.x;
    int from = blockIdx.y * slice, to = B - from < slice ? B : from + slice;
    const gk_real *x = in + (size_t)blockIdx.z * B * cols + c;
    double sum = 0, square = 0;

    for (int i = from + threadIdx.y; c < cols && i < to; i += SLICES_Y) {
        double y = x[(size_t)i * cols];

        sum += y;
        square += y * y;
    }
    sums[at] = sum;
    squares[at] = square;
    __syncthreads();
    if (threadIdx.y || c >= cols) return;
    for (int y = 1; y < SLICES_Y; y++) {
        sum += sums[at + y * SLICES_X];
        square += squares[at + y * SLICES_X];
    }
    part += ((size_t)blockIdx.z * gridDim.y + blockIdx.y) * 2 * cols;
    part[c] = sum;
    part[cols + c] = square;
}

/* n: of a run's 2 cols moments; grid: those, R */
static __global__ void add_moments_kernel(double *moments, const double *part, int slices, int n,
                                          gk_real beta)
{
    int j = blockIdx.x * blockDim.x + threadIdx.x;
    double total = 0;

    if (j >= n) return;
    part += (size_t)blockIdx.y * slices * n + j;
    for (int s = 0; s < slices; s++) total += part[(size_t)s * n];
    moments += (size_t)blockIdx.y * n + j;
    *moments = beta != 0 ? (double)beta * *moments + total : total;
}

void cuda_row_sums(gk_backend *be, gk_real *sum, double *moments, const gk_real *in,
                   const int32_t *index, int R, int B, int T, int E, int cols, gk_real beta)
{
    unsigned tiles = cuda_blocks((size_t)cols, CUDA_WARP);

    LAUNCH(be, row_sums_kernel, dim3(tiles, (unsigned)(T * E), (unsigned)R), CUDA_BLOCK, 0, sum, in,
           index, B, T, E, cols, beta);
    if (!moments) return;
    slices s = slices_of(B, SLICE, SLICES);
    double *part = (double *)cuda_scratch(be, (size_t)R * s.n * 2 * cols * sizeof *part);

    if (!part) return;
    LAUNCH(be, moments_kernel, dim3(tiles, (unsigned)s.n, (unsigned)R), dim3(SLICES_X, SLICES_Y), 0,
           part, in, B, cols, s.rows);
    LAUNCH(be, add_moments_kernel, dim3(cuda_blocks((size_t)2 * cols, CUDA_BLOCK), (unsigned)R),
           CUDA_BLOCK, 0, moments, part, s.n, 2 * cols, beta);
}
