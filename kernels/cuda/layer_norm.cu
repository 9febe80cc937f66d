/* Layer normalisation: half a warp per row, whose lanes are the 16 of docs/arithmetic.md, sums in
 * double. The mean is taken off in two parts, of which the first is near x: rows far from zero lose
 * nothing. Back: column sums first, as dx may be dy: tiles of 256 rows, added in their order. */
#include "cuda/machine/reduce.h"
#include "cuda/machine/slices.h"

enum {
    LANES = 16,
    ROWS = CUDA_BLOCK / LANES,           /* of a block */
    SLICE = 256,                         /* rows of a column sum */
    HEIGHT = CUDA_BLOCK / CUDA_WARP * 4, /* rows of a tile */
};

static __global__ void layer_norm_kernel(gk_real *y, gk_real *stat, const gk_real *x,
                                         const gk_real *w, const gk_real *b, int rows, int D)
{
    int row = blockIdx.x * ROWS + threadIdx.x / LANES, lane = threadIdx.x % LANES;
    bool ours = row < rows;
    size_t r = blockIdx.y, i = r * rows + (ours ? row : 0);
    double sum = 0, square = 0;

    x += i * D;
    y += i * D;
    for (int d = lane; d < D; d += LANES) sum += x[d];
    double mean = half_warp_sum(sum) / D;
    float near = (float)mean, rest = (float)(mean - near);

    for (int d = lane; d < D; d += LANES) {
        double c = x[d] - near - rest;

        square += c * c;
    }
    float scale = (float)(1 / sqrt(half_warp_sum(square) / D + 1e-5));

    for (int d = lane; ours && d < D; d += LANES)
        y[d] = (x[d] - near - rest) * scale * w[r * D + d] + b[r * D + d];
    if (!ours || lane) return;
    stat[2 * i] = near;
    stat[2 * i + 1] = scale;
}

void cuda_layer_norm(gk_backend *be, gk_real *y, gk_real *stat, const gk_real *x, const gk_real *w,
                     const gk_real *b, int R, int rows, int D)
{
    LAUNCH(be, layer_norm_kernel, dim3(cuda_blocks((size_t)rows, ROWS), (unsigned)R), CUDA_BLOCK, 0,
           y, stat, x, w, b, rows, D);
}

/* dw, db (R,slices,D): sums of dy n and dy over SLICE rows, in their order: the threads of a block
 * fill a tile, and two warps add up its columns. Grid: 32 columns, slices, runs */
static __global__ void column_sums_kernel(double *dw, double *db, const gk_real *dy,
                                          const gk_real *x, const gk_real *stat, int rows, int D)
{
    SHARED(float, tile, 2 * HEIGHT * CUDA_WARP);
    int d = blockIdx.x * CUDA_WARP + threadIdx.x, which = threadIdx.y;
    int from = blockIdx.y * SLICE, to = rows - from < SLICE ? rows : from + SLICE;
    size_t r = blockIdx.z;
    const float *column = tile + which % 2 * HEIGHT * CUDA_WARP + threadIdx.x;
    double sum = 0;

    for (int first = from; first < to; first += HEIGHT) {
        for (int k = threadIdx.y; k < HEIGHT; k += blockDim.y) {
            size_t i = r * rows + first + k, at = k * CUDA_WARP + threadIdx.x;
            bool ours = d < D && first + k < to;
            float g = ours ? dy[i * D + d] : 0;

            tile[at] = ours ? g * ((x[i * D + d] - stat[2 * i]) * stat[2 * i + 1]) : 0;
            tile[HEIGHT * CUDA_WARP + at] = g;
        }
        __syncthreads();
        for (int k = 0; which < 2 && k < HEIGHT && first + k < to; k++)
            sum += column[k * CUDA_WARP];
        __syncthreads();
    }
    if (which < 2 && d < D) (which ? db : dw)[(r * gridDim.y + blockIdx.y) * D + d] = sum;
}

/* As in ref. dx may be dy: a lane reads what it then writes. */
static __global__ void row_back_kernel(gk_real *dx, const gk_real *dy, const gk_real *x,
                                       const gk_real *stat, const gk_real *w, int rows, int D)
{
    int row = blockIdx.x * ROWS + threadIdx.x / LANES, lane = threadIdx.x % LANES;
    bool ours = row < rows;
    size_t r = blockIdx.y, i = r * rows + (ours ? row : 0);
    double sum = 0, product = 0;

    float mean = stat[2 * i], scale = stat[2 * i + 1];

    w += r * D;
    for (int d = lane; ours && d < D; d += LANES) {
        float n = (x[i * D + d] - mean) * scale, g = dy[i * D + d] * w[d];

        sum += g;
        product += g * n;
    }
    float g_mean = (float)(half_warp_sum(sum) / D), gn_mean = (float)(half_warp_sum(product) / D);

    for (int d = lane; ours && d < D; d += LANES) {
        float n = (x[i * D + d] - mean) * scale, g = dy[i * D + d] * w[d];

        dx[i * D + d] = scale * (g - g_mean - n * gn_mean);
    }
}

/* As many runs at a time as fit into scratch memory. */
void cuda_layer_norm_back(gk_backend *be, gk_real *dx, gk_real *dw, gk_real *db, const gk_real *dy,
                          const gk_real *x, const gk_real *stat, const gk_real *w, int R, int rows,
                          int D, gk_real beta)
{
    int slices = (rows + SLICE - 1) / SLICE;
    size_t sums = (size_t)slices * D, run = (size_t)rows * D;
    int group = slices_group(R, 2 * sums * sizeof(double));

    for (int r = 0; r < R; r += group) {
        int n = R - r < group ? R - r : group;
        double *part = (double *)cuda_scratch(be, 2 * group * sums * sizeof *part);

        if (!part) return;
        LAUNCH(be, column_sums_kernel,
               dim3(cuda_blocks((size_t)D, CUDA_WARP), (unsigned)slices, (unsigned)n),
               dim3(CUDA_WARP, CUDA_BLOCK / CUDA_WARP), 0, part, part + n * sums, dy + r * run,
               x + r * run, stat + (size_t)2 * r * rows, rows, D);
        add_slices(be, dw + (size_t)r * D, part, n, slices, (size_t)D, beta);
        add_slices(be, db + (size_t)r * D, part + n * sums, n, slices, (size_t)D, beta);
    }
    LAUNCH(be, row_back_kernel, dim3(cuda_blocks((size_t)rows, ROWS), (unsigned)R), CUDA_BLOCK, 0,
           dx, dy, x, stat, w, rows, D);
}
