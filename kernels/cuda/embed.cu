/* Token and position embeddings. Forward: an element per thread and row (rows.h).
 *
 * Back: a block owns (run, token v, slice of the batch, tile of columns). It walks the tokens of
 * its slice a chunk at a time, puts the places where v stands into a list in shared memory, in
 * their order, and its warps take turns at the listed rows of dx: a warp reads a row as one or
 * more lines of 128 bytes. Warps, then slices are added in order, in double. Nobody else writes
 * row v: no atomics. Slices make up for the one token that stands in every example. Position
 * rows are plain column sums of dx as (B, T D). */
#include "cuda/machine/reduce.h"
#include "cuda/machine/rows.h"
#include "cuda/machine/slices.h"

enum {
    EACH = 4,                  /* tokens that a thread looks at in a chunk */
    CHUNK = EACH * CUDA_BLOCK, /* tokens */
    WARPS = CUDA_BLOCK / CUDA_WARP,
    LINES = 4,                /* columns that a lane sums */
    TILE = LINES * CUDA_WARP, /* columns of a block */
    SLICES = 64               /* at most */
};

static __global__ void embed_kernel(gk_real *x, const gk_real *w_e, const gk_real *w_pos,
                                    const int32_t *token, int rows, int T, int D, int V)
{
    size_t r = blockIdx.y;

    for (int k = 0; k < ROWS_EACH; k++) {
        size_t row = rows_row(k), i = r * rows + row;

        if (row >= (size_t)rows) return;
        const gk_real *e = w_e + (r * V + token[i]) * D, *pos = w_pos + (r * T + row % T) * D;

        for (int d = threadIdx.x; d < D; d += blockDim.x) x[i * D + d] = e[d] + pos[d];
    }
}

void cuda_embed(gk_backend *be, gk_real *x, const gk_real *w_e, const gk_real *w_pos,
                const int32_t *token, int R, int B, int T, int D, int V)
{
    dim3 block = rows_block(D, 128);

    LAUNCH(be, embed_kernel, rows_grid(block, B * T, R), block, 0, x, w_e, w_pos, token, B * T, T,
           D, V);
}

/* The places among token[0 .. n-1], n <= CHUNK, where v stands: into list, in order. Returns how
 * many there are. count: WARPS elements of shared memory. */
static __device__ int find(int *list, int *count, const int32_t *token, int n, int v)
{
    int lane = threadIdx.x % CUDA_WARP, warp = threadIdx.x / CUDA_WARP, own = 0, before, all = 0;
    int first = threadIdx.x * EACH;

    for (int i = first; i < first + EACH && i < n; i++) own += token[i] == v;
    before = own; /* of this lane and those before it, then without its own */
    for (int step = 1; step < CUDA_WARP; step *= 2) {
        int other = __shfl_up_sync(whole_warp, before, step);

        if (lane >= step) before += other;
    }
    if (lane == CUDA_WARP - 1) count[warp] = before;
    before -= own;
    __syncthreads();
    for (int i = 0; i < WARPS; i++) {
        if (i == warp) before += all;
        all += count[i];
    }
    for (int i = first; i < first + EACH && i < n; i++) {
        if (token[i] == v) list[before++] = i;
    }
    __syncthreads();
    return all;
}

/* sum[l] += column d + 32 l of the rows of dx that are this warp's turn */
static __device__ void add_listed(double *sum, const int *list, int n, const gk_real *dx, int D,
                                  int d)
{
    for (int i = threadIdx.x / CUDA_WARP; i < n; i += WARPS) {
        const gk_real *row = dx + (size_t)list[i] * D;

        for (int l = 0; l < LINES; l++) {
            if (d + l * CUDA_WARP < D) sum[l] += row[d + l * CUDA_WARP];
        }
    }
}

/* tokens of a run: n, a slice: `slice`. part (R,slices,V,D), or NULL: there is one slice, which
 * goes to out (R,V,D). */
static __global__ void embed_back_kernel(gk_real *out, double *part, const gk_real *dx,
                                         const int32_t *token, int n, int slice, int slices, int D,
                                         gk_real beta)
{
    SHARED(int, list, CHUNK);
    SHARED(int, count, WARPS);
    SHARED(double, sums, TILE);
    size_t r = blockIdx.z, v = blockIdx.x, V = gridDim.x;
    int s = blockIdx.y % slices, lane = threadIdx.x % CUDA_WARP;
    int column = blockIdx.y / slices * TILE, d = column + lane;
    int from = s * slice, to = n - from < slice ? n : from + slice;
    double sum[LINES] = {0};

    for (int at = from; at < to; at += CHUNK) {
        size_t first = r * n + at;
        int found = find(list, count, token + first, to - at < CHUNK ? to - at : CHUNK, (int)v);

        add_listed(sum, list, found, dx + first * D, D, d);
        __syncthreads();
    }
    for (int w = 0; w < WARPS; w++) {
        for (int l = 0; threadIdx.x / CUDA_WARP == w && l < LINES; l++) {
            if (w) sum[l] += sums[lane + l * CUDA_WARP];
            sums[lane + l * CUDA_WARP] = sum[l];
        }
        __syncthreads();
    }
    for (int j = threadIdx.x; j < TILE && column + j < D; j += CUDA_BLOCK) {
        size_t at = (r * V + v) * D + column + j;

        if (part)
            part[((r * slices + s) * V + v) * D + column + j] = sums[j];
        else
            out[at] = (gk_real)(beta != 0 ? (double)beta * out[at] + sums[j] : sums[j]);
    }
}

void cuda_embed_back(gk_backend *be, gk_real *d_w_e, gk_real *d_w_pos, const gk_real *dx,
                     const int32_t *token, int R, int B, int T, int D, int V, gk_real beta)
{
    /* A slice costs a table, which is written and added up: each has 4 tokens for every row of
     * it. */
    slices s = slices_of(B * T, 4 * V > CUDA_BLOCK ? 4 * V : CUDA_BLOCK, SLICES);
    size_t n_e = (size_t)V * D, n_x = (size_t)B * T,
           bytes = s.n > 1 ? s.n * n_e * sizeof(double) : 0;
    int group = slices_group(R, bytes), tiles = (D + TILE - 1) / TILE;

    for (int r = 0; r < R; r += group) {
        int n = R - r < group ? R - r : group;
        double *part = bytes ? (double *)cuda_scratch(be, group * bytes) : NULL;

        if (bytes && !part) return;
        LAUNCH(be, embed_back_kernel, dim3((unsigned)V, (unsigned)(tiles * s.n), (unsigned)n),
               CUDA_BLOCK, 0, d_w_e + r * n_e, part, dx + r * n_x * D, token + r * n_x, B * T,
               s.rows, s.n, D, beta);
        if (part) add_slices(be, d_w_e + r * n_e, part, n, s.n, n_e, beta);
    }
    cuda_bias_add_back(be, d_w_pos, dx, R, B, T * D, beta);
}
