/* Token and position embeddings. */
#include "kernels.h"

#include <stdlib.h>

void ref_embed(gk_backend *be, gk_real *x, const gk_real *w_e, const gk_real *w_pos,
               const int32_t *token, int R, int B, int T, int D, int V)
{
    (void)be;
    for (size_t i = 0; i < (size_t)R * B * T; i++) { /* i = (r, b, t) */
        size_t r = i / ((size_t)B * T), t = i % T;
        const gk_real *e = w_e + (r * V + token[i]) * D, *pos = w_pos + (r * T + t) * D;

        for (int d = 0; d < D; d++) x[i * D + d] = e[d] + pos[d];
    }
}

static void write_sums(gk_real *out, const double *sum, size_t n, gk_real beta)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (gk_real)(beta != 0 ? beta * (double)out[i] + sum[i] : sum[i]);
}

/* Row v of w_e enters every x[b,t] whose token is v, row t of w_pos every x[b,t], with factor 1:
 *     d_w_e[v]   = sum over (b,t) with token[b,t] = v of dx[b,t]
 *     d_w_pos[t] = sum over b of dx[b,t]
 * So the rows of d_w_e and the rows of d_w_pos add up to the same vector, the sum of all dx. */
void ref_embed_back(gk_backend *be, gk_real *d_w_e, gk_real *d_w_pos, const gk_real *dx,
                    const int32_t *token, int R, int B, int T, int D, int V, gk_real beta)
{
    size_t n_e = (size_t)V * D, n_pos = (size_t)T * D, n_x = (size_t)B * T;

    (void)be;
    for (int r = 0; r < R; r++) {
        double *sum_e = gk_alloc(n_e + n_pos, sizeof *sum_e), *sum_pos = sum_e + n_e;

        for (size_t i = 0; i < n_x; i++) {
            const gk_real *row = dx + (r * n_x + i) * D;
            double *restrict e = sum_e + (size_t)token[r * n_x + i] * D;
            double *restrict pos = sum_pos + i % T * D;

            for (int d = 0; d < D; d++) {
                e[d] += row[d];
                pos[d] += row[d];
            }
        }
        write_sums(d_w_e + r * n_e, sum_e, n_e, beta);
        write_sums(d_w_pos + r * n_pos, sum_pos, n_pos, beta);
        free(sum_e);
    }
}
