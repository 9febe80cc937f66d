/* Rows added up by index and by column, in double. A chunk owns some columns of a run, so that its
 * table of sums stays in the second cache, and goes through all rows: nothing is added up across
 * chunks. */
#ifndef SIMD
#include "cpu/cpu.h"

enum { WIDTH = 32 };

typedef struct sums_job {
    gk_real *sum;
    double *moments, *table; /* table (R,chunks,T,E,columns of the chunk) */
    const gk_real *in;
    const int32_t *index;
    int B, T, E, cols;
    gk_real beta;
} sums_job;

#define SIMD_SOURCE "cpu/row_sums.c"
#include "cpu/machine/simd.h"

void cpu_row_sums(gk_backend *be, gk_real *sum, double *moments, const gk_real *in,
                  const int32_t *index, int R, int B, int T, int E, int cols, gk_real beta)
{
    size_t table = (size_t)T * E * cols;
    int group = cpu_group(R, table * sizeof(double));
    double *memory = cpu_scratch(be, group * table * sizeof *memory);

    for (int r = 0; r < R; r += group) {
        int n = cpu_min(group, R - r);
        sums_job job = {.sum = sum + r * table,
                        .moments = moments ? moments + 2 * (size_t)r * cols : NULL,
                        .table = memory,
                        .in = in + (size_t)r * B * cols,
                        .index = index,
                        .B = B,
                        .T = T,
                        .E = E,
                        .cols = cols,
                        .beta = beta};

        cpu_parallel(be, n * cpu_pieces(cols, WIDTH), CPU_PICK(be, sum_columns), &job);
    }
}

#else

static inline void SIMD(add_row)(double *to, const gk_real *x, int n)
{
    int c = 0;

    for (; c + VW <= n; c += VW) v_add_widened(to + c, v_load(x + c));
    for (; c < n; c++) to[c] += (double)x[c];
}

static inline void SIMD(add_squares)(double *to, const gk_real *x, int n)
{
    int c = 0;

    for (; c + VW <= n; c += VW) {
        vd low = v_low(v_load(x + c)), high = v_high(v_load(x + c));

        d_store(to + c, d_load(to + c) + low * low);
        d_store(to + c + VW / 2, d_load(to + c + VW / 2) + high * high);
    }
    for (; c < n; c++) to[c] += (double)x[c] * (double)x[c];
}

static void SIMD(write_sums)(const sums_job *w, size_t r, cpu_range cols, const double *table,
                             double moments[2][WIDTH])
{
    size_t width = cols.to - cols.from, rows = (size_t)w->T * w->E;
    double beta = w->beta;

    for (size_t e = 0; e < rows; e++, table += width) {
        gk_real *restrict to = w->sum + (r * rows + e) * w->cols + cols.from;

        if (beta != 0)
            for (size_t c = 0; c < width; c++) to[c] = (gk_real)(beta * to[c] + table[c]);
        else
            for (size_t c = 0; c < width; c++) to[c] = (gk_real)table[c];
    }
    for (size_t m = 0; w->moments && m < 2; m++) {
        double *to = w->moments + (2 * r + m) * w->cols + cols.from;

        for (size_t c = 0; c < width; c++)
            to[c] = beta != 0 ? beta * to[c] + moments[m][c] : moments[m][c];
    }
}

static void SIMD(sum_columns)(const void *job, int i)
{
    const sums_job *w = job;
    int per_run = cpu_pieces(w->cols, WIDTH);
    cpu_range cols = cpu_piece(w->cols, WIDTH, i % per_run);
    size_t r = i / per_run, width = cols.to - cols.from, T = w->T, E = w->E;
    double *table = w->table + (r * w->cols + cols.from) * T * E, moments[2][WIDTH] = {{0}};
    const gk_real *x = w->in + r * w->B * w->cols + cols.from;

    memset(table, 0, T * E * width * sizeof *table);
    for (size_t row = 0; row < (size_t)w->B; row++, x += w->cols) {
        const int32_t *at = w->index + row * T;

        for (size_t t = 0; t < T; t++)
            SIMD(add_row)(table + (t * E + at[t]) * width, x, (int)width);
        if (!w->moments) continue;
        SIMD(add_row)(moments[0], x, (int)width);
        SIMD(add_squares)(moments[1], x, (int)width);
    }
    SIMD(write_sums)(w, r, cols, table, moments);
}

#endif
