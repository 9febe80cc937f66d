/* Rules 41 to 43 of docs/arithmetic.md: from dE of the pairs to the rows of tables. */
#include "law/table_pairs.h"

#include <stdlib.h>
#include <string.h>

/* Sums over pairs before they are rounded: begun as +0. */
typedef struct law_totals {
    float *a_part, *b_part, *plain; /* (H,W), (H,W), (W) of a token */
    float *shift_0, *base;          /* (slices,H,W), (slices,W) */
    float *shift_1;                 /* (groups,H,W) */
} law_totals;

/* Some rows of the batch: row[0 .. n-1], or n from `first` on (row NULL). */
typedef struct law_list {
    const int32_t *row;
    int first, n;
} law_list;

static size_t at(const law_list *l, int i) { return (size_t)(l->row ? l->row[i] : l->first + i); }

/* sum (H,W): chains of A_j dE; dA_j of the rows, which have `token` as a (j 0) or b */
static void collect(const law_pairs *w, float *sum, const law_list *l, int token, int j)
{
    int H = w->t.H, F = w->t.F, rest = w->t.rest;
    float *x = gk_alloc(w->W, sizeof *x);

    for (int h = 0; h < H; h++) {
        law_shifted(x, &w->t, token, h, j);
        memset(sum + h * w->W, 0, w->W * sizeof *sum);
        for (int i = 0; i < l->n; i++) {
            const float *dE = w->E + at(l, i) * w->W;
            law_dots d = {{0}};

            law_dot_terms(&d, dE, x, F);
            law_dot_terms(&d, dE + F, x + F, rest);
            w->dA[j][at(l, i) * H + h] = law_dot_total(&d);
            for (size_t c = 0; c < w->W; c++)
                sum[h * w->W + c] = law_fma(w->A[j][at(l, i) * H + h], dE[c], sum[h * w->W + c]);
        }
    }
    free(x);
}

static void add(float *to, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) to[i] = to[i] + x[i];
}

/* ---- tokens a */

static void token_a(const law_pairs *w, const law_totals *s, int slice, int a)
{
    const int32_t *first = w->pairs.first_a;
    law_list l = {NULL, first[a], first[a + 1] - first[a]};
    size_t n = w->t.H * w->W;
    float *d_row = w->t.d_table.row + a * n;

    collect(w, s->a_part, &l, a, 0);
    if (law_panels(w->pairs.B) > 1)
        add(d_row, s->a_part, n);
    else
        memcpy(d_row, s->a_part, n * sizeof *d_row);
    add(s->shift_0 + slice * n, s->a_part, n);
    memset(s->plain, 0, w->W * sizeof *s->plain);
    for (int i = 0; i < l.n; i++) add(s->plain, w->E + at(&l, i) * w->W, w->W);
    add(s->base + slice * w->W, s->plain, w->W);
}

/* ---- tokens b */

/* Token b's rows in [from, to) */
static law_list list_of(const gk_pairs *p, int b, int from, int to)
{
    law_list l = {NULL, 0, 0};

    for (int i = p->first_b[b]; i < p->first_b[b + 1]; i++) {
        if (p->by_b[i] < from || p->by_b[i] >= to) continue;
        if (l.n++ == 0) l.row = p->by_b + i;
    }
    return l;
}

static void token_b(const law_pairs *w, const law_totals *s, law_range rows, int b)
{
    law_list l = list_of(&w->pairs, b, rows.from, rows.to);
    size_t n = w->t.H * w->W;

    if (l.n == 0) return;
    collect(w, s->b_part, &l, b, 1);
    add(w->t.d_table.row + b * n, s->b_part, n);
    add(s->shift_1 + b / LAW_GROUP * n, s->b_part, n);
}

static void panels(const law_pairs *w, const law_totals *s)
{
    const int32_t *first = w->pairs.first_a;
    int N = w->t.N, B = w->pairs.B;

    memset(w->t.d_table.row, 0, N * w->t.H * w->W * sizeof(float));
    for (int i = 0; i < law_panels(B); i++) {
        law_range panel = law_panel(first, N, B, i);

        for (int k = 0; k < law_slices(B); k++) {
            law_range tokens = law_slice(first, panel, law_slices(B), k);
            for (int a = tokens.from; a < tokens.to; a++) token_a(w, s, k, a);
        }
        for (int b = 0; b < N; b++)
            token_b(w, s, (law_range){first[panel.from], first[panel.to]}, b);
    }
}

/* ---- sums in double */

/* out (n) = the sum of `parts` arrays, in order */
static void add_parts(float *out, const float *part, int parts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double s = 0;

        for (int k = 0; k < parts; k++) s = s + (double)part[k * n + i];
        out[i] = (float)s;
    }
}

static double mean(const law_pairs *w, size_t i)
{
    return (double)w->A[0][i] * (double)w->dA[0][i] + (double)w->A[1][i] * (double)w->dA[1][i];
}

static float score(const law_pairs *w, int token, int j, int h)
{
    const int32_t *first = j ? w->pairs.first_b : w->pairs.first_a;
    double s = 0;

    for (int k = first[token]; k < first[token + 1]; k++) {
        size_t i = (size_t)(j ? w->pairs.by_b[k] : k) * w->t.H + h;

        s = s + (double)w->A[j][i] * ((double)w->dA[j][i] - mean(w, i));
    }
    return (float)s;
}

static float score_eq(const law_pairs *w, int h)
{
    double s = 0;

    for (int a = 0; a < w->t.N; a++) {
        double part = 0;

        for (int row = w->pairs.first_a[a]; row < w->pairs.first_a[a + 1]; row++) {
            size_t i = (size_t)row * w->t.H + h;
            part = part + (double)w->A[2][i] * mean(w, i);
        }
        s = s - part;
    }
    return (float)s;
}

void law_pairs_sums(const law_pairs *w)
{
    int N = w->t.N, H = w->t.H, slices = law_slices(w->pairs.B), groups = law_pieces(N, LAW_GROUP);
    size_t n = H * w->W, all = (size_t)(slices + groups + 2) * n + (size_t)(slices + 1) * w->W;
    float *memory = gk_alloc(all, sizeof *memory);
    law_totals s = {.a_part = memory, .b_part = memory + n, .shift_0 = memory + 2 * n};

    s.shift_1 = s.shift_0 + slices * n;
    s.base = s.shift_1 + groups * n;
    s.plain = s.base + slices * w->W;
    panels(w, &s);
    add_parts(w->t.d_table.shift, s.shift_0, slices, n);
    add_parts(w->t.d_table.shift + n, s.shift_1, groups, n);
    add_parts(w->t.d_table.base, s.base, slices, w->W);
    for (int i = 0; i < 2 * N * H; i++) /* (j,token,h) */
        w->t.d_table.score[i] = score(w, i / H % N, i / H / N, i % H);
    for (int h = 0; h < H; h++) w->t.d_table.score_eq[h] = score_eq(w, h);
    free(memory);
}
