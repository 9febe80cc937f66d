/* The 2-D transform of the logits on the torus of inputs: the norm of each coefficient over the
 * outputs. */
#include "gk/blocks.h"

#include <math.h>
#include <stdlib.h>

enum { PLANE_BYTES = 96 << 20, COLS_MAX = 64 };

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
            /* X(i,j) and X(-i,j) hold cc - ss, cs + sc; cc + ss, cs - sc */
            for (size_t c = 0; c < 2 * n; c += 2) {
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

/* Of one run and some of its outputs. */
typedef struct buffers {
    int cols;          /* outputs that are transformed at a time */
    gk_real *plane;    /* (inputs,cols): logits */
    gk_real *spectrum; /* (P,P/2+1,cols,2) */
} buffers;

static size_t coefficients(const gk_lens *l, int cols)
{
    return (size_t)l->P * (size_t)(l->P / 2 + 1) * (size_t)cols * 2;
}

static buffers take(gk_lens *l)
{
    size_t inputs = (size_t)l->inputs, fit = PLANE_BYTES / (inputs * sizeof(gk_real));
    buffers x = {.cols = fit < 1 ? 1 : fit > COLS_MAX ? COLS_MAX : (int)fit};

    x.plane = gk_scratch(l, inputs * (size_t)x.cols, sizeof *x.plane);
    x.spectrum = gk_scratch(l, coefficients(l, x.cols), sizeof *x.spectrum);
    return x;
}

void gk_logit_spectrum_layout(gk_lens *l)
{
    if (l->P) take(l);
}

/* Outputs from .. from + cols - 1 of one run. */
static void transform(const buffers *x, const gk_snapshot *s, int from, int cols)
{
    const gk_lens *l = s->lens;
    gk_matrix w = gk_unembed(s), out = gk_block_out(s, (gk_row_block){0});

    w.at += from;
    gk_product(s->be, x->plane, out, w, 1, l->inputs, l->D, cols, 0);
    if (l->unembed_bias)
        s->be->bias_add(s->be, x->plane, l->unembed_bias + s->place * l->n + from, 1, l->inputs,
                        cols);
    s->be->fft2(s->be, x->spectrum, x->plane, 1, l->P, l->P, cols);
}

void gk_logit_spectrum(double *norms, const gk_snapshot *s, int R)
{
    gk_lens *l = s->lens;
    size_t cells = (size_t)l->P * (size_t)l->P, mark = gk_scratch_mark(l);
    buffers x = take(l);
    gk_real *host = gk_alloc(coefficients(l, x.cols), sizeof *host);

    for (int r = 0; r < R; r++) {
        double *square = gk_alloc(cells, sizeof *square);
        for (int from = 0; from < l->n; from += x.cols) {
            int cols = l->n - from < x.cols ? l->n - from : x.cols;
            transform(&x, s + r, from, cols);
            s->be->download(s->be, host, x.spectrum, coefficients(l, cols) * sizeof *host);
            real_norms(norms + (size_t)r * cells, square, host, l->P, cols);
        }
        free(square);
    }
    gk_scratch_release(l, mark);
    free(host);
}
