/* How a step is computed. The `ops` plan walks the network one op at a time and is general. */
#ifndef GK_PLAN_H
#define GK_PLAN_H

#include "gk/data.h"
#include "gk/model.h"

/* The plan that config.device.plan stands for, and why. */
const char *gk_plan_name(const gk_config *config, const gk_shape *shape, const char **why);

/* k updates of every active slot (full batch: k epochs). Looks at signals between updates; *done:
 * how many it did. Enqueues only: errors come out of be->sync. */
void gk_advance(gk_model *model, gk_data *data, int form, int64_t k, int64_t *done, gk_backend *be);

/* Gradients of the mean train loss at the current weights, into model->grads; train.sum gets loss
 * and hits. */
void gk_gradients(gk_model *model, gk_data *data, int form, gk_backend *be);

/* One block of it: the rows from `first` on; the activations stay. Blocks in order, the first one
 * resets set->sum. */
void gk_evaluate_block(gk_model *model, gk_set *set, int first, int form, gk_backend *be);

/* Loss and hits of a set at the current weights: sum (R,groups,2) on the host. */
void gk_evaluate(gk_model *model, gk_set *set, int form, double *sum, gk_backend *be);

#endif
