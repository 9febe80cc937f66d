/* Reading a config: what is understood, which value wins, and every error with its message. */
#include "lib/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static gk_status set(const char *yaml, const char *const *sets, int n)
{
    return gk_config_parse(&config, "x.yaml", yaml, strlen(yaml), sets, n);
}

static void set_fails(const char *assignment, const char *message)
{
    assert_int_equal(set("{}", &assignment, 1), GK_EUSAGE);
    assert_string_equal(gk_message(), message);
}

/* ---- what is read */

static void test_defaults(void **state)
{
    (void)state;
    assert_int_equal(gk_config_load(&config, NULL, NULL, 0), GK_OK);
    assert_int_equal(config.task.p, 113);
    assert_int_equal(config.task.op, GK_OP_ADD);
    assert_true(config.optim.weight_decay == 1.0 && isnan(config.run.stop_test_loss));
    assert_string_equal(config.run.measure_at, "");
    assert_string_equal(config.run.checkpoint_at, "every:1000");
    round_trip(&config);
    parses("{}");
    round_trip(&config);
}

static void test_styles(void **state)
{
    (void)state;
    parses("task: {name: modular, op: x3_xy, p: 97, split: \"python:3\"}\n"
           "run: {stop_test_loss: ~, stop_test_acc: 0.99, keep_state: \"0,100\"}\n");
    assert_int_equal(config.task.op, GK_OP_X3_XY);
    assert_int_equal(config.task.p, 97);
    assert_string_equal(config.task.split, "python:3");
    assert_string_equal(config.run.keep_state, "0,100");
    assert_true(isnan(config.run.stop_test_loss) && config.run.stop_test_acc == 0.99);
    parses(
        "\xEF\xBB\xBF%YAML 1.1\n---\n# a comment\noptim:   # AdamW\n  lr: 5.e-3\n  \"beta1\": +.5\n"
        "  decay: 'l2'\nrun:\n  epochs: 5e4\n  measure_every: 1E2\n  keep_state: '0, 5,7'\n"
        "  stop_test_loss:\n  stop_test_acc: Null\nmodel:\n...\n");
    assert_true(config.optim.lr == 5e-3 && config.optim.beta1 == 0.5);
    assert_int_equal(config.optim.decay, GK_DECAY_L2);
    assert_int_equal(config.run.epochs, 50000);
    assert_int_equal(config.run.measure_every, 100);
    assert_string_equal(config.run.keep_state, "0, 5,7");
    assert_true(isnan(config.run.stop_test_loss) && isnan(config.run.stop_test_acc));
}

static void test_seed(void **state)
{
    const char *seed = "seed=7", *split = "task.split=python:1", *init = "model.init=torch:2";

    (void)state;
    parses("seed: 18446744073709551615");
    assert_string_equal(config.task.split, "philox:18446744073709551615");
    assert_string_equal(config.model.init, "philox:18446744073709551615");
    round_trip(&config);
    assert_int_equal(set("seed: 123456", &seed, 1), GK_OK);
    assert_string_equal(config.task.split, "philox:7");
    round_trip(&config);
    assert_int_equal(set("task: {split: 'python:0'}", &seed, 1), GK_OK);
    assert_string_equal(config.task.split, "philox:7");
    assert_int_equal(set("seed: 123456", &split, 1), GK_OK);
    assert_string_equal(config.task.split, "python:1");
    assert_string_equal(config.model.init, "philox:123456");
    assert_int_equal(set("task: {split: 'python:0'}", (const char *[]){split, init}, 2), GK_OK);
    assert_string_equal(config.task.split, "python:1");
    assert_string_equal(config.model.init, "torch:2");
    fails("seed: 1\ntask:\n  p: 5\n  split: philox:1\n",
          "x.yaml:4: seed stands for task.split and model.init; give either seed or task.split");
    fails("model: {init: philox:1}\nseed: 1\n",
          "x.yaml:2: seed stands for task.split and model.init; give either seed or model.init");
    assert_int_equal(set("{}", (const char *[]){seed, init}, 2), GK_EUSAGE);
    assert_string_equal(gk_message(), "--set model.init=torch:2: seed stands for task.split and "
                                      "model.init; give either seed or model.init");
    assert_int_equal(set("{}", (const char *[]){split, seed}, 2), GK_EUSAGE);
    assert_string_equal(gk_message(), "--set seed=7: seed stands for task.split and model.init; "
                                      "give either seed or task.split");
}

static void test_seed_errors(void **state)
{
    (void)state;
#define SEED_EXPECTS "seed expects a whole number from 0 to 18446744073709551615, not "
    fails("\nseed: -1", "x.yaml:2: " SEED_EXPECTS "\"-1\"");
    fails("seed: '1'", "x.yaml:1: " SEED_EXPECTS "the quoted \"1\"");
    fails("seed: 18446744073709551616", "x.yaml:1: " SEED_EXPECTS "\"18446744073709551616\"");
    fails("seed: 1.5", "x.yaml:1: " SEED_EXPECTS "\"1.5\"");
    fails("seed:", "x.yaml:1: " SEED_EXPECTS "\"\"");
    fails("seed: [1]", "x.yaml:1: seed expects a whole number, not a list");
    fails("seed: 1\nseed: 1", "x.yaml:2: seed is given twice, first in line 1");
    fails("sed: 1", "x.yaml:1: unknown group \"sed\"; did you mean \"seed\"?");
    set_fails("seed=x", "--set seed=x: " SEED_EXPECTS "\"x\"");
}

static void test_sets(void **state)
{
    const char *sets[] = {"optim.lr=0.5", "optim.lr=0.25", "run.stop_test_acc=", "task.op=divide"};

    (void)state;
    assert_int_equal(set("optim: {lr: 1}\nrun: {stop_test_acc: 0.5}", sets, 4), GK_OK);
    assert_true(config.optim.lr == 0.25 && isnan(config.run.stop_test_acc));
    assert_int_equal(config.task.op, GK_OP_DIVIDE);
    assert_int_equal(gk_config_load(&config, NULL, sets, 4), GK_OK);
    assert_true(config.optim.lr == 0.25);
    assert_int_equal(set("{}", (const char *[]){"task.split=file:a=b"}, 1), GK_OK);
    assert_string_equal(config.task.split, "file:a=b");
    set_fails("optim.lr", "--set optim.lr: expects group.key=value, such as optim.lr=0.01");
    set_fails("optim.lr=x",
              "--set optim.lr=x: optim.lr expects a number from 0 to 1000, not \"x\"");
    set_fails("optim.lr=", "--set optim.lr=: optim.lr expects a number from 0 to 1000, not null");
    set_fails("optim.weight_dcay=1", "--set optim.weight_dcay=1: unknown key "
                                     "\"optim.weight_dcay\"; did you mean \"optim.weight_decay\"?");
    set_fails("lr=1", "--set lr=1: unknown key \"lr\"; did you mean \"optim.lr\"?");
    set_fails("=1", "--set =1: unknown key \"\"");
    set_fails("optim.beta1=1", "--set optim.beta1=1: optim.beta1 must be below 1");
    set_fails("task.split=file:\xFF", "--set task.split=file:\xFF: task.split expects a printable "
                                      "text of at most 1023 bytes, not \"file:\xFF\"");
    set_fails("device.backend=gpu", "--set device.backend=gpu: device.backend expects auto, cpu, "
                                    "ref, cuda or cuda:N (a device from 0), not \"gpu\"");
}

/* ---- errors */

static void test_names(void **state)
{
    (void)state;
    fails("# a comment\noptim:\n  lr: 1e-3\n  weight_dcay: 1\n",
          "x.yaml:4: unknown key \"weight_dcay\" in optim; did you mean \"weight_decay\"?");
    fails("optim: {epochs: 3}",
          "x.yaml:1: unknown key \"epochs\" in optim; did you mean \"run.epochs\"?");
    fails("optim: {something: 3}", "x.yaml:1: unknown key \"something\" in optim");
    fails("\noptimm: {lr: 1}", "x.yaml:2: unknown group \"optimm\"; did you mean \"optim\"?");
    fails("lr: 1", "x.yaml:1: unknown group \"lr\"; lr is a key of the group optim");
    fails("optim.lr: 1", "x.yaml:1: unknown group \"optim.lr\"; lr is a key of the group optim");
    fails("\"a\\eb\": 1", "x.yaml:1: unknown group \"a?b\"");
    fails("'': 1", "x.yaml:1: unknown group \"\"");
    fails("optim:\nlr: 1\n", "x.yaml:2: unknown group \"lr\"; lr is a key of the group optim");
}

static void test_long_names(void **state)
{
    char yaml[3000] = "task:\n  ? ", message[200] = "x.yaml:2: unknown key \"";

    (void)state;
    for (int i = 0; i < 1000; i++) strcat(yaml, "\xC3\xA9"); /* cut between characters */
    strcat(yaml, "a\n  : 1\n");
    for (int i = 0; i < 30; i++) strcat(message, "\xC3\xA9");
    strcat(message, "...\" in task");
    fails(yaml, message);
    yaml[10] = 'x';
    yaml[11] = 'y';
    yaml[12] = 'z';
    yaml[13] = '-'; /* two bytes each from an even offset: still whole characters */
    fails_with(yaml, "...\" in task");
}

static void test_twice(void **state)
{
    (void)state;
    fails("task:\n  p: 5\n  p: 5\n", "x.yaml:3: task.p is given twice, first in line 2");
    fails("task: {p: 5,\n 'p': 7}", "x.yaml:2: task.p is given twice, first in line 1");
    fails("task: {p: 5}\nrun:\ntask: {op: add}\n",
          "x.yaml:3: the group task is given twice, first in line 1");
}

static void test_types(void **state)
{
    (void)state;
#define P_EXPECTS  "task.p expects a whole number from 2 to 4093, not "
#define LR_EXPECTS "optim.lr expects a number from 0 to 1000, not "
    fails("task: {p: x}", "x.yaml:1: " P_EXPECTS "\"x\"");
    fails("task: {p: '113'}", "x.yaml:1: " P_EXPECTS "the quoted \"113\"");
    fails("task: {p: 11.5}", "x.yaml:1: " P_EXPECTS "\"11.5\"");
    fails("task: {p: 0x10}", "x.yaml:1: " P_EXPECTS "\"0x10\"");
    fails("task: {p: 1e30}", "x.yaml:1: " P_EXPECTS "\"1e30\"");
    fails("task: {p: 99999999999999999999}", "x.yaml:1: " P_EXPECTS "\"99999999999999999999\"");
    fails("task: {p: true}", "x.yaml:1: " P_EXPECTS "\"true\"");
    fails("task: {p: null}", "x.yaml:1: " P_EXPECTS "\"null\"");
    fails("task: {p: }", "x.yaml:1: " P_EXPECTS "null");
    fails("task: {p: ''}", "x.yaml:1: " P_EXPECTS "the quoted \"\"");
    fails("task:\n  p: |\n    113\n", "x.yaml:2: " P_EXPECTS "the quoted \"113?\"");
}

static void test_types_of_reals(void **state)
{
    (void)state;
    fails("optim:\n  lr: \"1e-3\"", "x.yaml:2: " LR_EXPECTS "the quoted \"1e-3\"");
    fails("optim: {lr: .inf}", "x.yaml:1: " LR_EXPECTS "\".inf\"");
    fails("optim: {lr: .nan}", "x.yaml:1: " LR_EXPECTS "\".nan\"");
    fails("optim: {lr: inf}", "x.yaml:1: " LR_EXPECTS "\"inf\"");
    fails("optim: {lr: 1e999}", "x.yaml:1: " LR_EXPECTS "\"1e999\"");
    fails("optim: {lr: '0,1'}", "x.yaml:1: " LR_EXPECTS "the quoted \"0,1\"");
    fails("optim: {lr: ~}", "x.yaml:1: " LR_EXPECTS "\"~\"");
    fails("optim: {lr: [1, 2]}", "x.yaml:1: " LR_EXPECTS "a list");
    fails("optim:\n  lr:\n    a: 1\n", "x.yaml:3: " LR_EXPECTS "a mapping");
    fails("run: {stop_test_acc: 1.5}",
          "x.yaml:1: run.stop_test_acc expects a number from 0 to 1 or null, not \"1.5\"");
    parses("optim: {lr: -0}");
    assert_false(signbit(config.optim.lr));
}

static void test_words_and_texts(void **state)
{
    char yaml[1200] = "task: {split: \"file:";

    (void)state;
    fails("task: {name: modula}",
          "x.yaml:1: task.name expects one of modular, group, digits, repeats, "
          "maximum, trigrams, parity, not \"modula\"; "
          "did you mean \"modular\"?");
    fails("model: {biases: true}",
          "x.yaml:1: model.biases expects one of on, frozen, off, not \"true\"");
    fails("model: {biases: }", "x.yaml:1: model.biases expects one of on, frozen, off, not null");
    fails("loss: {form: 'exact|f64'}", "x.yaml:1: loss.form expects one of exact, f64, f32, not "
                                       "\"exact|f64\"; did you mean \"exact\"?");
    fails("run: {checkpoint_at: [0, 100]}", "x.yaml:1: run.checkpoint_at expects a printable text "
                                            "of at most 1023 bytes, not a list");
    fails_with("task: {split: \"file:\\t\"}", "x.yaml:1: task.split expects a printable text");
    fails_with("task: {split: \"file:\\u2028\"}", "printable");
    fails_with("task: {split: \"file:\\uFEFF\"}", "printable");
    fails_with("task: {split: \"file:\\x85\"}", "printable");
    memset(yaml + strlen(yaml), 'a', 1018);
    strcpy(yaml + 20 + 1018, "\"}");
    parses(yaml);
    assert_int_equal(strlen(config.task.split), 1023);
    round_trip(&config);
    strcpy(yaml + 20 + 1018, "a\"}");
    fails_with(yaml, "x.yaml:1: task.split expects a printable text of at most 1023 bytes, not "
                     "\"file:aaa");
}

/* What gk_config_check finds gets the place of the key at fault. */
static void test_values_that_do_not_fit(void **state)
{
    (void)state;
    fails("optim:\n  beta1: 1\n", "x.yaml:2: optim.beta1 must be below 1");
    fails("optim: {beta2: 1.0}", "x.yaml:1: optim.beta2 must be below 1");
    fails("task: {train_fraction: 0}",
          "x.yaml:1: task.train_fraction must be above 0: there would be nothing to train on");
    fails("task: {train_fraction: 1}",
          "x.yaml:1: task.train_fraction must be below 1: there would be nothing to test on");
    fails("task: {p: 113}\nmodel: {outputs: 112}",
          "x.yaml:2: model.outputs must be 0 or at least task.p = 113, not 112");
    parses("task: {p: 112}\nmodel: {outputs: 112}");
    fails("model:\n  heads: 1024\n  d_head: 65536\n",
          "x.yaml:3: model.d_head is too large: W_Q would have 128 x 67108864 numbers, and "
          "2147483647 is the most");
    fails_with("model: {heads: 1024, d_model: 65536}", "x.yaml: model.d_head is too large");
    fails_with("model: {d_model: 65536, d_mlp: 1048576}", "x.yaml:1: model.d_mlp is too large");
    fails_with("model: {d_model: 65536, outputs: 65536}", "x.yaml:1: model.outputs is too large");
    fails("run:\n  checkpoint_at: evry:5",
          "x.yaml:2: run.checkpoint_at: \"evry:5\" is none of every:K, log:N (K and N from 1), a "
          "list such as \"0,100,1000\" (epochs up to 1000000000), and none");
    fails_with("run: {measure_at: log:0}", "x.yaml:1: run.measure_at: \"log:0\" is none of");
    fails_with("run: {checkpoint_at: null}", "x.yaml:1: run.checkpoint_at: \"\" is none of");
    fails_with("run: {keep_state: 'log:0'}", "x.yaml:1: run.keep_state: \"log:0\" is none of");
    fails_with("device: {backend: 'cuda:x'}", "x.yaml:1: device.backend expects auto, cpu, ref");
    fails_with("device: {backend: }", "x.yaml:1: device.backend expects auto, cpu, ref");
    parses("device: {backend: 'cuda:3'}");
}

static void test_sources(void **state)
{
    (void)state;
    fails("task: {split: 'pyton:0'}",
          "x.yaml:1: task.split expects python:S, torch:S, philox:S, symmetric:S or file:PATH, "
          "where S is a seed, not \"pyton:0\"");
    fails("model: {init: 'python:0'}",
          "x.yaml:1: model.init expects torch:S, torch_tl:S, philox:S, linear:S "
          "or file:PATH, where S is a seed, not \"python:0\"");
    fails("task: {split: 'torch:4294967296'}", "x.yaml:1: task.split: the seed in "
                                               "\"torch:4294967296\" is not a whole number from 0 "
                                               "to 4294967295");
    fails_with("task: {split: 'python:9223372036854775808'}", "from 0 to 9223372036854775807");
    fails_with("model: {init: 'torch_tl:4294967296'}", "from 0 to 4294967295");
    fails_with("model: {init: 'philox:18446744073709551616'}", "from 0 to 18446744073709551615");
    fails_with("task: {split: 'symmetric:-1'}", "x.yaml:1: task.split: the seed in");
    fails_with("task: {split: 'python:'}", "x.yaml:1: task.split: the seed in");
    fails_with("task: {split: 'python: 1'}", "x.yaml:1: task.split: the seed in");
    fails_with("task: {split: 'file:'}", "x.yaml:1: task.split expects");
    fails_with("task: {split: }", "x.yaml:1: task.split expects");
    fails_with("model: {init: null}", "x.yaml:1: model.init expects");
    parses("task: {split: 'python:9223372036854775807'}\nmodel: {init: 'torch_tl:4294967295'}");
    parses(
        "task: {split: 'symmetric:18446744073709551615'}\nmodel: {init: 'file:a b.safetensors'}");
    round_trip(&config);
}

/* Configs built by the program are checked too. */
static void test_check(void **state)
{
    (void)state;
    gk_config_defaults(&config);
    assert_int_equal(gk_config_check(&config), GK_OK);
    config.optim.lr = GK_NULL;
    assert_int_equal(gk_config_check(&config), GK_EUSAGE);
    assert_string_equal(gk_message(), "optim.lr expects a number from 0 to 1000");
    gk_config_defaults(&config);
    config.task.op = GK_OP_ADD_OR_SUBTRACT + 1;
    assert_int_equal(gk_config_check(&config), GK_EUSAGE);
    config.task.op = -1;
    assert_int_equal(gk_config_check(&config), GK_EUSAGE);
    gk_config_defaults(&config);
    config.task.p = 4094;
    assert_int_equal(gk_config_check(&config), GK_EUSAGE);
    assert_string_equal(gk_message(), "task.p expects a whole number from 2 to 4093");
    gk_config_defaults(&config);
    memset(config.model.init, 'a', GK_TEXT_MAX);
    assert_int_equal(gk_config_check(&config), GK_EUSAGE);
}

static void test_files(void **state)
{
    char path[] = P_tmpdir "/grokc-test-config-XXXXXX", expected[200];
    const char *yaml = "task: {p: 97}\nseed: 3\noptim: {lrr: 1}\n", *seed = "seed=4";
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, yaml, strlen(yaml)), strlen(yaml));
    assert_int_equal(gk_config_load(&config, path, NULL, 0), GK_EUSAGE);
    snprintf(expected, sizeof expected, "%s:3: unknown key \"lrr\" in optim; did you mean \"lr\"?",
             path);
    assert_string_equal(gk_message(), expected);
    assert_int_equal(ftruncate(fd, 22), 0);
    assert_int_equal(gk_config_load(&config, path, &seed, 1), GK_OK);
    assert_int_equal(config.task.p, 97);
    assert_string_equal(config.model.init, "philox:4");
    assert_int_equal(ftruncate(fd, (1 << 20) + 1), 0);
    assert_int_equal(gk_config_load(&config, path, NULL, 0), GK_EUSAGE);
    assert_non_null(strstr(gk_message(), "1048577 bytes"));
    close(fd);
    unlink(path);
    assert_int_equal(gk_config_load(&config, path, NULL, 0), GK_EUSAGE);
    assert_non_null(strstr(gk_message(), "No such file"));
    assert_int_equal(gk_config_load(&config, P_tmpdir, NULL, 0), GK_EUSAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_styles),
        cmocka_unit_test(test_seed),
        cmocka_unit_test(test_seed_errors),
        cmocka_unit_test(test_sets),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_twice),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_types_of_reals),
        cmocka_unit_test(test_words_and_texts),
        cmocka_unit_test(test_values_that_do_not_fit),
        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
