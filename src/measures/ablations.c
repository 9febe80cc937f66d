/* Parts of the last block taken out: the skip connection around the MLP, each head, what the heads
 * read at the last token
 * ("="). Zero: the part is removed; mean: replaced by its mean over all inputs. Nanda et al. 2023,
 * appendix A.1. */
#include "gk/network.h"
#include "gk/measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Results: skip zero, skip mean, equals zero, equals mean, then zero and mean of each head. */
enum { SKIP_ZERO, SKIP_MEAN, EQUALS_ZERO, EQUALS_MEAN, HEADS };

/* What a block of rows reads: z (rows,H,K), and the part of it that comes from the last token. */
typedef struct parts {
    double *z, *equals;           /* (rows,H*K) */
    double *z_mean, *equals_mean; /* (H*K), over all inputs */
} parts;

static void read_block(parts *p, gk_snapshot *s, int rows)
{
    const gk_activations *act = s->model->act;
    size_t H = (size_t)s->shape->H, K = (size_t)s->shape->K, T = (size_t)s->shape->T,
           n = (size_t)rows, HK = H * K;
    int last = s->shape->L - 1;
    size_t slot = (size_t)s->slot;
    double *prob = gk_alloc(n * H * T, sizeof *prob), *v = gk_alloc(n * T * HK, sizeof *v);

    gk_download_reals(s->be, p->z, act->z[last] + slot * n * HK, n * HK);
    gk_download_reals(s->be, prob, act->prob[last] + slot * n * H * T, n * H * T);
    gk_download_reals(s->be, v, act->v[last] + slot * n * T * HK, n * T * HK);
    for (size_t i = 0; i < n * HK; i++) {
        size_t row = i / HK, h = i % HK / K;
        p->equals[i] = prob[(row * H + h) * T + T - 1] * v[(row * T + T - 1) * HK + i % HK];
    }
    free(prob);
    free(v);
}

static void forward_block(gk_snapshot *s, int first)
{
    gk_forward_ops(s->plan, &s->plan->data->grid, first);
}

static void means(parts *p, gk_snapshot *s)
{
    gk_lens *l = s->lens;
    size_t HK = (size_t)s->shape->H * (size_t)s->shape->K;

    memset(p->z_mean, 0, 2 * HK * sizeof *p->z_mean);
    for (int first = 0; first < l->inputs; first += l->rows) {
        int rows = l->inputs - first < l->rows ? l->inputs - first : l->rows;
        forward_block(s, first);
        read_block(p, s, rows);
        for (size_t i = 0; i < (size_t)rows * HK; i++) {
            p->z_mean[i % HK] += p->z[i] / l->inputs;
            p->equals_mean[i % HK] += p->equals[i] / l->inputs;
        }
    }
}

/* change (rows,HK) of z for a result */
static void change_of(double *change, const parts *p, const gk_snapshot *s, int result, size_t rows)
{
    size_t K = (size_t)s->shape->K, HK = (size_t)s->shape->H * K;
    bool mean = result % 2 == 1, equals = result < HEADS;
    size_t head = (size_t)(result - HEADS) / 2;

    for (size_t i = 0; i < rows * HK; i++) {
        size_t at = i % HK;
        if (equals)
            change[i] = (mean ? p->equals_mean[at] : 0) - p->equals[i];
        else
            change[i] = at / K == head ? (mean ? p->z_mean[at] : 0) - p->z[i] : 0;
    }
}

/* The rest of the network from a changed z: head (rows,HK) holds the change. */
static void finish(gk_snapshot *s, int result, int first, int rows)
{
    gk_lens *l = s->lens;
    gk_backend *be = s->be;
    const gk_shape *sh = s->shape;
    const gk_params *p = &s->model->params;
    int last = sh->L - 1, D = sh->D, F = sh->F, HK = sh->H * sh->K;
    size_t d = (size_t)D, f = (size_t)F, slot = (size_t)s->slot;
    const gk_real *mid = l->mid + (slot * (size_t)l->inputs + (size_t)first) * d;
    const gk_real *out = l->train_x;

    be->add_rows(be, l->train_x, mid, 1, rows, D, D, D, 0, 0, 0);
    be->matmul(be, l->train_x, l->head, p->w_o[last] + slot * (size_t)HK * d, 1, rows, D, HK, 0, 0,
               HK, D, D, 0, 0, 0, 1);
    if (F) {
        be->matmul(be, l->hidden, l->train_x, p->w_in[last] + slot * d * f, 1, rows, F, D, 0, 0, D,
                   F, F, 0, 0, 0, 0);
        be->bias_act(be, l->hidden, l->hidden, sh->biases ? p->b_in[last] + slot * f : NULL, 1,
                     rows, F, sh->activation);
        be->matmul(be, l->train_x, l->hidden, p->w_out[last] + slot * f * d, 1, rows, D, F, 0, 0, F,
                   D, D, 0, 0, 0, 1);
        if (sh->biases) be->bias_add(be, l->train_x, p->b_out[last] + slot * d, 1, rows, D);
    }
    be->matmul(be, l->work, out, l->unembed, 1, rows, l->n, D, 0, 0, D, l->n, l->n, 0, 0, 0, 0);
    gk_lens_add_loss(s, result, first, rows);
}

/* Logits of out - mid, plus the mean of mid for SKIP_MEAN. */
static void without_skip(gk_snapshot *s, const double *mean)
{
    gk_lens *l = s->lens;
    gk_backend *be = s->be;
    int D = s->shape->D;
    size_t d = (size_t)D, run = (size_t)s->slot * (size_t)l->inputs;
    double *minus = gk_alloc(d * d, sizeof *minus);

    for (size_t i = 0; i < d; i++) minus[i * d + i] = -1;
    gk_upload_reals(be, l->square_matrix, minus, d * d);
    free(minus);
    gk_upload_reals(be, l->head, mean, d);
    for (int first = 0; first < l->inputs; first += l->rows) {
        int rows = l->inputs - first < l->rows ? l->inputs - first : l->rows;
        size_t at = (run + (size_t)first) * d;
        be->add_rows(be, l->train_x, l->out + at, 1, rows, D, D, D, 0, 0, 0);
        be->matmul(be, l->train_x, l->mid + at, l->square_matrix, 1, rows, D, D, 0, 0, D, D, D, 0,
                   0, 0, 1);
        for (int result = SKIP_ZERO; result <= SKIP_MEAN; result++) {
            if (result == SKIP_MEAN) be->bias_add(be, l->train_x, l->head, 1, rows, D);
            be->matmul(be, l->work, l->train_x, l->unembed, 1, rows, l->n, D, 0, 0, D, l->n, l->n,
                       0, 0, 0, 0);
            gk_lens_add_loss(s, result, first, rows);
        }
    }
}

static void mean_of_mid(double *mean, gk_snapshot *s)
{
    gk_lens *l = s->lens;
    int D = s->shape->D;
    size_t run = (size_t)s->slot * (size_t)l->inputs * (size_t)D;

    s->be->bias_add_back(s->be, l->head, l->mid + run, 1, l->inputs, D, 0);
    gk_download_reals(s->be, mean, l->head, (size_t)D);
    for (int i = 0; i < D; i++) mean[i] /= l->inputs;
}

void gk_measure_ablations(gk_row *row, gk_snapshot *s)
{
    gk_lens *l = s->lens;
    int H = s->shape->H, results = HEADS + 2 * H;
    size_t HK = (size_t)H * (size_t)s->shape->K, cells = (size_t)l->rows * HK;

    if (s->analysis->undefined || results > l->variants || !gk_snapshot_has_nats(s)) return;
    if (!l->mid || !l->direct || s->shape->S > 1) return; /* what follows is one position's sums */
    double *block = gk_alloc(3 * cells + 2 * HK + (size_t)s->shape->D, sizeof *block),
           *change = block + 2 * cells;
    double *mean = block + 3 * cells + 2 * HK;
    parts p = {block, block + cells, block + 3 * cells, block + 3 * cells + HK};

    means(&p, s);
    for (int first = 0; first < l->inputs; first += l->rows) {
        int rows = l->inputs - first < l->rows ? l->inputs - first : l->rows;
        forward_block(s, first);
        read_block(&p, s, rows);
        for (int result = EQUALS_ZERO; result < results; result++) {
            change_of(change, &p, s, result, (size_t)rows);
            gk_upload_reals(s->be, l->head, change, (size_t)rows * HK);
            finish(s, result, first, rows);
        }
    }
    gk_lens_mean_loss(s, EQUALS_ZERO, &row->equals_zero_all, NULL);
    gk_lens_mean_loss(s, EQUALS_MEAN, &row->equals_mean_all, NULL);
    for (int h = 0; h < H; h++) {
        gk_lens_mean_loss(s, HEADS + 2 * h, &s->head_zero[h], NULL);
        gk_lens_mean_loss(s, HEADS + 2 * h + 1, &s->head_mean[h], NULL);
        row->head_zero_max =
            fmax(row->head_zero_max, s->head_zero[h]); /* fmax passes over the NaN of the start */
        row->head_mean_max = fmax(row->head_mean_max, s->head_mean[h]);
    }
    if (s->shape->F) {
        mean_of_mid(mean, s);
        without_skip(s, mean);
        gk_lens_mean_loss(s, SKIP_ZERO, &row->skip_zero_all, NULL);
        gk_lens_mean_loss(s, SKIP_MEAN, &row->skip_mean_all, NULL);
    }
    free(block);
}
