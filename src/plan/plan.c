/* A step: forward, loss, backward, then one update; and what measures see of the same network. */
#include "gk/plan.h"
#include "gk/network.h"

#include <stdlib.h>

gk_status gk_plan_choose(bool *tables, const char **why, const gk_config *config,
                         const gk_shape *shape)
{
    const char *reason = gk_no_tables(config, shape);

    *tables = !reason && config->device.plan != GK_PLAN_OPS;
    *why = config->device.plan != GK_PLAN_AUTO ? "asked for"
           : reason                            ? reason
                                               : "exact, and with less arithmetic";
    if (reason && config->device.plan == GK_PLAN_TABLE)
        return gk_fail(GK_EUSAGE, "device.plan: table cannot be: %s; use auto", reason);
    return GK_OK;
}

gk_recipe gk_recipe_of(const gk_config *config)
{
    return (gk_recipe){.loss = config->loss.name,
                       .form = config->loss.form,
                       .optimiser = config->optim.name,
                       .noise = config->optim.weight_noise > 0,
                       .to_init = config->optim.decay_to == GK_TO_INIT,
                       .biases = config->model.biases,
                       .positions = config->model.positions};
}

void gk_plan_layout(gk_plan *plan, gk_model *model, gk_data *data, gk_arena *device)
{
    plan->model = model;
    plan->data = data;
    plan->noisy = plan->anchor = (gk_params){0};
    if (plan->tables) gk_table_layout(plan, device);
    if (plan->recipe.noise) gk_params_layout(&plan->noisy, model, device);
    if (plan->recipe.to_init) gk_params_layout(&plan->anchor, model, device);
}

void gk_plan_put(gk_plan *plan, int slot, const gk_task *task, const gk_analysis *analysis,
                 const gk_real *initial)
{
    if (plan->tables) gk_table_put(plan, slot, task, analysis);
    if (plan->recipe.to_init) gk_model_put(plan->model, &plan->anchor, slot, initial, plan->be);
}

/* What a mean loss is the mean of. */
static double scored(const gk_set *set) { return (double)set->B * set->scored; }

/* Losses of the block whose logits are in the activations are added to set->sum (R,groups,2). */
static void block_loss(gk_plan *plan, gk_set *set, int first, bool gradient)
{
    gk_backend *be = plan->be;
    const gk_recipe *recipe = &plan->recipe;
    gk_real *logits = gk_dlogits(plan->model), *d = gradient ? logits : NULL;
    int R = set->R, S = set->S, C = plan->model->shape.C,
        rows = gk_set_block_rows(set, first, plan->model->rows) * S;
    size_t at = (size_t)first * (size_t)R * (size_t)S;
    const int32_t *label = set->label + at;
    double scale = 1 / scored(set);

    if (recipe->loss == GK_HINGE)
        be->hinge(be, set->row_loss, set->row_hit, d, logits, label, R, rows, C, scale);
    else if (recipe->loss == GK_MSE)
        be->squared_error(be, set->row_loss, set->row_hit, d, logits, label, R, rows, C, scale);
    else
        be->log_softmax(be, set->row_loss, set->row_hit, d, logits, label, R, rows, C, recipe->form,
                        scale);
    be->group_sums(be, set->sum, set->row_loss, set->row_hit, set->group + at, R, rows, set->groups,
                   first > 0);
}

static const int32_t *block_tokens(const gk_set *set, int first)
{
    return set->token + (size_t)first * (size_t)set->R * (size_t)set->T;
}

/* Of the mean loss of a set: at the model's weights, with dropout where the model is training. */
static void ops_gradients(gk_plan *plan, gk_set *set)
{
    gk_model *model = plan->model;
    gk_backend *be = plan->be;

    for (int first = 0; first < set->B; first += model->rows) {
        int rows = gk_set_block_rows(set, first, model->rows);
        be->enter(be, "forward");
        gk_forward(model, block_tokens(set, first), first, rows, be);
        block_loss(plan, set, first, true);
        be->leave(be);
        be->enter(be, "backward");
        gk_backward(model, block_tokens(set, first), first, rows, first > 0, be);
        be->leave(be);
    }
}

void gk_gradients(gk_plan *plan)
{
    if (plan->tables)
        gk_table_gradients(plan);
    else
        ops_gradients(plan, &plan->data->train);
}

void gk_step_gradients(gk_plan *plan)
{
    gk_model *model = plan->model;
    gk_params clean = model->params;

    if (plan->tables) {
        gk_table_gradients(plan);
        return;
    }
    gk_data_select(plan->data, model->slot, plan->be);
    if (plan->recipe.noise) {
        plan->be->add_noise(plan->be, plan->noisy.blob, clean.blob, model->slot, model->span,
                            model->n_tensors, model->R);
        model->params = plan->noisy;
    }
    model->training = true;
    ops_gradients(plan, &plan->data->train);
    model->training = false;
    model->params = clean;
}

/* One op for each line of optimisers.def, which takes as many moments as that line says. */
static void update(gk_plan *plan)
{
    gk_model *model = plan->model;
    gk_backend *be = plan->be;
    const gk_real *anchor = plan->anchor.blob, *grad = model->grads.blob;
    gk_real *param = model->params.blob, *m = model->m.blob, *v = model->v.blob;
    const gk_slot *slot = model->slot;
    const gk_tensor_span *span = model->span;
    int n = model->n_tensors, R = model->R;

    switch ((enum gk_optimiser)plan->recipe.optimiser) {
#define MOMENTS_1 m
#define MOMENTS_2 m, v
#define OPTIMISER(id, op, name, decay, momentum, moments, ...)                                     \
    case GK_##id:                                                                                  \
        be->op(be, param, MOMENTS_##moments, grad, anchor, slot, span, n, R);                      \
        break;
#include "gk/optimisers.def"
#undef OPTIMISER
    }
}

static void step(void *context)
{
    gk_plan *plan = context;
    gk_backend *be = plan->be;
    gk_set *set = &plan->data->train;

    be->enter(be, "step");
    gk_step_gradients(plan);
    be->enter(be, "update");
    be->tick(be, plan->model->slot, set->sum, plan->model->R, scored(set));
    update(plan);
    be->leave(be);
    be->leave(be);
}

void gk_advance(gk_plan *plan, int64_t k, int64_t *done)
{
    *done = plan->be->repeat(plan->be, step, plan, k);
}

void gk_forward_ops(gk_plan *plan, const gk_set *set, int first)
{
    gk_forward(plan->model, block_tokens(set, first), first,
               gk_set_block_rows(set, first, plan->model->rows), plan->be);
}

void gk_evaluate_block(gk_plan *plan, gk_set *set, int first)
{
    int rows = gk_set_block_rows(set, first, plan->model->rows);

    if (plan->tables && plan->model->shape.kind == GK_TRANSFORMER)
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
