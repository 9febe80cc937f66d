/* projections.bin, one record at a time: what a row leaves for the restricted loss of key sets that
 * are not known yet. */
#include "gk/records.h"

#include <math.h>
#include <stdlib.h>

/* Norm over all inputs of a character, as it is divided by in a record. */
static double character_norm(const gk_snapshot *s, size_t column)
{
    size_t n = (size_t)s->lens->n, width = 2 * (size_t)s->lens->K;
    double square = 0;

    for (size_t e = 0; e < n; e++)
        square += s->count[e] * s->basis[e * width + column] * s->basis[e * width + column];
    return sqrt(square);
}

/* Unit characters times the logits, from the sums by element. */
void gk_record_fill(float *record, const gk_snapshot *s)
{
    size_t n = (size_t)s->lens->n, K = (size_t)s->lens->K;

    for (size_t j = 0; j < 2 * K; j++) {
        double norm = character_norm(s, j);
        for (size_t c = 0; c < n; c++) {
            double sum = 0;
            for (size_t e = 0; e < n; e++) sum += s->basis[e * 2 * K + j] * s->label_sum[e * n + c];
            record[j * n + c] = norm > 0 ? (float)(sum / norm) : 0;
        }
    }
    for (size_t c = 0; c < n; c++)
        record[2 * K * n + c] = (float)(s->label_sum[n * n + c] / s->lens->inputs);
}

/* N = fit on the key characters + column means of (L - N), as in measures/restricted.c, from one
 * record. */
double gk_record_restricted(const float *record, const gk_snapshot *s, const int *key, int keys,
                            const double *pairs)
{
    size_t n = (size_t)s->lens->n, width = 2 * (size_t)s->lens->K;
    int *column = gk_alloc(2 * (size_t)keys, sizeof *column);
    size_t m = (size_t)gk_character_columns(column, key, keys, (int)n);
    double *table = gk_alloc(n * n, sizeof *table), *coef = gk_alloc(m * n, sizeof *coef);

    for (size_t i = 0; i < m; i++) {
        double norm = character_norm(s, (size_t)column[i]);
        for (size_t c = 0; c < n; c++)
            coef[i * n + c] = norm * (double)record[(size_t)column[i] * n + c];
    }
    gk_fit_solve(coef, s->basis, (int)width, column, (int)m, s->count, (int)n, (int)n);
    for (size_t e = 0; e < n; e++)
        for (size_t i = 0; i < m; i++)
            for (size_t c = 0; c < n; c++)
                table[e * n + c] += s->basis[e * width + (size_t)column[i]] * coef[i * n + c];
    for (size_t c = 0; c < n; c++) {
        double shift = (double)record[width * n + c];
        for (size_t e = 0; e < n; e++) shift -= s->count[e] * table[e * n + c] / s->lens->inputs;
        for (size_t e = 0; e < n; e++) table[e * n + c] += shift;
    }
    double loss = gk_table_loss(table, pairs, (int)n);
    free(column);
    free(coef);
    free(table);
    return loss;
}

void gk_record_pairs(double *pairs, const gk_snapshot *s)
{
    size_t n = (size_t)s->lens->n;

    for (size_t i = 0; i < n * n; i++) pairs[i] = 0;
    for (size_t i = 0; i < GK_ROW_GROUPS * n * n; i++) pairs[i % (n * n)] += s->pairs[i];
}
