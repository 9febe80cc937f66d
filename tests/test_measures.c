/* Every measure that the oracle has, on its weights: to 1e-9 in double and 1e-4 in float; values below 1e-5 to 1e-6 and
 * 1e-3, the oracle's own rounding. */
#include "support.h"

#include <jansson.h>

static double limit_of(double expected)
{
    bool is_double = sizeof(gk_real) == 8;

    return fabs(expected) < 1e-5 ? (is_double ? 1e-6 : 1e-3) : (is_double ? 1e-9 : 1e-4);
}

static double oracle_number(const json_t *json, const char *name)
{
    const json_t *value = json_object_get(json, name);

    if (!json_is_number(value)) fail_msg("the oracle has no %s", name);
    return json_number_value(value);
}

static void near(const char *name, double mine, double expected)
{
    double off = fabs(mine - expected), allowed = limit_of(expected) * fabs(expected);

    print_message("  %-40s %-22.15g off by %.1e\n", name, mine, off / fabs(expected));
    if (!(off <= allowed)) fail_msg("%s: %.15g, expected %.15g", name, mine, expected);
}

typedef struct study {
    gk_config config;
    gk_batch batch;
    gk_backend be;
    gk_row row;
    json_t *json;
} study;

static void open_study(study *t, const char *weights, const char *json, const char *split)
{
    char init[GK_PATH_MAX + 32], set[64];
    const gk_config *configs[] = {&t->config};
    int key[64], keys = 0;
    int64_t done;

    snprintf(init, sizeof init, "model.init=file:%s", oracle(weights));
    snprintf(set, sizeof set, "task.split=%s", split);
    OK(gk_config_load(&t->config, GK_SOURCE_DIR "/configs/paper.yaml", (const char *[]){init, set}, 2));
    t->json = json_load_file(oracle(json), 0, NULL);
    assert_non_null(t->json);
    OK(gk_backend_open(&t->be, "auto", 0));
    OK(gk_batch_open(&t->batch, configs, 1, &t->be));
    gk_batch_set_slot(&t->batch, 0, &t->config, 0, -1);
    gk_batch_upload_slots(&t->batch);
    OK(gk_init(t->batch.stage.params, &t->batch.size.shape, &t->config));
    gk_batch_put(&t->batch, 0);
    gk_batch_observe(&t->batch);
    json_t *used = json_object_get(t->json, "key_freqs_used");
    for (size_t i = 0; i < json_array_size(used); i++) key[keys++] = (int)json_integer_value(json_array_get(used, i));
    (void)done;
    gk_batch_final_row(&t->batch, 0, &t->row, key, keys);
}

static void close_study(study *t)
{
    json_decref(t->json);
    gk_row_free(&t->row);
    gk_batch_close(&t->batch);
    gk_backend_close(&t->be);
}

static void compare_scalars(const study *t)
{
    const gk_row *r = &t->row;
    const struct { const char *name; double mine; } list[] = {
        {"train_loss", r->train_loss_p}, {"train_acc", r->train_acc}, {"test_loss", r->test_loss_p},
        {"test_acc", r->test_acc}, {"all_loss", r->all_loss_p}, {"train_loss_114", r->train_loss},
        {"test_loss_114", r->test_loss}, {"neurons_over_85", r->neurons_85},
        {"gini_WE_56", r->gini_w_e}, {"gini_WL_56", r->gini_w_l}, {"excluded_2d_full_train", r->excluded_train},
        {"restricted_train", r->restricted_train}, {"restricted_test", r->restricted_test},
        {"restricted_all", r->restricted_all}, {"excluded_3d_full_train", r->excluded_cosines},
        {"logit_FVE_uncentered", r->logit_fve}, {"cosapprox_loss_all", r->cosine_loss},
        {"keep_const_plus_8_per_freq_loss_all", r->const8_all},
        {"keep_const_plus_8_per_freq_loss_test", r->const8_test},
        {"WL_residual_frobenius_ratio", r->w_l_residual}, {"proj_neurons_onto_WLdirs_all", r->projected_all},
        {"proj_neurons_null_all", r->null_all}, {"poly2_neurons_loss_all", r->poly_neurons_all},
        {"sum_sq_weights_total", r->sum_squares},
    };

    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        near(list[i].name, list[i].mine, oracle_number(t->json, list[i].name));
}

static void test_all(void **state)
{
    static const char *const files[][3] = {
        {"seed0/init_f32.safetensors", "seed0/measures_init.json", "python:0"},
        {"seed0/ckpt_11000.safetensors", "seed0/measures_ckpt_11000.json", "python:0"},
        {"seed0/ckpt_20000.safetensors", "seed0/measures_ckpt_20000.json", "python:0"},
        {"authors_wd01/final_params.safetensors", "authors_wd01/final_measures.json", "python:1"},
    };

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        static study t;
        print_message("%s\n", files[i][0]);
        open_study(&t, files[i][0], files[i][1], files[i][2]);
        compare_scalars(&t);
        close_study(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
