/* States: the resume point of a run. Only a file that is whole and ours is one. */
#include "lib/blobs.h"

typedef struct blobs {
    gk_real *params, *m, *v;
} blobs;

static blobs three(const gk_shape *shape, int first)
{
    return (blobs){numbers(shape, first), numbers(shape, first + 1), numbers(shape, first + 2)};
}

static void drop(blobs *b)
{
    free(b->params);
    free(b->m);
    free(b->v);
}

static bool all_same(const blobs *a, const blobs *b, const gk_shape *shape)
{
    return same(a->params, b->params, shape) && same(a->m, b->m, shape) && same(a->v, b->v, shape);
}

static const gk_shape tiny = {
    .L = 1, .T = 1, .V = 2, .D = 2, .H = 1, .K = 2, .F = 1, .C = 1, .biases = true};
static const gk_position somewhere = {12345, 678, 0.1};

static void save(const blobs *b, const gk_shape *shape, const gk_position *position)
{
    assert_int_equal(gk_state_save(path, shape, b->params, b->m, b->v, position), GK_OK);
}

static void test_round_trip(void **state)
{
    static const double losses[] = {
        -1,       0,         0.1, 1.0 / 3, 5e-324, 1.7976931348623157e308, 1.1920928955078125e-07,
        INFINITY, -INFINITY, NAN};
    static const gk_shape shapes[] = {
        {.L = 2, .T = 3, .V = 7, .D = 5, .H = 2, .K = 3, .F = 4, .C = 6, .biases = true},
        {.L = 1, .T = 2, .V = 3, .D = 4, .H = 3, .K = 2, .F = 5, .C = 3},
        {.L = 1, .T = 2, .V = 3, .D = 4, .H = 1, .K = 2, .F = 0, .C = 3},
    };

    (void)state;
    for (int i = 0; i < 10; i++) {
        const gk_shape *shape = &shapes[i % 3];
        gk_position position = {INT64_MAX - i, i ? 1000000007ll * i : 0, losses[i]}, found = {0};
        blobs b = three(shape, 10), back = three(shape, 1000);
        b.params[0] = b.v[1] = (gk_real)NAN;
        b.m[2] = (gk_real)INFINITY;
        save(&b, shape, &position);
        assert_int_equal(gk_state_load(path, shape, back.params, back.m, back.v, &found), GK_OK);
        assert_true(all_same(&b, &back, shape));
        assert_int_equal(found.epoch, position.epoch);
        assert_int_equal(found.metrics_bytes, position.metrics_bytes);
        assert_true(isnan(losses[i]) ? isnan(found.loss_max) : found.loss_max == losses[i]);

        memset(back.params, 0, gk_parameters(shape) * sizeof(gk_real)); /* its weights alone */
        assert_int_equal(gk_checkpoint_load(path, shape, back.params), GK_OK);
        assert_true(all_same(&b, &back, shape));
        drop(&b);
        drop(&back);
    }
}

/* The file at `path` is refused, with `why` in the message, and nothing is changed. */
static void expect_refused(const gk_shape *shape, const char *why)
{
    blobs b = three(shape, 10), old = three(shape, 10);
    gk_position position = somewhere;

    assert_int_equal(gk_state_load(path, shape, b.params, b.m, b.v, &position), GK_EDATA);
    if (!strstr(gk_message(), why)) fail_msg("the message is: %s", gk_message());
    assert_non_null(strstr(gk_message(), path));
    assert_true(all_same(&b, &old, shape));
    assert_memory_equal(&position, &somewhere, sizeof position);
    drop(&b);
    drop(&old);
}

static void write_file(const char *bytes, size_t size)
{
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static void test_damage(void **state)
{
    blobs b = three(&tiny, 1);
    char *bytes;
    size_t size;

    (void)state;
    save(&b, &tiny, &somewhere);
    drop(&b);
    assert_int_equal(gk_file_read(path, 1 << 20, &bytes, &size), GK_OK);
    for (size_t i = 0; i < 8 * size;
         i += 5) { /* test_safetensors does all; here the result counts */
        bytes[i / 8] = (char)(bytes[i / 8] ^ 1 << i % 8);
        write_file(bytes, size);
        expect_refused(&tiny, "");
        bytes[i / 8] = (char)(bytes[i / 8] ^ 1 << i % 8);
    }
    for (size_t n = 0; n < size; n += 13) {
        write_file(bytes, n);
        expect_refused(&tiny, "");
    }
    free(bytes);
}

/* The state at `path` once more, with another value of one key, or without one of the tensors. */
static void rewrite(const char *key, const char *value, const char *without)
{
    static const char *const keys[] = {"kind", "epoch", "metrics_bytes", "loss_max"};
    gk_tensors_file file;
    gk_tensors_writer w;

    assert_int_equal(gk_tensors_load(&file, path), GK_OK);
    gk_writer_open(&w);
    for (int i = 0; i < 4; i++) {
        const char *text = strcmp(keys[i], key) ? gk_tensors_metadata(&file, keys[i]) : value;
        if (text) gk_writer_metadata(&w, keys[i], text);
    }
    for (int i = 0; i < file.n; i++) {
        const gk_entry *e = &file.entry[i];
        if (strcmp(e->name, without) != 0)
            gk_writer_add(&w, e->name, e->dtype, e->dims, e->shape, e->data);
    }
    gk_tensors_close(&file);
    assert_int_equal(gk_writer_save(&w, path), GK_OK);
}

static void test_metadata(void **state)
{
    static const struct {
        const char *key, *value;
    } bad[] = {{"epoch", NULL},
               {"epoch", "-1"},
               {"epoch", "1.0"},
               {"epoch", ""},
               {"metrics_bytes", NULL},
               {"metrics_bytes", "-1"},
               {"metrics_bytes", "99999999999999999999"},
               {"loss_max", NULL},
               {"loss_max", ""},
               {"loss_max", "1 "},
               {"loss_max", "low"}};
    blobs b = three(&tiny, 1);

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        save(&b, &tiny, &somewhere);
        rewrite(bad[i].key, bad[i].value, "");
        expect_refused(&tiny, "missing or not a number");
    }
    save(&b, &tiny, &somewhere);
    rewrite("kind", NULL, "");
    expect_refused(&tiny, "weights only");
    drop(&b);
}

static void test_wrong_files(void **state)
{
    blobs b = three(&tiny, 1);
    gk_shape other = tiny;

    (void)state;
    save(&b, &tiny, &somewhere);
    other.V = 3;
    expect_refused(&other, "embed.W_E has shape (2, 2); this model needs (3, 2)");
    rewrite("", NULL, "adam_m.embed.W_E");
    expect_refused(&tiny, "there is no adam_m.embed.W_E");
    save(&b, &tiny, &somewhere);
    rewrite("", NULL, "adam_v.blocks.0.attn.W_O");
    expect_refused(&tiny, "there is no adam_v.blocks.0.attn.W_O");

    assert_int_equal(gk_checkpoint_save(path, &tiny, b.params, 5), GK_OK);
    expect_refused(&tiny, "holds weights only");
    drop(&b);

    static const char foreign[] = "\2\0\0\0\0\0\0\0{}";
    write_file(foreign, sizeof foreign - 1);
    expect_refused(&tiny, "has no checksums");
    unlink(path);
    gk_position position = somewhere;
    assert_int_equal(gk_state_load(path, &tiny, NULL, NULL, NULL, &position), GK_EIO);
}

static void test_failed_save(void **state)
{
    blobs b = three(&tiny, 1);
    char nowhere[GK_PATH_MAX];

    (void)state;
    assert_int_equal(gk_path(nowhere, "%s/none/file", folder), GK_OK);
    assert_int_equal(gk_state_save(nowhere, &tiny, b.params, b.m, b.v, &somewhere), GK_EIO);
    assert_int_equal(gk_checkpoint_save(nowhere, &tiny, b.params, 1), GK_EIO);
    assert_non_null(strstr(gk_message(), nowhere));
    drop(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),  cmocka_unit_test(test_damage),
        cmocka_unit_test(test_metadata),    cmocka_unit_test(test_wrong_files),
        cmocka_unit_test(test_failed_save),
    };

    return cmocka_run_group_tests_name("states", tests, make_path, remove_folder);
}
