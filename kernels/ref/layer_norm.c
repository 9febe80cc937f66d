/* Layer normalisation (Ba, Kiros, Hinton 2016) as PyTorch has it. */
#include "kernels.h"

#include <math.h>
#include <stdlib.h>

static const double epsilon = 1e-5;

void ref_layer_norm(gk_backend *be, gk_real *y, gk_real *stat, const gk_real *x, const gk_real *w,
                    const gk_real *b, int R, int rows, int D)
{
    (void)be;
    for (size_t i = 0; i < (size_t)R * rows; i++) { /* i = (r, row) */
        const gk_real *xi = x + i * D, *wi = w + i / rows * D, *bi = b + i / rows * D;
        double mean = 0, var = 0;

        for (int d = 0; d < D; d++) mean += xi[d];
        mean /= D;
        for (int d = 0; d < D; d++) var += (xi[d] - mean) * (xi[d] - mean);
        double scale = 1 / sqrt(var / D + epsilon);

        stat[2 * i] = (gk_real)mean;
        stat[2 * i + 1] = (gk_real)scale;
        for (int d = 0; d < D; d++)
            y[i * D + d] = (gk_real)((xi[d] - mean) * scale * wi[d] + bi[d]);
    }
}

/* One row: n = (x - mean) scale, g = dy w. The mean and the scale depend on x, whence the last
 * two terms of
 *     dx = scale (g - mean of g - n mean of g n).
 * dw += dy n, db += dy. */
static void row_back(gk_real *dx, double *dw, double *db, const gk_real *dy, const gk_real *x,
                     const gk_real *w, double mean, double scale, int D)
{
    double g_mean = 0, gn_mean = 0;

    for (int d = 0; d < D; d++) {
        double n = (x[d] - mean) * scale, g = (double)dy[d] * w[d];

        g_mean += g / D;
        gn_mean += g * n / D;
        dw[d] += dy[d] * n;
        db[d] += dy[d];
    }
    for (int d = 0; d < D; d++) {
        double n = (x[d] - mean) * scale, g = (double)dy[d] * w[d];

        dx[d] = (gk_real)(scale * (g - g_mean - n * gn_mean));
    }
}

static void write_sums(gk_real *out, const double *sum, int n, gk_real beta)
{
    for (int i = 0; i < n; i++)
        out[i] = (gk_real)(beta != 0 ? beta * (double)out[i] + sum[i] : sum[i]);
}

void ref_layer_norm_back(gk_backend *be, gk_real *dx, gk_real *dw, gk_real *db, const gk_real *dy,
                         const gk_real *x, const gk_real *stat, const gk_real *w, int R, int rows,
                         int D, gk_real beta)
{
    (void)be;
    for (size_t r = 0; r < (size_t)R; r++) {
        double *sum = gk_alloc(2 * (size_t)D, sizeof *sum);

        for (size_t i = r * rows; i < (r + 1) * rows; i++)
            row_back(dx + i * D, sum, sum + D, dy + i * D, x + i * D, w + r * D, stat[2 * i],
                     stat[2 * i + 1], D);
        write_sums(dw + r * D, sum, D, beta);
        write_sums(db + r * D, sum + D, D, beta);
        free(sum);
    }
}
