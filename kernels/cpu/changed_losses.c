/* Losses after changes of the logits, in one of two ways, which the sizes alone decide.
 *
 * Directly: a row with its change taken off, and its loss as in log_softmax.c.
 *
 * Where rows share their index (T = 1, two or more rows for each) and V is not small, exponentials
 * factor. With x a row of logits, d its change, t its label, m the least d_c and M the largest x_c
 * with c != t,
 *
 *     a_c = exp(x_c - M), 0 for c = t;   b_c = exp(m - d_c);   S = sum of a_c b_c
 *     loss = log(1 + S / T),   T = exp(x_t - M) b_t
 *
 * where b is the same for all rows of an index, a for all changes: rows + E V times C exponentials
 * instead of rows V times C, and a dot product of positive numbers for each loss. In float a term
 * below 2^-126 is lost; C of them do not matter to S >= 1e-28. Where S is less, b_t is lost, or
 * S / T is not a moderate number (NaN is not), the loss is computed directly.
 *
 * Logarithms: 1 + y = product of (1 + S / T) over rows, y <- y + z + z y with z = S / T, which adds
 * positive numbers, so that log1p(y) has all digits of the sum of small losses. */
#ifndef SIMD
#include "cpu/cpu.h"
#include "gk/arith.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

enum {
    ROWS = 32,
    /* of a direct chunk */ TOGETHER = 4 /* dot products */,
    MOST = 16 /* floats in a vector */
};

static const double RATIO_MAX = 1e30, PRODUCT_MAX = 1e250;
static const float SUM_MIN = 1e-28f;

typedef struct changed_job {
    gk_backend *be;
    double *part; /* (R,chunks,V,G) */
    const gk_real *logits, *basis, *coef;
    const int32_t *label, *index, *begin, *column;
    const uint8_t *group;
    int B, C, G, V, T, E, W, M, chunks;
    int padded;              /* C, rounded up to whole vectors */
    const int *first, *rows; /* shared: (R,E+1), (R,B): the rows of index e are rows[first[e] ..] */
} changed_job;

/* factor (T,M): what the coefficients of a row's change are multiplied with, but for the sign. */
static void fill_factors(gk_real *factor, const changed_job *w, size_t row)
{
    for (int t = 0; t < w->T; t++, factor += w->M) {
        const gk_real *at = w->basis + (size_t)w->index[row * w->T + t] * w->W;

        for (int j = 0; j < w->M; j++) factor[j] = -at[w->column[j]];
    }
}

/* The loss of one row, less change v, directly. x (C): scratch */
static double direct_loss(const changed_job *w, size_t row, int v, const gk_real *factor,
                          gk_real *x);

#define SIMD_SOURCE "cpu/changed_losses.c"
#include "cpu/machine/simd.h"

static double direct_loss(const changed_job *w, size_t row, int v, const gk_real *factor,
                          gk_real *x)
{
    double loss;
    uint8_t hit;
    cpu_loss of = {&loss, &hit, NULL, x, w->label + row, w->C, w->C, GK_LOSS_EXACT, 1};

    CPU_PICK(w->be, change_row)(x, w, row, v, factor);
    cpu_loss_rows(w->be, &of, 0, 1);
    return loss;
}

static void direct_chunk(const void *job, int i)
{
    const changed_job *w = job;
    cpu_range range = cpu_piece(w->B, ROWS, i % w->chunks);
    size_t run = (size_t)(i / w->chunks) * w->B;
    double *part = w->part + (size_t)i * w->V * w->G;
    gk_real *x = gk_alloc((size_t)w->C + (size_t)w->T * w->M, sizeof *x), *factor = x + w->C;

    for (int j = 0; j < w->V * w->G; j++) part[j] = 0;
    for (size_t row = run + range.from; row < run + range.to; row++) {
        int g = w->group ? w->group[row] : 0;

        if (g >= w->G || w->label[row] < 0) continue;
        fill_factors(factor, w, row);
        for (int v = 0; v < w->V; v++) part[v * w->G + g] += direct_loss(w, row, v, factor, x);
    }
    free(x);
}

/* The rows of each run by index, in their order. */
static int *sort_rows(changed_job *w, int R)
{
    size_t B = w->B, E = w->E;
    int *first = gk_alloc(R * (E + 1 + B), sizeof *first), *rows = first + R * (E + 1);

    w->first = first;
    w->rows = rows;
    for (size_t r = 0; r < (size_t)R; r++, first += E + 1, rows += B) {
        const int32_t *index = w->index + r * B;

        for (size_t i = 0; i < B; i++) first[index[i] + 1]++;
        for (size_t e = 0; e < E; e++) first[e + 1] += first[e];
        for (size_t i = 0; i < B; i++) rows[first[index[i]]++] = (int)i;
        for (size_t e = E; e > 0; e--) first[e] = first[e - 1];
        first[0] = 0;
    }
    return (int *)w->first;
}

void cpu_changed_losses(gk_backend *be, double *sum, const gk_real *logits, const int32_t *label,
                        const uint8_t *group, const int32_t *index, const gk_real *basis,
                        const gk_real *coef, const int32_t *begin, const int32_t *column, int R,
                        int B, int C, int G, int V, int T, int E, int W, int M, int beta)
{
    bool shared = T == 1 && B >= 2 * E && V >= TOGETHER && logits;
    int chunks = shared ? E : cpu_pieces(B, ROWS);
    size_t cells = (size_t)V * G;
    double *part = cpu_scratch(be, (size_t)R * chunks * cells * sizeof *part);
    changed_job job = {
        be,   part, logits, basis, coef, label, index, begin, column, group,
        B,    C,    G,      V,     T,    E,     W,     M,     chunks, cpu_pieces(C, MOST) * MOST,
        NULL, NULL};
    int *rows = shared ? sort_rows(&job, R) : NULL;

    cpu_parallel(be, R * chunks, shared ? CPU_PICK(be, shared_chunk) : &direct_chunk, &job);
    for (size_t i = 0; i < R * cells; i++) {
        double total = beta ? sum[i] : 0;

        for (size_t k = 0; k < (size_t)chunks; k++)
            total += part[(i / cells * chunks + k) * cells + i % cells];
        sum[i] = total;
    }
    free(rows);
}

#else

/* n vectors of x: from (NULL: zeros) + the sum of change v's terms. `last`: how many floats the one
 * vector that remains has; 0: it is whole. */
__attribute__((always_inline)) static inline void
SIMD(add_terms)(gk_real *x, const gk_real *from, const changed_job *w, const gk_real *coef, int v,
                const gk_real *factor, int n, int last)
{
    vf sum[TOGETHER];

#pragma GCC unroll 4
    for (int k = 0; k < n; k++)
        sum[k] = !from ? v_set(0) : last ? v_load_part(from, last, 0) : v_load(from + k * VW);
    for (int t = 0; t < w->T; t++) {
        const gk_real *by = factor + (size_t)t * w->M;

        for (int j = w->begin[v]; j < w->begin[v + 1]; j++) {
            const gk_real *of = coef + ((size_t)t * w->M + j) * w->C;
            vf y = v_set(by[j]);

#pragma GCC unroll 4
            for (int k = 0; k < n; k++)
                sum[k] = v_fma(y, last ? v_load_part(of, last, 0) : v_load(of + k * VW), sum[k]);
        }
    }
#pragma GCC unroll 4
    for (int k = 0; k < n; k++) {
        if (last)
            v_store_part(x, sum[k], last);
        else
            v_store(x + k * VW, sum[k]);
    }
}

/* x (C) = from (NULL: zeros) + the terms of change v with these factors */
static inline void SIMD(change)(gk_real *x, const gk_real *from, const changed_job *w, size_t r,
                                int v, const gk_real *factor)
{
    const gk_real *coef = w->coef + r * w->T * w->M * w->C;
    int c = 0;

    for (; c + TOGETHER * VW <= w->C; c += TOGETHER * VW)
        SIMD(add_terms)(x + c, from ? from + c : NULL, w, coef + c, v, factor, TOGETHER, 0);
    for (; c + VW <= w->C; c += VW)
        SIMD(add_terms)(x + c, from ? from + c : NULL, w, coef + c, v, factor, 1, 0);
    if (c < w->C)
        SIMD(add_terms)(x + c, from ? from + c : NULL, w, coef + c, v, factor, 1, w->C - c);
}

static void SIMD(change_row)(gk_real *x, const changed_job *w, size_t row, int v,
                             const gk_real *factor)
{
    SIMD(change)(x, w->logits ? w->logits + row * w->C : NULL, w, row / w->B, v, factor);
}

/* b (padded) of change v. Factors have their sign: the sum of the terms is -d. */
static inline void SIMD(fill_b)(gk_real *b, const changed_job *w, size_t r, int v,
                                const gk_real *factor)
{
    vf most = v_set(-HUGE_VALF);

    SIMD(change)(b, NULL, w, r, v, factor);
    for (int c = w->C; c < w->padded; c++) b[c] = -HUGE_VALF;
    for (int c = 0; c < w->padded; c += VW) most = v_max(v_load(b + c), most);
    float max = v_largest(most);
    for (int c = 0; c < w->padded; c += VW) v_store(b + c, v_exp(v_load(b + c) - max));
}

/* a (padded) of a row; returns exp(x_t - M), which may be inf or 0 */
static inline double SIMD(fill_a)(gk_real *a, const changed_job *w, size_t row)
{
    const gk_real *x = w->logits + row * w->C;
    int t = w->label[row];
    vf most = v_set(-HUGE_VALF);

    memcpy(a, x, w->C * sizeof *a);
    for (int c = w->C; c < w->padded; c++) a[c] = -HUGE_VALF;
    a[t] = -HUGE_VALF;
    for (int c = 0; c < w->padded; c += VW) most = v_max(v_load(a + c), most);
    float max = v_largest(most);
    for (int c = 0; c < w->padded; c += VW) v_store(a + c, v_exp(v_load(a + c) - max));
    return gk_exp((double)x[t] - (double)max);
}

/* s[k] = a . b_k for TOGETHER rows of b, or as many as there are */
static inline void SIMD(dots)(float *s, const gk_real *a, const gk_real *b, int n, int padded)
{
    vf sum[TOGETHER][WIDE];

    for (int k = 0; k < TOGETHER; k++)
        for (int v = 0; v < WIDE; v++) sum[k][v] = v_set(0);
    if (n >= TOGETHER) {
        for (int c = 0; c < padded; c += LANES) {
#pragma GCC unroll 4
            for (int v = 0; v < WIDE; v++) {
                vf y = v_load(a + c + v * VW);

#pragma GCC unroll 4
                for (int k = 0; k < TOGETHER; k++)
                    sum[k][v] = v_fma(y, v_load(b + (size_t)k * padded + c + v * VW), sum[k][v]);
            }
        }
    } else {
        for (int k = 0; k < n; k++)
            for (int c = 0; c < padded; c += LANES)
                for (int v = 0; v < WIDE; v++)
                    sum[k][v] = v_fma(v_load(a + c + v * VW),
                                      v_load(b + (size_t)k * padded + c + v * VW), sum[k][v]);
    }
    for (int k = 0; k < TOGETHER; k++) s[k] = v_total(sum[k]);
}

/* All rows of one index. */
static void SIMD(shared_chunk)(const void *job, int i)
{
    const changed_job *w = job;
    size_t r = i / w->E, e = i % w->E, padded = w->padded;
    const int *first = w->first + r * (w->E + 1) + e, *rows = w->rows + r * w->B;
    double *part = w->part + (size_t)i * w->V * w->G;
    double *y = gk_alloc((size_t)w->V * w->G, sizeof *y);
    gk_real *b = gk_alloc((w->V + 2) * padded + w->M, sizeof *b), *a = b + w->V * padded;
    gk_real *x = a + padded, *factor = x + padded;

    for (int j = 0; j < w->V * w->G; j++) part[j] = 0;
    if (first[0] < first[1]) fill_factors(factor, w, r * w->B + rows[first[0]]);
    for (int v = 0; v < w->V && first[0] < first[1]; v++)
        SIMD(fill_b)(b + v * padded, w, r, v, factor);
    for (int k = first[0]; k < first[1]; k++) {
        size_t row = r * w->B + rows[k];
        int g = w->group ? w->group[row] : 0, t = w->label[row];

        if (g >= w->G || t < 0) continue;
        double label = SIMD(fill_a)(a, w, row);
        float s[TOGETHER];
        for (int v = 0; v < w->V; v++) {
            if (v % TOGETHER == 0) SIMD(dots)(s, a, b + v * padded, w->V - v, w->padded);
            float S = s[v % TOGETHER], of_label = b[v * padded + t];
            double z = (double)S / (label * (double)of_label), *product = &y[v * w->G + g];

            if (!(S >= SUM_MIN && of_label >= FLT_MIN && z <= RATIO_MAX)) {
                part[v * w->G + g] += direct_loss(w, row, v, factor, x);
                continue;
            }
            *product += z + z * *product;
            if (*product < PRODUCT_MAX) continue;
            part[v * w->G + g] += gk_log1p(*product);
            *product = 0;
        }
    }
    for (int j = 0; j < w->V * w->G; j++) part[j] += gk_log1p(y[j]);
    free(b);
    free(y);
}

#endif
