/* Losses and hits summed by group: a block per (group, run). Its threads are the 256 lanes of rule
 * 29 of docs/arithmetic.md: they stride over the run's rows, a few loads at a time, and are added
 * by halves, in double. */
#include "cuda/machine/cuda.h"

enum { EACH = 4, LANES = CUDA_BLOCK, GROUPS = 256 /* what a byte can name */ };

/* Of all threads; the first one gets it. part: LANES elements of shared memory, free again. */
static __device__ double halved(double x, double *part)
{
    part[threadIdx.x] = x;
    __syncthreads();
    for (unsigned n = LANES / 2; n > 0; n /= 2) {
        if (threadIdx.x < n) part[threadIdx.x] += part[threadIdx.x + n];
        __syncthreads();
    }
    x = part[0];
    __syncthreads();
    return x;
}

static __global__ void group_sums_kernel(double *sum, const double *row_loss,
                                         const uint8_t *row_hit, const uint8_t *group, int B,
                                         int beta)
{
    SHARED(double, part, LANES);
    size_t r = blockIdx.y, run = r * B;
    double loss = 0, hits = 0;

    for (int first = 0; first < B; first += EACH * CUDA_BLOCK) {
        double l[EACH], h[EACH];

        for (int k = 0; k < EACH; k++) {
            int i = first + k * CUDA_BLOCK + threadIdx.x;
            bool ours = i < B && (group ? group[run + i] : 0) == blockIdx.x;

            l[k] = ours ? row_loss[run + i] : 0;
            h[k] = ours ? row_hit[run + i] : 0;
        }
        for (int k = 0; k < EACH; k++) {
            loss += l[k];
            hits += h[k];
        }
    }
    loss = halved(loss, part);
    hits = halved(hits, part);
    if (threadIdx.x) return;
    double *out = sum + (r * gridDim.x + blockIdx.x) * 2;

    out[0] = beta ? out[0] + loss : loss;
    out[1] = beta ? out[1] + hits : hits;
}

void cuda_group_sums(gk_backend *be, double *sum, const double *row_loss, const uint8_t *row_hit,
                     const uint8_t *group, int R, int B, int G, int beta)
{
    GK_CHECK(G <= GROUPS);
    LAUNCH(be, group_sums_kernel, dim3((unsigned)G, (unsigned)R), CUDA_BLOCK, 0, sum, row_loss,
           row_hit, group, B, beta);
}
