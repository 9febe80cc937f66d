/* Rules 15 and 21 of docs/arithmetic.md: rows of tables, and their gradients. */
#include "law/law.h"

#include <stdlib.h>
#include <string.h>

void law_embed(gk_backend *be, gk_real *x, const gk_real *w_e, const gk_real *w_pos,
               const int32_t *token, int R, int B, int T, int D, int V)
{
    (void)be;
    for (size_t i = 0; i < (size_t)R * B * T; i++) { /* i = (r, b, t) */
        size_t r = i / T / B, t = i % T;
        const float *e = w_e + (r * V + token[i]) * D, *pos = w_pos + (r * T + t) * D;

        for (int d = 0; d < D; d++) x[i * D + d] = e[d] + pos[d];
    }
}

/* The row of w that token t of an example stands for. */
static size_t row_of(int32_t token, int t, int V, bool apart)
{
    return (apart ? (size_t)t * V : 0) + token;
}

void law_bag(gk_backend *be, gk_real *x, const gk_real *w, const int32_t *token, int R, int B,
             int T, int D, int V, int apart)
{
    (void)be;
    for (size_t i = 0; i < (size_t)R * B; i++) { /* i = (r, b) */
        const float *w_r = w + i / B * (apart ? T : 1) * V * D;

        for (int d = 0; d < D; d++) {
            float s = 0;

            for (int t = 0; t < T; t++) s = s + w_r[row_of(token[i * T + t], t, V, apart) * D + d];
            x[i * D + d] = s;
        }
    }
}

/* dx of position t of example b at dx[b example + t position]; its row of the table is token's, or
 * t itself (token NULL). */
typedef struct law_scatter {
    const float *dx;
    const int32_t *token;
    size_t example, position;
    int B, T, D, V, rows;
    bool apart;
} law_scatter;

static void add_slice(double *part, const law_scatter *w, int from, int to)
{
    for (int b = from; b < to; b++) {
        for (int t = 0; t < w->T; t++) {
            size_t row = w->token ? row_of(w->token[b * w->T + t], t, w->V, w->apart) : (size_t)t;
            const float *dx = w->dx + b * w->example + t * w->position;

            for (int d = 0; d < w->D; d++) part[row * w->D + d] += (double)dx[d];
        }
    }
}

static void scatter(float *out, const law_scatter *w, int slices, bool add)
{
    size_t n = (size_t)w->rows * w->D;
    int slice = law_pieces(w->B, slices);
    double *part = gk_alloc(n, sizeof *part), *sum = gk_alloc(n, sizeof *sum);

    for (size_t i = 0; i < n; i++) sum[i] = add ? (double)out[i] : 0;
    for (int from = 0; from < w->B; from += slice) {
        memset(part, 0, n * sizeof *part);
        add_slice(part, w, from, law_smaller(w->B, from + slice));
        for (size_t i = 0; i < n; i++) sum[i] = sum[i] + part[i];
    }
    for (size_t i = 0; i < n; i++) out[i] = (float)sum[i];
    free(part);
    free(sum);
}

void law_embed_back(gk_backend *be, gk_real *d_w_e, gk_real *d_w_pos, const gk_real *dx,
                    const int32_t *token, int R, int B, int T, int D, int V, gk_real beta)
{
    int slices = law_larger(1, law_smaller(8, B / (4 * V)));

    (void)be;
    for (size_t r = 0; r < (size_t)R; r++) {
        law_scatter e = {
            dx + r * B * T * D, token + r * B * T, (size_t)T * D, (size_t)D, B, T, D, V, V, false};
        law_scatter pos = e;

        pos.token = NULL;
        pos.rows = T;
        scatter(d_w_e + r * V * D, &e, slices, beta != 0);
        scatter(d_w_pos + r * T * D, &pos, slices, beta != 0);
    }
}

void law_bag_back(gk_backend *be, gk_real *d_w, const gk_real *dx, const int32_t *token, int R,
                  int B, int T, int D, int V, int apart, gk_real beta)
{
    int rows = apart ? T * V : V;
    int slices = (int)((size_t)B * T / (4 * (size_t)rows));

    (void)be;
    slices = law_larger(1, law_smaller(law_smaller(8, B), slices));
    for (size_t r = 0; r < (size_t)R; r++) {
        law_scatter w = {dx + r * B * D, token + r * B * T, (size_t)D, 0, B, T, D, V, rows, apart};

        scatter(d_w + r * rows * D, &w, slices, beta != 0);
    }
}
