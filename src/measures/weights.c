/* What the weights alone tell: sums of squares, spectra of W_E and W_L = W_out W_U, sparsity, key
 * frequencies. */
#include "gk/measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The Gini index, Hurley & Rickard 2009, "Comparing measures of sparsity": of c_1 .. c_N ascending,
 * 1 - 2 sum_i (c_i / |c|_1) (N - i + 1/2) / N. Of spectra: Nanda et al. 2023, section
 * 5.1. */
static double gini(const double *norm, int N)
{
    double *c = gk_alloc((size_t)N, sizeof *c), total = 0, weighted = 0;

    memcpy(c, norm, (size_t)N * sizeof *c);
    qsort(c, (size_t)N, sizeof *c, gk_ascending_reals);
    for (int i = 0; i < N; i++) {
        total += c[i];
        weighted += c[i] * (N - i - 0.5);
    }
    free(c);
    return total > 0 ? 1 - 2 * weighted / (total * N) : GK_NULL;
}

static void sums_of_squares(gk_row *row, const gk_snapshot *s)
{
    row->squared_l2_norm = 0;
    for (int i = 0; i < s->model->n_tensors; i++) {
        const gk_tensor *t = &s->model->tensor[i];
        double sum = 0;
        for (size_t j = t->packed; j < t->packed + t->size; j++)
            sum += (double)s->params[j] * (double)s->params[j];
        row->squared_l2_norm += sum;
        gk_text_add(&row->extra, ", \"squared_l2_norm.%s\": ", t->name);
        gk_text_add_real(&row->extra, sum);
    }
}

static void weights_of(gk_row *row, const gk_snapshot *s)
{
    double inside = 0, outside = s->w_l_const;
    bool linear = s->w_l_neurons || !s->shape->F;

    sums_of_squares(row, s);
    if (s->analysis->undefined) return;
    row->gini_w_e = gini(s->w_e_norm, s->lens->K);
    row->key_count = s->raws;
    if (linear) row->gini_w_l = gini(s->w_l_norm, s->lens->K);
    if (!s->keys || !linear) return;
    for (int k = 1, i = 0; k <= s->lens->K; k++) {
        double square = s->w_l_norm[k - 1] * s->w_l_norm[k - 1];
        if (i < s->keys && s->key[i] == k)
            inside += square, i++;
        else
            outside += square;
    }
    row->w_l_residual = sqrt(outside / (inside + outside));
}

static void measure(gk_row *row, gk_findings *found, const gk_snapshot *s, int R)
{
    (void)found;
    for (int r = 0; r < R; r++) weights_of(&row[r], &s[r]);
}

const gk_family gk_family_weights = {.measure = measure};
