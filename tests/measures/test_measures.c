/* Every measure that the oracle has, on its weights: scalars to 1e-9 in double and 1e-4 in float,
 * those below 1e-5 to 1e-6 and 1e-3 (the oracle's own rounding); arrays to as much of their largest
 * entry; sets and counts exactly. */
#include "lib/support.h"

#include <jansson.h>
#include <unistd.h>

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

    print_message("  %-40s %-22.15g off by %.1e\n", name, mine, off > 0 ? off / fabs(expected) : 0);
    if (!(off <= allowed)) fail_msg("%s: %.15g, expected %.15g", name, mine, expected);
}

typedef struct study {
    gk_config config;
    gk_batch batch;
    gk_backend be;
    gk_row row;
    json_t *json;
    gk_tensors_file theirs, mine; /* arrays: the oracle's, and what gk_arrays_write makes */
} study;

static void save_and_load(gk_tensors_file *file, gk_batch *b)
{
    char path[] = P_tmpdir "/grokc-measures-XXXXXX";
    gk_tensors_writer writer;
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    close(fd);
    gk_writer_open(&writer);
    gk_arrays_write(&writer, &b->snapshot, &b->found);
    OK(gk_writer_save(&writer, path));
    OK(gk_tensors_load(file, path));
    unlink(path);
}

static void open_study(study *t, const char *weights, const char *name, const char *split)
{
    char init[GK_PATH_MAX + 32], set[64], json[128], arrays[128];
    const gk_config *configs[] = {&t->config};
    int key[64], keys = 0;

    snprintf(init, sizeof init, "model.init=file:%s", oracle(weights));
    snprintf(set, sizeof set, "task.split=%s", split);
    snprintf(json, sizeof json, "%s.json", name);
    snprintf(arrays, sizeof arrays, "%s.safetensors", name);
    OK(gk_config_load(&t->config, GK_SOURCE_DIR "/configs/paper.yaml", (const char *[]){init, set},
                      2));
    t->json = json_load_file(oracle(json), 0, NULL);
    assert_non_null(t->json);
    OK(gk_tensors_load(&t->theirs, oracle(arrays)));
    OK(gk_backend_open(&t->be, "auto", NULL));
    OK(gk_batch_open(&t->batch, configs, 1, &t->be));
    gk_batch_set_slot(&t->batch, 0, &t->config, 0, -1);
    gk_batch_upload_slots(&t->batch);
    OK(gk_init(t->batch.stage.params, &t->batch.size.shape, &t->config));
    gk_batch_put(&t->batch, 0);
    gk_batch_observe(&t->batch);
    json_t *used = json_object_get(t->json, "key_freqs_used");
    assert_in_range(json_array_size(used), 0, 64);
    for (size_t i = 0; i < json_array_size(used); i++)
        key[keys++] = (int)json_integer_value(json_array_get(used, i));
    gk_batch_final_row(&t->batch, 0, &t->row, key, keys);
    save_and_load(&t->mine, &t->batch);
}

static void close_study(study *t)
{
    json_decref(t->json);
    gk_tensors_close(&t->theirs);
    gk_tensors_close(&t->mine);
    gk_row_free(&t->row);
    gk_batch_close(&t->batch);
    gk_backend_close(&t->be);
}

static void compare_scalars(const study *t)
{
    const gk_row *r = &t->row;
    const struct {
        const char *name;
        double mine;
    } list[] = {
        {"train_loss", r->train_loss_p},
        {"train_acc", r->train_acc},
        {"test_loss", r->test_loss_p},
        {"test_acc", r->test_acc},
        {"all_loss", r->all_loss_p},
        {"train_loss_114", r->train_loss},
        {"test_loss_114", r->test_loss},
        {"neurons_over_85", r->neurons_85},
        {"gini_WE_56", r->gini_w_e},
        {"gini_WL_56", r->gini_w_l},
        {"excluded_2d_full_train", r->excluded_train},
        {"restricted_train", r->restricted_train},
        {"restricted_test", r->restricted_test},
        {"restricted_all", r->restricted_all},
        {"excluded_3d_full_train", r->excluded_cosines},
        {"logit_FVE_uncentered", r->logit_fve},
        {"cosapprox_loss_all", r->cosine_loss},
        {"keep_const_plus_8_per_freq_loss_all", r->const8_all},
        {"keep_const_plus_8_per_freq_loss_test", r->const8_test},
        {"WL_residual_frobenius_ratio", r->w_l_residual},
        {"proj_neurons_onto_WLdirs_all", r->projected_all},
        {"proj_neurons_null_all", r->null_all},
        {"poly2_neurons_loss_all", r->poly_neurons_all},
        {"sum_sq_weights_total", r->squared_l2_norm},
    };

    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        near(list[i].name, list[i].mine, oracle_number(t->json, list[i].name));
}

/* Of arrays: the largest error against the largest entry. */
static void compare_array(const study *t, const char *name, const char *theirs, double limit)
{
    const gk_entry *a = gk_tensors_find(&t->mine, name), *b = gk_tensors_find(&t->theirs, theirs);
    double off = 0, largest = 0;

    if (!b && !strcmp(theirs, "attn_to_eq_mean_per_head")) return; /* not of every model */
    if (!a || !b) fail_msg("%s and %s: not in both files", name, theirs);
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < b->count; i++) {
        double x = gk_entry_value(a, i), y = gk_entry_value(b, i);
        if (!isfinite(x)) fail_msg("%s[%zu] is not finite", name, i);
        off = fmax(off, fabs(x - y));
        largest = fmax(largest, fabs(y));
    }
    print_message("  %-40s off by %.1e of %.6g\n", name, off / largest, largest);
    if (!(off <= limit * largest)) fail_msg("%s: off by %g of %g", name, off, largest);
}

static void compare_arrays(const study *t)
{
    static const char *const names[][2] = {
        {"excluded_by_frequency", "excluded_2d_per_freq_train"},
        {"cosine_coefficients", "cos_coeffs"},
        {"cosine_similarity", "cos_sim"},
        {"w_e_fourier_norms", "WE_fourier_norms"},
        {"w_l_fourier_norms", "WL_fourier_norms"},
        {"logits_fourier2d_norms", "logits_fourier2d_norms"},
        {"w_attn_fourier", "Wattn_fourier"},
        {"attention_eq", "attn_to_eq_mean_per_head"},
        {"neuron_fve", "neuron_frac_explained"},
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        compare_array(t, names[i][0], names[i][1], sizeof(gk_real) == 8 ? 1e-9 : 1e-4);
}

static int64_t integer(const gk_entry *entry, size_t i)
{
    int64_t value;

    memcpy(&value, (const char *)entry->data + i * sizeof value, sizeof value);
    return value;
}

/* Of each neuron. One that is on at a single input has all frequencies alike, 8 / (p^2 - 1)
 * each. */
static void compare_neurons(const study *t)
{
    const gk_entry *mine = gk_tensors_find(&t->mine, "neuron_frequency");
    const gk_entry *theirs = gk_tensors_find(&t->theirs, "neuron_freq");
    const gk_entry *share = gk_tensors_find(&t->theirs, "neuron_frac_explained");
    double alike = 1.0001 * 8 / (113 * 113 - 1);

    assert_true(mine && theirs && share);
    assert_int_equal(mine->dtype, GK_I64_TYPE);
    assert_int_equal(mine->count, theirs->count);
    for (size_t i = 0; i < mine->count; i++)
        if (integer(mine, i) != integer(theirs, i) && !(gk_entry_value(share, i) < alike))
            fail_msg("neuron %zu: frequency %d, expected %d", i, (int)integer(mine, i),
                     (int)integer(theirs, i));
}

/* Is a neuron so near 0.85 that rounding decides which side it is on? */
static bool near_the_edge(const study *t)
{
    const gk_entry *share = gk_tensors_find(&t->theirs, "neuron_frac_explained");

    for (size_t i = 0; i < share->count; i++)
        if (fabs(gk_entry_value(share, i) - 0.85) < 1e-4) return true;
    return false;
}

/* The oracle also lists frequencies whose cluster is empty. */
static void compare_clusters(const study *t)
{
    const char *name;
    json_t *count;
    gk_text text = {0};

    gk_text_append(&text, "", 0);
    for (int k = 1; k <= 56; k++)
        json_object_foreach(json_object_get(t->json, "cluster_counts_85"), name,
                            count) if (atoi(name) == k && json_integer_value(count))
            gk_text_add(&text, "%s%d:%d", text.length ? "," : "", k,
                        (int)json_integer_value(count));
    print_message("  clusters %s\n", t->row.clusters);
    if (!near_the_edge(t)) assert_string_equal(t->row.clusters, text.length ? text.data : "");
    gk_text_free(&text);
}

static void compare_key_set(const study *t)
{
    const gk_snapshot *s = &t->batch.snapshot;
    const json_t *set = json_object_get(t->json, "key_freqs_WL_gt_quarter_max");

    assert_int_equal(s->raws, json_array_size(set));
    assert_int_equal(t->row.key_count, s->raws);
    for (int i = 0; i < s->raws; i++)
        assert_int_equal(s->raw[i], json_integer_value(json_array_get(set, (size_t)i)));
}

/* What is kept for each key frequency; columns that only name the extremes. */
static void compare_by_key(const study *t)
{
    const gk_snapshot *s = &t->batch.snapshot;
    const gk_findings *found = &t->batch.found;
    const json_t *readout = json_object_get(t->json, "readout_FVE");
    double least = INFINITY, lowest = INFINITY, highest = 0;
    char name[64];

    for (int i = 0; i < s->keys; i++) {
        snprintf(name, sizeof name, "ablate8_freq%d_all", s->key[i]);
        near(name, found->ablated.loss[i], oracle_number(t->json, name));
        lowest = fmin(lowest, found->ablated.loss[i]);
        highest = fmax(highest, found->ablated.loss[i]);
        for (int part = 0; part < 2; part++) {
            snprintf(name, sizeof name, "%s%d", part ? "sin" : "cos", s->key[i]);
            near(name, found->readout.fve[2 * i + part], oracle_number(readout, name));
            least = fmin(least, found->readout.fve[2 * i + part]);
        }
    }
    assert_true(t->row.readout_fve_min == least);
    assert_true(t->row.ablate8_min == lowest && t->row.ablate8_max == highest);
}

static void compare_sums_of_squares(const study *t)
{
    const char *name;
    json_t *value;
    char column[128];
    gk_text line = {0};

    gk_row_print(&line, &t->row, false);
    json_t *row = json_loadb(line.data, line.length, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(row);
    assert_int_equal(json_object_size(json_object_get(t->json, "sum_sq_weights")), 11);
    json_object_foreach(json_object_get(t->json, "sum_sq_weights"), name, value)
    {
        snprintf(column, sizeof column, "squared_l2_norm.%s", name);
        double mine = oracle_number(row, column), expected = json_number_value(value);
        if (expected == 0)
            assert_true(mine == 0);
        else
            near(column, mine, expected);
    }
    json_decref(row);
    gk_text_free(&line);
}

/* Numbers of NUMERICS, to the digits that stand there. */
static void compare_excluded(const study *t, double epoch)
{
    const gk_row *r = &t->row;
    double fitted = r->excluded_fitted, control = r->control_operation;

    print_message("  fitted on train %.6g, controls %.6g %.6g, train loss %.6g\n", fitted, control,
                  r->control_random, r->train_loss);
    if (!(r->control_random < 5 * r->train_loss)) fail_msg("control_random %g", r->control_random);
    if (!(control < 5 * r->train_loss)) fail_msg("control_operation %g", control);
    if (epoch == 20000) {
        if (!(fabs(fitted - 7.71) <= 0.005)) fail_msg("excluded_fitted %g", fitted);
        if (!(fabs(control - 1.04e-7) <= 0.005e-7)) fail_msg("control_operation %g", control);
    } else if (!(fabs(control / r->train_loss_p - 2.7) <= 0.05))
        fail_msg("control_operation %g", control);
}

/* One model after the other: each takes seconds. */
static void compare(const char *weights, const char *name, const char *split, double epoch)
{
    static study t;

    t = (study){0};
    open_study(&t, weights, name, split);
    compare_scalars(&t);
    compare_key_set(&t);
    compare_arrays(&t);
    compare_neurons(&t);
    compare_clusters(&t);
    compare_by_key(&t);
    compare_sums_of_squares(&t);
    if (epoch > 0) compare_excluded(&t, epoch);
    close_study(&t);
}

/* The same code on other weights: under a sanitizer two of the four sets are enough. */
static void skip_where_slow(void)
{
    if (!SANITIZED) return;
    print_message("skipped: a sanitizer makes it take minutes\n");
    skip();
}

static void test_initial(void **state)
{
    (void)state;
    compare("seed0/init_f32.safetensors", "seed0/measures_init", "python:0", 0);
}

static void test_11000(void **state)
{
    skip_where_slow();
    (void)state;
    compare("seed0/ckpt_11000.safetensors", "seed0/measures_ckpt_11000", "python:0", 11000);
}

static void test_20000(void **state)
{
    (void)state;
    compare("seed0/ckpt_20000.safetensors", "seed0/measures_ckpt_20000", "python:0", 20000);
}

static void test_authors(void **state)
{
    skip_where_slow();
    (void)state;
    compare("authors_wd01/final_params.safetensors", "authors_wd01/final_measures", "python:1", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_initial),
        cmocka_unit_test(test_11000),
        cmocka_unit_test(test_20000),
        cmocka_unit_test(test_authors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
