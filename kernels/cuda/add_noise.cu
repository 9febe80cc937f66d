/* Gaussian noise on weights: formulas as in ref, in float. A thread owns the four elements of a
 * chunk (spans.h) whose normals one call of Philox gives. */
#include "cuda/machine/philox.h"
#include "cuda/machine/spans.h"

/* As in ref. An eighth of a turn at most is left when the nearest quarter (2^22 of the 2^24
 * steps of a turn) has been taken off, exactly: the angle is as exact as its rounding. */
static __device__ void normals(float out[2], uint32_t a, uint32_t b)
{
    float radius = sqrtf(-2 * logf((float)((a >> 8) + 1) * 0x1p-24f));
    int turn = (int)(b >> 8), quarter = (turn + (1 << 21)) >> 22;
    float angle = (float)(turn - (quarter << 22)) * 3.74507028e-7f; /* 2 pi 2^-24 */
    float c = cosf(angle), s = sinf(angle);
    float x = quarter & 1 ? -s : c, y = quarter & 1 ? c : s;

    out[0] = quarter & 2 ? -radius * x : radius * x;
    out[1] = quarter & 2 ? -radius * y : radius * y;
}

static __global__ void add_noise_kernel(gk_real *out, const gk_real *param, const gk_slot *slot,
                                        const gk_tensor_span *tensor, int R)
{
    gk_tensor_span t = tensor[blockIdx.y];
    size_t chunks = span_chunks(&t, R);
    int first = threadIdx.x * SPAN_EACH;

    for (size_t i = blockIdx.x; i < chunks; i += gridDim.x) {
        span_chunk c = span_chunk_at(&t, i);
        size_t from = c.at - t.offset - c.run * t.size;
        float sigma = t.lr_scale == 0 ? 0 : (float)slot[c.run].noise, normal[SPAN_EACH];
        uint32_t word[4];

        if (first >= c.n) continue;
        step_words(word, &slot[c.run], GK_RNG_NOISE, blockIdx.y, (uint32_t)((from + first) / 4));
        normals(normal, word[0], word[1]);
        normals(normal + 2, word[2], word[3]);
        for (int j = 0; j < SPAN_EACH && first + j < c.n; j++)
            out[c.at + first + j] = param[c.at + first + j] + sigma * normal[j];
    }
}

void cuda_add_noise(gk_backend *be, gk_real *out, const gk_real *param, const gk_slot *slot,
                    const gk_tensor_span *tensor, int n, int R)
{
    GK_CHECK(n <= GK_STEP_SITES + 1);
    LAUNCH(be, add_noise_kernel, span_grid(n, R), CUDA_BLOCK, 0, out, param, slot, tensor, R);
}
