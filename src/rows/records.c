/* What a record holds, and the restricted loss that follows from it. */
#include "gk/records.h"
#include "gk/base.h"
#include "gk/fit.h"

#include <math.h>
#include <stdlib.h>

/* Over all inputs, of a column of the basis. */
static double norm_of(const gk_elements *x, size_t column)
{
    size_t width = 2 * (size_t)x->K;
    double square = 0;

    for (size_t e = 0; e < (size_t)x->n; e++)
        square += x->count[e] * x->basis[e * width + column] * x->basis[e * width + column];
    return sqrt(square);
}

void gk_record_make(float *record, const gk_elements *x, const double *sum, const double *total)
{
    size_t n = (size_t)x->n, K = (size_t)x->K;

    for (size_t j = 0; j < 2 * K; j++) {
        double norm = norm_of(x, j);
        for (size_t c = 0; c < n; c++) {
            double dot = 0;
            for (size_t e = 0; e < n; e++) dot += x->basis[e * 2 * K + j] * sum[e * n + c];
            record[j * n + c] = norm > 0 ? (float)(dot / norm) : 0;
        }
    }
    for (size_t c = 0; c < n; c++) record[2 * K * n + c] = (float)(total[c] / x->inputs);
}

void gk_restricted_table(double *table, const gk_elements *x, const int *key, int keys,
                         double *dots, const double *total)
{
    size_t n = (size_t)x->n, width = 2 * (size_t)x->K;
    int *column = gk_alloc(2 * (size_t)keys, sizeof *column);
    int m = gk_character_columns(column, key, keys, x->n);

    gk_fit_solve(dots, x->basis, (int)width, column, m, x->count, x->n, x->n);
    for (size_t i = 0; i < n * n; i++) table[i] = 0;
    for (size_t e = 0; e < n; e++)
        for (size_t j = 0; j < (size_t)m; j++)
            for (size_t c = 0; c < n; c++)
                table[e * n + c] += x->basis[e * width + (size_t)column[j]] * dots[j * n + c];
    for (size_t c = 0; c < n; c++) {
        double shift = total[c]; /* becomes the column sum of L - N */
        for (size_t e = 0; e < n; e++) shift -= x->count[e] * table[e * n + c];
        for (size_t e = 0; e < n; e++) table[e * n + c] += shift / x->inputs;
    }
    free(column);
}

double gk_record_restricted(const float *record, const gk_elements *x, const int *key, int keys,
                            const double *pairs)
{
    size_t n = (size_t)x->n, K = (size_t)x->K;
    int *column = gk_alloc(2 * (size_t)keys, sizeof *column);
    size_t m = (size_t)gk_character_columns(column, key, keys, x->n);
    double *dots = gk_alloc((m + 1) * n, sizeof *dots), *total = dots + m * n;
    double *table = gk_alloc(n * n, sizeof *table);

    for (size_t i = 0; i < m; i++) {
        double norm = norm_of(x, (size_t)column[i]);
        for (size_t c = 0; c < n; c++)
            dots[i * n + c] = norm * (double)record[(size_t)column[i] * n + c];
    }
    for (size_t c = 0; c < n; c++) total[c] = x->inputs * (double)record[2 * K * n + c];
    gk_restricted_table(table, x, key, keys, dots, total);
    double loss = gk_table_loss(table, pairs, x->n);
    free(column);
    free(dots);
    free(table);
    return loss;
}
