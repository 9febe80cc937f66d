/* The table plan of an mlp on two tokens. Its pre-activations are sums of two rows of one table:
 *
 *     E(a,b) = b_in + T[a] + T[b],   H = relu(E),   logits = H W_U + b_U
 *     input sum:      T = W_E W_in, a row for each token
 *     input one-hot:  T = W_in, a row for each token of each position: the second token is b + V
 *
 * In the words of gk/table.h: one head that looks at a and b with weights 1/2, 1/2 and 0, which is
 * what scores 0, 0 and EXCLUDED give, at rows 2 T; base = [ b_in | b_U ], W_L = W_U, no shifts.
 * Powers of two round nothing away, so that pairs can be left to the op of attention's tables.
 * Back:
 *
 *     dT = 2 drow;   db_in = dbase[:F];   db_U = dbase[F:];   dW_U = dW_L
 *     sum: dW_in = W_E^T dT, dW_E = dT W_in^T;   one-hot: dW_in = dT */
#include "plan/tables_mlp.h"
#include "gk/network.h"

#include <stdlib.h>

static const gk_real EXCLUDED = -1000; /* its exponential is 0 beside 1, in double too */

const char *gk_no_mlp_tables(const gk_shape *s)
{
    if (s->T != 2 || s->input == GK_INPUT_SIGNS) return "tables of an mlp hold for two tokens";
    if (s->activation != GK_RELU) return "tables are written for ReLU";
    return NULL;
}

static int rows_of(const gk_shape *s) { return s->input == GK_INPUT_ONEHOT ? 2 * s->V : s->V; }

static gk_real *take(gk_arena *device, int R, size_t n)
{
    return gk_arena_take(device, (size_t)R * n, sizeof(gk_real));
}

static gk_tables take_tables(gk_arena *device, const gk_table *t)
{
    size_t N = (size_t)t->N, W = (size_t)t->F + (size_t)t->rest;

    return (gk_tables){.row = take(device, t->R, N * W),
                       .shift = take(device, t->R, 2 * W),
                       .base = take(device, t->R, W),
                       .score = take(device, t->R, 2 * N),
                       .score_eq = take(device, t->R, 1)};
}

void gk_mlp_table_layout(gk_plan *plan, gk_arena *device)
{
    const gk_model *model = plan->model;
    const gk_shape *s = &model->shape;
    gk_table *t = &plan->table;
    bool sum = s->input == GK_INPUT_SUM;

    *t = (gk_table){.R = model->R,
                    .N = rows_of(s),
                    .D = sum ? s->D : 0,
                    .H = 1,
                    .F = s->F,
                    .C = s->C,
                    .rest = s->C,
                    .wide = true};
    t->table = take_tables(device, t);
    t->d_table = take_tables(device, t);
    t->table.w_l = model->params.w_u;
    t->d_table.w_l = model->grads.w_u;
    plan->product = sum ? take(device, t->R, (size_t)s->V * (size_t)s->F) : NULL;
}

/* n zeros, or the value, for one run of an array (R,n) */
static void fill(gk_backend *be, gk_real *array, int slot, size_t n, gk_real value)
{
    gk_real *host = gk_alloc(n, sizeof *host);

    for (size_t i = 0; i < n; i++) host[i] = value;
    be->upload(be, array + (size_t)slot * n, host, n * sizeof *host);
    free(host);
}

void gk_mlp_table_put(gk_plan *plan, int slot)
{
    const gk_table *t = &plan->table;
    size_t N = (size_t)t->N, W = (size_t)t->F + (size_t)t->rest;

    fill(plan->be, t->table.row, slot, N * W, 0);
    fill(plan->be, t->table.shift, slot, 2 * W, 0);
    fill(plan->be, t->table.base, slot, W, 0);
    fill(plan->be, t->table.score, slot, 2 * N, 0);
    fill(plan->be, t->table.score_eq, slot, 1, EXCLUDED);
}

/* Rows of `from` (R,rows,cols; ldi apart) to `to`, ldo apart, `times` (1 or 2) times. */
static void move(gk_plan *plan, gk_real *to, int ldo, const gk_real *from, int ldi, int rows,
                 int cols, int times)
{
    gk_backend *be = plan->be;
    size_t n = (size_t)rows;

    for (int i = 0; i < times; i++)
        be->add_rows(be, to, from, plan->table.R, rows, cols, ldo, ldi, n * (size_t)ldo,
                     n * (size_t)ldi, (gk_real)i);
}

void gk_mlp_table_build(gk_plan *plan)
{
    const gk_table *t = &plan->table;
    const gk_shape *s = &plan->model->shape;
    const gk_params *p = &plan->model->params;
    int N = t->N, F = t->F, W = F + t->rest;
    const gk_real *rows = p->w_in[0];

    if (plan->product) {
        gk_linear(plan->be, plan->product, p->w_e, s->D, (size_t)s->V * s->D, p->w_in[0], t->R,
                  s->V, s->D, F, 0);
        rows = plan->product;
    }
    move(plan, t->table.row, W, rows, F, N, F, 2);
    if (!s->biases) return;
    move(plan, t->table.base, W, p->b_in[0], F, 1, F, 1);
    move(plan, t->table.base + F, W, p->b_u, t->C, 1, t->C, 1);
}

void gk_mlp_table_back(gk_plan *plan)
{
    const gk_table *t = &plan->table;
    const gk_shape *s = &plan->model->shape;
    const gk_params *p = &plan->model->params, *g = &plan->model->grads;
    int N = t->N, F = t->F, W = F + t->rest;
    size_t sx = (size_t)s->V * s->D;

    move(plan, plan->product ? plan->product : g->w_in[0], F, t->d_table.row, W, N, F, 2);
    if (plan->product) {
        gk_linear_weight(plan->be, g->w_in[0], p->w_e, s->D, sx, plan->product, t->R, s->V, s->D, F,
                         0);
        gk_linear_input(plan->be, g->w_e, s->D, sx, plan->product, p->w_in[0], t->R, s->V, s->D, F,
                        0);
    }
    if (!s->biases) return;
    move(plan, g->b_in[0], F, t->d_table.base, W, 1, F, 1);
    move(plan, g->b_u, t->C, t->d_table.base + F, W, 1, t->C, 1);
}
