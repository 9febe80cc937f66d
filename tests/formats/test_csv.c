/* CSV there and back, as programs write it and as people do. */
#include "lib/folder.h"
#include "lib/support.h"

#include "gk/csv.h"

static void put(const char *name, const char *text)
{
    OK(gk_file_replace(in_folder(name), text, strlen(text)));
}

static void test_csv_round_trip(void **state)
{
    static const char *const fields[] = {"plain",      "",  "a,b",  "\"",     "say \"so\", then",
                                         "two\nlines", " ", "\r\n", "\"\"\"", "\xC3\xA9,"};
    enum { N = sizeof fields / sizeof *fields, COLUMNS = 5 };
    gk_text text = {0};
    gk_csv csv;

    (void)state;
    for (int i = 0; i < N; i++) {
        gk_csv_add(&text, fields[i]);
        gk_text_add(&text, i % COLUMNS == COLUMNS - 1 ? "\n" : ",");
    }
    for (int ended = 1; ended >= 0; ended--) { /* with and without the last end of line */
        OK(gk_file_replace(in_folder("x.csv"), text.data, text.length - !ended));
        OK(gk_csv_read(&csv, in_folder("x.csv"), GK_CSV_STRICT));
        assert_int_equal(csv.columns, COLUMNS);
        assert_int_equal(csv.rows, 1);
        for (int i = 0; i < N; i++)
            assert_string_equal(gk_csv_at(&csv, i / COLUMNS - 1, i % COLUMNS), fields[i]);
        gk_csv_free(&csv);
    }
    gk_text_free(&text);
}

static void test_csv_of_others(void **state)
{
    gk_csv csv;

    (void)state;
    put("x.csv", "index,\"a\"\r\n1,\"b\"\r\n2,c\r\n");
    OK(gk_csv_read(&csv, in_folder("x.csv"), GK_CSV_STRICT));
    assert_int_equal(csv.rows, 2);
    assert_string_equal(gk_csv_at(&csv, -1, 1), "a");
    assert_string_equal(gk_csv_at(&csv, 0, 1), "b");
    assert_string_equal(gk_csv_at(&csv, 1, 1), "c");
    gk_csv_free(&csv);
}

static void test_bad_csv(void **state)
{
    static const char *const bad[][2] = {{"", "is empty"},
                                         {"a,b\n1\n", ":2: 1 cells, but the header has 2"},
                                         {"a\n1,2\n", ":2: 2 cells"},
                                         {"a,b\n\"1\n\n,2\n", "a quote is not closed"},
                                         {"a,b\n1,\"", "a quote is not closed"},
                                         {"a,b\n\"1\"x,2\n", ":2: a text follows a closing quote"},
                                         {"a,b\n\"x\ny\",2\nx\"y,2\n", ":4: a quote within"}};
    gk_csv csv;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put("x.csv", bad[i][0]);
        assert_int_equal(gk_csv_read(&csv, in_folder("x.csv"), GK_CSV_STRICT), GK_EDATA);
        if (!strstr(gk_message(), bad[i][1])) fail_msg("%s: %s", bad[i][0], gk_message());
        gk_csv_free(&csv);
    }
    OK(gk_file_replace(in_folder("x.csv"), "a\n\0\n", 4));
    assert_int_equal(gk_csv_read(&csv, in_folder("x.csv"), GK_CSV_STRICT), GK_EDATA);
    gk_csv_free(&csv);
}

/* Spaces, empty lines, a byte order mark: what the strict reader takes for text. */
static void test_csv_by_hand(void **state)
{
    static const char text[] = "\xEF\xBB\xBF a , \"b\" \r\n\r\n 1,\" 2 \"\n \n,3 \n";
    static const char *const cells[] = {"a", "b", "1", " 2 ", "", "3"};
    static const int lines[] = {1, 3, 5};
    gk_csv csv;

    (void)state;
    put("x.csv", text);
    OK(gk_csv_read(&csv, in_folder("x.csv"), GK_CSV_BY_HAND));
    assert_int_equal(csv.rows, 2);
    assert_int_equal(csv.columns, 2);
    for (int i = 0; i < 6; i++) assert_string_equal(gk_csv_at(&csv, i / 2 - 1, i % 2), cells[i]);
    for (int i = 0; i < 3; i++) assert_int_equal(csv.line[i], lines[i]);
    assert_int_equal(csv.lines, 6);
    gk_csv_free(&csv);
    assert_int_equal(gk_csv_read(&csv, in_folder("x.csv"), GK_CSV_STRICT), GK_EDATA);
    gk_csv_free(&csv);
}

static void test_quotes_over_lines(void **state)
{
    gk_csv csv;

    (void)state;
    put("x.csv", "a\n\"1\n2\"\n");
    OK(gk_csv_read(&csv, in_folder("x.csv"), GK_CSV_STRICT));
    assert_string_equal(gk_csv_at(&csv, 0, 0), "1\n2");
    gk_csv_free(&csv);
    assert_int_equal(gk_csv_read(&csv, in_folder("x.csv"), GK_CSV_BY_HAND), GK_EDATA);
    assert_non_null(strstr(gk_message(), ":2: a quote is not closed in its line"));
    gk_csv_free(&csv);
    put("x.csv", "\n\n");
    OK(gk_csv_read(&csv, in_folder("x.csv"), GK_CSV_BY_HAND));
    assert_int_equal(csv.rows, -1);
    assert_int_equal(csv.lines, 3);
    gk_csv_free(&csv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv_round_trip), cmocka_unit_test(test_csv_of_others),
        cmocka_unit_test(test_bad_csv), cmocka_unit_test(test_csv_by_hand),
        cmocka_unit_test(test_quotes_over_lines)};

    return cmocka_run_group_tests_name("csv", tests, make_folder, remove_folder);
}
