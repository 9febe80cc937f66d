/* Rows added up by index and by column. */
#include "kernels.h"

#include <stdlib.h>

void ref_row_sums(gk_backend *be, gk_real *sum, double *moments, const gk_real *in,
                  const int32_t *index, int R, int B, int T, int E, int cols, gk_real beta)
{
    size_t n = (size_t)cols, table = (size_t)T * E * n;
    double *total = gk_alloc(table + 2 * n, sizeof *total), *by_column = total + table;

    (void)be;
    for (size_t r = 0; r < (size_t)R; r++) {
        for (size_t j = 0; j < table + 2 * n; j++) total[j] = 0;
        for (size_t i = 0; i < (size_t)B; i++) {
            const gk_real *x = in + (r * B + i) * n;

            for (size_t t = 0; t < (size_t)T; t++) {
                double *to = total + (t * E + index[i * T + t]) * n;

                for (size_t c = 0; c < n; c++) to[c] += x[c];
            }
            for (size_t c = 0; c < n; c++) {
                by_column[c] += x[c];
                by_column[n + c] += (double)x[c] * (double)x[c];
            }
        }
        for (size_t j = 0; j < table; j++) {
            gk_real *out = sum + r * table + j;

            *out = (gk_real)(beta != 0 ? (double)(beta * *out) + total[j] : total[j]);
        }
        for (size_t j = 0; moments && j < 2 * n; j++) {
            double *out = moments + r * 2 * n + j;

            *out = beta != 0 ? (double)beta * *out + by_column[j] : by_column[j];
        }
    }
    free(total);
}
