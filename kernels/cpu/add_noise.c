/* Gaussian noise on weights: formulas as in ref, in float; chunks of tensors, random words in
 * groups. */
#ifndef SIMD
#include "cpu/machine/spans.h"

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

/* log x for normal x > 0. x = 2^e m, m in [0.7, 1.42); with s = (m - 1) / (m + 1), s^2 < 0.03,
 * log m = 2 (s + s^3 / 3 + s^5 / 5 + ...), of which s^11 / 11 is 2e-9 of the sum. */
static inline float SIMD(log)(float x)
{
    int32_t bits;
    float m;

    memcpy(&bits, &x, sizeof bits);
    int32_t e = (bits - 0x3f350000) >> 23; /* 0x3f350000: 0.707 */

    bits -= e * (1 << 23);
    memcpy(&m, &bits, sizeof m);
    float s = (m - 1) / (m + 1), z = s * s;

    return 2 * s * (1 + z * (1 / 3.0f + z * (1 / 5.0f + z * (1 / 7.0f + z / 9)))) +
           (float)e * 0.693147181f;
}

/* Of an angle of at most pi / 4: Taylor's series, of which the next term is below 3e-8. */
static inline float SIMD(sine)(float a)
{
    float z = a * a;

    return a * (1 - z / 6 * (1 - z / 20 * (1 - z / 42 * (1 - z / 72))));
}

static inline float SIMD(cosine)(float a)
{
    float z = a * a;

    return 1 - z / 2 * (1 - z / 12 * (1 - z / 30 * (1 - z / 56)));
}

/* As in ref. An eighth of a turn at most is left when the nearest quarter (2^22 of the 2^24
 * steps of a turn) has been taken off, exactly. */
static void SIMD(normals)(float out[PHILOX_WORDS], const uint32_t word[PHILOX_WORDS])
{
    for (int i = 0; i < PHILOX_WORDS / 2; i++) {
        float u = (float)(int32_t)((word[2 * i] >> 8) + 1) * 0x1p-24f;
        float radius = __builtin_sqrtf(-2 * SIMD(log)(u));
        int32_t turn = (int32_t)(word[2 * i + 1] >> 8), quarter = (turn + (1 << 21)) >> 22;
        float angle = (float)(turn - quarter * (1 << 22)) * 3.74507028e-7f; /* 2 pi 2^-24 */
        float c = SIMD(cosine)(angle), s = SIMD(sine)(angle);
        float x = quarter & 1 ? -s : c, y = quarter & 1 ? c : s;

        radius = quarter & 2 ? -radius : radius;
        out[2 * i] = radius * x;
        out[2 * i + 1] = radius * y;
    }
}

/* Chunks begin with a group of words. */
static void SIMD(add)(const void *job, int i)
{
    const noise_job *w = job;
    span_chunk c = span_chunk_at(w->tensor, w->R, (size_t)i);
    const gk_slot *slot = &w->slot[c.run];
    size_t from = c.at - c.tensor->offset - c.run * c.tensor->size;
    float sigma = c.tensor->lr_scale == 0 ? 0 : (float)slot->noise;

    for (size_t done = 0; done < c.n; done += PHILOX_WORDS) {
        int n = c.n - done < PHILOX_WORDS ? (int)(c.n - done) : PHILOX_WORDS;
        gk_real *restrict out = w->out + c.at + done;
        const gk_real *restrict param = w->param + c.at + done;
        uint32_t word[PHILOX_WORDS];
        float normal[PHILOX_WORDS];

        SIMD(step_words)
        (word, slot, GK_RNG_NOISE, (int)(c.tensor - w->tensor), (uint32_t)((from + done) / 4));
        SIMD(normals)(normal, word);
        for (int j = 0; j < n; j++) out[j] = param[j] + sigma * normal[j];
    }
}

#endif
