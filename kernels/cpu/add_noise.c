/* Gaussian noise on weights: formulas as in ref, in float (normals.h); chunks of tensors, random
 * words in groups. */
#ifndef SIMD
#include "cpu/machine/spans.h"
#include "normals.h"

typedef struct noise_job {
    gk_real *out;
    const gk_real *param;
    const gk_slot *slot;
    const gk_tensor_span *tensor;
    int R;
} noise_job;

#define SIMD_SOURCE "cpu/add_noise.c"
#include "cpu/machine/simd.h"

void cpu_add_noise(gk_backend *be, gk_real *out, const gk_real *param, const gk_slot *slot,
                   const gk_tensor_span *tensor, int n, int R)
{
    noise_job job = {out, param, slot, tensor, R};

    GK_CHECK(n <= GK_STEP_SITES + 1);
    cpu_parallel(be, span_chunks(tensor, n, R), CPU_PICK(be, add), &job);
}

#else

#include "cpu/machine/philox.h"

/* Chunks begin with a group of words. */
static void SIMD(add)(const void *job, int i)
{
    const noise_job *w = job;
    span_chunk c = span_chunk_at(w->tensor, w->R, (size_t)i);
    const gk_slot *slot = &w->slot[c.run];
    size_t from = c.at - c.tensor->offset - c.run * c.tensor->size;
    float sigma = (float)slot->noise;

    if (c.tensor->lr_scale == 0) {
        memcpy(w->out + c.at, w->param + c.at, c.n * sizeof *w->out);
        return;
    }
    for (size_t done = 0; done < c.n; done += PHILOX_WORDS) {
        int n = c.n - done < PHILOX_WORDS ? (int)(c.n - done) : PHILOX_WORDS;
        gk_real *restrict out = w->out + c.at + done;
        const gk_real *restrict param = w->param + c.at + done;
        uint32_t word[PHILOX_WORDS];
        float normal[PHILOX_WORDS];

        SIMD(step_words)
        (word, slot, GK_RNG_NOISE, (int)(c.tensor - w->tensor), (uint32_t)((from + done) / 4));
        for (int j = 0; j < PHILOX_WORDS; j += 2) normals_of(normal + j, word[j], word[j + 1]);
        for (int j = 0; j < n; j++) out[j] = param[j] + sigma * normal[j];
    }
}

#endif
