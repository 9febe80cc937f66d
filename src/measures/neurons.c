/* Neurons: which frequency each one computes with, and how well W_L's key directions read cosines
 * out of them. Nanda et al. 2023, section 4.2, table 1. */
#include "gk/measure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Neurons c .. c + cols - 1 at all inputs, transformed; their power by frequency into power (cols,
 * P/2+1). */
static void transform(gk_snapshot *s, int c, int cols, double *power)
{
    gk_lens *l = s->lens;
    gk_backend *be = s->be;
    const gk_params *p = &s->model->params;
    int D = l->shape.D, F = l->shape.F, last = l->shape.L - 1;
    size_t slot = (size_t)s->slot, run = slot * (size_t)l->inputs * (size_t)D;
    const gk_real *bias = l->shape.biases ? p->b_in[last] + slot * (size_t)F + c : NULL;

    be->matmul(be, l->plane, l->mid + run, p->w_in[last] + slot * (size_t)D * (size_t)F + c, 1,
               l->inputs, cols, D, 0, 0, D, F, cols, 0, 0, 0, 0);
    be->bias_act(be, l->plane, l->plane, bias, 1, l->inputs, cols, l->shape.activation);
    be->fft2(be, l->spectrum, l->plane, 1, l->P, l->P, cols);
    be->spectrum_terms(be, l->terms_power, l->spectrum, 1, l->P, cols);
    be->download(be, power, l->terms_power, (size_t)cols * (size_t)(l->P / 2 + 1) * sizeof *power);
}

static void find_frequencies(gk_snapshot *s)
{
    gk_lens *l = s->lens;
    size_t half = (size_t)l->P / 2 + 1;
    double *power = gk_alloc((size_t)l->cols * half, sizeof *power);

    for (int c = 0; c < l->shape.F; c += l->cols) {
        int cols = l->shape.F - c < l->cols ? l->shape.F - c : l->cols;
        transform(s, c, cols, power);
        for (int i = 0; i < cols; i++) {
            const double *of = power + (size_t)i * half;
            int best = 1;
            for (int k = 2; k < (int)half; k++)
                if (of[k] > of[best]) best = k;
            s->neuron_k[c + i] = best;
            s->neuron_fve[c + i] =
                of[0] > 0 ? of[best] / of[0] : 0; /* a dead neuron explains nothing */
        }
    }
    free(power);
}

static void print_clusters(gk_row *row, const gk_snapshot *s)
{
    int *cluster = gk_alloc((size_t)s->lens->K + 1, sizeof *cluster), neurons = 0;
    size_t at = 0;

    for (int f = 0; f < s->shape->F; f++) {
        if (!(s->neuron_fve[f] > 0.85)) continue;
        cluster[s->neuron_k[f]]++;
        neurons++;
    }
    row->neurons_85 = neurons;
    for (int k = 1; k <= s->lens->K && at < GK_KEYS_TEXT - 32; k++)
        if (cluster[k])
            at += (size_t)snprintf(row->clusters + at, GK_KEYS_TEXT - at, "%s%d:%d", at ? "," : "",
                                   k, cluster[k]);
    free(cluster);
}

/* For key k: the share of variance of N u_k in C_k and of N v_k in S_k. N (inputs, F): centred
 * activations; u_k, v_k: cos and sin rows of W_L's transform; <N u_k, C_k> follows from sums by
 * element. */
static void read_out(gk_row *row, gk_snapshot *s)
{
    gk_lens *l = s->lens;
    gk_backend *be = s->be;
    int F = s->shape->F, m = 2 * s->keys, n = l->n;
    size_t width = 2 * (size_t)l->K, wide = (size_t)m;
    double *u = gk_alloc((size_t)F * wide, sizeof *u), *square = gk_alloc(wide, sizeof *square);
    double *sums = gk_alloc((size_t)(n + 1) * wide, sizeof *sums);

    for (size_t f = 0; f < (size_t)F; f++)
        for (size_t j = 0; j < wide; j++)
            u[f * wide + j] = s->w_l_hat[(2 * (size_t)(s->key[j / 2] - 1) + j % 2) * (size_t)F + f];
    gk_upload_reals(be, l->coef, u, (size_t)F * wide);
    for (int first = 0; first < l->inputs; first += l->rows) {
        int rows = l->inputs - first < l->rows ? l->inputs - first : l->rows;
        size_t at = (size_t)s->slot * (size_t)l->inputs + (size_t)first;
        gk_lens_hidden(s, first, rows);
        be->matmul(be, l->terms, l->hidden, l->coef, 1, rows, m, F, 0, 0, F, m, m, 0, 0, 0, 0);
        be->embed_back(be, l->label_sum, l->label_sum + (size_t)n * wide, l->terms, l->value + at,
                       1, rows, 1, m, n, first > 0);
        be->matmul(be, l->terms, l->coef, l->hidden, 1, m, rows, F, 1, 1, m, F, rows, 0, 0, 0, 0);
        be->row_squares(be, l->square, l->terms, 1, m, rows, first > 0);
    }
    gk_download_reals(be, sums, l->label_sum, (size_t)(n + 1) * wide);
    be->download(be, square, l->square, wide * sizeof *square);
    for (size_t j = 0; j < wide; j++) {
        double dot = 0, norm2 = 0, mean = sums[(size_t)n * wide + j] / l->inputs;
        for (size_t e = 0; e < (size_t)n; e++) {
            double c = s->basis[e * width + 2 * (size_t)(s->key[j / 2] - 1) + j % 2];
            dot += c * (sums[e * wide + j] - s->count[e] * mean);
            norm2 += s->count[e] * c * c;
        }
        double variance = square[j] - l->inputs * mean * mean;
        s->readout[j] = norm2 > 0 && variance > 0 ? dot * dot / norm2 / variance : GK_NULL;
        row->readout_fve_min = fmin(row->readout_fve_min, s->readout[j]);
    }
    free(u);
    free(square);
    free(sums);
}

void gk_measure_neurons(gk_row *row, gk_snapshot *s)
{
    for (int h = 0; h < s->shape->H && !s->analysis->undefined; h++) {
        gk_text_add(&row->extra, ", \"attention_eq.%d\": ", h);
        gk_text_add_real(&row->extra, s->attention_eq[h]);
    }
    if (s->analysis->no_grid || !s->shape->F) return;
    find_frequencies(s);
    print_clusters(row, s);
    if (s->keys && 2 * s->keys <= s->lens->terms_max) read_out(row, s);
}
