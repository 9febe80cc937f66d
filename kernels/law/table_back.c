/* Rule 44 of docs/arithmetic.md: from the gradients of tables to those of weights. */
#include "law/law.h"

#include <stdlib.h>
#include <string.h>

/* What there is on the way back alone. */
typedef struct law_back {
    float *map, *value;        /* as t->map and t->value */
    float *sum, *du, *dq;      /* (N+2,H), (H,D), (H K) */
    float *s_base, *eq, *last; /* (D), (D), (3,W) */
} law_back;

static law_matrix rows(const float *at, int ld) { return law_rows(at, (size_t)ld); }
static law_matrix columns(const float *at, int ld) { return law_columns(at, (size_t)ld); }

static void set(float *c, int ldc, law_matrix a, law_matrix b, int m, int n, int k)
{
    law_product(c, (size_t)ldc, a, b, (law_sizes){m, n, k, LAW_MOST, false});
}

static void add(float *c, int ldc, law_matrix a, law_matrix b, int m, int n, int k)
{
    law_product(c, (size_t)ldc, a, b, (law_sizes){m, n, k, LAW_MOST, true});
}

/* The three last rows that M_h meets */
static void last_rows(float *last, const gk_table *t, int h)
{
    size_t W = (size_t)t->F + t->rest;
    const float *shift = t->d_table.shift + h * W, *base = t->d_table.base;

    for (size_t w = 0; w < W; w++) {
        last[w] = shift[w];
        last[W + w] = shift[t->H * W + w];
        last[2 * W + w] = base[w] - last[w] - last[W + w];
    }
}

static void back_maps_and_values(const law_back *b, const gk_table *t)
{
    int N = t->N, H = t->H, K = t->K, HK = H * K, W = t->F + t->rest;
    const gk_tables *d = &t->d_table;

    for (int h = 0; h < H; h++) {
        const float *value = t->value + h * K, *map = t->map + (size_t)h * K * W;
        float *d_map = b->map + (size_t)h * K * W, *d_value = b->value + h * K;
        float *d_last = d_value + (size_t)N * HK;

        set(d_map, W, columns(value, HK), rows(d->row + (size_t)h * W, H * W), K, W, N);
        last_rows(b->last, t, h);
        add(d_map, W, columns(value + (size_t)N * HK, HK), rows(b->last, W), K, W, 3);
        set(d_value, HK, rows(d->row + (size_t)h * W, H * W), columns(map, W), N, K, W);
        set(d_last, HK, rows(d->shift + (size_t)h * W, H * W), columns(map, W), 2, K, W);
        set(d_last + 2 * HK, HK, rows(d->base, W), columns(map, W), 1, K, W);
        for (int k = 0; k < K; k++)
            d_last[2 * HK + k] = d_last[2 * HK + k] - (d_last[k] + d_last[HK + k]);
    }
}

/* dS of n columns from column `from` of W on */
static void back_s(const law_back *b, const gk_table *t, float *ds, int from, int n, bool tail)
{
    int D = t->D, HK = t->H * t->K, W = t->F + t->rest;
    const float *base = t->d_table.base + from;

    set(ds, n, columns(t->weight.w_o, D), rows(b->map + from, W), D, n, HK);
    add(ds, n, columns(t->x_eq, D), rows(base, n), D, n, 1);
    if (tail && t->weight.b_out) add(ds, n, columns(t->weight.b_out, D), rows(base, n), D, n, 1);
}

static void back_network(const law_back *b, const gk_table *t)
{
    int D = t->D, F = t->F, C = t->C;
    const gk_block *w = &t->weight, *d = &t->d_weight;
    const float *d_l = t->d_table.w_l;

    back_s(b, t, d->w_in, 0, F, false);
    if (d->b_in) memcpy(d->b_in, t->d_table.base, (size_t)F * sizeof(float));
    if (!t->wide) return;
    back_s(b, t, d->w_u, F, C, true);
    add(d->w_u, C, columns(w->w_out, D), rows(d_l, C), D, C, F);
    set(d->w_out, D, rows(d_l, C), columns(w->w_u, C), F, D, C);
}

/* S dbase, db_out */
static void back_base(const law_back *b, const gk_table *t)
{
    int F = t->F, C = t->C;
    const gk_block *w = &t->weight, *d = &t->d_weight;
    const float *base = t->d_table.base, *rest = base + F;

    for (int i = 0; i < t->D; i++) {
        float tail = t->wide ? law_dot(w->w_u + (size_t)i * C, rest, C) : rest[i];

        b->s_base[i] = 0 + law_dot(w->w_in + (size_t)i * F, base, F);
        b->s_base[i] = b->s_base[i] + tail;
        if (d->b_out) d->b_out[i] = t->wide ? 0 + tail : tail;
    }
}

static void sum_scores(const law_back *b, const gk_table *t)
{
    int N = t->N, H = t->H;
    const float *score = t->d_table.score;

    for (int i = 0; i < N * H; i++) b->sum[i] = score[i] + score[N * H + i];
    for (int i = 0; i < 2 * H; i++) { /* (j,h) */
        double s = 0;

        for (int token = 0; token < N; token++)
            s = s + (double)score[(i / H * N + token) * H + i % H];
        b->sum[N * H + i] = (float)s;
    }
}

/* du, dq, dW_K, dW_Q */
static void back_scores(const law_back *b, const gk_table *t)
{
    int N = t->N, D = t->D, H = t->H, K = t->K, HK = H * K;
    const gk_block *w = &t->weight, *d = &t->d_weight;
    float scale = (float)(1 / sqrt((double)K));

    sum_scores(b, t);
    set(b->du, D, columns(b->sum, H), rows(w->w_e, D), H, D, N);
    add(b->du, D, columns(b->sum + (size_t)N * H, H), rows(w->w_pos, D), H, D, 2);
    for (int i = 0; i < H * D; i++)
        b->du[i] = (b->du[i] + t->d_table.score_eq[i / D] * t->x_eq[i % D]) * scale;
    for (int h = 0; h < H; h++) {
        const float *du = b->du + (size_t)h * D;

        for (int i = 0; i < D * K; i++)
            d->w_k[(size_t)(i / K) * HK + h * K + i % K] = du[i / K] * t->query[h * K + i % K];
        set(b->dq + h * K, K, rows(du, D), rows(w->w_k + h * K, HK), 1, K, D);
    }
    for (int i = 0; i < D * HK; i++) d->w_q[i] = t->x_eq[i / HK] * b->dq[i % HK];
}

static void back_o(const law_back *b, const gk_table *t)
{
    int D = t->D, F = t->F, HK = t->H * t->K, W = F + t->rest;
    const gk_block *w = &t->weight, *d = &t->d_weight;

    if (t->wide) {
        set(d->w_o, D, rows(b->map, W), columns(w->w_in, F), HK, D, F);
        add(d->w_o, D, rows(b->map + F, W), columns(w->w_u, t->C), HK, D, t->C);
        return;
    }
    for (int i = 0; i < HK; i++)
        memcpy(d->w_o + (size_t)i * D, b->map + (size_t)i * W + F, (size_t)D * sizeof(float));
    add(d->w_o, D, rows(b->map, W), columns(w->w_in, F), HK, D, F);
}

static void back_embeddings(const law_back *b, const gk_table *t)
{
    int N = t->N, D = t->D, H = t->H, HK = H * t->K;
    const gk_block *w = &t->weight, *d = &t->d_weight;
    const float *last = b->value + (size_t)N * HK;

    set(d->w_v, HK, columns(w->w_e, D), rows(b->value, HK), D, HK, N);
    add(d->w_v, HK, columns(w->w_pos, D), rows(last, HK), D, HK, 2);
    add(d->w_v, HK, columns(t->x_eq, D), rows(last + 2 * HK, HK), D, HK, 1);
    set(d->w_e, D, rows(b->value, HK), columns(w->w_v, HK), N, D, HK);
    set(d->w_pos, D, rows(last, HK), columns(w->w_v, HK), 2, D, HK);
    set(b->eq, D, rows(last + 2 * HK, HK), columns(w->w_v, HK), 1, D, HK);
    add(d->w_e, D, rows(b->sum, H), rows(t->key, D), N, D, H);
    add(d->w_pos, D, rows(b->sum + (size_t)N * H, H), rows(t->key, D), 2, D, H);
    add(b->eq, D, rows(t->d_table.score_eq, H), rows(t->key, D), 1, D, H);
    for (int i = 0; i < D; i++) {
        float eq = b->eq[i] + law_dot(w->w_q + (size_t)i * HK, b->dq, HK);

        d->w_e[(size_t)N * D + i] = d->w_pos[2 * D + i] = eq + b->s_base[i];
    }
}

static float *floats(size_t n) { return gk_alloc(n, sizeof(float)); }

void law_table_back(gk_backend *be, const gk_table *all)
{
    size_t N = (size_t)all->N, D = (size_t)all->D, H = (size_t)all->H, HK = H * (size_t)all->K;
    size_t W = (size_t)all->F + all->rest;
    law_back b = {floats(HK * W), floats((N + 3) * HK), floats((N + 2) * H),
                  floats(H * D),  floats(HK),           floats(D),
                  floats(D),      floats(3 * W)};
    void *owned[] = {b.map, b.value, b.sum, b.du, b.dq, b.s_base, b.eq, b.last};

    (void)be;
    for (int r = 0; r < all->R; r++) {
        gk_table t = gk_table_run(all, r);

        back_maps_and_values(&b, &t);
        back_network(&b, &t);
        back_base(&b, &t);
        back_scores(&b, &t);
        back_o(&b, &t);
        back_embeddings(&b, &t);
    }
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) free(owned[i]);
}
