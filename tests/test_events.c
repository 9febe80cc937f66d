/* Events, stop rules and summary.json on planted rows; rows as text and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gk/events.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static gk_config config;
static gk_events events;

static int start(void **state)
{
    (void)state;
    gk_config_defaults(&config);
    gk_events_start(&events);
    return 0;
}

static void add(int64_t epoch, double train_acc, double test_loss, double test_acc)
{
    gk_row row = {
        .epoch = epoch, .train_acc = train_acc, .test_loss = test_loss, .test_acc = test_acc};

    gk_events_add(&events, &row, &config);
}

static json_t *summary(const char *by)
{
    gk_text text = {0};
    json_error_t error;

    gk_events_print(&text, &events, &config, "done", by);
    json_t *json = json_loads(text.data, JSON_REJECT_DUPLICATES, &error);
    if (!json) fail_msg("%s in %s", error.text, text.data);
    gk_text_free(&text);
    return json;
}

/* An epoch, or -1 for null; anything else fails. */
static int64_t epoch_at(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    if (json_is_null(value)) return -1;
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

static void condition(const json_t *json, const char *name, int64_t crossed, int64_t stays)
{
    const json_t *found = json_object_get(json_object_get(json, "events"), name);

    if (!found) fail_msg("no event \"%s\"", name);
    assert_int_equal(epoch_at(found, "crossed"), crossed);
    assert_int_equal(epoch_at(found, "stays"), stays);
}

/* Memorised at 100, a peak at 200, below 0.1 at 400, above it once more at 500, for good from 600. */
static void grokking(void)
{
    add(0, 0.01, 4.7, 0.01);
    add(100, 0.99, 12, 0.02);
    add(200, 1, 30.5, 0.1);
    add(300, 1, 30.5, 0.5);
    add(400, 1, 0.09, 0.95);
    add(500, 1, 0.1, 0.9);
    add(600, 1, 0.09, 0.99);
    add(700, 1, 1e-5, 1);
    add(800, 1, 9.9e-6, 1);
}

static void test_summary(void **state)
{
    (void)state;
    config.run.measure_every = 100;
    grokking();
    assert_int_equal(gk_grok_epoch(&events), 600);
    json_t *json = summary("run.epochs");
    assert_string_equal(json_string_value(json_object_get(json, "state")), "done");
    assert_string_equal(json_string_value(json_object_get(json, "ended_by")), "run.epochs");
    assert_int_equal(epoch_at(json, "format"), 1);
    assert_int_equal(epoch_at(json, "epochs"), 800);
    assert_int_equal(epoch_at(json, "measure_every"), 100);
    assert_int_equal(epoch_at(json, "grok_epoch"), 600);
    assert_int_equal(epoch_at(json, "grok_delay"), 500);
    assert_true(json_number_value(json_object_get(json, "grok_delay_ratio")) == 6);
    const json_t *peak = json_object_get(json, "test_loss_peak");
    assert_int_equal(epoch_at(peak, "epoch"), 200); /* the first of two equal ones */
    assert_true(json_number_value(json_object_get(peak, "value")) == 30.5);
    condition(json, "train_acc >= 0.99", 100, 100);
    condition(json, "train_loss < 0.01", 0, 0);
    condition(json, "test_acc >= 0.5", 300, 300);
    condition(json, "test_acc >= 0.9", 400, 400);
    condition(json, "test_acc >= 0.99", 600, 600);
    condition(json, "test_loss < 1", 400, 400);
    condition(json, "test_loss < 0.1", 400, 600);
    condition(json, "test_loss < 0.01", 700, 700);
    condition(json, "test_loss < 0.001", 700, 700);
    condition(json, "test_loss < 1e-05", 800, 800);
    const json_t *last = json_object_get(json, "last");
    assert_int_equal(epoch_at(last, "epoch"), 800);
    assert_true(json_number_value(json_object_get(last, "test_loss")) == 9.9e-6);
    assert_null(json_object_get(last, "diverged"));
    json_decref(json);
}

static void test_phases(void **state)
{
    (void)state;
    assert_string_equal(gk_events_phase(&events), "memorising");
    add(0, 0.5, 3, 0);
    assert_string_equal(gk_events_phase(&events), "memorising");
    add(1, 0.99, 3, 0);
    assert_string_equal(gk_events_phase(&events), "memorised");
    add(2, 1, 0.01, 1);
    assert_string_equal(gk_events_phase(&events), "grokked");
    add(3, 1, 0.2, 1);
    assert_string_equal(gk_events_phase(&events), "memorised");
}

/* No row fulfils anything; without both epochs there is no delay. */
static void test_nothing_happened(void **state)
{
    (void)state;
    json_t *json = summary("run.epochs");
    assert_int_equal(epoch_at(json, "grok_epoch"), -1);
    assert_int_equal(epoch_at(json_object_get(json, "test_loss_peak"), "epoch"), -1);
    json_decref(json);
    add(0, 0.5, 5, 0);
    add(10, 1, 4, 0);
    json = summary("run.epochs");
    assert_int_equal(epoch_at(json, "grok_epoch"), -1);
    assert_int_equal(epoch_at(json, "grok_delay"), -1);
    assert_true(json_is_null(json_object_get(json, "grok_delay_ratio")));
    condition(json, "test_loss < 0.1", -1, -1);
    condition(json, "train_acc >= 0.99", 10, 10);
    json_decref(json);
}

/* The test set may be learned before all of the training set is. */
static void test_delay_below_zero(void **state)
{
    (void)state;
    add(0, 0.5, 0.05, 1);
    add(10, 1, 0.05, 1);
    json_t *json = summary("run.epochs");
    assert_int_equal(json_integer_value(json_object_get(json, "grok_delay")), -10);
    assert_true(json_number_value(json_object_get(json, "grok_delay_ratio")) == 0);
    json_decref(json);
}

static void test_nan_fulfils_nothing(void **state)
{
    (void)state;
    gk_row row = {.epoch = 7};
#define MEASURE(name, help) row.name = GK_NULL;
#include "gk/measures.def"
#undef MEASURE

    config.run.stop_test_loss = 1e9;
    config.run.stop_test_acc = 0;
    config.run.stop_rows = 1;
    add(0, 1, 0.001, 1);
    gk_events_add(&events, &row, &config);
    assert_null(gk_events_stop(&events, &config));
    assert_int_equal(gk_grok_epoch(&events), -1);
    assert_int_equal(events.peak_epoch, 0);
    assert_true(gk_row_diverged(&row));
    json_t *json = summary("x");
    condition(json, "test_loss < 1", 0, -1);
    condition(json, "test_acc >= 0.5", 0, -1);
    const json_t *last = json_object_get(json, "last");
    assert_true(json_is_true(json_object_get(last, "diverged")));
    assert_true(json_is_null(json_object_get(last, "train_loss")));
    assert_true(json_is_null(json_object_get(last, "test_loss")));
    json_decref(json);

    gk_events_start(&events);
    row.test_loss = INFINITY; /* no peak either */
    gk_events_add(&events, &row, &config);
    assert_int_equal(events.peak_epoch, -1);
}

static void test_diverged(void **state)
{
    (void)state;
    assert_false(gk_row_diverged(&(gk_row){.train_loss = 1e300}));
    assert_false(gk_row_diverged(&(gk_row){.train_loss = 0}));
    assert_true(gk_row_diverged(&(gk_row){.train_loss = INFINITY}));
    assert_true(gk_row_diverged(&(gk_row){.train_loss = (double)NAN}));
}

static void test_stop_test_loss(void **state)
{
    (void)state;
    config.run.stop_test_loss = 0.1;
    assert_null(gk_events_stop(&events, &config));
    add(0, 1, 0.1, 1); /* not below */
    assert_null(gk_events_stop(&events, &config));
    add(1, 1, 0.0999, 1);
    assert_string_equal(gk_events_stop(&events, &config), "run.stop_test_loss");
    add(2, 1, 0.2, 1);
    assert_null(gk_events_stop(&events, &config));
}

static void test_stop_test_acc(void **state)
{
    (void)state;
    config.run.stop_test_acc = 0.99;
    config.run.stop_rows = 3;
    add(0, 1, 1, 0.99);
    add(1, 1, 1, 1);
    add(2, 1, 1, 0.98); /* counts from the start again */
    add(3, 1, 1, 0.99);
    add(4, 1, 1, 0.99);
    assert_null(gk_events_stop(&events, &config));
    add(5, 1, 1, 0.99);
    assert_string_equal(gk_events_stop(&events, &config), "run.stop_test_acc");
    config.run.stop_test_acc = GK_NULL;
    assert_null(gk_events_stop(&events, &config));
}

static void test_no_rule(void **state)
{
    (void)state;
    for (int64_t e = 0; e < 10; e++) add(e, 1, 0, 1);
    assert_null(gk_events_stop(&events, &config));
}

/* ----------------------------------------------------------------------------------------- rows */

/* Finite numbers of all sizes, NaN now and then. */
static double any(uint64_t index)
{
    uint32_t word[4];
    double value;

    gk_random_words(word, 1, GK_RNG_INIT, index);
    if (word[2] % 16 == 0) return GK_NULL;
    if (word[2] % 16 == 1) return (double)word[3];
    memcpy(&value, word, sizeof value);
    return isfinite(value) ? value : -0.0;
}

static void test_rows_come_back(void **state)
{
    (void)state;
    uint64_t index = 0;

    for (int i = 0; i < 2000; i++) {
        gk_row row, back;
        gk_text line = {0};
        memset(&row, 0, sizeof row);
        memset(&back, 0, sizeof back);
        row.epoch = i * 500000;
#define MEASURE(name, help) row.name = any(index++);
#include "gk/measures.def"
#undef MEASURE
        gk_row_print(&line, &row);
        assert_true(line.data[line.length - 1] == '\n' &&
                    !memchr(line.data, '\n', line.length - 1));
        assert_int_equal(strstr(line.data, "\"diverged\": true") != NULL, gk_row_diverged(&row));
        assert_int_equal(gk_row_parse(&back, line.data, line.length), GK_OK);
        assert_int_equal(back.epoch, row.epoch);
#define MEASURE(name, help)                                                                        \
    if (!(isnan(row.name) && isnan(back.name)) && memcmp(&row.name, &back.name, 8))                \
        fail_msg(#name " = %.17g came back as %.17g from %s", row.name, back.name, line.data);
#include "gk/measures.def"
#undef MEASURE
        gk_text_free(&line);
    }
}

static void test_not_rows(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "",
        "{",
        "null",
        "[]",
        "{}",
        "{\"epoch\": 1.5}",
        "{\"epoch\": \"1\"}",
        "{\"epoch\": 1} x",
        "{\"epoch\": 1, \"epoch\": 2}",
        "{\"epoch\": 1, \"train_loss\": nan}",
        "{\"epoch\": 1, \"train_lo",
    };
    gk_row row;

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        size_t length = strlen(lines[i]);
        char *copy = gk_alloc(length, 1); /* no terminator: the sanitizer sees who reads on */
        memcpy(copy, lines[i], length);
        assert_int_equal(gk_row_parse(&row, copy, length), GK_EDATA);
        assert_non_null(strstr(gk_message(), "not a row"));
        free(copy);
    }
    assert_int_equal(gk_row_parse(&row, "{\"epoch\": 3, \"test_loss\": null}", 31), GK_OK);
    assert_int_equal(row.epoch, 3);
    assert_true(isnan(row.test_loss) && isnan(row.train_loss));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_summary, start),
        cmocka_unit_test_setup(test_phases, start),
        cmocka_unit_test_setup(test_nothing_happened, start),
        cmocka_unit_test_setup(test_delay_below_zero, start),
        cmocka_unit_test_setup(test_nan_fulfils_nothing, start),
        cmocka_unit_test_setup(test_diverged, start),
        cmocka_unit_test_setup(test_stop_test_loss, start),
        cmocka_unit_test_setup(test_stop_test_acc, start),
        cmocka_unit_test_setup(test_no_rule, start),
        cmocka_unit_test(test_rows_come_back),
        cmocka_unit_test(test_not_rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
