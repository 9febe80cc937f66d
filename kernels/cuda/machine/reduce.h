/* Sums within a warp and within a block, in an order that never changes. All threads of the warp
 * or block take part and get the same result. */
#ifndef GK_CUDA_REDUCE_H
#define GK_CUDA_REDUCE_H

#include "cuda/machine/cuda.h"

static const unsigned whole_warp = 0xffffffffu;

/* A butterfly: a + b and b + a have the same bits, so all lanes end with the same sum. */
template <typename T> static __device__ T warp_sum(T x)
{
    for (int step = CUDA_WARP / 2; step; step /= 2) x += __shfl_xor_sync(whole_warp, x, step);
    return x;
}

/* The largest; a NaN is passed over, unless `x` is NaN in every lane. */
static __device__ inline float warp_max(float x)
{
    for (int step = CUDA_WARP / 2; step; step /= 2) {
        float other = __shfl_xor_sync(whole_warp, x, step);

        if (!(x >= other) && other == other) x = other;
    }
    return x;
}

/* Of a block of `warps` whole warps: warp by warp. part: `warps` elements of shared memory, free
 * again on return. */
template <typename T> static __device__ T block_sum(T x, T *part, int warps)
{
    x = warp_sum(x);
    if (threadIdx.x % CUDA_WARP == 0) part[threadIdx.x / CUDA_WARP] = x;
    __syncthreads();
    x = part[0];
    for (int i = 1; i < warps; i++) x += part[i];
    __syncthreads();
    return x;
}

/* Of 16 lanes: rule 8 of docs/arithmetic.md. All lanes of the whole warp take part. */
template <typename T> static __device__ T half_warp_sum(T x)
{
    for (int step = CUDA_WARP / 4; step; step /= 2) x += __shfl_xor_sync(whole_warp, x, step);
    return x;
}

#endif
