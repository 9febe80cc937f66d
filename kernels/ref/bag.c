/* Bags of embeddings: the sum of the rows of a bag's tokens. */
#include "kernels.h"

#include <stdlib.h>

/* The row of w that token t of a bag stands for. */
static size_t row_of(int32_t token, int t, int V, int apart)
{
    return (apart ? (size_t)t * V : 0) + token;
}

void ref_bag(gk_backend *be, gk_real *x, const gk_real *w, const int32_t *token, int R, int B,
             int T, int D, int V, int apart)
{
    size_t n_w = (size_t)(apart ? T : 1) * V * D;

    (void)be;
    for (size_t i = 0; i < (size_t)R * B; i++) { /* i = (r, b) */
        const gk_real *w_r = w + i / B * n_w;

        for (int d = 0; d < D; d++) {
            double sum = 0;

            for (int t = 0; t < T; t++) sum += w_r[row_of(token[i * T + t], t, V, apart) * D + d];
            x[i * D + d] = (gk_real)sum;
        }
    }
}

/* A row enters x[b] once for each of its tokens in b, with factor 1: it gets the sum of those
 * dx[b]. */
void ref_bag_back(gk_backend *be, gk_real *d_w, const gk_real *dx, const int32_t *token, int R,
                  int B, int T, int D, int V, int apart, gk_real beta)
{
    size_t n_w = (size_t)(apart ? T : 1) * V * D;

    (void)be;
    for (size_t r = 0; r < (size_t)R; r++) {
        double *sum = gk_alloc(n_w, sizeof *sum);
        gk_real *out = d_w + r * n_w;

        for (size_t i = 0; i < (size_t)B * T; i++) { /* i = (b, t) */
            const gk_real *row = dx + (r * B + i / T) * D;
            double *to = sum + row_of(token[r * B * T + i], (int)(i % T), V, apart) * D;

            for (int d = 0; d < D; d++) to[d] += row[d];
        }
        for (size_t i = 0; i < n_w; i++)
            out[i] = (gk_real)(beta != 0 ? beta * (double)out[i] + sum[i] : sum[i]);
        free(sum);
    }
}
