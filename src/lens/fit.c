/* Least squares on characters, and losses of tables: small, on the host, in double. */
#include "gk/lens.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

void gk_polynomial_fit(gk_polynomial *p, const gk_lens *l, const double *hat, const int *k,
                       int keys, int cols)
{
    size_t n = (size_t)cols, W = (size_t)l->W, m = 2 * (size_t)keys + 1;
    double points = (double)l->P * l->P;

    *p = (gk_polynomial){(int)m, gk_alloc(m, sizeof *p->column), gk_alloc(4 * m * n, sizeof *hat)};
    p->column[m - 1] = (int32_t)W - 1;
    for (size_t j = 0; j + 1 < m; j++) {
        bool last = 2 * k[j / 2] == l->P; /* no sine; u - v is u + v */
        p->column[j] = 2 * (k[j / 2] - 1) + (int)(j % 2);
        for (size_t t = 0; t < (last ? 3 : 4); t++)
            for (size_t c = 0; c < n; c++)
                p->coef[(t * m + j) * n + c] =
                    (last ? 1 : 2) / points * hat[(t * W + (size_t)p->column[j]) * n + c];
    }
}

void gk_polynomial_free(gk_polynomial *p)
{
    free(p->column);
    free(p->coef);
}

/* -log softmax(row)[label] in the exact form: never a difference of near-equal numbers. */
static double row_loss(const double *row, int n, int label)
{
    double m = 0, sum = 0;

    for (int j = 0; j < n; j++)
        if (j != label && row[j] - row[label] > m) m = row[j] - row[label];
    for (int j = 0; j < n; j++)
        if (j != label) sum += exp(row[j] - row[label] - m);
    return m == 0 ? log1p(sum) : m + log(exp(-m) + sum);
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
