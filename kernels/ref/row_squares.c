/* Sums of squares of rows. */
#include "../kernels.h"

void ref_row_squares(gk_backend *be, double *out, const gk_real *in, int R, int rows, int cols,
                     int beta)
{
    (void)be;
    for (size_t i = 0; i < (size_t)R * (size_t)rows; i++) {
        const gk_real *x = in + i * (size_t)cols;
        double sum = 0;
        for (int j = 0; j < cols; j++) sum += (double)x[j] * (double)x[j];
        out[i] = (beta ? out[i] : 0) + sum;
    }
}
