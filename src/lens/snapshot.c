/* A snapshot: small arrays of one run, from the lens and the weights. */
#include "gk/lens.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double *reals(size_t n) { return gk_alloc(n, sizeof(double)); }

void gk_snapshot_open(gk_snapshot *s, gk_lens *l)
{
    size_t n = (size_t)l->n, K = (size_t)l->K, F = (size_t)l->shape.F, D = (size_t)l->shape.D;
    bool neurons = F && l->direct;
    size_t parameters = gk_parameters(&l->shape), rows = neurons ? F : (size_t)l->D;

    *s = (gk_snapshot){.lens = l, .shape = &l->shape, .counted_slot = -1, .w_l_rows = (int)rows};
    s->w_l_neurons = neurons;
    s->position = gk_alloc(256, sizeof *s->position);
    s->params = gk_alloc(3 * parameters, sizeof(gk_real));
    s->m = s->params + parameters;
    s->v = s->m + parameters;
    s->basis = reals(n * 2 * K);
    s->count = reals(n);
    s->count_train = reals(n);
    s->pairs = reals(GK_ROW_GROUPS * n * n);
    s->label_sum = reals((n + 1) * n);
    s->label_hat = reals(2 * K * n);
    s->label_sum_train = reals((n + 1) * n);
    s->label_sum_control = reals((n + 1) * n);
    s->w_l = reals(rows * n);
    s->w_l_hat = reals(2 * K * rows);
    s->w_e_hat = reals(2 * K * D);
    s->w_l_norm = reals(K);
    s->w_e_norm = reals(K);
    s->neuron_k = gk_alloc(F, sizeof *s->neuron_k);
    s->neuron_fve = reals(F);
    s->attention_eq = reals((size_t)l->shape.H);
    s->key = gk_alloc(K, sizeof *s->key);
    s->raw = gk_alloc(K, sizeof *s->raw);
    s->excluded_k = reals(K);
    s->ablate8_k = reals(K);
    s->readout = reals(2 * K);
    s->head_zero = reals((size_t)l->shape.H);
    s->head_mean = reals((size_t)l->shape.H);
    gk_characters(s->basis, l->n);
}

void gk_snapshot_close(gk_snapshot *s)
{
    void *owned[] = {s->params,   s->basis,     s->count,           s->count_train,
                     s->pairs,    s->label_sum, s->label_sum_train, s->label_sum_control,
                     s->w_l,      s->w_l_hat,   s->w_e_hat,         s->w_l_norm,
                     s->w_e_norm, s->neuron_k,  s->neuron_fve,      s->attention_eq,
                     s->key,      s->raw,       s->excluded_k,      s->ablate8_k,
                     s->readout,  s->head_zero, s->head_mean,       s->label_hat,
                     s->position};

    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) free(owned[i]);
    *s = (gk_snapshot){0};
}

const gk_real *gk_snapshot_tensor(const gk_snapshot *s, const char *name, int layer)
{
    for (int i = 0; i < s->model->n_tensors; i++) {
        const gk_tensor *t = &s->model->tensor[i];
        const char *end = t->name + strlen(t->name) - strlen(name);
        if (t->layer == layer && end >= t->name && !strcmp(end, name)) return s->params + t->packed;
    }
    return NULL;
}

bool gk_snapshot_has_nats(const gk_snapshot *s) { return s->plan->recipe.loss == GK_CROSS_ENTROPY; }

/* How often each element, and each pair of element and label, occurs: the same for all rows of a
 * run. */
static void count_rows(gk_snapshot *s)
{
    const gk_analysis *a = s->analysis;
    size_t n = (size_t)a->n;

    if (s->counted_slot == s->slot && s->counted_puts == s->lens->puts) return;
    s->counted_slot = s->slot;
    s->counted_puts = s->lens->puts;
    memset(s->rows, 0, sizeof s->rows);
    memset(s->inside, 0, sizeof s->inside);
    for (int row = 0; row < a->N; row++) {
        int32_t label = a->label[(size_t)row * (size_t)a->S];
        s->rows[a->group[row]] += a->scored;
        s->inside[a->group[row]] += row < a->inputs && a->element[label] >= 0;
    }
    if (a->stream) s->rows[GK_ROWS_TRAIN] = (double)a->batch * a->scored;
    if (a->undefined) return;
    memset(s->count, 0, n * sizeof *s->count);
    memset(s->count_train, 0, n * sizeof *s->count_train);
    memset(s->pairs, 0, GK_ROW_GROUPS * n * n * sizeof *s->pairs);
    for (int row = 0; row < a->inputs; row++) {
        size_t value = (size_t)a->value[row];
        int label = a->element[a->label[(size_t)row * (size_t)a->S]];
        s->count[value]++;
        if (label < 0) continue;
        s->pairs[((size_t)a->group[row] * n + value) * n + (size_t)label]++;
        if (a->group[row] == GK_ROWS_TRAIN) s->count_train[value]++;
    }
}

/* hat (2K, rows), norm (K): orthonormal DFT of in (n, rows), or of in (rows, n) where `across`,
 * along n; norm is over both parts of a frequency. */
static void take_dft(double *hat, double *norm, gk_snapshot *s, const gk_real *in, int rows,
                     bool across)
{
    gk_lens *l = s->lens;
    int n = l->n, K = l->K;
    size_t of_one = (size_t)rows;

    s->be->matmul(s->be, l->hat, l->characters, in, 1, 2 * K, rows, n, 1, across, l->W,
                  across ? n : rows, rows, 0, 0, 0, 0);
    gk_download_reals(s->be, hat, l->hat, 2 * (size_t)K * of_one);
    for (int k = 0; k < K; k++) {
        double scale = sqrt((2 * (k + 1) == n ? 1.0 : 2.0) / (double)n), square = 0;
        for (size_t i = 2 * (size_t)k * of_one; i < (2 * (size_t)k + 2) * of_one; i++) {
            hat[i] *= scale;
            square += hat[i] * hat[i];
        }
        norm[k] = sqrt(square);
    }
}

/* Columns of W_U and b_U by element, to the device. */
static void put_unembed(gk_snapshot *s)
{
    gk_lens *l = s->lens;
    const gk_real *w_u = gk_snapshot_tensor(s, "unembed.W_U", 0),
                  *b_u = gk_snapshot_tensor(s, "unembed.b_U", 0);
    size_t D = (size_t)l->D, C = (size_t)s->shape->C, n = (size_t)l->n;
    gk_real *columns = gk_alloc((D + 1) * n, sizeof *columns), *bias = columns + D * n;

    for (size_t e = 0; e < n; e++) {
        size_t column = (size_t)s->analysis->column[e];
        for (size_t d = 0; d < D; d++) columns[d * n + e] = w_u[d * C + column];
        if (b_u) bias[e] = b_u[column];
    }
    s->be->upload(s->be, l->unembed, columns, D * n * sizeof *columns);
    if (l->unembed_bias) s->be->upload(s->be, l->unembed_bias, bias, n * sizeof *bias);
    free(columns);
}

/* W_L = W_out W_U by element, and its spectrum. */
static void take_w_l(gk_snapshot *s)
{
    gk_lens *l = s->lens;
    const gk_shape *shape = s->shape;
    size_t D = (size_t)shape->D, n = (size_t)l->n, F = (size_t)shape->F;

    put_unembed(s);
    if (s->w_l_neurons && l->mid)
        s->be->matmul(s->be, l->w_l, s->model->params.w_out[shape->L - 1] + (size_t)s->slot * F * D,
                      l->unembed, 1, shape->F, l->n, shape->D, 0, 0, shape->D, l->n, l->n, 0, 0, 0,
                      0);
    else
        s->be->add_rows(s->be, l->w_l, l->unembed, 1, l->D, l->n, l->n, l->n, 0, 0, 0);
    gk_download_reals(s->be, s->w_l, l->w_l, (size_t)s->w_l_rows * n);
    take_dft(s->w_l_hat, s->w_l_norm, s, l->w_l, s->w_l_rows, true);
    s->w_l_const = 0;
    for (int f = 0; f < s->w_l_rows; f++) {
        double sum = 0;
        for (size_t e = 0; e < n; e++) sum += s->w_l[(size_t)f * n + e];
        s->w_l_const += sum * sum / (double)n;
    }
}

/* The quarter rule: frequencies of W_L whose norm is above a quarter of the largest. */
static void find_keys(gk_snapshot *s)
{
    double largest = 0;

    for (int k = 0; k < s->lens->K; k++) largest = fmax(largest, s->w_l_norm[k]);
    s->raws = 0;
    for (int k = 0; k < s->lens->K; k++)
        if (s->w_l_norm[k] > largest / 4) s->raw[s->raws++] = k + 1;
}

static void take_w_e(gk_snapshot *s)
{
    const gk_real *w_e = gk_snapshot_tensor(s, "embed.W_E", 0);
    size_t n = (size_t)s->lens->n, D = (size_t)s->shape->D;
    for (size_t k = 0; k < (size_t)s->lens->K; k++) s->w_e_norm[k] = GK_NULL;
    if (!w_e) return;
    gk_real *rows = gk_alloc(n * D, sizeof *rows);
    for (size_t e = 0; e < n; e++)
        memcpy(rows + e * D, w_e + (size_t)s->analysis->column[e] * D, D * sizeof *rows);
    s->be->upload(s->be, s->lens->basis, rows, n * D * sizeof *rows);
    take_dft(s->w_e_hat, s->w_e_norm, s, s->lens->basis, s->shape->D, false);
    free(rows);
}

/* First pass over all inputs: sums of logits, their norm, losses over the group's outputs. */
static void take_logits(gk_snapshot *s)
{
    gk_lens *l = s->lens;
    gk_backend *be = s->be;
    int n = l->n;
    size_t run = (size_t)s->slot * (size_t)l->inputs, cells = (size_t)n * (size_t)n;
    double *moments = reals(2 * (size_t)n);

    for (int first = 0; first < l->inputs; first += l->rows) {
        int rows = l->inputs - first < l->rows ? l->inputs - first : l->rows, more = first > 0;
        size_t at = run + (size_t)first;
        gk_lens_logits(s, first, rows);
        be->row_sums(be, l->label_sum, l->moments, l->logits, l->value + at, 1, rows, 1, n, n,
                     (gk_real)more);
        if (s->analysis->control)
            be->row_sums(be, l->control_sum, NULL, l->logits, l->control + at, 1, rows, 1, n, n,
                         (gk_real)more);
        if (l->torus)
            be->row_sums(be, l->torus_sum, NULL, l->logits, l->torus + 4 * (size_t)first, 1, rows,
                         4, l->P, n, (gk_real)more);
        be->log_softmax(be, l->row_loss, l->row_hit, NULL, l->logits, l->label + at, 1, rows, n,
                        GK_LOSS_EXACT, 1);
        be->group_sums(be, l->sum, l->row_loss, l->row_hit, l->group + at, 1, rows, GK_ROW_GROUPS,
                       more);
    }
    be->matmul(be, l->hat, l->characters, l->label_sum, 1, 2 * l->K, n, n, 1, 0, l->W, n, n, 0, 0,
               0, 0);
    gk_download_reals(be, s->label_hat, l->hat, 2 * (size_t)l->K * (size_t)n);
    gk_download_reals(be, s->label_sum, l->label_sum, cells);
    if (s->analysis->control) gk_download_reals(be, s->label_sum_control, l->control_sum, cells);
    be->download(be, moments, l->moments, 2 * (size_t)n * sizeof *moments);
    memcpy(s->label_sum + cells, moments, (size_t)n * sizeof *moments);
    s->norm2 = 0;
    for (int c = 0; c < n; c++) s->norm2 += moments[n + c];
    be->download(be, s->sums_p, l->sum, sizeof s->sums_p);
    free(moments);
}

/* Sums by element over the training examples; those outside of the group go to a row of their
 * own. */
static void take_train_sums(gk_snapshot *s)
{
    gk_lens *l = s->lens;
    int n = l->n;
    size_t run = (size_t)s->slot * (size_t)l->train_rows;

    for (int first = 0; first < l->train_rows; first += l->rows) {
        int rows = l->train_rows - first < l->rows ? l->train_rows - first : l->rows;
        gk_lens_train_logits(s, first, rows);
        s->be->row_sums(s->be, l->label_sum, NULL, l->logits, l->train_value + run + (size_t)first,
                        1, rows, 1, n + 1, n, first > 0);
    }
    if (l->train_rows)
        gk_download_reals(s->be, s->label_sum_train, l->label_sum, (size_t)(n + 1) * (size_t)n);
}

static void take_attention(gk_snapshot *s)
{
    size_t H = (size_t)s->shape->H, S = (size_t)s->shape->S, T = (size_t)s->shape->T;

    if (!s->lens->attention) return;
    double *sums = reals(H * S * T);
    gk_download_reals(s->be, sums, s->lens->attention + (size_t)s->slot * H * S * T, H * S * T);
    for (size_t h = 0; h < H; h++) s->attention_eq[h] = sums[h * S * T + T - S] / s->lens->inputs;
    free(sums);
}

void gk_snapshot_take(gk_snapshot *s, gk_plan *plan, int slot)
{
    const gk_model *model = plan->model;
    gk_backend *be = plan->be;

    s->plan = plan;
    s->be = be;
    s->model = model;
    s->slot = slot;
    s->analysis = &s->lens->analysis[slot];
    s->keys = 0;
    gk_model_get(model, &model->params, slot, s->params, be);
    gk_model_get(model, &model->m, slot, s->m, be);
    gk_model_get(model, &model->v, slot, s->v, be);
    count_rows(s);
    if (s->analysis->undefined) return;
    take_w_l(s);
    take_w_e(s);
    find_keys(s);
    take_logits(s);
    take_train_sums(s);
    take_attention(s);
}
