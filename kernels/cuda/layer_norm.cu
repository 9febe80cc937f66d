/* Layer normalisation: a warp per row, its sums in double. The mean is taken off in two parts,
 * of which the first is near x: rows far from zero lose nothing. Back: column sums first, as dx
 * may be dy, in slices of the rows (slices.h). */
#include "cuda/machine/reduce.h"
#include "cuda/machine/slices.h"

enum { WARPS = CUDA_BLOCK / CUDA_WARP, SLICE = 64, SLICES = 256 /* at least, at most */ };

static __global__ void layer_norm_kernel(gk_real *y, gk_real *stat, const gk_real *x,
                                         const gk_real *w, const gk_real *b, int rows, int D)
{
    int row = blockIdx.x * WARPS + threadIdx.x / CUDA_WARP, lane = threadIdx.x % CUDA_WARP;
    size_t r = blockIdx.y, i = r * rows + row;
    double sum = 0, square = 0;

    if (row >= rows) return; /* the whole warp */
    x += i * D;
    y += i * D;
    for (int d = lane; d < D; d += CUDA_WARP) sum += x[d];
    double mean = warp_sum(sum) / D;

    for (int d = lane; d < D; d += CUDA_WARP) square += (x[d] - mean) * (x[d] - mean);
    float scale = (float)(1 / sqrt(warp_sum(square) / D + 1e-5));
    float near = (float)mean, rest = (float)(mean - near);

    for (int d = lane; d < D; d += CUDA_WARP)
        y[d] = (x[d] - near - rest) * scale * w[r * D + d] + b[r * D + d];
    if (lane) return;
    stat[2 * i] = near;
    stat[2 * i + 1] = scale;
}

void cuda_layer_norm(gk_backend *be, gk_real *y, gk_real *stat, const gk_real *x, const gk_real *w,
                     const gk_real *b, int R, int rows, int D)
{
    LAUNCH(be, layer_norm_kernel, dim3(cuda_blocks((size_t)rows, WARPS), (unsigned)R), CUDA_BLOCK,
           0, y, stat, x, w, b, rows, D);
}

/* dw, db (R,slices,D): sums of dy n and dy over a slice of the rows. Grid: tiles of columns,
 * slices, runs */
static __global__ void column_sums_kernel(double *dw, double *db, const gk_real *dy,
                                          const gk_real *x, const gk_real *stat, int rows, int D,
                                          int slice)
{
    SHARED(double, sums_w, SLICES_X *SLICES_Y);
    SHARED(double, sums_b, SLICES_X *SLICES_Y);
    int d = blockIdx.x * SLICES_X + threadIdx.x, at = threadIdx.y * SLICES_X + threadIdx.x;
    int from = blockIdx.y * slice, to = rows - from < slice ? rows : from + slice;
    size_t r = blockIdx.z;
    double sum_w = 0, sum_b = 0;

    for (int row = from + threadIdx.y; d < D && row < to; row += SLICES_Y) {
        size_t i = r * rows + row;
        float g = dy[i * D + d];

        sum_w += g * ((x[i * D + d] - stat[2 * i]) * stat[2 * i + 1]);
        sum_b += g;
    }
    sums_w[at] = sum_w;
    sums_b[at] = sum_b;
    __syncthreads();
    if (threadIdx.y || d >= D) return;
    for (int y = 1; y < SLICES_Y; y++) {
        sum_w += sums_w[at + y * SLICES_X];
        sum_b += sums_b[at + y * SLICES_X];
    }
    dw[(r * gridDim.y + blockIdx.y) * D + d] = sum_w;
    db[(r * gridDim.y + blockIdx.y) * D + d] = sum_b;
}

/* As in ref. dx may be dy: a lane reads what it then writes. */
static __global__ void row_back_kernel(gk_real *dx, const gk_real *dy, const gk_real *x,
                                       const gk_real *stat, const gk_real *w, int rows, int D)
{
    int row = blockIdx.x * WARPS + threadIdx.x / CUDA_WARP, lane = threadIdx.x % CUDA_WARP;
    size_t r = blockIdx.y, i = r * rows + row;
    double sum = 0, product = 0;

    if (row >= rows) return; /* the whole warp */
    float mean = stat[2 * i], scale = stat[2 * i + 1];

    w += r * D;
    for (int d = lane; d < D; d += CUDA_WARP) {
        float n = (x[i * D + d] - mean) * scale, g = dy[i * D + d] * w[d];

        sum += g;
        product += g * n;
    }
    float g_mean = (float)(warp_sum(sum) / D), gn_mean = (float)(warp_sum(product) / D);

    for (int d = lane; d < D; d += CUDA_WARP) {
        float n = (x[i * D + d] - mean) * scale, g = dy[i * D + d] * w[d];

        dx[i * D + d] = scale * (g - g_mean - n * gn_mean);
    }
}

/* As many runs at a time as fit into scratch memory. */
void cuda_layer_norm_back(gk_backend *be, gk_real *dx, gk_real *dw, gk_real *db, const gk_real *dy,
                          const gk_real *x, const gk_real *stat, const gk_real *w, int R, int rows,
                          int D, gk_real beta)
{
    slices s = slices_of(rows, SLICE, SLICES);
    size_t sums = (size_t)s.n * D, run = (size_t)rows * D;
    int group = slices_group(R, 2 * sums * sizeof(double));

    for (int r = 0; r < R; r += group) {
        int n = R - r < group ? R - r : group;
        double *part = (double *)cuda_scratch(be, 2 * group * sums * sizeof *part);

        if (!part) return;
        LAUNCH(be, column_sums_kernel,
               dim3(cuda_blocks((size_t)D, SLICES_X), (unsigned)s.n, (unsigned)n),
               dim3(SLICES_X, SLICES_Y), 0, part, part + n * sums, dy + r * run, x + r * run,
               stat + (size_t)2 * r * rows, rows, D, s.rows);
        add_slices(be, dw + (size_t)r * D, part, n, s.n, (size_t)D, beta);
        add_slices(be, db + (size_t)r * D, part + n * sums, n, s.n, (size_t)D, beta);
    }
    LAUNCH(be, row_back_kernel, dim3(cuda_blocks((size_t)rows, WARPS), (unsigned)R), CUDA_BLOCK, 0,
           dx, dy, x, stat, w, rows, D);
}
