/* The table plan's gradients at weights from the start, the middle and the end of training, and
 * what makes tables possible. */
#include "lib/tables.h"

static void at_file(const char *name)
{
    char init[GK_PATH_MAX + 32];
    gk_config config;
    gk_batch_size size;

    snprintf(init, sizeof init, "model.init=file:%s", oracle(name));
    OK(gk_config_load(&config, GK_SOURCE_DIR "/configs/paper.yaml", (const char *[]){init}, 1));
    OK(gk_batch_size_of(&size, &config, 1));
    gk_real *weights = gk_alloc(gk_parameters(&size.shape), sizeof *weights);
    OK(gk_init(weights, &size.shape, &config));
    compare_plans(name, weights);
    free(weights);
}

static void test_start(void **state)
{
    (void)state;
    at_file("seed0/init_f32.safetensors");
}

static void test_middle(void **state)
{
    (void)state;
    at_file("seed0/ckpt_11000.safetensors");
}

static void test_end(void **state)
{
    (void)state;
    at_file("seed0/ckpt_20000.safetensors");
}

/* The plan of a config that is like the paper's but for one thing. */
static void plan_of(const char *set, bool tables, const char *reason)
{
    gk_config config;
    gk_batch_size size;
    bool chosen;
    const char *why;

    OK(gk_config_load(&config, GK_SOURCE_DIR "/configs/paper.yaml", &set, 1));
    OK(gk_batch_size_of(&size, &config, 1));
    OK(gk_plan_choose(&chosen, &why, &config, &size.shape));
    assert_int_equal(chosen, tables);
    assert_int_equal(size.tables, tables);
    if (!strstr(why, reason)) fail_msg("%s: %s", set, why);
    if (config.device.plan == GK_PLAN_OPS) return;
    config.device.plan = GK_PLAN_TABLE;
    assert_int_equal(gk_plan_choose(&chosen, &why, &config, &size.shape),
                     tables ? GK_OK : GK_EUSAGE);
}

static void test_validity(void **state)
{
    (void)state;
    plan_of("task.op=add", true, "exact");
    plan_of("task.op=x3_xy", true, "exact");
    plan_of("task.op=random", true, "exact");
    plan_of("model.biases=off", true, "exact");
    plan_of("model.outputs=113", true, "exact");
    plan_of("device.plan=ops", false, "asked for");
    plan_of("model.layers=2", false, "one block");
    plan_of("model.d_mlp=0", false, "no MLP");
    plan_of("model.activation=gelu", false, "ReLU");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_validity),
        cmocka_unit_test(test_start),
        cmocka_unit_test(test_middle),
        cmocka_unit_test(test_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
