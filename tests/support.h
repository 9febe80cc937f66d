/* What several tests share: the oracle's folder, .npy files, a small run in memory. */
#ifndef GK_TEST_SUPPORT_H
#define GK_TEST_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gk/checkpoint.h"
#include "gk/measure.h"
#include "gk/train.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fails the test with the message of the failure. */
#define OK(call)                                                                                   \
    do {                                                                                           \
        if ((call) != GK_OK) fail_msg("%s: %s", #call, gk_message());                              \
    } while (0)

/* NaN fails. */
#define CLOSE(value, expected, relative)                                                           \
    do {                                                                                           \
        double close_a = (value), close_b = (expected);                                            \
        if (!(fabs(close_a - close_b) <= (relative) * fabs(close_b)))                              \
            fail_msg("%s = %.17g, expected %.17g within %g, off by %.3g", #value, close_a,         \
                     close_b, (double)(relative), fabs(close_a / close_b - 1));                    \
    } while (0)

/* Path of a file of the oracle (weights, gradients and curves from PyTorch; too large for the repository), or a
 * skipped test with the reason. Looked for in $GROKC_ORACLE, then beside the repository. */
static inline const char *oracle(const char *name)
{
    static char path[4][GK_PATH_MAX];
    static int turn;
    char *found = path[turn++ % 4];
    const char *folder = getenv("GROKC_ORACLE");

    snprintf(found, GK_PATH_MAX, "%s/%s", folder ? folder : GK_SOURCE_DIR "/../shared/oracle", name);
    if (!gk_exists(found)) {
        print_message("skipped: no %s (set GROKC_ORACLE to the folder that has it)\n", found);
        skip();
    }
    return found;
}

/* A one- or two-dimensional little-endian float64 .npy; caller frees. */
static inline double *read_npy(const char *path, size_t expected)
{
    char *bytes;
    size_t size;

    OK(gk_file_read(path, 1 << 24, &bytes, &size));
    assert_true(size > 10 && !memcmp(bytes, "\x93NUMPY", 6) && strstr(bytes + 10, "'<f8'"));
    size_t begin = 10 + (size_t)(unsigned char)bytes[8] + 256 * (size_t)(unsigned char)bytes[9];
    assert_int_equal(size - begin, expected * sizeof(double));
    double *values = malloc(expected * sizeof *values);
    memcpy(values, bytes + begin, expected * sizeof *values);
    free(bytes);
    return values;
}

/* R runs in memory, without directories: model and data on a backend, started from their configs' seeds. */
typedef struct lab {
    gk_backend be;
    gk_batch_size size;
    gk_model model;
    gk_data data;
    int R, form;
    void *device, *host;
    gk_slot *slot;
} lab;

static inline void lab_open(lab *l, const gk_config *config, int R, const char *device, int threads)
{
    memset(l, 0, sizeof *l);
    l->R = R;
    l->form = config[0].loss.form;
    OK(gk_batch_measure(&l->size, &config[0], R));
    OK(gk_backend_open(&l->be, device, threads));
    gk_arena d = {0}, h = {.size = 1 << 20};
    d.size = l->size.device_bytes;
    d.base = l->device = l->be.alloc(&l->be, d.size);
    h.base = l->host = aligned_alloc(256, h.size);
    assert_non_null(d.base);
    gk_model_layout(&l->model, &l->size.shape, R, l->size.rows, &d);
    gk_data_layout(&l->data, R, l->size.n_train, l->size.n_test, l->size.shape.T, &d, &h);
    gk_model_start(&l->model, &config[0], &l->be);
    l->slot = gk_alloc((size_t)R, sizeof *l->slot);
    gk_real *packed = gk_alloc(gk_parameters(&l->size.shape), sizeof *packed);
    for (int r = 0; r < R; r++) {
        const gk_config *c = &config[r];
        gk_task task;
        OK(gk_task_open(&task, c));
        OK(gk_data_put(&l->data, r, &task, c, &l->be));
        gk_task_close(&task);
        OK(gk_init(packed, &l->size.shape, c));
        gk_model_put(&l->model, &l->model.params, r, packed, &l->be);
        l->slot[r] = (gk_slot){.active = 1, .l2 = c->optim.decay, .warmup = c->optim.warmup,
                               .lr = c->optim.lr, .weight_decay = c->optim.weight_decay,
                               .beta1 = c->optim.beta1, .beta2 = c->optim.beta2,
                               .eps = c->optim.eps, .loss_max = -1};
    }
    l->be.upload(&l->be, l->model.slot, l->slot, (size_t)R * sizeof *l->slot);
    free(packed);
}

static inline void lab_advance(lab *l, int64_t k)
{
    int64_t done;

    gk_advance(&l->model, &l->data, l->form, k, &done, &l->be);
    OK(l->be.sync(&l->be));
    assert_int_equal(done, k);
    l->be.download(&l->be, l->slot, l->model.slot, (size_t)l->R * sizeof *l->slot);
}

static inline void lab_measure(lab *l, gk_row *row)
{
    gk_measure(row, &l->model, &l->data, l->form, l->slot, &l->be);
    OK(l->be.sync(&l->be));
}

/* A packed copy of one run's params, grads or moments; caller frees. */
static inline gk_real *lab_get(lab *l, const gk_params *blob, int r)
{
    gk_real *packed = gk_alloc(gk_parameters(&l->size.shape), sizeof *packed);

    gk_model_get(&l->model, blob, r, packed, &l->be);
    return packed;
}

static inline void lab_close(lab *l)
{
    gk_model_close(&l->model);
    l->be.release(&l->be, l->device);
    gk_backend_close(&l->be);
    free(l->host);
    free(l->slot);
}

/* A config from assignments, e.g. make_config(&c, (const char *[]){"task.p=7"}, 1). */
static inline void make_config(gk_config *config, const char *const *sets, int n)
{
    OK(gk_config_load(config, NULL, sets, n));
}

#define CONFIG(config, ...)                                                                        \
    make_config(config, (const char *[]){__VA_ARGS__},                                             \
                (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)))

#endif
