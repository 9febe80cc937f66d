/* Copies and additions of rows between arrays with leading dimensions. */
#include "kernels.h"

void ref_add_rows(gk_backend *be, gk_real *out, const gk_real *in, int R, int rows, int cols,
                  int ldo, int ldi, size_t so, size_t si, gk_real beta)
{
    (void)be;
    for (int r = 0; r < R; r++) {
        for (int i = 0; i < rows; i++) {
            gk_real *to = out + r * so + (size_t)i * ldo;
            const gk_real *from = in + r * si + (size_t)i * ldi;

            for (int j = 0; j < cols; j++) to[j] = beta != 0 ? beta * to[j] + from[j] : from[j];
        }
    }
}
