/* Blocks of rows of all inputs, as the measures ask for them. */
#include "gk/lens.h"

#include <math.h>
#include <stdlib.h>

void gk_upload_reals(gk_backend *be, gk_real *to, const double *from, size_t n)
{
    gk_real *copy = gk_alloc(n, sizeof *copy);

    for (size_t i = 0; i < n; i++) copy[i] = (gk_real)from[i];
    be->upload(be, to, copy, n * sizeof *copy);
    free(copy);
}

void gk_download_reals(gk_backend *be, double *to, const gk_real *from, size_t n)
{
    gk_real *copy = gk_alloc(n, sizeof *copy);

    be->download(be, copy, from, n * sizeof *copy);
    for (size_t i = 0; i < n; i++) to[i] = (double)copy[i];
    free(copy);
}

static size_t row_at(const gk_snapshot *s, int first)
{
    return (size_t)s->slot * (size_t)s->lens->inputs + (size_t)first;
}

void gk_lens_logits(gk_snapshot *s, int first, int rows)
{
    gk_lens *l = s->lens;
    int D = l->shape.D;

    s->be->matmul(s->be, l->logits, l->out + row_at(s, first) * (size_t)D, l->unembed, 1, rows,
                  l->n, D, 0, 0, D, l->n, l->n, 0, 0, 0, 0);
}

void gk_lens_hidden(gk_snapshot *s, int first, int rows)
{
    gk_lens *l = s->lens;
    const gk_params *p = &s->model->params;
    int D = l->shape.D, F = l->shape.F, last = l->shape.L - 1;
    size_t d = (size_t)D, f = (size_t)F, slot = (size_t)s->slot;

    s->be->matmul(s->be, l->hidden, l->mid + row_at(s, first) * d, p->w_in[last] + slot * d * f, 1,
                  rows, F, D, 0, 0, D, F, F, 0, 0, 0, 0);
    s->be->bias_act(s->be, l->hidden, l->hidden, l->shape.biases ? p->b_in[last] + slot * f : NULL,
                    1, rows, F, l->shape.activation);
}

/* point (3): 1, cos, sin of frequency k at coordinate x, orthonormal over the P points; returns how
 * many: 2 for k = P/2 */
static int at_point(double point[3], const gk_snapshot *s, int k, int x)
{
    int P = s->lens->P;
    const double *b = s->basis + (size_t)x * 2 * (size_t)s->lens->K + 2 * (size_t)(k - 1);
    double scale = sqrt((2 * k == P ? 1.0 : 2.0) / P);

    point[0] = 1 / sqrt(P);
    point[1] = scale * b[0];
    point[2] = scale * b[1];
    return 2 * k == P ? 2 : 3;
}

int gk_lens_terms(gk_snapshot *s, const int *k, int keys, int *begin, int first, int rows)
{
    gk_lens *l = s->lens;
    int P = l->P, m = 1;

    for (int i = 0; i < keys; i++) {
        begin[i] = m;
        m += 2 * k[i] == P ? 3 : 8;
    }
    begin[keys] = m;
    if (!P || m > l->terms_max) return 0;
    double *terms = gk_alloc((size_t)rows * (size_t)m, sizeof *terms), *to = terms, u[3], v[3];
    for (int row = first; row < first + rows; row++) {
        *to++ = 1.0 / P;
        for (int i = 0; i < keys; i++) {
            int parts = at_point(u, s, k[i], row / P);
            at_point(v, s, k[i], row % P);
            for (int t = 1; t < parts * parts; t++) *to++ = u[t / parts] * v[t % parts];
        }
    }
    gk_upload_reals(s->be, l->terms, terms, (size_t)rows * (size_t)m);
    free(terms);
    return m;
}

void gk_lens_add_loss(gk_snapshot *s, int index, int first, int rows)
{
    gk_lens *l = s->lens;
    size_t at = row_at(s, first);

    GK_CHECK(index < l->variants);
    s->be->log_softmax(s->be, l->row_loss, l->row_hit, NULL, l->work, l->label + at, 1, rows, l->n,
                       GK_LOSS_EXACT, 1);
    s->be->group_sums(s->be, l->sum + index * GK_ROW_GROUPS * 2, l->row_loss, l->row_hit,
                      l->group + at, 1, rows, GK_ROW_GROUPS, first > 0);
}

void gk_lens_mean_loss(gk_snapshot *s, int index, double *all, double *test)
{
    gk_lens *l = s->lens;
    double sum[GK_ROW_GROUPS][2], rows[GK_ROW_GROUPS] = {0};
    size_t n = (size_t)l->n;

    s->be->download(s->be, sum, l->sum + index * GK_ROW_GROUPS * 2, sizeof sum);
    for (size_t i = 0; i < GK_ROW_GROUPS * n * n; i++) rows[i / (n * n)] += s->pairs[i];
    double test_sum = sum[GK_ROWS_MIRRORED][0] + sum[GK_ROWS_UNMIRRORED][0];
    double test_rows = rows[GK_ROWS_MIRRORED] + rows[GK_ROWS_UNMIRRORED];
    if (all) *all = (sum[GK_ROWS_TRAIN][0] + test_sum) / (rows[GK_ROWS_TRAIN] + test_rows);
    if (test) *test = test_rows > 0 ? test_sum / test_rows : GK_NULL;
}

/* |coefficient| of real products from complex ones: the real basis const, cos 1, sin 1, ... over
 * both coordinates. */
static void real_norms(double *norms, double *square, const gk_real *x, int P, int cols)
{
    int half = P / 2 + 1;
    size_t n = (size_t)cols;

    for (int a = 0; a < P; a++)
        for (int b = 0; b < P; b++) {
            int i = (a + 1) / 2, j = (b + 1) / 2; /* frequencies */
            bool sin_a = a > 0 && a % 2 == 0, sin_b = b > 0 && b % 2 == 0;
            double scale =
                (i && 2 * i != P ? sqrt(2.0) : 1) * (j && 2 * j != P ? sqrt(2.0) : 1) / P / 2;
            const gk_real *plus = x + ((size_t)i * (size_t)half + (size_t)j) * n * 2;
            const gk_real *minus = x + ((size_t)((P - i) % P) * (size_t)half + (size_t)j) * n * 2;
            for (size_t c = 0; c < 2 * n;
                 c += 2) { /* X(i,j) and X(-i,j) hold cc - ss, cs + sc; cc + ss, cs - sc */
                double cc = (double)plus[c] + (double)minus[c],
                       ss = (double)minus[c] - (double)plus[c];
                double sc = (double)minus[c + 1] - (double)plus[c + 1],
                       cs = -(double)plus[c + 1] - (double)minus[c + 1];
                double value = scale * (sin_a ? (sin_b ? ss : sc) : (sin_b ? cs : cc));
                square[a * P + b] += value * value;
            }
            norms[a * P + b] = sqrt(square[a * P + b]);
        }
}

void gk_lens_logit_spectrum(gk_snapshot *s, double *norms)
{
    gk_lens *l = s->lens;
    gk_backend *be = s->be;
    int P = l->P, D = l->shape.D, n = l->n;
    size_t coefficients = (size_t)P * (size_t)(P / 2 + 1) * (size_t)l->cols * 2,
           cells = (size_t)P * (size_t)P;
    gk_real *x = gk_alloc(coefficients, sizeof *x);
    double *square = gk_alloc(cells, sizeof *square);

    for (int c = 0; c < n; c += l->cols) {
        int cols = n - c < l->cols ? n - c : l->cols;
        be->matmul(be, l->plane, l->out + row_at(s, 0) * (size_t)D, l->unembed + c, 1, l->inputs,
                   cols, D, 0, 0, D, n, cols, 0, 0, 0, 0);
        be->fft2(be, l->spectrum, l->plane, 1, P, P, cols);
        be->download(be, x, l->spectrum, coefficients / (size_t)l->cols * (size_t)cols * sizeof *x);
        real_norms(norms, square, x, P, cols);
    }
    free(x);
    free(square);
}
