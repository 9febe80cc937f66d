/* The gradient of a whole model against central differences along every coordinate. */
#ifndef GK_TEST_DIFFERENCES_H
#define GK_TEST_DIFFERENCES_H

#include "lib/support.h"

/* The loss of the next update, which leaves its gradient too. */
static inline double step_loss(lab *l)
{
    const gk_set *train = &l->batch.data.train;
    double sum[2];

    gk_step_gradients(&l->batch.plan);
    l->be.download(&l->be, sum, train->sum, sizeof sum);
    return sum[0] / ((double)train->B * train->scored);
}

/* Biases start at zero and layer norms as the identity, where their gradients would look the same
 * for many wrong formulas: moves them away. */
static inline void stir_biases(lab *l, gk_real *packed)
{
    for (int i = 0; i < l->batch.model.n_tensors; i++) {
        const gk_tensor *t = &l->batch.model.tensor[i];
        bool vector = gk_is_bias(t) || t->form == GK_FORM_NORM;
        for (size_t j = 0; vector && j < t->size; j++)
            packed[t->packed + j] += (gk_real)(0.05 * sin((double)(7 * i) + (double)j));
    }
    gk_model_put(&l->batch.model, &l->batch.model.params, 0, packed, &l->be);
}

/* Of one tensor: the largest difference between `gradient` and what the loss does. */
static inline void check_tensor_gradient(lab *l, gk_real *packed, const gk_real *gradient,
                                         const gk_tensor *t)
{
    double worst = 0, largest = 0;

    for (size_t j = t->packed; j < t->packed + t->size; j++) {
        const double step = 1e-5;
        double kept = (double)packed[j], loss[2];
        for (int side = 0; side < 2; side++) {
            packed[j] = (gk_real)(kept + (side ? step : -step));
            gk_model_put(&l->batch.model, &l->batch.model.params, 0, packed, &l->be);
            loss[side] = step_loss(l);
        }
        packed[j] = (gk_real)kept;
        worst = fmax(worst, fabs((loss[1] - loss[0]) / (2 * step) - (double)gradient[j]));
        largest = fmax(largest, fabs((double)gradient[j]));
    }
    /* b_K adds the same to every score of a query: softmax does not see it */
    bool idle = t->id == GK_ID_b_k;
    /* truncation is about step^2 = 1e-10, rounding eps loss / step = 4e-11; a ReLU that changes
     * side inside the step would show as 1e-6 or more: the seeds of the tests have none */
    if (!(worst <= 2e-8 * fmax(largest, 1e-2)) || !(idle ? largest < 1e-15 : largest > 1e-9))
        fail_msg("%s: off by %g, largest %g", t->name, worst, largest);
}

/* Only in double are differences sharp enough to prove anything. */
static inline void check_gradients(const gk_config *config)
{
    lab l;

    if (sizeof(gk_real) == 4) {
        print_message("skipped: central differences need double (this test's .f64 does them)\n");
        skip();
    }
    lab_open(&l, config, 1, "ref", 1);
    gk_real *packed = lab_get(&l, &l.batch.model.params, 0);
    stir_biases(&l, packed);
    step_loss(&l);
    gk_real *gradient = lab_get(&l, &l.batch.model.grads, 0);
    for (int i = 0; i < l.batch.model.n_tensors; i++)
        check_tensor_gradient(&l, packed, gradient, &l.batch.model.tensor[i]);
    free(gradient);
    free(packed);
    lab_close(&l);
}

#endif
