/* Bags of embeddings: the way back sums slices of the batch into tables of their own, in double,
 * as embed_back does. */
#ifndef SIMD
#include "cpu/cpu.h"

#include <string.h>

typedef struct bag_job {
    gk_real *x;
    const gk_real *w, *dx;
    double *part; /* (R,slices,rows,D) */
    const int32_t *token;
    int B, T, D, V, rows, apart; /* rows of w */
    int slice, slices;           /* examples; per run */
} bag_job;

/* The row of w that token t of a bag stands for. */
static size_t row_of(const bag_job *w, int32_t token, int t)
{
    return (w->apart ? (size_t)t * w->V : 0) + token;
}

static void sum_bags(const void *job, int i)
{
    const bag_job *w = job;
    int r = i / w->slices, T = w->T, D = w->D;
    cpu_range range = cpu_piece(w->B, w->slice, i % w->slices);
    const gk_real *w_r = w->w + (size_t)r * w->rows * D;

    for (int b = range.from; b < range.to; b++) {
        size_t at = (size_t)r * w->B + b;
        gk_real *restrict x = w->x + at * D;

        memset(x, 0, D * sizeof *x);
        for (int t = 0; t < T; t++) {
            const gk_real *restrict row = w_r + row_of(w, w->token[at * T + t], t) * D;

            for (int d = 0; d < D; d++) x[d] += row[d];
        }
    }
}

#define SIMD_SOURCE "cpu/bag.c"
#include "cpu/machine/simd.h"

void cpu_bag(gk_backend *be, gk_real *x, const gk_real *w, const int32_t *token, int R, int B,
             int T, int D, int V, int apart)
{
    bag_job job = {.x = x, .w = w, .token = token, .B = B, .T = T, .D = D, .V = V};

    job.apart = apart;
    job.rows = apart ? T * V : V;
    job.slice = cpu_chunk_rows(T * D);
    job.slices = cpu_pieces(B, job.slice);
    cpu_parallel(be, R * job.slices, sum_bags, &job);
}

/* A slice costs a table, which is zeroed, filled and added up: at most 8, and each with 4 tokens
 * for every row. */
static int slices_of(int B, int T, int rows)
{
    return cpu_max(1, cpu_min(cpu_min(8, B), (int)((size_t)B * T / (4 * (size_t)rows))));
}

void cpu_bag_back(gk_backend *be, gk_real *d_w, const gk_real *dx, const int32_t *token, int R,
                  int B, int T, int D, int V, int apart, gk_real beta)
{
    bag_job job = {.dx = dx, .token = token, .B = B, .T = T, .D = D, .V = V, .apart = apart};

    job.rows = apart ? T * V : V;
    job.slice = cpu_pieces(B, slices_of(B, T, job.rows));
    job.slices = cpu_pieces(B, job.slice);
    size_t table = (size_t)job.rows * D;
    int group = cpu_group(R, job.slices * table * sizeof(double));

    job.part = cpu_scratch(be, (size_t)group * job.slices * table * sizeof(double));
    for (int r = 0; r < R; r += group) {
        int n = cpu_min(group, R - r);

        cpu_parallel(be, n * job.slices, CPU_PICK(be, sum_slice), &job);
        cpu_add_parts(be, d_w + r * table, job.part, n, job.slices, (int)table, beta);
        job.dx += (size_t)n * B * D;
        job.token += (size_t)n * B * T;
    }
}

#else

static void SIMD(sum_slice)(const void *job, int i)
{
    const bag_job *w = job;
    int r = i / w->slices, T = w->T, D = w->D;
    cpu_range range = cpu_piece(w->B, w->slice, i % w->slices);
    double *table = w->part + (size_t)i * w->rows * D;

    memset(table, 0, (size_t)w->rows * D * sizeof *table);
    for (int b = range.from; b < range.to; b++) {
        size_t at = (size_t)r * w->B + b;
        const gk_real *x = w->dx + at * D;

        for (int t = 0; t < T; t++) {
            double *row = table + row_of(w, w->token[at * T + t], t) * D;
            int d = 0;

            for (; d + VW <= D; d += VW) v_add_widened(row + d, v_load(x + d));
            for (; d < D; d++) row[d] += (double)x[d];
        }
    }
}

#endif
