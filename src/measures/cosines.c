/* The cosines that Nanda et al. 2023, section 4, find in the logits: D_k[input, c] = cos(w_k
 * (f(input) - c)), of unit norm over all inputs and outputs; v_k = <D_k, L>. All of it follows from
 * the logits summed by element. */
#include "measures/parts.h"
#include "gk/changes.h"
#include "gk/fit.h"

#include <math.h>
#include <stdlib.h>

static double cosine(const gk_snapshot *s, int k, size_t element, size_t c)
{
    size_t K = (size_t)s->lens->K, at = 2 * (size_t)(k - 1);
    const double *x = s->basis + element * 2 * K + at, *y = s->basis + c * 2 * K + at;

    return x[0] * y[0] + x[1] * y[1];
}

double gk_cosine_coefficient(const gk_snapshot *s, int k, double *norm2)
{
    size_t n = (size_t)s->lens->n;
    double dot = 0;

    *norm2 = 0;
    for (size_t e = 0; e < n; e++)
        for (size_t c = 0; c < n; c++) {
            double d = cosine(s, k, e, c);
            dot += d * s->label_sum[e * n + c];
            *norm2 += s->count[e] * d * d;
        }
    return dot / sqrt(*norm2);
}

/* table[e][c] = sum over key k of v_k D_k, and the same as a change of the logits by characters. */
static double *cosine_table(const gk_snapshot *s, double *coef, double *squares)
{
    size_t n = (size_t)s->lens->n, K = (size_t)s->lens->K;
    double *table = gk_alloc(n * n, sizeof *table);

    *squares = 0;
    for (int i = 0; i < s->keys; i++) {
        int k = s->key[i];
        double norm2, v = gk_cosine_coefficient(s, k, &norm2);
        *squares += v * v;
        for (size_t e = 0; e < n; e++)
            for (size_t c = 0; c < n; c++) table[e * n + c] += v / sqrt(norm2) * cosine(s, k, e, c);
        for (size_t part = 0; part < 2 && 2 * k != (int)n + (part == 0); part++, coef += n)
            for (size_t c = 0; c < n; c++)
                coef[c] = v / sqrt(norm2) * s->basis[c * 2 * K + 2 * (size_t)(k - 1) + part];
    }
    return table;
}

/* Loss of nothing but the cosines. */
static double table_loss(const gk_snapshot *s, const double *table)
{
    size_t n = (size_t)s->lens->n;
    double *pairs = gk_alloc(n * n, sizeof *pairs);

    for (size_t i = 0; i < GK_ROW_GROUPS * n * n; i++) pairs[i % (n * n)] += s->pairs[i];
    double loss = gk_table_loss(table, pairs, (int)n);
    free(pairs);
    return loss;
}

/* The columns of one run; without: the logits less the cosines, an owned change. */
static void cosines_of(gk_row *row, gk_variant *without, const gk_snapshot *s)
{
    size_t n = (size_t)s->lens->n;
    int *column = gk_alloc(2 * (size_t)s->keys, sizeof *column);
    double squares;

    *without =
        (gk_variant){.column = column, .coef = gk_alloc(2 * (size_t)s->keys * n, sizeof(double))};
    without->m = gk_character_columns(column, s->key, s->keys, (int)n);
    double *table = cosine_table(s, without->coef, &squares);
    row->logit_fve = squares / s->norm2;
    if (gk_snapshot_has_nats(s)) row->cosine_loss = table_loss(s, table);
    free(table);
}

static void release(gk_variant *v)
{
    free((void *)v->column);
    free(v->coef);
}

static void measure(gk_row *row, gk_findings *found, const gk_snapshot *s, int R)
{
    double inputs = (double)s->lens->inputs * (double)s->lens->n;
    gk_variant *v = gk_alloc((size_t)R, sizeof *v), **list = gk_alloc((size_t)R, sizeof(void *));
    int *variants = gk_alloc((size_t)R, sizeof *variants);

    (void)found;
    for (int r = 0; r < R && !s->analysis->undefined; r++) {
        row[r].logit_norm = sqrt(s[r].norm2 / inputs);
        list[r] = &v[r];
        variants[r] = s[r].keys > 0;
        if (s[r].keys) cosines_of(&row[r], &v[r], &s[r]);
    }
    if (gk_most_keys(s, R) && gk_snapshot_has_nats(s)) {
        gk_train_losses(s, R, list, variants);
        for (int r = 0; r < R; r++)
            if (s[r].keys) row[r].excluded_cosines = v[r].loss;
    }
    for (int r = 0; r < R; r++) release(&v[r]);
    free(v);
    free(list);
    free(variants);
}

const gk_family gk_family_cosines = {.measure = measure, .layout = gk_train_losses_layout};
