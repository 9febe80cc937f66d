/* Bits as signs. */
#include "cuda/machine/cuda.h"

static __global__ void signs_kernel(gk_real *x, const int32_t *token, size_t n)
{
    size_t i = (size_t)blockIdx.x * CUDA_BLOCK + threadIdx.x;

    if (i < n) x[i] = (gk_real)(2 * token[i] - 1);
}

void cuda_signs(gk_backend *be, gk_real *x, const int32_t *token, int R, int B, int T)
{
    size_t n = (size_t)R * B * T;

    LAUNCH(be, signs_kernel, cuda_blocks(n, CUDA_BLOCK), CUDA_BLOCK, 0, x, token, n);
}
