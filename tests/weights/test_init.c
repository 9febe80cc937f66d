/* Initial weights: the published ones bit for bit against PyTorch's, our own against another
 * program's, both laid out as memory has them. */
#include "lib/support.h"
#include "golden/seeds.h"

#include <unistd.h>
#include <zlib.h>

#define LENGTH(array) (sizeof(array) / sizeof *(array))

static const gk_shape paper = {
    .L = 1, .T = 3, .V = 114, .D = 128, .H = 4, .K = 32, .F = 512, .C = 114, .biases = true};
static const gk_shape small = {
    .L = 2, .T = 3, .V = 12, .D = 20, .H = 3, .K = 7, .F = 33, .C = 11, .biases = true};

static gk_status start(gk_real *packed, const gk_shape *shape, const char *init)
{
    static gk_config config;

    snprintf(config.model.init, sizeof config.model.init, "%s", init);
    return gk_init(packed, shape, &config);
}

/* A blob poisoned with NaN, then initialised; caller frees. */
static gk_real *weights(const gk_shape *shape, const char *init)
{
    size_t n = gk_parameters(shape);
    gk_real *packed = gk_alloc(n, sizeof *packed);

    for (size_t i = 0; i < n; i++) packed[i] = (gk_real)NAN;
    OK(start(packed, shape, init));
    return packed;
}

static gk_tensor tensor(const gk_shape *shape, const char *name)
{
    gk_tensor list[GK_TENSORS_MAX];
    int n = gk_tensors(list, shape);

    for (int i = 0; i < n; i++) {
        if (!strcmp(list[i].name, name)) return list[i];
    }
    fail_msg("no tensor %s", name);
    return list[0];
}

/* As float32, which initial weights are in both programs. */
static uint32_t crc_of(const gk_real *x, size_t n)
{
    float *single = gk_alloc(n, sizeof *single);

    for (size_t i = 0; i < n; i++) {
        single[i] = (float)x[i];
        assert_true(single[i] == x[i]);
    }
    uint32_t crc =
        (uint32_t)crc32(0, (const unsigned char *)single, (unsigned)(n * sizeof *single));
    free(single);
    return crc;
}

static void every_tensor_is_as_expected(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(golden_init); i++) {
        const gk_shape *shape = strcmp(golden_init[i].shape, "paper") ? &small : &paper;
        gk_tensor t = tensor(shape, golden_init[i].name);
        gk_real *packed = weights(shape, golden_init[i].init);
        const gk_real *x = packed + t.packed;
        const size_t at[4] = {0, t.size / 3, t.size / 2, t.size - 1};
        for (int j = 0; j < 4; j++) {
            if (x[at[j]] != golden_init[i].value[j])
                fail_msg("%s, %s model, %s[%zu] = %.9g, expected %.9g", golden_init[i].init,
                         golden_init[i].shape, t.name, at[j], x[at[j]], golden_init[i].value[j]);
        }
        if (crc_of(x, t.size) != golden_init[i].crc)
            fail_msg("%s, %s model, %s: another tensor", golden_init[i].init, golden_init[i].shape,
                     t.name);
        free(packed);
    }
}

static const char *const seeds[] = {"torch:3", "torch_tl:3", "philox:3"};

static void biases_start_at_zero(void **state)
{
    static const char *const biases[] = {"blocks.0.mlp.b_in", "blocks.0.mlp.b_out",
                                         "blocks.1.mlp.b_in", "blocks.1.mlp.b_out"};

    (void)state;
    for (size_t i = 0; i < LENGTH(seeds); i++) {
        gk_real *packed = weights(&small, seeds[i]);
        for (size_t j = 0; j < LENGTH(biases); j++) {
            gk_tensor t = tensor(&small, biases[j]);
            for (size_t k = 0; k < t.size; k++) assert_true(packed[t.packed + k] == 0);
        }
        free(packed);
    }
}

/* Biases draw nothing: the other tensors do not depend on them. */
static void weights_do_not_depend_on_biases(void **state)
{
    gk_shape without = small;

    (void)state;
    without.biases = false;
    for (size_t i = 0; i < LENGTH(seeds); i++) {
        gk_tensor list[GK_TENSORS_MAX];
        int n = gk_tensors(list, &without);
        gk_real *a = weights(&small, seeds[i]), *b = weights(&without, seeds[i]);
        for (int j = 0; j < n; j++) {
            gk_tensor t = tensor(&small, list[j].name);
            assert_memory_equal(a + t.packed, b + list[j].packed, t.size * sizeof *a);
        }
        free(a);
        free(b);
    }
}

/* Attention only: what comes before the first MLP is the same, and W_U moves up in the stream. */
static void models_without_mlp(void **state)
{
    gk_shape with = small, without = small;

    (void)state;
    with.L = without.L = 1;
    without.F = 0;
    for (size_t i = 0; i < LENGTH(seeds); i++) {
        gk_real *a = weights(&with, seeds[i]), *b = weights(&without, seeds[i]);
        gk_tensor o = tensor(&with, "blocks.0.attn.W_O"), o2 = tensor(&without, o.name);
        gk_tensor u = tensor(&with, "unembed.W_U"), u2 = tensor(&without, u.name);
        assert_memory_equal(a + o.packed, b + o2.packed, o.size * sizeof *a);
        bool same = !memcmp(a + u.packed, b + u2.packed, u.size * sizeof *a);
        assert_int_equal(same, seeds[i][0] == 'p');
        free(a);
        free(b);
    }
}

static double deviation(const gk_shape *shape, const gk_tensor *t, bool demo)
{
    if (demo) return 0.8 / sqrt(shape->D);
    return 1 / sqrt(strcmp(t->name, "unembed.W_U") ? shape->D : shape->V);
}

/* Mean and variance within five of their own deviations; no two tensors begin alike. */
static void values_are_normal(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(seeds); i++) {
        gk_tensor list[GK_TENSORS_MAX];
        int n = gk_tensors(list, &paper);
        gk_real *packed = weights(&paper, seeds[i]);
        for (int j = 0; j < n; j++) {
            const gk_real *x = packed + list[j].packed;
            double sum = 0, square = 0, size = (double)list[j].size;
            double std = deviation(&paper, &list[j], i == 1);
            if (gk_is_bias(&list[j])) continue;
            for (size_t k = 0; k < list[j].size; k++) {
                sum += x[k] / std;
                square += x[k] / std * (x[k] / std);
            }
            assert_true(fabs(sum / size) < 5 / sqrt(size));
            assert_true(fabs(square / size - 1) < 5 * sqrt(2 / size));
            for (int l = 0; l < j; l++) assert_true(packed[list[l].packed] != x[0]);
        }
        free(packed);
    }
}

static void torch_0_is_the_start_of_the_oracle(void **state)
{
    char init[GK_PATH_MAX + 8];

    (void)state;
    snprintf(init, sizeof init, "file:%s", oracle("seed0/init_f32.safetensors"));
    gk_real *expected = weights(&paper, init), *drawn = weights(&paper, "torch:0");
    assert_memory_equal(drawn, expected, gk_parameters(&paper) * sizeof *drawn);
    free(expected);
    free(drawn);
}

static void files_give_their_weights(void **state)
{
    char folder[] = P_tmpdir "/grokc-init-XXXXXX", path[64], init[80];
    gk_shape other = small;

    (void)state;
    other.C--;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/w.safetensors", folder);
    snprintf(init, sizeof init, "file:%s", path);
    gk_real *saved = weights(&small, "philox:8");
    OK(gk_checkpoint_save(path, &small, saved, 0));
    gk_real *loaded = weights(&small, init);
    assert_memory_equal(loaded, saved, gk_parameters(&small) * sizeof *saved);
    assert_int_equal(start(loaded, &other, init), GK_EDATA);
    unlink(path);
    assert_int_equal(start(loaded, &small, init), GK_EIO);
    assert_non_null(strstr(gk_message(), path));
    rmdir(folder);
    free(saved);
    free(loaded);
}

static void refuse(const gk_shape *shape, const char *init, const char *message)
{
    gk_real *packed = gk_alloc(gk_parameters(shape), sizeof *packed);

    assert_int_equal(start(packed, shape, init), GK_EUSAGE);
    if (!strstr(gk_message(), message)) fail_msg("the message is: %s", gk_message());
    free(packed);
}

static void nonsense_is_refused(void **state)
{
    static const char *const bad[] = {"",        "philox",   "philox:", "torch:x",
                                      "file",    "torch:-1", "torch",   "torch_tl",
                                      "zeros:1", "torch: 1", "python:1"};

    (void)state;
    for (size_t i = 0; i < LENGTH(bad); i++) refuse(&small, bad[i], "model.init");
}

static void tensors_that_pytorch_draws_otherwise_are_refused(void **state)
{
    gk_shape narrow = small;

    (void)state;
    narrow.D = 5; /* W_pos: 15 */
    refuse(&narrow, "torch:0", "pos_embed.W_pos has 15 values");
    refuse(&narrow, "torch_tl:0", "pos_embed.W_pos has 15 values");
    free(weights(&narrow, "philox:0"));
    narrow.D = 8; /* W_U: 8 */
    narrow.C = 1;
    refuse(&narrow, "torch:0", "unembed.W_U has 8 values");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_tensor_is_as_expected),
        cmocka_unit_test(biases_start_at_zero),
        cmocka_unit_test(weights_do_not_depend_on_biases),
        cmocka_unit_test(models_without_mlp),
        cmocka_unit_test(values_are_normal),
        cmocka_unit_test(torch_0_is_the_start_of_the_oracle),
        cmocka_unit_test(files_give_their_weights),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(tensors_that_pytorch_draws_otherwise_are_refused),
    };
    return cmocka_run_group_tests_name("init", tests, NULL, NULL);
}
