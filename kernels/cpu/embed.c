/* Token and position embeddings: the way back sums slices of the batch into tables of their own, in
 * double. */
#ifndef SIMD
#include "cpu/cpu.h"

typedef struct embed_job {
    gk_real *x;
    const gk_real *w_e, *w_pos;
    const int32_t *token;
    int B, T, D, V, chunk;
} embed_job;

static void embed_rows(const void *job, int i)
{
    const embed_job *w = job;
    int per_run = cpu_pieces(w->B, w->chunk), r = i / per_run, T = w->T, D = w->D;
    cpu_range range = cpu_piece(w->B, w->chunk, i % per_run);
    size_t at = ((size_t)r * w->B + range.from) * T;

    for (int b = range.from; b < range.to; b++) {
        for (int t = 0; t < T; t++, at++) {
            gk_real *restrict x = w->x + at * D;
            const gk_real *restrict e = w->w_e + ((size_t)r * w->V + w->token[at]) * D;
            const gk_real *restrict pos = w->w_pos + ((size_t)r * T + t) * D;

            for (int d = 0; d < D; d++) x[d] = e[d] + pos[d];
        }
    }
}

void cpu_embed(gk_backend *be, gk_real *x, const gk_real *w_e, const gk_real *w_pos,
               const int32_t *token, int R, int B, int T, int D, int V)
{
    embed_job job = {x, w_e, w_pos, token, B, T, D, V, cpu_chunk_rows(T * D)};

    cpu_parallel(be, R * cpu_pieces(B, job.chunk), embed_rows, &job);
}

/* e (R,slices,V,D) and pos (R,slices,T,D): the sums over a slice of the batch. */
typedef struct embed_back_job {
    double *e, *pos;
    const gk_real *dx;
    const int32_t *token;
    int B, T, D, V, slice, slices;
} embed_back_job;

#define SIMD_SOURCE "cpu/embed.c"
#include "cpu/machine/simd.h"

/* Slices cost a table each, which is zeroed, filled and added up: at most 8, and each with 4
 * examples for every row of the table. */
static int slices_of(int B, int V) { return cpu_max(1, cpu_min(8, B / (4 * V))); }

void cpu_embed_back(gk_backend *be, gk_real *d_w_e, gk_real *d_w_pos, const gk_real *dx,
                    const int32_t *token, int R, int B, int T, int D, int V, gk_real beta)
{
    int slice = cpu_pieces(B, slices_of(B, V)), slices = cpu_pieces(B, slice);
    size_t n_e = (size_t)V * D, n_pos = (size_t)T * D, n_x = (size_t)B * T;
    int group = cpu_group(R, slices * (n_e + n_pos) * sizeof(double));
    double *e = cpu_scratch(be, (size_t)group * slices * (n_e + n_pos) * sizeof *e);

    for (int r = 0; r < R; r += group) {
        int n = cpu_min(group, R - r);
        embed_back_job job = {
            e, e + n * slices * n_e, dx + r * n_x * D, token + r * n_x, B, T, D, V, slice, slices};

        cpu_parallel(be, n * slices, CPU_PICK(be, sum_slice), &job);
        cpu_add_parts(be, d_w_e + r * n_e, job.e, n, slices, V * D, beta);
        cpu_add_parts(be, d_w_pos + r * n_pos, job.pos, n, slices, T * D, beta);
    }
}

#else

static void SIMD(sum_slice)(const void *job, int i)
{
    const embed_back_job *w = job;
    int T = w->T, D = w->D, r = i / w->slices;
    cpu_range range = cpu_piece(w->B, w->slice, i % w->slices);
    double *e = w->e + (size_t)i * w->V * D, *pos = w->pos + (size_t)i * T * D;
    size_t at = ((size_t)r * w->B + range.from) * T;

    memset(e, 0, (size_t)w->V * D * sizeof *e);
    memset(pos, 0, (size_t)T * D * sizeof *pos);
    for (int b = range.from; b < range.to; b++) {
        for (int t = 0; t < T; t++, at++) {
            const gk_real *x = w->dx + at * D;
            double *e_row = e + (size_t)w->token[at] * D, *pos_row = pos + (size_t)t * D;
            int d = 0;

            for (; d + VW <= D; d += VW) {
                v_add_widened(e_row + d, v_load(x + d));
                v_add_widened(pos_row + d, v_load(x + d));
            }
            for (; d < D; d++) {
                e_row[d] += (double)x[d];
                pos_row[d] += (double)x[d];
            }
        }
    }
}

#endif
