/* Conditions as text, columns of rows by name, and the rules that end a run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gk/stop.h"

#include <stdlib.h>
#include <string.h>

static gk_config config;

static int start(void **state)
{
    (void)state;
    gk_config_defaults(&config);
    return 0;
}

static void stop_when(const char *text) { strcpy(config.run.stop_when, text); }

static void open(gk_stop *stop)
{
    if (gk_stop_open(stop, &config) != GK_OK) fail_msg("%s", gk_message());
}

/* ---- columns */

static double column_of(const gk_row *row, const char *name)
{
    double value = -1;

    if (!gk_row_column(row, name, &value)) fail_msg("no column %s", name);
    return value;
}

/* Every column of measures.def, in a row in which all are different. */
static void test_columns(void **state)
{
    gk_row row;
    double value, next = 1;

    (void)state;
    gk_row_start(&row, 700);
    assert_true(column_of(&row, "epoch") == 700 && gk_row_has("epoch"));
    enum { ROW = GK_ROW, KEYED = GK_KEYED, FINAL = GK_FINAL };
#define FAMILY(name, when)
#define COLUMN(name, when, help) row.name = next++;
#include "gk/measures.def"
#undef COLUMN
    next = 1;
#define COLUMN(name, when, help)                                                                   \
    assert_int_equal(gk_row_has(#name), when != FINAL);                                            \
    assert_int_equal(gk_row_is_final(#name), when == FINAL);                                       \
    assert_int_equal(gk_row_column(&row, #name, &value), when != FINAL);                           \
    assert_true(value == next);                                                                    \
    assert_int_equal(gk_row_column(&row, #name "_online", &value), when == KEYED);                 \
    if (when == KEYED) assert_true(value == next);                                                 \
    next++;
#include "gk/measures.def"
#undef COLUMN
#undef FAMILY
    row.test_loss = GK_NULL;
    assert_true(isnan(column_of(&row, "test_loss")));
    assert_false(gk_row_column(&row, "train_los", &value) || gk_row_column(&row, "", &value) ||
                 gk_row_column(&row, "key_freqs", &value) || gk_row_has("_online"));
}

/* Columns of the model: as the measures have put them there, and from a line that is read again. */
static void test_extra_columns(void **state)
{
    gk_row row, back;
    gk_text line = {0};
    double value;

    (void)state;
    for (int i = 0; i < 4; i++) {
        gk_row_start(&row, 1);
        row.train_loss = i & 1 ? 1 : (double)NAN; /* diverged */
        strcpy(row.clusters, i & 2 ? "2:3,5:1" : "");
        gk_text_add(&row.extra, ", \"squared_l2_norm.a.W\": 1.5, \"squared_l2_norm.a\": null, "
                                "\"loss_pos.3\": -2e-05");
        line.length = 0;
        gk_row_print(&line, &row, true);
        assert_int_equal(gk_row_parse(&back, line.data, line.length), GK_OK);
        assert_string_equal(back.extra.data, row.extra.data);
        for (int j = 0; j < 2; j++) {
            const gk_row *r = j ? &back : &row;
            assert_true(column_of(r, "squared_l2_norm.a.W") == 1.5);
            assert_true(isnan(column_of(r, "squared_l2_norm.a")));
            assert_true(column_of(r, "loss_pos.3") == -2e-05);
            assert_false(gk_row_column(r, "squared_l2_norm", &value) && value == 1.5);
            assert_false(gk_row_column(r, "loss_pos", &value));
            assert_false(gk_row_column(r, "a.W", &value));
        }
        gk_row_free(&row);
        gk_row_free(&back);
    }
    gk_text_free(&line);
    assert_int_equal(gk_row_parse(&back, "{\"epoch\": 3, \"clusters\": null}", 30), GK_OK);
    assert_null(back.extra.data);
    assert_int_equal(gk_row_parse(&back, "{\"epoch\": 3, \"clusters\": \"x", 27), GK_EDATA);
    assert_int_equal(gk_row_parse(&back, "{\"epoch\": 3, \"clusters\": [[2, 3]", 33), GK_EDATA);
}

/* ---- text */

static void test_parse(void **state)
{
    static const struct {
        const char *text, *column, *op;
        double value;
        int64_t rows;
    } good[] = {{"test_acc>=0.99", "test_acc", ">=", 0.99, 1},
                {" test_acc < -1e-3  for 12 ", "test_acc", "<", -1e-3, 12},
                {"epoch == 3", "epoch", "=", 3, 1},
                {"\"test_loss\" != '2' for 1", "test_loss", "!=", 2, 1},
                {"restricted_all_online<=1e300", "restricted_all_online", "<=", 1e300, 1},
                {"squared_l2_norm.embed.W_E > 0", "squared_l2_norm.embed.W_E", ">", 0, 1}};
    gk_stop stop;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        stop_when(good[i].text);
        open(&stop);
        const gk_condition *c = &stop.rule[0].condition;
        assert_int_equal(stop.n, 1);
        assert_string_equal(stop.rule[0].key, "run.stop_when");
        assert_string_equal(c->column, good[i].column);
        assert_string_equal(c->op, good[i].op);
        assert_true(c->value == good[i].value);
        assert_int_equal(c->rows, good[i].rows);
    }
    stop_when("epoch > 1,test_loss<2 for 3 , train_acc >= 0.5");
    open(&stop);
    assert_int_equal(stop.n, 3);
    gk_text text = {0};
    for (int i = 0; i < 3; i++) {
        gk_text_add(&text, "%s", i ? ", " : "");
        gk_condition_print(&text, &stop.rule[i].condition);
    }
    assert_string_equal(text.data, "epoch > 1, test_loss < 2 for 3, train_acc >= 0.5");
    gk_text_free(&text);
}

/* What is wrong, and where: the column of the caret. */
static void test_refused(void **state)
{
    static const struct {
        const char *text, *why;
        int place;
    } bad[] = {{",", "expected a column", 0},
               {"test_acc", "expected one of < <=", 8},
               {"test_acc <> 1", "expected one of < <=", 9},
               {"test_acc >", "expected a number", 10},
               {"test_acc > test_loss", "expected a number", 11},
               {"test_acc > nan", "expected a number", 11},
               {"test_acc > inf", "expected a number", 11},
               {"test_acc > 1 for", "expected a number of rows", 16},
               {"test_acc > 1 for 0", "1 or more", 17},
               {"test_acc > 1 for 1.5", "whole number", 17},
               {"test_acc > 1 and test_loss < 1", "a comma or the end", 13},
               {"test_acc > 1,", "expected a column", 13},
               {"test_acc > 1, 'x", "not closed", 14},
               {"test_los < 1", "did you mean \"test_loss\"", 0},
               {"epoch > 1, alpha < 2", "no column \"alpha\"", 11},
               {"projected_all < 1", "at the end of a run alone", 0},
               {"key_freqs = 3", "no column \"key_freqs\"", 0}};
    gk_stop stop;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        stop_when(bad[i].text);
        assert_int_equal(gk_stop_open(&stop, &config), GK_EUSAGE);
        const char *message = gk_message(), *caret = strrchr(message, '\n');
        if (!strstr(message, bad[i].why) || strncmp(message, "run.stop_when: ", 15) != 0)
            fail_msg("of %s: %s", bad[i].text, message);
        if (!caret || strlen(caret) != (size_t)bad[i].place + 6)
            fail_msg("the place is not %d: %s", bad[i].place, message);
    }
    strcpy(config.run.hook, "cat"); /* whose answers are not known */
    stop_when("alpha < 2, test_los < 1");
    open(&stop);
    stop_when("projected_all < 1");
    assert_int_equal(gk_stop_open(&stop, &config), GK_EUSAGE);
}

static void test_too_many(void **state)
{
    gk_text text = {0};
    gk_stop stop;

    (void)state;
    config.run.stop_test_loss = config.run.stop_test_acc = 0;
    for (int i = 2; i < GK_STOP_RULES; i++) gk_text_add(&text, "%sepoch > 1", i > 2 ? "," : "");
    stop_when(text.data);
    open(&stop);
    assert_int_equal(stop.n, GK_STOP_RULES);
    gk_text_add(&text, ",epoch > 1");
    stop_when(text.data);
    assert_int_equal(gk_stop_open(&stop, &config), GK_EUSAGE);
    gk_text_free(&text);
}

static void test_nan(void **state)
{
    static const char *const ops[] = {"<", "<=", ">", ">=", "=", "!="};
    static const bool less[] = {true, true, false, false, false, true},
                      same[] = {false, true, false, true, true, false};

    (void)state;
    for (int i = 0; i < 6; i++) {
        assert_false(gk_satisfies((double)NAN, ops[i], 1) || gk_satisfies(1, ops[i], (double)NAN));
        assert_int_equal(gk_satisfies(1, ops[i], 2), less[i]);
        assert_int_equal(gk_satisfies(2, ops[i], 2), same[i]);
    }
}

/* ---- rules */

static void feed(gk_stop *stop, double test_acc, double gini)
{
    gk_row row;

    gk_row_start(&row, 0);
    row.test_acc = test_acc;
    row.gini_w_e = gini;
    gk_stop_row(stop, &row);
}

static void test_rows_in_a_row(void **state)
{
    gk_stop stop;

    (void)state;
    stop_when("test_acc >= 0.5 for 3, gini_w_e < 0");
    open(&stop);
    assert_null(gk_stop_reason(&stop));
    feed(&stop, 0.5, 1);
    feed(&stop, 0.6, 1);
    feed(&stop, GK_NULL, 1); /* from the start again */
    feed(&stop, 0.5, 1);
    feed(&stop, 0.6, 1);
    assert_null(gk_stop_reason(&stop));
    feed(&stop, 0.6, 1);
    assert_string_equal(gk_stop_reason(&stop), "run.stop_when");
    feed(&stop, 0.4, -1); /* any of them */
    assert_string_equal(gk_stop_reason(&stop), "run.stop_when");
    feed(&stop, 0.4, 1);
    assert_null(gk_stop_reason(&stop));
    config.run.stop_test_acc = 0.3;
    config.run.stop_rows = 1;
    open(&stop);
    feed(&stop, 0.3, -1); /* the older keys have the first word */
    assert_string_equal(gk_stop_reason(&stop), "run.stop_test_acc");
}

static double answer(void *user, const char *column)
{
    return strcmp(column, "alpha") ? (double)NAN : *(double *)user;
}

static void test_answers(void **state)
{
    gk_stop stop;
    double alpha = 1;

    (void)state;
    strcpy(config.run.hook, "cat");
    stop_when("alpha < 2 for 2, beta < 2, test_acc > 0.9");
    open(&stop);
    feed(&stop, 0, 0);
    gk_stop_answer(&stop, answer, &alpha);
    for (int i = 0; i < 5; i++) feed(&stop, 0, 0); /* rows are no answers */
    assert_null(gk_stop_reason(&stop));
    alpha = 3;
    gk_stop_answer(&stop, answer, &alpha);
    alpha = 1;
    gk_stop_answer(&stop, answer, &alpha);
    assert_null(gk_stop_reason(&stop));
    gk_stop_answer(&stop, answer, &alpha);
    assert_string_equal(gk_stop_reason(&stop), "run.stop_when");
    feed(&stop, 0, 0); /* it is still the last answer */
    assert_string_equal(gk_stop_reason(&stop), "run.stop_when");
    alpha = GK_NULL;
    gk_stop_answer(&stop, answer, &alpha);
    assert_null(gk_stop_reason(&stop));
    feed(&stop, 1, 0);
    gk_stop_answer(&stop, answer, &alpha); /* nor are answers rows */
    assert_string_equal(gk_stop_reason(&stop), "run.stop_when");
}

/* Columns of the model are accepted unseen, and looked for in the first row. */
static void test_first_row(void **state)
{
    gk_stop stop;
    gk_row row;

    (void)state;
    stop_when("squared_l2_norm.embed.W_E < 2, subnetwork > 1");
    open(&stop);
    gk_row_start(&row, 0);
    gk_text_add(&row.extra, ", \"squared_l2_norm.embed.W_E\": 1");
    assert_int_equal(gk_stop_check(&stop, &row), GK_EUSAGE);
    assert_non_null(strstr(gk_message(), "\"subnetwork\""));
    gk_text_add(&row.extra, ", \"subnetwork\": null");
    assert_int_equal(gk_stop_check(&stop, &row), GK_OK);
    gk_stop_row(&stop, &row);
    assert_string_equal(gk_stop_reason(&stop), "run.stop_when");
    gk_row_free(&row);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_columns, start),
        cmocka_unit_test_setup(test_extra_columns, start),
        cmocka_unit_test_setup(test_parse, start),
        cmocka_unit_test_setup(test_refused, start),
        cmocka_unit_test_setup(test_too_many, start),
        cmocka_unit_test_setup(test_nan, start),
        cmocka_unit_test_setup(test_rows_in_a_row, start),
        cmocka_unit_test_setup(test_answers, start),
        cmocka_unit_test_setup(test_first_row, start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
