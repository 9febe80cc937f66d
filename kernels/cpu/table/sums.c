/* From dE of a panel to the rows of tokens b; in the end, sums over slices and over pairs. */
#include "cpu/table/pairs.h"

#include <string.h>

enum { CLASSES = 16 /* of weights, when sums are added */ };

/* ---- tokens b */

/* The pairs of token b that are in rows [from, to). */
static table_list list_of(const gk_pairs *pairs, int b, int from, int to)
{
    int i = pairs->first_b[b], end = pairs->first_b[b + 1];

    while (i < end && pairs->by_b[i] < from) i++;
    table_list list = {.row = pairs->by_b + i, .first = from};
    while (i < end && pairs->by_b[i] < to) i++, list.n++;
    return list;
}

void table_token_chunk(const void *job, int i)
{
    const table_job *w = job;
    const table_shape *s = &w->shape;
    table_run x = table_run_of(w, i / w->tokens);
    size_t H = (size_t)s->H, W = (size_t)s->F + s->rest, rows = H * s->width;
    cpu_range panel = table_panel_of(x.pairs.first_a, s->N, x.pairs.B, w->panels, w->panel);
    int from = x.pairs.first_a[panel.from], to = x.pairs.first_a[panel.to];
    size_t at = from * H;
    cpu_range tokens = cpu_piece(s->N, TABLE_TOKENS, i % w->tokens);
    gk_real *shift = x.token_part + (size_t)(i % w->tokens) * 2 * rows, *sum = shift + rows;

    if (w->panel == 0) memset(shift, 0, rows * sizeof *shift);
    for (int b = tokens.from; b < tokens.to; b++) {
        table_list list = list_of(&x.pairs, b, from, to);

        if (list.n == 0) continue;
        w->kernels->dots(x.dA[1] + at, s, x.E, x.x1 + b * rows, list);
        w->kernels->collect(sum, NULL, s, x.E, x.prob.A[1] + at, list);
        for (size_t h = 0; h < H; h++)
            table_narrow(w->kernels, s, x.t.d_table.row + (b * H + h) * W, sum + h * s->width,
                         true);
        w->kernels->add(shift, shift, sum, rows);
    }
}

/* ---- sums */

/* dw (in,out) from the slices' (out,in): CLASSES of `out`, summed in slice 0 */
static void add_weights(const table_job *w, gk_real *dw, const table_run *x, int layer, int i)
{
    int in = x->layer[layer].in, out = x->layer[layer].out;
    cpu_range range = cpu_piece(out, CLASSES, i);
    size_t at = (size_t)range.from * in, n = (size_t)(range.to - range.from) * in;
    gk_real *sum = x->slice[0].dw[layer] + at;

    for (int k = 1; k < w->slices; k++) w->kernels->add(sum, sum, x->slice[k].dw[layer] + at, n);
    w->tiles->transpose(dw + range.from, out, sum, in, range.to - range.from, in);
}

static void add_shifts(const table_job *w, const table_run *x)
{
    const table_shape *s = &w->shape;
    size_t rows = (size_t)s->H * s->width, W = (size_t)s->F + s->rest;
    gk_real *sum = x->slice[0].sum; /* no longer used */
    const gk_tables *d = &x->t.d_table;

    for (int j = 0; j < 2; j++) {
        for (size_t i = 0; i < rows; i++) {
            double total = 0;

            for (int k = 0; k < (j ? w->tokens : w->slices); k++)
                total += (double)(j ? x->token_part + 2 * k * rows : x->slice[k].shift)[i];
            sum[i] = (gk_real)total;
        }
        for (int h = 0; h < s->H; h++)
            table_narrow(w->kernels, s, d->shift + ((size_t)j * s->H + h) * W,
                         sum + (size_t)h * s->width, false);
    }
    for (int i = 0; i < s->width; i++) {
        double total = 0;

        for (int k = 0; k < w->slices; k++) total += (double)x->slice[k].base[i];
        sum[i] = (gk_real)total;
    }
    table_narrow(w->kernels, s, d->base, sum, false);
}

/* A0 dA_0 + A1 dA_1 of element i of those arrays */
static double mean_at(const table_run *x, size_t i)
{
    return (double)x->prob.A[0][i] * (double)x->dA[0][i] +
           (double)x->prob.A[1][i] * (double)x->dA[1][i];
}

/* ds_hj(token) from the pairs of each token */
static void add_scores(const table_run *x, int j)
{
    int N = x->t.N, H = x->t.H;
    const int32_t *first = j ? x->pairs.first_b : x->pairs.first_a;
    gk_real *ds = x->t.d_table.score + (size_t)j * N * H;

    for (int token = 0; token < N; token++) {
        for (int h = 0; h < H; h++) {
            double sum = 0;

            for (int k = first[token]; k < first[token + 1]; k++) {
                size_t i = (size_t)(j ? x->pairs.by_b[k] : k) * H + h;
                sum += (double)x->prob.A[j][i] * ((double)x->dA[j][i] - mean_at(x, i));
            }
            ds[(size_t)token * H + h] = (gk_real)sum;
        }
    }
}

/* Token by token a, in their order. */
static void add_score_eq(const table_run *x)
{
    int N = x->t.N, H = x->t.H;
    const int32_t *first = x->pairs.first_a;

    for (int h = 0; h < H; h++) {
        double sum = 0;

        for (int a = 0; a < N; a++) {
            double part = 0;

            for (size_t i = (size_t)first[a] * H + h; i < (size_t)first[a + 1] * H; i += H)
                part += (double)x->prob.A[2][i] * mean_at(x, i);
            sum -= part;
        }
        x->t.d_table.score_eq[h] = (gk_real)sum;
    }
}

enum { OTHER_SUMS = 4 }; /* chunks beside the weights' */

int table_sum_chunks(const table_job *w)
{
    const gk_table *t = w->t;

    return OTHER_SUMS + cpu_pieces(t->C, CLASSES) + (t->wide ? 0 : cpu_pieces(t->D, CLASSES));
}

void table_sum_chunk(const void *job, int i)
{
    const table_job *w = job;
    int chunks = table_sum_chunks(w), classes = cpu_pieces(w->t->C, CLASSES);
    table_run x = table_run_of(w, i / chunks);
    gk_real *w_u = x.t.wide ? x.t.d_table.w_l : x.t.d_weight.w_u;

    i = i % chunks - OTHER_SUMS;
    switch (i) {
    case -4: add_shifts(w, &x); break;
    case -3: add_scores(&x, 0); break;
    case -2: add_scores(&x, 1); break;
    case -1: add_score_eq(&x); break;
    default:
        if (i < classes)
            add_weights(w, w_u, &x, x.layers - 1, i);
        else
            add_weights(w, x.t.d_weight.w_out, &x, 0, i - classes);
    }
}
