/* Bags of embeddings. Forward: an element per thread and row (rows.h). Back: a block owns (run, one
 * or a few rows of w, 32 columns); its warps share the tokens, 32 at a time: every lane looks at
 * one, and the warp adds those rows of dx that belong here, a line each, to sums of its own in
 * shared memory. Warps are added in their order, in double: no atomics. How many rows a block owns
 * depends on the sizes of w, and no sum on that. */
#include "cuda/machine/reduce.h"
#include "cuda/machine/rows.h"

enum {
    WARPS = CUDA_BLOCK / CUDA_WARP,
    BLOCKS = 256, /* for the rows of w: enough of them before one owns several rows */
    MOST = 16     /* rows of a block: 32 KB of sums */
};

/* The row of w that token t of a bag stands for. */
static __device__ size_t row_of(int32_t token, int t, int V, int apart)
{
    return (apart ? (size_t)t * V : 0) + token;
}

static __global__ void bag_kernel(gk_real *x, const gk_real *w, const int32_t *token, int B, int T,
                                  int D, int V, int apart)
{
    size_t r = blockIdx.y;

    w += r * (apart ? T : 1) * V * D;
    for (int k = 0; k < ROWS_EACH; k++) {
        size_t b = rows_row(k), i = r * B + b;

        if (b >= (size_t)B) return;
        for (int d = threadIdx.x; d < D; d += blockDim.x) {
            float sum = 0;

            for (int t = 0; t < T; t++) sum += w[row_of(token[i * T + t], t, V, apart) * D + d];
            x[i * D + d] = sum;
        }
    }
}

void cuda_bag(gk_backend *be, gk_real *x, const gk_real *w, const int32_t *token, int R, int B,
              int T, int D, int V, int apart)
{
    dim3 block = rows_block(D, 128);

    LAUNCH(be, bag_kernel, rows_grid(block, B, R), block, 0, x, w, token, B, T, D, V, apart);
}

/* grid: `each` rows of w, tiles of columns, runs. n: tokens of a run; rows: of w */
static __global__ void bag_back_kernel(gk_real *d_w, const gk_real *dx, const int32_t *token, int n,
                                       int T, int D, int V, int apart, size_t rows, int each,
                                       gk_real beta)
{
    SHARED_DYN(double, sums); /* (WARPS,each,CUDA_WARP) */
    size_t r = blockIdx.z, from = (size_t)blockIdx.x * each;
    int lane = threadIdx.x % CUDA_WARP, warp = threadIdx.x / CUDA_WARP, part = each * CUDA_WARP;
    int column = blockIdx.y * CUDA_WARP, d = column + lane;
    double *own = sums + warp * part + lane;

    dx += r * (n / T) * D;
    token += r * n;
    for (int row = 0; row < each; row++) own[row * CUDA_WARP] = 0;
    for (int first = warp * CUDA_WARP; first < n; first += CUDA_BLOCK) {
        int i = first + lane;
        size_t row = i < n ? row_of(token[i], i % T, V, apart) - from : (size_t)each;
        unsigned ours = __ballot_sync(whole_warp, row < (size_t)each); /* below 0 is far above */

        for (; ours; ours &= ours - 1) {
            int k = __ffs((int)ours) - 1, to = __shfl_sync(whole_warp, (int)row, k);

            if (d < D) own[to * CUDA_WARP] += dx[(size_t)((first + k) / T) * D + d];
        }
    }
    __syncthreads();
    for (int j = threadIdx.x; j < part; j += CUDA_BLOCK) {
        size_t row = from + j / CUDA_WARP;
        int c = column + j % CUDA_WARP;
        double sum = 0;

        if (row >= rows || c >= D) continue;
        for (int w = 0; w < WARPS; w++) sum += sums[w * part + j];
        gk_real *to = d_w + (r * rows + row) * D + c;

        *to = (gk_real)(beta != 0 ? (double)beta * *to + sum : sum);
    }
}

/* A block reads all tokens of its run: where w has many rows it owns several. */
void cuda_bag_back(gk_backend *be, gk_real *d_w, const gk_real *dx, const int32_t *token, int R,
                   int B, int T, int D, int V, int apart, gk_real beta)
{
    size_t rows = (size_t)(apart ? T : 1) * V;
    int each = rows < BLOCKS ? 1 : rows / BLOCKS < MOST ? (int)(rows / BLOCKS) : MOST;
    dim3 grid(cuda_blocks(rows, (unsigned)each), cuda_blocks((size_t)D, CUDA_WARP), (unsigned)R);

    LAUNCH(be, bag_back_kernel, grid, CUDA_BLOCK, each * CUDA_BLOCK * sizeof(double), d_w, dx,
           token, B * T, T, D, V, apart, rows, each, beta);
}
