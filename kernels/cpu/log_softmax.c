/* The loss, row by row. The exact form (see ref) in vectors of floats with sums in double; the
 * others are ref's.
 *
 * With M the largest logit, e_j = exp(x_j - M), S = sum of e_j over j != t, Z = exp(x_t - M) + S:
 * dlogits_j = scale e_j / Z, dlogits_t = -scale S / Z, and the loss is log1p(S) where M = x_t, else
 * M - x_t + log Z. This is ref's form, M being x_t + m. The rounding error of x_j - M is computed
 * and given to exp too, so that e_j is right to an ulp however far apart the logits are; S and the
 * loss are as good as from logits in double. */
#ifndef SIMD
#include "cpu/cpu.h"
#include "gk/arith.h"
#include "host.h"

#include <math.h>

typedef struct loss_job {
    gk_backend *be;
    cpu_loss loss;
    int B, chunk;
} loss_job;

/* What counts as 0 in a gradient, so that none is a denormal: Adam's moments are 0 below 2^-120. */
static const float least = 0x1p-100f;

#define SIMD_SOURCE "cpu/log_softmax.c"
#include "cpu/machine/simd.h"

static void ref_rows(gk_backend *be, const cpu_loss *w, size_t first, int n)
{
    int step = w->ld == w->C ? n : 1;

    for (size_t row = first; row < first + n; row += step) {
        size_t at = row * w->ld;

        ref_log_softmax(be, w->row_loss + row, w->row_hit + row,
                        w->dlogits ? w->dlogits + at : NULL, w->logits + at, w->label + row, 1,
                        step, w->C, w->form, w->scale);
    }
}

void cpu_loss_rows(gk_backend *be, const cpu_loss *w, size_t first, int n)
{
    if (w->form == GK_LOSS_EXACT)
        CPU_PICK(be, exact_rows)(w, first, n);
    else
        ref_rows(be, w, first, n);
}

/* Some rows of one run. */
static void loss_chunk(const void *job, int i)
{
    const loss_job *w = job;
    int per_run = cpu_pieces(w->B, w->chunk);
    cpu_range range = cpu_piece(w->B, w->chunk, i % per_run);

    cpu_loss_rows(w->be, &w->loss, (size_t)(i / per_run) * w->B + range.from,
                  range.to - range.from);
}

void cpu_log_softmax(gk_backend *be, double *row_loss, uint8_t *row_hit, gk_real *dlogits,
                     const gk_real *logits, const int32_t *label, int R, int B, int C, int form,
                     double scale)
{
    cpu_loss loss = {row_loss, row_hit, dlogits, logits, label, C, C, form, scale};
    loss_job job = {be, loss, B, cpu_chunk_rows(C)};

    GK_CHECK(form == GK_LOSS_EXACT || form == GK_LOSS_F64 || form == GK_LOSS_F32);
    cpu_parallel(be, R * cpu_pieces(B, job.chunk), loss_chunk, &job);
}

#else

/* The largest of n numbers, leaving out NaN; -inf of none. */
static inline float SIMD(maximum)(const gk_real *x, int n)
{
    vf max = v_set(-HUGE_VALF);
    int j = 0;

    for (; j + VW <= n; j += VW) max = v_max(v_load(x + j), max);
    if (j < n) max = v_max(v_load_part(x + j, n - j, -HUGE_VALF), max);
    return v_largest(max);
}

/* exp(x - max) to an ulp: `low` is what the difference lost to rounding (Knuth's two-sum). Where
 * exp is not 0 that is less than 2^-17; a limit as near as that, also for the NaN of x = -inf,
 * keeps what is thrown away from being a denormal on the way, which would cost more than all the
 * rest. */
static inline vf SIMD(exp_difference)(vf x, vf max)
{
    vf difference = x - max, lost = difference - x;
    vf low = (x - (difference - lost)) - (max + lost);

    return v_exp_pair(difference, v_max(low, v_set(-0x1p-17f)));
}

/* e[j] = exp(x[j] - max), where e is wanted (it may be x); returns their sum over j != t: LANES
 * sums in double. */
static inline double SIMD(exp_sum)(gk_real *e, const gk_real *x, int n, int t, float max)
{
    vd sum[2 * WIDE];

    d_clear(sum);
    for (int j = 0; j < n; j += LANES) {
#pragma GCC unroll 4
        for (int v = 0; v < WIDE; v++) {
            int at = j + v * VW;
            vf y = SIMD(exp_difference)(v_load_up_to(x + at, n - at, -HUGE_VALF), v_set(max));

            if (e) v_store_up_to(e + at, y, n - at);
            d_add(sum, v, v_without(y, t - at));
        }
    }
    return d_total(sum);
}

/* e factor, of the smallest 0 */
static inline vf SIMD(scaled)(vf e, float factor)
{
    return v_if_negative(e - v_set(least), v_set(0), e) * v_set(factor);
}

static inline void SIMD(multiply)(gk_real *x, int n, float factor)
{
    int j = 0;

    for (; j + VW <= n; j += VW) v_store(x + j, SIMD(scaled)(v_load(x + j), factor));
    if (j < n) v_store_part(x + j, SIMD(scaled)(v_load_part(x + j, n - j, 0), factor), n - j);
}

static void SIMD(exact_rows)(const cpu_loss *w, size_t first_row, int n)
{
    for (size_t row = first_row; row < first_row + n; row++) {
        const gk_real *x = w->logits + row * w->ld;
        gk_real *d = w->dlogits ? w->dlogits + row * w->ld : NULL;
        int t = w->label[row];

        if (t < 0) {
            host_unscored(&w->row_loss[row], &w->row_hit[row], d, w->C);
            continue;
        }
        float xt = x[t], max = SIMD(maximum)(x, w->C);
        bool first = xt == max && SIMD(maximum)(x, t) < xt;
        double S = SIMD(exp_sum)(d, x, w->C, t, max);
        gk_real own[VW];

        v_store(own, max == xt ? v_set(1) : SIMD(exp_difference)(v_set(xt), v_set(max)));
        double Z = S + (double)own[0];

        w->row_hit[row] = first && Z == Z; /* Z is NaN for a NaN anywhere */
        w->row_loss[row] = max == xt ? gk_log1p(S) : (double)max - (double)xt + gk_log(Z);
        if (!d) continue;
        SIMD(multiply)(d, w->C, (float)(w->scale / Z)); /* d[t] too, which is replaced: */
        d[t] = S < (double)least ? 0 : (gk_real)(-w->scale * S / Z);
    }
}

#endif
