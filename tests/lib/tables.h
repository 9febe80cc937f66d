/* Gradients of the plans at given weights against direct.h. For test_table.c and slow_table.c. */
#ifndef GK_TEST_TABLES_H
#define GK_TEST_TABLES_H

#include "lib/direct.h"

#include <unistd.h>

/* Pairs with a hidden unit this near to zero are not trained on here: rounding may switch it on or
 * off, which moves a gradient by more than all other rounding together. */
static const double NEAR = 1e-5;

/* Writes a split that trains on the pairs of seed 0's training set without those; returns how
 * many. `g` gets their gradient. */
static inline int safe_split(const char *path, direct *d, const gk_config *config)
{
    gk_task task;
    direct_pair a;
    int n_train, kept = 0;
    gk_text ids = {0};

    OK(gk_task_open(&task, config));
    int *order = gk_alloc((size_t)task.n, sizeof *order),
        *safe = gk_alloc((size_t)task.n, sizeof *safe);
    OK(gk_split(order, &n_train, &task, config));
    direct_pair_open(&a, d->s);
    for (int pass = 0; pass < 2; pass++) /* count, then add up */
        for (int i = 0; i < n_train; i++) {
            int32_t token[3], label;
            task.example(&task, order[i], token, &label);
            if (pass && !safe[order[i]]) continue;
            double nearest = direct_forward(&a, d, token[0], token[1]);
            if (pass)
                direct_backward(&a, d, label, 1.0 / kept);
            else
                kept += safe[order[i]] = nearest > NEAR;
        }
    direct_finish(d);
    for (int want = 1; want >= 0; want--)
        for (int i = 0; i < task.n; i++)
            if (safe[order[i]] == want) gk_text_add(&ids, "%d\n", task.id(&task, order[i]));
    OK(gk_file_replace(path, ids.data, ids.length));
    gk_text_free(&ids);
    free(a.A);
    free(order);
    free(safe);
    gk_task_close(&task);
    return kept;
}

/* Largest error of each tensor's gradient, relative to its largest entry. */
static inline void plan_errors(double *error, const gk_config *config, const gk_real *weights,
                               const direct *d, const char *device)
{
    lab l;

    lab_open(&l, config, 1, device, 2);
    memcpy(l.batch.stage.params, weights, gk_parameters(d->s) * sizeof *weights);
    gk_batch_put(&l.batch, 0);
    assert_true(l.batch.plan.tables == (config->device.plan == GK_PLAN_TABLE));
    gk_gradients(&l.batch.plan);
    gk_real *mine = lab_get(&l, &l.batch.model.grads, 0);
    for (int i = 0; i < l.batch.model.n_tensors; i++) {
        const gk_tensor *t = &l.batch.model.tensor[i];
        double worst = 0, largest = 0;
        for (size_t j = t->packed; j < t->packed + t->size; j++) {
            double off = fabs((double)mine[j] - d->g[j]);
            worst = off <= worst ? worst : off; /* NaN is taken over */
            largest = fmax(largest, fabs(d->g[j]));
        }
        error[i] = worst / largest;
    }
    free(mine);
    lab_close(&l);
}

/* In float, the table plan may be 3 times as far off as the ops plan, plus 1e-6; in double both
 * are right. */
static inline void compare_plans(const char *name, const gk_real *weights)
{
    char path[64];
    gk_config config;
    gk_batch_size size;
    direct d;
    double error[2][GK_TENSORS_MAX];
    gk_tensor list[GK_TENSORS_MAX];
    char fraction[64], split[96];

    snprintf(path, sizeof path, "safe_split.%d.txt", (int)getpid());
    OK(gk_config_load(&config, GK_SOURCE_DIR "/configs/paper.yaml", NULL, 0));
    OK(gk_batch_size_of(&size, &config, 1));
    direct_open(&d, &size.shape, weights);
    int kept = safe_split(path, &d, &config);
    snprintf(fraction, sizeof fraction, "task.train_fraction=%.17g", (kept + 0.5) / 12769);
    snprintf(split, sizeof split, "task.split=file:%s", path);
    for (int plan = 0; plan < 2; plan++) {
        const char *set[] = {plan ? "device.plan=table" : "device.plan=ops", fraction, split};
        OK(gk_config_load(&config, GK_SOURCE_DIR "/configs/paper.yaml", set, 3));
        plan_errors(error[plan], &config, weights, &d, "auto");
    }
    int n = gk_tensors(list, &size.shape);
    print_message("%s, %d pairs: error of ops, of tables\n", name, kept);
    for (int i = 0; i < n; i++) {
        double limit = sizeof(gk_real) == sizeof(double) ? 1e-10 : 3 * error[0][i] + 1e-6;
        print_message("  %-22s %.2e  %.2e\n", list[i].name, error[0][i], error[1][i]);
        if (!(error[1][i] <= limit)) fail_msg("%s: more than %g", list[i].name, limit);
        if (sizeof(gk_real) == sizeof(double) && !(error[0][i] <= limit))
            fail_msg("%s of plan ops: more than %g", list[i].name, limit);
    }
    direct_close(&d);
    remove(path);
}

/* The weights of seed 0 after so many epochs of the table plan. */
static inline gk_real *trained(int epochs)
{
    gk_config config;
    lab l;

    OK(gk_config_load(&config, GK_SOURCE_DIR "/configs/paper.yaml", NULL, 0));
    lab_open(&l, &config, 1, "auto", 2);
    lab_advance(&l, epochs);
    gk_real *weights = lab_get(&l, &l.batch.model.params, 0);
    lab_close(&l);
    return weights;
}

#endif
