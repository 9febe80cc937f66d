/* What a sweep stands for: every form expanded to the exact list of its points. */
#include "lib/sweep.h"

#include <stdio.h>

static void test_product(void **state)
{
    (void)state;
    expands("task: {p: 7}", "index\n0\n");
    assert_int_equal(config_of(0).task.p, 7);
    expands("optim:\n  lr: [1e-3, 0.01]\nseed: [5, 7]\ntask: {op: [add, subtract]}\n",
            "index,optim.lr,seed,task.op\n"
            "0,0.001,5,add\n1,0.001,5,subtract\n2,0.001,7,add\n3,0.001,7,subtract\n"
            "4,0.01,5,add\n5,0.01,5,subtract\n6,0.01,7,add\n7,0.01,7,subtract\n");
    gk_config c = config_of(6);
    assert_true(c.optim.lr == 0.01 && c.task.op == GK_OP_ADD && c.optim.weight_decay == 1);
    assert_string_equal(c.task.split, "philox:7");
    assert_string_equal(c.model.init, "philox:7");
}

/* A point is the config that its values make when they stand in the file alone. */
static void test_points_are_configs(void **state)
{
    const char *single = "optim: {lr: 0.01}\nmodel: {init: 'torch:1', d_mlp: 64}\n"
                         "run: {stop_test_loss: null}\ntask: {split: 'file:x'}";
    gk_config expected, c;

    (void)state;
    expands("optim: {lr: [0.1, 0.01]}\nmodel: {init: ['torch:0', 'torch:1'], d_mlp: 64}\n"
            "run: {stop_test_loss: [0.5, null]}\ntask: {split: ['python:0', 'file:x']}",
            "index,optim.lr,model.init,run.stop_test_loss,task.split\n"
            "0,0.1,torch:0,0.5,python:0\n1,0.1,torch:0,0.5,file:x\n"
            "2,0.1,torch:0,null,python:0\n3,0.1,torch:0,null,file:x\n"
            "4,0.1,torch:1,0.5,python:0\n5,0.1,torch:1,0.5,file:x\n"
            "6,0.1,torch:1,null,python:0\n7,0.1,torch:1,null,file:x\n"
            "8,0.01,torch:0,0.5,python:0\n9,0.01,torch:0,0.5,file:x\n"
            "10,0.01,torch:0,null,python:0\n11,0.01,torch:0,null,file:x\n"
            "12,0.01,torch:1,0.5,python:0\n13,0.01,torch:1,0.5,file:x\n"
            "14,0.01,torch:1,null,python:0\n15,0.01,torch:1,null,file:x\n");
    c = config_of(15);
    assert_int_equal(gk_config_parse(&expected, "y", single, strlen(single), NULL, 0), GK_OK);
    assert_memory_equal(&c, &expected, sizeof c);
}

/* One way to write a number; whole ones stay whole. */
static void test_values(void **state)
{
    (void)state;
    expands("optim: {weight_decay: [7, 7.5, 5.0, +3, -0.0, .1e0, 1e-9, 1E5, 123456.789]}",
            "index,optim.weight_decay\n0,7\n1,7.5\n2,5\n3,3\n4,0\n5,0.1\n6,1.0e-09\n7,100000\n"
            "8,123456.789\n");
    assert_true(config_of(8).optim.weight_decay == 123456.789);
    expands("run: {epochs: [5e4, 7.0, 1]}", "index,run.epochs\n0,50000\n1,7\n2,1\n");
    expands("seed: [18446744073709551615, 0, 007]",
            "index,seed\n0,18446744073709551615\n1,0\n2,7\n");
}

static void test_range(void **state)
{
    (void)state;
    expands("seed: {range: [0, 3]}", "index,seed\n0,0\n1,1\n2,2\n");
    expands("task: {p: {range: [97, 120, 8]}}", "index,task.p\n0,97\n1,105\n2,113\n");
    expands("task: {p: {range: [9, 3, -2]}}", "index,task.p\n0,9\n1,7\n2,5\n");
    expands("seed: {range: [9223372036854775805, 9223372036854775807]}",
            "index,seed\n0,9223372036854775805\n1,9223372036854775806\n");
    expands("task: {train_fraction: {range: [0.1, 1.0, 0.1]}}", /* 3 x 0.1 and 0.9 as written */
            "index,task.train_fraction\n0,0.1\n1,0.2\n2,0.3\n3,0.4\n4,0.5\n5,0.6\n6,0.7\n7,0.8\n"
            "8,0.9\n");
    expands("optim: {weight_decay: {range: [0, 0.3, 0.1]}}", /* to is exclusive in decimals too */
            "index,optim.weight_decay\n0,0\n1,0.1\n2,0.2\n");
    expands("optim: {weight_decay: {range: [1.5, -0.5, -0.5]}}",
            "index,optim.weight_decay\n0,1.5\n1,1\n2,0.5\n3,0\n");
}

/* The expected digits: decimal arithmetic of 40 digits, rounded to double. */
static void test_log(void **state)
{
    (void)state;
    expands("optim: {weight_decay: {log: [0.01, 10, 7]}}",
            "index,optim.weight_decay\n0,0.01\n1,0.03162277660168379\n2,0.1\n"
            "3,0.31622776601683794\n4,1\n5,3.1622776601683795\n6,10\n");
    expands("optim: {lr: {log: [10, 0.01, 4]}}", "index,optim.lr\n0,10\n1,1\n2,0.1\n3,0.01\n");
    expands("optim: {lr: {log: [1e-5, 3, 6]}}",
            "index,optim.lr\n0,0.00001\n1,0.00012457309396155173\n2,0.0015518455739153597\n"
            "3,0.019331820449317628\n4,0.2408224685280692\n5,3\n");
    expands("optim: {lr: {log: [0.3, 0.7, 2]}}", "index,optim.lr\n0,0.3\n1,0.7\n");
    expands("optim: {eps: {log: [9e-305, 1, 2]}}", "index,optim.eps\n0,9.0e-305\n1,1\n");
    expands("optim: {eps: {log: [1, 9e-305, 2]}}", "index,optim.eps\n0,1\n1,9.0e-305\n");
    expands("model: {d_mlp: {log: [1, 1000, 4]}}", "index,model.d_mlp\n0,1\n1,10\n2,100\n3,1000\n");
    expands("model: {d_mlp: {log: [1, 6, 8]}}", /* 1 1.3 1.7 2.2 2.8 3.6 4.6 6 */
            "index,model.d_mlp\n0,1\n1,2\n2,3\n3,4\n4,5\n5,6\n");
}

/* Whole numbers and switches as a config takes them, in lists and inside of forms. */
static void test_spellings(void **state)
{
    gk_text plain = {0};

    (void)state;
    expands("seed: [1e3, 7.0, +2, 9007199254740993.0]",
            "index,seed\n0,1000\n1,7\n2,2\n3,9007199254740993\n");
    expands("seed: {range: [1e1, 1.2e1]}", "index,seed\n0,10\n1,11\n");
    expands("task: {p: {range: [97.0, 1e2, 2e0]}}", "index,task.p\n0,97\n1,99\n");
    expands("seed: {range: [1.8446744073709551613e19, 18446744073709551615]}",
            "index,seed\n0,18446744073709551613\n1,18446744073709551614\n");
    expands("model: {d_mlp: {log: [1, 1e3, 4.0]}}",
            "index,model.d_mlp\n0,1\n1,10\n2,100\n3,1000\n");
    assert_int_equal(parse("seed: {uniform: [1, 99]}\nrandom: {n: 3, seed: 20}"), GK_OK);
    gk_sweep_points_csv(&plain, &sweep);
    expands("seed: {uniform: [1.0, 9.9e1]}\nrandom: {n: 3.0, seed: 2e1}", plain.data);
    gk_text_free(&plain);
    expands("model: {biases: [true, No], final_norm: [off, Yes]}",
            "index,model.biases,model.final_norm\n0,on,off\n1,on,on\n2,off,off\n3,off,on\n");
    assert_int_equal(parse("model: {biases: [on, true]}"), GK_EUSAGE);
    assert_string_equal(gk_message(), "x.yaml: runs 0 and 1 are the same: model.biases=on");
    assert_int_equal(parse("model: {d_mlp: {log: [1, 10, 2.5]}}"), GK_EUSAGE);
    assert_string_equal(gk_message(),
                        "x.yaml:1: model.d_mlp: log expects from 2 to 1000000 values, not 2.5");
    assert_int_equal(parse("seed: [1, 2]\nrandom: {n: 0.5}"), GK_EUSAGE);
    assert_string_equal(gk_message(),
                        "x.yaml:2: random.n expects a whole number from 1 to 1000000, not \"0.5\"");
}

static void test_zip(void **state)
{
    (void)state;
    expands("seed: [1, 2]\noptim: {lr: [0.1, 0.2], beta1: [0.5, 0.6], weight_decay: [3, 4]}\n"
            "zip: [[optim.weight_decay, optim.lr]]\n",
            "index,seed,optim.lr,optim.beta1,optim.weight_decay\n"
            "0,1,0.1,0.5,3\n1,1,0.1,0.6,3\n2,1,0.2,0.5,4\n3,1,0.2,0.6,4\n"
            "4,2,0.1,0.5,3\n5,2,0.1,0.6,3\n6,2,0.2,0.5,4\n7,2,0.2,0.6,4\n");
    expands("zip: [[optim.lr, seed], [task.p, model.d_mlp]]\nseed: {range: [5, 7]}\n"
            "optim: {lr: {log: [0.1, 1, 2]}}\ntask: {p: [5, 7]}\nmodel: {d_mlp: [1, 2]}\n",
            "index,seed,optim.lr,task.p,model.d_mlp\n"
            "0,5,0.1,5,1\n1,5,0.1,7,2\n2,6,1,5,1\n3,6,1,7,2\n");
    expands("optim: {lr: [1, 1, 2], beta1: [0, 0.5, 0]}\nzip: [[optim.lr, optim.beta1]]",
            "index,optim.lr,optim.beta1\n0,1,0\n1,1,0.5\n2,2,0\n");
}

/* --set covers what the file sweeps. */
static void test_sets(void **state)
{
    const char *yaml = "seed: [1, 2]\noptim: {lr: [0.1, 0.2], beta1: [0.5, 0.6]}\n"
                       "zip: [[optim.lr, optim.beta1]]\n";
    const char *const lr = "optim.lr=0.3", *const seed = "seed=9";
    const char *const split[] = {"task.split=python:3", "optim.lr=1"};
    const char *const init = "model.init=torch:3";
    const char *const both[] = {"task.split=python:3", "model.init=torch:3"};

    (void)state;
    assert_int_equal(parse_with("x.yaml", yaml, &lr, 1), GK_OK);
    points_are("index,seed,optim.beta1\n0,1,0.5\n1,1,0.6\n2,2,0.5\n3,2,0.6\n");
    assert_true(config_of(3).optim.lr == 0.3);
    assert_int_equal(parse_with("x.yaml", yaml, &seed, 1), GK_OK);
    points_are("index,optim.lr,optim.beta1\n0,0.1,0.5\n1,0.2,0.6\n");
    assert_string_equal(config_of(1).task.split, "philox:9");
    assert_int_equal(parse_with("x.yaml", yaml, split, 2), GK_OK); /* half of the seed is left */
    points_are("index,seed,optim.beta1\n0,1,0.5\n1,1,0.6\n2,2,0.5\n3,2,0.6\n");
    assert_string_equal(config_of(3).task.split, "python:3");
    assert_string_equal(config_of(3).model.init, "philox:2");
    assert_int_equal(parse_with("x.yaml", yaml, &init, 1), GK_OK);
    assert_string_equal(config_of(3).task.split, "philox:2");
    assert_string_equal(config_of(3).model.init, "torch:3");
    assert_int_equal(parse_with("x.yaml", yaml, both, 2), GK_OK); /* nothing is left of it */
    points_are("index,optim.lr,optim.beta1\n0,0.1,0.5\n1,0.2,0.6\n");
    assert_string_equal(config_of(1).model.init, "torch:3");
}

/* The expected values: Philox and decimal logarithms computed apart from this program. */
#define DRAWS                                                                                      \
    "seed: {uniform: [0, 3000]}\noptim: {lr: {log: [0.001, 10]}, warmup: {log: [1, 1000, 4]}}\n"   \
    "task: {train_fraction: {uniform: [0.2, 0.5]}, op: [add, subtract, divide]}\n"
#define DRAWN                                                                                      \
    "index,seed,optim.lr,optim.warmup,task.train_fraction,task.op\n"                               \
    "0,1531,0.0026722662739400607,71,0.24385866001125708,add\n"                                    \
    "1,1598,1.4145393886447715,4,0.4068134475696524,add\n"                                         \
    "2,2231,1.8260561674704285,363,0.32145270591738173,divide\n"

static void test_random(void **state)
{
    (void)state;
    expands("random: {n: 3, seed: 7}\n" DRAWS, DRAWN);
    expands(DRAWS "random: {seed: 7, n: 4}\n",
            DRAWN "3,2114,0.004726513932341222,1,0.23631237189972723,subtract\n");
    expands("random: {n: 3, seed: 7}\noptim: {lr: {log: [0.001, 10]}}\n", /* a key alone */
            "index,optim.lr\n0,0.0026722662739400607\n1,1.4145393886447715\n"
            "2,1.8260561674704285\n");
}

/* Zipped keys draw together, and log: with a number of values is then a list. */
static void test_random_zip(void **state)
{
    char row[64];

    (void)state;
    assert_int_equal(parse("random: {n: 300}\noptim: {lr: {log: [0.001, 1, 4]}}\nseed: "
                           "{uniform: [1, 1000000000]}\ntask: {p: [5, 7, 11, 13]}\n"
                           "zip: [[optim.lr, task.p]]\n"),
                     GK_OK);
    int seen[4] = {0};
    for (int i = 0; i < 300; i++) {
        static const char *const lr[] = {"0.001", "0.01", "0.1", "1"};
        static const char *const p[] = {"5", "7", "11", "13"};
        const char **value = sweep.value + (ptrdiff_t)3 * i;
        int k = 0;
        while (k < 4 && strcmp(value[0], lr[k]) != 0) k++;
        assert_true(k < 4);
        assert_string_equal(value[2], p[k]);
        seen[k]++;
        snprintf(row, sizeof row, "philox:%s", value[1]);
        assert_string_equal(config_of(i).task.split, row);
    }
    for (int k = 0; k < 4; k++) assert_in_range(seen[k], 30, 120); /* 75 +- 6 sigma */
}

/* Draws stay between the ends and fill what lies between them. */
static void test_random_ends(void **state)
{
    int64_t least = INT64_MAX, most = 0;
    double low = 1, high = 0;

    (void)state;
    assert_int_equal(parse("random: {n: 2000}\ntask: {p: {uniform: [5, 8]}}\n"
                           "optim: {beta1: {uniform: [0.25, 0.5]}}"),
                     GK_OK);
    for (int i = 0; i < sweep.n; i++) {
        gk_config c = config_of(i);
        least = c.task.p < least ? c.task.p : least;
        most = c.task.p > most ? c.task.p : most;
        low = fmin(low, c.optim.beta1);
        high = fmax(high, c.optim.beta1);
    }
    assert_int_equal(least, 5);
    assert_int_equal(most, 8);
    assert_true(low >= 0.25 && low < 0.2525 && high < 0.5 && high > 0.4975); /* (1-1/100)^2000 */
}

static void test_csv_text(void **state)
{
    (void)state;
    expands("run: {hook: ['a,b', 'say \"x\"', ' c', '', 'null', plain text]}",
            "index,run.hook\n0,\"a,b\"\n1,\"say \"\"x\"\"\"\n2,\" c\"\n3,\n4,null\n5,plain text\n");
    assert_string_equal(config_of(4).run.hook, "null");
    assert_string_equal(config_of(3).run.hook, "");
}

static void test_run_dir(void **state)
{
    char dir[GK_PATH_MAX], long_one[GK_PATH_MAX];

    (void)state;
    assert_int_equal(gk_sweep_run_dir(dir, "a/b", 7), GK_OK);
    assert_string_equal(dir, "a/b/runs/00007");
    assert_int_equal(gk_sweep_run_dir(dir, ".", 123456), GK_OK);
    assert_string_equal(dir, "./runs/123456");
    memset(long_one, 'a', sizeof long_one - 1);
    long_one[sizeof long_one - 1] = 0;
    assert_int_equal(gk_sweep_run_dir(dir, long_one, 7), GK_EUSAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_product),     cmocka_unit_test(test_points_are_configs),
        cmocka_unit_test(test_values),      cmocka_unit_test(test_range),
        cmocka_unit_test(test_log),         cmocka_unit_test(test_spellings),
        cmocka_unit_test(test_zip),         cmocka_unit_test(test_sets),
        cmocka_unit_test(test_random),      cmocka_unit_test(test_random_zip),
        cmocka_unit_test(test_random_ends), cmocka_unit_test(test_csv_text),
        cmocka_unit_test(test_run_dir),
    };
    return cmocka_run_group_tests(tests, NULL, close_sweep);
}
