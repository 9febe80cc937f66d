/* A snapshot: small arrays of a run, from the lens and the weights; of R runs at a time. */
#include "lens/take.h"
#include "gk/fit.h"

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
    s->attention_eq = reals((size_t)l->shape.H);
    s->key = gk_alloc(K, sizeof *s->key);
    s->raw = gk_alloc(K, sizeof *s->raw);
    gk_characters(s->basis, l->n);
}

void gk_snapshot_close(gk_snapshot *s)
{
    void *owned[] = {
        s->position,     s->params,    s->basis,     s->count,           s->count_train,
        s->pairs,        s->label_sum, s->label_hat, s->label_sum_train, s->label_sum_control,
        s->w_l,          s->w_l_hat,   s->w_e_hat,   s->w_l_norm,        s->w_e_norm,
        s->attention_eq, s->key,       s->raw};

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

gk_elements gk_snapshot_elements(const gk_snapshot *s)
{
    return (gk_elements){.n = s->lens->n,
                         .K = s->lens->K,
                         .inputs = s->lens->inputs,
                         .basis = s->basis,
                         .count = s->count};
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

/* Sums of a set by group of rows and scored position. */
static void add_sums(gk_snapshot *s, const gk_set *set)
{
    size_t groups = (size_t)set->groups, bytes = groups * sizeof *s->position;
    double(*sum)[2] = gk_alloc(groups, sizeof *sum);

    if (set->B) s->be->download(s->be, sum, set->sum + (size_t)s->slot * groups * 2, bytes);
    for (size_t g = 0; g < groups; g++)
        for (int i = 0; i < 2; i++) {
            s->sums[g % GK_ROW_GROUPS][i] += sum[g][i];
            s->position[g][i] += sum[g][i];
        }
    free(sum);
}

static void take_losses(gk_snapshot *s)
{
    const gk_data *data = s->plan->data;

    memset(s->sums, 0, sizeof s->sums);
    memset(s->position, 0, (size_t)data->grid.groups * sizeof *s->position);
    add_sums(s, &data->grid);
    add_sums(s, &data->rest);
    if (s->analysis->stream) add_sums(s, &data->train);
}

/* One run's weights, moments and losses. */
static void take_run(gk_snapshot *s, gk_plan *plan, int slot, int place, const gk_slot *state)
{
    const gk_model *model = plan->model;
    gk_backend *be = plan->be;

    s->plan = plan;
    s->be = be;
    s->model = model;
    s->slot = slot;
    s->place = place;
    s->analysis = &s->lens->analysis[slot];
    s->keys = 0;
    s->loss_max = state->loss_max;
    s->eps = state->eps;
    gk_model_get(model, &model->params, slot, s->params, be);
    gk_model_get(model, &model->m, slot, s->m, be);
    gk_model_get(model, &model->v, slot, s->v, be);
    take_losses(s);
    count_rows(s);
}

void gk_snapshot_take(gk_snapshot *s, int R, gk_plan *plan, int slot, const gk_slot *state)
{
    GK_CHECK(R >= 1 && R <= s->lens->together);
    for (int r = 0; r < R; r++) take_run(&s[r], plan, slot + r, r, &state[r]);
    if (s->analysis->undefined) return;
    gk_spectra_take(s, R);
    gk_sums_take(s, R);
    for (int r = 0; r < R; r++) gk_snapshot_find_keys(&s[r]);
}

void gk_snapshot_layout(gk_lens *l)
{
    gk_spectra_layout(l);
    gk_sums_layout(l);
}
