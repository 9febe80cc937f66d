/* Dropout: a thread owns the four elements whose words one call of Philox gives. */
#include "cuda/machine/philox.h"

static __global__ void dropout_kernel(gk_real *x, const gk_slot *slot, size_t n, size_t first,
                                      uint32_t site, uint32_t threshold, float scale)
{
    size_t k = first / 4 + (size_t)blockIdx.x * CUDA_BLOCK + threadIdx.x; /* of four elements */
    uint32_t word[4];

    if (k * 4 >= first + n) return;
    x += blockIdx.y * n;
    step_words(word, &slot[blockIdx.y], GK_RNG_DROPOUT, site, (uint32_t)k);
    for (int j = 0; j < 4; j++) {
        size_t i = k * 4 + j;

        if (i < first || i >= first + n) continue;
        x[i - first] = word[j] < threshold ? 0 : x[i - first] * scale;
    }
}

void cuda_dropout(gk_backend *be, gk_real *x, const gk_slot *slot, int R, size_t n, size_t first,
                  int site, double rate)
{
    GK_CHECK(rate >= 0 && rate < 1);
    GK_CHECK(site >= 0 && site <= GK_STEP_SITES && (first + n - 1) / 4 <= UINT32_MAX);
    size_t fours = (first + n - 1) / 4 - first / 4 + 1;

    LAUNCH(be, dropout_kernel, dim3(cuda_blocks(fours, CUDA_BLOCK), (unsigned)R), CUDA_BLOCK, 0, x,
           slot, n, first, (uint32_t)site, (uint32_t)(rate * 0x1p32), (float)(1 / (1 - rate)));
}
