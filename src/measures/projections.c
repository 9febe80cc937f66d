/* MLP activations replaced by parts of themselves, the rest of the network intact. Nanda et al.
 * 2023, section 4.4. All of it on the logits: replacing activations H by H' changes them by (H' -
 * H) W_L. */
#include "measures/parts.h"
#include "gk/changes.h"
#include "gk/fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- H on the key directions of W_L, and without them */

enum { PROJECTED, NULL_SPACE, RESULTS };

typedef struct projection {
    gk_real *logits, *changed;  /* (R,rows,n) */
    gk_real *hidden;            /* (R,rows,F): H */
    gk_real *parts;             /* (R,rows,m): H q */
    gk_real *q;                 /* (R,F,m): an orthonormal basis of the key directions */
    gk_real *minus_w_l;         /* (R,F,n) */
    gk_real *back, *minus_back; /* (R,m,n): q^T W_L, and minus that */
    gk_losses losses;
} projection;

static projection take_projection(gk_lens *l)
{
    size_t rows = (size_t)l->rows, n = (size_t)l->n, F = (size_t)l->shape.F, m = 2 * (size_t)l->K;
    projection x = {.logits = gk_scratch_reals(l, rows * n)};

    x.changed = gk_scratch_reals(l, rows * n);
    x.hidden = gk_scratch_reals(l, rows * F);
    x.parts = gk_scratch_reals(l, rows * m);
    x.q = gk_scratch_reals(l, F * m);
    x.minus_w_l = gk_scratch_reals(l, F * n);
    x.back = gk_scratch_reals(l, m * n);
    x.minus_back = gk_scratch_reals(l, m * n);
    x.losses = gk_losses_take(l, RESULTS);
    return x;
}

/* q (F, m): an orthonormal basis of the key rows of W_L's transform, by modified Gram-Schmidt;
 * returns m. */
static int key_directions(double *q, const gk_snapshot *s)
{
    size_t F = (size_t)s->shape->F, width = 2 * (size_t)s->keys;
    int m = 0;
    double *column = gk_alloc(F, sizeof *column);

    for (size_t j = 0; j < width; j++) {
        const double *from = s->w_l_hat + (2 * (size_t)(s->key[j / 2] - 1) + j % 2) * F;
        double before = 0, after = 0;
        memcpy(column, from, F * sizeof *column);
        for (size_t f = 0; f < F; f++) before += from[f] * from[f];
        for (int t = 0; t < m; t++) {
            double dot = 0;
            for (size_t f = 0; f < F; f++) dot += q[f * width + (size_t)t] * column[f];
            for (size_t f = 0; f < F; f++) column[f] -= dot * q[f * width + (size_t)t];
        }
        for (size_t f = 0; f < F; f++) after += column[f] * column[f];
        /* The sine of k = n/2, and what depends on others. */
        if (!(after > 1e-20 * before)) continue;
        for (size_t f = 0; f < F; f++) q[f * width + (size_t)m] = column[f] / sqrt(after);
        m++;
    }
    free(column);
    return m;
}

/* back (m, n) = q^T W_L */
static void read_out(double *back, const double *q, int m, const gk_snapshot *s)
{
    size_t F = (size_t)s->shape->F, n = (size_t)s->lens->n, width = 2 * (size_t)s->keys;

    memset(back, 0, (size_t)m * n * sizeof *back);
    for (size_t f = 0; f < F; f++)
        for (size_t t = 0; t < (size_t)m; t++)
            for (size_t c = 0; c < n; c++) back[t * n + c] += q[f * width + t] * s->w_l[f * n + c];
}

/* Of each neuron that `clear` names (NULL: of all) the row of W_L with the opposite sign; 0 of the
 * others. To (F,n). */
static void put_minus_w_l(gk_real *to, const gk_snapshot *s, const gk_neurons *clear)
{
    size_t F = (size_t)s->shape->F, n = (size_t)s->lens->n;
    double *minus = gk_alloc(F * n, sizeof *minus);

    for (size_t i = 0; i < F * n; i++)
        minus[i] = !clear || gk_is_clear(clear, (int)(i / n)) ? -s->w_l[i] : 0;
    gk_upload_reals(s->be, to, minus, F * n);
    free(minus);
}

/* Run r's directions to the device; returns how many. most: of any run. */
static int put_directions(const projection *x, const gk_snapshot *s, int r, int most)
{
    size_t F = (size_t)s->shape->F, n = (size_t)s->lens->n, width = 2 * (size_t)s->keys,
           run = (size_t)r, wide = (size_t)most;
    double *q = gk_alloc(F * width, sizeof *q), *back = gk_alloc(width * n, sizeof *back);
    int m = key_directions(q, s);
    size_t cells = (size_t)m * n;

    read_out(back, q, m, s);
    for (size_t f = 0; f < F; f++) /* without gaps: in place, as m <= width */
        for (size_t j = 0; j < (size_t)m; j++) q[f * (size_t)m + j] = q[f * width + j];
    gk_upload_reals(s->be, x->q + run * F * wide, q, F * (size_t)m);
    gk_upload_reals(s->be, x->back + run * wide * n, back, cells);
    for (size_t i = 0; i < cells; i++) back[i] = -back[i];
    gk_upload_reals(s->be, x->minus_back + run * wide * n, back, cells);
    put_minus_w_l(x->minus_w_l + run * F * n, s, NULL);
    free(q);
    free(back);
    return m;
}

static void copy_logits(const projection *x, const gk_snapshot *s, int R, gk_row_block b)
{
    int n = s->lens->n;
    size_t part = (size_t)b.rows * (size_t)n;

    s->be->add_rows(s->be, x->changed, x->logits, R, b.rows, n, n, n, part, part, 0);
}

/* Projected: logits - H W_L + (H q) (q^T W_L). Null space: logits - (H q) (q^T W_L). */
static void add_projected(const projection *x, const gk_snapshot *s, int R, gk_width m,
                          gk_row_block b)
{
    const gk_lens *l = s->lens;
    int F = s->shape->F, n = l->n;
    size_t most = (size_t)m.most;
    gk_width all = {.most = n}, neurons = {.most = F};
    gk_matrix hidden = gk_packed(x->hidden, b.rows, F);
    gk_matrix parts = {.at = x->parts, .step = (size_t)b.rows * most};
    gk_matrix back = gk_packed(x->back, m.most, n), minus = gk_packed(x->minus_back, m.most, n);

    gk_block_logits(x->logits, s, R, b);
    gk_block_hidden(x->hidden, s, R, b);
    gk_product_ragged(s->be, x->parts, hidden, (gk_matrix){.at = x->q, .step = (size_t)F * most}, R,
                      b.rows, neurons, m, 0);
    copy_logits(x, s, R, b);
    gk_product_ragged(s->be, x->changed, parts, minus, R, b.rows, m, all, 1);
    gk_losses_add(&x->losses, s, R, x->changed, NULL_SPACE, b);
    copy_logits(x, s, R, b);
    gk_product(s->be, x->changed, hidden, gk_packed(x->minus_w_l, F, n), R, b.rows, F, n, 1);
    gk_product_ragged(s->be, x->changed, parts, back, R, b.rows, m, all, 1);
    gk_losses_add(&x->losses, s, R, x->changed, PROJECTED, b);
}

static void project(gk_row *row, const gk_snapshot *s, int R)
{
    gk_lens *l = s->lens;
    int *columns = gk_alloc((size_t)R, sizeof *columns);
    gk_width m = {.most = 2 * gk_most_keys(s, R), .of = columns};
    size_t mark = gk_scratch_mark(l);
    projection x = take_projection(l);

    for (int r = 0; r < R; r++) columns[r] = put_directions(&x, &s[r], r, m.most);
    for (gk_row_block b = gk_blocks(l); gk_block_next(&b);) add_projected(&x, s, R, m, b);
    for (int r = 0; r < R; r++) {
        if (!s[r].keys) continue;
        gk_losses_mean(&x.losses, s + r, r, PROJECTED, &row[r].projected_all, NULL);
        gk_losses_mean(&x.losses, s + r, r, NULL_SPACE, &row[r].null_all, NULL);
    }
    gk_scratch_release(l, mark);
    free(columns);
}

/* -- clear neurons replaced by their constant and 8 products */

typedef struct replacement {
    gk_real *logits;    /* (R,rows,n) */
    gk_real *hidden;    /* (R,rows,F) */
    gk_real *minus_w_l; /* (R,F,n): of clear neurons */
    gk_real *hat;       /* (R,4,W,F): of their sums over the torus */
    gk_changes changes;
} replacement;

static replacement take_replacement(gk_lens *l)
{
    size_t rows = (size_t)l->rows, n = (size_t)l->n, F = (size_t)l->shape.F;
    replacement x = {.logits = gk_scratch_reals(l, rows * n)};

    x.hidden = gk_scratch_reals(l, rows * F);
    x.minus_w_l = gk_scratch_reals(l, F * n);
    x.hat = gk_scratch_reals(l, 4 * (size_t)l->W * F);
    x.changes = gk_changes_take(l);
    return x;
}

/* The frequencies of clear neurons, ascending. */
static int cluster_frequencies(int *k, const gk_snapshot *s, const gk_neurons *neurons)
{
    int keys = 0;

    for (int f = 1; f <= s->lens->K; f++)
        for (int i = 0; i < s->shape->F; i++)
            if (gk_is_clear(neurons, i) && neurons->k[i] == f) {
                k[keys++] = f;
                break;
            }
    return keys;
}

/* p: what the constant + 8 products of the clear neurons, each neuron's own alone, add to the
 * logits: the fit of the neurons' sums times W_L. With the opposite sign: it is taken off. hat
 * (4,W,F). */
static void fit_clusters(gk_polynomial *p, const gk_snapshot *s, const gk_neurons *neurons,
                         const double *hat)
{
    const gk_lens *l = s->lens;
    size_t F = (size_t)s->shape->F, n = (size_t)l->n;
    int *k = gk_alloc((size_t)l->K, sizeof *k), keys = cluster_frequencies(k, s, neurons);
    size_t m = 2 * (size_t)keys + 1;

    gk_polynomial_fit(p, l, hat, k, keys, s->shape->F);
    double *of_neuron = p->coef;
    p->coef = gk_alloc(4 * m * n, sizeof *p->coef);
    for (size_t f = 0; f < F; f++) {
        if (!gk_is_clear(neurons, (int)f)) continue;
        of_neuron[(m - 1) * F + f] = hat[(size_t)(l->W - 1) * F + f] / l->inputs; /* its mean */
        for (size_t j = 0; j < 4 * m; j++) {
            bool own = j % m == m - 1 || k[j % m / 2] == neurons->k[f];
            for (size_t c = 0; own && c < n; c++)
                p->coef[j * n + c] -= of_neuron[j * F + f] * s->w_l[f * n + c];
        }
    }
    free(of_neuron);
    free(k);
}

/* The polynomials of all runs, p (R), and the neurons that they stand for, to the device. */
static void put_clusters(gk_polynomial *p, replacement *x, const gk_findings *found,
                         const gk_snapshot *s, int R)
{
    const gk_lens *l = s->lens;
    size_t F = (size_t)s->shape->F, n = (size_t)l->n, cells = 4 * (size_t)l->W * F;
    double *hat = gk_alloc(cells, sizeof *hat);

    gk_torus_hat(x->hat, s, R, l->neuron_sum + (size_t)s->slot * 4 * (size_t)l->P * F, s->shape->F);
    for (int r = 0; r < R; r++) {
        gk_download_reals(s->be, hat, x->hat + (size_t)r * cells, cells);
        fit_clusters(&p[r], &s[r], &found[r].neurons, hat);
        put_minus_w_l(x->minus_w_l + (size_t)r * F * n, &s[r], &found[r].neurons);
    }
    gk_changes_put(&x->changes, s, R, p, false);
    free(hat);
}

static void replace_neurons(gk_row *row, const gk_findings *found, const gk_snapshot *s, int R)
{
    gk_lens *l = s->lens;
    int F = s->shape->F, n = l->n;
    size_t mark = gk_scratch_mark(l);
    replacement x = take_replacement(l);
    gk_polynomial *p = gk_alloc((size_t)R, sizeof *p);

    put_clusters(p, &x, found, s, R);
    for (gk_row_block b = gk_blocks(l); gk_block_next(&b);) {
        gk_block_logits(x.logits, s, R, b);
        gk_block_hidden(x.hidden, s, R, b);
        gk_product(s->be, x.logits, gk_packed(x.hidden, b.rows, F), gk_packed(x.minus_w_l, F, n), R,
                   b.rows, F, n, 1);
        gk_changes_add(&x.changes, s, R, x.logits, b);
    }
    for (int r = 0; r < R; r++) {
        gk_changes_mean(&x.changes, s + r, r, 0, &row[r].poly_neurons_all, NULL);
        gk_polynomial_free(&p[r]);
    }
    gk_scratch_release(l, mark);
    free(p);
}

/* -- activations restricted to key characters */

typedef struct restriction {
    gk_real *hidden; /* (R,rows,F) */
    gk_real *sum;    /* (R,n,F): by element */
    double *moments; /* (R,2,F) */
} restriction;

static restriction take_restriction(gk_lens *l)
{
    size_t F = (size_t)l->shape.F;
    restriction x = {.hidden = gk_scratch_reals(l, (size_t)l->rows * F)};

    x.sum = gk_scratch_reals(l, (size_t)l->n * F);
    x.moments = gk_scratch(l, (size_t)l->together * 2 * F, sizeof *x.moments);
    return x;
}

/* table (n,n): logits by element, from the sums (n,F) of activations by element and over all
 * inputs, total (F): their mean plus their key characters, times W_L. */
static void restricted_table(double *table, const gk_snapshot *s, const double *sums,
                             const double *total)
{
    const gk_lens *l = s->lens;
    size_t F = (size_t)s->shape->F, n = (size_t)l->n, width = 2 * (size_t)l->K;
    int *column = gk_alloc(2 * (size_t)s->keys, sizeof *column),
        m = gk_character_columns(column, s->key, s->keys, l->n);
    double *coef = gk_alloc((size_t)m * F, sizeof *coef);

    gk_fit(coef, s->basis, (int)width, column, m, s->count, sums, l->n, (int)F);
    for (size_t e = 0; e < n; e++)
        for (size_t f = 0; f < F; f++) {
            double h = total[f] / l->inputs;
            for (size_t j = 0; j < (size_t)m; j++)
                h += s->basis[e * width + (size_t)column[j]] * coef[j * F + f];
            for (size_t c = 0; c < n; c++) table[e * n + c] += h * s->w_l[f * n + c];
        }
    free(column);
    free(coef);
}

/* Loss over the test inputs of logits that are a function of the element. */
static double test_loss(const double *table, const gk_snapshot *s)
{
    size_t n = (size_t)s->lens->n;
    double *pairs = gk_alloc(n * n, sizeof *pairs);

    for (size_t i = 0; i < n * n; i++)
        pairs[i] =
            s->pairs[GK_ROWS_COMMUTED * n * n + i] + s->pairs[GK_ROWS_UNCOMMUTED * n * n + i];
    double loss = gk_table_loss(table, pairs, s->lens->n);
    free(pairs);
    return loss;
}

/* As in TransformerLens's demo: logits are the mean of the activations plus their characters of key
 * frequencies, times W_L; the skip connection is left out. A function of the element alone. */
static void restrict_activations(gk_row *row, const gk_snapshot *s, int R)
{
    gk_lens *l = s->lens;
    size_t F = (size_t)s->shape->F, n = (size_t)l->n, mark = gk_scratch_mark(l);
    restriction x = take_restriction(l);
    double *sums = gk_alloc((n + 1) * F, sizeof *sums);

    for (gk_row_block b = gk_blocks(l); gk_block_next(&b);) {
        gk_block_hidden(x.hidden, s, R, b);
        gk_block_sum(x.sum, x.moments, s, R, x.hidden, (gk_width){.most = (int)F}, GK_BY_VALUE, b);
    }
    for (int r = 0; r < R; r++) {
        if (!s[r].keys) continue;
        double *table = gk_alloc(n * n, sizeof *table);
        gk_download_reals(s->be, sums, x.sum + (size_t)r * n * F, n * F);
        s->be->download(s->be, sums + n * F, x.moments + 2 * (size_t)r * F, F * sizeof *sums);
        restricted_table(table, &s[r], sums, sums + n * F);
        row[r].restricted_tl = test_loss(table, &s[r]);
        free(table);
    }
    gk_scratch_release(l, mark);
    free(sums);
}

static void layout(gk_lens *l)
{
    size_t mark = gk_scratch_mark(l);

    if (!l->shape.F || !l->direct) return;
    take_projection(l);
    gk_scratch_release(l, mark);
    take_restriction(l);
    gk_scratch_release(l, mark);
    if (!l->P) return;
    gk_find_neurons_layout(l);
    gk_scratch_release(l, mark);
    take_replacement(l);
    gk_scratch_release(l, mark);
}

static void measure(gk_row *row, gk_findings *found, const gk_snapshot *s, int R)
{
    if (s->analysis->undefined || !s->w_l_neurons || !gk_snapshot_has_nats(s)) return;
    if (gk_most_keys(s, R)) {
        project(row, s, R);
        restrict_activations(row, s, R);
    }
    if (s->analysis->no_grid) return;
    gk_find_neurons(found, s, R);
    replace_neurons(row, found, s, R);
}

const gk_family gk_family_projections = {.measure = measure, .layout = layout};
