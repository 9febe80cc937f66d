/* States: the resume point of a run. Only a file that is whole and ours is one. */
#include "lib/blobs.h"

static const gk_optimiser_info *const adamw = &gk_optimisers[GK_ADAMW];

/* Weights and moments of numbers that are all different. */
static gk_stage three(const gk_shape *shape, const gk_optimiser_info *optimiser, int first)
{
    gk_stage stage = {.optimiser = optimiser, .params = numbers(shape, first)};

    for (int i = 0; i < optimiser->moments; i++) stage.moment[i] = numbers(shape, first + 1 + i);
    return stage;
}

static bool all_same(const gk_stage *a, const gk_stage *b, const gk_shape *shape)
{
    bool equal = same(a->params, b->params, shape);

    for (int i = 0; i < a->optimiser->moments; i++)
        equal &= same(a->moment[i], b->moment[i], shape);
    return equal;
}

static const gk_shape tiny = {
    .L = 1, .T = 1, .V = 2, .D = 2, .H = 1, .K = 2, .F = 1, .C = 1, .biases = true};
static const gk_position somewhere = {12345, 678, 0.1};

static void save(const gk_stage *b, const gk_shape *shape, const gk_position *position)
{
    assert_int_equal(gk_state_save(path, shape, b, position), GK_OK);
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
        const gk_optimiser_info *o = &gk_optimisers[i % GK_OPTIMISERS];
        gk_stage b = three(shape, o, 10), back = three(shape, o, 1000);
        b.params[0] = b.moment[o->moments - 1][1] = (gk_real)NAN;
        b.moment[0][2] = (gk_real)INFINITY;
        save(&b, shape, &position);
        assert_int_equal(gk_state_load(path, shape, &back, &found), GK_OK);
        assert_true(all_same(&b, &back, shape));
        assert_int_equal(found.epoch, position.epoch);
        assert_int_equal(found.metrics_bytes, position.metrics_bytes);
        assert_true(isnan(losses[i]) ? isnan(found.loss_max) : found.loss_max == losses[i]);

        memset(back.params, 0, gk_parameters(shape) * sizeof(gk_real)); /* its weights alone */
        assert_int_equal(gk_checkpoint_load(path, shape, back.params), GK_OK);
        assert_true(all_same(&b, &back, shape));
        gk_stage_close(&b);
        gk_stage_close(&back);
    }
}

/* The file at `path` is refused, with `why` in the message, and nothing is changed. */
static void expect_refused(const gk_shape *shape, const char *why)
{
    gk_stage b = three(shape, adamw, 10), old = three(shape, adamw, 10);
    gk_position position = somewhere;

    assert_int_equal(gk_state_load(path, shape, &b, &position), GK_EDATA);
    if (!strstr(gk_message(), why)) fail_msg("the message is: %s", gk_message());
    assert_non_null(strstr(gk_message(), path));
    assert_true(all_same(&b, &old, shape));
    assert_memory_equal(&position, &somewhere, sizeof position);
    gk_stage_close(&b);
    gk_stage_close(&old);
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
    gk_stage b = three(&tiny, adamw, 1);
    char *bytes;
    size_t size;

    (void)state;
    save(&b, &tiny, &somewhere);
    gk_stage_close(&b);
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
    static const char *const keys[] = {"kind", "optimiser", "epoch", "metrics_bytes", "loss_max"};
    gk_tensors_file file;
    gk_tensors_writer w;

    assert_int_equal(gk_tensors_load(&file, path), GK_OK);
    gk_writer_open_format(&w, file.format);
    for (int i = 0; i < 5; i++) {
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
    gk_stage b = three(&tiny, adamw, 1);

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        save(&b, &tiny, &somewhere);
        rewrite(bad[i].key, bad[i].value, "");
        expect_refused(&tiny, "missing or not a number");
    }
    save(&b, &tiny, &somewhere);
    rewrite("kind", NULL, "");
    expect_refused(&tiny, "weights only");
    for (int i = 0; i < 2; i++) {
        save(&b, &tiny, &somewhere);
        rewrite("optimiser", i ? "sgd" : NULL, "");
        expect_refused(&tiny, i ? "of the optimiser sgd, not of adamw" : "of the optimiser ?");
    }
    gk_stage_close(&b);
}

static void test_wrong_files(void **state)
{
    gk_stage b = three(&tiny, adamw, 1);
    gk_shape other = tiny;

    (void)state;
    save(&b, &tiny, &somewhere);
    other.V = 3;
    expect_refused(&other, "embed.W_E has shape (2, 2); this model needs (3, 2)");
    rewrite("", NULL, "exp_avg.embed.W_E");
    expect_refused(&tiny, "there is no exp_avg.embed.W_E");
    save(&b, &tiny, &somewhere);
    rewrite("", NULL, "exp_avg_sq.blocks.0.attn.W_O");
    expect_refused(&tiny, "there is no exp_avg_sq.blocks.0.attn.W_O");

    assert_int_equal(gk_checkpoint_save(path, &tiny, b.params, 5), GK_OK);
    expect_refused(&tiny, "holds weights only");
    gk_stage_close(&b);

    static const char foreign[] = "\2\0\0\0\0\0\0\0{}";
    write_file(foreign, sizeof foreign - 1);
    expect_refused(&tiny, "has no checksums");
    unlink(path);
    gk_position position = somewhere;
    assert_int_equal(gk_state_load(path, &tiny, &(gk_stage){.optimiser = adamw}, &position),
                     GK_EIO);
}

/* The state at `path` as a file of format 1 has it: adam_m, adam_v for the moments in their
 * order. */
static void make_first_format(const gk_optimiser_info *optimiser)
{
    static const char *const names[] = {"adam_m", "adam_v"};
    gk_tensors_file file;
    gk_tensors_writer w;
    gk_position position;

    assert_int_equal(gk_tensors_load(&file, path), GK_OK);
    assert_int_equal(gk_position_read(&position, &file, path), GK_OK);
    gk_writer_open(&w);
    gk_position_write(&w, &position);
    for (int i = 0; i < file.n; i++) {
        const gk_entry *e = &file.entry[i];
        char name[2 * GK_NAME_MAX];
        snprintf(name, sizeof name, "%s", e->name);
        for (int j = 0; j < optimiser->moments; j++) {
            size_t n = strlen(optimiser->moment[j]);
            if (!strncmp(e->name, optimiser->moment[j], n) && e->name[n] == '.')
                snprintf(name, sizeof name, "%s%s", names[j], e->name + n);
        }
        gk_writer_add(&w, name, e->dtype, e->dims, e->shape, e->data);
    }
    gk_tensors_close(&file);
    assert_int_equal(gk_writer_save(&w, path), GK_OK);
}

static void test_first_format(void **state)
{
    (void)state;
    for (int i = 0; i < GK_OPTIMISERS; i++) {
        const gk_optimiser_info *o = &gk_optimisers[i];
        gk_stage b = three(&tiny, o, 10), back = three(&tiny, o, 1000);
        gk_position position;
        gk_tensors_file file;
        save(&b, &tiny, &somewhere);
        make_first_format(o);
        assert_int_equal(gk_tensors_load(&file, path), GK_OK);
        assert_non_null(gk_tensors_find(&file, "adam_m.embed.W_E"));
        gk_tensors_close(&file);
        assert_int_equal(gk_state_load(path, &tiny, &back, &position), GK_OK);
        assert_true(all_same(&b, &back, &tiny));
        assert_memory_equal(&position, &somewhere, sizeof position);
        assert_int_equal(gk_checkpoint_load(path, &tiny, back.params), GK_OK);
        gk_stage_close(&b);
        gk_stage_close(&back);
    }
}

static void test_failed_save(void **state)
{
    gk_stage b = three(&tiny, adamw, 1);
    char nowhere[GK_PATH_MAX];

    (void)state;
    assert_int_equal(gk_path(nowhere, "%s/none/file", folder), GK_OK);
    assert_int_equal(gk_state_save(nowhere, &tiny, &b, &somewhere), GK_EIO);
    assert_int_equal(gk_checkpoint_save(nowhere, &tiny, b.params, 1), GK_EIO);
    assert_non_null(strstr(gk_message(), nowhere));
    gk_stage_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),   cmocka_unit_test(test_damage),
        cmocka_unit_test(test_metadata),     cmocka_unit_test(test_wrong_files),
        cmocka_unit_test(test_first_format), cmocka_unit_test(test_failed_save),
    };

    return cmocka_run_group_tests_name("states", tests, make_path, remove_folder);
}
