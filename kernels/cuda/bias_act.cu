/* Biases and activations. Forward: an element per thread and row (rows.h). Back: a block owns 256
 * rows and up to 32 columns; it writes dpre tile by tile, whose columns some of its threads add in
 * the order of the rows, in double; such sums are added block by block. */
#include "cuda/machine/rows.h"
#include "cuda/machine/slices.h"
#include "functions.h"

enum {
    SLICE = 256 /* rows */,
    TILE = 4 * CUDA_BLOCK /* elements */,
    NONE = -1 /* no activation */
};

/* sigmoid(2u) = (1 + tanh u) / 2, so that x (1 + tanh u) / 2 = x / (1 + exp(-2u)). */
static __device__ float activation(float x, int act)
{
    if (act == GK_RELU) return 0 > x ? 0 : x; /* NaN stays NaN */
    if (act == GK_GELU) {
        float u2 = 1.59576912f * (x + 0.044715f * x * x * x);

        return x / (1 + float_exp(-u2, 0));
    }
    float tail = 0.5f * float_erfc(0.707106781f * fabsf(x)); /* 1 - Phi(|x|) */

    return x * (x < 0 ? tail : 1 - tail);
}

/* dh act'(x), as in ref. With e = exp(-|2u|), sigmoid(2u) is 1 / (1 + e) or e / (1 + e), and
 * (1 - tanh^2 u) / 4 = e / (1 + e)^2: no overflow, no cancellation. */
static __device__ float derivative(float x, float dh, int act)
{
    if (act == GK_RELU) return x <= 0 ? 0 : dh;
    if (act == GK_GELU) {
        float u2 = 1.59576912f * (x + 0.044715f * x * x * x);
        float du2 = 1.59576912f * (1 + 0.134145f * x * x);
        float e = float_exp(-fabsf(u2), 0), one = 1 / (1 + e);

        return dh * ((u2 < 0 ? e * one : one) + x * (e * one * one) * du2);
    }
    float tail = 0.5f * float_erfc(0.707106781f * fabsf(x));
    float density = 0.398942280f * float_exp(-0.5f * x * x, 0);

    return dh * ((x < 0 ? tail : 1 - tail) + x * density);
}

/* h = act(pre += bias). act NONE: h is pre. */
static __global__ void bias_act_kernel(gk_real *h, gk_real *pre, const gk_real *bias, int rows,
                                       int F, int act)
{
    size_t run = (size_t)blockIdx.y * rows * F;

    for (int k = 0; k < ROWS_EACH; k++) {
        size_t row = rows_row(k);

        if (row >= (size_t)rows) return;
        for (int j = threadIdx.x; j < F; j += blockDim.x) {
            size_t at = run + row * F + j;
            float x = pre[at];

            if (bias) pre[at] = x += bias[(size_t)blockIdx.y * F + j];
            if (act != NONE) h[at] = activation(x, act);
        }
    }
}

static void bias_act(gk_backend *be, gk_real *h, gk_real *pre, const gk_real *bias, int R, int rows,
                     int F, int act)
{
    dim3 block = rows_block(F, 128);

    LAUNCH(be, bias_act_kernel, rows_grid(block, rows, R), block, 0, h, pre, bias, rows, F, act);
}

void cuda_bias_act(gk_backend *be, gk_real *h, gk_real *pre, const gk_real *bias, int R, int rows,
                   int F, int act)
{
    GK_CHECK(act == GK_RELU || act == GK_GELU || act == GK_GELU_ERF);
    bias_act(be, h, pre, bias, R, rows, F, act);
}

void cuda_bias_add(gk_backend *be, gk_real *x, const gk_real *bias, int R, int rows, int D)
{
    bias_act(be, x, x, bias, R, rows, D, NONE);
}

/* dpre = dh act'(pre);  part[r][slice] = column sums of it (NULL: not wanted). act NONE: dpre is
 * dh, and stays. */
static __global__ void bias_back_kernel(gk_real *dpre, double *part, const gk_real *dh,
                                        const gk_real *pre, int rows, int F, int act)
{
    SHARED(float, tile, TILE);
    size_t r = blockIdx.z, s = blockIdx.y;
    int j = blockIdx.x * blockDim.x + threadIdx.x, width = blockDim.x, height = TILE / width;
    int from = (int)s * SLICE, to = rows - from < SLICE ? rows : from + SLICE;
    double sum = 0;

    for (int first = from; first < to; first += height) {
        for (int k = threadIdx.y; k < height; k += blockDim.y) {
            size_t at = (r * rows + first + k) * F + j;
            bool ours = j < F && first + k < to;
            float d = ours ? dh[at] : 0;

            if (ours && act != NONE) dpre[at] = d = derivative(pre[at], d, act);
            tile[k * width + threadIdx.x] = d;
        }
        __syncthreads();
        for (int k = 0; part && !threadIdx.y && k < height && first + k < to; k++)
            sum += tile[k * width + threadIdx.x];
        __syncthreads();
    }
    if (part && !threadIdx.y && j < F) part[(r * gridDim.y + s) * F + j] = sum;
}

/* As many runs at a time as fit into scratch memory. */
static void bias_back(gk_backend *be, gk_real *dpre, gk_real *d_bias, const gk_real *dh,
                      const gk_real *pre, int R, int rows, int F, int act, gk_real beta)
{
    int slices = (rows + SLICE - 1) / SLICE;
    size_t bytes = d_bias ? (size_t)slices * F * sizeof(double) : 0, run = (size_t)rows * F;
    int group = slices_group(R, bytes);
    dim3 block = rows_block(F, CUDA_WARP);

    for (int r = 0; r < R; r += group) {
        int n = R - r < group ? R - r : group;
        double *part = d_bias ? (double *)cuda_scratch(be, group * bytes) : NULL;

        if (d_bias && !part) return;
        LAUNCH(be, bias_back_kernel,
               dim3(cuda_blocks((size_t)F, block.x), (unsigned)slices, (unsigned)n), block, 0,
               act == NONE ? NULL : dpre + r * run, part, dh + r * run,
               act == NONE ? NULL : pre + r * run, rows, F, act);
        if (d_bias) add_slices(be, d_bias + (size_t)r * F, part, n, slices, (size_t)F, beta);
    }
}

void cuda_bias_act_back(gk_backend *be, gk_real *dpre, gk_real *d_bias, const gk_real *dh,
                        const gk_real *pre, int R, int rows, int F, int act, gk_real beta)
{
    GK_CHECK(act == GK_RELU || act == GK_GELU || act == GK_GELU_ERF);
    bias_back(be, dpre, d_bias, dh, pre, R, rows, F, act, beta);
}

void cuda_bias_add_back(gk_backend *be, gk_real *d_bias, const gk_real *dx, int R, int rows, int D,
                        gk_real beta)
{
    bias_back(be, NULL, d_bias, dx, NULL, R, rows, D, NONE, beta);
}
