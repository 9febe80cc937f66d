/* The lens: its layout, and the forward pass over every input. */
#include "gk/blocks.h"
#include "gk/fit.h"

#include <stdlib.h>

static void layout_torus(gk_lens *l, const gk_analysis *a, gk_arena *device)
{
    size_t P = (size_t)a->P, F = (size_t)l->shape.F, R = (size_t)l->R;

    l->torus = gk_arena_take(device, 4 * (size_t)a->inputs, sizeof *l->torus);
    l->torus_sum =
        gk_arena_take(device, (size_t)l->together * 4 * P * (size_t)a->n, sizeof(gk_real));
    if (!F) return;
    l->neuron_sum = gk_arena_take(device, R * 4 * P * F, sizeof(gk_real));
    l->neuron_moments = gk_arena_take(device, R * 2 * F, sizeof(double));
}

/* Examples of all runs. */
static void layout_examples(gk_lens *l, gk_arena *device)
{
    size_t inputs = (size_t)l->R * (size_t)l->inputs, train = (size_t)l->R * (size_t)l->train_rows;

    l->value = gk_arena_take(device, inputs, sizeof *l->value);
    l->control = gk_arena_take(device, inputs, sizeof *l->control);
    l->label = gk_arena_take(device, inputs, sizeof *l->label);
    l->group = gk_arena_take(device, inputs, 1);
    l->train_row = gk_arena_take(device, train, sizeof *l->train_row);
    l->train_label = gk_arena_take(device, train, sizeof *l->train_label);
    l->train_value = gk_arena_take(device, train, sizeof *l->train_value);
    l->train_control = gk_arena_take(device, train, sizeof *l->train_control);
    l->train_class = gk_arena_take(device, train, sizeof *l->train_class);
    l->train_group = gk_arena_take(device, train, 1);
}

/* What the forward pass leaves. */
static void layout_kept(gk_lens *l, gk_arena *device)
{
    const gk_shape *s = &l->shape;
    size_t R = (size_t)l->R, kept = R * (size_t)l->inputs * (size_t)l->D, real = sizeof(gk_real);
    bool mlp = s->kind == GK_MLP;

    if (!mlp) l->mid = gk_arena_take(device, kept, real);
    l->out = gk_arena_take(device, kept, real);
    if (!mlp)
        l->attention = gk_arena_take(device, R * (size_t)s->H * (size_t)s->S * (size_t)s->T, real);
    if (s->S > 1 && s->F)
        l->scored = gk_arena_take(device, R * (size_t)l->rows * (size_t)s->F, real);
}

void gk_lens_layout(gk_lens *l, const gk_shape *s, const gk_analysis *a, int R, int rows,
                    int together, gk_arena *device, gk_arena *host)
{
    bool mlp = s->kind == GK_MLP;
    size_t n = (size_t)a->n, at_once = (size_t)together, real = sizeof(gk_real);

    *l = (gk_lens){.analysis = a,
                   .shape = *s,
                   .R = R,
                   .together = together,
                   .rows = rows,
                   .inputs = a->inputs,
                   .n = a->n,
                   .K = a->K,
                   .P = a->P,
                   .train_rows = a->n_train,
                   .W = 2 * a->K + 1,
                   .D = gk_unembed_inputs(s),
                   .direct = mlp || (s->norm == GK_NORM_NONE && !s->final_norm)};
    l->whole = gk_arena_take(host, (size_t)R * GK_ROW_GROUPS, sizeof *l->whole);
    if (!a->inputs) return;
    layout_kept(l, device);
    layout_examples(l, device);
    l->characters = gk_arena_take(device, (n + 1) * (size_t)l->W, real);
    l->zeros = gk_arena_take(device, (size_t)l->D, real);
    l->unembed = gk_arena_take(device, at_once * (size_t)l->D * n, real);
    if (mlp ? s->biases : s->unembed_bias)
        l->unembed_bias = gk_arena_take(device, at_once * n, real);
    if (a->P) layout_torus(l, a, device);
}

void *gk_scratch(gk_lens *l, size_t count, size_t size)
{
    void *taken = gk_arena_take(&l->scratch, count, size);

    if (l->scratch.used > l->scratch_most) l->scratch_most = l->scratch.used;
    return taken;
}

/* What is the same for all runs. */
static void put_constants(gk_lens *l, gk_backend *be)
{
    size_t n = (size_t)l->n, W = (size_t)l->W;
    int P = l->P;
    double *basis = gk_alloc(n * (W - 1), sizeof *basis),
           *wide = gk_alloc((n + 1) * W, sizeof *wide);
    int32_t *torus = gk_alloc(4 * (size_t)P * (size_t)P, sizeof *torus), *at = torus;

    gk_characters(basis, l->n);
    for (size_t i = 0; i < n * W; i++)
        wide[i] = i % W == W - 1 ? 1 : basis[i / W * (W - 1) + i % W];
    gk_upload_reals(be, l->characters, wide, (n + 1) * W);
    for (int row = 0; row < P * P; row++, at += 4) {
        int u = row / P, v = row % P;
        at[0] = u;
        at[1] = v;
        at[2] = (u + v) % P;
        at[3] = (u - v + P) % P;
    }
    if (P) be->upload(be, l->torus, torus, 4 * (size_t)P * (size_t)P * sizeof *torus);
    free(basis);
    free(wide);
    free(torus);
}

void gk_lens_put(gk_lens *l, int slot, gk_backend *be)
{
    const gk_analysis *a = &l->analysis[slot];
    size_t inputs = (size_t)l->inputs, train = (size_t)l->train_rows, at = (size_t)slot * inputs,
           S = (size_t)l->shape.S;

    l->puts++;
    if (!inputs) return;
    int32_t *label = gk_alloc(inputs, sizeof *label), *part = gk_alloc(5 * train, sizeof *part);
    uint8_t *group = gk_alloc(inputs, 1), *train_group = gk_alloc(train, 1);

    GK_CHECK(a->inputs == l->inputs && a->n == l->n && a->n_train == l->train_rows);
    for (size_t i = 0; i < inputs; i++) {
        int element = a->element[a->label[i * S]];
        label[i] = element < 0 ? 0 : element;
        group[i] = element < 0 ? GK_NO_GROUP : a->group[i];
    }
    for (size_t i = 0; i < train; i++) {
        int row = a->train[i], inside = row < l->inputs && group[row] != GK_NO_GROUP;
        part[i] = inside ? row : 0;
        part[train + i] = inside ? label[row] : 0;
        part[2 * train + i] = inside ? a->value[row] : l->n;
        part[3 * train + i] = inside && a->control ? a->control[row] : l->n;
        part[4 * train + i] = a->label[(size_t)row * S];
        train_group[i] = inside ? 0 : GK_NO_GROUP;
    }
    be->upload(be, l->value + at, a->value, inputs * sizeof *label);
    if (a->control) be->upload(be, l->control + at, a->control, inputs * sizeof *label);
    be->upload(be, l->label + at, label, inputs * sizeof *label);
    be->upload(be, l->group + at, group, inputs);
    at = (size_t)slot * train;
    be->upload(be, l->train_row + at, part, train * sizeof *part);
    be->upload(be, l->train_label + at, part + train, train * sizeof *part);
    be->upload(be, l->train_value + at, part + 2 * train, train * sizeof *part);
    be->upload(be, l->train_control + at, part + 3 * train, train * sizeof *part);
    be->upload(be, l->train_class + at, part + 4 * train, train * sizeof *part);
    be->upload(be, l->train_group + at, train_group, train);
    be->zero(be, l->zeros, (size_t)l->D * sizeof(gk_real));
    put_constants(l, be);
    free(label);
    free(part);
    free(group);
    free(train_group);
}

/* Rows of the first scored position, `step` rows apart, to where the lens keeps them. */
static void keep(const gk_lens *l, gk_backend *be, gk_real *to, const gk_real *from, int step,
                 gk_row_block b)
{
    int D = l->D;
    size_t kept = (size_t)l->inputs * (size_t)D, run = (size_t)b.rows * (size_t)(step * D);

    be->add_rows(be, to + (size_t)b.first * (size_t)D, from, l->R, b.rows, D, D, step * D, kept,
                 run, 0);
}

static void keep_neurons(const gk_lens *l, gk_backend *be, const gk_stream *x, gk_row_block b)
{
    int F = l->shape.F, rows = b.rows;
    size_t f = (size_t)F, n = (size_t)rows;

    if (!l->neuron_sum) return;
    if (l->scored)
        be->add_rows(be, l->scored, x->hidden, l->R, rows, F, F, x->step * F, n * f,
                     n * (size_t)x->step * f, 0);
    be->row_sums(be, l->neuron_sum, l->neuron_moments, l->scored ? l->scored : x->hidden,
                 l->torus + 4 * (size_t)b.first, l->R, rows, 4, l->P, F, b.first > 0);
}

/* Examples of a block that are right at every scored position. `from`: the row of the analysis that
 * the set begins with. */
static void count_whole(const gk_lens *l, const gk_set *set, gk_backend *be, int from,
                        gk_row_block b)
{
    size_t S = (size_t)set->S, n = (size_t)b.rows, row = (size_t)(from + b.first);

    if (S == 1) return;
    uint8_t *hit = gk_alloc((size_t)l->R * n * S, 1);
    be->download(be, hit, set->row_hit, (size_t)l->R * n * S);
    for (int r = 0; r < l->R; r++) {
        double *whole = l->whole + r * GK_ROW_GROUPS;
        for (int g = 0; row == 0 && g < GK_ROW_GROUPS; g++) whole[g] = 0;
        for (size_t i = 0; i < n; i++) {
            int hits = 0;
            for (size_t s = 0; s < S; s++) hits += hit[((size_t)r * n + i) * S + s];
            whole[l->analysis[r].group[row + i]] += hits == set->scored;
        }
    }
    free(hit);
}

/* A block of inputs: their losses, and what is kept. */
static void forward_inputs(gk_lens *l, gk_plan *plan, gk_row_block b)
{
    const gk_shape *s = &l->shape;
    gk_backend *be = plan->be;

    gk_evaluate_block(plan, &plan->data->grid, b.first);
    gk_stream x = gk_scored_stream(plan->model);
    if (l->mid) keep(l, be, l->mid, x.mid, x.step, b);
    keep(l, be, l->out, x.out, x.step, b);
    if (l->attention)
        be->bias_add_back(be, l->attention, plan->model->act->prob[s->L - 1], l->R, b.rows,
                          s->H * s->S * s->T, b.first > 0);
    keep_neurons(l, be, &x, b);
    count_whole(l, &plan->data->grid, be, 0, b);
}

/* The examples that the next update will have, where they are fresh each time. */
static void forward_batch(gk_lens *l, gk_plan *plan)
{
    gk_set *batch = &plan->data->train;

    gk_data_select(plan->data, plan->model->slot, plan->be);
    for (gk_row_block b = gk_set_blocks(l, batch); gk_block_next(&b);)
        gk_evaluate_block(plan, batch, b.first);
}

void gk_lens_forward(gk_lens *l, gk_plan *plan)
{
    gk_set *rest = &plan->data->rest;

    for (gk_row_block b = gk_blocks(l); gk_block_next(&b);) forward_inputs(l, plan, b);
    for (gk_row_block b = gk_set_blocks(l, rest); gk_block_next(&b);) {
        gk_evaluate_block(plan, rest, b.first);
        count_whole(l, rest, plan->be, l->inputs, b);
    }
    if (l->analysis->stream) forward_batch(l, plan);
}
