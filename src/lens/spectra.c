/* W_U, W_L and W_E by element, and their spectra. */
#include "lens/take.h"
#include "gk/blocks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A matrix of weights and its transform by element. */
typedef struct spectrum {
    gk_real *matrix; /* (R,rows,n), or (R,n,rows) */
    gk_real *hat;    /* (R,2K,rows) */
} spectrum;

static spectrum take_spectrum(gk_lens *l, size_t rows)
{
    spectrum x = {.matrix = gk_scratch_reals(l, rows * (size_t)l->n)};

    x.hat = gk_scratch_reals(l, 2 * (size_t)l->K * rows);
    return x;
}

/* hat (2K,rows), norm (K): the orthonormal DFT of run r from x->hat, where it is not normalised;
 * norm is over both parts of a frequency. */
static void read_spectrum(double *hat, double *norm, const gk_snapshot *s, const spectrum *x, int r,
                          size_t rows)
{
    int n = s->lens->n, K = s->lens->K;
    size_t cells = 2 * (size_t)K * rows;

    gk_download_reals(s->be, hat, x->hat + (size_t)r * cells, cells);
    for (int k = 0; k < K; k++) {
        double scale = sqrt((2 * (k + 1) == n ? 1.0 : 2.0) / (double)n), square = 0;
        for (size_t i = 2 * (size_t)k * rows; i < (2 * (size_t)k + 2) * rows; i++) {
            hat[i] *= scale;
            square += hat[i] * hat[i];
        }
        norm[k] = sqrt(square);
    }
}

/* x->hat from `in`, which is (R,n,rows), or (R,rows,n) where it is turned. */
static void transform(const spectrum *x, const gk_snapshot *s, int R, gk_matrix in, int rows)
{
    const gk_lens *l = s->lens;

    gk_product(s->be, x->hat, (gk_matrix){.at = l->characters, .ld = l->W, .turned = true}, in, R,
               2 * l->K, l->n, rows, 0);
}

/* Columns of W_U and b_U by element, to the device. */
static void put_unembed(const gk_snapshot *s)
{
    const gk_lens *l = s->lens;
    const gk_real *w_u = gk_snapshot_tensor(s, "unembed.W_U", 0),
                  *b_u = gk_snapshot_tensor(s, "unembed.b_U", 0);
    size_t D = (size_t)l->D, C = (size_t)s->shape->C, n = (size_t)l->n, place = (size_t)s->place;
    gk_real *columns = gk_alloc((D + 1) * n, sizeof *columns), *bias = columns + D * n;

    for (size_t e = 0; e < n; e++) {
        size_t column = (size_t)s->analysis->column[e];
        for (size_t d = 0; d < D; d++) columns[d * n + e] = w_u[d * C + column];
        if (b_u) bias[e] = b_u[column];
    }
    s->be->upload(s->be, l->unembed + place * D * n, columns, D * n * sizeof *columns);
    if (l->unembed_bias) s->be->upload(s->be, l->unembed_bias + place * n, bias, n * sizeof *bias);
    free(columns);
}

static void read_w_l(gk_snapshot *s, const gk_real *w_l)
{
    size_t n = (size_t)s->lens->n;

    gk_download_reals(s->be, s->w_l, w_l, (size_t)s->w_l_rows * n);
    s->w_l_const = 0;
    for (int f = 0; f < s->w_l_rows; f++) {
        double sum = 0;
        for (size_t e = 0; e < n; e++) sum += s->w_l[(size_t)f * n + e];
        s->w_l_const += sum * sum / (double)n;
    }
}

/* W_L = W_out W_U by element, and its spectrum; of an mlp, and where something lies between neurons
 * and logits, of W_U. */
static void take_w_l(gk_snapshot *s, int R)
{
    gk_lens *l = s->lens;
    int D = s->shape->D, F = s->shape->F, n = l->n, rows = s->w_l_rows;
    size_t mark = gk_scratch_mark(l), cells = (size_t)rows * (size_t)n;
    spectrum x = take_spectrum(l, (size_t)rows);
    const gk_real *w_l = l->unembed;

    for (int r = 0; r < R; r++) put_unembed(&s[r]);
    if (s->w_l_neurons && l->mid) {
        const gk_real *w_out = s->model->params.w_out[s->shape->L - 1];
        gk_product(s->be, x.matrix,
                   gk_packed(w_out + (size_t)s->slot * (size_t)F * (size_t)D, F, D),
                   gk_packed(l->unembed, D, n), R, F, D, n, 0);
        w_l = x.matrix;
    }
    gk_matrix turned = gk_packed(w_l, rows, n);
    turned.turned = true;
    transform(&x, s, R, turned, rows);
    for (int r = 0; r < R; r++) {
        read_w_l(&s[r], w_l + (size_t)r * cells);
        read_spectrum(s[r].w_l_hat, s[r].w_l_norm, &s[r], &x, r, (size_t)rows);
    }
    gk_scratch_release(l, mark);
}

/* W_E's rows by element, to the device. */
static void put_w_e(const gk_snapshot *s, gk_real *to)
{
    const gk_real *w_e = gk_snapshot_tensor(s, "embed.W_E", 0);
    size_t n = (size_t)s->lens->n, D = (size_t)s->shape->D;
    gk_real *rows = gk_alloc(n * D, sizeof *rows);

    for (size_t e = 0; e < n; e++)
        memcpy(rows + e * D, w_e + (size_t)s->analysis->column[e] * D, D * sizeof *rows);
    s->be->upload(s->be, to, rows, n * D * sizeof *rows);
    free(rows);
}

static void take_w_e(gk_snapshot *s, int R)
{
    gk_lens *l = s->lens;
    size_t D = (size_t)s->shape->D, mark = gk_scratch_mark(l), cells = (size_t)l->n * D;

    for (int r = 0; r < R; r++)
        for (int k = 0; k < l->K; k++) s[r].w_e_norm[k] = GK_NULL;
    if (!gk_snapshot_tensor(s, "embed.W_E", 0)) return;
    spectrum x = take_spectrum(l, D);
    for (int r = 0; r < R; r++) put_w_e(&s[r], x.matrix + (size_t)r * cells);
    transform(&x, s, R, gk_packed(x.matrix, l->n, s->shape->D), s->shape->D);
    for (int r = 0; r < R; r++) read_spectrum(s[r].w_e_hat, s[r].w_e_norm, &s[r], &x, r, D);
    gk_scratch_release(l, mark);
}

void gk_spectra_take(gk_snapshot *s, int R)
{
    take_w_l(s, R);
    take_w_e(s, R);
}

void gk_spectra_layout(gk_lens *l)
{
    size_t mark = gk_scratch_mark(l);
    int F = l->shape.F, wide = l->shape.D > l->D ? l->shape.D : l->D;

    take_spectrum(l, (size_t)(F > wide ? F : wide));
    gk_scratch_release(l, mark);
}
