/* Sweep files that cannot be: every error with its line; files of points; branches; and every file
 * configs/sweep_*.yaml. */
#include "lib/folder.h"
#include "lib/sweep.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The grammar is the config's, with its errors. */
static void test_as_a_config(void **state)
{
    (void)state;
    fails("", "x.yaml:1: the file is empty; a config has at least one group, such as task:");
    fails("optim:\n  weight_dcay: [1, 2]\n",
          "x.yaml:2: unknown key \"weight_dcay\" in optim; did you mean \"weight_decay\"?");
    fails("zipp: [[optim.lr, seed]]", "x.yaml:1: unknown group \"zipp\"; did you mean \"zip\"?");
    fails("rndom: {n: 1}", "x.yaml:1: unknown group \"rndom\"; did you mean \"random\"?");
    fails("optim: {lr: [1, 2],\n lr: 3}", "x.yaml:2: optim.lr is given twice, first in line 1");
    fails("optim: {lr: 1,\n lr: [3]}", "x.yaml:2: optim.lr is given twice, first in line 1");
    fails("seed: [1]\nseed: [1]", "x.yaml:2: seed is given twice, first in line 1");
    fails("zip: []\nzip: []", "x.yaml:2: zip is given twice, first in line 1");
    fails("optim: {lr: &x [1, 2]}", "x.yaml:1: anchors (&name) are not read");
    fails("optim: {lr: [1, *x]}", "x.yaml:1: aliases (*name) are not read; write the value again");
    fails("optim: {lr: {range: !t [1, 2]}}",
          "x.yaml:1: tags (!name) are not read; quote the text if it is one");
    fails("seed: [1]\n---\nseed: [1]", "x.yaml:2: a second document starts here; a config is one");
    fails("seed: [1, 2\n", "x.yaml:2: this is not YAML: did not find expected ',' or ']' while "
                           "parsing a flow sequence (line 1)");
    fails("optim: [1, 2]", "x.yaml:1: the group optim expects keys with values, not a list");
    fails("task: {split: [philox:1]}\nseed: [1, 2]",
          "x.yaml:2: seed stands for task.split and model.init; give either seed or task.split");
    fails("optim: {lr: 2000}", "x.yaml:1: optim.lr expects a number from 0 to 1000, not \"2000\"");
}

static void test_lists(void **state)
{
    (void)state;
    fails("optim:\n  lr: [1,\n       2000]",
          "x.yaml:3: optim.lr expects a number from 0 to 1000, not \"2000\"");
    fails("optim: {lr: [1, '2']}",
          "x.yaml:1: optim.lr expects a number from 0 to 1000, not the quoted \"2\"");
    fails("optim: {lr: [1, null]}",
          "x.yaml:1: optim.lr expects a number from 0 to 1000, not \"null\"");
    fails("task: {op: [add, subtrct]}",
          "x.yaml:1: task.op expects one of add, subtract, multiply, divide, x2_y2, x2_xy_y2, "
          "x2_xy_y2_x, x3_xy, x3_xy2_y, divide_or_subtract, random, "
          "add_or_multiply, add_or_subtract, not \"subtrct\"; did you mean "
          "\"subtract\"?");
    fails("seed: [1, -1]", "x.yaml:1: seed expects a whole number from 0 to "
                           "18446744073709551615, not \"-1\"");
    fails("seed: [nan]", "x.yaml:1: seed expects a whole number from 0 to "
                         "18446744073709551615, not \"nan\"");
    fails("optim: {lr: [.nan]}",
          "x.yaml:1: optim.lr expects a number from 0 to 1000, not \".nan\"");
    fails("optim: {lr: []}", "x.yaml:1: optim.lr: the list is empty");
    fails("optim: {lr: [1, [2]]}",
          "x.yaml:1: optim.lr: a list stands where one value of the list should");
    fails("seed: [{range: [1, 2]}]",
          "x.yaml:1: seed: a mapping stands where one value of the list should");
}

static void test_forms(void **state)
{
    (void)state;
#define NO_FORM "x.yaml:1: seed: a form is expected here: range, log or uniform"
    fails("seed: {}", NO_FORM);
    fails("seed: {[range]: 1}", NO_FORM);
    fails("seed: {rnge: [1, 2]}", "x.yaml:1: seed: unknown form \"rnge\"; did you mean \"range\"?");
    fails("seed: {range: 3}",
          "x.yaml:1: seed: range expects [from, to] or [from, to, step], not one value");
    fails("seed: {range: [3]}",
          "x.yaml:1: seed: range expects [from, to] or [from, to, step], not 1 number");
    fails("seed: {range: [1, 2, 3, 4]}",
          "x.yaml:1: seed: range expects [from, to] or [from, to, step], not 4 numbers");
    fails("seed: {range: [1, 'x']}",
          "x.yaml:1: seed: a number is expected here, not the quoted \"x\"");
    fails("seed: {range: [1, .inf]}", "x.yaml:1: seed: a number is expected here, not \".inf\"");
    fails("seed: {range: [1, [2]]}", "x.yaml:1: seed: a number is expected here, not a list");
    fails("seed: {range: [1, 2], log: [1, 2, 3]}",
          "x.yaml:1: seed: a key has one form, and \"log\" follows");
    fails("seed: {range: [1, 2, 0]}", "x.yaml:1: seed: the step of a range is 0");
    fails("seed: {range: [2, 2]}", "x.yaml:1: seed: the range from 2 to 2 has no values");
    fails("seed: {range: [3, 2]}", "x.yaml:1: seed: the range from 3 to 2 has no values");
    fails("seed: {range: [0, 1000001]}", "x.yaml:1: seed: the range has more than 1000000 values");
    fails("seed: {range: [0, 2, 0.5]}", "x.yaml:1: seed expects a whole number from 0 to "
                                        "18446744073709551615, not \"0.5\"");
    fails("task:\n  p: {range: [4091, 4096]}\n",
          "x.yaml:2: task.p expects a whole number from 2 to 4093, not \"4094\"");
    fails("task: {split: {log: [1, 2, 3]}}", "x.yaml:1: task.split: log is for numbers");
    fails("optim: {lr: {log: [0, 1, 3]}}", "x.yaml:1: optim.lr: log expects ends above 0, not 0");
    fails("optim: {lr: {log: [1e-999, 1, 3]}}",
          "x.yaml:1: optim.lr: log expects ends above 0, not 1e-999");
    fails("optim: {lr: {log: [1, 1.0, 3]}}",
          "x.yaml:1: optim.lr: the ends 1 and 1 leave nothing between them");
    fails("optim: {lr: {log: [1, 2000, 3]}}",
          "x.yaml:1: optim.lr expects a number from 0 to 1000, not \"2000\"");
    fails("optim: {lr: {log: [1, 2, 1]}}",
          "x.yaml:1: optim.lr: log expects from 2 to 1000000 values, not 1");
    fails("optim: {lr: {log: [1, 2, 2.5]}}",
          "x.yaml:1: optim.lr: log expects from 2 to 1000000 values, not 2.5");
    fails("optim: {lr: {uniform: [2, 1]}}",
          "x.yaml:1: optim.lr: the ends 2 and 1 leave nothing between them");
}

static void test_zip(void **state)
{
    (void)state;
#define ZIP_TAKES "zip expects lists of keys, such as [[optim.lr, optim.weight_decay]]"
    fails("zip: 1", "x.yaml:1: " ZIP_TAKES);
    fails("zip:\n  [optim.lr, seed]", "x.yaml:2: " ZIP_TAKES);
    fails("zip: [[[seed]]]", "x.yaml:1: " ZIP_TAKES);
    fails("zip: [[seed]]", "x.yaml:1: zip expects two keys or more");
    fails("zip: [[seed, lr]]", "x.yaml:1: unknown key \"lr\"; did you mean \"optim.lr\"?");
    fails("zip: [[seed, optim.lr],\n [seed, task.p]]",
          "x.yaml:2: seed is zipped twice, first in line 1");
    fails("seed: [1, 2]\nzip: [[seed,\n optim.lr]]",
          "x.yaml:3: zip: optim.lr has no list of values to walk along");
    fails("optim: {lr: {log: [1, 2]}}\nseed: [1]\nrandom: {n: 1}\nzip: [[seed, optim.lr]]",
          "x.yaml:4: zip: optim.lr has no list of values to walk along");
    fails("seed: [1, 2]\noptim: {lr: [1, 2, 3]}\nzip: [[optim.lr, seed]]",
          "x.yaml:3: zip: seed has 2 values, optim.lr 3");
}

static void test_random(void **state)
{
    (void)state;
    fails("random: 5", "x.yaml:1: random expects {n: 200, seed: 0}, not one value");
    fails("random: {}", "x.yaml:1: random expects n, how many runs to draw");
    fails("random: {sed: 1}", "x.yaml:1: unknown key \"sed\" in random; did you mean \"seed\"?");
    fails("random: {n: 1, n: 1}", "x.yaml:1: random.n is given twice");
    fails("random: {n: 0}",
          "x.yaml:1: random.n expects a whole number from 1 to 1000000, not \"0\"");
    fails("random: {n: '5'}",
          "x.yaml:1: random.n expects a whole number from 1 to 1000000, not \"5\"");
    fails("random: {n: [5]}",
          "x.yaml:1: random.n expects a whole number from 1 to 1000000, not \"a list\"");
    fails("random: {seed: -1}", "x.yaml:1: random.seed expects a whole number, not \"-1\"");
    fails("random: {n: 5}", "x.yaml:1: random has nothing to draw: no key has more than one value");
    fails("\nseed: {uniform: [1, 5]}", "x.yaml:2: seed: uniform needs random: {n: 200}");
    fails("optim: {lr: {log: [1, 5]}}", "x.yaml:1: optim.lr: log without how many needs random: "
                                        "{n: 200} or a third number");
    fails("\nrandom: {n: 3}\nseed: [7]",
          "x.yaml:2: runs 0 and 1 are the same: seed=7; fewer runs, more values or another "
          "random.seed may keep them apart");
    fails("random: {n: 3}\nseed: {uniform: [0, 9223372036854775808]}",
          "x.yaml:2: seed: uniform draws below 2^63");
}

static void test_points_of_a_sweep(void **state)
{
    (void)state;
    fails("seed: {range: [0, 1000]}\noptim: {lr: {range: [0, 1001]}}",
          "x.yaml: 1000 of seed x 1001 of optim.lr are more than 1000000 runs; random: {n: 200} "
          "takes some of them");
    fails("optim: {lr: [0.1, 1, 1e-1]}", "x.yaml: runs 0 and 2 are the same: optim.lr=0.1");
    fails("seed: [1, 2]\noptim: {lr: [0.1, 1e-1]}",
          "x.yaml: runs 0 and 1 are the same: seed=1, optim.lr=0.1");
    fails("seed: [1, 2]\ntask:\n  train_fraction: [0.5, 1]\n",
          "x.yaml:3: task.train_fraction must be below 1: there would be nothing to test on "
          "(run 1: seed=1, task.train_fraction=1)");
    fails("task: {p: [5, 11]}\nmodel:\n  outputs: 7\n",
          "x.yaml:3: model.outputs must be 0 or at least task.p = 11, not 7 (run 1: task.p=11)");
    fails("model: {outputs: 7}\n",
          "x.yaml:1: model.outputs must be 0 or at least task.p = 113, not 7");
    const char *const set = "model.outputs=7";
    assert_int_equal(parse_with("x.yaml", "task: {p: [5, 11]}", &set, 1), GK_EUSAGE);
    assert_string_equal(gk_message(), "--set model.outputs=7: model.outputs must be 0 or at least "
                                      "task.p = 11, not 7 (run 1: task.p=11)");
}

/* ---- files of points */

static int close_all(void **state)
{
    close_sweep(state);
    return remove_folder(state);
}

static void write_file(const char *name, const char *text)
{
    assert_int_equal(gk_file_replace(in_folder(name), text, strlen(text)), GK_OK);
}

/* A sweep of p.csv, with more around it. */
static gk_status parse_csv(const char *csv, const char *more, const char *set)
{
    char name[GK_PATH_MAX], yaml[500];

    write_file("p.csv", csv);
    snprintf(name, sizeof name, "%s/x.yaml", folder);
    snprintf(yaml, sizeof yaml, "points: p.csv\n%s", more);
    return parse_with(name, yaml, &set, set != NULL);
}

static void csv_expands(const char *csv, const char *expected)
{
    if (parse_csv(csv, "", NULL) != GK_OK) fail_msg("%s", gk_message());
    points_are(expected);
}

/* The message, without the folder. */
static void csv_fails(const char *csv, const char *more, const char *message)
{
    assert_int_equal(parse_csv(csv, more, NULL), GK_EUSAGE);
    assert_memory_equal(gk_message(), folder, strlen(folder));
    assert_string_equal(gk_message() + strlen(folder) + 1, message);
}

static void test_csv(void **state)
{
    (void)state;
    csv_expands("seed,optim.lr\n1,1e-2\n0,3\n", "index,seed,optim.lr\n0,1,0.01\n1,0,3\n");
    csv_expands(
        "\xEF\xBB\xBF\n \"optim.lr\" ,\"run.hook\"\r\n\r\n\"0.5\", \"a, \"\"b\"\"\" \r\n 7 ,",
        "index,optim.lr,run.hook\n0,0.5,\"a, \"\"b\"\"\"\n1,7,\n");
    csv_expands("run.stop_test_loss\nnull\n1\n", "index,run.stop_test_loss\n0,null\n1,1\n");
    assert_int_equal(parse_csv("seed,optim.lr\n1,2\n2,3\n", "optim: {beta1: 0.5}", "optim.lr=7"),
                     GK_OK);
    points_are("index,seed\n0,1\n1,2\n");
    assert_true(config_of(1).optim.lr == 7 && config_of(1).optim.beta1 == 0.5);
}

static void test_csv_errors(void **state)
{
    (void)state;
    csv_fails("", "", "p.csv:1: a header of key names is expected, such as optim.lr,seed");
    csv_fails("seed\n\n", "", "p.csv:3: there are no rows below the header");
    csv_fails("seed,optim.rl\n1,1\n", "",
              "p.csv:1: unknown key \"optim.rl\"; did you mean \"optim.lr\"?");
    csv_fails("seed,\n1,1\n", "", "p.csv:1: unknown key \"\"");
    csv_fails("seed, seed\n1,1\n", "", "p.csv:1: seed is given twice");
    csv_fails("model.init,seed\nx,1\n", "",
              "p.csv:1: seed stands for task.split and model.init; give either seed or model.init");
    csv_fails("optim.lr,task.p\n1\n", "", "p.csv:2: 1 cells, but the header has 2");
    csv_fails("optim.lr\n1\n\n2,3\n", "", "p.csv:4: 2 cells, but the header has 1");
    csv_fails("optim.lr\n1\nx\n", "",
              "p.csv:3: optim.lr expects a number from 0 to 1000, not \"x\"");
    csv_fails("optim.lr,seed\n1,1\n,1\n", "",
              "p.csv:3: optim.lr expects a number from 0 to 1000, not null");
    csv_fails("optim.lr\n\"1\n", "", "p.csv:2: a quote is not closed in its line");
    csv_fails("optim.lr\n\"1\"1\n", "", "p.csv:2: a text follows a closing quote");
    csv_fails("optim.lr,seed\n1,1\n\n2,2\n1.0,1\n", "",
              "p.csv:5: the same run as in line 2: optim.lr=1, seed=1");
    csv_fails("seed,optim.beta1\n1,1\n", "", "p.csv:2: optim.beta1 must be below 1");
    csv_fails("optim.lr\n1\n", "optim: {lr: 1}",
              "p.csv:1: optim.lr is a column, but line 2 of the sweep gives optim.lr");
    csv_fails("seed\n1\n", "model: {init: x}",
              "p.csv:1: seed is a column, but line 2 of the sweep gives model.init");
    csv_fails("seed\n1\n", "optim: {lr: [1, 2]}",
              "x.yaml:2: points gives a row per run; optim.lr cannot have more than one value "
              "beside it");
    csv_fails("seed\n1\n", "random: {n: 1}",
              "x.yaml:2: points gives a row per run; nothing is drawn");
    csv_fails("seed\n1\n", "optim: {lr: [1]}\nseed: [1]\nzip: [[seed, optim.lr]]",
              "x.yaml:4: points gives a row per run; there is nothing to zip");
    fails("points: [a]", "x.yaml:1: points expects the path of a CSV file, not a list");
    fails("points: ''", "x.yaml:1: points expects the path of a CSV file");
    fails("points: /no/where.csv", "x.yaml:1: points: cannot open /no/where.csv: No such file or "
                                   "directory");
    fails("points: /dev/zero", "x.yaml:1: points: /dev/zero is not a regular file");
}

/* ---- branches */

static void test_from(void **state)
{
    char yaml[400];

    (void)state;
    write_file("config.yaml", "task: {p: 7, split: 'python:3'}\noptim: {lr: 0.5, beta1: 0.5}\n");
    snprintf(yaml, sizeof yaml, "from: %s@120\noptim: {lr: 0.25, weight_decay: [0, 3]}", folder);
    expands(yaml, "index,optim.weight_decay\n0,0\n1,3\n");
    gk_config c = config_of(1);
    assert_int_equal(c.task.p, 7); /* the parent's */
    assert_string_equal(c.task.split, "python:3");
    assert_true(c.optim.beta1 == 0.5 && c.optim.lr == 0.25 && c.optim.weight_decay == 3);
    assert_int_equal(strncmp(sweep.from, folder, strlen(folder)), 0);
    assert_string_equal(sweep.from + strlen(folder), "@120");
    expands("seed: [1]", "index,seed\n0,1\n");
    assert_string_equal(sweep.from, "");
#define FROM_TAKES "from expects RUN@EPOCH, such as runs/paper@1000, not "
    fails("from: x", "x.yaml:1: " FROM_TAKES "\"x\"");
    fails("from: '@5'", "x.yaml:1: " FROM_TAKES "\"@5\"");
    fails("from: x@-1", "x.yaml:1: " FROM_TAKES "\"x@-1\"");
    fails("from: x@1.5", "x.yaml:1: " FROM_TAKES "\"x@1.5\"");
    fails("from: {a: b}", "x.yaml:1: from expects RUN@EPOCH, not a mapping");
    fails("\nfrom: /no/where@5", "x.yaml:2: from: cannot open /no/where/config.yaml: No such file "
                                 "or directory");
}

/* ---- whole files */

static void test_load(void **state)
{
    char path[GK_PATH_MAX];

    (void)state;
    write_file("s.yaml", "\xEF\xBB\xBFseed: [1, 2] # two\n");
    snprintf(path, sizeof path, "%s/s.yaml", folder);
    gk_sweep_close(&sweep);
    assert_int_equal(gk_sweep_load(&sweep, path, NULL, 0), GK_OK);
    points_are("index,seed\n0,1\n1,2\n");
    assert_int_equal(sweep.length, 22);
    assert_memory_equal(sweep.text, "\xEF\xBB\xBFseed: [1, 2] # two\n", 22);
    gk_sweep_close(&sweep);
    assert_int_equal(gk_sweep_load(&sweep, "/no/where.yaml", NULL, 0), GK_EUSAGE);
    assert_string_equal(gk_message(), "cannot open /no/where.yaml: No such file or directory");
}

static void test_configs(void **state)
{
    static const struct known {
        const char *name;
        int n;
    } known[] = {{"sweep_fraction", 320},
                 {"sweep_phase_diagram", 196},
                 {"sweep_seeds", 64},
                 {"sweep_wd", 72}};
    glob_t files;

    (void)state;
    assert_int_equal(glob(GK_SOURCE_DIR "/configs/sweep_*.yaml", 0, NULL, &files), 0);
    assert_int_equal(files.gl_pathc, sizeof known / sizeof *known);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        gk_sweep_close(&sweep);
        if (gk_sweep_load(&sweep, files.gl_pathv[i], NULL, 0) != GK_OK)
            fail_msg("%s", gk_message());
        assert_non_null(strstr(files.gl_pathv[i], known[i].name));
        assert_int_equal(sweep.n, known[i].n);
        assert_int_equal(sweep.text[0], '#'); /* says what it shows */
        for (int j = 0; j < sweep.n; j++) {
            gk_config c = config_of(j);
            assert_string_equal(c.run.checkpoint_at, "log:20");
            assert_int_equal(c.run.keep_checkpoints, GK_KEEP_LAST);
        }
    }
    globfree(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_a_config), cmocka_unit_test(test_lists),
        cmocka_unit_test(test_forms),       cmocka_unit_test(test_zip),
        cmocka_unit_test(test_random),      cmocka_unit_test(test_points_of_a_sweep),
        cmocka_unit_test(test_csv),         cmocka_unit_test(test_csv_errors),
        cmocka_unit_test(test_from),        cmocka_unit_test(test_load),
        cmocka_unit_test(test_configs),
    };
    return cmocka_run_group_tests(tests, make_folder, close_all);
}
