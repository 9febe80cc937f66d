/* Characters, least squares on them, and losses of tables. */
#include "gk/fit.h"
#include "gk/arith.h"
#include "gk/config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void gk_characters(double *basis, int n)
{
    int K = n / 2;

    for (int s = 0; s < n; s++)
        for (int k = 1; k <= K; k++) {
            double *at = basis + (size_t)s * 2 * K + 2 * (k - 1);

            gk_sin_cos_turns(&at[1], &at[0], (double)((int64_t)k * s % n) / n);
            if (2 * k == n) at[1] = 0;
        }
}

int gk_character_columns(int *column, const int *k, int keys, int n)
{
    int m = 0;

    for (int i = 0; i < keys; i++) {
        column[m++] = 2 * (k[i] - 1);
        if (2 * k[i] != n) column[m++] = 2 * (k[i] - 1) + 1;
    }
    return m;
}

/* L L^T = gram in place (lower triangle); a column that depends on earlier ones gets a pivot of
 * 0. */
static void factor(double *gram, size_t m)
{
    for (size_t j = 0; j < m; j++) {
        double *row = gram + j * m, before = row[j];
        for (size_t i = 0; i < j; i++) {
            double sum = row[i];
            for (size_t t = 0; t < i; t++) sum -= row[t] * gram[i * m + t];
            row[i] = gram[i * m + i] > 0 ? sum / gram[i * m + i] : 0;
        }
        double pivot = before;
        for (size_t t = 0; t < j; t++) pivot -= row[t] * row[t];
        row[j] = pivot > 1e-12 * before ? sqrt(pivot) : 0;
    }
}

void gk_fit_solve(double *coef, const double *basis, int width, const int *column, int m_,
                  const double *count, int n_, int cols_)
{
    size_t m = (size_t)m_, n = (size_t)n_, cols = (size_t)cols_;
    double *gram = gk_alloc(m * m, sizeof *gram);

    for (size_t e = 0; e < n; e++) {
        const double *b = basis + e * (size_t)width;
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j <= i; j++)
                gram[i * m + j] += count[e] * b[column[i]] * b[column[j]];
    }
    factor(gram, m);
    for (size_t i = 0; i < m; i++) { /* L y = rhs, row by row */
        double pivot = gram[i * m + i], *y = coef + i * cols;
        for (size_t t = 0; t < i; t++)
            for (size_t c = 0; c < cols; c++) y[c] -= gram[i * m + t] * coef[t * cols + c];
        for (size_t c = 0; c < cols; c++) y[c] = pivot > 0 ? y[c] / pivot : 0;
    }
    for (size_t i = m; i-- > 0;) { /* L^T x = y */
        double pivot = gram[i * m + i], *x = coef + i * cols;
        for (size_t t = i + 1; t < m; t++)
            for (size_t c = 0; c < cols; c++) x[c] -= gram[t * m + i] * coef[t * cols + c];
        for (size_t c = 0; c < cols; c++) x[c] = pivot > 0 ? x[c] / pivot : 0;
    }
    free(gram);
}

void gk_fit(double *coef, const double *basis, int width, const int *column, int m,
            const double *count, const double *sum, int n, int cols)
{
    memset(coef, 0, (size_t)m * (size_t)cols * sizeof *coef);
    for (int e = 0; e < n; e++)
        for (int i = 0; i < m; i++) {
            double b = basis[(size_t)e * (size_t)width + (size_t)column[i]];
            for (int c = 0; c < cols; c++)
                coef[(size_t)i * (size_t)cols + (size_t)c] +=
                    b * sum[(size_t)e * (size_t)cols + (size_t)c];
        }
    gk_fit_solve(coef, basis, width, column, m, count, n, cols);
}

/* -log softmax(row)[label] in the exact form: never a difference of near-equal numbers. */
static double row_loss(const double *row, int n, int label)
{
    double m = 0, sum = 0;

    for (int j = 0; j < n; j++)
        if (j != label && row[j] - row[label] > m) m = row[j] - row[label];
    for (int j = 0; j < n; j++)
        if (j != label) sum += gk_exp(row[j] - row[label] - m);
    return m == 0 ? gk_log1p(sum) : m + gk_log(gk_exp(-m) + sum);
}

double gk_table_loss(const double *table, const double *pairs, int n)
{
    double total = 0, rows = 0;

    for (int e = 0; e < n; e++)
        for (int label = 0; label < n; label++) {
            double times = pairs[(size_t)e * (size_t)n + (size_t)label];
            if (times == 0) continue;
            total += times * row_loss(table + (size_t)e * (size_t)n, n, label);
            rows += times;
        }
    return rows > 0 ? total / rows : GK_NULL;
}
