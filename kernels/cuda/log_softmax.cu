/* The loss, row by row, in three forms; see ref for the formulas. A row is held in registers by
 * WARPS warps, N logits to a thread, so that logits are read once and dlogits may be logits: one
 * warp up to 128 classes, eight rows to a block; above, a block to a row.
 *
 * The exact form is that of cpu. With M the largest logit, e_j = exp(x_j - M), S = sum of e_j
 * over j != t, Z = exp(x_t - M) + S:  dlogits_j = scale e_j / Z, dlogits_t = -scale S / Z, and
 * the loss is log1p(S) where M = x_t, else M - x_t + log Z. The exponentials are floats; the
 * rounding error of x_j - M is computed and goes into them, so that they are right to an ulp or
 * two however far apart the logits are; S, Z and the loss are doubles. Nothing is taken off 1:
 * gradients are as good at losses of 1e-8 as at 1. */
#include "cuda/log_softmax.h"
#include "cuda/machine/reduce.h"

enum { ROWS = CUDA_BLOCK / CUDA_WARP /* of a block, where a warp has a row */, MOST_WARPS = 32 };

/* One row as a thread of it sees it: logits at, at + 32 WARPS, ... */
template <int N, int WARPS> struct row {
    float x[N], xt;
    int at, t, C;
    double scale, *part; /* shared: MOST_WARPS, for sums */

    __device__ int column(int k) const { return at + k * CUDA_WARP * WARPS; }
    __device__ bool has(int k) const { return column(k) < C; }

    template <typename T> __device__ T sum(T own) const
    {
        return WARPS == 1 ? warp_sum(own) : block_sum(own, (T *)part, WARPS);
    }

    __device__ float max(float own) const
    {
        own = warp_max(own);
        if (WARPS == 1) return own;
        if (threadIdx.x % CUDA_WARP == 0) part[threadIdx.x / CUDA_WARP] = own;
        __syncthreads();
        for (int i = 0; i < WARPS; i++) {
            float other = (float)part[i];

            if (!(own >= other) && other == other) own = other;
        }
        __syncthreads();
        return own;
    }

    /* The largest logit and `least`; a NaN is passed over unless it is `least`. */
    __device__ float largest(float least) const
    {
        for (int k = 0; k < N; k++) {
            if (has(k) && x[k] > least) least = x[k];
        }
        return max(least);
    }

    /* Is t what argmax would find? A NaN anywhere in the row: no. */
    __device__ bool hit(void) const
    {
        int wrong = 0;

        for (int k = 0; k < N; k++) wrong += has(k) && !(column(k) < t ? x[k] < xt : x[k] <= xt);
        return sum(wrong) == 0;
    }
};

/* exp(x - max): `low` is what the difference lost to rounding (Knuth's two-sum); NaN where x is
 * -inf. */
static __device__ float exp_difference(float x, float max)
{
    float difference = x - max, lost = difference - x;
    float low = (x - (difference - lost)) - (max + lost), e = expf(difference);

    return low == low ? e + e * low : e;
}

/* Each form returns the loss and leaves the gradient in x. */
template <int N, int WARPS> static __device__ double exact_loss(row<N, WARPS> *w)
{
    float max = w->largest(w->xt);
    double m = max > w->xt ? (double)max - (double)w->xt : 0, S = 0;

    for (int k = 0; k < N; k++) {
        w->x[k] = exp_difference(w->x[k], max);
        if (w->has(k) && w->column(k) != w->t) S += w->x[k];
    }
    S = w->sum(S);
    if (m == HUGE_VAL) S = NAN; /* a gap of inf: inf - inf in every other exponent */
    double Z = (m == 0 ? 1 : exp(-m)) + S;
    float factor = (float)(w->scale / Z);

    for (int k = 0; k < N; k++)
        w->x[k] = w->column(k) == w->t ? (float)(-w->scale * S / Z) : w->x[k] * factor;
    return m == 0 ? log1p(S) : m + log(Z);
}

template <int N, int WARPS> static __device__ double f64_loss(row<N, WARPS> *w)
{
    double max = w->largest(-HUGE_VALF), sum = 0;

    for (int k = 0; k < N; k++) sum += w->has(k) ? exp(w->x[k] - max) : 0;
    sum = log(w->sum(sum));
    for (int k = 0; k < N; k++) {
        double ps = exp(w->x[k] - max - sum) * w->scale;

        w->x[k] = (float)(w->column(k) == w->t ? ps - w->scale : ps);
    }
    return -(w->xt - max - sum);
}

/* The usual float32 arithmetic; of the order of its sum nobody promises anything. */
template <int N, int WARPS> static __device__ double f32_loss(row<N, WARPS> *w)
{
    float max = w->largest(-HUGE_VALF), sum = 0, scale = (float)w->scale;

    for (int k = 0; k < N; k++) sum += w->has(k) ? expf(w->x[k] - max) : 0;
    sum = logf(w->sum(sum));
    for (int k = 0; k < N; k++) {
        float ps = expf(w->x[k] - max - sum) * scale;

        w->x[k] = w->column(k) == w->t ? ps - scale : ps;
    }
    return -(w->xt - max - sum);
}

template <int N, int WARPS>
static __global__ void __launch_bounds__(WARPS == 1 ? CUDA_BLOCK : WARPS * CUDA_WARP)
    log_softmax_kernel(loss_rows to, int form, double scale)
{
    SHARED(double, part, MOST_WARPS);
    int i = WARPS == 1 ? blockIdx.x * ROWS + threadIdx.x / CUDA_WARP : blockIdx.x;
    size_t at = (size_t)blockIdx.y * to.B + i, first = blockIdx.y * to.run + (size_t)i * to.ld;
    row<N, WARPS> w;

    if (i >= to.rows) return; /* the whole warp, and only where a warp has a row of its own */
    w.at = threadIdx.x % (CUDA_WARP * WARPS);
    w.t = to.label[at];
    w.C = to.C;
    w.scale = scale;
    w.part = part;
    bool hit = false, scored = w.t >= 0; /* the same for all threads of the row */
    double loss = 0;

    for (int k = 0; k < N; k++) w.x[k] = scored && w.has(k) ? to.x[first + w.column(k)] : 0;
    if (scored) {
        w.xt = to.x[first + w.t];
        hit = w.hit();
        loss = form == GK_LOSS_EXACT ? exact_loss(&w)
               : form == GK_LOSS_F64 ? f64_loss(&w)
                                     : f32_loss(&w);
    }
    if (w.at == 0) {
        to.loss[at] = loss;
        to.hit[at] = hit;
    }
    if (WARPS == 1) __syncwarp(); /* d may be x: all lanes have read xt; more warps met in sums */
    for (int k = 0; to.d && k < N; k++) {
        if (w.has(k)) to.d[first + w.column(k)] = w.x[k];
    }
}

template <int N, int WARPS>
static void launch(gk_backend *be, const loss_rows *w, int R, int form, double scale)
{
    const unsigned rows = WARPS == 1 ? ROWS : 1;

    LAUNCH(be, (log_softmax_kernel<N, WARPS>),
           dim3(cuda_blocks((size_t)w->rows, rows), (unsigned)R), rows * WARPS * CUDA_WARP, 0, *w,
           form, scale);
}

void cuda_loss_rows(gk_backend *be, const loss_rows *w, int R, int form, double scale)
{
    GK_CHECK(form == GK_LOSS_EXACT || form == GK_LOSS_F64 || form == GK_LOSS_F32);
    if (w->C <= 32)
        launch<1, 1>(be, w, R, form, scale);
    else if (w->C <= 128)
        launch<4, 1>(be, w, R, form, scale);
    else if (w->C <= 1024)
        launch<4, 8>(be, w, R, form, scale);
    else if (w->C <= 16384)
        launch<16, 32>(be, w, R, form, scale);
    else
        cuda_fail(be, "log_softmax", "more than 16384 classes", __FILE__, __LINE__);
}

void cuda_log_softmax(gk_backend *be, double *row_loss, uint8_t *row_hit, gk_real *dlogits,
                      const gk_real *logits, const int32_t *label, int R, int B, int C, int form,
                      double scale)
{
    loss_rows w = {row_loss, row_hit, dlogits, logits, label, B, B, C, C, (size_t)B * C};

    cuda_loss_rows(be, &w, R, form, scale);
}
