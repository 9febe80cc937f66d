/* Drawn tasks, sequences and groups: every example against its definition. */
#include "gk/data.h"
#include "gk/group.h"
#include "lib/support.h"

static void same_everywhere(const gk_task *task, int64_t index, int32_t *tokens, int32_t *labels)
{
    int32_t again[2048];
    int scored = 0;

    task->example(task, index, tokens, labels);
    task->example(task, index, again, again + task->T);
    assert_memory_equal(again, tokens, (size_t)task->T * sizeof *tokens);
    assert_memory_equal(again + task->T, labels, (size_t)task->S * sizeof *labels);
    for (int t = 0; t < task->T; t++) assert_in_range(tokens[t], 0, task->V - 1);
    for (int s = 0; s < task->S; s++) {
        assert_true(labels[s] >= -1 && labels[s] < task->answers);
        scored += labels[s] >= 0;
    }
    assert_int_equal(scored, task->scored);
}

static void digits_add_up(void **state)
{
    static gk_config c;
    gk_task task;
    int32_t t[64], labels[16];

    (void)state;
    CONFIG(&c, "task.name=digits", "task.digits=5", "optim.batch=8");
    OK(gk_task_open(&task, &c));
    assert_true(task.T == 17 && task.S == 6 && task.n_train == 0 && task.batch == 8);
    for (int64_t i = 0; i < 500; i++) {
        int a = 0, b = 0, sum = 0;
        same_everywhere(&task, i << 30, t, labels);
        for (int d = 0; d < 5; d++) {
            a = 10 * a + t[d];
            b = 10 * b + t[6 + d];
        }
        for (int d = 0; d < 6; d++) sum = 10 * sum + labels[d];
        assert_int_equal(sum, a + b);
        assert_true(t[5] == 10 && t[11] == 11);
        assert_memory_equal(t + 12, labels, 5 * sizeof *t); /* given as input, one step later */
    }
    gk_task_close(&task);
}

/* What is scored is the next token, and stands after the same token in the first part too; anywhere
 * in the later parts. */
static void repeats_repeat(void **state)
{
    static gk_config c;
    gk_task task;
    int32_t t[85], labels[85];
    int first = 85, last = 0;

    (void)state;
    CONFIG(&c, "task.name=repeats", "optim.batch=8");
    OK(gk_task_open(&task, &c));
    assert_true(task.T == 85 && task.scored == 30 && task.S == 56);
    for (int64_t i = 0; i < 300; i++) {
        same_everywhere(&task, i, t, labels);
        assert_int_equal(t[0], 0);
        for (int s = 0; s < task.S; s++) {
            int at = task.T - task.S + s;
            bool before = false;
            if (labels[s] < 0) continue;
            assert_int_equal(labels[s], t[at + 1]);
            first = at < first ? at : first;
            last = at > last ? at : last;
            for (int j = 1; j < 28; j++) before |= t[j] == t[at] && t[j + 1] == t[at + 1];
            assert_true(before);
        }
    }
    assert_true(first == 29 && last == 83);
    gk_task_close(&task);
}

static void parity_is_the_product(void **state)
{
    static gk_config c;
    gk_task task;
    int32_t t[40], label;
    int ones = 0;

    (void)state;
    CONFIG(&c, "task.name=parity", "task.examples=1000", "loss.name=hinge");
    OK(gk_task_open(&task, &c));
    assert_true(task.n == 2024 && task.n_train == 1000 && task.outputs == 1);
    for (int64_t i = 0; i < 1000; i++) {
        same_everywhere(&task, i, t, &label);
        assert_int_equal(2 * label - 1, (2 * t[0] - 1) * (2 * t[1] - 1) * (2 * t[2] - 1));
        ones += label;
    }
    assert_in_range(ones, 500 - 80, 500 + 80); /* five standard deviations */
    gk_task_close(&task);
}

static void maxima_and_trigrams_are_there(void **state)
{
    static gk_config c;
    gk_task task;
    int32_t t[16], labels[16];

    (void)state;
    CONFIG(&c, "task.name=maximum", "task.length=16", "task.vocabulary=32", "optim.batch=8");
    OK(gk_task_open(&task, &c));
    for (int64_t i = 0; i < 300; i++) {
        int32_t most = 0;
        same_everywhere(&task, i, t, labels);
        for (int j = 0; j < 16; j++) {
            most = t[j] > most ? t[j] : most;
            assert_int_equal(labels[j], most);
        }
    }
    gk_task_close(&task);
    CONFIG(&c, "task.name=trigrams", "task.length=16", "task.vocabulary=21", "optim.batch=8");
    OK(gk_task_open(&task, &c));
    for (int64_t i = 0; i < 300; i++) {
        int As = 0;
        same_everywhere(&task, i, t, labels);
        for (int j = 0; j < 15; j++) {
            As += t[j] < 10;
            if (t[j] < 10) assert_int_equal(labels[0], t[j]);
        }
        assert_true(As == 1 && t[15] == 20);
    }
    gk_task_close(&task);
}

static void sequences_are_written_out(void **state)
{
    static gk_config c;
    gk_task task;
    int32_t t[8], labels[2];

    (void)state;
    CONFIG(&c, "task.p=7", "task.sequence=aopb=", "task.end_token=on");
    OK(gk_task_open(&task, &c));
    assert_true(task.T == 5 && task.S == 2 && task.V == 9 && task.answers == 8);
    task.example(&task, 7 * 3 + 6, t, labels);
    assert_memory_equal(t, ((int32_t[]){3, 8, 6, 7, 2}), 5 * sizeof *t);
    assert_true(labels[0] == 2 && labels[1] == 7);
    gk_task_close(&task);
    CONFIG(&c, "task.p=7", "task.sequence=ab");
    OK(gk_task_open(&task, &c));
    assert_true(task.T == 2 && task.S == 1 && task.V == 7 && task.answers == 7);
    gk_task_close(&task);
}

static void groups_are_groups(void **state)
{
    static const struct {
        const char *name;
        int n, classes;
    } known[] = {{"S5", 120, 7}, {"S4", 24, 5}, {"A5", 60, 5},      {"A4", 12, 4},
                 {"D7", 14, 5},  {"D4", 8, 5},  {"Z113", 113, 113}, {"S2", 2, 2}};

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        gk_group g;
        OK(gk_group_open(&g, known[i].name));
        assert_int_equal(g.n, known[i].n);
        assert_int_equal(g.classes, known[i].classes);
        for (int x = 0; x < g.n; x++) {
            assert_int_equal(g.product[x * g.n + g.identity], x);
            assert_int_equal(g.product[g.inverse[x] * g.n + x], g.identity);
            for (int y = 0; y < g.n; y++)
                for (int j = 0; j < g.degree; j++)
                    assert_int_equal(g.image[g.product[x * g.n + y] * g.degree + j],
                                     g.image[y * g.degree + g.image[x * g.degree + j]]);
        }
        gk_group_close(&g);
    }
    gk_group g;
    assert_int_equal(gk_group_open(&g, "Q8"), GK_EUSAGE);
    assert_int_equal(gk_group_open(&g, "S7"), GK_EUSAGE);
    assert_int_equal(gk_group_open(&g, "S05"), GK_EUSAGE);
}

/* Sizes of the conjugacy classes of S5, by any textbook: 1 10 20 15 30 20 24. */
static void classes_and_cosets_partition(void **state)
{
    gk_group g;
    int size[7] = {0}, sorted[7] = {1, 10, 15, 20, 20, 24, 30}, coset[120], count[5] = {0};
    uint8_t member[120];

    (void)state;
    OK(gk_group_open(&g, "S5"));
    for (int x = 0; x < g.n; x++) size[g.class_of[x]]++;
    for (int i = 0; i < 7; i++) {
        int found = 0;
        for (int j = 0; j < 7 && !found; j++)
            if (size[j] == sorted[i]) found = 1, size[j] = 0;
        assert_int_equal(found, 1);
    }
    /* (0 1) and (0 1 2 3) generate the permutations that leave 4 where it is: S4 */
    int generator[2] = {0, 0};
    for (int x = 0; x < g.n; x++) {
        if (!memcmp(g.image + 5 * x, (int[]){1, 0, 2, 3, 4}, 5 * sizeof(int))) generator[0] = x;
        if (!memcmp(g.image + 5 * x, (int[]){1, 2, 3, 0, 4}, 5 * sizeof(int))) generator[1] = x;
    }
    assert_int_equal(gk_group_generate(member, &g, generator, 2), 24);
    for (int left = 0; left < 2; left++) {
        assert_int_equal(gk_group_cosets(coset, &g, member, left), 5);
        memset(count, 0, sizeof count);
        for (int x = 0; x < g.n; x++) count[coset[x]]++;
        for (int i = 0; i < 5; i++) assert_int_equal(count[i], 24);
        /* H x: where x takes 4's preimage; with H first, 4 goes to x(4); with H last, x^-1(4) */
        for (int x = 0; x < g.n; x++)
            for (int y = 0; y < g.n; y++) {
                int a = left ? g.inverse[x] : x, b = left ? g.inverse[y] : y;
                assert_int_equal(coset[x] == coset[y], g.image[5 * a + 4] == g.image[5 * b + 4]);
            }
    }
    gk_group_close(&g);
}

static void operations_on_groups(void **state)
{
    static const char *const ops[] = {"xy", "conjugate", "xyx"};
    gk_group g;

    (void)state;
    OK(gk_group_open(&g, "S4"));
    for (int op = 0; op < 3; op++) {
        static gk_config c;
        char set[64];
        gk_task task;
        snprintf(set, sizeof set, "task.group_op=%s", ops[op]);
        CONFIG(&c, "task.name=group", "task.group=S4", set);
        OK(gk_task_open(&task, &c));
        for (int i = 0; i < task.n; i++) {
            int32_t t[3], label;
            int x = i / 24, y = i % 24;
            task.example(&task, i, t, &label);
            assert_true(t[0] == x && t[1] == y && t[2] == 24);
            for (int j = 0; j < 4; j++) {
                int at = g.image[4 * y + g.image[4 * x + j]];
                if (op) at = g.image[4 * (op == 1 ? g.inverse[x] : x) + at];
                assert_int_equal(g.image[4 * label + j], at);
            }
        }
        gk_task_close(&task);
    }
    gk_group_close(&g);
}

/* A pass visits no row twice; the next pass has another order; any step can be the first. */
static void batches_are_a_function_of_the_step(void **state)
{
    static gk_config c;
    lab l;
    int32_t all[3][GK_RING * 8];

    (void)state;
    CONFIG(&c, "task.p=7", "task.train_fraction=0.6", "optim.batch=8", "model.d_model=8",
           "model.heads=1", "model.d_head=8", "model.d_mlp=8");
    lab_open(&l, &c, 1, "ref", 1);
    gk_feed *feed = &l.batch.feed[0];
    assert_int_equal(feed->n_train, 29); /* 3 batches of 8 a pass */
    gk_feed_steps(feed, &l.batch.data, 0, 0, GK_RING, l.batch.be);
    memcpy(all[0], feed->index, sizeof all[0]);
    for (int pass = 0; pass < 21; pass++) {
        int seen[29] = {0};
        for (int i = 0; i < 24; i++) assert_int_equal(seen[all[0][24 * pass + i]]++, 0);
    }
    assert_memory_not_equal(all[0], all[0] + 24, 24 * sizeof(int32_t));
    feed->pass = -1;
    gk_feed_steps(feed, &l.batch.data, 0, 50, 3, l.batch.be);
    assert_memory_equal(feed->index, all[0], sizeof all[0]);
    gk_feed_steps(feed, &l.batch.data, 0, GK_RING, 1, l.batch.be);
    assert_memory_not_equal(feed->index, all[0], 8 * sizeof(int32_t));
    lab_close(&l);
}

/* The last batch of a pass is what is left over, again and again. */
static void leftover_rows_fill_a_batch(void **state)
{
    static gk_config c;
    lab l;

    (void)state;
    CONFIG(&c, "task.p=7", "task.train_fraction=0.6", "optim.batch=8", "optim.leftover=repeat",
           "model.d_model=8", "model.heads=1", "model.d_head=8", "model.d_mlp=8");
    lab_open(&l, &c, 1, "ref", 1);
    gk_feed_steps(&l.batch.feed[0], &l.batch.data, 0, 0, GK_RING, l.batch.be);
    for (int pass = 0; pass < GK_RING / 4; pass++) {
        const int32_t *index = l.batch.feed[0].index + 32 * pass;
        int seen[29] = {0}; /* 3 batches, and one of the last 5 */
        for (int i = 0; i < 29; i++) assert_int_equal(seen[index[i]]++, 0);
        for (int i = 29; i < 32; i++) assert_int_equal(index[i], index[i - 5]);
    }
    lab_close(&l);
}

/* Updates in one go or in two halves end at the same weights: of minibatches and of streams. */
static void batches_do_not_depend_on_stops(void **state)
{
    static const char *const tasks[][2] = {{"task.p=7", "task.train_fraction=0.6"},
                                           {"task.name=digits", "task.digits=1"},
                                           {"task.name=parity", "task.examples=60"}};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        static gk_config c;
        gk_real *weights[2];
        size_t bytes = 0;
        for (int halves = 0; halves < 2; halves++) {
            lab l;
            CONFIG(&c, tasks[i][0], tasks[i][1], "optim.batch=8", "model.d_model=8",
                   "model.heads=1", "model.d_head=8", "model.d_mlp=8", "task.bits=5",
                   "task.test_examples=20");
            lab_open(&l, &c, 1, "ref", 1);
            bytes = gk_parameters(&l.batch.size.shape) * sizeof(gk_real);
            if (halves) {
                gk_row row;
                lab_advance(&l, 37);
                lab_measure(&l, &row); /* a look changes nothing */
                lab_advance(&l, 63);
            } else
                lab_advance(&l, 100);
            weights[halves] = lab_get(&l, &l.batch.model.params, 0);
            lab_close(&l);
        }
        assert_memory_equal(weights[0], weights[1], bytes);
        free(weights[0]);
        free(weights[1]);
    }
}

static void what_cannot_be_is_refused(void **state)
{
    static gk_config c;
    gk_task task;

    (void)state;
    CONFIG(&c, "task.name=digits");
    assert_int_equal(gk_task_open(&task, &c), GK_EUSAGE);
    assert_non_null(strstr(gk_message(), "optim.batch"));
    gk_task_close(&task);
    CONFIG(&c, "task.name=digits", "optim.batch=8", "task.split=python:0");
    assert_int_equal(gk_task_open(&task, &c), GK_EUSAGE);
    assert_non_null(strstr(gk_message(), "task.split"));
    gk_task_close(&task);
    CONFIG(&c, "task.name=repeats", "optim.batch=8", "task.length=48");
    assert_int_equal(gk_task_open(&task, &c), GK_EUSAGE);
    assert_non_null(strstr(gk_message(), "task.length"));
    gk_task_close(&task);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digits_add_up),
        cmocka_unit_test(repeats_repeat),
        cmocka_unit_test(parity_is_the_product),
        cmocka_unit_test(maxima_and_trigrams_are_there),
        cmocka_unit_test(sequences_are_written_out),
        cmocka_unit_test(groups_are_groups),
        cmocka_unit_test(classes_and_cosets_partition),
        cmocka_unit_test(operations_on_groups),
        cmocka_unit_test(batches_are_a_function_of_the_step),
        cmocka_unit_test(leftover_rows_fill_a_batch),
        cmocka_unit_test(batches_do_not_depend_on_stops),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests_name("drawn", tests, NULL, NULL);
}
