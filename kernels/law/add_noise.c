/* Rules 13, 15 and 33 of docs/arithmetic.md: what random words do to numbers. */
#include "law/law.h"
#include "normals.h"

#include <string.h>

static void add_normals(float *out, const float *param, size_t size, const gk_slot *s, int tensor)
{
    float sigma = (float)s->noise;

    for (size_t i = 0; i < size; i++) {
        uint32_t word[4];
        float normal[2];
        size_t pair = i % 4 / 2;

        gk_step_words(word, s->seed, GK_RNG_NOISE, s->step, tensor, (uint32_t)(i / 4));
        normals_of(normal, word[2 * pair], word[2 * pair + 1]);
        out[i] = param[i] + sigma * normal[i % 2];
    }
}

void law_add_noise(gk_backend *be, gk_real *out, const gk_real *param, const gk_slot *slot,
                   const gk_tensor_span *tensor, int n, int R)
{
    (void)be;
    for (int i = 0; i < n * R; i++) {
        const gk_tensor_span *t = &tensor[i / R];
        size_t at = t->offset + (size_t)(i % R) * t->size;

        if (t->lr_scale == 0)
            memcpy(out + at, param + at, t->size * sizeof *out);
        else
            add_normals(out + at, param + at, t->size, &slot[i % R], i / R);
    }
}

void law_dropout(gk_backend *be, gk_real *x, const gk_slot *slot, int R, size_t n, size_t first,
                 int site, double rate)
{
    float scale = (float)(1 / (1 - rate));

    (void)be;
    for (size_t i = 0; i < R * n; i++) {
        const gk_slot *s = &slot[i / n];
        size_t at = first + i % n;
        uint32_t word[4];

        gk_step_words(word, s->seed, GK_RNG_DROPOUT, s->step, site, (uint32_t)(at / 4));
        x[i] = (double)word[at % 4] < rate * 0x1p32 ? 0 : x[i] * scale;
    }
}

void law_add_rows(gk_backend *be, gk_real *out, const gk_real *in, int R, int rows, int cols,
                  int ldo, int ldi, size_t so, size_t si, gk_real beta)
{
    (void)be;
    for (size_t r = 0; r < (size_t)R; r++) {
        for (size_t i = 0; i < (size_t)rows; i++) {
            float *to = out + r * so + i * ldo;
            const float *from = in + r * si + i * ldi;

            for (int j = 0; j < cols; j++) to[j] = beta != 0 ? to[j] + from[j] : from[j];
        }
    }
}
