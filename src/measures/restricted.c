/* Restricted loss: the loss of the logits' key Fourier modes and their column means alone
 * (gk/records.h). Nanda et al. 2023, section 5.1. */
#include "gk/fit.h"
#include "gk/measure.h"

#include <stdlib.h>

static double group_loss(const double *table, const gk_snapshot *s, bool train, bool test)
{
    size_t n = (size_t)s->lens->n;
    double *pairs = gk_alloc(n * n, sizeof *pairs);

    for (size_t g = 0; g < GK_ROW_GROUPS; g++)
        for (size_t i = 0; i < n * n && (g == GK_ROWS_TRAIN ? train : test); i++)
            pairs[i] += s->pairs[g * n * n + i];
    double loss = gk_table_loss(table, pairs, (int)n);
    free(pairs);
    return loss;
}

/* (m,n): the key characters times the logits, from their sums by element. */
static double *key_dots(const gk_snapshot *s)
{
    size_t n = (size_t)s->lens->n, width = 2 * (size_t)s->lens->K;
    int *column = gk_alloc(2 * (size_t)s->keys, sizeof *column);
    size_t m = (size_t)gk_character_columns(column, s->key, s->keys, (int)n);
    double *dots = gk_alloc(m * n, sizeof *dots);

    for (size_t e = 0; e < n; e++)
        for (size_t i = 0; i < m; i++) {
            double b = s->basis[e * width + (size_t)column[i]];
            for (size_t c = 0; c < n; c++) dots[i * n + c] += b * s->label_sum[e * n + c];
        }
    free(column);
    return dots;
}

static void restricted_of(gk_row *row, const gk_snapshot *s)
{
    size_t n = (size_t)s->lens->n;

    if (s->analysis->undefined || !s->keys || !gk_snapshot_has_nats(s)) return;
    gk_elements elements = gk_snapshot_elements(s);
    double *dots = key_dots(s), *table = gk_alloc(n * n, sizeof *table);
    gk_restricted_table(table, &elements, s->key, s->keys, dots, s->label_sum + n * n);
    row->restricted_all = group_loss(table, s, true, true);
    row->restricted_train = group_loss(table, s, true, false);
    row->restricted_test = group_loss(table, s, false, true);
    free(dots);
    free(table);
}

static void measure(gk_row *row, gk_findings *found, const gk_snapshot *s, int R)
{
    (void)found;
    for (int r = 0; r < R; r++) restricted_of(&row[r], &s[r]);
}

const gk_family gk_family_restricted = {.measure = measure};
