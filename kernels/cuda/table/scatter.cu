/* From dE to the tables' gradients. A warp owns (run, token, first or second place, 64 columns)
 * and walks the token's pairs in order: it sums A dE for its row of the table, and leaves its
 * columns' share of dA_j = dE . X_hj, X being in registers: no atomics, and no row is gathered a
 * second time. Then a warp per (run, place, token, head) makes the scores' gradients of the
 * shares, and sums over tokens, in double, give shift and base. */
#include "cuda/machine/reduce.h"
#include "cuda/machine/slices.h"
#include "cuda/table/pairs.h"

enum {
    LANES = 2, /* columns of a lane */
    EACH = 4,  /* pairs whose loads are under way at once */
    STRIP = LANES * CUDA_WARP,
    SCATTER_WARPS = 4,
    WARPS = CUDA_BLOCK / CUDA_WARP
};

int cuda_scatter_strips(int width) { return (width + STRIP - 1) / STRIP; }

/* The first place in from .. to whose row is not below `row`; rows rise. */
static __device__ int place_of(const int32_t *by_b, int from, int to, int row)
{
    while (from < to) {
        int middle = from + (to - from) / 2;

        if (by_b[middle] < row)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

/* The places of a token's pairs that are in the panel: j = 0: rows; j = 1: places in by_b, whose
 * rows rise. */
static __device__ void places_of(const panel &w, size_t r, int j, int token, int *from, int *to)
{
    const int32_t *first = (j ? w.pairs.first_b : w.pairs.first_a) + r * (w.t.N + 1) + token;
    const int32_t *by_b = w.pairs.by_b + r * w.pairs.B;
    int end = w.from + w.rows;

    *from = first[0];
    *to = first[1];
    if (w.rows == w.pairs.B) return;
    if (j == 0) {
        if (*from < w.from) *from = w.from;
        if (*to > end) *to = end;
        return;
    }
    *from = place_of(by_b, *from, *to, w.from);
    *to = place_of(by_b, *from, *to, end);
}

/* Sums of HEADS values over the warp; lane l has that of value l * HEADS / 32. Halves of the
 * warp trade values, so that each needs one exchange or two, not five. HEADS is a power of two. */
template <int HEADS> static __device__ float warp_sums(float *x)
{
    int lane = threadIdx.x % CUDA_WARP, step = CUDA_WARP / 2;

    for (int n = HEADS / 2; n; n /= 2, step /= 2) {
        bool upper = lane & step;

        for (int i = 0; i < n; i++) {
            float other = __shfl_xor_sync(whole_warp, upper ? x[i] : x[i + n], step);

            x[i] = (upper ? x[i + n] : x[i]) + other;
        }
    }
    for (; step; step /= 2) x[0] += __shfl_xor_sync(whole_warp, x[0], step);
    return x[0];
}

/* One warp's heads h .. h + HEADS - 1 (below H), of token `token` in place j, columns w and w +
 * 32 of a strip. */
template <int HEADS> struct walk {
    const panel &p;
    size_t r;
    int j, h, w, strip;
    float X[HEADS][LANES], sum[HEADS][LANES], base[LANES];

    __device__ bool has(int k, int l) const
    {
        return h + k < p.t.H && w + l * CUDA_WARP < p.t.F + p.t.rest;
    }

    __device__ void start(int token)
    {
        int H = p.t.H, W = p.t.F + p.t.rest;
        const gk_real *row = p.t.table.row + (r * p.t.N + token) * H * W;
        const gk_real *shift = p.t.table.shift + (r * 2 + j) * H * W;

        for (int l = 0; l < LANES; l++) {
            base[l] = 0;
            for (int k = 0; k < HEADS; k++) {
                size_t at = (size_t)(h + k) * W + w + l * CUDA_WARP;

                X[k][l] = has(k, l) ? row[at] + shift[at] : 0;
                sum[k][l] = 0;
            }
        }
    }

    /* dE of row i, with the mask of the relu */
    __device__ void load(float *d, int i) const
    {
        const gk_real *e = p.e + (r * p.room + i) * p.ld, *dh = p.dh + (r * p.room + i) * p.t.F;

        for (int l = 0; l < LANES; l++) {
            int c = w + l * CUDA_WARP;

            d[l] = has(0, l) ? e[c] : 0;
            if (c < p.t.F) d[l] = d[l] <= 0 ? 0 : dh[c];
        }
    }

    __device__ void add(const float *d, const float *A, int i)
    {
        float dot[HEADS];

        for (int k = 0; k < HEADS; k++) {
            dot[k] = 0;
            for (int l = 0; l < LANES; l++) {
                sum[k][l] += A[k] * d[l];
                dot[k] += X[k][l] * d[l];
            }
        }
        for (int l = 0; l < LANES; l++) base[l] += d[l];
        float total = warp_sums<HEADS>(dot);
        int lane = threadIdx.x % CUDA_WARP, k = lane * HEADS / CUDA_WARP;

        if (lane % (CUDA_WARP / HEADS) == 0 && h + k < p.t.H)
            p.dots[(((r * 2 + j) * p.strips + strip) * p.room + i) * p.t.H + h + k] = total;
    }

    __device__ void store(int token) const
    {
        int H = p.t.H, W = p.t.F + p.t.rest;
        gk_real *to = p.part + (r * p.t.N + token) * (2 * H + 1) * W + w;

        for (int l = 0; l < LANES; l++, to += CUDA_WARP) {
            for (int k = 0; k < HEADS; k++) {
                gk_real *at = to + (size_t)(j * H + h + k) * W;

                if (has(k, l)) *at = p.from ? *at + sum[k][l] : sum[k][l];
            }
            gk_real *at = to + (size_t)2 * H * W;

            if (j == 0 && h == 0 && has(0, l)) *at = p.from ? *at + base[l] : base[l];
        }
    }
};

template <int HEADS> static __global__ void scatter_kernel(panel p)
{
    int strip = blockIdx.x * SCATTER_WARPS + threadIdx.x / CUDA_WARP, H = p.t.H;
    int j = blockIdx.y / p.t.N, token = blockIdx.y % p.t.N, from, to;
    size_t r = blockIdx.z;
    const int32_t *by_b = p.pairs.by_b + r * p.pairs.B;
    const gk_real *prob = p.prob + r * p.room * H * 3;

    if (strip >= p.strips) return; /* the whole warp */
    places_of(p, r, j, token, &from, &to);
    for (int h = 0; h < H; h += HEADS) {
        walk<HEADS> w = {p, r, j, h, strip * STRIP + (int)threadIdx.x % CUDA_WARP, strip};

        w.start(token);
        for (int at = from; at < to; at += EACH) {
            float d[EACH][LANES], A[EACH][HEADS];
            int i[EACH];

            for (int e = 0; e < EACH; e++) {
                int place = at + e < to ? at + e : at;

                i[e] = (j ? by_b[place] : place) - p.from;
                w.load(d[e], i[e]);
                for (int k = 0; k < HEADS; k++)
                    A[e][k] = h + k < H ? prob[((size_t)i[e] * H + h + k) * 3 + j] : 0;
            }
            for (int e = 0; e < EACH; e++) {
                if (at + e < to) w.add(d[e], A[e], i[e]);
            }
        }
        w.store(token);
    }
}

/* dA_j of row i: the strips in their order */
static __device__ double dot_of(const panel &p, size_t r, int j, int i, int h)
{
    const gk_real *at = p.dots + ((r * 2 + j) * p.strips * p.room + i) * p.t.H + h;
    double sum = 0;

    for (int s = 0; s < p.strips; s++) sum += at[(size_t)s * p.room * p.t.H];
    return sum;
}

static __global__ void scores_kernel(panel p)
{
    int H = p.t.H, N = p.t.N, lane = threadIdx.x % CUDA_WARP, from, to;
    int i = blockIdx.x * WARPS + threadIdx.x / CUDA_WARP; /* (j, token, h) */
    int h = i % H, token = i / H % N, j = i / H / N;
    size_t r = blockIdx.y;
    double sum = 0, sum_eq = 0;

    if (j >= 2) return; /* the whole warp */
    places_of(p, r, j, token, &from, &to);
    for (int place = from + lane; place < to; place += CUDA_WARP) {
        int row = (j ? p.pairs.by_b[r * p.pairs.B + place] : place) - p.from;
        const gk_real *A = p.prob + ((r * p.room + row) * H + h) * 3;
        double dA0 = dot_of(p, r, 0, row, h), dA1 = dot_of(p, r, 1, row, h);
        double mean = A[0] * dA0 + A[1] * dA1;

        sum += A[j] * ((j ? dA1 : dA0) - mean);
        sum_eq -= A[2] * mean;
    }
    sum = warp_sum(sum);
    sum_eq = warp_sum(sum_eq);
    if (lane) return;
    double *to_score = p.score + r * 3 * N * H + (size_t)token * H + h;

    to_score[(size_t)j * N * H] = (p.from ? to_score[(size_t)j * N * H] : 0) + sum;
    if (j == 0) to_score[(size_t)2 * N * H] = (p.from ? to_score[(size_t)2 * N * H] : 0) + sum_eq;
}

/* Sums over the SLICES_Y threads of a column, for those of y = 0. sums: SLICES_X * SLICES_Y */
static __device__ double column_sum(double x, double *sums)
{
    int at = threadIdx.y * SLICES_X + threadIdx.x;

    sums[at] = x;
    __syncthreads();
    for (int y = 1; threadIdx.y == 0 && y < SLICES_Y; y++) x += sums[at + y * SLICES_X];
    __syncthreads();
    return x;
}

/* From all panels' parts to d_table. blockIdx.y < H: row and shift of head y; H: base; H + 1:
 * scores. */
static __global__ void finish_kernel(panel p)
{
    SHARED(double, sums, SLICES_X *SLICES_Y);
    int H = p.t.H, N = p.t.N, W = p.t.F + p.t.rest, y = blockIdx.y;
    int w = blockIdx.x * SLICES_X + threadIdx.x;
    size_t r = blockIdx.z, step = (size_t)(2 * H + 1) * W;
    const gk_real *part = p.part + r * N * step + w;
    double sum[2] = {0, 0};

    if (y > H) {
        const double *score = p.score + r * 3 * N * H;

        for (int i = w + threadIdx.y * gridDim.x * SLICES_X; i < 2 * N * H;
             i += gridDim.x * SLICES_X * SLICES_Y)
            p.t.d_table.score[r * 2 * N * H + i] = (gk_real)score[i];
        for (int h = threadIdx.y; blockIdx.x == 0 && h < H; h += SLICES_Y) {
            double eq = 0;

            for (int i = threadIdx.x; i < N; i += CUDA_WARP)
                eq += score[((size_t)2 * N + i) * H + h];
            eq = warp_sum(eq);
            if (threadIdx.x == 0) p.t.d_table.score_eq[r * H + h] = (gk_real)eq;
        }
        return;
    }
    for (int i = threadIdx.y; w < W && i < N; i += SLICES_Y) {
        const gk_real *x = part + i * step + (size_t)(y < H ? y : 2 * H) * W;

        sum[0] += x[0];
        if (y == H) continue;
        sum[1] += x[(size_t)H * W];
        p.t.d_table.row[((r * N + i) * H + y) * W + w] = x[0] + x[(size_t)H * W];
    }
    for (int j = 0; j < 2; j++) sum[j] = column_sum(sum[j], sums);
    if (threadIdx.y || w >= W) return;
    for (int j = 0; y < H && j < 2; j++)
        p.t.d_table.shift[((r * 2 + j) * H + y) * W + w] = (gk_real)sum[j];
    if (y == H) p.t.d_table.base[r * W + w] = (gk_real)sum[0];
}

void cuda_scatter(gk_backend *be, const panel *p)
{
    dim3 grid(cuda_blocks((size_t)p->strips, SCATTER_WARPS), (unsigned)p->t.N * 2,
              (unsigned)p->t.R);
    const unsigned threads = SCATTER_WARPS * CUDA_WARP;

    if (p->t.H == 1)
        LAUNCH(be, scatter_kernel<1>, grid, threads, 0, *p);
    else if (p->t.H == 2)
        LAUNCH(be, scatter_kernel<2>, grid, threads, 0, *p);
    else
        LAUNCH(be, scatter_kernel<4>, grid, threads, 0, *p);
    LAUNCH(be, scores_kernel,
           dim3(cuda_blocks((size_t)2 * p->t.N * p->t.H, WARPS), (unsigned)p->t.R), CUDA_BLOCK, 0,
           *p);
}

void cuda_scatter_finish(gk_backend *be, const panel *p)
{
    LAUNCH(
        be, finish_kernel,
        dim3(cuda_blocks((size_t)panel_width(p), SLICES_X), (unsigned)p->t.H + 2, (unsigned)p->t.R),
        dim3(SLICES_X, SLICES_Y), 0, *p);
}
