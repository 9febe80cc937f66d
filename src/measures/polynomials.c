/* Polynomials of degree 2 in cos and sin of one frequency: the constant and 8 products per key
 * frequency of the logits' 2-D transform, kept alone or taken out. Nanda et al. 2023, section
 * 4.4. */
#include "gk/measure.h"

#include <math.h>
#include <stdlib.h>

enum { KEPT }; /* results: 0, then one per key frequency */

/* coef (m,n) = terms^T logits over all inputs, on the device; returns m */
static int transform(gk_snapshot *s, int *begin)
{
    gk_lens *l = s->lens;
    int m = 0;

    for (int first = 0; first < l->inputs; first += l->rows) {
        int rows = l->inputs - first < l->rows ? l->inputs - first : l->rows;
        m = gk_lens_terms(s, s->key, s->keys, begin, first, rows);
        if (!m) return 0;
        gk_lens_logits(s, first, rows);
        s->be->matmul(s->be, l->coef, l->terms, l->logits, 1, m, l->n, rows, 1, 0, m, l->n, l->n, 0,
                      0, 0, first > 0);
    }
    return m;
}

void gk_measure_polynomials(gk_row *row, gk_snapshot *s)
{
    gk_lens *l = s->lens;
    gk_backend *be = s->be;
    size_t n = (size_t)l->n;

    if (s->analysis->no_grid || !s->keys || s->keys >= l->variants) return;
    int *begin = gk_alloc((size_t)s->keys + 1, sizeof *begin), m = transform(s, begin);
    if (m) {
        double *coef = gk_alloc((size_t)m * n, sizeof *coef);
        gk_download_reals(be, coef, l->coef, (size_t)m * n);
        for (size_t i = 0; i < (size_t)m * n; i++) coef[i] = -coef[i];
        gk_upload_reals(be, l->basis, coef, (size_t)m * n);
        free(coef);
        for (int first = 0; first < l->inputs; first += l->rows) {
            int rows = l->inputs - first < l->rows ? l->inputs - first : l->rows;
            gk_lens_terms(s, s->key, s->keys, begin, first, rows);
            gk_lens_logits(s, first, rows);
            be->matmul(be, l->work, l->terms, l->coef, 1, rows, l->n, m, 0, 0, m, l->n, l->n, 0, 0,
                       0, 0);
            gk_lens_add_loss(s, KEPT, first, rows);
            for (int i = 0; i < s->keys; i++) {
                be->add_rows(be, l->work, l->logits, 1, rows, l->n, l->n, l->n, 0, 0, 0);
                be->matmul(be, l->work, l->terms + begin[i], l->basis + (size_t)begin[i] * n, 1,
                           rows, l->n, begin[i + 1] - begin[i], 0, 0, m, l->n, l->n, 0, 0, 0, 1);
                gk_lens_add_loss(s, 1 + i, first, rows);
            }
        }
        gk_lens_mean_loss(s, KEPT, &row->const8_all, &row->const8_test);
        for (int i = 0; i < s->keys; i++) {
            gk_lens_mean_loss(s, 1 + i, &s->ablate8_k[i], NULL);
            row->ablate8_min = fmin(
                row->ablate8_min, s->ablate8_k[i]); /* fmin, fmax pass over the NaN of the start */
            row->ablate8_max = fmax(row->ablate8_max, s->ablate8_k[i]);
        }
    }
    free(begin);
}
