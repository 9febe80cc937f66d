/* Rules 36 to 40 of docs/arithmetic.md: pairs through the network and back to dE. */
#include "law/table_pairs.h"

#include <stdlib.h>
#include <string.h>

/* ---- 37 */

static int cut(const int32_t *first, int from, int to, int64_t row)
{
    while (from < to && first[from] < row) from++;
    return from;
}

int law_panels(int B) { return law_pieces(B, 8192); }

law_range law_panel(const int32_t *first_a, int N, int B, int i)
{
    int64_t panels = law_panels(B);

    return (law_range){i == 0 ? 0 : cut(first_a, 0, N, B * (int64_t)i / panels),
                       i == panels - 1 ? N : cut(first_a, 0, N, B * (int64_t)(i + 1) / panels)};
}

int law_slices(int B) { return law_smaller(16, law_pieces(law_pieces(B, law_panels(B)), 240)); }

law_range law_slice(const int32_t *first_a, law_range panel, int slices, int i)
{
    int64_t r = first_a[panel.from], n = first_a[panel.to] - r;
    law_range s = panel;

    if (i > 0) s.from = cut(first_a, panel.from, panel.to, r + n * i / slices);
    if (i < slices - 1) s.to = cut(first_a, panel.from, panel.to, r + n * (i + 1) / slices);
    return s;
}

int law_block_rows(int n)
{
    int blocks = law_larger(1, (n + 60) / 120);

    return 12 * law_pieces(law_pieces(n, blocks), 12);
}

/* ---- 38 */

static float larger(float a, float b) { return a > b ? a : b; }

void law_attend(float *const A[3], const gk_table *t, int a, int b)
{
    for (int h = 0; h < t->H; h++) {
        float s[3] = {t->table.score[(size_t)a * t->H + h],
                      t->table.score[((size_t)t->N + b) * t->H + h], t->table.score_eq[h]};
        float M = larger(larger(s[0], s[1]), s[2]), e[3];

        for (int j = 0; j < 3; j++) e[j] = float_exp(s[j] - M, 0);
        float f = 1 / (e[0] + e[1] + e[2]);
        for (int j = 0; j < 3; j++) A[j][h] = e[j] * f;
    }
}

void law_shifted(float *x, const gk_table *t, int token, int h, int j)
{
    int W = t->F + t->rest;
    const float *row = t->table.row + ((size_t)token * t->H + h) * W;
    const float *shift = t->table.shift + ((size_t)j * t->H + h) * W;

    for (int w = 0; w < W; w++) x[w] = row[w] + shift[w];
}

void law_mix(float *E, float *const A[3], const gk_table *t, int a, int b)
{
    int W = t->F + t->rest;
    float *x = gk_alloc((size_t)W, sizeof *x);

    memcpy(E, t->table.base, (size_t)W * sizeof *E);
    for (int i = 0; i < 2 * t->H; i++) { /* (h,j) */
        law_shifted(x, t, i % 2 ? b : a, i / 2, i % 2);
        for (int w = 0; w < W; w++) E[w] = law_fma(A[i % 2][i / 2], x[w], E[w]);
    }
    free(x);
}

void law_table_rows(gk_backend *be, gk_real *pre, gk_real *rest, gk_real *prob, const gk_table *all,
                    const int32_t *token, int B)
{
    size_t F = (size_t)all->F, more = (size_t)all->rest, H = (size_t)all->H;
    float *E = gk_alloc(F + more, sizeof *E), *A = gk_alloc(3 * H, sizeof *A);
    float *const of[3] = {A, A + H, A + 2 * H};

    (void)be;
    for (size_t i = 0; i < (size_t)all->R * B; i++) {
        gk_table t = gk_table_run(all, (int)(i / B));

        law_attend(of, &t, token[3 * i], token[3 * i + 1]);
        law_mix(E, of, &t, token[3 * i], token[3 * i + 1]);
        memcpy(pre + i * F, E, F * sizeof *E);
        memcpy(rest + i * more, E + F, more * sizeof *E);
        for (size_t k = 0; k < 3 * H; k++) prob[i * 3 * H + k] = of[k % 3][k / 3];
    }
    free(E);
    free(A);
}

/* ---- 39, row by row */

/* y (out) = x (in) w (in,out) + beta y */
static void forward(float *y, const float *x, const float *w, int in, int out, bool add)
{
    int few = out % LAW_LANES;

    if (few > 4 || few == out) few = 0;
    law_product(y, (size_t)out, law_rows(x, (size_t)in), law_rows(w, (size_t)out),
                (law_sizes){1, out - few, in, LAW_MOST, add});
    for (int j = out - few; j < out; j++) {
        law_dots d = {{0}};

        for (int k = 0; k < in; k++)
            d.lane[k % LAW_LANES] = law_fma(x[k], w[(size_t)k * out + j], d.lane[k % LAW_LANES]);
        y[j] = (add ? y[j] : 0) + law_dot_total(&d);
    }
}

/* dx (in) = g (out) w^T */
static void back(float *dx, const float *g, const float *w, int in, int out)
{
    law_product(dx, (size_t)in, law_rows(g, (size_t)out), law_columns(w, (size_t)out),
                (law_sizes){1, in, out, LAW_MOST, false});
}

/* Pair i: from the tables to dE; H, y and G are kept for the weights. */
static void through_network(const law_pairs *w, size_t i, const law_loss *loss, double *row_loss,
                            uint8_t *row_hit)
{
    const gk_table *t = &w->t;
    int F = t->F, C = t->C, D = t->D;
    float *E = w->E + i * w->W, *rest = E + F, *G = w->G + i * C;
    float *const A[3] = {w->A[0] + i * t->H, w->A[1] + i * t->H, w->A[2] + i * t->H};

    law_attend(A, t, w->pairs.a[i], w->pairs.b[i]);
    law_mix(E, A, t, w->pairs.a[i], w->pairs.b[i]);
    for (int f = 0; f < F; f++) E[f] = E[f] <= 0 ? 0 : E[f];
    memcpy(w->H + i * F, E, (size_t)F * sizeof *E);
    forward(rest, E, t->wide ? t->table.w_l : t->weight.w_out, F, t->rest, true);
    memcpy(w->y + i * t->rest, rest, (size_t)t->rest * sizeof *E);
    if (t->wide)
        memcpy(G, rest, (size_t)C * sizeof *G);
    else
        forward(G, rest, t->weight.w_u, D, C, false);
    law_loss_row(loss, row_loss + i, row_hit + i, G, G, w->pairs.label[i], C);
    if (t->wide)
        memcpy(rest, G, (size_t)C * sizeof *G);
    else
        back(rest, G, t->weight.w_u, D, C);
    back(E, rest, t->wide ? t->table.w_l : t->weight.w_out, F, t->rest);
    for (int f = 0; f < F; f++) E[f] = w->H[i * F + f] <= 0 ? 0 : E[f];
}

/* ---- 40 */

/* dw of a slice += the chains of the blocks of its rows in a panel */
static void add_blocks(float *dw, const float *x, size_t ldx, const float *g, size_t ldg,
                       law_range rows, law_sizes s)
{
    int m = law_block_rows(rows.to - rows.from);

    for (int row = rows.from; row < rows.to; row += m, s.add = true) {
        s.k = law_smaller(m, rows.to - row);
        law_product(dw, (size_t)s.n, law_columns(x + row * ldx, ldx), law_rows(g + row * ldg, ldg),
                    s);
    }
}

static law_range rows_of(const law_pairs *w, int panel, int slice)
{
    const int32_t *first = w->pairs.first_a;
    law_range tokens = law_slice(first, law_panel(first, w->t.N, w->pairs.B, panel),
                                 law_slices(w->pairs.B), slice);

    return (law_range){first[tokens.from], first[tokens.to]};
}

/* d (in,out) from the rows of x (ldx apart) and g (ldg apart) */
static void layer_weights(const law_pairs *w, float *d, const float *x, size_t ldx, int in,
                          const float *g, size_t ldg, int out)
{
    size_t n = (size_t)in * out;
    float *dw = gk_alloc(n, sizeof *dw);

    for (int slice = 0; slice < law_slices(w->pairs.B); slice++) {
        law_range first = rows_of(w, 0, slice);

        memset(dw, 0, n * sizeof *dw);
        for (int panel = 0; panel < law_panels(w->pairs.B); panel++) {
            bool more = panel > 0 || first.from == first.to;
            add_blocks(dw, x, ldx, g, ldg, rows_of(w, panel, slice),
                       (law_sizes){.m = in, .n = out, .most = LAW_MOST, .add = more});
        }
        for (size_t i = 0; i < n; i++) d[i] = slice > 0 ? d[i] + dw[i] : dw[i];
    }
    free(dw);
}

static void weights(const law_pairs *w)
{
    const gk_table *t = &w->t;
    size_t F = (size_t)t->F, rest = (size_t)t->rest;

    layer_weights(w, t->wide ? t->d_table.w_l : t->d_weight.w_out, w->H, F, t->F, w->E + F, w->W,
                  t->rest);
    if (!t->wide) layer_weights(w, t->d_weight.w_u, w->y, rest, t->D, w->G, (size_t)t->C, t->C);
}

/* ---- all of it */

static law_pairs open_pairs(const gk_table *all, const gk_pairs *pairs, int r)
{
    size_t B = (size_t)pairs->B, N = (size_t)all->N, H = (size_t)all->H, F = (size_t)all->F;
    law_pairs w = {.t = gk_table_run(all, r), .W = F + all->rest};

    w.pairs = (gk_pairs){pairs->B,
                         pairs->a + r * B,
                         pairs->b + r * B,
                         pairs->label + r * B,
                         pairs->by_b + r * B,
                         pairs->first_a + r * (N + 1),
                         pairs->first_b + r * (N + 1)};
    for (int j = 0; j < 3; j++) w.A[j] = gk_alloc(B * H, sizeof(float));
    for (int j = 0; j < 2; j++) w.dA[j] = gk_alloc(B * H, sizeof(float));
    w.E = gk_alloc(B * w.W, sizeof(float));
    w.H = gk_alloc(B * F, sizeof(float));
    w.y = gk_alloc(B * all->rest, sizeof(float));
    w.G = gk_alloc(B * all->C, sizeof(float));
    return w;
}

static void close_pairs(law_pairs *w)
{
    for (int j = 0; j < 3; j++) free(w->A[j]);
    for (int j = 0; j < 2; j++) free(w->dA[j]);
    free(w->E);
    free(w->H);
    free(w->y);
    free(w->G);
}

void law_table_pairs(gk_backend *be, double *row_loss, uint8_t *row_hit, const gk_table *all,
                     const gk_pairs *pairs, int form, double scale)
{
    law_loss loss = {form, scale, gk_alloc((size_t)all->C, sizeof(float))};
    size_t B = (size_t)pairs->B;

    (void)be;
    for (int r = 0; r < all->R; r++) {
        law_pairs w = open_pairs(all, pairs, r);

        for (size_t i = 0; i < B; i++)
            through_network(&w, i, &loss, row_loss + r * B, row_hit + r * B);
        weights(&w);
        law_pairs_sums(&w);
        close_pairs(&w);
    }
    free(loss.e);
}
