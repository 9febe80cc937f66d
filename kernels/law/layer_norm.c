/* Rules 18 and 19 of docs/arithmetic.md. */
#include "law/law.h"

#include <stdlib.h>

static void normalise(float *y, float *stat, const float *x, const float *w, const float *b, int D)
{
    double mean = law_row_sum(x, D) / D;
    float near = (float)mean, rest = (float)(mean - (double)near);
    double lane[LAW_LANES] = {0};

    for (int d = 0; d < D; d++) {
        float c = x[d] - near - rest;

        lane[d % LAW_LANES] = lane[d % LAW_LANES] + (double)c * (double)c;
        y[d] = c;
    }
    law_sums squares;
    for (int l = 0; l < LAW_LANES; l++) squares.lane[l] = lane[l];
    float scale = (float)(1 / sqrt(law_sum_total(&squares) / D + 1e-5));

    for (int d = 0; d < D; d++) y[d] = y[d] * scale * w[d] + b[d];
    stat[0] = near;
    stat[1] = scale;
}

void law_layer_norm(gk_backend *be, gk_real *y, gk_real *stat, const gk_real *x, const gk_real *w,
                    const gk_real *b, int R, int rows, int D)
{
    (void)be;
    for (size_t i = 0; i < (size_t)R * rows; i++)
        normalise(y + i * D, stat + 2 * i, x + i * D, w + i / rows * D, b + i / rows * D, D);
}

/* One row; dyn: the terms of dw. dx may be dy. */
static void row_back(float *dx, float *dyn, const float *dy, const float *x, const float *stat,
                     const float *w, int D)
{
    float mean = stat[0], scale = stat[1];
    law_sums g_sum = {{0}}, gn_sum = {{0}};

    for (int d = 0; d < D; d++) {
        float n = (x[d] - mean) * scale, g = dy[d] * w[d];

        law_sum_term(&g_sum, d, g);
        law_sum_term(&gn_sum, d, g * n);
        dyn[d] = dy[d] * n;
    }
    float G = (float)(law_sum_total(&g_sum) / D), N = (float)(law_sum_total(&gn_sum) / D);

    for (int d = 0; d < D; d++) {
        float n = (x[d] - mean) * scale, g = dy[d] * w[d];

        dx[d] = scale * (g - G - n * N);
    }
}

void law_layer_norm_back(gk_backend *be, gk_real *dx, gk_real *dw, gk_real *db, const gk_real *dy,
                         const gk_real *x, const gk_real *stat, const gk_real *w, int R, int rows,
                         int D, gk_real beta)
{
    size_t run = (size_t)rows * D;
    float *dyn = gk_alloc(run, sizeof *dyn);

    (void)be;
    for (size_t r = 0; r < (size_t)R; r++) {
        law_column_sums(db + r * D, dy + r * run, rows, D, beta != 0);
        for (size_t i = 0; i < (size_t)rows; i++) {
            size_t at = r * run + i * D;

            row_back(dx + at, dyn + i * D, dy + at, x + at, stat + 2 * (r * rows + i), w + r * D,
                     D);
        }
        law_column_sums(dw + r * D, dyn, rows, D, beta != 0);
    }
    free(dyn);
}
