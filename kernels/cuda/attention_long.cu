/* Causal attention for many queries: matrix products of the (queries, keys) of a head, in tiles of
 * SIDE x SIDE, whose factors go through shared memory SIDE steps at a time; a thread has
 * EACH x EACH results. What the mask hides is left out by whole tiles.
 *
 * Forward: a block has SIDE queries of a head: scores to prob, softmax there, a warp to a row, then
 * the mixture. Back: the same blocks for ds (in scratch memory) and dq; then a block has SIDE keys
 * and adds up dk and dv over the queries in order. A row has one owner: no atomics. What a block
 * wrote itself it reads from global memory behind a barrier. */
#include "cuda/attention.h"
#include "cuda/machine/reduce.h"

enum {
    SIDE = 32,
    EACH = 2,
    ACROSS = SIDE / EACH, /* threads along a side of a tile: ACROSS^2 of them are a block */
    WARPS = CUDA_BLOCK / CUDA_WARP,
    LOADS = SIDE * SIDE / CUDA_BLOCK /* elements of a tile that a thread loads */
};
static const size_t scratch_most = (size_t)64 << 20;

static_assert(ACROSS * ACROSS == CUDA_BLOCK, "a block is a tile");

/* Element (i,j) is at[i * row + j * col]; one of row, col is 1. Beyond rows, cols it is 0. */
typedef struct matrix {
    const gk_real *at;
    size_t row, col;
    int rows, cols;
} matrix;

typedef struct tile {
    float of[EACH][EACH]; /* rows y + ACROSS i, columns x + ACROSS j */
} tile;

static __device__ int tile_x(void) { return threadIdx.x % ACROSS; }
static __device__ int tile_y(void) { return threadIdx.x / ACROSS; }

/* to[i][j] = element (i0 + i, j0 + j), or transposed to[j][i]; neighbours read neighbours. */
static __device__ void load(float (*to)[SIDE + 1], const matrix *a, int i0, int j0, bool transposed)
{
    for (int n = 0; n < LOADS; n++) {
        int m = n * CUDA_BLOCK + threadIdx.x, fast = m % SIDE, slow = m / SIDE;
        int i = a->col == 1 ? slow : fast, j = a->col == 1 ? fast : slow;
        bool there = i0 + i < a->rows && j0 + j < a->cols;
        float x = there ? a->at[(i0 + i) * a->row + (j0 + j) * a->col] : 0;

        if (transposed)
            to[j][i] = x;
        else
            to[i][j] = x;
    }
}

/* The tile of a b at (i0, j0), over steps from .. to - 1 of the inner index. Begins with a barrier,
 * so that tiles may follow each other. */
static __device__ tile multiply(const matrix *a, const matrix *b, int i0, int j0, int from, int to,
                                float (*left)[SIDE + 1], float (*right)[SIDE + 1])
{
    tile sum = {};

    for (int p0 = from; p0 < to; p0 += SIDE) {
        __syncthreads();
        load(left, a, i0, p0, true);
        load(right, b, p0, j0, false);
        __syncthreads();
        for (int p = 0; p < SIDE; p++) {
            float x[EACH], y[EACH];

            for (int i = 0; i < EACH; i++) x[i] = left[p][tile_y() + ACROSS * i];
            for (int j = 0; j < EACH; j++) y[j] = right[p][tile_x() + ACROSS * j];
            for (int i = 0; i < EACH; i++)
                for (int j = 0; j < EACH; j++) sum.of[i][j] += x[i] * y[j];
        }
    }
    return sum;
}

/* Element (i0 + .., j0 + ..) of out (rows, cols), rows ld apart, from a tile */
static __device__ void store(gk_real *out, size_t ld, int rows, int cols, int i0, int j0,
                             const tile *t)
{
    for (int i = 0; i < EACH; i++) {
        for (int j = 0; j < EACH; j++) {
            int row = i0 + tile_y() + ACROSS * i, col = j0 + tile_x() + ACROSS * j;

            if (row < rows && col < cols) out[row * ld + col] = t->of[i][j];
        }
    }
}

/* One head as matrices: rows of q, k, v, dz (rows,K), and their transposes. */
static __device__ matrix rows_of(const gk_real *head, int rows, const attention_sizes *s)
{
    return {head, (size_t)s->H * s->K, 1, rows, s->K};
}

static __device__ matrix flipped(matrix a) { return {a.at, a.col, a.row, a.cols, a.rows}; }

/* (Q,T), of which only keys before `keys` are there */
static __device__ matrix weights_of(const gk_real *at, int keys, const attention_sizes *s)
{
    return {at, (size_t)s->T, 1, s->Q, keys};
}

/* out (Q,T) = a b^T for the block's queries and the first `keys` keys */
static __device__ void write_scores(gk_real *out, const gk_real *a, const gk_real *b, int i0,
                                    int keys, const attention_sizes *s, float (*left)[SIDE + 1],
                                    float (*right)[SIDE + 1])
{
    matrix x = rows_of(a, s->Q, s), y = flipped(rows_of(b, s->T, s));

    for (int t0 = 0; t0 < keys; t0 += SIDE) {
        tile sum = multiply(&x, &y, i0, t0, 0, s->K, left, right);

        store(out, s->T, s->Q, keys, i0, t0, &sum);
    }
}

/* out (Q,K) = weights times b (T,K) for the block's queries */
static __device__ void write_mixture(gk_real *out, const gk_real *weights, const gk_real *b, int i0,
                                     int keys, const attention_sizes *s, float (*left)[SIDE + 1],
                                     float (*right)[SIDE + 1])
{
    matrix x = weights_of(weights, keys, s), y = rows_of(b, s->T, s);

    for (int c0 = 0; c0 < s->K; c0 += SIDE) {
        tile sum = multiply(&x, &y, i0, c0, 0, keys, left, right);

        store(out, (size_t)s->H * s->K, s->Q, s->K, i0, c0, &sum);
    }
}

/* The first `seen` of T products become probabilities, the rest 0; a warp, each lane its own keys.
 * A NaN makes all of them NaN. */
static __device__ void softmax(gk_real *p, int seen, int T, float scale)
{
    int lane = threadIdx.x % CUDA_WARP;
    float max = -HUGE_VALF;
    double sum = 0;

    for (int t = lane; t < seen; t += CUDA_WARP) {
        float x = p[t] * scale;

        if (x > max) max = x;
    }
    max = warp_max(max);
    for (int t = lane; t < seen; t += CUDA_WARP) sum += p[t] = expf(p[t] * scale - max);
    float factor = (float)(1 / warp_sum(sum));

    for (int t = lane; t < T; t += CUDA_WARP) p[t] = t < seen ? p[t] * factor : 0;
}

/* dp becomes ds = p (dp - sum of p dp) / sqrt(K), 0 beyond the `seen` keys; likewise. */
static __device__ void softmax_back(gk_real *ds, const gk_real *p, int seen, int T, float scale)
{
    int lane = threadIdx.x % CUDA_WARP;
    double sum = 0;

    for (int t = lane; t < seen; t += CUDA_WARP) sum += p[t] * ds[t];
    float mean = (float)warp_sum(sum);

    for (int t = lane; t < T; t += CUDA_WARP) ds[t] = t < seen ? p[t] * (ds[t] - mean) * scale : 0;
}

/* Which head and which SIDE of its rows a block has. */
static __device__ size_t block_head(int rows) { return blockIdx.x / ((rows - 1) / SIDE + 1); }
static __device__ int block_row(int rows) { return blockIdx.x % ((rows - 1) / SIDE + 1) * SIDE; }

/* Keys that any of the queries i0 .. i0 + SIDE - 1 sees. */
static __device__ int keys_of(int i0, const attention_sizes *s)
{
    return s->T - s->Q + (i0 + SIDE < s->Q ? i0 + SIDE : s->Q);
}

static __global__ void __launch_bounds__(CUDA_BLOCK)
    attention_long_kernel(gk_real *z, gk_real *prob, const gk_real *q, const gk_real *k,
                          const gk_real *v, attention_sizes s)
{
    SHARED(float, left, SIDE *(SIDE + 1));
    SHARED(float, right, SIDE *(SIDE + 1));
    float(*a)[SIDE + 1] = (float(*)[SIDE + 1]) left, (*b)[SIDE + 1] = (float(*)[SIDE + 1]) right;
    size_t eh = block_head(s.Q), query = attention_head(eh, s.Q, &s);
    size_t key = attention_head(eh, s.T, &s);
    int i0 = block_row(s.Q), keys = keys_of(i0, &s);

    prob += eh * s.Q * s.T;
    write_scores(prob, q + query, k + key, i0, keys, &s, a, b);
    __syncthreads();
    for (int i = i0 + threadIdx.x / CUDA_WARP; i < i0 + SIDE && i < s.Q; i += WARPS)
        softmax(prob + (size_t)i * s.T, s.T - s.Q + i + 1, s.T, s.scale);
    __syncthreads();
    write_mixture(z + query, prob, v + key, i0, keys, &s, a, b);
}

/* ds (heads,Q,T) and dq */
static __global__ void __launch_bounds__(CUDA_BLOCK)
    queries_back_kernel(gk_real *dq, gk_real *ds, const gk_real *dz, const gk_real *prob,
                        const gk_real *k, const gk_real *v, attention_sizes s)
{
    SHARED(float, left, SIDE *(SIDE + 1));
    SHARED(float, right, SIDE *(SIDE + 1));
    float(*a)[SIDE + 1] = (float(*)[SIDE + 1]) left, (*b)[SIDE + 1] = (float(*)[SIDE + 1]) right;
    size_t eh = block_head(s.Q), query = attention_head(eh, s.Q, &s);
    size_t key = attention_head(eh, s.T, &s);
    int i0 = block_row(s.Q), keys = keys_of(i0, &s);

    ds += eh * s.Q * s.T;
    prob += eh * s.Q * s.T;
    write_scores(ds, dz + query, v + key, i0, keys, &s, a, b);
    __syncthreads();
    for (int i = i0 + threadIdx.x / CUDA_WARP; i < i0 + SIDE && i < s.Q; i += WARPS) {
        size_t row = (size_t)i * s.T;

        softmax_back(ds + row, prob + row, s.T - s.Q + i + 1, s.T, s.scale);
    }
    __syncthreads();
    write_mixture(dq + query, ds, k + key, i0, keys, &s, a, b);
}

/* out (T,K) = weights^T times rows (Q,K) for the block's keys */
static __device__ void write_gathered(gk_real *out, const gk_real *weights, const gk_real *rows,
                                      int t0, const attention_sizes *s, float (*left)[SIDE + 1],
                                      float (*right)[SIDE + 1])
{
    matrix x = flipped(weights_of(weights, s->T, s)), y = rows_of(rows, s->Q, s);
    int first = t0 > s->T - s->Q ? t0 - (s->T - s->Q) : 0; /* the first query that sees any */

    for (int c0 = 0; c0 < s->K; c0 += SIDE) {
        tile sum = multiply(&x, &y, t0, c0, first, s->Q, left, right);

        store(out, (size_t)s->H * s->K, s->T, s->K, t0, c0, &sum);
    }
}

static __global__ void __launch_bounds__(CUDA_BLOCK)
    keys_back_kernel(gk_real *dk, gk_real *dv, const gk_real *ds, const gk_real *dz,
                     const gk_real *prob, const gk_real *q, attention_sizes s)
{
    SHARED(float, left, SIDE *(SIDE + 1));
    SHARED(float, right, SIDE *(SIDE + 1));
    float(*a)[SIDE + 1] = (float(*)[SIDE + 1]) left, (*b)[SIDE + 1] = (float(*)[SIDE + 1]) right;
    size_t eh = block_head(s.T), query = attention_head(eh, s.Q, &s);
    size_t key = attention_head(eh, s.T, &s);
    int t0 = block_row(s.T);

    write_gathered(dk + key, ds + eh * s.Q * s.T, q + query, t0, &s, a, b);
    write_gathered(dv + key, prob + eh * s.Q * s.T, dz + query, t0, &s, a, b);
}

/* Blocks of examples' heads, SIDE of `rows` rows to each */
static unsigned grid_of(const attention_sizes *s, int rows)
{
    return (unsigned)(s->E * s->H) * ((rows - 1) / SIDE + 1);
}

void cuda_attention_long(gk_backend *be, gk_real *z, gk_real *prob, const gk_real *q,
                         const gk_real *k, const gk_real *v, attention_sizes s)
{
    LAUNCH(be, attention_long_kernel, grid_of(&s, s.Q), CUDA_BLOCK, 0, z, prob, q, k, v, s);
}

/* As many examples at a time as ds has room for; their results do not depend on it. */
void cuda_attention_long_back(gk_backend *be, gk_real *dq, gk_real *dk, gk_real *dv,
                              const gk_real *dz, const gk_real *prob, const gk_real *q,
                              const gk_real *k, const gk_real *v, attention_sizes s)
{
    size_t E = s.E, queries = (size_t)s.Q * s.H * s.K, keys = (size_t)s.T * s.H * s.K;
    size_t weights = (size_t)s.H * s.Q * s.T, group = scratch_most / (weights * sizeof(gk_real));

    group = group < 1 ? 1 : group < E ? group : E;
    gk_real *ds = (gk_real *)cuda_scratch(be, group * weights * sizeof *ds);

    for (size_t e = 0; ds && e < E; e += group) {
        const gk_real *dz_e = dz + e * queries, *p = prob + e * weights;

        s.E = E - e < group ? E - e : group;
        LAUNCH(be, queries_back_kernel, grid_of(&s, s.Q), CUDA_BLOCK, 0, dq + e * queries, ds, dz_e,
               p, k + e * keys, v + e * keys, s);
        LAUNCH(be, keys_back_kernel, grid_of(&s, s.T), CUDA_BLOCK, 0, dk + e * keys, dv + e * keys,
               ds, dz_e, p, q + e * queries, s);
    }
}
