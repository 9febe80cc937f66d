/* From the tables' gradients to the weights', in two jobs: strips of columns of dM and of what S is
 * made of, values by heads, scores; then what needs all of dM or of the values. The formulas are in
 * kernels/ref/table.c. */
#include "cpu/table/table.h"

#include <math.h>
#include <string.h>

typedef struct back_job {
    const cpu_tiles *tiles;
    const gk_table *t;
    char *scratch;
    size_t run_bytes;
} back_job;

/* One run, with what there is only on the way back. */
typedef struct run {
    gk_table t;
    gk_real *d_value; /* (N+3,H*K) in the order of t.value */
    gk_real *d_map;   /* (H*K,F+rest) */
    gk_real *sum;     /* (N+2,H): ds_h0(t) + ds_h1(t); then sum over t of ds_h0(t), of ds_h1(t) */
    gk_real *du, *dq; /* (H,D), (H*K) */
    gk_real *s_base;  /* (D) S dbase */
} run;

static run take_run(gk_arena *memory, const gk_table *t, int r)
{
    size_t N = (size_t)t->N, D = (size_t)t->D, H = (size_t)t->H, HK = H * (size_t)t->K;
    run x = {.t = gk_table_run(t, r)};

    x.d_value = gk_arena_take(memory, (N + 3) * HK, sizeof(gk_real));
    x.d_map = gk_arena_take(memory, HK * ((size_t)t->F + t->rest), sizeof(gk_real));
    x.sum = gk_arena_take(memory, (N + 2) * H, sizeof(gk_real));
    x.du = gk_arena_take(memory, H * D, sizeof(gk_real));
    x.dq = gk_arena_take(memory, HK, sizeof(gk_real));
    x.s_base = gk_arena_take(memory, D, sizeof(gk_real));
    return x;
}

static run run_of(const back_job *w, int r)
{
    gk_arena memory = {w->scratch + r * w->run_bytes, w->run_bytes, 0};

    return take_run(&memory, w->t, r);
}

/* ---- first job */

/* The last three rows that M_h meets, columns [from, from + n): dc_h0, dc_h1 and, because
 * vp_hj - v_h2 stood before c_hj, dbase - dc_h0 - dc_h1 beside v_h2. */
static void last_rows(gk_real *rows, const gk_table *t, int h, int from, int n)
{
    size_t W = (size_t)t->F + t->rest, H = (size_t)t->H;
    const gk_real *shift = t->d_table.shift + h * W + from, *base = t->d_table.base + from;

    memcpy(rows, shift, (size_t)n * sizeof *rows);
    memcpy(rows + n, shift + H * W, (size_t)n * sizeof *rows);
    for (int i = 0; i < n; i++) rows[2 * n + i] = base[i] - rows[i] - rows[n + i];
}

/* dM, columns [from, from + n) */
static void back_map(const cpu_tiles *tiles, const run *x, int from, int n)
{
    const gk_table *t = &x->t;
    int N = t->N, H = t->H, K = t->K, HK = H * K, W = t->F + t->rest;
    gk_real rows[3 * TABLE_STRIP_MAX];

    for (int h = 0; h < H; h++) {
        const gk_real *value = t->value + (size_t)h * K;
        table_factor factor = {x->d_map + (size_t)h * K * W + from, value, K, HK, W, 1, 0};

        table_multiply(tiles, CPU_DEPTH, n, N, t->d_table.row + (size_t)h * W + from, H * W, 0,
                       &factor, 1);
        last_rows(rows, t, h, from, n);
        factor.a = value + (size_t)N * HK;
        factor.beta = 1;
        table_multiply(tiles, CPU_DEPTH, n, 3, rows, n, 0, &factor, 1);
    }
}

/* dS, columns `c` of F or of the rest: dW_in, or dW_U less what comes through W_L */
static void back_s(const cpu_tiles *tiles, const run *x, cpu_range c, bool rest)
{
    const gk_table *t = &x->t;
    const gk_block *w = &t->weight, *d = &t->d_weight;
    int D = t->D, HK = t->H * t->K, W = t->F + t->rest, n = c.to - c.from;
    int ld = rest ? t->C : t->F, from = c.from + (rest ? t->F : 0);
    gk_real *ds = (rest ? d->w_u : d->w_in) + c.from;
    const gk_real *base = t->d_table.base + from;
    table_factor o = {ds, w->w_o, D, D, ld, 1, 0};
    table_factor eq[] = {{ds, t->x_eq, D, D, ld, 1, 1}, {ds, w->b_out, D, D, ld, 1, 1}};

    table_multiply(tiles, CPU_DEPTH, n, HK, x->d_map + from, W, 0, &o, 1);
    table_multiply(tiles, CPU_DEPTH, n, 1, base, n, 0, eq, rest && w->b_out ? 2 : 1);
    if (!rest && d->b_in) memcpy(d->b_in + c.from, base, (size_t)n * sizeof *base);
}

static void back_column(const cpu_tiles *tiles, const run *x, cpu_range c, bool rest)
{
    const gk_table *t = &x->t;

    back_map(tiles, x, c.from + (rest ? t->F : 0), c.to - c.from);
    if (!rest || t->wide) back_s(tiles, x, c, rest);
    if (rest && t->wide) {
        table_factor out = {t->d_weight.w_u + c.from, t->weight.w_out, t->D, t->D, t->C, 1, 1};
        table_multiply(tiles, CPU_DEPTH, c.to - c.from, t->F, t->d_table.w_l + c.from, t->C, 0,
                       &out, 1);
    }
}

/* dV_h, dvp_hj and dv_h2: columns `c` of head h */
static void back_values(const cpu_tiles *tiles, const run *x, int h, cpu_range c)
{
    const gk_table *t = &x->t;
    int N = t->N, H = t->H, HK = H * t->K, W = t->F + t->rest, n = c.to - c.from;
    const gk_tables *d = &t->d_table;
    const gk_real *map = t->map + ((size_t)h * t->K + c.from) * W;
    gk_real *value = x->d_value + (size_t)h * t->K + c.from, *last = value + (size_t)N * HK;
    table_factor factor[] = {{value, d->row + (size_t)h * W, N, H * W, HK, 0, 0},
                             {last, d->shift + (size_t)h * W, 2, H * W, HK, 0, 0},
                             {last + 2 * HK, d->base, 1, W, HK, 0, 0}};

    table_multiply(tiles, CPU_DEPTH, n, W, map, W, 1, factor, 3);
    for (int i = 0; i < n; i++) last[2 * HK + i] -= last[i] + last[HK + i];
}

/* dW_out, columns `c` */
static void back_out(const cpu_tiles *tiles, const run *x, cpu_range c)
{
    const gk_table *t = &x->t;
    int D = t->D, C = t->C;
    table_factor factor = {t->d_weight.w_out + c.from, t->d_table.w_l, t->F, C, D, 0, 0};

    table_multiply(tiles, CPU_DEPTH, c.to - c.from, C, t->weight.w_u + (size_t)c.from * C, C, 1,
                   &factor, 1);
}

/* S dbase, db_out */
static void back_base(const cpu_tiles *tiles, const run *x)
{
    const gk_table *t = &x->t;
    const gk_block *w = &t->weight;
    int D = t->D, F = t->F;
    const gk_real *base = t->d_table.base, *rest = base + F;

    table_apply(tiles, x->s_base, w->w_in, F, base, D, F, false);
    if (t->wide) {
        if (t->d_weight.b_out)
            table_apply(tiles, t->d_weight.b_out, w->w_u, t->C, rest, D, t->C, false);
        table_apply(tiles, x->s_base, w->w_u, t->C, rest, D, t->C, true);
        return;
    }
    if (t->d_weight.b_out) memcpy(t->d_weight.b_out, rest, (size_t)D * sizeof *rest);
    for (int d = 0; d < D; d++) x->s_base[d] += rest[d];
}

static void sum_scores(const run *x)
{
    int N = x->t.N, H = x->t.H;
    const gk_real *s0 = x->t.d_table.score, *s1 = s0 + (size_t)N * H;

    for (int i = 0; i < N * H; i++) x->sum[i] = s0[i] + s1[i];
    for (int j = 0; j < 2; j++) {
        for (int h = 0; h < H; h++) {
            double total = 0;

            for (int token = 0; token < N; token++) total += (double)(j ? s1 : s0)[token * H + h];
            x->sum[(size_t)(N + j) * H + h] = (gk_real)total;
        }
    }
}

/* du, dq, dW_K and dW_Q */
static void back_scores(const cpu_tiles *tiles, const run *x)
{
    const gk_table *t = &x->t;
    const gk_block *w = &t->weight, *d = &t->d_weight;
    int N = t->N, D = t->D, H = t->H, K = t->K, HK = H * K;
    gk_real scale = (gk_real)(1 / sqrt(K));

    sum_scores(x);
    for (int i = 0; i < table_strips(tiles, D); i++) {
        cpu_range c = table_strip(tiles, D, i);
        table_factor factor = {x->du + c.from, x->sum, H, H, D, 1, 0};

        table_multiply(tiles, CPU_DEPTH, c.to - c.from, N, w->w_e + c.from, D, 0, &factor, 1);
        factor.a += (size_t)N * H;
        factor.beta = 1;
        table_multiply(tiles, CPU_DEPTH, c.to - c.from, 2, w->w_pos + c.from, D, 0, &factor, 1);
    }
    for (int h = 0; h < H; h++) {
        const gk_real *q = t->query + (size_t)h * K;
        gk_real *du = x->du + (size_t)h * D;

        for (int i = 0; i < D; i++) {
            gk_real *dk = d->w_k + (size_t)i * HK + (size_t)h * K;

            du[i] = (du[i] + t->d_table.score_eq[h] * t->x_eq[i]) * scale;
            for (int j = 0; j < K; j++) dk[j] = du[i] * q[j];
        }
        for (int i = 0; i < table_strips(tiles, K); i++) {
            cpu_range c = table_strip(tiles, K, i);
            size_t at = (size_t)h * K + c.from;
            table_factor factor = {x->dq + at, du, 1, D, K, 0, 0};

            table_multiply(tiles, CPU_DEPTH, c.to - c.from, D, w->w_k + at, HK, 0, &factor, 1);
        }
    }
    for (int i = 0; i < D; i++) {
        for (int j = 0; j < HK; j++) d->w_q[(size_t)i * HK + j] = t->x_eq[i] * x->dq[j];
    }
}

/* Chunks of the first job, the largest first: the rest's columns, values, dW_out, F's columns, and
 * one for scores and base. */
typedef struct chunks {
    int rest, values, per_head, out, columns, all;
} chunks;

static chunks first_chunks(const back_job *w)
{
    const gk_table *t = w->t;
    chunks n = {.rest = table_strips(w->tiles, t->rest),
                .per_head = table_strips(w->tiles, t->K),
                .out = t->wide ? table_strips(w->tiles, t->D) : 0,
                .columns = table_strips(w->tiles, t->F)};

    n.values = n.per_head * t->H;
    n.all = n.rest + n.values + n.out + n.columns + 1;
    return n;
}

static void first_chunk(const void *job, int i)
{
    const back_job *w = job;
    const cpu_tiles *tiles = w->tiles;
    chunks n = first_chunks(w);
    run x = run_of(w, i / n.all);
    const gk_table *t = &x.t;

    i %= n.all;
    if (i < n.rest) {
        back_column(tiles, &x, table_strip(tiles, t->rest, i), true);
    } else if ((i -= n.rest) < n.values) {
        back_values(tiles, &x, i / n.per_head, table_strip(tiles, t->K, i % n.per_head));
    } else if ((i -= n.values) < n.out) {
        back_out(tiles, &x, table_strip(tiles, t->D, i));
    } else if ((i -= n.out) < n.columns) {
        back_column(tiles, &x, table_strip(tiles, t->F, i), false);
    } else {
        back_base(tiles, &x);
        back_scores(tiles, &x);
    }
}

/* ---- second job */

/* dW_O = dM S^T, columns `c` */
static void back_o(const cpu_tiles *tiles, const run *x, cpu_range c)
{
    const gk_table *t = &x->t;
    int D = t->D, HK = t->H * t->K, F = t->F, W = F + t->rest, n = c.to - c.from;
    gk_real *out = t->d_weight.w_o + c.from;
    table_factor in = {out, x->d_map, HK, W, D, 0, t->wide ? 0 : 1};
    table_factor tail = {out, x->d_map + F, HK, W, D, 0, 1};

    for (int i = 0; !t->wide && i < HK; i++)
        memcpy(out + (size_t)i * D, x->d_map + (size_t)i * W + F + c.from, (size_t)n * sizeof *out);
    table_multiply(tiles, CPU_DEPTH, n, F, t->weight.w_in + (size_t)c.from * F, F, 1, &in, 1);
    if (!t->wide) return;
    table_multiply(tiles, CPU_DEPTH, n, t->C, t->weight.w_u + (size_t)c.from * t->C, t->C, 1, &tail,
                   1);
}

/* dW_V, columns `c` */
static void back_v(const cpu_tiles *tiles, const run *x, cpu_range c)
{
    const gk_table *t = &x->t;
    int N = t->N, D = t->D, HK = t->H * t->K, n = c.to - c.from;
    gk_real *out = t->d_weight.w_v + c.from;
    const gk_real *value = x->d_value + c.from, *last = value + (size_t)N * HK;
    table_factor e = {out, t->weight.w_e, D, D, HK, 1, 0};
    table_factor pos = {out, t->weight.w_pos, D, D, HK, 1, 1};
    table_factor eq = {out, t->x_eq, D, D, HK, 1, 1};

    table_multiply(tiles, CPU_DEPTH, n, N, value, HK, 0, &e, 1);
    table_multiply(tiles, CPU_DEPTH, n, 2, last, HK, 0, &pos, 1);
    table_multiply(tiles, CPU_DEPTH, n, 1, last + 2 * HK, HK, 0, &eq, 1);
}

/* dW_E and dW_pos, columns `c`: through values and through scores. dx= is the last row of both. */
static void back_e(const cpu_tiles *tiles, const run *x, cpu_range c)
{
    const gk_table *t = &x->t;
    const gk_block *w = &t->weight;
    int N = t->N, D = t->D, H = t->H, HK = H * t->K, n = c.to - c.from;
    gk_real *e = t->d_weight.w_e + c.from, *pos = t->d_weight.w_pos + c.from;
    gk_real *eq = pos + 2 * D;
    const gk_real *last = x->d_value + (size_t)N * HK;
    table_factor v[] = {{e, x->d_value, N, HK, D, 0, 0},
                        {pos, last, 2, HK, D, 0, 0},
                        {eq, last + 2 * HK, 1, HK, D, 0, 0}};
    table_factor u[] = {{e, x->sum, N, H, D, 0, 1},
                        {pos, x->sum + (size_t)N * H, 2, H, D, 0, 1},
                        {eq, t->d_table.score_eq, 1, H, D, 0, 1}};

    table_multiply(tiles, CPU_DEPTH, n, HK, w->w_v + (size_t)c.from * HK, HK, 1, v, 3);
    table_multiply(tiles, CPU_DEPTH, n, H, t->key + c.from, D, 0, u, 3);
    table_apply(tiles, eq, w->w_q + (size_t)c.from * HK, HK, x->dq, n, HK, true);
    for (int i = 0; i < n; i++) e[(size_t)N * D + i] = eq[i] += x->s_base[c.from + i];
}

static void second_chunk(const void *job, int i)
{
    const back_job *w = job;
    const cpu_tiles *tiles = w->tiles;
    int D = w->t->D, HK = w->t->H * w->t->K, rows = table_strips(tiles, D);
    int all = 2 * rows + table_strips(tiles, HK);
    run x = run_of(w, i / all);

    i %= all;
    if (i < rows)
        back_o(tiles, &x, table_strip(tiles, D, i));
    else if (i < 2 * rows)
        back_e(tiles, &x, table_strip(tiles, D, i - rows));
    else
        back_v(tiles, &x, table_strip(tiles, HK, i - 2 * rows));
}

void cpu_table_back(gk_backend *be, const gk_table *t)
{
    back_job job = {.tiles = cpu_tiles_of(be), .t = t};
    gk_arena count = {0};
    int second = 2 * table_strips(job.tiles, t->D) + table_strips(job.tiles, t->H * t->K);

    take_run(&count, t, 0);
    job.run_bytes = (count.used + 255) / 256 * 256;
    job.scratch = cpu_scratch(be, t->R * job.run_bytes);
    cpu_parallel(be, t->R * first_chunks(&job).all, first_chunk, &job);
    cpu_parallel(be, t->R * second, second_chunk, &job);
}
