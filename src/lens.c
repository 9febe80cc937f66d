/* The lens: its layout, the forward pass over every input, and losses of changed logits. */
#include "gk/lens.h"
#include "activations.h"

#include <stdlib.h>
#include <string.h>

enum { PLANE_BYTES = 96 << 20, VARIANTS = 64 };

static int larger(int a, int b) { return a > b ? a : b; }

void gk_lens_layout(gk_lens *l, const gk_shape *s, const gk_analysis *a, int R, int rows,
                    gk_arena *device)
{
    size_t N = (size_t)R * (size_t)a->inputs, train = (size_t)R * (size_t)a->n_train;
    size_t D = (size_t)s->D, block = (size_t)rows, n = (size_t)a->n, real = sizeof(gk_real);

    *l = (gk_lens){.analysis = a,
                   .shape = *s,
                   .R = R,
                   .rows = rows,
                   .inputs = a->inputs,
                   .n = a->n,
                   .K = a->K,
                   .P = a->P,
                   .train_rows = a->n_train,
                   .terms_max = a->n + 9,
                   .variants = VARIANTS};
    size_t terms = (size_t)l->terms_max, wide = (size_t)larger(a->n, s->F);
    l->mid = gk_arena_take(device, N * D, real);
    l->out = gk_arena_take(device, N * D, real);
    l->attention = gk_arena_take(device, (size_t)R * (size_t)s->H * (size_t)s->T, real);
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

    l->unembed = gk_arena_take(device, D * n, real);
    l->logits = gk_arena_take(device, block * n, real);
    l->work = gk_arena_take(device, block * (size_t)larger(a->n, s->C), real);
    l->train_x = gk_arena_take(device, block * D, real);
    if (s->F) l->hidden = gk_arena_take(device, block * (size_t)s->F, real);
    l->head = gk_arena_take(device, block * (size_t)larger(s->H * s->K, s->D), real);
    l->square_matrix = gk_arena_take(device, D * D, real);
    l->terms = gk_arena_take(device, block * terms, real);
    l->basis = gk_arena_take(device, (n + 1) * terms, real);
    l->coef = gk_arena_take(device, terms * wide, real);
    l->zeros = gk_arena_take(device, D + terms + wide, real);
    l->label_sum = gk_arena_take(device, (n + 2) * wide, real);
    if (a->P) {
        size_t plane = (size_t)a->inputs * real;
        l->cols = (int)(PLANE_BYTES / plane);
        if (l->cols > 64) l->cols = 64;
        if (l->cols < 1) l->cols = 1;
        size_t half = (size_t)a->P / 2 + 1;
        l->plane = gk_arena_take(device, (size_t)a->inputs * (size_t)l->cols, real);
        l->spectrum = gk_arena_take(device, (size_t)a->P * half * (size_t)l->cols * 2, real);
        l->terms_power = gk_arena_take(device, (size_t)l->cols * half, sizeof(double));
    }
    l->row_loss = gk_arena_take(device, block, sizeof(double));
    l->row_hit = gk_arena_take(device, block, 1);
    l->sum = gk_arena_take(device, (size_t)l->variants * GK_ROW_GROUPS * 2, sizeof(double));
    l->square = gk_arena_take(device, block + terms, sizeof(double));
}

void gk_lens_put(gk_lens *l, int slot, gk_backend *be)
{
    const gk_analysis *a = &l->analysis[slot];
    size_t inputs = (size_t)l->inputs, train = (size_t)l->train_rows, at = (size_t)slot * inputs;
    int32_t *label = gk_alloc(inputs, sizeof *label), *part = gk_alloc(5 * train, sizeof *part);
    uint8_t *group = gk_alloc(inputs, 1), *train_group = gk_alloc(train, 1);

    GK_CHECK(a->inputs == l->inputs && a->n == l->n && a->n_train == l->train_rows);
    for (size_t i = 0; i < inputs; i++) {
        int element = a->element[a->label[i]];
        label[i] = element < 0 ? 0 : element;
        group[i] = element < 0 ? GK_NO_GROUP : a->group[i];
    }
    for (size_t i = 0; i < train; i++) {
        int row = a->train[i], inside = row < l->inputs && group[row] != GK_NO_GROUP;
        part[i] = inside ? row : 0;
        part[train + i] = inside ? label[row] : 0;
        part[2 * train + i] = inside ? a->value[row] : l->n;
        part[3 * train + i] = inside && a->control ? a->control[row] : l->n;
        part[4 * train + i] = a->label[row];
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
    be->zero(be, l->zeros,
             ((size_t)l->shape.D + (size_t)l->terms_max + (size_t)larger(l->n, l->shape.F)) *
                 sizeof(gk_real));
    free(label);
    free(part);
    free(group);
    free(train_group);
}

void gk_lens_forward(gk_lens *l, gk_plan *plan)
{
    const gk_shape *s = &l->shape;
    const gk_model *model = plan->model;
    const gk_activations *act = model->act;
    gk_data *data = plan->data;
    gk_backend *be = plan->be;
    size_t kept = (size_t)l->inputs * (size_t)s->D;
    int last = s->L - 1, R = l->R, D = s->D;

    for (int first = 0; first < l->inputs; first += model->rows) {
        int rows = gk_set_block_rows(&data->grid, first, model->rows);
        size_t at = (size_t)first * (size_t)D, run = (size_t)rows * (size_t)D;
        gk_evaluate_block(plan, &data->grid, first);
        be->add_rows(be, l->mid + at, act->mid[last], R, rows, D, D, D, kept, run, 0);
        be->add_rows(be, l->out + at, act->x[s->L], R, rows, D, D, D, kept, run, 0);
        be->bias_add_back(be, l->attention, act->prob[last], R, rows, s->H * s->T, first > 0);
    }
    for (int first = 0; first < data->rest.B; first += model->rows)
        gk_evaluate_block(plan, &data->rest, first);
}

/* work = logits - characters(row) coef, then its loss into sum[v]. */
static void variant_loss(gk_snapshot *s, const gk_variant *v, int index, int first, int rows)
{
    gk_lens *l = s->lens;
    gk_backend *be = s->be;
    size_t at = (size_t)s->slot * (size_t)l->train_rows + (size_t)first, m = (size_t)v->m,
           n = (size_t)l->n;
    double *host = gk_alloc((n + 1) * m + m * n, sizeof *host), *minus = host + (n + 1) * m;

    for (size_t e = 0; e < n; e++)
        for (size_t j = 0; j < m; j++)
            host[e * m + j] = s->basis[e * 2 * (size_t)l->K + (size_t)v->column[j]];
    for (size_t i = 0; i < m * n; i++) minus[i] = -v->coef[i];
    be->add_rows(be, l->work, l->logits, 1, rows, l->n, l->n, l->n, 0, 0, 0);
    if (m) {
        gk_upload_reals(be, l->basis, host, (n + 1) * m);
        gk_upload_reals(be, l->coef, minus, m * n);
        be->embed(be, l->terms, l->basis, l->zeros,
                  (v->control ? l->train_control : l->train_value) + at, 1, rows, 1, v->m,
                  l->n + 1);
        be->matmul(be, l->work, l->terms, l->coef, 1, rows, l->n, v->m, 0, 0, v->m, l->n, l->n, 0,
                   0, 0, 1);
    }
    be->log_softmax(be, l->row_loss, l->row_hit, NULL, l->work, l->train_label + at, 1, rows, l->n,
                    GK_LOSS_EXACT, 1);
    be->group_sums(be, l->sum + 2 * index, l->row_loss, l->row_hit, l->train_group + at, 1, rows, 1,
                   first > 0);
    free(host);
}

void gk_lens_train_logits(gk_snapshot *s, int first, int rows)
{
    gk_lens *l = s->lens;
    gk_backend *be = s->be;
    int D = l->shape.D;
    size_t at = (size_t)s->slot * (size_t)l->train_rows + (size_t)first;

    be->embed(be, l->train_x, l->out + (size_t)s->slot * (size_t)l->inputs * (size_t)D, l->zeros,
              l->train_row + at, 1, rows, 1, D, l->inputs);
    be->matmul(be, l->logits, l->train_x, l->unembed, 1, rows, l->n, D, 0, 0, D, l->n, l->n, 0, 0,
               0, 0);
}

void gk_lens_train_losses(gk_snapshot *s, gk_variant *variant, int variants)
{
    gk_lens *l = s->lens;
    double rows_in = 0, sum[VARIANTS][2];

    for (int e = 0; e < l->n; e++) rows_in += s->count_train[e];
    for (int begin = 0; begin < variants; begin += VARIANTS) {
        int some = variants - begin < VARIANTS ? variants - begin : VARIANTS;
        for (int first = 0; first < l->train_rows; first += l->rows) {
            int rows = l->train_rows - first < l->rows ? l->train_rows - first : l->rows;
            gk_lens_train_logits(s, first, rows);
            for (int v = 0; v < some; v++) variant_loss(s, &variant[begin + v], v, first, rows);
        }
        s->be->download(s->be, sum, l->sum, (size_t)some * sizeof *sum);
        for (int v = 0; v < some; v++)
            variant[begin + v].loss = rows_in > 0 ? sum[v][0] / rows_in : GK_NULL;
    }
}
