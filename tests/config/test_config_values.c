/* Values as people write them: switches and whole numbers with several spellings, and paths with a
 * ~ that nobody expands. */
#include "lib/config.h"

#include <stdio.h>
#include <stdlib.h>

static gk_status set(const char *yaml, const char *const *sets, int n)
{
    return gk_config_parse(&config, "x.yaml", yaml, strlen(yaml), sets, n);
}

/* What YAML 1.1 takes for true and false is on and off, where a key has these words. */
static void test_switches(void **state)
{
    static const char *const words[][2] = {
        {"true", "false"}, {"True", "False"}, {"TRUE", "FALSE"},   {"yes", "no"},
        {"Yes", "No"},     {"YES", "NO"},     {"On", "Off"},       {"ON", "OFF"},
        {"y", "n"},        {"Y", "N"},        {"'true'", "\"no\""}};
    static const char *const wrong[] = {"tRUE", "yEs", "oN", "tru", "1", "0", "yess", "YEs", "''"};
    char yaml[100], set_on[60], set_off[60];

    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        snprintf(yaml, sizeof yaml, "task: {end_token: %s}\nmodel: {biases: %s}", words[i][0],
                 words[i][1]);
        parses(yaml);
        assert_int_equal(config.task.end_token, 1);
        assert_int_equal(config.model.biases, GK_BIASES_OFF);
        round_trip(&config);
        if (strpbrk(words[i][0], "'\"")) continue; /* --set knows no quotes */
        snprintf(set_on, sizeof set_on, "model.final_norm=%s", words[i][0]);
        snprintf(set_off, sizeof set_off, "task.end_token=%s", words[i][1]);
        assert_int_equal(set(yaml, (const char *[]){set_on, set_off}, 2), GK_OK);
        assert_int_equal(config.model.final_norm, 1);
        assert_int_equal(config.task.end_token, 0);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(yaml, sizeof yaml, "task: {end_token: %s}", wrong[i]);
        fails_with(yaml, "x.yaml:1: task.end_token expects one of off, on, not ");
    }
    fails("model: {norm: no}", "x.yaml:1: model.norm expects one of none, pre, post, not \"no\"");
}

/* 100.0 and 1e2 are 100, for keys, seeds and --set; what is not whole is not rounded. */
static void test_whole_numbers(void **state)
{
    gk_text yaml = {0};

    (void)state;
    parses("seed: 1e3\ntask: {p: 97.0, label_seed: 9007199254740991.0}\nrun: {epochs: +5.0e3}");
    assert_string_equal(config.task.split, "philox:1000");
    assert_int_equal(config.task.p, 97);
    assert_int_equal(config.task.label_seed, 9007199254740991);
    assert_int_equal(config.run.epochs, 5000);
    gk_config_print(&yaml, &config);
    assert_non_null(strstr(yaml.data, "  p:              97\n"));
    gk_text_free(&yaml);
    parses("seed: 9007199254740993.0");
    assert_string_equal(config.task.split, "philox:9007199254740993");
    assert_int_equal(
        set("{}", (const char *[]){"seed=2.0e1", "run.epochs=1E2", "optim.batch=0.0"}, 3), GK_OK);
    assert_string_equal(config.model.init, "philox:20");
    assert_int_equal(config.run.epochs, 100);
    assert_int_equal(config.optim.batch, 0);
    fails("run: {epochs: 0.5}",
          "x.yaml:1: run.epochs expects a whole number from 0 to 1000000000, not \"0.5\"");
    fails("task: {label_seed: 9007199254740990.5}",
          "x.yaml:1: task.label_seed expects a whole number from 0 to 9007199254740991, not "
          "\"9007199254740990.5\"");
    fails("task: {p: 1.00000000000000000001e2}",
          "x.yaml:1: task.p expects a whole number from 2 to 4093, not "
          "\"1.00000000000000000001e2\"");
    assert_int_equal(set("{}", (const char *[]){"run.epochs=1e-3"}, 1), GK_EUSAGE);
    assert_string_equal(gk_message(),
                        "--set run.epochs=1e-3: run.epochs expects a whole number from 0 to "
                        "1000000000, not \"1e-3\"");
}

/* A path that begins with ~/ would be looked for in a folder named ~. */
static void test_home(void **state)
{
#define ADVICE(path)                                                                               \
    "no shell has expanded the ~ of \"~/" path "\"; write $HOME/" path                             \
    " on a command line, /home/me/" path " in a file"
    (void)state;
    setenv("HOME", "/home/me", 1);
    fails("\ntask: {split: 'file:~/ids.txt'}", "x.yaml:2: task.split: " ADVICE("ids.txt"));
    fails("model:\n  heads: 4\n  init: file:~/a/w.safetensors\n",
          "x.yaml:3: model.init: " ADVICE("a/w.safetensors"));
    assert_int_equal(set("{}", (const char *[]){"task.split=file:~/x"}, 1), GK_EUSAGE);
    assert_string_equal(gk_message(), "--set task.split=file:~/x: task.split: " ADVICE("x"));
    unsetenv("HOME");
    fails_with("task: {split: 'file:~/x'}", "/home/you/x in a file");
    parses("task: {split: 'file:./~/ids.txt'}\nmodel: {init: 'file:a/~/b~'}");
    round_trip(&config);
    parses("task: {split: 'file:~ids.txt'}"); /* a name like any other */
    parses("run: {hook: '~/bin/hook'}");      /* for a shell */
    assert_string_equal(config.run.hook, "~/bin/hook");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_switches),
        cmocka_unit_test(test_whole_numbers),
        cmocka_unit_test(test_home),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
