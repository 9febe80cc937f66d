/* Run directories made by hand: missing, half written, unreadable, wrong. */
#include "lib/folder.h"
#include "lib/support.h"

#include "gk/cards.h"

#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

static void put(const char *name, const char *text)
{
    OK(gk_file_replace(in_folder(name), text, strlen(text)));
}

/* It failed as `status`, and the message has `text`. */
static void failed(gk_status got, gk_status status, const char *text)
{
    assert_int_equal(got, status);
    if (!strstr(gk_message(), text)) fail_msg("\"%s\" lacks \"%s\"", gk_message(), text);
}

/* ---- files read whole */

static void test_state(void **state)
{
    gk_run_state s;

    (void)state;
    OK(gk_run_read_state(&s, folder));
    assert_false(s.there || gk_run_is_finished(&s));
    assert_string_equal(s.word, "");
    put("state", "failed: no space: left\nmore\n");
    OK(gk_run_read_state(&s, folder));
    assert_true(s.there && !gk_run_is_finished(&s));
    assert_string_equal(s.line, "failed: no space: left");
    assert_string_equal(s.word, "failed");
    put("state", "diverged");
    OK(gk_run_read_state(&s, folder));
    assert_true(gk_run_is_finished(&s));
    put("state", "");
    OK(gk_run_read_state(&s, folder));
    assert_true(s.there && !*s.line);
    assert_int_equal(unlink(in_folder("state")), 0);
    assert_int_equal(mkdir(in_folder("state"), 0777), 0);
    failed(gk_run_read_state(&s, folder), GK_EIO, "state is not a regular file");
    assert_int_equal(rmdir(in_folder("state")), 0);
    assert_int_equal(symlink("state", in_folder("state")), 0); /* a loop is not a missing file */
    failed(gk_run_read_state(&s, folder), GK_EIO, "state: ");
}

static void test_config_and_json(void **state)
{
    gk_config config;
    json_t *json = NULL;

    (void)state;
    assert_false(gk_is_run(folder));
    failed(gk_run_read_config(&config, folder), GK_EUSAGE, "config.yaml");
    put("config.yaml", "task: {p: 7}\n");
    OK(gk_run_read_config(&config, folder));
    assert_int_equal(config.task.p, 7);
    assert_false(gk_is_run(folder));
    put("metrics.jsonl", "");
    assert_true(gk_is_run(folder));
    failed(gk_run_read_json(&json, folder, "summary.json"), GK_EIO, "cannot open");
    put("summary.json", "{\"a\": 1,\n \"a\": 2}");
    failed(gk_run_read_json(&json, folder, "summary.json"), GK_EDATA, "summary.json:2: ");
    assert_null(json);
    put("summary.json", "{\"a\": 1");
    failed(gk_run_read_json(&json, folder, "summary.json"), GK_EDATA, "summary.json:1: ");
    put("summary.json", "{\"a\": 1}");
    OK(gk_run_read_json(&json, folder, "summary.json"));
    assert_int_equal(json_integer_value(json_object_get(json, "a")), 1);
    json_decref(json);
}

static void test_epochs(void **state)
{
    static const char *const files[] = {
        "checkpoints/00000100.safetensors",       "checkpoints/00000020.safetensors",
        "checkpoints/1000000000.safetensors",     "checkpoints/00000300.state.safetensors",
        "checkpoints/00000400.safetensors.grokc", "checkpoints/x.safetensors",
        "checkpoints/-0000500.safetensors",       "checkpoints/.safetensors"};
    char path[GK_PATH_MAX], deep[GK_PATH_MAX];
    int64_t *epochs;
    int n;

    (void)state;
    OK(gk_run_epochs(&epochs, &n, folder, GK_EPOCH_WEIGHTS)); /* no folder */
    assert_true(n == 0 && !epochs);
    OK(gk_make_directories(in_folder("checkpoints")));
    OK(gk_run_epochs(&epochs, &n, folder, GK_EPOCH_WEIGHTS)); /* an empty one */
    assert_true(n == 0 && !epochs);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) put(files[i], "x");
    OK(gk_run_epochs(&epochs, &n, folder, GK_EPOCH_WEIGHTS));
    assert_int_equal(n, 3);
    assert_true(epochs[0] == 20 && epochs[1] == 100 && epochs[2] == 1000000000);
    for (int i = 0; i < n; i++) { /* there and back */
        OK(gk_epoch_path(path, folder, GK_EPOCH_WEIGHTS, epochs[i]));
        assert_true(gk_exists(path));
    }
    free(epochs);
    OK(gk_run_epochs(&epochs, &n, folder, GK_EPOCH_STATE));
    assert_true(n == 1 && epochs[0] == 300);
    free(epochs);
    put("measures", "a file");
    failed(gk_run_epochs(&epochs, &n, folder, GK_EPOCH_ARRAYS), GK_EIO, "measures");
    assert_null(epochs);
    OK(gk_epoch_path(path, "r", GK_EPOCH_ARRAYS, 7));
    assert_string_equal(path, "r/measures/00000007.safetensors");
    OK(gk_epoch_path(path, "r", GK_EPOCH_STATE, 7));
    assert_string_equal(path, "r/checkpoints/00000007.state.safetensors");
    OK(gk_epoch_path(path, "r", GK_EPOCH_HOOK, 7));
    assert_string_equal(path, "r/hook/00000007.safetensors");
    memset(deep, 'x', sizeof deep - 1);
    deep[sizeof deep - 1] = 0;
    assert_int_equal(gk_epoch_path(path, deep, GK_EPOCH_HOOK, 7), GK_EUSAGE);
}

/* ---- rows */

/* The epochs of all rows, as "0 10 20"; *torn: how the file ended. */
static gk_status read_rows(gk_text *epochs, bool *torn, const char *name)
{
    gk_row_file rows;
    bool more = true;

    epochs->length = 0;
    gk_text_append(epochs, "", 0);
    gk_status status = gk_row_file_open(&rows, folder, name);
    while (status == GK_OK && (status = gk_row_file_next(&rows, &more)) == GK_OK && more)
        gk_text_add(epochs, "%s%lld", epochs->length ? " " : "", (long long)rows.epoch);
    *torn = rows.torn;
    gk_row_file_close(&rows);
    return status;
}

static void test_rows(void **state)
{
    static const char *const bad[][2] = {
        {"{\"epoch\": 0}\n{\"epoch\": 0}\n", "not the row after epoch 0"},
        {"{\"epoch\": 5}\n{\"epoch\": 4, \"a\": 1}\n", "not the row after epoch 5: {\"epoch\": 4"},
        {"{\"epoch\": x}\n", "not the row after epoch -1"},
        {"{\"epoch\": }\n", "not the row after epoch -1"},
        {"{\"epoch\": 1.5}\n", "not the row after epoch -1"},
        {"{\"epoch\": -3}\n", "not the row after epoch -1"},
        {"{\"a\": 0}\n", "not the row after epoch -1"},
        {"\n", "not the row after epoch -1"}};
    gk_text epochs = {0};
    bool torn;

    (void)state;
    failed(read_rows(&epochs, &torn, "metrics.jsonl"), GK_EIO, "cannot open");
    put("metrics.jsonl", "");
    OK(read_rows(&epochs, &torn, "metrics.jsonl"));
    assert_true(!epochs.length && !torn);
    put("metrics.jsonl", "{\"epoch\": 0, \"a\": 1}\n{\"a\": 2, \"epoch\": 10}\n{\"epoch\":20}\n");
    OK(read_rows(&epochs, &torn, "metrics.jsonl"));
    assert_string_equal(epochs.data, "0 10 20");
    assert_false(torn);
    put("metrics.jsonl", "{\"epoch\": 0}\n{\"epoch\": 10, \"tr"); /* it is being written */
    OK(read_rows(&epochs, &torn, "metrics.jsonl"));
    assert_string_equal(epochs.data, "0");
    assert_true(torn);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put("metrics.jsonl", bad[i][0]);
        failed(read_rows(&epochs, &torn, "metrics.jsonl"), GK_EDATA, bad[i][1]);
    }
    OK(gk_file_replace(in_folder("metrics.jsonl"), "{\"epoch\": 0}\0\n", 14));
    failed(read_rows(&epochs, &torn, "metrics.jsonl"), GK_EDATA, "a line without an end");
    put("hook.jsonl", "{\"epoch\": 5}\n{\"epoch\": 6}\n{\"epoch\": 5}\n"); /* asked again */
    OK(read_rows(&epochs, &torn, "hook.jsonl"));
    assert_string_equal(epochs.data, "5 6 5");
    gk_text_free(&epochs);
}

/* A line that never ends does not fill the memory. */
static void test_endless_row(void **state)
{
    enum { BYTES = 3 << 20 };
    char *bytes = gk_alloc(BYTES, 1);
    gk_text epochs = {0};
    bool torn;

    (void)state;
    memset(bytes, 'x', BYTES);
    OK(gk_file_replace(in_folder("metrics.jsonl"), bytes, BYTES));
    failed(read_rows(&epochs, &torn, "metrics.jsonl"), GK_EDATA, "a line without an end: xxx");
    gk_text_free(&epochs);
    free(bytes);
}

static void test_last_row(void **state)
{
    gk_text line = {0};

    (void)state;
    put("metrics.jsonl", "{\"epoch\": 0}\n{\"epoch\": 10}\n{\"epoch\": 20, \"tr");
    OK(gk_row_file_last(&line, folder));
    assert_string_equal(line.data, "{\"epoch\": 10}\n");
    put("metrics.jsonl", "{\"epoch\": 0");
    OK(gk_row_file_last(&line, folder));
    assert_string_equal(line.data, "");
    gk_text_free(&line);
}

/* ---- answers */

static void test_answers(void **state)
{
    gk_answers answers;

    (void)state;
    OK(gk_answers_read(&answers, folder)); /* no hook */
    assert_int_equal(answers.n, 0);
    assert_null(gk_answers_up_to(&answers, 100));
    gk_answers_free(&answers);
    put("hook.jsonl", "{\"epoch\": 0, \"a\": 1}\n{\"epoch\": 10, \"a\": 2}\n"
                      "{\"epoch\": 30, \"a\": 3}\n{\"epoch\": 10, \"a\": 4}\n"
                      "{\"epoch\": 20, \"a\": 5}\n{\"epoch\": 40, \"a\"");
    OK(gk_answers_read(&answers, folder));
    assert_int_equal(answers.n, 4);
    for (size_t i = 0; i < 4; i++) assert_int_equal(answers.epoch[i], 10 * i);
    assert_non_null(strstr(gk_answers_at(&answers, 10), "\"a\": 4"));
    assert_non_null(strstr(gk_answers_at(&answers, 20), "\"a\": 5"));
    assert_null(gk_answers_at(&answers, 15));
    assert_null(gk_answers_at(&answers, -1));
    assert_non_null(strstr(gk_answers_up_to(&answers, 25), "\"a\": 5"));
    assert_non_null(strstr(gk_answers_up_to(&answers, 1000), "\"a\": 3"));
    assert_null(gk_answers_up_to(&answers, -1));
    gk_answers_free(&answers);
    put("hook.jsonl", "no object\n");
    failed(gk_answers_read(&answers, folder), GK_EDATA, "hook.jsonl");
    gk_answers_free(&answers);
}

static void test_answer_names(void **state)
{
    static const char *const names[][2] = {{"alpha_fc1", "alpha_fc1"},
                                           {"test_loss", "hook.test_loss"},
                                           {"gini_w_l_online", "hook.gini_w_l_online"},
                                           {"optim.lr", "hook.optim.lr"},
                                           {"lr", "hook.lr"},
                                           {"seed", "hook.seed"},
                                           {"grok_epoch", "hook.grok_epoch"},
                                           {"squared_l2_norm.mine", "hook.squared_l2_norm.mine"},
                                           {"sum_squares.mine", "hook.sum_squares.mine"},
                                           {"absorbed", "hook.absorbed"},
                                           {"index", "hook.index"},
                                           {"hook.x", "hook.hook.x"},
                                           {"lr_2", "lr_2"}};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        gk_text column = {0};
        gk_answer_column(&column, names[i][0]);
        assert_string_equal(column.data, names[i][1]);
        gk_text_free(&column);
    }
}

static gk_status write_value(void *user, const char *column, const json_t *value)
{
    gk_text_add(user, "%s=%g;", column, json_is_number(value) ? json_number_value(value) : -1);
    return strcmp(column, "stop") ? GK_OK : GK_EDATA;
}

static void test_answer_values(void **state)
{
    gk_text text = {0};

    (void)state;
    OK(gk_answer_values("{\"epoch\": 7, \"a\": 1.5, \"b\": {\"c\": 2, \"epoch\": 3}, \"d\": [1],"
                        " \"e\": null, \"\": 4, \"lr\": 5}",
                        write_value, &text));
    assert_string_equal(text.data, "a=1.5;b.c=2;b.epoch=3;e=-1;hook.lr=5;");
    text.length = 0;
    assert_int_equal(gk_answer_values("{\"stop\": 1, \"a\": 2}", write_value, &text), GK_EDATA);
    assert_string_equal(text.data, "stop=1;");
    OK(gk_answer_values("[1]", write_value, &text));
    OK(gk_answer_values("nothing", write_value, &text));
    assert_string_equal(text.data, "stop=1;");
    gk_text_free(&text);
}

/* ---- table */

static void test_row_table(void **state)
{
    gk_row_table t = {0};

    (void)state;
    OK(gk_row_table_read(&t, folder, "metrics.jsonl")); /* not there: no rows */
    assert_int_equal(t.n, 0);
    put("parent.jsonl", "{\"epoch\": 0, \"a\": 1}\n{\"epoch\": 10, \"a\": null}\n");
    put("metrics.jsonl", "{\"epoch\": 20, \"a\": 3, \"c\": \"text\"}\n{\"epoch\": 30, \"a\": 4");
    put("hook.jsonl", "{\"epoch\": 10, \"a\": 7, \"b\": 8}\n{\"epoch\": 25, \"b\": 9}\n");
    OK(gk_row_table_read(&t, folder, "parent.jsonl"));
    OK(gk_row_table_read(&t, folder, "metrics.jsonl"));
    OK(gk_row_table_join(&t, folder));
    assert_int_equal(t.n, 3);
    assert_int_equal(t.columns, 3);
    assert_int_equal(t.own, 2);
    const double *a = gk_row_table_column(&t, "a"), *b = gk_row_table_column(&t, "b");
    assert_true(a[0] == 1 && isnan(a[1]) && a[2] == 3); /* not the hook's 7 */
    assert_true(isnan(b[0]) && b[1] == 8 && isnan(b[2]));
    assert_null(gk_row_table_column(&t, "c"));
    assert_true(json_integer_value(json_object_get(t.last, "epoch")) == 20);
    gk_row_table_free(&t);
    put("metrics.jsonl", "{\"epoch\": 0, \"a\": }\n");
    failed(gk_row_table_read(&t, folder, "metrics.jsonl"), GK_EDATA,
           "metrics.jsonl: line 1 is not a row of measures");
    gk_row_table_free(&t);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_state),
                                       TEST(test_config_and_json),
                                       TEST(test_epochs),
                                       TEST(test_rows),
                                       TEST(test_endless_row),
                                       TEST(test_last_row),
                                       TEST(test_answers),
                                       cmocka_unit_test(test_answer_names),
                                       cmocka_unit_test(test_answer_values),
                                       TEST(test_row_table)};

    return cmocka_run_group_tests_name("archive", tests, NULL, NULL);
}
