/* Blocks of rows of all inputs, and changes of their logits, as the measures ask for them. */
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

void gk_lens_unembed(gk_snapshot *s, gk_real *to, const gk_real *x, int rows)
{
    gk_lens *l = s->lens;

    s->be->matmul(s->be, to, x, l->unembed, 1, rows, l->n, l->D, 0, 0, l->D, l->n, l->n, 0, 0, 0,
                  0);
    if (l->unembed_bias) s->be->bias_add(s->be, to, l->unembed_bias, 1, rows, l->n);
}

void gk_lens_logits(gk_snapshot *s, int first, int rows)
{
    gk_lens *l = s->lens;

    gk_lens_unembed(s, l->logits, l->out + row_at(s, first) * (size_t)l->D, rows);
}

void gk_lens_hidden(gk_snapshot *s, int first, int rows)
{
    gk_lens *l = s->lens;
    const gk_params *p = &s->model->params;
    int D = l->D, F = l->shape.F, last = l->shape.L - 1;
    size_t d = (size_t)D, f = (size_t)F, slot = (size_t)s->slot;

    if (!l->mid) { /* an mlp's activations are what W_U reads */
        s->be->add_rows(s->be, l->hidden, l->out + row_at(s, first) * f, 1, rows, F, F, F, 0, 0, 0);
        return;
    }
    s->be->matmul(s->be, l->hidden, l->mid + row_at(s, first) * d, p->w_in[last] + slot * d * f, 1,
                  rows, F, D, 0, 0, D, F, F, 0, 0, 0, 0);
    s->be->bias_act(s->be, l->hidden, l->hidden, l->shape.biases ? p->b_in[last] + slot * f : NULL,
                    1, rows, F, l->shape.activation);
}

void gk_lens_hat(gk_snapshot *s, const gk_real *sum, int cols)
{
    gk_lens *l = s->lens;
    size_t n = (size_t)cols, W = (size_t)l->W, P = (size_t)l->P;

    s->be->matmul(s->be, l->hat, l->characters, sum, 4, l->W, cols, l->P, 1, 0, l->W, cols, cols, 0,
                  P * n, W * n, 0);
}

void gk_lens_put_polynomial(gk_snapshot *s, const gk_polynomial *p, const int32_t *begin,
                            int variants)
{
    gk_lens *l = s->lens;
    size_t m = (size_t)p->m;

    GK_CHECK(variants <= l->variants);
    gk_upload_reals(s->be, l->coef, p->coef, 4 * m * (size_t)l->n);
    s->be->upload(s->be, l->column, p->column, m * sizeof *p->column);
    s->be->upload(s->be, l->begin, begin, ((size_t)variants + 1) * sizeof *begin);
}

void gk_lens_add_changed(gk_snapshot *s, const gk_real *logits, const gk_polynomial *p,
                         int variants, int first, int rows)
{
    gk_lens *l = s->lens;
    size_t at = row_at(s, first);

    s->be->changed_losses(s->be, l->sum, logits, l->label + at, l->group + at,
                          l->torus + 4 * (size_t)first, l->characters, l->coef, l->begin, l->column,
                          1, rows, l->n, GK_ROW_GROUPS, variants, 4, l->n + 1, l->W, p->m,
                          first > 0);
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

static void means(const gk_snapshot *s, const double sum[GK_ROW_GROUPS], double *all, double *test)
{
    const double *rows = s->inside;
    double test_sum = sum[GK_ROWS_MIRRORED] + sum[GK_ROWS_UNMIRRORED];
    double test_rows = rows[GK_ROWS_MIRRORED] + rows[GK_ROWS_UNMIRRORED];

    if (all) *all = (sum[GK_ROWS_TRAIN] + test_sum) / (rows[GK_ROWS_TRAIN] + test_rows);
    if (test) *test = test_rows > 0 ? test_sum / test_rows : GK_NULL;
}

void gk_lens_mean_loss(gk_snapshot *s, int index, double *all, double *test)
{
    double both[GK_ROW_GROUPS][2], sum[GK_ROW_GROUPS];

    s->be->download(s->be, both, s->lens->sum + index * GK_ROW_GROUPS * 2, sizeof both);
    for (int g = 0; g < GK_ROW_GROUPS; g++) sum[g] = both[g][0];
    means(s, sum, all, test);
}

void gk_lens_mean_changed(gk_snapshot *s, int variant, double *all, double *test)
{
    double sum[GK_ROW_GROUPS];

    s->be->download(s->be, sum, s->lens->sum + variant * GK_ROW_GROUPS, sizeof sum);
    means(s, sum, all, test);
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
    int P = l->P, D = l->D, n = l->n;
    size_t coefficients = (size_t)P * (size_t)(P / 2 + 1) * (size_t)l->cols * 2,
           cells = (size_t)P * (size_t)P;
    gk_real *x = gk_alloc(coefficients, sizeof *x);
    double *square = gk_alloc(cells, sizeof *square);

    for (int c = 0; c < n; c += l->cols) {
        int cols = n - c < l->cols ? n - c : l->cols;
        be->matmul(be, l->plane, l->out + row_at(s, 0) * (size_t)D, l->unembed + c, 1, l->inputs,
                   cols, D, 0, 0, D, n, cols, 0, 0, 0, 0);
        if (l->unembed_bias) be->bias_add(be, l->plane, l->unembed_bias + c, 1, l->inputs, cols);
        be->fft2(be, l->spectrum, l->plane, 1, P, P, cols);
        be->download(be, x, l->spectrum, coefficients / (size_t)l->cols * (size_t)cols * sizeof *x);
        real_norms(norms, square, x, P, cols);
    }
    free(x);
    free(square);
}
