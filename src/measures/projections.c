/* MLP activations replaced by parts of themselves, the rest of the network intact. Nanda et al.
 * 2023, section 4.4. All of it on the logits: replacing activations H by H' changes them by (H' -
 * H) W_L. */
#include "gk/measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PROJECTED, NULL_SPACE, POLYNOMIAL };

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
        if (!(after > 1e-20 * before))
            continue; /* the sine of k = n/2, and what depends on others */
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

/* Projected: logits - H W_L + (H q) (q^T W_L). Null space: logits - (H q) (q^T W_L). */
static void project(gk_row *row, gk_snapshot *s)
{
    gk_lens *l = s->lens;
    gk_backend *be = s->be;
    int F = s->shape->F, n = l->n, width = 2 * s->keys;
    size_t cells = (size_t)F * (size_t)n;
    double *q = gk_alloc((size_t)F * (size_t)width, sizeof *q),
           *minus = gk_alloc(cells, sizeof *minus);
    double *back = gk_alloc((size_t)width * (size_t)n, sizeof *back);
    int m = key_directions(q, s);

    read_out(back, q, m, s);
    gk_upload_reals(be, l->coef, q, (size_t)F * (size_t)width);
    for (size_t i = 0; i < cells; i++) minus[i] = -s->w_l[i];
    gk_upload_reals(be, l->label_sum, minus, cells);
    for (int result = PROJECTED; result <= NULL_SPACE; result++) {
        gk_upload_reals(be, l->basis, back, (size_t)m * (size_t)n);
        for (size_t i = 0; i < (size_t)m * (size_t)n; i++) back[i] = -back[i];
        for (int first = 0; first < l->inputs; first += l->rows) {
            int rows = l->inputs - first < l->rows ? l->inputs - first : l->rows;
            gk_lens_logits(s, first, rows);
            gk_lens_hidden(s, first, rows);
            be->add_rows(be, l->work, l->logits, 1, rows, n, n, n, 0, 0, 0);
            if (result == PROJECTED)
                be->matmul(be, l->work, l->hidden, l->label_sum, 1, rows, n, F, 0, 0, F, n, n, 0, 0,
                           0, 1);
            be->matmul(be, l->terms, l->hidden, l->coef, 1, rows, m, F, 0, 0, F, width, m, 0, 0, 0,
                       0);
            be->matmul(be, l->work, l->terms, l->basis, 1, rows, n, m, 0, 0, m, n, n, 0, 0, 0, 1);
            gk_lens_add_loss(s, result, first, rows);
        }
    }
    gk_lens_mean_loss(s, PROJECTED, &row->projected_all, NULL);
    gk_lens_mean_loss(s, NULL_SPACE, &row->null_all, NULL);
    free(q);
    free(minus);
    free(back);
}

/* The frequencies of neurons above 85 percent, ascending. */
static int cluster_frequencies(int *k, const gk_snapshot *s)
{
    int keys = 0;

    for (int f = 1; f <= s->lens->K; f++)
        for (int i = 0; i < s->shape->F; i++)
            if (s->neuron_fve[i] > 0.85 && s->neuron_k[i] == f) {
                k[keys++] = f;
                break;
            }
    return keys;
}

/* coef (m, n): what the constant + 8 products of the clustered neurons add to the logits: the
 * transform of activations, each neuron's own terms only, times W_L. Returns m, 0 where there are
 * too many terms. */
static int cluster_terms(double *coef, gk_snapshot *s, const int *k, int keys, int *begin)
{
    gk_lens *l = s->lens;
    size_t F = (size_t)s->shape->F, n = (size_t)l->n;
    int m = 0;

    for (int first = 0; first < l->inputs; first += l->rows) {
        int rows = l->inputs - first < l->rows ? l->inputs - first : l->rows;
        m = gk_lens_terms(s, k, keys, begin, first, rows);
        if (!m) return 0;
        gk_lens_hidden(s, first, rows);
        s->be->matmul(s->be, l->coef, l->terms, l->hidden, 1, m, (int)F, rows, 1, 0, m, (int)F,
                      (int)F, 0, 0, 0, first > 0);
    }
    double *of = gk_alloc((size_t)m * F, sizeof *of);
    gk_download_reals(s->be, of, l->coef, (size_t)m * F);
    memset(coef, 0, (size_t)m * n * sizeof *coef);
    for (size_t f = 0; f < F; f++) {
        if (!(s->neuron_fve[f] > 0.85)) continue;
        for (int i = 0; i < keys; i++)
            for (int t = k[i] == s->neuron_k[f] ? begin[i] : begin[i + 1]; t < begin[i + 1]; t++)
                for (size_t c = 0; c < n; c++)
                    coef[(size_t)t * n + c] += of[(size_t)t * F + f] * s->w_l[f * n + c];
        for (size_t c = 0; c < n; c++) coef[c] += of[f] * s->w_l[f * n + c];
    }
    free(of);
    return m;
}

static void replace_neurons(gk_row *row, gk_snapshot *s)
{
    gk_lens *l = s->lens;
    gk_backend *be = s->be;
    size_t F = (size_t)s->shape->F, n = (size_t)l->n;
    int *k = gk_alloc((size_t)l->K, sizeof *k), keys = cluster_frequencies(k, s);
    int *begin = gk_alloc((size_t)l->K + 1, sizeof *begin);
    double *coef = gk_alloc((size_t)l->terms_max * n, sizeof *coef),
           *minus = gk_alloc(F * n, sizeof *minus);
    int m = cluster_terms(coef, s, k, keys, begin);

    for (size_t i = 0; i < F * n; i++) minus[i] = s->neuron_fve[i / n] > 0.85 ? -s->w_l[i] : 0;
    gk_upload_reals(be, l->coef, minus, F * n);
    gk_upload_reals(be, l->basis, coef, (size_t)m * n);
    for (int first = 0; m && first < l->inputs; first += l->rows) {
        int rows = l->inputs - first < l->rows ? l->inputs - first : l->rows;
        gk_lens_logits(s, first, rows);
        gk_lens_hidden(s, first, rows);
        gk_lens_terms(s, k, keys, begin, first, rows);
        be->add_rows(be, l->work, l->logits, 1, rows, l->n, l->n, l->n, 0, 0, 0);
        be->matmul(be, l->work, l->hidden, l->coef, 1, rows, l->n, (int)F, 0, 0, (int)F, l->n, l->n,
                   0, 0, 0, 1);
        be->matmul(be, l->work, l->terms, l->basis, 1, rows, l->n, m, 0, 0, m, l->n, l->n, 0, 0, 0,
                   1);
        gk_lens_add_loss(s, POLYNOMIAL, first, rows);
    }
    if (m) gk_lens_mean_loss(s, POLYNOMIAL, &row->poly_neurons_all, NULL);
    free(k);
    free(begin);
    free(coef);
    free(minus);
}

/* As in TransformerLens's demo: logits are the mean of the activations plus their characters of key
 * frequencies, times W_L; the skip connection is left out. A function of the element alone. */
static void restrict_activations(gk_row *row, gk_snapshot *s)
{
    gk_lens *l = s->lens;
    size_t F = (size_t)s->shape->F, n = (size_t)l->n, width = 2 * (size_t)l->K;
    double *sums = gk_alloc((n + 1) * F, sizeof *sums), *table = gk_alloc(n * n, sizeof *table);
    double *pairs = gk_alloc(n * n, sizeof *pairs);
    int *column = gk_alloc(2 * (size_t)s->keys, sizeof *column),
        m = gk_character_columns(column, s->key, s->keys, l->n);
    double *coef = gk_alloc((size_t)m * F, sizeof *coef), *h = gk_alloc(F, sizeof *h);

    for (int first = 0; first < l->inputs; first += l->rows) {
        int rows = l->inputs - first < l->rows ? l->inputs - first : l->rows;
        gk_lens_hidden(s, first, rows);
        s->be->embed_back(s->be, l->label_sum, l->label_sum + n * F, l->hidden,
                          l->value + (size_t)s->slot * (size_t)l->inputs + (size_t)first, 1, rows,
                          1, (int)F, l->n, first > 0);
    }
    gk_download_reals(s->be, sums, l->label_sum, (n + 1) * F);
    gk_fit(coef, s->basis, (int)width, column, m, s->count, sums, l->n, (int)F);
    for (size_t e = 0; e < n; e++) {
        for (size_t f = 0; f < F; f++) {
            h[f] = sums[n * F + f] / l->inputs;
            for (size_t j = 0; j < (size_t)m; j++)
                h[f] += s->basis[e * width + (size_t)column[j]] * coef[j * F + f];
            for (size_t c = 0; c < n; c++) table[e * n + c] += h[f] * s->w_l[f * n + c];
        }
    }
    for (size_t i = 0; i < n * n; i++)
        pairs[i] =
            s->pairs[GK_ROWS_MIRRORED * n * n + i] + s->pairs[GK_ROWS_UNMIRRORED * n * n + i];
    row->restricted_tl = gk_table_loss(table, pairs, l->n);
    free(sums);
    free(table);
    free(pairs);
    free(column);
    free(coef);
    free(h);
}

void gk_measure_projections(gk_row *row, gk_snapshot *s)
{
    if (s->analysis->undefined || !s->shape->F) return;
    if (s->keys && 2 * s->keys <= s->lens->terms_max) {
        project(row, s);
        restrict_activations(row, s);
    }
    if (!s->analysis->no_grid) replace_neurons(row, s);
}
