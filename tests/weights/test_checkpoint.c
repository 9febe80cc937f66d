/* Weights in files: TransformerLens's names and shapes out, and what is refused on the way in.
 * Where a number stands in a file and in memory is written out here once more. */
#include "lib/blobs.h"

static const gk_dtype real_type = sizeof(gk_real) == 4 ? GK_F32_TYPE : GK_F64_TYPE;
static const gk_shape two_layers = {
    .L = 2, .T = 3, .V = 7, .D = 5, .H = 2, .K = 3, .F = 4, .C = 6, .biases = true};
static const gk_shape no_biases = {.L = 1, .T = 2, .V = 3, .D = 4, .H = 3, .K = 2, .F = 5, .C = 3};
static const gk_shape no_mlp = {
    .L = 1, .T = 2, .V = 3, .D = 4, .H = 1, .K = 2, .F = 0, .C = 3, .biases = true};

static const gk_entry *in_file(const gk_tensors_file *file, const char *name, int dims, int64_t a,
                               int64_t b, int64_t c)
{
    const gk_entry *e = gk_tensors_find(file, name);
    int64_t sizes[3] = {a, b, c};

    if (!e) fail_msg("no %s in the file", name);
    assert_int_equal(e->dims, dims);
    assert_memory_equal(e->shape, sizes, (size_t)dims * sizeof *sizes);
    return e;
}

static void expect_zeros(const gk_tensors_file *file, const char *name, int dims, int64_t a,
                         int64_t b)
{
    const gk_entry *e = in_file(file, name, dims, a, b, 0);

    assert_int_equal(e->dtype, real_type);
    for (size_t i = 0; i < e->count; i++) assert_true(gk_entry_value(e, i) == 0);
}

static void test_round_trip(void **state)
{
    const gk_shape *shapes[] = {&two_layers, &no_biases, &no_mlp};

    (void)state;
    for (int i = 0; i < 3; i++) {
        gk_real *blob = numbers(shapes[i], 1), *back = numbers(shapes[i], 5);
        blob[3] = (gk_real)NAN;
        blob[4] = -(gk_real)INFINITY;
        blob[5] = -(gk_real)0.0;
        blob[6] = (gk_real)1e-42;
        assert_int_equal(gk_checkpoint_save(path, shapes[i], blob, 40000), GK_OK);
        assert_int_equal(gk_checkpoint_load(path, shapes[i], back), GK_OK);
        assert_true(same(blob, back, shapes[i]));
        free(blob);
        free(back);
    }
}

static void test_names_and_shapes(void **state)
{
    const gk_shape *s = &two_layers;
    enum { D = 5, H = 2, K = 3 };
    gk_real *blob = numbers(s, 1);
    gk_tensors_file file;

    (void)state;
    assert_int_equal(gk_checkpoint_save(path, s, blob, 40000), GK_OK);
    assert_int_equal(gk_tensors_load(&file, path), GK_OK);
    assert_true(file.ours);
    assert_string_equal(gk_tensors_metadata(&file, "epoch"), "40000");
    assert_string_equal(gk_tensors_metadata(&file, "kind"), "weights");
    assert_int_equal(file.n, 3 + 2 * (8 + 4) + 1);
    in_file(&file, "embed.W_E", 2, 7, 5, 0);
    in_file(&file, "pos_embed.W_pos", 2, 3, 5, 0);
    in_file(&file, "blocks.0.mlp.W_in", 2, 5, 4, 0);
    in_file(&file, "blocks.0.mlp.W_out", 2, 4, 5, 0);
    in_file(&file, "blocks.1.mlp.b_in", 1, 4, 0, 0);
    in_file(&file, "blocks.1.mlp.b_out", 1, 5, 0, 0);
    in_file(&file, "unembed.W_U", 2, 5, 6, 0);
    expect_zeros(&file, "blocks.0.attn.b_Q", 2, 2, 3);
    expect_zeros(&file, "blocks.1.attn.b_K", 2, 2, 3);
    expect_zeros(&file, "blocks.1.attn.b_V", 2, 2, 3);
    expect_zeros(&file, "blocks.0.attn.b_O", 1, 5, 0);
    expect_zeros(&file, "unembed.b_U", 1, 6, 0);

    const gk_entry *k_file = in_file(&file, "blocks.1.attn.W_K", 3, H, D, K);
    const gk_entry *o_file = in_file(&file, "blocks.1.attn.W_O", 3, H, K, D);
    const gk_real *k_blob = in_blob(blob, s, "blocks.1.attn.W_K"),
                  *o_blob = in_blob(blob, s, "blocks.1.attn.W_O");
    assert_int_equal(k_file->dtype, real_type);
    for (int h = 0; h < H; h++)
        for (int d = 0; d < D; d++)
            for (int k = 0; k < K; k++) {
                assert_true(gk_entry_value(k_file, (size_t)(h * D * K + d * K + k)) ==
                            (double)k_blob[d * H * K + h * K + k]);
                assert_true(gk_entry_value(o_file, (size_t)(h * K * D + k * D + d)) ==
                            (double)o_blob[(h * K + k) * D + d]);
            }
    gk_tensors_close(&file);
    free(blob);
}

static void test_zeros_of_small_models(void **state)
{
    gk_tensors_file file;
    gk_real *blob = numbers(&no_biases, 1);

    (void)state;
    assert_int_equal(gk_checkpoint_save(path, &no_biases, blob, 0), GK_OK);
    assert_int_equal(gk_tensors_load(&file, path), GK_OK);
    expect_zeros(&file, "blocks.0.mlp.b_in", 1, 5, 0);
    expect_zeros(&file, "blocks.0.mlp.b_out", 1, 4, 0);
    gk_tensors_close(&file);
    free(blob);

    blob = numbers(&no_mlp, 1);
    assert_int_equal(gk_checkpoint_save(path, &no_mlp, blob, 0), GK_OK);
    assert_int_equal(gk_tensors_load(&file, path), GK_OK);
    for (int i = 0; i < file.n; i++) assert_null(strstr(file.entry[i].name, "mlp"));
    gk_tensors_close(&file);
    free(blob);
}

static const gk_shape twos = {
    .L = 1, .T = 1, .V = 2, .D = 2, .H = 2, .K = 2, .F = 2, .C = 1, .biases = true};

/* The model in the file is `saved`, the one that reads it `shape`. */
static void expect_refused(const gk_shape *saved, const gk_shape *shape, const char *why)
{
    gk_real *blob = numbers(shape, 1000), *old = numbers(shape, 1000), *weights = numbers(saved, 1);

    assert_int_equal(gk_checkpoint_save(path, saved, weights, 0), GK_OK);
    assert_int_equal(gk_checkpoint_load(path, shape, blob), GK_EDATA);
    if (!strstr(gk_message(), why)) fail_msg("the message is: %s", gk_message());
    assert_non_null(strstr(gk_message(), path));
    assert_true(same(blob, old, shape));
    free(blob);
    free(old);
    free(weights);
}

static void test_other_shape(void **state)
{
    gk_shape other = two_layers;

    (void)state;
    other.V = 8;
    expect_refused(&other, &two_layers, "embed.W_E has shape (8, 5); this model needs (7, 5)");
    other = two_layers;
    other.H = 3;
    other.K = 2;
    expect_refused(&other, &two_layers,
                   "blocks.0.attn.W_Q has shape (3, 5, 2); this model needs (2, 5, 3)");
    other = two_layers;
    other.F = 3;
    expect_refused(&other, &two_layers,
                   "blocks.0.mlp.W_in has shape (5, 3); this model needs (5, 4)");
    other = two_layers;
    other.C = 1;
    expect_refused(&other, &two_layers, "unembed.W_U has shape (5, 1); this model needs (5, 6)");
    other = two_layers;
    other.L = 1;
    expect_refused(&other, &two_layers, "there is no blocks.1.attn.W_Q");
    expect_refused(&two_layers, &other,
                   "tensor blocks.1.attn.W_Q is not one of this model's (layers: 1,");
    other = two_layers;
    other.F = 0;
    expect_refused(&two_layers, &other, "tensor blocks.0.mlp.W_in is not one of this model's");
    other = two_layers;
    other.biases = false;
    expect_refused(&two_layers, &other,
                   "blocks.0.mlp.b_in is not zero, and this model has no such bias");
}

/* The weights of twos without its b_in, and one more tensor. */
static gk_status load_with(const char *name, gk_dtype dtype, int dims, const int64_t *sizes,
                           const void *data)
{
    gk_real *weights = numbers(&twos, 1), *blob = numbers(&twos, 1000), *old = numbers(&twos, 1000);
    gk_tensors_file file;
    gk_tensors_writer w;

    assert_int_equal(gk_checkpoint_save(path, &twos, weights, 0), GK_OK);
    assert_int_equal(gk_tensors_load(&file, path), GK_OK);
    gk_writer_open(&w);
    gk_writer_add(&w, name, dtype, dims, sizes, data);
    for (int i = 0; i < file.n; i++) {
        const gk_entry *e = &file.entry[i];
        if (strcmp(e->name, "blocks.0.mlp.b_in") != 0 && strcmp(e->name, name) != 0)
            gk_writer_add(&w, e->name, e->dtype, e->dims, e->shape, e->data);
    }
    gk_tensors_close(&file);
    assert_int_equal(gk_writer_save(&w, path), GK_OK);
    gk_status status = gk_checkpoint_load(path, &twos, blob);
    assert_true(status == GK_OK || same(blob, old, &twos));
    assert_true(status == GK_OK || strstr(gk_message(), name) != NULL);
    free(weights);
    free(blob);
    free(old);
    return status;
}

static void test_extra_tensors(void **state)
{
    static const float zeros[4] = {0, -0.0f, 0, 0}, one[4] = {0, 0, 1, 0}, nan[4] = {0, 0, 0, NAN};
    static const int64_t two[2] = {2, 2}, four[1] = {4};

    (void)state;
    assert_int_equal(load_with("blocks.0.attn.b_K", GK_F32_TYPE, 2, two, zeros), GK_OK);
    assert_int_equal(load_with("blocks.0.attn.b_K", GK_F32_TYPE, 2, two, one), GK_EDATA);
    assert_int_equal(load_with("blocks.0.attn.b_K", GK_F32_TYPE, 2, two, nan), GK_EDATA);
    assert_int_equal(load_with("blocks.0.attn.b_K", GK_F32_TYPE, 1, four, zeros), GK_EDATA);
    assert_int_equal(load_with("blocks.0.attn.b_K", GK_I32_TYPE, 2, two, zeros), GK_EDATA);
    assert_int_equal(load_with("unembed.b_U", GK_F32_TYPE, 0, NULL, zeros), GK_EDATA);
    assert_int_equal(load_with("blocks.0.attn.mask", GK_U8_TYPE, 1, four, zeros), GK_OK);
    assert_int_equal(load_with("blocks.0.attn.IGNORE", GK_I32_TYPE, 0, NULL, zeros), GK_OK);
    assert_int_equal(load_with("blocks.1.attn.mask", GK_U8_TYPE, 1, four, zeros), GK_EDATA);
    assert_int_equal(load_with("blocks.0.ln1.w", GK_F32_TYPE, 1, four, zeros), GK_EDATA);
    assert_int_equal(load_with("adam_m.embed.W_E", GK_F32_TYPE, 1, four, zeros),
                     GK_OK); /* not read */
    assert_int_equal(load_with("embed.W_E", GK_I32_TYPE, 2, two, zeros), GK_EDATA);
    assert_int_equal(load_with("embed.W_E", GK_F32_TYPE, 1, four, zeros), GK_EDATA);
    assert_int_equal(load_with("blocks.0.attn.W_O", GK_F32_TYPE, 1, four, zeros), GK_EDATA);
    assert_int_equal(load_with("blocks.0.attn.W_O", GK_F32_TYPE, 2, two, zeros),
                     GK_EDATA); /* paper's? */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_names_and_shapes),
        cmocka_unit_test(test_zeros_of_small_models),
        cmocka_unit_test(test_other_shape),
        cmocka_unit_test(test_extra_tensors),
    };

    return cmocka_run_group_tests_name("checkpoint", tests, make_path, remove_folder);
}
