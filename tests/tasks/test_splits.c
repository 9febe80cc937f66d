/* Splits against Python's and PyTorch's own, split files, symmetric splits, corrupted labels. */
#include "lib/folder.h"
#include "lib/support.h"
#include "golden/seeds.h"

#include <unistd.h>
#include <zlib.h>

#define LENGTH(array) (sizeof(array) / sizeof *(array))

static uint32_t crc_of(const int *x, int n)
{
    return (uint32_t)crc32(0, (const unsigned char *)x, (unsigned)n * (unsigned)sizeof *x);
}

static gk_config *make(int op, int p, double fraction, const char *split)
{
    static gk_config config;

    memset(&config, 0, sizeof config);
    config.task.op = op;
    config.task.p = p;
    config.task.train_fraction = fraction;
    snprintf(config.task.split, sizeof config.task.split, "%s", split);
    return &config;
}

/* The split of a task; caller frees. */
static int *split(gk_task *task, int *n_train, const gk_config *config)
{
    OK(gk_task_open(task, config));
    int *order = gk_alloc((size_t)task->n, sizeof *order);
    OK(gk_split(order, n_train, task, config));
    return order;
}

static void check_permutation(const int *order, int n)
{
    char *seen = gk_alloc((size_t)n, 1);

    for (int i = 0; i < n; i++) {
        assert_true(order[i] >= 0 && order[i] < n && !seen[order[i]]);
        seen[order[i]] = 1;
    }
    free(seen);
}

static void seeds_give_the_published_orders(void **state)
{
    int order[12769];

    (void)state;
    for (size_t i = 0; i < LENGTH(golden_order); i++) {
        const gk_task task = {.n = golden_order[i].n};
        int n_train;
        OK(gk_split(order, &n_train, &task, make(GK_OP_ADD, 113, 0.5, golden_order[i].split)));
        assert_int_equal(n_train, task.n / 2);
        for (int j = 0; j < 8; j++) assert_int_equal(order[j], golden_order[i].first[j]);
        if (crc_of(order, task.n) != golden_order[i].crc)
            fail_msg("%s of %d: another order", golden_order[i].split, task.n);
    }
}

static void known_pairs_come_first(void **state)
{
    static const int python0[5][2] = {{18, 34}, {10, 83}, {55, 28}, {25, 51}, {63, 65}};
    static const int torch598[5][2] = {{21, 31}, {30, 98}, {47, 10}, {86, 21}, {99, 83}};

    (void)state;
    for (int which = 0; which < 2; which++) {
        gk_task task;
        int n_train;
        int *order =
            split(&task, &n_train, make(GK_OP_ADD, 113, 0.3, which ? "torch:598" : "python:0"));
        assert_int_equal(n_train, 3830);
        assert_int_equal(task.n - n_train, 8939);
        for (int i = 0; i < 5; i++) {
            const int *pair = which ? torch598[i] : python0[i];
            assert_int_equal(task.id(&task, order[i]), 113 * pair[0] + pair[1]);
        }
        free(order);
        gk_task_close(&task);
    }
}

/* The file's ids, which must be `expected` little-endian int32. */
static void check_ids(const char *path, const int *ids, int expected)
{
    char *bytes;
    size_t size;

    OK(gk_file_read(path, 1 << 20, &bytes, &size));
    assert_true(size > 10 && !memcmp(bytes, "\x93NUMPY\x01", 7));
    size_t begin = 10 + (size_t)(unsigned char)bytes[8] + 256 * (size_t)(unsigned char)bytes[9];
    assert_true(begin < size);
    bytes[begin - 1] = 0;
    assert_non_null(strstr(bytes + 10, "'descr': '<i4'"));
    assert_non_null(strstr(bytes + 10, "'fortran_order': False"));
    assert_int_equal(size - begin, (size_t)expected * sizeof(int32_t));
    for (int i = 0; i < expected; i++) {
        int32_t id;
        memcpy(&id, bytes + begin + (size_t)i * sizeof id, sizeof id);
        assert_int_equal(id, ids[i]);
    }
    free(bytes);
}

static void python_0_is_the_split_of_the_oracle(void **state)
{
    const char *train = oracle("seed0/train_idx.npy"), *test = oracle("seed0/test_idx.npy");
    gk_task task;
    int n_train;

    (void)state;
    int *order = split(&task, &n_train, make(GK_OP_ADD, 113, 0.3, "python:0"));
    check_ids(train, order, n_train);
    check_ids(test, order + n_train, task.n - n_train);
    free(order);
    gk_task_close(&task);
}

static void symmetric_keeps_commuted_pairs_together(void **state)
{
    static const int ops[] = {GK_OP_ADD, GK_OP_DIVIDE, GK_OP_DIVIDE_OR_SUBTRACT};
    int shorter = 0;

    (void)state;
    for (int i = 0; i < 60; i++) {
        char text[32];
        double fraction = 0.05 + 0.9 * (i % 20) / 20;
        gk_task task;
        int n_train;
        snprintf(text, sizeof text, "symmetric:%d", i);
        gk_config *config = make(ops[i % 3], i % 2 ? 12 : 7, fraction, text);
        int *order = split(&task, &n_train, config);
        int wanted = (int)floor(fraction * task.n);
        check_permutation(order, task.n);
        assert_true(n_train == wanted || n_train == wanted - 1);
        shorter += n_train < wanted;
        int *place = gk_alloc((size_t)task.n, sizeof *place);
        for (int j = 0; j < task.n; j++) place[order[j]] = j;
        for (int j = 0; j < task.n; j++) {
            int commuted = task.commuted(&task, order[j]);
            if (commuted < 0) continue;
            assert_in_range(abs(place[commuted] - j), 0, 1);
            assert_int_equal(place[commuted] < n_train, j < n_train);
        }
        free(place);
        free(order);
        gk_task_close(&task);
    }
    assert_in_range(shorter, 5, 55);
}

static void symmetric_golden(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(golden_symmetric); i++) {
        char text[32];
        gk_task task;
        int n_train, op = golden_symmetric[i].divide ? GK_OP_DIVIDE : GK_OP_ADD;
        snprintf(text, sizeof text, "symmetric:%d", golden_symmetric[i].seed);
        int *order = split(&task, &n_train,
                           make(op, golden_symmetric[i].p, golden_symmetric[i].fraction, text));
        assert_int_equal(n_train, golden_symmetric[i].n_train);
        for (int j = 0; j < 8; j++) assert_int_equal(order[j], golden_symmetric[i].first[j]);
        assert_int_equal(crc_of(order, task.n), golden_symmetric[i].crc);
        free(order);
        gk_task_close(&task);
    }
}

/* gk_split of a / b mod 3, ids 1 2 4 5 7 8, half of them trained on, with the file's content. */
static gk_status split_file(int order[6], const char *content, size_t size)
{
    char path[GK_PATH_MAX], text[GK_PATH_MAX];
    gk_task task;
    int n_train;

    OK(gk_path(path, "%s/ids", folder));
    OK(gk_path(text, "file:%s", path));
    OK(gk_file_replace(path, content, size));
    gk_config *config = make(GK_OP_DIVIDE, 3, 0.5, text);
    OK(gk_task_open(&task, config));
    gk_status status = gk_split(order, &n_train, &task, config);
    if (status == GK_OK) assert_int_equal(n_train, 3);
    gk_task_close(&task);
    unlink(path);
    return status;
}

static void files_give_the_order(void **state)
{
    static const char *const same[] = {"8\n1\n2\n7\n4\n5\n", "8\n1\n2\n7\n4\n5",
                                       "8\r\n1\r\n2\r\n7\r\n4\r\n5\r\n",
                                       "\n8 \n1\t\n\n2\n7\n4\n5\n\n\n"};
    static const int expected[6] = {5, 0, 1, 4, 2, 3};

    (void)state;
    for (size_t i = 0; i < LENGTH(same); i++) {
        int order[6];
        OK(split_file(order, same[i], strlen(same[i])));
        assert_memory_equal(order, expected, sizeof order);
    }
}

static void files_that_do_not_fit_are_refused(void **state)
{
#define CONTENT(text) text, sizeof text - 1
    static const struct {
        const char *content;
        size_t size;
        const char *message;
    } bad[] = {
        {CONTENT("1\n2\n4\n5\n7\n"), "5 of the 6 ids; the first that is missing is 8"},
        {CONTENT(""), "0 of the 6 ids; the first that is missing is 1"},
        {CONTENT("1\n2\n4\n5\n7\n7\n8\n"), ":6: id 7 is already in line 5"},
        {CONTENT("1\n2\n3\n"), ":3: id 3 is no example"},
        {CONTENT("1\n9\n"), ":2: id 9 is no example"},
        {CONTENT("99999999999\n"), ":1: id 99999999999 is no example"},
        {CONTENT("1\n\n2\n-4\n"), ":4: \"-4\" is not an id"},
        {CONTENT("1\ntwo\n"), ":2: \"two\" is not an id"},
        {CONTENT("1 2\n"), ":1: \"1 2\" is not an id"},
        {CONTENT("1\n2.0\n"), ":2: \"2.0\" is not an id"},
        {CONTENT("1\0003\n2\n"), ":1: \"1\" is not an id"},
        {CONTENT("1\n2\n4\n5\n7\n8x"), ":6: \"8x\" is not an id"},
    };
    int order[6];

    (void)state;
    for (size_t i = 0; i < LENGTH(bad); i++) {
        assert_int_equal(split_file(order, bad[i].content, bad[i].size), GK_EUSAGE);
        if (!strstr(gk_message(), bad[i].message) || !strstr(gk_message(), folder))
            fail_msg("the message is: %s\nexpected: %s", gk_message(), bad[i].message);
    }
    char *long_file = gk_alloc(100000, 1);
    memset(long_file, '\n', 100000);
    assert_int_equal(split_file(order, long_file, 100000), GK_EDATA);
    free(long_file);
}

static void refuse(int n, double fraction, const char *text, gk_status status, const char *message)
{
    int order[16], n_train;
    const gk_task task = {.n = n, .p = 1};
    const gk_config *config = make(GK_OP_ADD, 2, fraction, text);

    assert_int_equal(gk_split(order, &n_train, &task, config), status);
    if (!strstr(gk_message(), message)) fail_msg("the message is: %s", gk_message());
}

static void nonsense_is_refused(void **state)
{
    static const char *const bad[] = {"",          "philox",     "philox:",   "philox:x",
                                      "philox: 1", "philox:1.5", "python:-1", "torch_tl:1",
                                      "numpy:1",   "file",       "torch:1 ",  "symmetric:"};

    (void)state;
    for (size_t i = 0; i < LENGTH(bad); i++) refuse(16, 0.5, bad[i], GK_EUSAGE, "task.split");
    refuse(16, 0.5, "file:/nowhere/ids", GK_EIO, "/nowhere/ids");
}

static void empty_sides_are_refused(void **state)
{
    static const char *const texts[] = {"python:1", "torch:1", "philox:1"};

    (void)state;
    for (size_t i = 0; i < LENGTH(texts); i++) {
        refuse(16, 0, texts[i], GK_EUSAGE, "none to train on");
        refuse(16, 0.06, texts[i], GK_EUSAGE, "none to train on");
        refuse(16, 1, texts[i], GK_EUSAGE, "none to test on");
        refuse(1, 0.5, texts[i], GK_EUSAGE, "none to train on");
        refuse(1, 1, texts[i], GK_EUSAGE, "none to test on");
    }
}

/* Two pairs and room for one example: a cut pair leaves nothing to train on. */
static void a_cut_pair_may_leave_nothing(void **state)
{
    int refused = 0, order[4], n_train;
    gk_task task;

    (void)state;
    for (int seed = 0; seed < 20; seed++) {
        char text[32];
        snprintf(text, sizeof text, "symmetric:%d", seed);
        gk_config *config = make(GK_OP_ADD, 2, 0.25, text);
        OK(gk_task_open(&task, config));
        gk_status status = gk_split(order, &n_train, &task, config);
        if (status == GK_OK)
            assert_true(n_train == 1 && (order[0] == 0 || order[0] == 3));
        else
            assert_int_equal(status, GK_EUSAGE);
        refused += status != GK_OK;
        gk_task_close(&task);
    }
    assert_in_range(refused, 1, 19);
}

/* Labels of a + b mod 113, split philox:3, fraction 0.3, `corrupt` of it changed; caller frees. */
static int32_t *labels(double corrupt, int64_t seed, int *n_train, int *n)
{
    gk_config *config = make(GK_OP_ADD, 113, 0.3, "philox:3");
    gk_task task;

    config->task.label_noise = corrupt;
    config->task.label_seed = seed;
    int *order = split(&task, n_train, config);
    int32_t *label = gk_alloc((size_t)task.n, sizeof *label);
    gk_labels(label, order, *n_train, &task, config);
    *n = task.n;
    free(order);
    gk_task_close(&task);
    return label;
}

static void corruption_is_of_training_labels_only(void **state)
{
    static const double fractions[] = {0, 0.0001, 0.1, 0.5, 1};
    int n_train, n, last_changed = 0, offsets[113] = {0};
    int32_t *truth = labels(0, 5, &n_train, &n), *last = labels(0, 5, &n_train, &n);

    (void)state;
    for (size_t f = 0; f < LENGTH(fractions); f++) {
        int32_t *label = labels(fractions[f], 5, &n_train, &n);
        int changed = 0;
        for (int i = 0; i < n; i++) {
            assert_in_range(label[i], 0, 112);
            if (i >= n_train) assert_int_equal(label[i], truth[i]);
            changed += label[i] != truth[i];
            if (last[i] != truth[i]) assert_int_equal(label[i], last[i]);
            if (fractions[f] == 1 && i < n_train) offsets[(label[i] - truth[i] + 113) % 113]++;
        }
        assert_int_equal(changed, (int)floor(fractions[f] * n_train));
        assert_true(changed >= last_changed);
        last_changed = changed;
        free(last);
        last = label;
    }
    for (int d = 1; d < 113; d++) assert_in_range(offsets[d], 10, 65); /* 34.2 +- 5.8 */
    free(truth);
    free(last);
}

static void labels_golden(void **state)
{
    int n_train, n, label[12769];
    gk_task task;

    (void)state;
    int32_t *corrupted = labels(0.1, 5, &n_train, &n);
    assert_int_equal(crc_of(corrupted, n), golden_corrupt_crc);
    free(corrupted);
    gk_config *config = make(GK_OP_RANDOM, 113, 0.5, "philox:0");
    config->task.label_seed = ((int64_t)1 << 33) + 9;
    OK(gk_task_open(&task, config));
    for (int i = 0; i < task.n; i++) {
        int32_t tokens[3];
        task.example(&task, i, tokens, &label[i]);
    }
    assert_memory_equal(label, golden_random_label, sizeof golden_random_label);
    assert_int_equal(crc_of(label, task.n), golden_random_crc);
    gk_task_close(&task);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seeds_give_the_published_orders),
        cmocka_unit_test(known_pairs_come_first),
        cmocka_unit_test(python_0_is_the_split_of_the_oracle),
        cmocka_unit_test(symmetric_keeps_commuted_pairs_together),
        cmocka_unit_test(symmetric_golden),
        cmocka_unit_test(files_give_the_order),
        cmocka_unit_test(files_that_do_not_fit_are_refused),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(empty_sides_are_refused),
        cmocka_unit_test(a_cut_pair_may_leave_nothing),
        cmocka_unit_test(corruption_is_of_training_labels_only),
        cmocka_unit_test(labels_golden),
    };
    return cmocka_run_group_tests_name("splits", tests, make_folder, remove_folder);
}
