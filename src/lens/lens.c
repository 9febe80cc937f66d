/* The lens: its layout, the forward pass over every input, and losses of changed logits. */
#include "gk/lens.h"
#include "gk/network.h"

#include <stdlib.h>
#include <string.h>

enum { PLANE_BYTES = 96 << 20, VARIANTS = 72, TERMS = 192 };

static int larger(int a, int b) { return a > b ? a : b; }

static void layout_torus(gk_lens *l, const gk_analysis *a, int R, gk_arena *device)
{
    size_t P = (size_t)a->P, inputs = (size_t)a->inputs, F = (size_t)l->shape.F;
    size_t cols = PLANE_BYTES / (inputs * sizeof(gk_real));

    l->cols = cols < 1 ? 1 : cols > 64 ? 64 : (int)cols;
    l->plane = gk_arena_take(device, inputs * (size_t)l->cols, sizeof(gk_real));
    l->spectrum = gk_arena_take(device, P * (P / 2 + 1) * (size_t)l->cols * 2, sizeof(gk_real));
    l->torus = gk_arena_take(device, 4 * inputs, sizeof *l->torus);
    l->torus_sum = gk_arena_take(device, 4 * P * (size_t)a->n, sizeof(gk_real));
    if (!F) return;
    l->neuron_sum = gk_arena_take(device, (size_t)R * 4 * P * F, sizeof(gk_real));
    l->neuron_moments = gk_arena_take(device, (size_t)R * 2 * F, sizeof(double));
}

void gk_lens_layout(gk_lens *l, const gk_shape *s, const gk_analysis *a, int R, int rows,
                    gk_arena *device)
{
    size_t N = (size_t)R * (size_t)a->inputs, train = (size_t)R * (size_t)a->n_train;
    bool mlp = s->kind == GK_MLP;
    int width = gk_unembed_inputs(s);
    size_t D = (size_t)width, block = (size_t)rows, n = (size_t)a->n, real = sizeof(gk_real);

    *l = (gk_lens){.analysis = a,
                   .shape = *s,
                   .R = R,
                   .rows = rows,
                   .inputs = a->inputs,
                   .n = a->n,
                   .K = a->K,
                   .P = a->P,
                   .train_rows = a->n_train,
                   .W = 2 * a->K + 1,
                   .D = width,
                   .direct = mlp || (s->norm == GK_NORM_NONE && !s->final_norm),
                   .terms_max = larger(2 * a->K, TERMS),
                   .variants = VARIANTS};
    if (!a->inputs) return;
    size_t K2 = 2 * (size_t)a->K, W = K2 + 1, F = (size_t)s->F, most = (size_t)larger(a->n, s->F);
    size_t terms = (size_t)larger(4 * l->W, l->terms_max), wide = (size_t)larger(width, s->D);
    if (!mlp) l->mid = gk_arena_take(device, N * D, real);
    l->out = gk_arena_take(device, N * D, real);
    if (!mlp)
        l->attention =
            gk_arena_take(device, (size_t)R * (size_t)s->H * (size_t)s->S * (size_t)s->T, real);
    if (s->S > 1 && s->F) l->scored = gk_arena_take(device, (size_t)R * block * F, real);
    l->value = gk_arena_take(device, N, sizeof *l->value);
    l->control = gk_arena_take(device, N, sizeof *l->control);
    l->label = gk_arena_take(device, N, sizeof *l->label);
    l->group = gk_arena_take(device, N, 1);
    l->train_row = gk_arena_take(device, train, sizeof *l->train_row);
    l->train_label = gk_arena_take(device, train, sizeof *l->train_label);
    l->train_value = gk_arena_take(device, train, sizeof *l->train_value);
    l->train_control = gk_arena_take(device, train, sizeof *l->train_control);
    l->train_class = gk_arena_take(device, train, sizeof *l->train_class);
    l->train_group = gk_arena_take(device, train, 1);
    l->characters = gk_arena_take(device, (n + 1) * W, real);

    l->unembed = gk_arena_take(device, D * n, real);
    if (mlp && s->biases) l->unembed_bias = gk_arena_take(device, n, real);
    l->logits = gk_arena_take(device, block * (size_t)larger(a->n, s->C), real);
    l->work = gk_arena_take(device, block * (size_t)larger(a->n, s->C), real);
    l->train_x = gk_arena_take(device, block * D, real);
    if (s->F) l->hidden = gk_arena_take(device, block * F, real);
    l->head = gk_arena_take(device, block * (size_t)larger(s->H * s->K, width), real);
    l->square_matrix = gk_arena_take(device, D * D, real);
    l->terms = gk_arena_take(device, block * K2, real);
    l->basis = gk_arena_take(device, (most + wide) * K2, real);
    l->coef = gk_arena_take(device, terms * n + F * (n + K2) + 2 * D * K2, real);
    l->zeros = gk_arena_take(device, D, real);
    l->label_sum = gk_arena_take(device, (n + 1) * most, real);
    l->control_sum = gk_arena_take(device, n * n, real);
    l->w_l = gk_arena_take(device, (F + D) * n, real);
    l->hat = gk_arena_take(device, 4 * W * (most + wide), real);
    if (a->P) layout_torus(l, a, R, device);
    l->row_loss = gk_arena_take(device, block, sizeof(double));
    l->row_hit = gk_arena_take(device, block, 1);
    l->sum = gk_arena_take(device, (size_t)l->variants * GK_ROW_GROUPS * 2, sizeof(double));
    l->moments = gk_arena_take(device, 2 * (most + K2), sizeof(double));
    l->begin = gk_arena_take(device, VARIANTS + 1, sizeof *l->begin);
    l->column = gk_arena_take(device, terms, sizeof *l->column);
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
static void keep(gk_lens *l, gk_backend *be, gk_real *to, const gk_real *from, int step, int first,
                 int rows)
{
    int D = l->D;
    size_t kept = (size_t)l->inputs * (size_t)D, run = (size_t)rows * (size_t)step * (size_t)D;

    be->add_rows(be, to + (size_t)first * (size_t)D, from, l->R, rows, D, D, step * D, kept, run,
                 0);
}

static void keep_neurons(gk_lens *l, gk_backend *be, const gk_stream *x, int first, int rows)
{
    int F = l->shape.F;
    size_t f = (size_t)F, n = (size_t)rows;

    if (!l->neuron_sum) return;
    if (l->scored)
        be->add_rows(be, l->scored, x->hidden, l->R, rows, F, F, x->step * F, n * f,
                     n * (size_t)x->step * f, 0);
    be->row_sums(be, l->neuron_sum, l->neuron_moments, l->scored ? l->scored : x->hidden,
                 l->torus + 4 * (size_t)first, l->R, rows, 4, l->P, F, first > 0);
}

/* Examples of a block that are right at every scored position. `row`: of the analysis. */
static void count_whole(gk_lens *l, const gk_set *set, gk_backend *be, int row, int rows)
{
    size_t S = (size_t)set->S, n = (size_t)rows;

    if (!l->whole || S == 1) return;
    uint8_t *hit = gk_alloc((size_t)l->R * n * S, 1);
    be->download(be, hit, set->row_hit, (size_t)l->R * n * S);
    for (int r = 0; r < l->R; r++) {
        double *whole = l->whole + r * GK_ROW_GROUPS;
        for (int g = 0; row == 0 && g < GK_ROW_GROUPS; g++) whole[g] = 0;
        for (size_t i = 0; i < n; i++) {
            int hits = 0;
            for (size_t s = 0; s < S; s++) hits += hit[((size_t)r * n + i) * S + s];
            whole[l->analysis[r].group[(size_t)row + i]] += hits == set->scored;
        }
    }
    free(hit);
}

void gk_lens_forward(gk_lens *l, gk_plan *plan)
{
    const gk_shape *s = &l->shape;
    const gk_model *model = plan->model;
    gk_data *data = plan->data;
    gk_backend *be = plan->be;

    for (int first = 0; first < l->inputs; first += model->rows) {
        int rows = gk_set_block_rows(&data->grid, first, model->rows);
        gk_evaluate_block(plan, &data->grid, first);
        gk_stream x = gk_scored_stream(model);
        if (l->mid) keep(l, be, l->mid, x.mid, x.step, first, rows);
        keep(l, be, l->out, x.out, x.step, first, rows);
        if (l->attention)
            be->bias_add_back(be, l->attention, model->act->prob[s->L - 1], l->R, rows,
                              s->H * s->S * s->T, first > 0);
        keep_neurons(l, be, &x, first, rows);
        count_whole(l, &data->grid, be, first, rows);
    }
    for (int first = 0; first < data->rest.B; first += model->rows) {
        gk_evaluate_block(plan, &data->rest, first);
        count_whole(l, &data->rest, be, l->inputs + first,
                    gk_set_block_rows(&data->rest, first, model->rows));
    }
}

void gk_lens_train_x(gk_snapshot *s, int first, int rows)
{
    gk_lens *l = s->lens;
    int D = l->D;
    size_t at = (size_t)s->slot * (size_t)l->train_rows + (size_t)first;

    s->be->embed(s->be, l->train_x, l->out + (size_t)s->slot * (size_t)l->inputs * (size_t)D,
                 l->zeros, l->train_row + at, 1, rows, 1, D, l->inputs);
}

void gk_lens_train_logits(gk_snapshot *s, int first, int rows)
{
    gk_lens *l = s->lens;

    gk_lens_train_x(s, first, rows);
    gk_lens_unembed(s, l->logits, l->train_x, rows);
}

/* Variants that fit into one call, sorted: by f first, then by the control. */
typedef struct batch {
    int32_t begin[VARIANTS + 1];
    gk_variant *variant[VARIANTS];
    int n, by_value; /* variants; those by f */
} batch;

/* The next ones from *next on, to the device. */
static void put_batch(batch *b, gk_snapshot *s, gk_variant *variant, int variants, int *next)
{
    gk_lens *l = s->lens;
    size_t n = (size_t)l->n, terms = 0;
    int end = *next;

    b->n = b->begin[0] = 0;
    for (; end < variants && end - *next < VARIANTS; end++) {
        if (end > *next && terms + (size_t)variant[end].m > (size_t)l->terms_max) break;
        terms += (size_t)variant[end].m;
    }
    for (int control = 0; control < 2; control++) {
        for (int i = *next; i < end; i++)
            if (variant[i].control == control) b->variant[b->n++] = &variant[i];
        if (!control) b->by_value = b->n;
    }
    *next = end;
    double *coef = gk_alloc(terms * n, sizeof *coef);
    int32_t *column = gk_alloc(terms, sizeof *column);
    for (int v = 0; v < b->n; v++) {
        const gk_variant *of = b->variant[v];
        b->begin[v + 1] = b->begin[v] + of->m;
        memcpy(coef + (size_t)b->begin[v] * n, of->coef, (size_t)of->m * n * sizeof *coef);
        for (int j = 0; j < of->m; j++) column[b->begin[v] + j] = of->column[j];
    }
    gk_upload_reals(s->be, l->coef, coef, terms * n);
    s->be->upload(s->be, l->column, column, terms * sizeof *column);
    s->be->upload(s->be, l->begin, b->begin, sizeof b->begin);
    free(coef);
    free(column);
}

/* Variants from .. to - 1 of a batch, by the index f or the control's, at a block of train rows. */
static void add_losses(gk_snapshot *s, const batch *b, int from, int to, const int32_t *index,
                       int first, int rows)
{
    gk_lens *l = s->lens;
    size_t at = (size_t)s->slot * (size_t)l->train_rows + (size_t)first;

    if (from == to) return;
    s->be->changed_losses(s->be, l->sum + from, l->logits, l->train_label + at, l->train_group + at,
                          index + at, l->characters, l->coef, l->begin + from, l->column, 1, rows,
                          l->n, 1, to - from, 1, l->n + 1, l->W, b->begin[b->n], first > 0);
}

void gk_lens_train_losses(gk_snapshot *s, gk_variant *variant, int variants)
{
    gk_lens *l = s->lens;
    double inside = s->inside[GK_ROWS_TRAIN], sum[VARIANTS];
    batch b;

    for (int next = 0; next < variants;) {
        put_batch(&b, s, variant, variants, &next);
        for (int first = 0; first < l->train_rows; first += l->rows) {
            int rows = l->train_rows - first < l->rows ? l->train_rows - first : l->rows;
            gk_lens_train_logits(s, first, rows);
            add_losses(s, &b, 0, b.by_value, l->train_value, first, rows);
            add_losses(s, &b, b.by_value, b.n, l->train_control, first, rows);
        }
        s->be->download(s->be, sum, l->sum, (size_t)b.n * sizeof *sum);
        for (int v = 0; v < b.n; v++) b.variant[v]->loss = inside > 0 ? sum[v] / inside : GK_NULL;
    }
}
