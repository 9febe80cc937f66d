/* Trials of the ops that decoders and MLPs need besides those of network_ops.c: their arrays,
 * and the call. Sizes: cases.c. */
#include "gk/verify.h"
#include "verify/trial.h"

#include <string.h>

static const int32_t *indices(gk_trial *t, size_t n, int below)
{
    gk_trial_array array = {.element = sizeof(int32_t), .layout = gk_trial_layout_flat(n)};

    return gk_trial_add(t, array, gk_fill_int, below);
}

enum { AROUND_ZERO, FAR_FROM_ZERO, CONSTANT }; /* what the rows of layer_norm are like */

static void fill_row(const gk_trial *t, void *element, int run, size_t i, double u, double x)
{
    gk_real value = (gk_real)(2 * u - 1);

    if (x == FAR_FROM_ZERO) value += 1000;
    if (x == CONSTANT) value = (gk_real)0.1 * (gk_real)(i / t->size[1] + run);
    memcpy(element, &value, sizeof value);
}

/* x - mean is exact to an ulp of itself where the mean is kept in more than float: rows far from
 * zero have the same limit. */
void gk_trial_layer_norm(gk_trial *t)
{
    int rows = t->size[0], D = t->size[1], kind = t->size[2];
    gk_trial_layout matrix = gk_trial_layout_flat((size_t)rows * D),
                    columns = gk_trial_layout_flat(D);
    gk_trial_array stats = {.element = sizeof(gk_real),
                            .layout = gk_trial_layout_flat((size_t)rows * 2),
                            .compare = GK_EACH,
                            .limit = gk_verify_limit(2, 1),
                            .floor = 1e-3};
    gk_trial_array input = {.element = sizeof(gk_real), .layout = matrix};
    gk_real *y = gk_trial_out(t, matrix, 0, gk_verify_limit(8, 1));
    gk_real *stat = gk_trial_add(t, stats, NULL, 0);
    const gk_real *x = gk_trial_add(t, input, fill_row, kind);
    const gk_real *w = gk_trial_in(t, columns, 1), *b = gk_trial_in(t, columns, 1);

    while (gk_trial_again(t)) t->be->layer_norm(t->be, y, stat, x, w, b, t->R, rows, D);
}

/* A mean of up to 0.1, then 1 to 2 as one over the deviation of rows in -1 .. 1. */
static void fill_stat(const gk_trial *t, void *element, int run, size_t i, double u, double x)
{
    gk_real value = (gk_real)(i % 2 ? 1 + u : 0.2 * u - 0.1);

    (void)t, (void)run, (void)x;
    memcpy(element, &value, sizeof value);
}

void gk_trial_layer_norm_back(gk_trial *t)
{
    int rows = t->size[0], D = t->size[1], in_place = t->size[2];
    gk_real beta = (gk_real)t->size[3];
    gk_trial_layout matrix = gk_trial_layout_flat((size_t)rows * D),
                    columns = gk_trial_layout_flat(D);
    gk_trial_array stats = {.element = sizeof(gk_real),
                            .layout = gk_trial_layout_flat((size_t)rows * 2)};
    gk_real *dx = gk_trial_inout(t, matrix, in_place ? 1 : 0, gk_verify_limit(8, 1));
    gk_real *dw = gk_trial_out(t, columns, beta, gk_verify_limit(8, rows));
    gk_real *db = gk_trial_out(t, columns, beta, gk_verify_limit(4, rows));
    const gk_real *dy = in_place ? dx : gk_trial_in(t, matrix, 1), *x = gk_trial_in(t, matrix, 1);
    const gk_real *stat = gk_trial_add(t, stats, fill_stat, 0), *w = gk_trial_in(t, columns, 1);

    while (gk_trial_again(t))
        t->be->layer_norm_back(t->be, dx, dw, db, dy, x, stat, w, t->R, rows, D, beta);
}

/* Run r is at step 2^x + r. */
static void fill_slot(const gk_trial *t, void *element, int run, size_t i, double u, double x)
{
    gk_slot slot = {.step = ((int64_t)1 << (int)x) + run,
                    .active = run != 1,
                    .seed = (uint64_t)(run + 1) << 32 | 7};

    (void)t, (void)i, (void)u;
    memcpy(element, &slot, sizeof slot);
}

static const gk_slot *slots(gk_trial *t, int log2_step)
{
    gk_trial_array array = {.element = sizeof(gk_slot), .layout = gk_trial_layout_flat(1)};

    return gk_trial_add(t, array, fill_slot, log2_step);
}

void gk_trial_dropout(gk_trial *t)
{
    const int *s = t->size;
    size_t n = s[0], first = s[1];
    gk_real *x = gk_trial_inout(t, gk_trial_layout_flat(n), 1, gk_verify_limit(2, 1));
    const gk_slot *slot = slots(t, s[4]);

    while (gk_trial_again(t)) t->be->dropout(t->be, x, slot, t->R, n, first, s[2], s[3] / 100.0);
}

void gk_trial_bag(gk_trial *t)
{
    int B = t->size[0], T = t->size[1], D = t->size[2], V = t->size[3], apart = t->size[4];
    size_t rows = (size_t)V * (apart ? T : 1);
    gk_real *x = gk_trial_out(t, gk_trial_layout_flat((size_t)B * D), 0, gk_verify_limit(2, T));
    const gk_real *w = gk_trial_in(t, gk_trial_layout_flat(rows * D), 1);
    const int32_t *token = indices(t, (size_t)B * T, V);

    while (gk_trial_again(t)) t->be->bag(t->be, x, w, token, t->R, B, T, D, V, apart);
}

void gk_trial_bag_back(gk_trial *t)
{
    int B = t->size[0], T = t->size[1], D = t->size[2], V = t->size[3], apart = t->size[4];
    gk_real beta = (gk_real)t->size[5];
    size_t rows = (size_t)V * (apart ? T : 1);
    gk_real *d_w =
        gk_trial_out(t, gk_trial_layout_flat(rows * D), beta, gk_verify_limit(4, (double)B * T));
    const gk_real *dx = gk_trial_in(t, gk_trial_layout_flat((size_t)B * D), 1);
    const int32_t *token = indices(t, (size_t)B * T, V);

    while (gk_trial_again(t)) t->be->bag_back(t->be, d_w, dx, token, t->R, B, T, D, V, apart, beta);
}

void gk_trial_signs(gk_trial *t)
{
    int B = t->size[0], T = t->size[1];
    gk_trial_array out = {.element = sizeof(gk_real),
                          .layout = gk_trial_layout_flat((size_t)B * T),
                          .compare = GK_SAME};
    gk_real *x = gk_trial_add(t, out, NULL, 0);
    const int32_t *token = indices(t, (size_t)B * T, 2);

    while (gk_trial_again(t)) t->be->signs(t->be, x, token, t->R, B, T);
}

void gk_trial_select_rows(gk_trial *t)
{
    int B = t->size[0], N = t->size[1], cols = t->size[2], ring = t->size[3];
    gk_trial_array rows = {.element = sizeof(int32_t),
                           .layout = gk_trial_layout_flat((size_t)B * cols),
                           .compare = GK_SAME};
    int32_t *out = gk_trial_add(t, rows, NULL, 0);
    const int32_t *pool = indices(t, (size_t)N * cols, 1 << 30);
    const int32_t *index = indices(t, (size_t)ring * B, N);
    const gk_slot *slot = slots(t, t->size[4]);

    while (gk_trial_again(t))
        t->be->select_rows(t->be, out, pool, index, slot, t->R, B, N, cols, ring);
}
