/* gk_gather on planted sweeps and hostile ones. Real runs: program/gather.sh. The statistics of
 * cells: rows/test_statistics.c. */
#include "lib/folder.h"
#include "lib/support.h"

#include "gather/parts.h"

#include <sys/stat.h>
#include <unistd.h>

static void put(const char *name, const char *text)
{
    OK(gk_file_replace(in_folder(name), text, strlen(text)));
}

static void test_values(void **state)
{
    static const char *const same[][3] = {
        {"optim.lr", "1e-3", "0.001"},
        {"optim.lr", "1.0", "1"},
        {"run.epochs", "5e4", "50000"},
        {"run.stop_test_loss", "null", ""},
        {"seed", "18446744073709551615", "18446744073709551615"},
        {"model.init", "torch:0", "torch:0"},
        {"run.checkpoint_at", "1e3", "1e3"},
        {"task.label_seed", "9007199254740991", "9007199254740991"}};
    gk_text text = {0};

    (void)state;
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        text.length = 0;
        gk_text_append(&text, "", 0);
        gk_gather_value(&text, same[i][0], same[i][1]);
        assert_string_equal(text.data, same[i][2]);
    }
    gk_text_free(&text);
}

/* ---- planted sweeps */

/* Weeks in remission under 6-MP, as in test_statistics.c: below 0, censored at minus that. */
static const int drug[] = {-35, 6,  -9, 23,  6,   22,  -6,  7,   6,   10, -10,
                           -11, 13, 16, -17, -19, -20, -25, -32, -32, -34};

/* runs/0000i: memorised at epoch 100, and grokked or not. */
static void plant_run(int i, double lr, int end, int grok, const char *state)
{
    char run[64], name[96];
    gk_config config;
    gk_text text = {0};

    snprintf(run, sizeof run, "runs/%05d", i);
    OK(gk_make_directories(in_folder(run)));
    gk_config_defaults(&config);
    config.optim.lr = lr;
    gk_config_print(&text, &config);
    snprintf(name, sizeof name, "%s/config.yaml", run);
    put(name, text.data);

    text.length = 0;
    gk_text_add(&text, "{\"format\": 1, \"state\": \"%s\", \"epochs\": %d, ", state, end);
    if (grok >= 0)
        gk_text_add(&text, "\"grok_epoch\": %d, \"grok_delay\": %d, ", grok, grok - 100);
    else
        gk_text_add(&text, "\"grok_epoch\": null, \"grok_delay\": null, ");
    gk_text_add(&text,
                "\"events\": {\"train_acc >= 0.99\": {\"crossed\": 100}}, \"key_freqs\": %s}\n",
                grok < 0 ? "null"
                : i == 1 ? "\"14,35,42\"" /* as grokc 0.1 wrote it */
                         : "[14, 35, 42]");
    snprintf(name, sizeof name, "%s/summary.json", run);
    put(name, text.data);

    text.length = 0;
    gk_text_add(&text, "{\"epoch\": 0, \"train_loss\": 4.5, \"test_loss\": 4.75}\n");
    gk_text_add(&text,
                "{\"epoch\": %d, \"train_loss\": %d, \"test_loss\": 1e-07, \"a_online\": 3}\n", end,
                i);
    snprintf(name, sizeof name, "%s/metrics.jsonl", run);
    put(name, text.data);
    snprintf(name, sizeof name, "%s/state", run);
    gk_text_free(&text);
    gk_text_add(&text, "%s\n", state);
    put(name, text.data);
    gk_text_free(&text);
}

/* The remission times above as grok epochs: 21 seeds of one learning rate, weeks of 100 epochs.
 * Four runs of another: 22 groks while 24 is watched, which never does; 21 diverged shortly before;
 * 23 has not begun. */
static void plant_sweep(void)
{
    gk_text points = {0};

    gk_text_add(&points, "index,optim.lr,seed\n");
    for (int i = 0; i < 21; i++) gk_text_add(&points, "%d,%s,%d\n", i, i % 2 ? "0.01" : "1e-2", i);
    for (int i = 21; i < 25; i++) gk_text_add(&points, "%d,0.003,%d\n", i, i);
    put("points.csv", points.data);
    gk_text_free(&points);
    for (int i = 0; i < 21; i++)
        plant_run(i, 0.01, 100 * (drug[i] > 0 ? 40 : -drug[i]), drug[i] > 0 ? 100 * drug[i] : -1,
                  "done");
    plant_run(21, 0.003, 1950, -1, "diverged");
    plant_run(22, 0.003, 4000, 2000, "done");
    plant_run(24, 0.003, 4000, -1, "done");
}

static char *content(const char *name)
{
    char *text;
    size_t size;

    OK(gk_file_read(in_folder(name), 1 << 24, &text, &size));
    return text;
}

static const char *field(const gk_csv *csv, int row, const char *name)
{
    for (int c = 0; c < csv->columns; c++)
        if (!strcmp(gk_csv_at(csv, -1, c), name)) return gk_csv_at(csv, row, c);
    return NULL;
}

static void test_planted_cells(void **state)
{
    gk_gathered counts;
    gk_csv csv;

    (void)state;
    plant_sweep();
    OK(gk_gather(&counts, folder));
    assert_int_equal(counts.runs, 25);
    assert_int_equal(counts.done, 23);
    assert_int_equal(counts.diverged, 1);
    assert_int_equal(counts.waiting, 1);
    assert_int_equal(counts.going, 0);
    assert_int_equal(counts.grokked, 10);
    OK(gk_csv_read(&csv, in_folder("cells.csv"), GK_CSV_STRICT));
    static const char *const names[] = {"optim_lr",
                                        "n",
                                        "done",
                                        "diverged",
                                        "grokked",
                                        "grok_epoch_median",
                                        "grok_epoch_low",
                                        "grok_epoch_high",
                                        "grok_delay_median",
                                        "train_loss_median"};
    static const char *const expected[2][10] = {
        {"0.01", "21", "21", "0", "9", "2300", "1300", "", "2200", "10"},
        {"0.003", "4", "2", "1", "1", "2000", "2000", "", "1900", "22"}};
    assert_int_equal(csv.rows, 2);
    for (int r = 0; r < 2; r++)
        for (int i = 0; i < 10; i++) assert_string_equal(field(&csv, r, names[i]), expected[r][i]);
    CLOSE(strtod(field(&csv, 1, "grokked_fraction"), NULL), 1. / 3, 1e-15);
    gk_csv_free(&csv);
}

static void test_planted_rows(void **state)
{
    gk_gathered counts;
    gk_csv csv;

    (void)state;
    plant_sweep();
    OK(gk_gather(&counts, folder));
    OK(gk_csv_read(&csv, in_folder("sweep.csv"), GK_CSV_STRICT));
    assert_int_equal(csv.rows, 25);
    assert_string_equal(field(&csv, 0, "optim_lr"), "0.01"); /* 1e-2 in points.csv */
    assert_string_equal(field(&csv, 0, "grok_epoch"), "");
    assert_string_equal(field(&csv, 0, "observed_until"), "3500");
    assert_string_equal(field(&csv, 1, "grok_epoch"), "600");
    assert_string_equal(field(&csv, 1, "observed_until"), "4000");
    assert_string_equal(field(&csv, 1, "key_freqs"), "14,35,42");
    assert_string_equal(field(&csv, 2, "key_freqs"), "");
    assert_string_equal(field(&csv, 4, "key_freqs"), "14,35,42");
    assert_string_equal(field(&csv, 1, "test_loss"), "1.0e-07");
    assert_string_equal(field(&csv, 1, "train_acc_at_least_0_99"), "100");
    assert_string_equal(field(&csv, 21, "state"), "diverged");
    assert_string_equal(field(&csv, 23, "state"), "unfinished");
    assert_string_equal(field(&csv, 23, "optim_lr"), "0.003");
    assert_string_equal(field(&csv, 23, "directory"), "runs/00023");
    assert_string_equal(field(&csv, 23, "observed_until"), "");
    assert_null(field(&csv, 0, "a_online"));     /* provisional */
    assert_null(field(&csv, 0, "optim_warmup")); /* alike everywhere, and none of the main ones */
    assert_non_null(field(&csv, 0, "task_p"));
    gk_csv_free(&csv);
}

/* Whatever the unfinished runs hold, the bytes are the same. */
static void test_pure(void **state)
{
    static const char *const name[] = {"sweep.csv", "cells.csv", "curves.csv.gz"};
    static const char *const states[] = {"running\n", "failed: disk full\n", "interrupted\n", "do"};
    char *before[3], *after;
    gk_gathered counts;

    (void)state;
    plant_sweep();
    OK(gk_gather(&counts, folder));
    for (int i = 0; i < 3; i++) before[i] = content(name[i]);
    plant_run(23, 7, 900, 300, "done");
    for (int s = 0; s < 4; s++) {
        put("runs/00023/state", states[s]);
        OK(gk_gather(&counts, folder));
        assert_int_equal(counts.going, s < 3);
        for (int i = 0; i < 3; i++) {
            after = content(name[i]);
            assert_string_equal(after,
                                before[i]); /* of gzip: the header, that is, as far as it goes */
            free(after);
        }
    }
    for (int i = 0; i < 3; i++) free(before[i]);
}

/* A finished run that is broken is left out, and the others are not harmed. */
static void test_hostile_runs(void **state)
{
    static const struct {
        const char *file, *text; /* NULL: removed */
    } broken[] = {{"summary.json", NULL},
                  {"summary.json", ""},
                  {"summary.json", "{\"state\": \"done\", \"epochs\": 4000, \"last\": {"},
                  {"summary.json", "{\"state\": \"done\", \"state\": \"done\", \"epochs\": 4000}"},
                  {"summary.json", "{\"state\": \"diverged\", \"epochs\": 4000}"},
                  {"summary.json", "{\"state\": \"done\", \"epochs\": 3900}"},
                  {"summary.json", "{\"state\": \"done\", \"epochs\": 4000, \"x\": [\"a\"]}"},
                  {"summary.json", "{\"state\": \"done\", \"epochs\": 4000, \"optim.lr\": 1}"},
                  {"summary.json", "[1, 2]"},
                  {"metrics.jsonl", NULL},
                  {"metrics.jsonl", ""},
                  {"metrics.jsonl", "{\"epoch\": 0}\n{\"epoch\": 4000}"},
                  {"metrics.jsonl", "{\"epoch\": 0}\n{\"epoch\": 40"},
                  {"metrics.jsonl", "{\"epoch\": 4000}\n{\"epoch\": 4000}\n"},
                  {"metrics.jsonl", "{\"epoch\": 0, \"epoch\": 0}\n{\"epoch\": 4000}\n"},
                  {"metrics.jsonl", "{\"epoch\": 4000, \"x\": {\"y\": 1}}\n"},
                  {"metrics.jsonl", "{\"epoch\": 4000, \"run_index\": 7}\n"},
                  {"metrics.jsonl", "\n"},
                  {"config.yaml", NULL},
                  {"config.yaml", "optim: {lr: 0.01, no_such_key: 1}\n"},
                  {"state", "finished\n"}};
    char name[96];
    gk_gathered counts;
    gk_csv csv;

    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        plant_sweep();
        snprintf(name, sizeof name, "runs/00001/%s", broken[i].file);
        if (broken[i].text)
            put(name, broken[i].text);
        else
            assert_int_equal(unlink(in_folder(name)), 0);
        OK(gk_gather(&counts, folder));
        if (counts.done != 22 || counts.grokked != 9)
            fail_msg("%s %s: %d done", name, broken[i].text ? broken[i].text : "removed",
                     counts.done);
        OK(gk_csv_read(&csv, in_folder("sweep.csv"), GK_CSV_STRICT));
        assert_string_equal(field(&csv, 1, "state"), "unfinished");
        assert_string_equal(field(&csv, 1, "observed_until"), "");
        assert_string_equal(field(&csv, 2, "state"), "done");
        assert_null(field(&csv, 0, "x"));
        gk_csv_free(&csv);
    }
}

static void test_hostile_points(void **state)
{
    static const char *const bad[][2] = {{"seed,index\n1,0\n", "should be \"index\""},
                                         {"index,seed,seed\n0,1,1\n", "\"seed\""},
                                         {"index,a.b,A b\n0,1,1\n", "\"A b\""},
                                         {"index,state\n0,done\n", "\"state\""},
                                         {"index,\n0,1\n", "column 2"},
                                         {"index,seed\n0,1\n0,2\n", "a point after 0"},
                                         {"index,seed\n-1,1\n", "\"-1\""},
                                         {"index,seed\n99999999999,1\n", "\"99999999999\""},
                                         {"index,seed\nx,1\n", "\"x\""},
                                         {"index,seed\n0\n", "1 cells"}};
    gk_gathered counts;

    (void)state;
    plant_sweep();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put("points.csv", bad[i][0]);
        assert_int_equal(gk_gather(&counts, folder), GK_EDATA);
        if (!strstr(gk_message(), bad[i][1])) fail_msg("%s: %s", bad[i][0], gk_message());
        assert_false(gk_exists(in_folder("sweep.csv")));
    }
    assert_int_equal(unlink(in_folder("points.csv")), 0);
    assert_int_equal(gk_gather(&counts, folder), GK_EIO);
    put("points.csv", "index,seed\n40,1\n"); /* a run that has not begun */
    assert_int_equal(gk_gather(&counts, folder), GK_EDATA);
    assert_int_equal(counts.waiting, 1);
    assert_false(gk_exists(in_folder("sweep.csv")));
    put("points.csv", "index,some.key of tomorrow\n3,\"a, b\"\n"); /* text, as it is */
    OK(gk_gather(&counts, folder));
    char *text = content("cells.csv");
    assert_non_null(strstr(text, "some_key_of_tomorrow,n,done"));
    assert_non_null(strstr(text, "\n\"a, b\",1,1,0,1,1,"));
    free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_values), TEST(test_planted_cells),
                                       TEST(test_planted_rows),       TEST(test_pure),
                                       TEST(test_hostile_runs),       TEST(test_hostile_points)};

    return cmocka_run_group_tests_name("gather", tests, NULL, NULL);
}
