/* A step: forward, loss, backward, then one update; and what measures see of the same network. */
#include "gk/plan.h"
#include "activations.h"

gk_status gk_plan_choose(bool *tables, const char **why, const gk_config *config,
                         const gk_shape *shape)
{
    const char *reason = gk_no_tables(shape);

    *tables = !reason && config->device.plan != GK_PLAN_OPS;
    *why = config->device.plan != GK_PLAN_AUTO ? "asked for"
           : reason                            ? reason
                                               : "exact, and a ninth of the arithmetic";
    if (reason && config->device.plan == GK_PLAN_TABLE)
        return gk_fail(GK_EUSAGE, "device.plan: table cannot be: %s; use auto", reason);
    return GK_OK;
}

void gk_plan_layout(gk_plan *plan, gk_model *model, gk_data *data, gk_arena *device)
{
    plan->model = model;
    plan->data = data;
    if (plan->tables) gk_table_layout(plan, device);
}

void gk_plan_put(gk_plan *plan, int slot, const gk_task *task, const gk_analysis *analysis)
{
    if (plan->tables) gk_table_put(plan, slot, task, analysis);
}

/* Losses of the block whose logits are in the activations are added to set->sum (R,groups,2). */
static void block_loss(gk_plan *plan, gk_set *set, int first, bool gradient)
{
    gk_backend *be = plan->be;
    gk_real *logits = gk_dlogits(plan->model);
    int R = set->R, rows = gk_set_block_rows(set, first, plan->model->rows);
    size_t at = (size_t)first * (size_t)R;

    be->log_softmax(be, set->row_loss, set->row_hit, gradient ? logits : NULL, logits,
                    set->label + at, R, rows, plan->model->shape.C, plan->form, 1.0 / set->B);
    be->group_sums(be, set->sum, set->row_loss, set->row_hit, set->group + at, R, rows, set->groups,
                   first > 0);
}

static const int32_t *block_tokens(const gk_set *set, int first)
{
    return set->token + (size_t)first * (size_t)set->R * (size_t)set->T;
}

static void ops_gradients(gk_plan *plan)
{
    gk_model *model = plan->model;
    gk_set *set = &plan->data->train;
    gk_backend *be = plan->be;

    for (int first = 0; first < set->B; first += model->rows) {
        int rows = gk_set_block_rows(set, first, model->rows);
        be->enter(be, "forward");
        gk_forward(model, block_tokens(set, first), rows, be);
        block_loss(plan, set, first, true);
        be->leave(be);
        be->enter(be, "backward");
        gk_backward(model, block_tokens(set, first), rows, first > 0, be);
        be->leave(be);
    }
}

void gk_gradients(gk_plan *plan)
{
    if (plan->tables)
        gk_table_gradients(plan);
    else
        ops_gradients(plan);
}

static void step(void *context)
{
    gk_plan *plan = context;
    gk_model *model = plan->model;
    gk_backend *be = plan->be;

    be->enter(be, "step");
    gk_gradients(plan);
    be->enter(be, "update");
    be->tick(be, model->slot, plan->data->train.sum, model->R, plan->data->train.B);
    be->adamw(be, model->params.blob, model->m.blob, model->v.blob, model->grads.blob, model->slot,
              model->span, model->n_tensors, model->R);
    be->leave(be);
    be->leave(be);
}

void gk_advance(gk_plan *plan, int64_t k, int64_t *done)
{
    *done = plan->be->repeat(plan->be, step, plan, k);
}

void gk_forward_ops(gk_plan *plan, const gk_set *set, int first)
{
    gk_forward(plan->model, block_tokens(set, first),
               gk_set_block_rows(set, first, plan->model->rows), plan->be);
}

void gk_evaluate_block(gk_plan *plan, gk_set *set, int first)
{
    int rows = gk_set_block_rows(set, first, plan->model->rows);

    if (plan->tables)
        gk_table_forward(plan, block_tokens(set, first), rows, first == 0);
    else
        gk_forward_ops(plan, set, first);
    block_loss(plan, set, first, false);
}

void gk_evaluate(gk_plan *plan, gk_set *set, double *sum)
{
    for (int first = 0; first < set->B; first += plan->model->rows)
        gk_evaluate_block(plan, set, first);
    plan->be->download(plan->be, sum, set->sum,
                       (size_t)set->R * (size_t)set->groups * 2 * sizeof *sum);
}
