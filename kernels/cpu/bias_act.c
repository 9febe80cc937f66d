/* Biases and activations: rows in chunks; column sums of CPU_SUM_ROWS rows in double, then added
 * chunk by chunk. */
#ifndef SIMD
#include "cpu/cpu.h"

typedef struct rows_job {
    gk_real *out;      /* h; dpre; x of bias_add */
    gk_real *pre;      /* of bias_act */
    const gk_real *in; /* pre of bias_act_back, dx of bias_add_back */
    const gk_real *dh, *bias;
    double *part; /* (R, chunks, F) column sums, or NULL */
    int rows, F, act, chunk_rows;
} rows_job;

/* Chunk i: rows [rows.from, rows.to) of run r; at: its first element; part: its column sums,
 * zeroed. */
typedef struct rows_chunk {
    int r, n;
    size_t at;
    double *part;
} rows_chunk;

static rows_chunk rows_of(const rows_job *w, int i)
{
    int per_run = cpu_pieces(w->rows, w->chunk_rows), r = i / per_run;
    cpu_range rows = cpu_piece(w->rows, w->chunk_rows, i % per_run);
    rows_chunk c = {r, rows.to - rows.from, ((size_t)r * w->rows + rows.from) * w->F, NULL};

    if (w->part) {
        c.part = w->part + (size_t)i * w->F;
        for (int j = 0; j < w->F; j++) c.part[j] = 0;
    }
    return c;
}

#define SIMD_SOURCE "cpu/bias_act.c"
#include "cpu/machine/simd.h"

static void bias_rows(const void *job, int i)
{
    const rows_job *w = job;
    rows_chunk c = rows_of(w, i);
    const gk_real *restrict bias = w->bias + (size_t)c.r * w->F;

    for (int row = 0; row < c.n; row++) {
        gk_real *restrict x = w->out + c.at + (size_t)row * w->F;

        for (int j = 0; j < w->F; j++) x[j] += bias[j];
    }
}

/* The chunks of a job; where d_bias is wanted, of as many runs at a time as fit into the scratch
 * memory. */
static void run_rows(gk_backend *be, cpu_chunk *chunk, rows_job w, gk_real *d_bias, int R,
                     gk_real beta)
{
    w.chunk_rows = d_bias ? CPU_SUM_ROWS : cpu_chunk_rows(w.F);
    int per_run = cpu_pieces(w.rows, w.chunk_rows);
    int group = d_bias ? cpu_group(R, (size_t)per_run * w.F * sizeof(double)) : R;

    if (d_bias) w.part = cpu_scratch(be, (size_t)group * per_run * w.F * sizeof(double));
    for (int r = 0; r < R; r += group) {
        int n = cpu_min(group, R - r);
        size_t step = (size_t)n * w.rows * w.F;

        cpu_parallel(be, n * per_run, chunk, &w);
        if (!d_bias) continue;
        cpu_add_parts(be, d_bias + (size_t)r * w.F, w.part, n, per_run, w.F, beta);
        if (w.out) w.out += step;
        w.in += step;
        if (w.dh) w.dh += step;
    }
}

void cpu_bias_act(gk_backend *be, gk_real *h, gk_real *pre, const gk_real *bias, int R, int rows,
                  int F, int act)
{
    rows_job w = {.out = h, .pre = pre, .bias = bias, .rows = rows, .F = F, .act = act};

    GK_CHECK(act == GK_RELU || act == GK_GELU || act == GK_GELU_ERF);
    run_rows(be, CPU_PICK(be, act_rows), w, NULL, R, 0);
}

void cpu_bias_act_back(gk_backend *be, gk_real *dpre, gk_real *d_bias, const gk_real *dh,
                       const gk_real *pre, int R, int rows, int F, int act, gk_real beta)
{
    rows_job w = {.out = dpre, .in = pre, .dh = dh, .rows = rows, .F = F, .act = act};

    GK_CHECK(act == GK_RELU || act == GK_GELU || act == GK_GELU_ERF);
    run_rows(be, CPU_PICK(be, act_back_rows), w, d_bias, R, beta);
}

void cpu_bias_add(gk_backend *be, gk_real *x, const gk_real *bias, int R, int rows, int D)
{
    run_rows(be, bias_rows, (rows_job){.out = x, .bias = bias, .rows = rows, .F = D}, NULL, R, 0);
}

void cpu_bias_add_back(gk_backend *be, gk_real *d_bias, const gk_real *dx, int R, int rows, int D,
                       gk_real beta)
{
    rows_job w = {.in = dx, .rows = rows, .F = D};

    run_rows(be, CPU_PICK(be, sum_rows), w, d_bias, R, beta);
}

#else

/* sigmoid(2u) = (1 + tanh u) / 2, so x (1 + tanh u) / 2 = x / (1 + exp(-2u)). */
static inline vf SIMD(activation)(vf x, int act)
{
    if (act == GK_RELU) return v_max(v_set(0), x); /* NaN stays NaN */
    if (act == GK_GELU) {
        vf u2 = v_set(1.59576912f) * (x + v_set(0.044715f) * x * x * x);

        return x / (v_set(1) + v_exp(-u2));
    }
    vf tail = v_set(0.5f) * v_erfc(v_set(0.707106781f) * v_abs(x)); /* 1 - Phi(|x|) */

    return x * v_if_negative(x, tail, v_set(1) - tail);
}

/* dh act'(x); formulas as in ref. With e = exp(-|2u|): sigmoid is 1 / (1 + e) or e / (1 + e), and
 * (1 - tanh^2 u) / 4 = e / (1 + e)^2, without overflow or cancellation. */
static inline vf SIMD(derivative)(vf x, vf dh, int act)
{
    if (act == GK_RELU) return v_if_positive(x, dh);
    if (act == GK_GELU) {
        vf u2 = v_set(1.59576912f) * (x + v_set(0.044715f) * x * x * x);
        vf du2 = v_set(1.59576912f) * (v_set(1) + v_set(0.134145f) * x * x);
        vf e = v_exp(-v_abs(u2)), one = v_set(1) / (v_set(1) + e);

        return dh * (v_if_negative(u2, e * one, one) + x * (e * one * one) * du2);
    }
    vf tail = v_set(0.5f) * v_erfc(v_set(0.707106781f) * v_abs(x));
    vf density = v_set(0.398942280f) * v_exp(v_set(-0.5f) * x * x);

    return dh * (v_if_negative(x, tail, v_set(1) - tail) + x * density);
}

__attribute__((always_inline)) static inline void SIMD(act_row)(gk_real *h, gk_real *pre,
                                                                const gk_real *bias, int F, int act)
{
    int j = 0;

    for (; j + VW <= F; j += VW) {
        vf x = v_load(pre + j);

        if (bias) {
            x += v_load(bias + j);
            v_store(pre + j, x);
        }
        v_store(h + j, SIMD(activation)(x, act));
    }
    if (j == F) return;
    vf x = v_load_part(pre + j, F - j, 0);

    if (bias) {
        x += v_load_part(bias + j, F - j, 0);
        v_store_part(pre + j, x, F - j);
    }
    v_store_part(h + j, SIMD(activation)(x, act), F - j);
}

static void SIMD(act_rows)(const void *job, int i)
{
    const rows_job *w = job;
    rows_chunk c = rows_of(w, i);
    const gk_real *bias = w->bias ? w->bias + (size_t)c.r * w->F : NULL;

    for (int row = 0; row < c.n; row++) {
        size_t at = c.at + (size_t)row * w->F;

        switch (w->act) {
        case GK_RELU: SIMD(act_row)(w->out + at, w->pre + at, bias, w->F, GK_RELU); break;
        case GK_GELU: SIMD(act_row)(w->out + at, w->pre + at, bias, w->F, GK_GELU); break;
        default: SIMD(act_row)(w->out + at, w->pre + at, bias, w->F, GK_GELU_ERF);
        }
    }
}

__attribute__((always_inline)) static inline void SIMD(act_back_row)(gk_real *dpre, double *part,
                                                                     const gk_real *dh,
                                                                     const gk_real *pre, int F,
                                                                     int act)
{
    int j = 0;

    for (; j + VW <= F; j += VW) {
        vf d = SIMD(derivative)(v_load(pre + j), v_load(dh + j), act);

        v_store(dpre + j, d);
        if (part) v_add_widened(part + j, d);
    }
    if (j == F) return;
    v_store_part(
        dpre + j,
        SIMD(derivative)(v_load_part(pre + j, F - j, 0), v_load_part(dh + j, F - j, 0), act),
        F - j);
    for (; part && j < F; j++) part[j] += (double)dpre[j];
}

static void SIMD(act_back_rows)(const void *job, int i)
{
    const rows_job *w = job;
    rows_chunk c = rows_of(w, i);

    for (int row = 0; row < c.n; row++) {
        size_t at = c.at + (size_t)row * w->F;
        gk_real *dpre = w->out + at;
        const gk_real *dh = w->dh + at, *pre = w->in + at;

        switch (w->act) {
        case GK_RELU: SIMD(act_back_row)(dpre, c.part, dh, pre, w->F, GK_RELU); break;
        case GK_GELU: SIMD(act_back_row)(dpre, c.part, dh, pre, w->F, GK_GELU); break;
        default: SIMD(act_back_row)(dpre, c.part, dh, pre, w->F, GK_GELU_ERF);
        }
    }
}

static void SIMD(sum_rows)(const void *job, int i)
{
    const rows_job *w = job;
    rows_chunk c = rows_of(w, i);

    for (int row = 0; row < c.n; row++) {
        const gk_real *x = w->in + c.at + (size_t)row * w->F;
        int j = 0;

        for (; j + VW <= w->F; j += VW) v_add_widened(c.part + j, v_load(x + j));
        for (; j < w->F; j++) c.part[j] += (double)x[j];
    }
}

#endif
