/* The op table_rows; rows of E as the table plan keeps them. */
#include "cpu/table/table.h"

#include <string.h>

enum { ROWS = 16 /* at a time */, CHUNK = 256 };

table_shape table_shape_of(const gk_table *t)
{
    int line = CPU_LINE / (int)sizeof(gk_real);
    int first = cpu_pieces(t->F, line), all = first + cpu_pieces(t->rest, line);

    return (table_shape){.N = t->N,
                         .H = t->H,
                         .F = t->F,
                         .rest = t->rest,
                         .rest_at = first * line,
                         .width = all * line,
                         .ld = (all | 1) * line};
}

void table_narrow(const table_kernels *kernels, const table_shape *s, gk_real *row,
                  const gk_real *wide, bool add)
{
    size_t F = (size_t)s->F, rest = (size_t)s->rest;

    if (add) {
        kernels->add(row, row, wide, F);
        kernels->add(row + F, row + F, wide + s->rest_at, rest);
    } else {
        memcpy(row, wide, F * sizeof *row);
        memcpy(row + F, wide + s->rest_at, rest * sizeof *row);
    }
}

/* Zeros behind F and behind the rest. */
static void pad(const table_shape *s, gk_real *wide)
{
    for (int i = s->F; i < s->rest_at; i++) wide[i] = 0;
    for (int i = s->rest_at + s->rest; i < s->width; i++) wide[i] = 0;
}

void table_widen(const table_shape *s, gk_real *wide, const gk_real *row)
{
    pad(s, wide);
    memcpy(wide, row, (size_t)s->F * sizeof *wide);
    memcpy(wide + s->rest_at, row + s->F, (size_t)s->rest * sizeof *wide);
}

void table_shifted(const table_kernels *kernels, const table_shape *s, gk_real *wide,
                   const gk_real *row, const gk_real *shift)
{
    size_t F = (size_t)s->F, rest = (size_t)s->rest;

    for (int h = 0; h < s->H; h++, wide += s->width, row += F + rest, shift += F + rest) {
        pad(s, wide);
        kernels->add(wide, row, shift, F);
        kernels->add(wide + s->rest_at, row + F, shift + F, rest);
    }
}

typedef struct rows_job {
    const table_kernels *kernels;
    gk_real *pre, *rest, *prob, *scratch;
    const gk_table *t;
    const int32_t *token;
    int B;
    table_shape shape;
    int first, runs;   /* at a time */
    size_t run, chunk; /* floats of scratch: x1 of all tokens and base; x0, E, prob */
} rows_job;

/* x1 (N,H,width), base (width): token `i % (N + 1)`, the last of which stands for base. */
static void widen_token(const void *job, int i)
{
    const rows_job *w = job;
    const table_shape *s = &w->shape;
    int N = s->N, r = i / (N + 1), token = i % (N + 1);
    gk_table t = gk_table_run(w->t, w->first + r);
    size_t W = (size_t)s->F + s->rest;
    gk_real *to = w->scratch + r * w->run + (size_t)token * s->H * s->width;

    if (token < N)
        table_shifted(w->kernels, s, to, t.table.row + (size_t)token * s->H * W,
                      t.table.shift + s->H * W);
    else
        table_widen(s, to, t.table.base);
}

static void store_rows(const rows_job *w, size_t first, int n, const gk_real *E, table_prob prob)
{
    const table_shape *s = &w->shape;
    gk_real *to = w->prob + first * s->H * 3;

    for (int i = 0; i < n; i++, E += s->ld) {
        memcpy(w->pre + (first + i) * s->F, E, (size_t)s->F * sizeof *E);
        memcpy(w->rest + (first + i) * s->rest, E + s->rest_at, (size_t)s->rest * sizeof *E);
    }
    for (int i = 0; i < n * s->H; i++)
        for (int j = 0; j < 3; j++) *to++ = prob.A[j][i];
}

/* Rows [first, first + n) of all runs, n <= ROWS; scratch as in `chunk`. */
static void mix_rows(const rows_job *w, const gk_table *t, const gk_real *x1, gk_real *scratch,
                     size_t first, int n)
{
    const table_shape *s = &w->shape;
    size_t H = (size_t)s->H, heads = ROWS * H;
    gk_real *x0 = scratch, *E = x0 + H * s->width, *A = E + (size_t)ROWS * s->ld;
    const gk_real *base = x1 + s->N * H * s->width;
    table_prob prob = {{A, A + heads, A + 2 * heads}};
    table_tokens all = {w->token + 3 * first, w->token + 3 * first + 1, 3, n};

    w->kernels->attend(prob, &t->table, s->N, s->H, all);
    for (int i = 0, next; i < n; i = next) {
        const int32_t *a = all.a + 3 * i;

        for (next = i + 1; next < n && all.a[3 * next] == *a;) next++;
        table_shifted(w->kernels, s, x0, t->table.row + *a * H * (s->F + s->rest), t->table.shift);
        w->kernels->mix(E + (size_t)i * s->ld, s, base, x0, x1,
                        (table_prob){{A + i * H, A + heads + i * H}},
                        (table_tokens){a, a + 1, 3, next - i}, false);
    }
    store_rows(w, first, n, E, prob);
}

static void rows_chunk(const void *job, int i)
{
    const rows_job *w = job;
    int per_run = cpu_pieces(w->B, CHUNK), r = i / per_run;
    cpu_range range = cpu_piece(w->B, CHUNK, i % per_run);
    gk_table t = gk_table_run(w->t, w->first + r);
    gk_real *scratch = w->scratch + w->runs * w->run + i * w->chunk;

    for (int from = range.from; from < range.to; from += ROWS)
        mix_rows(w, &t, w->scratch + r * w->run, scratch, (size_t)(w->first + r) * w->B + from,
                 cpu_min(ROWS, range.to - from));
}

void cpu_table_rows(gk_backend *be, gk_real *pre, gk_real *rest, gk_real *prob, const gk_table *t,
                    const int32_t *token, int B)
{
    table_shape s = table_shape_of(t);
    rows_job job = {.kernels = table_kernels_of(be),
                    .pre = pre,
                    .rest = rest,
                    .prob = prob,
                    .t = t,
                    .token = token,
                    .B = B,
                    .shape = s,
                    .run = ((size_t)s.N * s.H + 1) * s.width,
                    .chunk = (size_t)s.H * s.width + (size_t)ROWS * (s.ld + 3 * s.H)};
    int chunks = cpu_pieces(B, CHUNK);
    size_t bytes = (job.run + chunks * job.chunk) * sizeof(gk_real);

    job.runs = cpu_group(t->R, bytes);
    job.scratch = cpu_scratch(be, job.runs * bytes);
    for (; job.first < t->R; job.first += job.runs) {
        job.runs = cpu_min(job.runs, t->R - job.first);
        cpu_parallel(be, job.runs * (s.N + 1), widen_token, &job);
        cpu_parallel(be, job.runs * chunks, rows_chunk, &job);
    }
}
