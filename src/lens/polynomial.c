/* Polynomials of degree 2 in cos and sin of one frequency, fitted to sums over the torus. */
#include "gk/changes.h"

#include <stdlib.h>

void gk_polynomial_fit(gk_polynomial *p, const gk_lens *l, const double *hat, const int *k,
                       int keys, int cols)
{
    size_t n = (size_t)cols, W = (size_t)l->W, m = 2 * (size_t)keys + 1;
    double points = (double)l->P * l->P;

    *p = (gk_polynomial){(int)m, gk_alloc(m, sizeof *p->column), gk_alloc(4 * m * n, sizeof *hat)};
    p->column[m - 1] = (int32_t)W - 1;
    for (size_t j = 0; j + 1 < m; j++) {
        bool last = 2 * k[j / 2] == l->P; /* no sine; u - v is u + v */
        p->column[j] = 2 * (k[j / 2] - 1) + (int)(j % 2);
        for (size_t t = 0; t < (last ? 3 : 4); t++)
            for (size_t c = 0; c < n; c++)
                p->coef[(t * m + j) * n + c] =
                    (last ? 1 : 2) / points * hat[(t * W + (size_t)p->column[j]) * n + c];
    }
}

void gk_polynomial_free(gk_polynomial *p)
{
    free(p->column);
    free(p->coef);
}
