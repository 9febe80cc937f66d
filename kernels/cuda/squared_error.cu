/* The mean squared error; see ref for the formulas. A warp has a row; a lane every 32nd logit. */
#include "cuda/machine/reduce.h"

enum { ROWS = CUDA_BLOCK / CUDA_WARP /* of a block */ };

static __global__ void squared_error_kernel(double *row_loss, uint8_t *row_hit, gk_real *dlogits,
                                            const gk_real *logits, const int32_t *label,
                                            size_t rows, int C, double scale)
{
    size_t i = (size_t)blockIdx.x * ROWS + threadIdx.x / CUDA_WARP;
    int lane = threadIdx.x % CUDA_WARP, wrong = 0;
    double loss = 0;

    if (i >= rows) return; /* the whole warp */
    const gk_real *x = logits + i * C;
    int t = label[i];
    double xt = t < 0 ? 0 : C == 1 ? (2 * t - 1) * (double)x[0] : (double)x[t];

    __syncwarp(); /* dlogits may be x */
    wrong = t < 0 || (C == 1 ? !(xt > 0) : xt != xt);
    for (int j = lane; j < C; j += CUDA_WARP) {
        double xj = x[j], target = C == 1 ? 2 * t - 1 : j == t;
        double away = t < 0 ? 0 : xj - target;

        wrong += C > 1 && !(j < t ? xj < xt : xj <= xt);
        loss += away * away;
        if (dlogits) dlogits[i * C + j] = (gk_real)(2 * scale / C * away);
    }
    loss = warp_sum(loss) / C;
    wrong = warp_sum(wrong);
    if (lane) return;
    row_loss[i] = loss;
    row_hit[i] = wrong == 0;
}

void cuda_squared_error(gk_backend *be, double *row_loss, uint8_t *row_hit, gk_real *dlogits,
                        const gk_real *logits, const int32_t *label, int R, int B, int C,
                        double scale)
{
    size_t rows = (size_t)R * B;

    LAUNCH(be, squared_error_kernel, cuda_blocks(rows, ROWS), CUDA_BLOCK, 0, row_loss, row_hit,
           dlogits, logits, label, rows, C, scale);
}
