/* JSON of older programs reads as today's, whatever stands in it; names, old and new. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gk/config.h"
#include "gk/renamed.h"
#include "gk/row.h"
#include "gk/stop.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static void becomes(const char *old, const char *now)
{
    gk_text text = {0};

    if (!gk_older_json(&text, old, strlen(old))) gk_text_add(&text, "(as it is)");
    assert_string_equal(text.data, now);
    gk_text_free(&text);
}

static void test_json(void **state)
{
    (void)state;
    becomes("{\"epoch\": 1, \"key_freqs\": [14, 35], \"clusters\": [[14, 3]]}", "(as it is)");
    becomes("{\"sum_squares\": 1, \"sum_squares.embed.W_E\": 2, \"key_freqs\": \"14,35\", "
            "\"clusters\": \"14:3,35:4\"}",
            "{\"squared_l2_norm\": 1, \"squared_l2_norm.embed.W_E\": 2, \"key_freqs\": [14, 35], "
            "\"clusters\": [[14, 3], [35, 4]]}");
    becomes("{\"absorbed\":0.5,\"key_freqs\":null,\"clusters\":\"7:1\"}",
            "{\"softmax_saturation\":0.5,\"key_freqs\":null,\"clusters\":[[7, 1]]}");
    becomes("{\"turning_points\": {\"sum of squares maximum\": 3}, \"key_freqs\": \"7\"}",
            "{\"turning_points\": {\"squared L2 norm maximum\": 3}, \"key_freqs\": [7]}");
    /* values, parts of names, and names that other things had */
    becomes("{\"a\": \"absorbed\", \"absorbed_\": 1, \"my.imbalance\": 2, \"index\": 3}",
            "{\"a\": \"absorbed\", \"absorbed_\": 1, \"my.imbalance\": 2, \"index\": 3}");
    becomes("{\"key_freqs\": \"no list\", \"x\": \"14,35\", \"imbalance\": 0}",
            "{\"key_freqs\": \"no list\", \"x\": \"14,35\", \"logit_gradient_sum\": 0}");
    becomes("{\"imbalance\\\"\": \"\\\\\", \"imbalance\" : 1}",
            "{\"imbalance\\\"\": \"\\\\\", \"logit_gradient_sum\" : 1}");
    becomes("{\"imbalance\": \"", "{\"logit_gradient_sum\": \"");
}

/* A row of grokc 0.1 is the row of today with the same numbers. */
static void test_rows(void **state)
{
    static const char old[] =
        "{\"epoch\": 7, \"test_loss_mirror\": 1.5, \"test_loss_other\": 2.5, \"sum_squares\": 3.5, "
        "\"absorbed\": 0.25, \"imbalance\": 1e-9, \"key_freqs\": \"14,35\", \"clusters\": "
        "\"14:3,35:4\", \"sum_squares.embed.W_E\": 4.5}";
    gk_row row;
    double value;

    (void)state;
    char *copy = gk_alloc(sizeof old - 1, 1); /* no terminator */
    memcpy(copy, old, sizeof old - 1);
    assert_int_equal(gk_row_parse(&row, copy, sizeof old - 1), GK_OK);
    free(copy);
    assert_true(row.test_loss_commuted == 1.5 && row.test_loss_uncommuted == 2.5);
    assert_true(row.squared_l2_norm == 3.5 && row.softmax_saturation == 0.25);
    assert_true(row.logit_gradient_sum == 1e-9);
    assert_string_equal(row.key_freqs, "14,35");
    assert_string_equal(row.clusters, "14:3,35:4");
    assert_true(gk_row_column(&row, "squared_l2_norm.embed.W_E", &value) && value == 4.5);
    gk_row_free(&row);
}

/* Whatever is cut off or put in, nothing is read beyond the end, and what is no JSON stays none. */
static void test_hostile(void **state)
{
    static const char line[] =
        "{\"epoch\": 1, \"key_freqs\": \"14,35\", \"a\\u0022\\\\\": \"b\\\"\", "
        "\"clusters\": \"14:3\", \"sum_squares.x\": 1}";
    static const char put[] = "\"\\:,{}[] \t";

    (void)state;
    for (size_t n = 0; n < sizeof line; n++)
        for (size_t i = 0; i < sizeof put; i++) {
            char *copy = gk_alloc(n + 1, 1);
            gk_text now = {0};
            memcpy(copy, line, n);
            if (n) copy[n - 1] = put[i];
            bool older = gk_older_json(&now, copy, n);
            json_t *before = json_loadb(copy, n, JSON_REJECT_DUPLICATES, NULL);
            json_t *after = older ? json_loadb(now.data, now.length, JSON_REJECT_DUPLICATES, NULL)
                                  : json_incref(before);
            assert_true(!before == !after);
            json_decref(before);
            json_decref(after);
            gk_text_free(&now);
            free(copy);
        }
}

static void test_lists(void **state)
{
    static const char *const lists[][2] = {{"", "null"},
                                           {"7", "[7]"},
                                           {"14,35", "[14, 35]"},
                                           {"14:3", "[[14, 3]]"},
                                           {"1:2,3:4", "[[1, 2], [3, 4]]"}};
    static const char *const wrong[] = {"[1, \"2\"]", "[1.5]", "[[1]]", "[[1, 2, 3]]",
                                        "{}",         "3",     "[null]"};

    (void)state;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        gk_text json = {0}, list = {0};
        gk_list_print(&json, lists[i][0]);
        assert_string_equal(json.data, lists[i][1]);
        json_t *value = json_loads(json.data, JSON_DECODE_ANY, NULL);
        assert_int_equal(gk_list_text(&list, value), *lists[i][0] != 0);
        assert_string_equal(list.data ? list.data : "", lists[i][0]);
        json_decref(value);
        gk_text_free(&json);
        gk_text_free(&list);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        json_t *value = json_loads(wrong[i], JSON_DECODE_ANY, NULL);
        gk_text list = {0};
        assert_false(gk_list_text(&list, value));
        json_decref(value);
        gk_text_free(&list);
    }
}

/* Every old name leads to a name that is there, and no name of today is an old one. */
static void test_names(void **state)
{
    const char *old, *now;
    int n = 0, of;

    (void)state;
    for (; gk_renaming(n, &old, &now, &of); n++) {
        char room[GK_RENAMED_MAX];
        assert_string_equal(gk_renamed(room, old, of), now);
        assert_false(gk_is_renamed(now, GK_OLD_ANY));
        if (of == GK_OLD_COLUMN) assert_true(gk_row_has(now) && !gk_row_has(old));
        if (of == GK_OLD_KEY && strchr(old, '.')) assert_non_null(gk_config_find(old));
        assert_false(gk_is_renamed(old, GK_OLD_ANY & ~of));
    }
    assert_true(n >= 9);
    assert_string_equal(gk_renamed_key("sum_squares"), "sum_squares"); /* no key */
    assert_string_equal(gk_first_key("task.label_noise"), "task.corrupt_fraction");
    assert_string_equal(gk_first_key("optim.lr"), "optim.lr");
}

/* A rule with an old name is one about the column of today. */
static void test_conditions(void **state)
{
    gk_config config;
    gk_stop stop;

    (void)state;
    gk_config_defaults(&config);
    strcpy(config.run.stop_when, "sum_squares.embed.W_E < 3, absorbed > 0.5, imbalance >= 0 for 2");
    assert_int_equal(gk_stop_open(&stop, &config), GK_OK);
    assert_string_equal(stop.rule[0].condition.column, "squared_l2_norm.embed.W_E");
    assert_string_equal(stop.rule[1].condition.column, "softmax_saturation");
    assert_string_equal(stop.rule[2].condition.column, "logit_gradient_sum");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),    cmocka_unit_test(test_rows),
        cmocka_unit_test(test_hostile), cmocka_unit_test(test_lists),
        cmocka_unit_test(test_names),   cmocka_unit_test(test_conditions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
