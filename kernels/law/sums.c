/* Chains, products, row sums and column sums: rules 6 to 9 of docs/arithmetic.md. */
#include "law/law.h"

law_matrix law_rows(const float *at, size_t ld) { return (law_matrix){at, ld, 1}; }

law_matrix law_columns(const float *at, size_t ld) { return (law_matrix){at, 1, ld}; }

/* ---- 6 */

float law_chain(law_row x, law_row y, int n)
{
    float s = 0;

    for (int k = 0; k < n; k++) s = law_fma(x.at[k * x.step], y.at[k * y.step], s);
    return s;
}

/* ---- 7 */

/* One element: row of a, column of b. */
static float element(float c, law_row x, law_row y, law_sizes s)
{
    int depth = law_pieces(s.k, law_pieces(s.k, s.most));

    for (int from = 0; from < s.k; from += depth) {
        law_row x_piece = {x.at + from * x.step, x.step}, y_piece = {y.at + from * y.step, y.step};
        float piece = law_chain(x_piece, y_piece, law_smaller(depth, s.k - from));

        c = from > 0 || s.add ? c + piece : piece;
    }
    return c;
}

void law_product(float *c, size_t ldc, law_matrix a, law_matrix b, law_sizes s)
{
    for (int i = 0; i < s.m; i++) {
        for (int j = 0; j < s.n; j++) {
            law_row x = {a.at + i * a.row, a.column}, y = {b.at + j * b.column, b.row};

            c[i * ldc + j] = element(c[i * ldc + j], x, y, s);
        }
    }
}

/* ---- 8 */

void law_dot_terms(law_dots *d, const float *x, const float *y, int n)
{
    for (int w = 0; w < n; w++) {
        float *lane = &d->lane[w % LAW_LANES];

        *lane = law_fma(x[w], y[w], *lane);
    }
}

float law_dot_total(const law_dots *d)
{
    law_dots sum = *d;

    for (int half = LAW_LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++) sum.lane[l] = sum.lane[l] + sum.lane[l + half];
    return sum.lane[0];
}

void law_sum_term(law_sums *s, int column, float x)
{
    double *lane = &s->lane[column % LAW_LANES];

    *lane = *lane + (double)x;
}

double law_sum_total(const law_sums *s)
{
    law_sums sum = *s;

    for (int half = LAW_LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++) sum.lane[l] = sum.lane[l] + sum.lane[l + half];
    return sum.lane[0];
}

float law_dot(const float *x, const float *y, int n)
{
    law_dots d = {{0}};

    law_dot_terms(&d, x, y, n);
    return law_dot_total(&d);
}

double law_row_sum(const float *x, int n)
{
    law_sums s = {{0}};

    for (int w = 0; w < n; w++) law_sum_term(&s, w, x[w]);
    return law_sum_total(&s);
}

/* ---- 9 */

static double block_sum(const float *x, int rows, int cols)
{
    double s = 0;

    for (int i = 0; i < rows; i++) s = s + (double)x[(size_t)i * cols];
    return s;
}

void law_column_sums(float *out, const float *x, int rows, int cols, bool add)
{
    for (int j = 0; j < cols; j++) {
        double s = add ? (double)out[j] : 0;

        for (int row = 0; row < rows; row += LAW_ROWS)
            s = s + block_sum(x + (size_t)row * cols + j, law_smaller(LAW_ROWS, rows - row), cols);
        out[j] = (float)s;
    }
}
