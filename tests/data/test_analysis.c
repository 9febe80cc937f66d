/* Rows, elements and groups of every operation, against its definition; key sets; rows as text;
 * least squares. */
#include "lib/support.h"

static const char *const ops[] = {"add",      "subtract", "multiply",          "divide",
                                  "x2_y2",    "x2_xy_y2", "x2_xy_y2_x",        "x3_xy",
                                  "x3_xy2_y", "random",   "divide_or_subtract"};

typedef struct opened {
    gk_config config;
    gk_task task;
    gk_analysis a;
    int *order, n_train;
} opened;

static void open_all(opened *o, const char *op, int p, const char *split)
{
    char set[3][64];

    snprintf(set[0], 64, "task.op=%s", op);
    snprintf(set[1], 64, "task.p=%d", p);
    snprintf(set[2], 64, "task.split=%s", split);
    CONFIG(&o->config, set[0], set[1], set[2], "task.train_fraction=0.5");
    OK(gk_task_open(&o->task, &o->config));
    o->order = gk_alloc((size_t)o->task.n, sizeof *o->order);
    OK(gk_split(o->order, &o->n_train, &o->task, &o->config));
    gk_analysis_open(&o->a, &o->task, &o->config, o->order, o->n_train);
}

static void close_all(opened *o)
{
    gk_analysis_close(&o->a);
    gk_task_close(&o->task);
    free(o->order);
}

static bool is_prime(int p)
{
    for (int d = 2; d < p; d++)
        if (p % d == 0) return false;
    return p >= 2;
}

static void pair_of(const opened *o, int row, int *x, int *y, int32_t *answer)
{
    int32_t tokens[8];

    o->task.example(&o->task, o->a.order[row], tokens, answer);
    *x = tokens[0];
    *y = tokens[1];
}

static void check_order(const opened *o)
{
    char *seen = gk_alloc((size_t)o->a.N, 1);

    assert_int_equal(o->a.N, o->task.n);
    for (int row = 0; row < o->a.N; row++) {
        assert_in_range(o->a.order[row], 0, o->a.N - 1);
        assert_int_equal(seen[o->a.order[row]]++, 0);
    }
    free(seen);
}

/* Columns and elements undo each other; in the multiplicative group u + v means x y. */
static void check_elements(const opened *o, bool multiplies)
{
    const gk_analysis *a = &o->a;
    int p = o->task.p, inside = 0;

    for (int e = 0; e < a->n; e++) {
        assert_in_range(a->column[e], 0, p - 1);
        assert_int_equal(a->element[a->column[e]], e);
        for (int f = 0; multiplies && f < a->n; f++)
            assert_int_equal(a->column[(e + f) % a->n], a->column[e] * a->column[f] % p);
    }
    for (int c = 0; c < o->task.answers; c++) inside += a->element[c] >= 0;
    assert_int_equal(inside, a->n);
    assert_int_equal(a->n, multiplies ? p - 1 : p);
    assert_int_equal(a->K, a->n / 2);
}

static void check_rows(const opened *o, bool multiplies)
{
    const gk_analysis *a = &o->a;
    bool sums = o->task.op == GK_OP_ADD || o->task.op == GK_OP_MULTIPLY, other = a->control != NULL;
    int x, y;
    int32_t answer;

    for (int row = 0; row < a->N; row++) {
        pair_of(o, row, &x, &y, &answer);
        bool inside = !multiplies || (x && y);
        assert_true(inside == (row < a->inputs));
        assert_int_equal(a->label[row], answer);
        if (!inside) continue;
        int u = a->element[x], v = a->element[y];
        assert_int_equal(a->column[a->value[row]], answer);
        if (a->P) assert_int_equal(row, a->P * u + v);
        if (!other) continue;
        assert_int_equal(a->value[row], (sums ? u + v : u - v + a->n) % a->n);
        assert_int_equal(a->control[row], (sums ? u - v + a->n : u + v) % a->n);
    }
    assert_true(a->P == 0 || a->P * a->P == a->inputs);
    assert_true((a->P == 0) == (a->no_grid != NULL) || a->undefined);
}

/* Groups from the split alone. */
static void check_groups(const opened *o, const char *split)
{
    const gk_analysis *a = &o->a;
    int count[GK_ROW_GROUPS] = {0}, p = o->task.p, x, y;
    char *trained = gk_alloc((size_t)(p * p), 1);
    int32_t answer;

    assert_int_equal(a->n_train, o->n_train);
    for (int i = 0; i < o->n_train; i++) {
        assert_int_equal(a->order[a->train[i]], o->order[i]);
        trained[o->task.id(&o->task, o->order[i])] = 1;
    }
    for (int row = 0; row < a->N; row++) {
        pair_of(o, row, &x, &y, &answer);
        int group = trained[p * x + y]   ? GK_ROWS_TRAIN
                    : trained[p * y + x] ? GK_ROWS_COMMUTED
                                         : GK_ROWS_UNCOMMUTED;
        assert_int_equal(a->group[row], group);
        count[a->group[row]]++;
    }
    assert_int_equal(count[GK_ROWS_TRAIN], o->n_train);
    assert_int_equal(count[0] + count[1] + count[2], a->N);
    if (!strncmp(split, "symmetric", 9)) assert_int_equal(count[GK_ROWS_COMMUTED], 0);
    free(trained);
}

/* Why there is nothing to measure, or NULL. */
static const char *reason(const char *op, int p)
{
    bool multiplies = !strcmp(op, "multiply") || !strcmp(op, "divide");

    if (multiplies && !is_prime(p)) return "the units mod a composite p are not measured";
    return p - multiplies < 3 ? "the group has fewer than 3 elements" : NULL;
}

static void check_analysis(const char *op, int p, const char *split)
{
    static opened o;
    bool multiplies = !strcmp(op, "multiply") || !strcmp(op, "divide");
    const char *why = reason(op, p);
    char *missing = "some pairs of operands are not examples";

    open_all(&o, op, p, split);
    check_order(&o);
    check_groups(&o, split);
    if (why)
        assert_string_equal(o.a.undefined ? o.a.undefined : "defined", why);
    else
        assert_null(o.a.undefined);
    if (!why && o.task.op == GK_OP_DIVIDE_OR_SUBTRACT && p % 2 && !is_prime(p))
        assert_string_equal(o.a.no_grid, missing);
    else if (!why && o.task.op != GK_OP_DIVIDE_OR_SUBTRACT)
        assert_null(o.a.no_grid);
    assert_true((o.a.control != NULL) == (o.task.op <= GK_OP_DIVIDE));
    if (!multiplies || is_prime(p)) {
        check_elements(&o, multiplies);
        check_rows(&o, multiplies);
    }
    close_all(&o);
}

static void test_operations(void **state)
{
    static const int moduli[] = {2, 3, 4, 5, 6, 7, 9, 12, 13, 30, 31};

    (void)state;
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        for (size_t j = 0; j < sizeof moduli / sizeof *moduli; j++) {
            check_analysis(ops[i], moduli[j], "philox:3");
            if (moduli[j] > 3) check_analysis(ops[i], moduli[j], "symmetric:1");
        }
}

static void test_characters(void **state)
{
    (void)state;
    for (int n = 3; n < 14; n++) {
        int width = n / 2 * 2;
        double *b = gk_alloc((size_t)(n * width), sizeof *b);
        gk_characters(b, n);
        for (int i = 0; i < width; i++)
            for (int j = 0; j < width; j++) {
                double dot = 0, sum = 0;
                for (int e = 0; e < n; e++) {
                    dot += b[e * width + i] * b[e * width + j];
                    sum += b[e * width + i];
                }
                bool sine = i == n - 1 && n % 2 == 0; /* of the sign: zero */
                double expected = i != j || sine ? 0 : i == n - 2 && n % 2 == 0 ? n : n / 2.0;
                assert_true(fabs(dot - expected) < 1e-12 * n && fabs(sum) < 1e-12 * n);
            }
        free(b);
    }
}

static void test_key_watch(void **state)
{
    gk_key_watch watch = {0};

    (void)state;
    assert_false(gk_key_watch_ready(&watch));
    for (int i = 0; i < 5; i++) gk_key_watch_add(&watch, "");
    assert_false(gk_key_watch_ready(&watch));
    for (int i = 0; i < 3; i++) {
        assert_false(gk_key_watch_ready(&watch));
        gk_key_watch_add(&watch, "1,2");
    }
    assert_true(gk_key_watch_ready(&watch));
    gk_key_watch_add(&watch, "1,2");
    assert_true(gk_key_watch_ready(&watch));
    gk_key_watch_add(&watch, "1,3");
    assert_false(gk_key_watch_ready(&watch));
    gk_key_watch_add(&watch, "1,3");
    gk_key_watch_add(&watch, "");
    gk_key_watch_add(&watch, "1,3");
    assert_false(gk_key_watch_ready(&watch));
}

/* At most n/8 frequencies. */
static void test_usable(void **state)
{
    gk_analysis a = {.n = 31};
    int raw[] = {2, 5, 7, 11};
    gk_snapshot s = {.analysis = &a, .raw = raw, .raws = 3};
    static gk_row row;

    (void)state;
    gk_measure_keys(&row, &s);
    assert_string_equal(row.key_freqs, "2,5,7");
    s.raws = 4;
    gk_measure_keys(&row, &s);
    assert_string_equal(row.key_freqs, "");
    a.n = 32;
    gk_measure_keys(&row, &s);
    assert_string_equal(row.key_freqs, "2,5,7,11");
    a.undefined = "because";
    gk_measure_keys(&row, &s);
    assert_string_equal(row.key_freqs, "");
}

static void test_key_lists(void **state)
{
    static const char *const wrong[] = {"0",   "57",  "-1",    "1,,2", ",1",
                                        "1,",  "1 2", "a",     "1;2",  "1,a",
                                        "1.5", "1,1", "3,2,3", "1e1",  "99999999999999999999"};
    int key[56], keys;
    char text[GK_KEYS_TEXT];

    (void)state;
    OK(gk_keys_parse(key, &keys, "52,14,42,35", 56));
    gk_keys_print(text, key, keys);
    assert_string_equal(text, "14,35,42,52");
    OK(gk_keys_parse(key, &keys, "56", 56));
    assert_true(keys == 1 && key[0] == 56);
    OK(gk_keys_parse(key, &keys, "", 56));
    assert_int_equal(keys, 0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(gk_keys_parse(key, &keys, wrong[i], 56), GK_EUSAGE);
        assert_non_null(strstr(gk_message(), wrong[i]));
    }
}

enum { ROW, KEYED, FINAL }; /* as in measures.def */

/* Every column a number of its own, some null; online: without the FINAL ones. */
static void round_trip(bool online)
{
    static gk_row row, back;
    gk_text line = {0}, again = {0};
    double value = 1.0 / 3;

    gk_row_start(&row, 12300);
#define FAMILY(name, when)
#define COLUMN(name, when, help)                                                                   \
    value *= -1.7;                                                                                 \
    if (when != FINAL || !online) row.name = value;
#include "gk/measures.def"
#undef FAMILY
#undef COLUMN
    row.test_loss = GK_NULL;
    row.train_loss = 1e-9 / 7;
    snprintf(row.key_freqs, sizeof row.key_freqs, "14,35");
    snprintf(row.clusters, sizeof row.clusters, "14:54,35:111");
    gk_text_add(&row.extra, ", \"squared_l2_norm.x\": 1.5");
    gk_row_print(&line, &row, online);
    assert_int_equal(line.data[line.length - 1], '\n');
    assert_true((strstr(line.data, "\"restricted_all_online\": ") != NULL) == online);
    assert_true((strstr(line.data, "\"restricted_all\": ") != NULL) == !online);
    assert_true((strstr(line.data, "\"head_zero_max\": ") != NULL) == !online);
    OK(gk_row_parse(&back, line.data, line.length));
    assert_string_equal(back.extra.data, ", \"squared_l2_norm.x\": 1.5");
    gk_row_print(&again, &back, online);
    assert_string_equal(line.data, again.data);
    gk_text_free(&line);
    gk_text_free(&again);
    gk_row_free(&row);
    gk_row_free(&back);
}

static void test_rows_as_text(void **state)
{
    static gk_row row;
    static const char *const wrong[] = {"",
                                        "{",
                                        "{}",
                                        "[1]",
                                        "3",
                                        "{\"epoch\": 1.5}",
                                        "{\"epoch\": 1, \"epoch\": 2}",
                                        "{\"epoch\": 1} x"};

    (void)state;
    round_trip(true);
    round_trip(false);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(gk_row_parse(&row, wrong[i], strlen(wrong[i])), GK_EDATA);
    OK(gk_row_parse(&row, "{\"epoch\": 7}", 12));
    assert_true(row.epoch == 7 && isnan(row.train_loss) && !*row.key_freqs);
}

/* Least squares on columns that are not orthogonal, one of them twice: the fit is that of the
 * columns' span. */
static void test_fit(void **state)
{
    enum { N = 7, WIDTH = 6, M = 4 };
    static const int column[M] = {0, 1, 4, 1};
    const double count[N] = {1, 0, 3, 2, 0, 5, 1};
    double basis[N * WIDTH], sum[N * 2], coef[M * 2];

    (void)state;
    gk_characters(basis, N);
    for (int e = 0; e < N; e++)
        for (int c = 0; c < 2; c++)
            sum[2 * e + c] = count[e] * (2 * basis[e * WIDTH] - 3 * basis[e * WIDTH + 1] +
                                         (c ? 0.5 : 7) * basis[e * WIDTH + 4]);
    gk_fit(coef, basis, WIDTH, column, M, count, sum, N, 2);
    for (int c = 0; c < 2; c++) {
        CLOSE(coef[c], 2, 1e-12);
        CLOSE(coef[2 + c] + coef[6 + c], -3, 1e-12);
        CLOSE(coef[4 + c], c ? 0.5 : 7, 1e-12);
    }
    memset(sum, 0, sizeof sum);
    gk_fit(coef, basis, WIDTH, column, M, (const double[N]){0}, sum, N, 2);
    for (int i = 0; i < M * 2; i++) assert_true(coef[i] == 0);
}

static void test_table_loss(void **state)
{
    const double table[9] = {0, 200, -200, 0, -1000, 1e-9, 5, 5, 5};
    double pairs[9] = {0};

    (void)state;
    assert_true(isnan(gk_table_loss(table, pairs, 3)));
    pairs[0] = 1;
    CLOSE(gk_table_loss(table, pairs, 3), 200, 1e-15);
    pairs[0] = 0, pairs[1] = 1;
    CLOSE(gk_table_loss(table, pairs, 3), exp(-200), 1e-12);
    pairs[1] = 0, pairs[4] = 1;
    CLOSE(gk_table_loss(table, pairs, 3), 1000 + log(2), 1e-12);
    pairs[4] = 0, pairs[6] = 2, pairs[1] = 2;
    CLOSE(gk_table_loss(table, pairs, 3), log(3) / 2, 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operations), cmocka_unit_test(test_characters),
        cmocka_unit_test(test_key_watch),  cmocka_unit_test(test_usable),
        cmocka_unit_test(test_key_lists),  cmocka_unit_test(test_rows_as_text),
        cmocka_unit_test(test_fit),        cmocka_unit_test(test_table_loss),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
