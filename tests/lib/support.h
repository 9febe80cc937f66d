/* What several tests share: the oracle's folder, .npy files, a small run in memory. */
#ifndef GK_TEST_SUPPORT_H
#define GK_TEST_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gk/changes.h"
#include "gk/fit.h"
#include "gk/measure.h"
#include "gk/train.h"
#include "gk/weights.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fails the test with the message of the failure. */
#define OK(call)                                                                                   \
    do {                                                                                           \
        if ((call) != GK_OK) fail_msg("%s: %s", #call, gk_message());                              \
    } while (0)

/* Built with AddressSanitizer or ThreadSanitizer, ten times slower: tests do less. */
#ifdef __clang__
enum { SANITIZED = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) };
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

/* Opens a backend of this build. False, and said, where the machine has nothing that it could
 * use. */
static inline bool opens(gk_backend *be, const char *name)
{
    gk_status status = gk_backend_open(be, name, NULL);

    if (status == GK_EDEVICE || status == GK_ENODEVICE)
        print_message("skipped: %s: %s\n", name, gk_message());
    else
        OK(status);
    return status == GK_OK;
}

/* NaN fails. */
#define CLOSE(value, expected, relative)                                                           \
    do {                                                                                           \
        double close_a = (value), close_b = (expected);                                            \
        if (!(fabs(close_a - close_b) <= (relative)*fabs(close_b)))                                \
            fail_msg("%s = %.17g, expected %.17g within %g, off by %.3g", #value, close_a,         \
                     close_b, (double)(relative), fabs(close_a / close_b - 1));                    \
    } while (0)

/* Path of a file of the oracle (weights, gradients and curves from PyTorch; too large for the
 * repository), or a skipped test with the reason. Looked for in $GROKC_ORACLE, then beside the
 * repository. */
static inline const char *oracle(const char *name)
{
    static char path[4][GK_PATH_MAX];
    static int turn;
    char *found = path[turn++ % 4];
    const char *from = getenv("GROKC_ORACLE");

    snprintf(found, GK_PATH_MAX, "%s/%s", from ? from : GK_SOURCE_DIR "/../shared/oracle", name);
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

/* R runs in memory, without directories, started from their configs' seeds. */
typedef struct lab {
    gk_backend be;
    gk_batch batch;
} lab;

static inline void lab_open(lab *l, const gk_config *config, int R, const char *device, int threads)
{
    const gk_config *configs[16];

    assert_true(R <= 16);
    for (int r = 0; r < R; r++) configs[r] = &config[r];
    OK(gk_backend_open(&l->be, device, &(gk_device_options){.threads = threads}));
    OK(gk_batch_open(&l->batch, configs, R, &l->be));
    for (int r = 0; r < R; r++) {
        OK(gk_init(l->batch.stage.params, &l->batch.size.shape, &config[r]));
        gk_batch_put(&l->batch, r);
        gk_batch_set_slot(&l->batch, r, &config[r], 0, -1);
    }
    gk_batch_upload_slots(&l->batch);
}

static inline void lab_advance(lab *l, int64_t k)
{
    int64_t done;

    gk_batch_advance(&l->batch, k, &done);
    OK(gk_batch_download_slots(&l->batch));
    assert_int_equal(done, k);
}

/* The rows of all runs (R), without a key set; their texts are released. */
static inline void lab_measure(lab *l, gk_row *row)
{
    gk_key_watch none = {0};

    gk_batch_observe(&l->batch);
    for (int r = 0; r < l->batch.R; r++) {
        gk_batch_row(&l->batch, r, &row[r], &none);
        gk_row_free(&row[r]);
        none = (gk_key_watch){0};
    }
    OK(l->be.sync(&l->be));
}

/* A packed copy of one run's params, grads or moments; caller frees. */
static inline gk_real *lab_get(lab *l, const gk_params *blob, int r)
{
    gk_real *packed = gk_alloc(gk_parameters(&l->batch.size.shape), sizeof *packed);

    gk_model_get(&l->batch.model, blob, r, packed, &l->be);
    return packed;
}

static inline void lab_close(lab *l)
{
    gk_batch_close(&l->batch);
    gk_backend_close(&l->be);
}

/* A config file (NULL: defaults) and assignments. GROKC_TEST_PLAN: the plan of those that do not
 * name one. */
static inline void load_config(gk_config *config, const char *path, const char *const *sets, int n)
{
    const char *set[32], *plan = getenv("GROKC_TEST_PLAN");
    char first[64];

    assert_true(n < 32);
    snprintf(first, sizeof first, "device.plan=%s", plan ? plan : "auto");
    set[0] = first;
    for (int i = 0; i < n; i++) set[i + 1] = sets[i];
    OK(gk_config_load(config, path, set, n + 1));
}

/* e.g. make_config(&c, (const char *[]){"task.p=7"}, 1) */
static inline void make_config(gk_config *config, const char *const *sets, int n)
{
    load_config(config, NULL, sets, n);
}

#define CONFIG(config, ...)                                                                        \
    make_config(config, (const char *[]){__VA_ARGS__},                                             \
                (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)))

#endif
