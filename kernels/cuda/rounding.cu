/* What rounding does to a softmax: a warp per row, then a block per run adds up the rows, in a
 * fixed order, in double. When a float32 softmax is exactly 1 is derived in
 * kernels/cpu/rounding.c: what comes before the label is at most half an ulp of 1 together, what
 * comes after it alone. */
#include "cuda/machine/reduce.h"

enum { WARPS = CUDA_BLOCK / CUDA_WARP };

static __device__ const float half_ulp = 0x1p-24f, log_half_ulp = -16.635532f;

/* row (R B,2): is it saturated? |sum of dlogits|. Zeros for a row that does not count. */
static __global__ void rounding_kernel(double *row, const gk_real *logits, const gk_real *dlogits,
                                       const int32_t *label, const uint8_t *group, size_t rows,
                                       int C)
{
    size_t i = (size_t)blockIdx.x * WARPS + threadIdx.x / CUDA_WARP;
    int lane = threadIdx.x % CUDA_WARP, above = 0;

    if (i >= rows) return; /* the whole warp */
    if (group[i] || label[i] < 0) {
        if (lane < 2) row[2 * i + lane] = 0;
        return;
    }
    const gk_real *x = logits + i * C, *d = dlogits + i * C;
    int t = label[i];
    float xt = x[t], before = 0;
    double sum = 0;

    for (int c = lane; c < C; c += CUDA_WARP) {
        if (c < t) before += expf(x[c] - xt);
        if (c > t) above += !(x[c] - (xt + log_half_ulp) <= 0); /* NaN is above */
        sum += d[c];
    }
    before = warp_sum(before);
    above = warp_sum(above);
    sum = warp_sum(sum);
    if (lane) return;
    row[2 * i] = before <= half_ulp && above == 0;
    row[2 * i + 1] = fabs(sum);
}

static __global__ void add_both_kernel(double *sum, const double *row, int B, int beta)
{
    SHARED(double, part, WARPS);
    double saturated = 0, gradient_sum = 0;

    row += (size_t)blockIdx.x * 2 * B;
    for (int i = threadIdx.x; i < B; i += CUDA_BLOCK) {
        saturated += row[2 * (size_t)i];
        gradient_sum += row[2 * (size_t)i + 1];
    }
    saturated = block_sum(saturated, part, WARPS);
    gradient_sum = block_sum(gradient_sum, part, WARPS);
    if (threadIdx.x) return;
    sum += 2 * (size_t)blockIdx.x;
    sum[0] = (beta ? sum[0] : 0) + saturated;
    sum[1] = (beta ? sum[1] : 0) + gradient_sum;
}

void cuda_rounding(gk_backend *be, double *sum, const gk_real *logits, const gk_real *dlogits,
                   const int32_t *label, const uint8_t *group, int R, int B, int C, int beta)
{
    size_t rows = (size_t)R * B;
    double *row = (double *)cuda_scratch(be, 2 * rows * sizeof *row);

    if (!row) return;
    LAUNCH(be, rounding_kernel, cuda_blocks(rows, WARPS), CUDA_BLOCK, 0, row, logits, dlogits,
           label, group, rows, C);
    LAUNCH(be, add_both_kernel, (unsigned)R, CUDA_BLOCK, 0, sum, row, B, beta);
}
