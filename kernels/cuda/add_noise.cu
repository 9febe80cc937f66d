/* Gaussian noise on weights: formulas as in ref, in float (normals.h). A thread owns the four
 * elements of a chunk (spans.h) whose normals one call of Philox gives. */
#include "cuda/machine/philox.h"
#include "cuda/machine/spans.h"
#include "normals.h"

static __global__ void add_noise_kernel(gk_real *out, const gk_real *param, const gk_slot *slot,
                                        const gk_tensor_span *tensor, int R)
{
    gk_tensor_span t = tensor[blockIdx.y];
    size_t chunks = span_chunks(&t, R);
    int first = threadIdx.x * SPAN_EACH;

    for (size_t i = blockIdx.x; i < chunks; i += gridDim.x) {
        span_chunk c = span_chunk_at(&t, i);
        size_t from = c.at - t.offset - c.run * t.size;
        float sigma = (float)slot[c.run].noise, normal[SPAN_EACH];
        uint32_t word[4];

        if (first >= c.n) continue;
        step_words(word, &slot[c.run], GK_RNG_NOISE, blockIdx.y, (uint32_t)((from + first) / 4));
        normals_of(normal, word[0], word[1]);
        normals_of(normal + 2, word[2], word[3]);
        for (int j = 0; j < SPAN_EACH && first + j < c.n; j++) {
            gk_real x = param[c.at + first + j];
            out[c.at + first + j] = t.lr_scale == 0 ? x : x + sigma * normal[j];
        }
    }
}

void cuda_add_noise(gk_backend *be, gk_real *out, const gk_real *param, const gk_slot *slot,
                    const gk_tensor_span *tensor, int n, int R)
{
    GK_CHECK(n <= GK_STEP_SITES + 1);
    LAUNCH(be, add_noise_kernel, span_grid(n, R), CUDA_BLOCK, 0, out, param, slot, tensor, R);
}
