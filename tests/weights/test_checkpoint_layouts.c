/* The layouts of other people's files: TransformerLens's and the paper's, in four types; and the
 * files of the runs that grokc is compared with, where they are there. */
#include "lib/blobs.h"

/* The element of a tensor in a file of other people: a number that tells where it belongs. */
static double planted(int tensor, int i, int j, int k) { return tensor * 16 + i * 8 + j * 2 + k; }

static size_t element(gk_dtype dtype)
{
    return dtype == GK_F64_TYPE ? 8 : dtype == GK_F32_TYPE ? 4 : 2;
}

/* A value below 256 in any of the four types. */
static void encode(char *to, gk_dtype dtype, double value)
{
    float f32 = (float)value;
    uint32_t word;

    if (dtype == GK_F64_TYPE) memcpy(to, &value, 8);
    if (dtype == GK_F32_TYPE) memcpy(to, &f32, 4);
    memcpy(&word, &f32, 4);
    uint16_t bf16 = (uint16_t)(word >> 16);
    uint16_t f16 = value == 0 ? 0 : (uint16_t)(((word >> 23) - 112) << 10 | (word >> 13 & 1023));
    if (dtype == GK_F16_TYPE) memcpy(to, &f16, 2);
    if (dtype == GK_BF16_TYPE) memcpy(to, &bf16, 2);
}

static void plant(gk_tensors_writer *w, const char *name, gk_dtype dtype, int tensor, int dims,
                  int a, int b, int c)
{
    int64_t sizes[3] = {a, b, c};
    char data[8 * 8];
    size_t at = 0;

    for (int i = 0; i < a; i++)
        for (int j = 0; j < (dims > 1 ? b : 1); j++)
            for (int k = 0; k < (dims > 2 ? c : 1); k++, at += element(dtype))
                encode(data + at, dtype, planted(tensor, i, j, k));
    gk_writer_add(w, name, dtype, dims, sizes, data);
}

/* All sizes are 2, so that only the numbers can tell how they were read; C is 1 and T is 1. */
static const gk_shape twos = {
    .L = 1, .T = 1, .V = 2, .D = 2, .H = 2, .K = 2, .F = 2, .C = 1, .biases = true};

static void save_twos(gk_dtype dtype, bool paper, const char *left_out)
{
    static const struct {
        const char *name;
        int dims, a, b, c;
    } list[] = {{"embed.W_E", 2, 2, 2, 0},           {"pos_embed.W_pos", 2, 1, 2, 0},
                {"blocks.0.attn.W_Q", 3, 2, 2, 2},   {"blocks.0.attn.W_K", 3, 2, 2, 2},
                {"blocks.0.attn.W_V", 3, 2, 2, 2},   {"blocks.0.attn.W_O", 3, 2, 2, 2},
                {"blocks.0.mlp.W_in", 2, 2, 2, 0},   {"blocks.0.mlp.b_in", 1, 2, 0, 0},
                {"blocks.0.mlp.W_out", 2, 2, 2, 0},  {"blocks.0.mlp.b_out", 1, 2, 0, 0},
                {"unembed.W_U", 2, 2, 1, 0},         {"blocks.0.attn.mask", 2, 1, 1, 0},
                {"blocks.0.attn.IGNORE", 0, 1, 0, 0}};
    gk_tensors_writer w;

    gk_writer_open(&w);
    for (int i = 0; i < 13; i++) {
        if (left_out && !strcmp(list[i].name, left_out)) continue;
        if (paper && i == 5) /* (D, H*K) */
            plant(&w, list[i].name, dtype, i, 2, 2, 4, 0);
        else
            plant(&w, list[i].name, dtype, i, list[i].dims, list[i].a, list[i].b, list[i].c);
    }
    assert_int_equal(gk_writer_save(&w, path), GK_OK);
}

static void expect(const gk_real *blob, const char *name, int at, double value)
{
    double found = (double)in_blob(blob, &twos, name)[at];

    if (found != value) fail_msg("%s[%d] is %g instead of %g", name, at, found, value);
}

static void expect_twos(const gk_real *blob, bool paper)
{
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++) {
            expect(blob, "embed.W_E", i * 2 + j, paper ? planted(0, j, i, 0) : planted(0, i, j, 0));
            expect(blob, "blocks.0.mlp.W_in", i * 2 + j,
                   paper ? planted(6, j, i, 0) : planted(6, i, j, 0));
            expect(blob, "blocks.0.mlp.W_out", i * 2 + j,
                   paper ? planted(8, j, i, 0) : planted(8, i, j, 0));
            for (int d = 0; d < 2; d++) { /* i: head, j: place in the head */
                int qkv = d * 4 + i * 2 + j, out = (i * 2 + j) * 2 + d;
                expect(blob, "blocks.0.attn.W_Q", qkv,
                       paper ? planted(2, i, j, d) : planted(2, i, d, j));
                expect(blob, "blocks.0.attn.W_K", qkv,
                       paper ? planted(3, i, j, d) : planted(3, i, d, j));
                expect(blob, "blocks.0.attn.W_V", qkv,
                       paper ? planted(4, i, j, d) : planted(4, i, d, j));
                expect(blob, "blocks.0.attn.W_O", out,
                       paper ? planted(5, d, i * 2 + j, 0) : planted(5, i, j, d));
            }
        }
    for (int i = 0; i < 2; i++) {
        expect(blob, "pos_embed.W_pos", i, planted(1, 0, i, 0));
        expect(blob, "blocks.0.mlp.b_in", i, planted(7, i, 0, 0));
        expect(blob, "blocks.0.mlp.b_out", i, planted(9, i, 0, 0));
        expect(blob, "unembed.W_U", i, planted(10, i, 0, 0));
    }
}

static void test_layouts(void **state)
{
    static const gk_dtype types[] = {GK_F32_TYPE, GK_F64_TYPE, GK_F16_TYPE, GK_BF16_TYPE};
    gk_real *blob = numbers(&twos, 1000);

    (void)state;
    for (int i = 0; i < 8; i++) {
        memset(blob, 0, gk_parameters(&twos) * sizeof *blob);
        save_twos(types[i / 2], i % 2, NULL);
        if (gk_checkpoint_load(path, &twos, blob) != GK_OK) fail_msg("%s", gk_message());
        expect_twos(blob, i % 2);
    }
    free(blob);
}

static void test_missing(void **state)
{
    static const char *const names[] = {"embed.W_E", "pos_embed.W_pos", "blocks.0.attn.W_Q",
                                        "blocks.0.attn.W_O", "unembed.W_U"};
    gk_real *blob = numbers(&twos, 1000), *old = numbers(&twos, 1000);

    (void)state;
    for (int i = 0; i < 5; i++) {
        save_twos(GK_F32_TYPE, false, names[i]);
        assert_int_equal(gk_checkpoint_load(path, &twos, blob), GK_EDATA);
        assert_non_null(strstr(gk_message(), names[i]));
        assert_non_null(strstr(gk_message(), path));
        assert_true(same(blob, old, &twos));
    }
    save_twos(GK_F32_TYPE, true, "blocks.0.mlp.b_in"); /* biases may be missing: they are zero */
    assert_int_equal(gk_checkpoint_load(path, &twos, blob), GK_OK);
    expect(blob, "blocks.0.mlp.b_in", 0, 0);
    expect(blob, "blocks.0.mlp.b_in", 1, 0);
    expect(blob, "blocks.0.mlp.b_out", 1, planted(9, 1, 0, 0));
    free(blob);
    free(old);
}

/* ---- files of published runs */

typedef struct spot {
    const char *name;
    int at; /* in memory */
    double value;
} spot;

/* The path of one of the oracle's files; false, with the reason, where it is not there. */
static bool oracle(char file[GK_PATH_MAX], const char *name)
{
    const char *base = getenv("GROKC_ORACLE");

    if (base) assert_int_equal(gk_path(file, "%s/%s", base, name), GK_OK);
    if (base && gk_exists(file)) return true;
    assert_int_equal(gk_path(file, "%s/../shared/oracle/%s", GK_SOURCE_DIR, name), GK_OK);
    if (gk_exists(file)) return true;
    print_message("skipped: there is no %s, and none in $GROKC_ORACLE\n", file);
    return false;
}

static const gk_shape mainline = {
    .L = 1, .T = 3, .V = 114, .D = 128, .H = 4, .K = 32, .F = 512, .C = 114, .biases = true};

/* Every number of the file: the paper's code has most matrices the other way round. */
static void expect_paper(const gk_real *blob, const gk_tensors_file *file, const char *prefix)
{
    static const struct {
        const char *name;
        int rows, cols; /* of the file, W_K as (H*K, D) */
        bool turned;
    } list[] = {{"embed.W_E", 128, 114, true},          {"pos_embed.W_pos", 3, 128, false},
                {"blocks.0.attn.W_Q", 128, 128, true},  {"blocks.0.attn.W_K", 128, 128, true},
                {"blocks.0.attn.W_V", 128, 128, true},  {"blocks.0.attn.W_O", 128, 128, true},
                {"blocks.0.mlp.W_in", 512, 128, true},  {"blocks.0.mlp.b_in", 1, 512, false},
                {"blocks.0.mlp.W_out", 128, 512, true}, {"blocks.0.mlp.b_out", 1, 128, false},
                {"unembed.W_U", 128, 114, false}};
    char name[GK_NAME_MAX + 16];

    for (int t = 0; t < 11; t++) {
        snprintf(name, sizeof name, "%s%s", prefix, list[t].name);
        const gk_entry *e = gk_tensors_find(file, name);
        const gk_real *memory = in_blob(blob, &mainline, list[t].name);
        int rows = list[t].rows, cols = list[t].cols;
        assert_non_null(e);
        assert_int_equal(e->count, rows * cols);
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < cols; j++) {
                gk_real value = (gk_real)gk_entry_value(e, (size_t)(i * cols + j));
                assert_true(memory[list[t].turned ? j * rows + i : i * cols + j] == value);
            }
    }
}

static void check_oracle(const char *name, const char *prefix, const spot *spots, int n)
{
    char file_path[GK_PATH_MAX];
    gk_tensors_file file;
    gk_real *blob = numbers(&mainline, 1), *again = numbers(&mainline, 2);

    if (!oracle(file_path, name)) {
        free(blob);
        free(again);
        skip();
    }
    assert_int_equal(gk_tensors_load(&file, file_path), GK_OK);
    assert_false(file.ours);
    if (gk_tensors_read(&file, file_path, prefix, &mainline, blob) != GK_OK)
        fail_msg("%s", gk_message());
    expect_paper(blob, &file, prefix);
    for (int i = 0; i < n; i++)
        assert_true(in_blob(blob, &mainline, spots[i].name)[spots[i].at] ==
                    (gk_real)spots[i].value);
    gk_tensors_close(&file);

    assert_int_equal(gk_checkpoint_save(path, &mainline, blob, 1), GK_OK); /* TransformerLens's */
    assert_int_equal(gk_checkpoint_load(path, &mainline, again), GK_OK);
    assert_true(same(blob, again, &mainline));
    free(blob);
    free(again);
}

/* Values as Python's reader of the format shows them. */
static void test_oracle_f32(void **state)
{
    static const spot spots[] = {
        {"embed.W_E", 113 * 128 + 5, -0.16623486578464508},                   /* [5][113]      */
        {"pos_embed.W_pos", 2 * 128 + 77, -0.2767990231513977},               /* [2][77]       */
        {"blocks.0.attn.W_Q", 100 * 128 + 3 * 32 + 17, 0.032149091362953186}, /* [3][17][100]  */
        {"blocks.0.attn.W_V", 9 * 128 + 1 * 32 + 30, -0.14001183211803436},   /* [1][30][9]    */
        {"blocks.0.attn.W_O", 45 * 128 + 99, 0.12273205816745758},            /* [99][45]      */
        {"blocks.0.mlp.W_in", 21 * 512 + 400, -0.002861798508092761},         /* [400][21]     */
        {"blocks.0.mlp.b_in", 333, 0.010702276602387428},
        {"blocks.0.mlp.W_out", 400 * 128 + 21, 0.0019366643391549587}, /* [21][400]    */
        {"blocks.0.mlp.b_out", 12, 0.0034484281204640865},
        {"unembed.W_U", 64 * 114 + 110, -0.13641245663166046}, /* [64][110]     */
    };

    (void)state;
    check_oracle("seed0/ckpt_20000.safetensors", "", spots, 10);
}

static void test_oracle_authors(void **state)
{
    static const spot spots[] = {{"embed.W_E", 113 * 128 + 5, 0.2067514955997467},
                                 {"blocks.0.attn.W_O", 45 * 128 + 99, 0.10648714751005173}};

    (void)state;
    check_oracle("authors_wd01/final_params.safetensors", "", spots, 2);
}

static void test_oracle_f64(void **state)
{
    static const spot spots[3][2] = {
        {{"blocks.0.attn.W_Q", 100 * 128 + 113, 0.0308291278988839},
         {"embed.W_E", 113 * 128 + 5, 0.029237314828584694}},
        {{"blocks.0.attn.W_Q", 100 * 128 + 113, -4.131011742095161e-07},
         {"embed.W_E", 113 * 128 + 5, 0.0019177436108747416}},
        {{"blocks.0.attn.W_Q", 100 * 128 + 113, 2.528368295867987e-13},
         {"embed.W_E", 113 * 128 + 5, 2.635498784513977e-06}},
    };
    static const char *const prefix[3] = {"", "adam_m.", "adam_v."};

    (void)state;
    for (int i = 0; i < 3; i++)
        check_oracle("seed0/params_after_10_f64.safetensors", prefix[i], spots[i], 2);
}

static void test_oracle_refused(void **state)
{
    char file[GK_PATH_MAX];
    gk_shape other = mainline;
    gk_real *blob = numbers(&mainline, 1);

    (void)state;
    other.C = 113;
    if (oracle(file, "seed0/init_f32.safetensors")) {
        assert_int_equal(gk_checkpoint_load(file, &mainline, blob), GK_OK);
        assert_int_equal(gk_checkpoint_load(file, &other, blob), GK_EDATA);
        assert_non_null(
            strstr(gk_message(), "unembed.W_U has shape (128, 114); this model needs (128, 113)"));
    }
    if (oracle(file, "seed0/measures_init.safetensors"))
        assert_int_equal(gk_checkpoint_load(file, &mainline, blob), GK_EDATA);
    free(blob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layouts),    cmocka_unit_test(test_missing),
        cmocka_unit_test(test_oracle_f32), cmocka_unit_test(test_oracle_authors),
        cmocka_unit_test(test_oracle_f64), cmocka_unit_test(test_oracle_refused),
    };

    return cmocka_run_group_tests_name("layouts of weights", tests, make_path, remove_folder);
}
