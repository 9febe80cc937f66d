/* Weights to tables, in two jobs: values of tokens, scores and W_L; then a strip of columns of S at
 * a time, of M_h, and of everything that M_h is in. gk/table.h has the formulas.
 *
 * What all pairs share (base, shifts, the positions' values) is summed in double: its error would
 * not average out over the pairs, and was most of the gradients' error late in training. What many
 * pairs share is added up in short pieces for the same reason. */
#include "cpu/table/table.h"

#include <math.h>

enum { FEW_TERMS = 16 }; /* of a float sum; the rest is added up sum by sum */

typedef struct build_job {
    const cpu_tiles *tiles;
    const gk_table *t;
    gk_real *position; /* (R,2,H*K) vp_hj - v_h2 */
    double *sum;       /* (R,H*K) */
} build_job;

/* sum (n) += x (k) b (k,n) */
static void add_exact(double *sum, const gk_real *x, int k, const gk_real *b, int ldb, int n)
{
    for (int i = 0; i < k; i++, b += ldb) {
        for (int j = 0; j < n; j++) sum[j] += (double)x[i] * (double)b[j];
    }
}

static void round_to(gk_real *to, const double *sum, int n)
{
    for (int j = 0; j < n; j++) to[j] = (gk_real)sum[j];
}

/* ---- first job */

/* sum (H) = x . u_h + y . u_h, y NULL: none */
static void score(double *sum, const gk_real *x, const gk_real *y, const gk_table *t)
{
    for (int h = 0; h < t->H; h++) sum[h] = 0;
    for (int d = 0; d < t->D; d++) {
        double value = (double)x[d] + (y ? (double)y[d] : 0);

        for (int h = 0; h < t->H; h++) sum[h] += value * (double)t->key[(size_t)h * t->D + d];
    }
}

/* In double: `sum` (max(H*K,H)) is scratch. */
static void build_scores(const gk_table *t, double *sum)
{
    int N = t->N, D = t->D, H = t->H, K = t->K, HK = H * K;
    const gk_block *w = &t->weight;
    double scale = 1 / sqrt(K);

    for (int d = 0; d < D; d++) t->x_eq[d] = w->w_e[(size_t)N * D + d] + w->w_pos[2 * D + d];
    for (int i = 0; i < HK; i++) sum[i] = 0;
    add_exact(sum, t->x_eq, D, w->w_q, HK, HK);
    round_to(t->query, sum, HK);
    for (int h = 0; h < H; h++) {
        for (int d = 0; d < D; d++) {
            double u = 0;

            for (int k = h * K; k < (h + 1) * K; k++)
                u += (double)w->w_k[(size_t)d * HK + k] * (double)t->query[k];
            t->key[(size_t)h * D + d] = (gk_real)(scale * u);
        }
    }
    score(sum, t->x_eq, NULL, t);
    round_to(t->table.score_eq, sum, H);
    for (int i = 0; i < 2 * N; i++) {
        score(sum, w->w_e + (size_t)(i % N) * D, w->w_pos + (size_t)(i / N) * D, t);
        round_to(t->table.score + (size_t)i * H, sum, H);
    }
}

/* Columns `c` of the values of tokens and positions. */
static void build_values(const build_job *w, const gk_table *t, int r, cpu_range c)
{
    int N = t->N, D = t->D, HK = t->H * t->K;
    const gk_block *weight = &t->weight;
    gk_real *value = t->value + c.from, *last = value + (size_t)N * HK;
    gk_real *position = w->position + (size_t)r * 2 * HK + c.from;
    table_factor factor = {value, weight->w_e, N, D, HK, 0, 0};

    table_multiply(w->tiles, FEW_TERMS, c.to - c.from, D, weight->w_v + c.from, HK, 0, &factor, 1);
    for (int j = 0; j < 3; j++) {
        double sum[TABLE_STRIP_MAX] = {0};

        add_exact(sum, weight->w_pos + j * D, D, weight->w_v + c.from, HK, c.to - c.from);
        if (j == 2)
            add_exact(sum, weight->w_e + (size_t)N * D, D, weight->w_v + c.from, HK, c.to - c.from);
        round_to(last + j * HK, sum, c.to - c.from);
    }
    for (int j = 0; j < 2; j++) {
        for (int i = 0; i < c.to - c.from; i++)
            position[j * HK + i] = last[j * HK + i] - last[2 * HK + i];
    }
}

static void build_w_l(const cpu_tiles *tiles, const gk_table *t, cpu_range c)
{
    table_factor factor = {t->table.w_l + c.from, t->weight.w_out, t->F, t->D, t->C, 0, 0};

    table_multiply(tiles, FEW_TERMS, c.to - c.from, t->D, t->weight.w_u + c.from, t->C, 0, &factor,
                   1);
}

static int first_chunks(const build_job *w)
{
    const gk_table *t = w->t;
    int maps = t->wide ? table_strips(w->tiles, t->C) : 0;

    return maps + table_strips(w->tiles, t->H * t->K) + 1;
}

static void first_chunk(const void *job, int i)
{
    const build_job *w = job;
    int chunks = first_chunks(w), r = i / chunks;
    gk_table t = gk_table_run(w->t, r);
    int maps = t.wide ? table_strips(w->tiles, t.C) : 0;

    i %= chunks;
    if (i < maps)
        build_w_l(w->tiles, &t, table_strip(w->tiles, t.C, i));
    else if (i < chunks - 1)
        build_values(w, &t, r, table_strip(w->tiles, t.H * t.K, i - maps));
    else
        build_scores(&t, w->sum + (size_t)r * t.H * t.K);
}

/* ---- second job */

/* M and the part of base that goes through S, columns `c` of F or of the rest. */
static void through_s(const cpu_tiles *tiles, const gk_table *t, double *base, cpu_range c,
                      bool rest)
{
    int D = t->D, HK = t->H * t->K, W = t->F + t->rest, n = c.to - c.from;
    const gk_block *w = &t->weight;
    const gk_real *bias = rest ? NULL : w->b_in, *s = rest ? w->w_u : w->w_in;
    gk_real *map = t->map + (rest ? t->F : 0) + c.from;
    int ld = rest ? t->C : t->F;
    table_factor factor = {map, w->w_o, HK, D, W, 0, 0};

    table_multiply(tiles, FEW_TERMS, n, D, s + c.from, ld, 0, &factor, 1);
    for (int i = 0; i < n; i++) base[i] = bias ? (double)bias[c.from + i] : 0;
    add_exact(base, t->x_eq, D, s + c.from, ld, n);
    if (rest && w->b_out) add_exact(base, w->b_out, D, s + c.from, ld, n);
}

/* The same where the tail of S is the identity. */
static void through_identity(const gk_table *t, double *base, cpu_range c)
{
    int D = t->D, HK = t->H * t->K;
    size_t W = (size_t)t->F + t->rest;
    const gk_block *w = &t->weight;

    for (int d = c.from; d < c.to; d++)
        base[d - c.from] = (double)t->x_eq[d] + (w->b_out ? (double)w->b_out[d] : 0);
    for (int i = 0; i < HK; i++) {
        for (int d = c.from; d < c.to; d++) t->map[i * W + t->F + d] = w->w_o[(size_t)i * D + d];
    }
}

/* Columns [from, from + n) of the rows, shifts and base, once M is there. */
static void build_rows(const build_job *w, const gk_table *t, double *base, int r, int from, int n)
{
    int N = t->N, H = t->H, K = t->K, HK = H * K, W = t->F + t->rest;
    const gk_real *position = w->position + (size_t)r * 2 * HK;

    for (int h = 0; h < H; h++) {
        const gk_real *value = t->value + (size_t)h * K;
        size_t at = (size_t)h * W + from;
        const gk_real *map = t->map + (size_t)h * K * W + from;
        table_factor factor = {t->table.row + at, value, N, HK, H * W, 0, 0};

        table_multiply(w->tiles, FEW_TERMS, n, K, map, W, 0, &factor, 1);
        for (int j = 0; j < 2; j++) {
            double shift[TABLE_STRIP_MAX] = {0};

            add_exact(shift, position + (size_t)j * HK + (size_t)h * K, K, map, W, n);
            round_to(t->table.shift + (size_t)j * H * W + at, shift, n);
        }
        add_exact(base, value + (size_t)(N + 2) * HK, K, map, W, n);
    }
    round_to(t->table.base + from, base, n);
}

static int second_chunks(const build_job *w)
{
    return table_strips(w->tiles, w->t->F) + table_strips(w->tiles, w->t->rest);
}

static void second_chunk(const void *job, int i)
{
    const build_job *w = job;
    int chunks = second_chunks(w), r = i / chunks, first = table_strips(w->tiles, w->t->F);
    gk_table t = gk_table_run(w->t, r);
    bool rest = (i %= chunks) >= first;
    cpu_range c = table_strip(w->tiles, rest ? t.rest : t.F, rest ? i - first : i);
    double base[TABLE_STRIP_MAX];

    if (rest && !t.wide)
        through_identity(&t, base, c);
    else
        through_s(w->tiles, &t, base, c, rest);
    build_rows(w, &t, base, r, c.from + (rest ? t.F : 0), c.to - c.from);
}

void cpu_table_build(gk_backend *be, const gk_table *t)
{
    build_job job = {.tiles = cpu_tiles_of(be), .t = t};

    size_t HK = (size_t)t->R * t->H * t->K;

    job.sum = cpu_scratch(be, HK * (sizeof *job.sum + 2 * sizeof *job.position));
    job.position = (gk_real *)(job.sum + HK);
    cpu_parallel(be, t->R * first_chunks(&job), first_chunk, &job);
    cpu_parallel(be, t->R * second_chunks(&job), second_chunk, &job);
}
