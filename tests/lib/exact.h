/* Seed 0 in double against PyTorch's float64: losses, gradients, weights and moments. For
 * test_exact.c (the first ten epochs) and slow_exact.c (two hundred). */
#ifndef GK_TEST_EXACT_H
#define GK_TEST_EXACT_H

#include "lib/support.h"

enum { CURVE = 201 };

static inline void paper_config(gk_config *config)
{
    char init[GK_PATH_MAX + 32], split[] = "task.split=python:0";

    snprintf(init, sizeof init, "model.init=file:%s", oracle("seed0/init_f32.safetensors"));
    load_config(config, GK_SOURCE_DIR "/configs/paper.yaml", (const char *[]){init, split}, 2);
}

/* Per tensor: |mine - stored|_inf <= limit |stored|_inf for the tensors PREFIX + name of a file. */
static inline void compare_tensors(lab *l, const gk_params *blob, const char *path,
                                   const char *prefix, double limit)
{
    gk_tensors_file file;
    gk_real *stored = gk_alloc(gk_parameters(&l->batch.size.shape), sizeof *stored);
    gk_real *mine = lab_get(l, blob, 0);

    OK(gk_tensors_load(&file, path));
    OK(gk_tensors_read(&file, path, prefix, &l->batch.size.shape, stored));
    for (int i = 0; i < l->batch.model.n_tensors; i++) {
        const gk_tensor *t = &l->batch.model.tensor[i];
        double worst = 0, largest = 0;
        for (size_t j = t->packed; j < t->packed + t->size; j++) {
            double off = fabs((double)mine[j] - (double)stored[j]);
            worst = off <= worst ? worst : off; /* NaN is taken over */
            largest = fmax(largest, fabs((double)stored[j]));
        }
        print_message("  %s%s: off by %.2e of the largest\n", prefix, t->name, worst / largest);
        if (!(worst <= limit * largest))
            fail_msg("%s%s: %g of %g", prefix, t->name, worst, largest);
    }
    gk_tensors_close(&file);
    free(stored);
    free(mine);
}

/* Relative 1e-12 through epoch 60, 1e-9 through 200. */
static inline void compare_row(lab *l, const double *curve, int epoch)
{
    gk_row row;
    double limit = epoch <= 60 ? 1e-12 : 1e-9;

    lab_measure(l, &row);
    CLOSE(row.train_loss, curve[epoch], limit);
    CLOSE(row.test_loss, curve[CURVE + epoch], limit);
}

#endif
