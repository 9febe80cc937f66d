/* 2-D DFT as plain sums, first along the second index, then along the first. */
#include "gk/arith.h"
#include "kernels.h"

#include <stdlib.h>

/* out (n/2+1 or n, complex) of in, which is real where `im` is NULL: out[j] = sum_b in[b] w^(jb).
 * `turn` (n,2): cos and sin of 2 pi m / n. */
static void transform(double *out, int outputs, const double *re, const double *im, size_t step,
                      int n, const double *turn)
{
    for (int j = 0; j < outputs; j++) {
        double sum_re = 0, sum_im = 0;
        for (int b = 0, m = 0; b < n; b++, m = m + j < n ? m + j : m + j - n) {
            double x = re[(size_t)b * step], y = im ? im[(size_t)b * step] : 0;
            double c = turn[2 * m], s = -turn[2 * m + 1];
            sum_re += x * c - y * s;
            sum_im += x * s + y * c;
        }
        out[2 * j] = sum_re;
        out[2 * j + 1] = sum_im;
    }
}

static double *turns(int n)
{
    double *turn = gk_alloc(2 * (size_t)n, sizeof *turn);

    for (int m = 0; m < n; m++) gk_sin_cos_turns(&turn[2 * m + 1], &turn[2 * m], (double)m / n);
    return turn;
}

void ref_fft2(gk_backend *be, gk_real *out, const gk_real *in, int R, int P, int Q, int cols)
{
    size_t half = (size_t)Q / 2 + 1, p = (size_t)P, q = (size_t)Q, n = (size_t)cols;
    double *turn_p = turns(P), *turn_q = turns(Q);
    double *line = gk_alloc(p > q ? p : q, sizeof *line),
           *row = gk_alloc(2 * (p + half), sizeof *row);
    double *plane = gk_alloc(2 * p * half, sizeof *plane); /* transformed along b: (P, half, 2) */

    (void)be;
    for (size_t r = 0; r < (size_t)R; r++)
        for (size_t c = 0; c < n; c++) {
            const gk_real *x = in + r * p * q * n + c;
            gk_real *to = out + r * p * half * n * 2 + 2 * c;
            for (size_t a = 0; a < p; a++) {
                for (size_t b = 0; b < q; b++) line[b] = x[(a * q + b) * n];
                transform(plane + 2 * a * half, (int)half, line, NULL, 1, Q, turn_q);
            }
            for (size_t j = 0; j < half; j++) {
                transform(row, P, plane + 2 * j, plane + 2 * j + 1, 2 * half, P, turn_p);
                for (size_t i = 0; i < p; i++) {
                    to[(i * half + j) * n * 2] = (gk_real)row[2 * i];
                    to[(i * half + j) * n * 2 + 1] = (gk_real)row[2 * i + 1];
                }
            }
        }
    free(turn_p);
    free(turn_q);
    free(line);
    free(row);
    free(plane);
}
