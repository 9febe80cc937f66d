/* Gaussian noise on weights, by Box and Muller's formula (1958). */
#include "gk/arith.h"
#include "kernels.h"

#include <math.h>
#include <string.h>

/* Two normals of two words: radius sqrt(-2 log u), angle 2 pi v; u in (0, 1] and v in [0, 1) are
 * multiples of 2^-24, so that they are exact in float. */
static void normals(double out[2], uint32_t a, uint32_t b)
{
    double radius = sqrt(-2 * gk_log(((a >> 8) + 1) * 0x1p-24)), sine, cosine;

    gk_sin_cos_turns(&sine, &cosine, (b >> 8) * 0x1p-24);
    out[0] = radius * cosine;
    out[1] = radius * sine;
}

static void tensor_of_run(gk_real *out, const gk_real *param, size_t size, const gk_slot *s,
                          int tensor)
{
    uint32_t word[4];
    double normal[4];

    for (size_t i = 0; i < size; i++) {
        if (i % 4 == 0) {
            gk_step_words(word, s->seed, GK_RNG_NOISE, s->step, tensor, (uint32_t)(i / 4));
            normals(normal, word[0], word[1]);
            normals(normal + 2, word[2], word[3]);
        }
        out[i] = (gk_real)(param[i] + s->noise * normal[i % 4]);
    }
}

void ref_add_noise(gk_backend *be, gk_real *out, const gk_real *param, const gk_slot *slot,
                   const gk_tensor_span *tensor, int n, int R)
{
    (void)be;
    GK_CHECK(n <= GK_STEP_SITES + 1);
    for (int i = 0; i < n; i++) {
        GK_CHECK(tensor[i].size / 4 <= UINT32_MAX);
        for (int r = 0; r < R; r++) {
            size_t at = tensor[i].offset + r * tensor[i].size;

            if (tensor[i].lr_scale == 0)
                memcpy(out + at, param + at, tensor[i].size * sizeof *out);
            else
                tensor_of_run(out + at, param + at, tensor[i].size, &slot[r], i);
        }
    }
}
