/* The ops plan: a step is forward, loss, backward over the blocks of the batch, then one update. */
#include "gk/plan.h"

const char *gk_plan_name(const gk_config *config, const gk_shape *shape, const char **why)
{
    (void)shape;
    *why = config->device.plan == GK_PLAN_OPS ? "asked for" : "the only plan of this version";
    return "ops";
}

/* One block of a set through network and loss; its rows' losses are added to set->sum
 * (R,groups,2). */
static void block_loss(gk_model *model, gk_set *set, int first, int form, bool gradient,
                       gk_backend *be)
{
    int R = set->R, rows = gk_set_block_rows(set, first, model->rows);
    size_t at = (size_t)first * (size_t)R;
    const gk_real *logits = gk_forward(model, set->token + at * (size_t)set->T, rows, be);

    be->log_softmax(be, set->row_loss, set->row_hit, gradient ? gk_dlogits(model) : NULL, logits,
                    set->label + at, R, rows, model->shape.C, form, 1.0 / set->B);
    be->group_sums(be, set->sum, set->row_loss, set->row_hit, set->group + at, R, rows, set->groups,
                   first > 0);
}

void gk_gradients(gk_model *model, gk_data *data, int form, gk_backend *be)
{
    gk_set *set = &data->train;

    for (int first = 0; first < set->B; first += model->rows) {
        int rows = gk_set_block_rows(set, first, model->rows);
        block_loss(model, set, first, form, true, be);
        gk_backward(model, set->token + (size_t)first * (size_t)set->R * (size_t)set->T, rows,
                    first > 0, be);
    }
}

void gk_advance(gk_model *model, gk_data *data, int form, int64_t k, int64_t *done, gk_backend *be)
{
    for (*done = 0; *done < k; ++*done) {
        if (*done && gk_signal_seen()) return;
        gk_gradients(model, data, form, be);
        be->tick(be, model->slot, data->train.sum, model->R, data->train.B);
        be->adamw(be, model->params.blob, model->m.blob, model->v.blob, model->grads.blob,
                  model->slot, model->span, model->n_tensors, model->R);
    }
}

void gk_evaluate(gk_model *model, gk_set *set, int form, double *sum, gk_backend *be)
{
    for (int first = 0; first < set->B; first += model->rows)
        block_loss(model, set, first, form, false, be);
    be->download(be, sum, set->sum, (size_t)set->R * (size_t)set->groups * 2 * sizeof *sum);
}

void gk_evaluate_block(gk_model *model, gk_set *set, int first, int form, gk_backend *be)
{
    block_loss(model, set, first, form, false, be);
}
