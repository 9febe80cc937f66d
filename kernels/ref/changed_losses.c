/* Losses after changes of the logits that are linear in a few functions of a row's indices. */
#include "kernels.h"

#include <math.h>
#include <stdlib.h>

/* As the exact form in log_softmax.c. */
static double loss_of(const double *x, int C, int t)
{
    double m = 0, S = 0;

    for (int c = 0; c < C; c++) m = x[c] - x[t] > m ? x[c] - x[t] : m;
    for (int c = 0; c < C; c++) S += c == t ? 0 : exp(x[c] - x[t] - m);
    return m == 0 ? log1p(S) : m + log(exp(-m) + S);
}

void ref_changed_losses(gk_backend *be, double *sum, const gk_real *logits, const int32_t *label,
                        const uint8_t *group, const int32_t *index, const gk_real *basis,
                        const gk_real *coef, const int32_t *begin, const int32_t *column, int R,
                        int B, int C, int G, int V, int T, int E, int W, int M, int beta)
{
    size_t cells = (size_t)V * G;
    double *x = gk_alloc((size_t)C, sizeof *x), *total = gk_alloc(cells, sizeof *total);

    (void)be, (void)E;
    for (size_t r = 0; r < (size_t)R; r++) {
        for (size_t j = 0; j < cells; j++) total[j] = 0;
        for (size_t i = r * B; i < (r + 1) * B; i++) {
            int g = group ? group[i] : 0;

            if (g >= G || label[i] < 0) continue;
            for (int v = 0; v < V; v++) {
                for (int c = 0; c < C; c++) x[c] = logits ? logits[i * C + c] : 0;
                for (int t = 0; t < T; t++) {
                    const gk_real *at = basis + (size_t)index[i * T + t] * W;

                    for (int j = begin[v]; j < begin[v + 1]; j++) {
                        const gk_real *of = coef + ((r * T + t) * M + j) * C;

                        for (int c = 0; c < C; c++) x[c] -= (double)at[column[j]] * (double)of[c];
                    }
                }
                total[v * G + g] += loss_of(x, C, label[i]);
            }
        }
        for (size_t j = 0; j < cells; j++)
            sum[r * cells + j] = (beta ? sum[r * cells + j] : 0) + total[j];
    }
    free(x);
    free(total);
}
