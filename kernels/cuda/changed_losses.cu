/* Losses after changes of the logits. A warp owns (run, change, row): a lane computes the changed
 * logits c, c + 32, ... twice, once for the largest and once for the sum of exponentials, so that a
 * row of any length needs no memory of its own. Then a block adds up the losses of a group, in a
 * fixed order, in double.
 *
 * With M the largest, S = sum of exp(x_c - M) over c != t: the loss is log1p(S) where M = x_t, else
 * M - x_t + log(exp(x_t - M) + S), as in log_softmax.cu. */
#include "cuda/machine/reduce.h"

enum { WARPS = CUDA_BLOCK / CUDA_WARP };

/* What a warp works on. */
typedef struct changes {
    const gk_real *logits, *basis, *coef;
    const int32_t *label, *index, *begin, *column;
    int B, C, T, W, M;
} changes;

/* Logit c of row i (of all runs) of run r after the change: terms from .. to - 1. */
static __device__ float changed(const changes *w, size_t i, size_t r, int c, int from, int to)
{
    float x = w->logits ? w->logits[i * w->C + c] : 0;

    for (int t = 0; t < w->T; t++) {
        const gk_real *at = w->basis + (size_t)w->index[i * w->T + t] * w->W;
        const gk_real *of = w->coef + (r * w->T + t) * w->M * w->C + c;

        for (int j = from; j < to; j++) x -= at[w->column[j]] * of[(size_t)j * w->C];
    }
    return x;
}

/* loss (R,V,B); grid: rows, V, R */
static __global__ void changed_kernel(double *loss, changes w)
{
    int lane = threadIdx.x % CUDA_WARP, row = blockIdx.x * WARPS + threadIdx.x / CUDA_WARP;
    int v = blockIdx.y, from = w.begin[v], to = w.begin[v + 1];
    size_t r = blockIdx.z, i = r * w.B + row;

    if (row >= w.B) return; /* the whole warp */
    int t = w.label[i];
    double *out = loss + (r * gridDim.y + v) * w.B + row;

    if (t < 0) { /* not scored */
        if (lane == 0) *out = 0;
        return;
    }
    float xt = changed(&w, i, r, t, from, to), most = xt;
    double S = 0;

    for (int c = lane; c < w.C; c += CUDA_WARP) {
        float x = changed(&w, i, r, c, from, to);

        if (x > most) most = x;
    }
    most = warp_max(most);
    for (int c = lane; c < w.C; c += CUDA_WARP)
        if (c != t) S += expf(changed(&w, i, r, c, from, to) - most);
    S = warp_sum(S);
    if (lane) return;
    double m = most > xt ? (double)most - (double)xt : 0;

    *out = m == 0 ? log1p(S) : m + log(exp(-m) + S);
}

/* sum (R,V,G); grid: G, V, R */
static __global__ void add_groups_kernel(double *sum, const double *loss, const uint8_t *group,
                                         int B, int beta)
{
    SHARED(double, part, WARPS);
    size_t rv = (size_t)blockIdx.z * gridDim.y + blockIdx.y;
    const double *of = loss + rv * B;
    double total = 0;

    for (int i = threadIdx.x; i < B; i += CUDA_BLOCK) {
        int g = group ? group[(size_t)blockIdx.z * B + i] : 0;

        if (g == (int)blockIdx.x) total += of[i];
    }
    total = block_sum(total, part, WARPS);
    if (threadIdx.x) return;
    sum += rv * gridDim.x + blockIdx.x;
    *sum = beta ? *sum + total : total;
}

void cuda_changed_losses(gk_backend *be, double *sum, const gk_real *logits, const int32_t *label,
                         const uint8_t *group, const int32_t *index, const gk_real *basis,
                         const gk_real *coef, const int32_t *begin, const int32_t *column, int R,
                         int B, int C, int G, int V, int T, int E, int W, int M, int beta)
{
    changes w = {logits, basis, coef, label, index, begin, column, B, C, T, W, M};
    double *loss = (double *)cuda_scratch(be, (size_t)R * V * B * sizeof *loss);

    (void)E;
    if (!loss) return;
    LAUNCH(be, changed_kernel, dim3(cuda_blocks((size_t)B, WARPS), (unsigned)V, (unsigned)R),
           CUDA_BLOCK, 0, loss, w);
    LAUNCH(be, add_groups_kernel, dim3((unsigned)G, (unsigned)V, (unsigned)R), CUDA_BLOCK, 0, sum,
           loss, group, B, beta);
}
