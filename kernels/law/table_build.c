/* Rule 35 of docs/arithmetic.md: from weights to tables. */
#include "law/law.h"

#include <stdlib.h>
#include <string.h>

enum { FEW = 16 }; /* terms of a piece of a product */

/* s + sum of x y, n terms in order */
static double add_sum(double s, law_row x, law_row y, int n)
{
    for (int k = 0; k < n; k++) s = s + (double)x.at[k * x.step] * (double)y.at[k * y.step];
    return s;
}

static law_row along(const float *at) { return (law_row){at, 1}; }
static law_row down(const float *at, size_t ld) { return (law_row){at, ld}; }

static void few(float *c, size_t ldc, law_matrix a, law_matrix b, int m, int n, int k)
{
    law_product(c, ldc, a, b, (law_sizes){m, n, k, FEW, false});
}

/* x=, queries and keys */
static void queries(const gk_table *t)
{
    int D = t->D, K = t->K, HK = t->H * K;
    const gk_block *w = &t->weight;
    double scale = 1 / sqrt((double)K);

    for (int d = 0; d < D; d++) t->x_eq[d] = w->w_e[(size_t)t->N * D + d] + w->w_pos[2 * D + d];
    for (int i = 0; i < HK; i++)
        t->query[i] = (float)add_sum(0, along(t->x_eq), down(w->w_q + i, (size_t)HK), D);
    for (int h = 0; h < t->H; h++) {
        for (int d = 0; d < D; d++) {
            double u =
                add_sum(0, along(w->w_k + (size_t)d * HK + h * K), along(t->query + h * K), K);
            t->key[(size_t)h * D + d] = (float)(scale * u);
        }
    }
}

static void scores(const gk_table *t)
{
    int N = t->N, D = t->D, H = t->H;

    for (int h = 0; h < H; h++) {
        const float *key = t->key + (size_t)h * D;

        t->table.score_eq[h] = (float)add_sum(0, along(t->x_eq), along(key), D);
        for (int i = 0; i < 2 * N; i++) {
            const float *e = t->weight.w_e + (size_t)(i % N) * D;
            const float *pos = t->weight.w_pos + (size_t)(i / N) * D;
            double s = 0;

            for (int d = 0; d < D; d++) s = s + ((double)e[d] + (double)pos[d]) * (double)key[d];
            t->table.score[(size_t)i * H + h] = (float)s;
        }
    }
}

static void values(const gk_table *t)
{
    int N = t->N, D = t->D, HK = t->H * t->K;
    const gk_block *w = &t->weight;
    float *last = t->value + (size_t)N * HK;

    few(t->value, (size_t)HK, law_rows(w->w_e, (size_t)D), law_rows(w->w_v, (size_t)HK), N, HK, D);
    for (int i = 0; i < HK; i++) {
        for (int j = 0; j < 3; j++) {
            law_row v = down(w->w_v + i, (size_t)HK);
            double s = add_sum(0, along(w->w_pos + j * D), v, D);

            if (j == 2) s = add_sum(s, along(w->w_e + (size_t)N * D), v, D);
            last[j * HK + i] = (float)s;
        }
    }
}

/* M, and base before the values, of the columns of S = (D,n) with leading dimension n */
static void through_s(const gk_table *t, double *base, float *map, const float *S, int n)
{
    int D = t->D, HK = t->H * t->K;

    few(map, (size_t)(t->F + t->rest), law_rows(t->weight.w_o, (size_t)D), law_rows(S, (size_t)n),
        HK, n, D);
    for (int i = 0; i < n; i++)
        base[i] = add_sum(base[i], along(t->x_eq), down(S + i, (size_t)n), D);
}

/* The tail of S */
static void through_tail(const gk_table *t, double *base)
{
    int D = t->D, C = t->C;
    const gk_block *w = &t->weight;

    if (t->wide) {
        through_s(t, base, t->map + t->F, w->w_u, C);
        for (int i = 0; w->b_out && i < C; i++)
            base[i] = add_sum(base[i], along(w->b_out), down(w->w_u + i, (size_t)C), D);
        few(t->table.w_l, (size_t)C, law_rows(w->w_out, (size_t)D), law_rows(w->w_u, (size_t)C),
            t->F, C, D);
        return;
    }
    for (int d = 0; d < D; d++) base[d] = (double)t->x_eq[d] + (w->b_out ? (double)w->b_out[d] : 0);
    for (int i = 0; i < t->H * t->K; i++)
        memcpy(t->map + (size_t)i * (t->F + D) + t->F, w->w_o + (size_t)i * D,
               (size_t)D * sizeof(float));
}

static void rows(const gk_table *t, double *base)
{
    int N = t->N, H = t->H, K = t->K, HK = H * K, W = t->F + t->rest;
    const float *last = t->value + (size_t)N * HK;

    for (int h = 0; h < H; h++) {
        const float *map = t->map + (size_t)h * K * W, *value = t->value + h * K;

        few(t->table.row + (size_t)h * W, (size_t)H * W, law_rows(value, (size_t)HK),
            law_rows(map, (size_t)W), N, W, K);
        for (int j = 0; j < 2; j++) {
            float *position = gk_alloc((size_t)K, sizeof *position);

            for (int k = 0; k < K; k++)
                position[k] = last[j * HK + h * K + k] - last[2 * HK + h * K + k];
            for (int w = 0; w < W; w++)
                t->table.shift[((size_t)j * H + h) * W + w] =
                    (float)add_sum(0, along(position), down(map + w, (size_t)W), K);
            free(position);
        }
        for (int w = 0; w < W; w++)
            base[w] = add_sum(base[w], along(last + 2 * HK + h * K), down(map + w, (size_t)W), K);
    }
    for (int w = 0; w < W; w++) t->table.base[w] = (float)base[w];
}

void law_table_build(gk_backend *be, const gk_table *all)
{
    double *base = gk_alloc((size_t)(all->F + all->rest), sizeof *base);

    (void)be;
    for (int r = 0; r < all->R; r++) {
        gk_table t = gk_table_run(all, r);

        for (int i = 0; i < t.F + t.rest; i++)
            base[i] = i < t.F && t.weight.b_in ? (double)t.weight.b_in[i] : 0;
        queries(&t);
        scores(&t);
        values(&t);
        through_s(&t, base, t.map, t.weight.w_in, t.F);
        through_tail(&t, base + t.F);
        rows(&t, base);
    }
    free(base);
}
