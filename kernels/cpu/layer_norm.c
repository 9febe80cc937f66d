/* Layer normalisation: rows in chunks; sums in double. The mean is taken off in two parts, of
 * which the first is near x: rows far from zero lose nothing. Column sums of a chunk in double,
 * then added chunk by chunk. */
#ifndef SIMD
#include "cpu/cpu.h"

#include <math.h>

typedef struct norm_job {
    gk_real *y, *stat; /* forward */
    gk_real *dx;       /* back */
    const gk_real *x, *w, *b, *dy, *stat_in;
    double *dw, *db; /* (R,chunks,D) column sums */
    int rows, D, chunk, per_run;
} norm_job;

static const double epsilon = 1e-5;

#define SIMD_SOURCE "cpu/layer_norm.c"
#include "cpu/machine/simd.h"

void cpu_layer_norm(gk_backend *be, gk_real *y, gk_real *stat, const gk_real *x, const gk_real *w,
                    const gk_real *b, int R, int rows, int D)
{
    norm_job job = {.y = y, .stat = stat, .x = x, .w = w, .b = b, .rows = rows, .D = D};

    job.chunk = cpu_chunk_rows(D);
    job.per_run = cpu_pieces(rows, job.chunk);
    cpu_parallel(be, R * job.per_run, CPU_PICK(be, normalise), &job);
}

/* As many runs at a time as fit into scratch memory. */
void cpu_layer_norm_back(gk_backend *be, gk_real *dx, gk_real *dw, gk_real *db, const gk_real *dy,
                         const gk_real *x, const gk_real *stat, const gk_real *w, int R, int rows,
                         int D, gk_real beta)
{
    norm_job job = {.dx = dx, .dy = dy, .x = x, .stat_in = stat, .w = w, .rows = rows, .D = D};

    job.chunk = CPU_SUM_ROWS;
    job.per_run = cpu_pieces(rows, job.chunk);
    size_t sums = (size_t)job.per_run * D, run = (size_t)rows * D;
    int group = cpu_group(R, 2 * sums * sizeof(double));

    job.dw = cpu_scratch(be, 2 * group * sums * sizeof(double));
    job.db = job.dw + group * sums;
    for (int r = 0; r < R; r += group) {
        int n = cpu_min(group, R - r);

        cpu_parallel(be, n * job.per_run, CPU_PICK(be, back), &job);
        cpu_add_parts(be, dw + (size_t)r * D, job.dw, n, job.per_run, D, beta);
        cpu_add_parts(be, db + (size_t)r * D, job.db, n, job.per_run, D, beta);
        job.dx += n * run;
        job.dy += n * run;
        job.x += n * run;
        job.stat_in += (size_t)2 * n * rows;
        job.w += (size_t)n * D;
    }
}

#else

/* y = x - near - rest; the sum of its squares. */
static double SIMD(centre)(gk_real *y, const gk_real *x, float near, float rest, int D)
{
    vd sum[2 * WIDE];

    d_clear(sum);
    for (int d = 0; d < D; d += LANES) {
#pragma GCC unroll 4
        for (int v = 0; v < WIDE; v++) {
            int at = d + v * VW;
            vf c = v_load_up_to(x + at, D - at, 0) - v_set(near) - v_set(rest);

            v_store_up_to(y + at, c, D - at);
            if (D - at < VW) c = v_load_up_to(y + at, D - at, 0);
            sum[2 * v] += v_low(c) * v_low(c);
            sum[2 * v + 1] += v_high(c) * v_high(c);
        }
    }
    return d_total(sum);
}

static void SIMD(normalise)(const void *job, int i)
{
    const norm_job *n = job;
    int r = i / n->per_run, D = n->D;
    cpu_range range = cpu_piece(n->rows, n->chunk, i % n->per_run);
    const gk_real *w = n->w + (size_t)r * D, *b = n->b + (size_t)r * D;

    for (int row = range.from; row < range.to; row++) {
        size_t at = (size_t)r * n->rows + row;
        gk_real *y = n->y + at * D;
        double mean = d_sum_of(n->x + at * D, D) / D;
        float near = (float)mean, rest = (float)(mean - (double)near);
        double squares = SIMD(centre)(y, n->x + at * D, near, rest, D);
        float scale = (float)(1 / sqrt(squares / D + epsilon));
        int d = 0;

        n->stat[2 * at] = near;
        n->stat[2 * at + 1] = scale;
        for (; d + VW <= D; d += VW)
            v_store(y + d, v_load(y + d) * v_set(scale) * v_load(w + d) + v_load(b + d));
        for (; d < D; d++) y[d] = y[d] * scale * w[d] + b[d];
    }
}

/* to += x, in double: VW columns, or as many as are left */
static inline void SIMD(add_columns)(double *to, vf x, int left)
{
    gk_real y[VW];

    if (left >= VW) {
        v_add_widened(to, x);
        return;
    }
    v_store(y, x);
    for (int i = 0; i < left; i++) to[i] += (double)y[i];
}

/* The means of g = dy w and of g n, n = (x - mean) scale; dw += dy n, db += dy. */
static void SIMD(row_sums)(double means[2], double *dw, double *db, const gk_real *dy,
                           const gk_real *x, const gk_real *w, float mean, float scale, int D)
{
    vd sum[2 * WIDE], sum_n[2 * WIDE];

    d_clear(sum);
    d_clear(sum_n);
    for (int d = 0; d < D; d += LANES) {
#pragma GCC unroll 4
        for (int v = 0; v < WIDE; v++) {
            int at = d + v * VW, left = D - at;
            vf dyd = v_load_up_to(dy + at, left, 0);
            vf n = (v_load_up_to(x + at, left, mean) - v_set(mean)) * v_set(scale);
            vf g = dyd * v_load_up_to(w + at, left, 0);

            d_add(sum, v, g);
            d_add(sum_n, v, g * n);
            SIMD(add_columns)(dw + at, dyd * n, left);
            SIMD(add_columns)(db + at, dyd, left);
        }
    }
    means[0] = d_total(sum) / D;
    means[1] = d_total(sum_n) / D;
}

/* dx = scale (g - mean of g - n mean of g n); dx may be dy. */
static void SIMD(row_back)(gk_real *dx, const gk_real *dy, const gk_real *x, const gk_real *w,
                           float mean, float scale, const double means[2], int D)
{
    float g_mean = (float)means[0], gn_mean = (float)means[1];
    int d = 0;

    for (; d + VW <= D; d += VW) {
        vf n = (v_load(x + d) - v_set(mean)) * v_set(scale), g = v_load(dy + d) * v_load(w + d);

        v_store(dx + d, v_set(scale) * (g - v_set(g_mean) - n * v_set(gn_mean)));
    }
    for (; d < D; d++) {
        float n = (x[d] - mean) * scale, g = dy[d] * w[d];

        dx[d] = scale * (g - g_mean - n * gn_mean);
    }
}

static void SIMD(back)(const void *job, int i)
{
    const norm_job *n = job;
    int r = i / n->per_run, D = n->D;
    cpu_range range = cpu_piece(n->rows, n->chunk, i % n->per_run);
    double *dw = n->dw + (size_t)i * D, *db = n->db + (size_t)i * D;
    const gk_real *w = n->w + (size_t)r * D;

    memset(dw, 0, D * sizeof *dw);
    memset(db, 0, D * sizeof *db);
    for (int row = range.from; row < range.to; row++) {
        size_t at = (size_t)r * n->rows + row;
        float mean = n->stat_in[2 * at], scale = n->stat_in[2 * at + 1];
        const gk_real *x = n->x + at * D, *dy = n->dy + at * D;
        double means[2];

        SIMD(row_sums)(means, dw, db, dy, x, w, mean, scale, D);
        SIMD(row_back)(n->dx + at * D, dy, x, w, mean, scale, means, D);
    }
}

#endif
