/* What rounding does to a softmax; its meaning is in ref.
 *
 * In float, 1 + e is 1 for e <= 2^-24 and above 1 for more. So the sum of exp(x_j - x_t) in the
 * order of j is exactly 1 if what is added up before j = t is at most 2^-24, and after it every
 * number alone. (A larger logit than x_t gives more than 1 in both.) */
#ifndef SIMD
#include "cpu/cpu.h"

#include <math.h>

#define HALF_ULP     0x1p-24f
#define LOG_HALF_ULP (-16.635532f)

typedef struct rounding_job {
    double *part; /* (R,chunks,2) */
    const gk_real *logits, *dlogits;
    const int32_t *label;
    const uint8_t *group;
    int B, C, chunk;
} rounding_job;

#define SIMD_SOURCE "cpu/rounding.c"
#include "cpu/machine/simd.h"

void cpu_rounding(gk_backend *be, double *sum, const gk_real *logits, const gk_real *dlogits,
                  const int32_t *label, const uint8_t *group, int R, int B, int C, int beta)
{
    int chunk = cpu_chunk_rows(C), chunks = cpu_pieces(B, chunk);
    double *part = cpu_scratch(be, (size_t)R * chunks * 2 * sizeof *part);
    rounding_job job = {part, logits, dlogits, label, group, B, C, chunk};

    cpu_parallel(be, R * chunks, CPU_PICK(be, round_rows), &job);
    for (int i = 0; i < 2 * R; i++) {
        double total = beta ? sum[i] : 0;

        for (int k = 0; k < chunks; k++) total += part[((size_t)(i / 2) * chunks + k) * 2 + i % 2];
        sum[i] = total;
    }
}

#else

static inline bool SIMD(is_saturated)(const gk_real *x, int C, int t)
{
    vf before[WIDE], above = v_set(0);
    float xt = x[t];

    for (int v = 0; v < WIDE; v++) before[v] = v_set(0);
    for (int j = 0; j < t; j += LANES) {
        for (int v = 0; v < WIDE; v++) {
            int at = j + v * VW;
            before[v] += v_exp(v_load_up_to(x + at, t - at, -HUGE_VALF) - xt);
        }
    }
    for (int j = t + 1; j < C; j += VW) {
        vf y = C - j < VW ? v_load_part(x + j, C - j, -HUGE_VALF) : v_load(x + j);

        above += v_if_positive(y - (xt + LOG_HALF_ULP), v_set(1)); /* NaN is above */
    }
    return v_total(before) <= HALF_ULP && v_sum(above) == 0;
}

static void SIMD(round_rows)(const void *job, int i)
{
    const rounding_job *w = job;
    int per_run = cpu_pieces(w->B, w->chunk);
    cpu_range range = cpu_piece(w->B, w->chunk, i % per_run);
    size_t run = (size_t)(i / per_run) * w->B, C = w->C;
    double saturated = 0, gradient_sum = 0;

    for (size_t row = run + range.from; row < run + range.to; row++) {
        if (w->group[row] || w->label[row] < 0) continue;
        saturated += SIMD(is_saturated)(w->logits + row * C, w->C, w->label[row]);
        gradient_sum += fabs(d_sum_of(w->dlogits + row * C, w->C));
    }
    w->part[2 * (size_t)i] = saturated;
    w->part[2 * (size_t)i + 1] = gradient_sum;
}

#endif
