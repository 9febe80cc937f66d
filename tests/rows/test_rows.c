/* Rows of metrics.jsonl and final.jsonl, and key sets, as text and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gk/config.h"
#include "gk/row.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROW = GK_ROW, KEYED = GK_KEYED, FINAL = GK_FINAL };

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
#define FAMILY(name, when)
#define COLUMN(name, when, help) row.name = any(index++);
#include "gk/measures.def"
#undef COLUMN
        gk_keys_print(row.key_freqs, (const int[]){2, 7, 31}, i % 4);
        strcpy(row.clusters, i % 2 ? "2:54,7:111" : "");
        gk_row_print(&line, &row, false);
        assert_true(line.data[line.length - 1] == '\n' &&
                    !memchr(line.data, '\n', line.length - 1));
        assert_int_equal(strstr(line.data, "\"diverged\": true") != NULL, gk_row_diverged(&row));
        assert_int_equal(gk_row_parse(&back, line.data, line.length), GK_OK);
        assert_int_equal(back.epoch, row.epoch);
        assert_string_equal(back.key_freqs, row.key_freqs);
        assert_string_equal(back.clusters, row.clusters);
#define COLUMN(name, when, help)                                                                   \
    if (!(isnan(row.name) && isnan(back.name)) && memcmp(&row.name, &back.name, 8))                \
        fail_msg(#name " = %.17g came back as %.17g from %s", row.name, back.name, line.data);
#include "gk/measures.def"
#undef COLUMN
        line.length = 0; /* a row of metrics.jsonl: without the columns that only the end has */
        gk_row_print(&line, &row, true);
        assert_int_equal(gk_row_parse(&back, line.data, line.length), GK_OK);
#define COLUMN(name, when, help)                                                                   \
    if (when == FINAL                                                                              \
            ? !isnan(back.name)                                                                    \
            : !(isnan(row.name) && isnan(back.name)) && memcmp(&row.name, &back.name, 8))          \
        fail_msg(#name " = %.17g came back as %.17g from %s", row.name, back.name, line.data);
#include "gk/measures.def"
#undef COLUMN
#undef FAMILY
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

static void test_diverged(void **state)
{
    (void)state;
    assert_false(gk_row_diverged(&(gk_row){.train_loss = 1e300}));
    assert_false(gk_row_diverged(&(gk_row){.train_loss = 0}));
    assert_true(gk_row_diverged(&(gk_row){.train_loss = INFINITY}));
    assert_true(gk_row_diverged(&(gk_row){.train_loss = (double)NAN}));
}

static void test_key_sets(void **state)
{
    (void)state;
    gk_key_watch watch = {0};
    char text[GK_KEYS_TEXT];
    int key[8], keys;
    static const char *const bad[] = {"0", "9", "1,", ",1", "1,,2", "1;2", "x", "1,1", "1 2", "1x"};

    gk_key_watch_add(&watch, "3,5");
    gk_key_watch_add(&watch, "3,5");
    assert_false(gk_key_watch_ready(&watch));
    gk_key_watch_add(&watch, "3,5");
    assert_true(gk_key_watch_ready(&watch));
    gk_key_watch_add(&watch, "3");
    assert_false(gk_key_watch_ready(&watch));
    for (int i = 0; i < 5; i++) gk_key_watch_add(&watch, ""); /* no set, however long */
    assert_false(gk_key_watch_ready(&watch));

    assert_int_equal(gk_keys_parse(key, &keys, "8,1,3", 8), GK_OK);
    assert_int_equal(keys, 3);
    gk_keys_print(text, key, keys);
    assert_string_equal(text, "1,3,8");
    assert_int_equal(gk_keys_parse(key, &keys, "", 8), GK_OK);
    assert_int_equal(keys, 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (gk_keys_parse(key, &keys, bad[i], 8) != GK_EUSAGE) fail_msg("\"%s\" was taken", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_come_back),
        cmocka_unit_test(test_not_rows),
        cmocka_unit_test(test_diverged),
        cmocka_unit_test(test_key_sets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
