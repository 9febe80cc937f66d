/* The table plan on the host's side: which models have tables, where these lie, the training pairs
 * in their order. The algebra is in gk/table.h, the loops are behind the seam. */
#include "gk/plan.h"
#include "gk/network.h"
#include "plan/tables_mlp.h"

#include <stdlib.h>

static const char *no_tables_of(const gk_shape *s)
{
    if (s->kind == GK_MLP) return gk_no_mlp_tables(s);
    if (s->L != 1) return "tables hold for one block";
    if (s->T != 3) return "tables hold for pairs of tokens and an \"=\"";
    if (s->S != 1) return "tables hold for a loss at the last token";
    if (s->F == 0) return "the model has no MLP";
    if (s->activation != GK_RELU) return "tables are written for ReLU";
    if (s->norm != GK_NORM_NONE || s->final_norm) return "layer norm does not factor into tables";
    if (s->attention_biases || s->unembed_bias)
        return "tables are written for attention and unembedding without biases";
    if (s->dropout > 0) return "dropout does not factor into tables";
    return NULL;
}

const char *gk_no_tables(const gk_config *config, const gk_shape *s)
{
    if (config->task.name != GK_TASK_MODULAR) return "tables are written for task.name modular";
    if (config->loss.name != GK_CROSS_ENTROPY) return "tables are written for cross-entropy";
    if (config->optim.weight_noise > 0) return "tables are not written for noise on weights";
    if (config->optim.batch) return "tables hold for the whole training set";
    return no_tables_of(s);
}

/* Fewer multiply-adds for a pair: through W_L at once, or through W_out and then W_U? */
static bool is_wide(const gk_shape *s)
{
    return (int64_t)s->F * s->C <= (int64_t)s->D * (s->F + s->C);
}

static gk_block block_of(const gk_params *p)
{
    return (gk_block){p->w_e,     p->w_pos,   p->w_q[0],   p->w_k[0],   p->w_v[0], p->w_o[0],
                      p->w_in[0], p->b_in[0], p->w_out[0], p->b_out[0], p->w_u};
}

/* n elements for each run */
static gk_real *take(gk_arena *device, const gk_table *t, size_t n)
{
    return gk_arena_take(device, (size_t)t->R * n, sizeof(gk_real));
}

static gk_tables take_tables(gk_arena *device, const gk_table *t)
{
    size_t N = (size_t)t->N, H = (size_t)t->H, W = (size_t)t->F + (size_t)t->rest;

    return (gk_tables){.row = take(device, t, N * H * W),
                       .shift = take(device, t, 2 * H * W),
                       .base = take(device, t, W),
                       .score = take(device, t, 2 * N * H),
                       .score_eq = take(device, t, H),
                       .w_l = t->wide ? take(device, t, (size_t)t->F * (size_t)t->C) : NULL};
}

static gk_table open_table(const gk_model *model, bool wide, gk_arena *device)
{
    const gk_shape *s = &model->shape;
    size_t HK = (size_t)s->H * (size_t)s->K;
    gk_table t = {.R = model->R,
                  .N = s->V - 1,
                  .D = s->D,
                  .H = s->H,
                  .K = s->K,
                  .F = s->F,
                  .C = s->C,
                  .rest = wide ? s->C : s->D,
                  .wide = wide,
                  .weight = block_of(&model->params),
                  .d_weight = block_of(&model->grads)};

    t.table = take_tables(device, &t);
    t.query = take(device, &t, HK);
    t.key = take(device, &t, (size_t)s->H * (size_t)s->D);
    t.value = take(device, &t, ((size_t)t.N + 3) * HK);
    t.map = take(device, &t, HK * (size_t)(t.F + t.rest));
    t.x_eq = take(device, &t, (size_t)s->D);
    return t;
}

static int32_t *take_ints(gk_arena *device, int R, int n)
{
    return gk_arena_take(device, (size_t)R * (size_t)n, sizeof(int32_t));
}

void gk_table_layout(gk_plan *plan, gk_arena *device)
{
    const gk_model *model = plan->model;
    int R = model->R, B = plan->data->train.B;

    if (model->shape.kind == GK_MLP) {
        gk_mlp_table_layout(plan, device);
    } else {
        plan->table = open_table(model, is_wide(&model->shape), device);
        plan->table.d_table = take_tables(device, &plan->table);
        plan->view = open_table(model, false, device);
        plan->view.weight.b_out = NULL;
    }
    int N = plan->table.N;
    size_t rows = (size_t)R * (size_t)B;
    plan->pairs = (gk_pairs){.B = B,
                             .a = take_ints(device, R, B),
                             .b = take_ints(device, R, B),
                             .label = take_ints(device, R, B),
                             .by_b = take_ints(device, R, B),
                             .first_a = take_ints(device, R, N + 1),
                             .first_b = take_ints(device, R, N + 1)};
    plan->row_loss = gk_arena_take(device, rows, sizeof *plan->row_loss);
    plan->row_hit = gk_arena_take(device, rows, sizeof *plan->row_hit);
}

typedef struct pair {
    int32_t a, b, label;
} pair;

static int in_order(const void *x, const void *y)
{
    const pair *p = x, *q = y;

    if (p->a != q->a) return p->a < q->a ? -1 : 1;
    return (p->b > q->b) - (p->b < q->b);
}

/* first (N+1): where each token's rows begin, in an order sorted by that token. */
static void count_rows(int32_t *first, const int32_t *token, int N, int B)
{
    for (int v = 0; v <= N; v++) first[v] = 0;
    for (int i = 0; i < B; i++) first[token[i] + 1]++;
    for (int v = 0; v < N; v++) first[v + 1] += first[v];
}

static void put(gk_plan *plan, int slot, const int32_t *to, const int32_t *from, int n)
{
    plan->be->upload(plan->be, (int32_t *)to + (size_t)slot * (size_t)n, from,
                     (size_t)n * sizeof *from);
}

void gk_table_put(gk_plan *plan, int slot, const gk_task *task, const gk_analysis *analysis)
{
    const gk_shape *s = &plan->model->shape;
    int B = plan->pairs.B, N = plan->table.N,
        second = s->kind == GK_MLP && s->input == GK_INPUT_ONEHOT ? s->V : 0;
    pair *sorted = gk_alloc((size_t)B, sizeof *sorted);
    int32_t *a = gk_alloc(4 * (size_t)B + 3 * ((size_t)N + 1), sizeof *a), *b = a + B,
            *label = b + B, *by_b = label + B, *first_a = by_b + B, *first_b = first_a + N + 1,
            *next = first_b + N + 1, token[3], ignored;

    for (int i = 0; i < B; i++) {
        int row = analysis->train[i];
        task->example(task, analysis->order[row], token, &ignored);
        GK_CHECK(token[0] < N && token[1] + second < N && (s->T == 2 || token[2] == N));
        sorted[i] = (pair){token[0], token[1] + second, analysis->label[row]};
    }
    qsort(sorted, (size_t)B, sizeof *sorted, in_order);
    for (int i = 0; i < B; i++) {
        a[i] = sorted[i].a;
        b[i] = sorted[i].b;
        label[i] = sorted[i].label;
    }
    count_rows(first_a, a, N, B);
    count_rows(first_b, b, N, B);
    for (int v = 0; v <= N; v++) next[v] = first_b[v];
    for (int i = 0; i < B; i++) by_b[next[b[i]]++] = i;
    put(plan, slot, plan->pairs.a, a, B);
    put(plan, slot, plan->pairs.b, b, B);
    put(plan, slot, plan->pairs.label, label, B);
    put(plan, slot, plan->pairs.by_b, by_b, B);
    put(plan, slot, plan->pairs.first_a, first_a, N + 1);
    put(plan, slot, plan->pairs.first_b, first_b, N + 1);
    free(sorted);
    free(a);
    if (s->kind == GK_MLP) gk_mlp_table_put(plan, slot);
}

void gk_table_gradients(gk_plan *plan)
{
    gk_backend *be = plan->be;
    int R = plan->table.R, B = plan->pairs.B;
    bool mlp = plan->model->shape.kind == GK_MLP;

    be->enter(be, "tables");
    if (mlp)
        gk_mlp_table_build(plan);
    else
        be->table_build(be, &plan->table);
    be->leave(be);
    be->enter(be, "pairs");
    be->table_pairs(be, plan->row_loss, plan->row_hit, &plan->table, &plan->pairs,
                    plan->recipe.form, 1.0 / B);
    be->group_sums(be, plan->data->train.sum, plan->row_loss, plan->row_hit, NULL, R, B, 1, 0);
    be->leave(be);
    be->enter(be, "weights");
    if (mlp)
        gk_mlp_table_back(plan);
    else
        be->table_back(be, &plan->table);
    be->leave(be);
}

void gk_table_forward(gk_plan *plan, const int32_t *token, int rows, bool first)
{
    gk_backend *be = plan->be;
    const gk_model *model = plan->model;
    const gk_shape *s = &model->shape;
    const gk_params *p = &model->params;
    const gk_activations *a = model->act;
    int R = model->R, D = s->D, F = s->F, C = s->C;
    size_t n = (size_t)rows, d = (size_t)D, f = (size_t)F, c = (size_t)C;

    if (first) be->table_build(be, &plan->view);
    be->table_rows(be, a->pre[0], a->mid[0], a->prob[0], &plan->view, token, rows);
    be->bias_act(be, a->h[0], a->pre[0], NULL, R, rows, F, s->activation);
    be->add_rows(be, a->x[1], a->mid[0], R, rows, D, D, D, n * d, n * d, 0);
    be->matmul(be, a->x[1], a->h[0], p->w_out[0], R, rows, D, F, 0, 0, F, D, D, n * f, f * d, n * d,
               1);
    if (s->biases) be->bias_add(be, a->x[1], p->b_out[0], R, rows, D);
    be->matmul(be, a->logits, a->x[1], p->w_u, R, rows, C, D, 0, 0, D, C, C, n * d, d * c, n * c,
               0);
}
