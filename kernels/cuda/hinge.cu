/* The hinge loss; see ref for the formulas. A warp has a row; a lane every 32nd logit. Margins are
 * doubles, as in ref, so that all backends find the same side of a kink. */
#include "cuda/machine/reduce.h"

enum { ROWS = CUDA_BLOCK / CUDA_WARP /* of a block */ };

static __device__ double positive(double margin) { return margin <= 0 ? 0 : margin; }

/* The slope of it. */
static __device__ double slope(double margin) { return margin > 0 ? 1 : positive(margin); }

/* All lanes take part and get the same; d may be x. */
static __device__ double many_classes(gk_real *d, bool *hit, const gk_real *x, int C, int t,
                                      double scale)
{
    double xt = x[t], loss = 0, above = 0;
    int wrong = xt != xt;

    __syncwarp(); /* before d[t] is written all have read x[t] */
    for (int j = threadIdx.x % CUDA_WARP; j < C; j += CUDA_WARP) {
        double xj = x[j], margin = 1 - xt + xj;

        if (j == t) continue;
        wrong += !(j < t ? xj < xt : xj <= xt);
        loss += positive(margin);
        above += slope(margin);
        if (d) d[j] = (gk_real)(scale / C * slope(margin));
    }
    *hit = warp_sum(wrong) == 0;
    above = warp_sum(above);
    if (d && threadIdx.x % CUDA_WARP == 0) d[t] = (gk_real)(-scale / C * above);
    return warp_sum(loss) / C;
}

static __global__ void hinge_kernel(double *row_loss, uint8_t *row_hit, gk_real *dlogits,
                                    const gk_real *logits, const int32_t *label, size_t rows, int C,
                                    double scale)
{
    size_t i = (size_t)blockIdx.x * ROWS + threadIdx.x / CUDA_WARP;
    int lane = threadIdx.x % CUDA_WARP;
    double loss = 0;
    bool hit = false;

    if (i >= rows) return; /* the whole warp */
    gk_real *d = dlogits ? dlogits + i * C : NULL;
    const gk_real *x = logits + i * C;
    int t = label[i];

    if (t < 0) {
        for (int j = lane; d && j < C; j += CUDA_WARP) d[j] = 0;
    } else if (C == 1) {
        double y = 2 * t - 1, yx = y * x[0];

        __syncwarp(); /* d may be x */
        hit = yx > 0;
        loss = positive(1 - yx);
        if (d && lane == 0) *d = (gk_real)(-scale * y * slope(1 - yx));
    } else {
        loss = many_classes(d, &hit, x, C, t, scale);
    }
    if (lane) return;
    row_loss[i] = loss;
    row_hit[i] = hit;
}

void cuda_hinge(gk_backend *be, double *row_loss, uint8_t *row_hit, gk_real *dlogits,
                const gk_real *logits, const int32_t *label, int R, int B, int C, double scale)
{
    size_t rows = (size_t)R * B;

    LAUNCH(be, hinge_kernel, cuda_blocks(rows, ROWS), CUDA_BLOCK, 0, row_loss, row_hit, dlogits,
           logits, label, rows, C, scale);
}
