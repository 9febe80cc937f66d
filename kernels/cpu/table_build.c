/* Weights to tables, in two jobs: values of tokens, scores and W_L; then a strip of columns of S at
 * a time, of M_h, and of everything that M_h is in. gk/table.h has the formulas. */
#include "table.h"

#include <math.h>

typedef struct build_job {
    const cpu_tiles *tiles;
    const gk_table *t;
    gk_real *position; /* (R,2,H*K) vp_hj - v_h2 */
} build_job;

/* ---- first job */

static void build_scores(const cpu_tiles *tiles, const gk_table *t)
{
    int N = t->N, D = t->D, H = t->H, K = t->K, HK = H * K;
    const gk_block *w = &t->weight;
    gk_real scale = (gk_real)(1 / sqrt(K)), *s0 = t->table.score, *s1 = s0 + (size_t)N * H;

    for (int d = 0; d < D; d++) t->x_eq[d] = w->w_e[(size_t)N * D + d] + w->w_pos[2 * D + d];
    for (int i = 0; i < HK; i++) t->query[i] = 0;
    for (int d = 0; d < D; d++) {
        for (int i = 0; i < HK; i++) t->query[i] += t->x_eq[d] * w->w_q[(size_t)d * HK + i];
    }
    for (int h = 0; h < H; h++) {
        gk_real *u = t->key + (size_t)h * D, position[2];

        table_apply(tiles, u, w->w_k + (size_t)h * K, HK, t->query + (size_t)h * K, D, K, false);
        for (int d = 0; d < D; d++) u[d] *= scale;
        table_apply(tiles, t->table.score_eq + h, t->x_eq, D, u, 1, D, false);
        table_apply(tiles, position, w->w_pos, D, u, 2, D, false);
        for (int token = 0; token < N; token++) {
            gk_real score;
            table_apply(tiles, &score, w->w_e + (size_t)token * D, D, u, 1, D, false);
            s0[(size_t)token * H + h] = score + position[0];
            s1[(size_t)token * H + h] = score + position[1];
        }
    }
}

/* Columns `c` of the values of tokens and positions. */
static void build_values(const build_job *w, const gk_table *t, int r, cpu_range c)
{
    int N = t->N, D = t->D, HK = t->H * t->K;
    const gk_block *weight = &t->weight;
    gk_real *value = t->value + c.from, *last = value + (size_t)N * HK;
    gk_real *position = w->position + (size_t)r * 2 * HK + c.from;
    table_factor factor[] = {{value, weight->w_e, N, D, HK, 0, 0},
                             {last, weight->w_pos, 2, D, HK, 0, 0},
                             {last + 2 * HK, weight->w_e + (size_t)N * D, 1, D, HK, 0, 0},
                             {last + 2 * HK, weight->w_pos + 2 * D, 1, D, HK, 0, 1}};

    table_multiply(w->tiles, c.to - c.from, D, weight->w_v + c.from, HK, 0, factor, 4);
    for (int j = 0; j < 2; j++) {
        for (int i = 0; i < c.to - c.from; i++)
            position[j * HK + i] = last[j * HK + i] - last[2 * HK + i];
    }
}

static void build_w_l(const cpu_tiles *tiles, const gk_table *t, cpu_range c)
{
    table_factor factor = {t->table.w_l + c.from, t->weight.w_out, t->F, t->D, t->C, 0, 0};

    table_multiply(tiles, c.to - c.from, t->D, t->weight.w_u + c.from, t->C, 0, &factor, 1);
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
        build_scores(w->tiles, &t);
}

/* ---- second job */

/* M and the part of base that goes through S, columns `c` of F or of the rest. */
static void through_s(const cpu_tiles *tiles, const gk_table *t, cpu_range c, bool rest)
{
    int D = t->D, HK = t->H * t->K, W = t->F + t->rest, n = c.to - c.from;
    const gk_block *w = &t->weight;
    const gk_real *bias = rest ? NULL : w->b_in, *s = rest ? w->w_u : w->w_in;
    gk_real *map = t->map + (rest ? t->F : 0) + c.from, *base = t->table.base + (map - t->map);
    table_factor factor[] = {{map, w->w_o, HK, D, W, 0, 0},
                             {base, t->x_eq, 1, D, W, 0, 1},
                             {base, w->b_out, 1, D, W, 0, 1}};

    for (int i = 0; i < n; i++) base[i] = bias ? bias[c.from + i] : 0;
    table_multiply(tiles, n, D, s + c.from, rest ? t->C : t->F, 0, factor,
                   rest && w->b_out ? 3 : 2);
}

/* The same where the tail of S is the identity. */
static void through_identity(const gk_table *t, cpu_range c)
{
    int D = t->D, HK = t->H * t->K;
    size_t W = (size_t)t->F + t->rest;
    const gk_block *w = &t->weight;

    for (int d = c.from; d < c.to; d++)
        t->table.base[t->F + d] = t->x_eq[d] + (w->b_out ? w->b_out[d] : 0);
    for (int i = 0; i < HK; i++) {
        for (int d = c.from; d < c.to; d++) t->map[i * W + t->F + d] = w->w_o[(size_t)i * D + d];
    }
}

/* Columns [from, from + n) of the rows, shifts and base, once M is there. */
static void build_rows(const build_job *w, const gk_table *t, int r, int from, int n)
{
    int N = t->N, H = t->H, K = t->K, HK = H * K, W = t->F + t->rest;
    const gk_real *position = w->position + (size_t)r * 2 * HK;

    for (int h = 0; h < H; h++) {
        const gk_real *value = t->value + (size_t)h * K;
        size_t at = (size_t)h * W + from;
        table_factor factor[] = {
            {t->table.row + at, value, N, HK, H * W, 0, 0},
            {t->table.shift + at, position + (size_t)h * K, 2, HK, H * W, 0, 0},
            {t->table.base + from, value + (size_t)(N + 2) * HK, 1, HK, W, 0, 1}};

        table_multiply(w->tiles, n, K, t->map + (size_t)h * K * W + from, W, 0, factor, 3);
    }
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

    if (rest && !t.wide)
        through_identity(&t, c);
    else
        through_s(w->tiles, &t, c, rest);
    build_rows(w, &t, r, c.from + (rest ? t.F : 0), c.to - c.from);
}

void cpu_table_build(gk_backend *be, const gk_table *t)
{
    build_job job = {.tiles = cpu_tiles_of(be), .t = t};

    job.position = cpu_scratch(be, (size_t)t->R * 2 * t->H * t->K * sizeof(gk_real));
    cpu_parallel(be, t->R * first_chunks(&job), first_chunk, &job);
    cpu_parallel(be, t->R * second_chunks(&job), second_chunk, &job);
}
