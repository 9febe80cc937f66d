/* Neurons: which frequency each one computes with, and how well W_L's key directions read cosines
 * out of them. Nanda et al. 2023, section 4.2, table 1. */
#include "measures/parts.h"
#include "gk/blocks.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static gk_real *take_hat(gk_lens *l)
{
    return gk_scratch_reals(l, 4 * (size_t)l->W * (size_t)l->shape.F);
}

void gk_find_neurons_layout(gk_lens *l)
{
    if (l->neuron_sum || l->P) take_hat(l);
}

/* power (F): the sum of squares in the 8 products of frequency k, from the hats (4,W,F). */
static void products_power(double *power, const double *hat, const gk_lens *l, int k)
{
    size_t F = (size_t)l->shape.F, W = (size_t)l->W;
    bool last = 2 * k == l->P; /* no sine; u - v is u + v */

    for (size_t f = 0; f < F; f++) power[f] = 0;
    for (size_t i = 0; i < (last ? 6 : 8); i++) {
        const double *of = hat + (i / 2 * W + 2 * (size_t)(k - 1) + i % 2) * F;
        for (size_t f = 0; f < F; f++)
            power[f] += of[f] * of[f] * (last ? 1 : 2) / (double)l->inputs;
    }
}

/* For each neuron the frequency whose 8 products explain most of its variance; hat (4,W,F), moments
 * (2,F). */
static void find(gk_neurons *neurons, const double *hat, const double *moments, const gk_lens *l)
{
    size_t F = (size_t)l->shape.F;
    double *best = gk_alloc(2 * F, sizeof *best), *power = best + F;

    for (int k = 1; k <= l->P / 2; k++) {
        products_power(power, hat, l, k);
        for (size_t f = 0; f < F; f++)
            if (k == 1 || power[f] > best[f]) {
                best[f] = power[f];
                neurons->k[f] = k;
            }
    }
    for (size_t f = 0; f < F; f++) {
        double variance = moments[F + f] - moments[f] * moments[f] / (double)l->inputs;
        neurons->fve[f] = variance > 0 ? best[f] / variance : 0; /* a dead one explains nothing */
    }
    neurons->known = true;
    free(best);
}

void gk_find_neurons(gk_findings *found, const gk_snapshot *s, int R)
{
    gk_lens *l = s->lens;
    size_t F = (size_t)l->shape.F, cells = 4 * (size_t)l->W * F, mark = gk_scratch_mark(l);
    bool known = true;

    for (int r = 0; r < R; r++) known &= found[r].neurons.known;
    if (known) return;
    gk_real *hat = take_hat(l);
    double *host = gk_alloc(cells + 2 * F, sizeof *host), *moments = host + cells;
    gk_torus_hat(hat, s, R, l->neuron_sum + (size_t)s->slot * 4 * (size_t)l->P * F, l->shape.F);
    for (int r = 0; r < R; r++) {
        gk_download_reals(s->be, host, hat + (size_t)r * cells, cells);
        s->be->download(s->be, moments, l->neuron_moments + (size_t)s[r].slot * 2 * F,
                        2 * F * sizeof *moments);
        find(&found[r].neurons, host, moments, l);
    }
    gk_scratch_release(l, mark);
    free(host);
}

static void print_clusters(gk_row *row, const gk_snapshot *s, const gk_neurons *neurons)
{
    int *cluster = gk_alloc((size_t)s->lens->K + 1, sizeof *cluster), clear = 0;
    size_t at = 0;

    for (int f = 0; f < s->shape->F; f++) {
        if (!gk_is_clear(neurons, f)) continue;
        cluster[neurons->k[f]]++;
        clear++;
    }
    row->neurons_85 = clear;
    for (int k = 1; k <= s->lens->K && at < GK_KEYS_TEXT - 32; k++)
        if (cluster[k])
            at += (size_t)snprintf(row->clusters + at, GK_KEYS_TEXT - at, "%s%d:%d", at ? "," : "",
                                   k, cluster[k]);
    free(cluster);
}

/* Of the projections on the key directions; columns as many as a run's keys need. */
typedef struct buffers {
    gk_real *characters;   /* (R,n,2K): of the key frequencies over the outputs, c */
    gk_real *read, *minus; /* (R,D,2K): W_U c, and minus that */
    gk_real *terms;        /* (R,rows,2K): N W_L c */
    gk_real *sum;          /* (R,n,2K): those by element */
    double *moments;       /* (R,2,2K) */
} buffers;

static buffers take(gk_lens *l)
{
    size_t K2 = 2 * (size_t)l->K, n = (size_t)l->n, D = (size_t)l->D;
    buffers x = {.characters = gk_scratch_reals(l, n * K2)};

    x.read = gk_scratch_reals(l, D * K2);
    x.minus = gk_scratch_reals(l, D * K2);
    x.terms = gk_scratch_reals(l, (size_t)l->rows * K2);
    x.sum = gk_scratch_reals(l, n * K2);
    x.moments = gk_scratch(l, (size_t)l->together * 2 * K2, sizeof *x.moments);
    return x;
}

static void layout(gk_lens *l)
{
    size_t mark = gk_scratch_mark(l);

    gk_find_neurons_layout(l);
    gk_scratch_release(l, mark);
    take(l);
    gk_scratch_release(l, mark);
}

/* to = W_U times the key characters, or minus that. */
static void put_directions(gk_real *to, const buffers *x, const gk_snapshot *s, int R, gk_width m,
                           bool minus)
{
    const gk_lens *l = s->lens;
    size_t n = (size_t)l->n, width = 2 * (size_t)l->K, most = (size_t)m.most;
    double *c = gk_alloc(n * most, sizeof *c);

    for (int r = 0; r < R; r++) {
        size_t wide = (size_t)gk_width_of(m, r);
        for (size_t i = 0; i < n * wide; i++)
            c[i] = (minus ? -1 : 1) *
                   s[r].basis[i / wide * width + 2 * (size_t)(s[r].key[i % wide / 2] - 1) + i % 2];
        gk_upload_reals(s->be, x->characters + (size_t)r * n * most, c, n * wide);
    }
    gk_product_ragged(s->be, to, gk_unembed(s), (gk_matrix){.at = x->characters, .step = n * most},
                      R, l->D, (gk_width){.most = l->n}, m, 0);
    free(c);
}

/* The shares of one run, from sums by element (n,m) and moments (2,m) of the projections. */
static void explained(gk_row *row, gk_readout *readout, const gk_snapshot *s, const double *sums,
                      const double *moments)
{
    const gk_lens *l = s->lens;
    size_t n = (size_t)l->n, width = 2 * (size_t)l->K, m = 2 * (size_t)s->keys;

    for (size_t j = 0; j < m; j++) {
        double dot = 0, norm2 = 0, mean = moments[j] / l->inputs;
        for (size_t e = 0; e < n; e++) {
            double c = s->basis[e * width + 2 * (size_t)(s->key[j / 2] - 1) + j % 2];
            dot += c * (sums[e * m + j] - s->count[e] * mean);
            norm2 += s->count[e] * c * c;
        }
        double variance = moments[m + j] - l->inputs * mean * mean;
        readout->fve[j] = norm2 > 0 && variance > 0 ? dot * dot / norm2 / variance : GK_NULL;
        row->readout_fve_min = fmin(row->readout_fve_min, readout->fve[j]);
    }
}

static void read_back(gk_row *row, gk_findings *found, const buffers *x, const gk_snapshot *s,
                      int R, gk_width m)
{
    size_t n = (size_t)s->lens->n, most = (size_t)m.most;
    double *sums = gk_alloc((n + 2) * most, sizeof *sums), *moments = sums + n * most;

    for (int r = 0; r < R; r++) {
        size_t wide = (size_t)gk_width_of(m, r);
        if (!wide) continue;
        gk_download_reals(s->be, sums, x->sum + (size_t)r * n * most, n * wide);
        s->be->download(s->be, moments, x->moments + 2 * (size_t)r * most,
                        2 * wide * sizeof *moments);
        explained(&row[r], &found[r].readout, &s[r], sums, moments);
    }
    free(sums);
}

/* For key k: the fraction of variance of N u_k in C_k and of N v_k in S_k. N (inputs, F): centred
 * activations; u_k, v_k: W_L c with c the cosine or sine of k over the outputs. Up to a constant
 * N W_L c = (out - mid) W_U c, where out - mid is what the MLP adds to the residual stream; <N u_k,
 * C_k> follows from sums by element. */
static void read_out(gk_row *row, gk_findings *found, const gk_snapshot *s, int R)
{
    gk_lens *l = s->lens;
    int *columns = gk_alloc((size_t)R, sizeof *columns), D = l->D;
    gk_width m = {.most = 2 * gk_most_keys(s, R), .of = columns}, all = {.most = D};
    size_t step = (size_t)D * (size_t)m.most, mark = gk_scratch_mark(l);
    buffers x = take(l);
    gk_matrix read = {.at = x.read, .step = step}, minus = {.at = x.minus, .step = step};

    for (int r = 0; r < R; r++) columns[r] = 2 * s[r].keys;
    put_directions(x.read, &x, s, R, m, false);
    put_directions(x.minus, &x, s, R, m, true);
    for (gk_row_block b = gk_blocks(l); gk_block_next(&b);) {
        gk_product_ragged(s->be, x.terms, gk_block_out(s, b), read, R, b.rows, all, m, 0);
        if (l->mid)
            gk_product_ragged(s->be, x.terms, gk_block_mid(s, b), minus, R, b.rows, all, m, 1);
        gk_block_sum(x.sum, x.moments, s, R, x.terms, m, GK_BY_VALUE, b);
    }
    read_back(row, found, &x, s, R, m);
    gk_scratch_release(l, mark);
    free(columns);
}

static void print_attention(gk_row *row, const gk_snapshot *s)
{
    for (int h = 0; s->lens->attention && h < s->shape->H && !s->analysis->undefined; h++) {
        gk_text_add(&row->extra, ", \"attention_eq.%d\": ", h);
        gk_text_add_real(&row->extra, s->attention_eq[h]);
    }
}

static void measure(gk_row *row, gk_findings *found, const gk_snapshot *s, int R)
{
    for (int r = 0; r < R; r++) print_attention(&row[r], &s[r]);
    if (s->analysis->no_grid || !s->shape->F) return;
    gk_find_neurons(found, s, R);
    for (int r = 0; r < R; r++) print_clusters(&row[r], &s[r], &found[r].neurons);
    if (gk_most_keys(s, R) && s->w_l_neurons) read_out(row, found, s, R);
}

const gk_family gk_family_neurons = {.measure = measure, .layout = layout};
