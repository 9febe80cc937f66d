/* Events, turning points, stop rules and summary.json on planted rows. Rows as text:
 * test_rows.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gk/events.h"
#include "gk/stop.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static gk_config config;
static gk_events events;
static gk_turning turning;
static gk_stop rules;

static int start(void **state)
{
    (void)state;
    gk_config_defaults(&config);
    assert_int_equal(gk_stop_open(&rules, &config), GK_OK);
    gk_events_start(&events);
    gk_turning_find(&turning, &events, NULL, NULL, 0);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    gk_events_free(&events);
    return 0;
}

static void add(int64_t epoch, double train_acc, double test_loss, double test_acc)
{
    gk_row row;

    gk_row_start(&row, epoch);
    row.train_loss = 0;
    row.train_acc = train_acc;
    row.test_loss = test_loss;
    row.test_acc = test_acc;
    gk_events_add(&events, &row);
    gk_stop_row(&rules, &row);
}

static json_t *summary(const char *by)
{
    gk_text text = {0};
    json_error_t error;

    gk_events_print(&text, &events, &turning, NULL, &config, "done", by);
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

/* Memorised at 100, a peak at 200, below 0.1 at 400, above it once more at 500, for good from
 * 600. */
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

/* Test loss, sum of squares and losses of the final key set, planted: a value holds from its row to
 * the next one that has another. */
static void test_turning_points(void **state)
{
    (void)state;
    enum { ROWS = 60 };
    double restricted[ROWS];
    gk_moment excluded[ROWS];

    for (int i = 0; i < ROWS; i++) {
        gk_row row;
        gk_row_start(&row, 10 * i);
        row.test_loss = i == 0 ? 4 : i < 20 ? 9 : i < 40 ? 5 : 1e-3;
        row.squared_l2_norm = i < 10 ? 10 : i < 20 ? 40 : i < 45 ? 21.1 : 20;
        restricted[i] = i == 0 ? 5 : i < 25 ? 8 : i < 35 ? 0.9 : 0.009;
        excluded[i] = (gk_moment){10 * i, i == 0 ? 10 : i < 12 ? 7 : i < 15 ? 0.5 : 6, 0};
        if (i == 50) excluded[i].test_loss = 8;
        gk_events_add(&events, &row);
    }
    gk_turning_find(&turning, &events, restricted, excluded, ROWS);
    strcpy(turning.key_freqs, "3,5");
    json_t *json = summary("run.epochs");
    const json_t *points = json_object_get(json, "turning_points");
    const json_t *keys = json_object_get(json, "key_freqs");
    assert_int_equal(json_array_size(keys), 2);
    assert_int_equal(json_integer_value(json_array_get(keys, 1)), 5);
    assert_int_equal(epoch_at(points, "restricted < test"), 10);
    assert_int_equal(epoch_at(points, "restricted < 1"), 250);
    assert_int_equal(epoch_at(points, "restricted < 0.01"), 350);
    assert_int_equal(epoch_at(points, "excluded maximum"), 500); /* not 10: the peak is at 10 */
    assert_int_equal(epoch_at(points, "excluded minimum"), 120);
    assert_int_equal(epoch_at(points, "squared L2 norm maximum"), 100);
    assert_int_equal(epoch_at(points, "squared L2 norm settled"), 450); /* 21.1: 5.5 percent off */
    const json_t *phases = json_object_get(json, "phases");
    assert_int_equal(epoch_at(phases, "memorisation_until"), 10);
    assert_int_equal(epoch_at(phases, "circuit_formation_until"), 350);
    assert_int_equal(epoch_at(phases, "cleanup_until"), 450);
    json_decref(json);

    gk_turning_find(&turning, &events, NULL, NULL, 0);
    assert_int_equal(turning.restricted_below_test, -1);
    assert_int_equal(turning.excluded_max, -1);
    assert_int_equal(turning.excluded_min, -1);
    assert_int_equal(turning.squares_max, 100);
}

/* What is not seen on both sides, or by too few checkpoints, is no turning point. */
static void test_turning_points_at_the_edge(void **state)
{
    (void)state;
    enum { ROWS = 30 };
    double restricted[ROWS];
    gk_moment excluded[ROWS];

    for (int i = 0; i < ROWS; i++) {
        gk_row row;
        gk_row_start(&row, 10 * i);
        row.test_loss = i == 3 ? 9 : 5;
        row.squared_l2_norm = 10 + i; /* still grows */
        restricted[i] = i + 1 < ROWS ? 2 : 0.5;
        excluded[i] = (gk_moment){10 * i, i == 12 ? 8 : i == 8 ? 1 : 4, 0};
        gk_events_add(&events, &row);
    }
    gk_turning_find(&turning, &events, restricted, excluded, ROWS);
    assert_int_equal(turning.restricted_below_test, -1); /* from the first row on */
    assert_int_equal(turning.restricted_below_1, -1);    /* in the last row only */
    assert_int_equal(turning.squares_max, -1);
    assert_int_equal(turning.excluded_max, 120);
    assert_int_equal(turning.excluded_min, 80);
    gk_turning_find(&turning, &events, restricted, excluded, 21); /* 20 others: just enough */
    assert_int_equal(turning.excluded_max, 120);
    gk_turning_find(&turning, &events, restricted, excluded, 20);
    assert_int_equal(turning.excluded_max, -1);
    assert_int_equal(turning.excluded_min, -1);
    gk_turning_find(&turning, &events, restricted, excluded + 29, 1); /* keep_checkpoints: last */
    assert_int_equal(turning.excluded_max, -1);
    assert_int_equal(turning.excluded_min, -1);
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
    gk_row row;

    gk_row_start(&row, 7); /* all NaN */

    config.run.stop_test_loss = 1e9;
    config.run.stop_test_acc = 0;
    config.run.stop_rows = 1;
    assert_int_equal(gk_stop_open(&rules, &config), GK_OK);
    add(0, 1, 0.001, 1);
    gk_events_add(&events, &row);
    gk_stop_row(&rules, &row);
    assert_null(gk_stop_reason(&rules));
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
    gk_events_add(&events, &row);
    assert_int_equal(events.peak_epoch, -1);
}

static void test_stop_test_loss(void **state)
{
    (void)state;
    config.run.stop_test_loss = 0.1;
    assert_int_equal(gk_stop_open(&rules, &config), GK_OK);
    assert_null(gk_stop_reason(&rules));
    add(0, 1, 0.1, 1); /* not below */
    assert_null(gk_stop_reason(&rules));
    add(1, 1, 0.0999, 1);
    assert_string_equal(gk_stop_reason(&rules), "run.stop_test_loss");
    add(2, 1, 0.2, 1);
    assert_null(gk_stop_reason(&rules));
}

static void test_stop_test_acc(void **state)
{
    (void)state;
    config.run.stop_test_acc = 0.99;
    config.run.stop_rows = 3;
    assert_int_equal(gk_stop_open(&rules, &config), GK_OK);
    add(0, 1, 1, 0.99);
    add(1, 1, 1, 1);
    add(2, 1, 1, 0.98); /* counts from the start again */
    add(3, 1, 1, 0.99);
    add(4, 1, 1, 0.99);
    assert_null(gk_stop_reason(&rules));
    add(5, 1, 1, 0.99);
    assert_string_equal(gk_stop_reason(&rules), "run.stop_test_acc");
    config.run.stop_test_acc = GK_NULL;
    assert_int_equal(gk_stop_open(&rules, &config), GK_OK);
    add(6, 1, 1, 0.99);
    assert_null(gk_stop_reason(&rules));
}

static void test_no_rule(void **state)
{
    (void)state;
    for (int64_t e = 0; e < 10; e++) add(e, 1, 0, 1);
    assert_null(gk_stop_reason(&rules));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_summary, start, stop),
        cmocka_unit_test_setup_teardown(test_turning_points, start, stop),
        cmocka_unit_test_setup_teardown(test_turning_points_at_the_edge, start, stop),
        cmocka_unit_test_setup_teardown(test_nothing_happened, start, stop),
        cmocka_unit_test_setup_teardown(test_delay_below_zero, start, stop),
        cmocka_unit_test_setup_teardown(test_nan_fulfils_nothing, start, stop),
        cmocka_unit_test_setup_teardown(test_stop_test_loss, start, stop),
        cmocka_unit_test_setup_teardown(test_stop_test_acc, start, stop),
        cmocka_unit_test_setup_teardown(test_no_rule, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
