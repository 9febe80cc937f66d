/* Models beyond the paper's: the first updates of a small model of each family against PyTorch
 * (golden/families.py), gradients against central differences, backends against each other, a run
 * alone against the same run in a batch, and what is refused. */
#include "lib/differences.h"
#include "golden/families.h"
#include "lib/tolerance.h"

#include <unistd.h>

#define LENGTH(array) (sizeof(array) / sizeof *(array))

static void config_of(gk_config *config, const struct golden_family *family)
{
    int n = 0;

    while (family->sets[n]) n++;
    make_config(config, family->sets, n);
}

/* The golden examples in place of the task's own. */
static void put_examples(lab *l, const struct golden_family *family)
{
    gk_set *train = &l->batch.data.train;
    size_t B = (size_t)family->B;

    assert_true(train->B == family->B && train->T == family->T && train->S == family->S);
    l->be.upload(&l->be, train->token, family->token, B * (size_t)family->T * sizeof(int32_t));
    l->be.upload(&l->be, train->label, family->label, B * (size_t)family->S * sizeof(int32_t));
}

/* Both compute the same thing up to rounding, eps for the loss and, through the weights, some ten
 * times that for each of 20 updates: 200 eps. (Measured: 4e-16 and 2e-7.) */
static void losses_are_pytorchs(void **state)
{
    double limit = 200 * (sizeof(gk_real) == 4 ? FLT_EPSILON / 2 : DBL_EPSILON / 2);

    (void)state;
    for (size_t i = 0; i < LENGTH(golden_families); i++) {
        const struct golden_family *family = &golden_families[i];
        gk_config c;
        lab l;
        config_of(&c, family);
        c.device.plan = GK_PLAN_OPS; /* tables keep pairs of their own */
        lab_open(&l, &c, 1, "auto", 2);
        put_examples(&l, family);
        for (int t = 0; t < GOLDEN_STEPS; t++) {
            lab_advance(&l, 1);
            double loss = l.batch.slot[0].loss;
            if (!(fabs(loss - family->loss[t]) <= limit * family->loss[t]))
                fail_msg("%s: loss %d is %.17g, expected %.17g, off by %.3g", family->name, t, loss,
                         family->loss[t], loss / family->loss[t] - 1);
        }
        lab_close(&l);
    }
}

#define PAIRS                                                                                      \
    "task.p=5", "task.train_fraction=0.6", "model.d_model=6", "model.heads=2", "model.d_head=3",   \
        "model.d_mlp=7"
#define HIDDEN_LAYER                                                                               \
    "task.p=5", "task.train_fraction=0.6", "task.sequence=ab", "model.kind=mlp", "model.d_mlp=9",  \
        "model.d_model=6"

/* Kinks of ReLU and hinge are far from where the seeds are. */
static const char *const differentiated[][20] = {
    {PAIRS, "task.sequence=aopb=", "task.end_token=on", "model.layers=2", "model.norm=post",
     "model.positions=sinusoidal"},
    {PAIRS, "task.end_token=on", "model.layers=2", "model.norm=pre", "model.final_norm=on"},
    {PAIRS, "model.norm=post", "model.final_norm=on", "model.activation=gelu"},
    {PAIRS, "model.d_mlp=0", "model.layers=2", "model.norm=post", "model.positions=none"},
    {PAIRS, "model.d_mlp=0", "model.layers=2", "model.norm=pre"},
    {PAIRS, "model.d_mlp=0", "model.layers=2", "model.residual=doubled", "task.end_token=on"},
    {"task.name=repeats", "task.length=13", "task.vocabulary=6", "task.repeats=2",
     "task.repeat_length=4", "task.examples=3", "task.test_examples=2", "model.layers=2",
     "model.d_model=6", "model.heads=2", "model.d_head=3", "model.d_mlp=0"},
    {"task.name=digits", "task.digits=2", "task.examples=5", "task.test_examples=2",
     "model.d_model=6", "model.heads=2", "model.d_head=3", "model.d_mlp=7"},
    {PAIRS, "model.layers=2", "model.norm=post", "model.dropout=0.3", "optim.seed=3"},
    {PAIRS, "model.layers=2", "model.norm=pre", "model.dropout=0.3"},
    {PAIRS, "model.dropout=0.2", "optim.weight_noise=0.1", "task.end_token=on"},
    {PAIRS, "model.attention_biases=on", "model.unembed_bias=on"},
    {PAIRS, "model.attention_biases=on", "model.layers=2", "model.norm=pre", "model.d_mlp=0"},
    {PAIRS, "loss.name=mse", "model.activation=gelu_erf"},
    {PAIRS, "loss.name=hinge"},
    {HIDDEN_LAYER},
    {HIDDEN_LAYER, "model.input=onehot", "loss.name=mse"},
    {HIDDEN_LAYER, "model.input=onehot", "model.biases=off", "optim.weight_noise=0.05"},
    {"task.name=parity", "task.bits=8", "task.support=2", "task.examples=12",
     "task.test_examples=4", "model.kind=mlp", "model.input=signs", "model.d_mlp=9",
     "loss.name=hinge"},
};

static void make_differentiated(gk_config *config, size_t i)
{
    const char *const *set = differentiated[i];
    int n = 0;

    while (n < 20 && set[n]) n++;
    make_config(config, set, n);
}

static void gradients_are_differences(void **state)
{
    gk_config c;

    (void)state;
    for (size_t i = 0; i < LENGTH(differentiated); i++) {
        make_differentiated(&c, i);
        print_message("%zu: %s\n", i, differentiated[i][LENGTH(differentiated[i]) > 6 ? 6 : 0]);
        check_gradients(&c);
    }
}

/* Ten updates on every backend of this build give the losses of `ref`, up to float's rounding. */
static void backends_agree(void **state)
{
    const char *help, *name;

    (void)state;
    for (int i = 0; (name = gk_backend_name(i, &help)); i++) {
        gk_backend there;
        if (!opens(&there, name)) continue;
        gk_backend_close(&there);
        for (size_t j = 0; j < LENGTH(differentiated); j++) {
            gk_config c;
            lab ref, other;
            make_differentiated(&c, j);
            c.optim.warmup = 0;
            lab_open(&ref, &c, 1, "ref", 1);
            lab_open(&other, &c, 1, name, 2);
            for (int t = 0; t < 10; t++) {
                lab_advance(&ref, 1);
                lab_advance(&other, 1);
                CLOSE(other.batch.slot[0].loss, ref.batch.slot[0].loss, 2e-5);
            }
            lab_close(&ref);
            lab_close(&other);
        }
    }
}

static void same_bytes(lab *a, int r, lab *b, int q)
{
    const gk_params *from[] = {&a->batch.model.params, &a->batch.model.m, &a->batch.model.v},
                    *to[] = {&b->batch.model.params, &b->batch.model.m, &b->batch.model.v};

    for (int i = 0; i < 3; i++) {
        gk_real *x = lab_get(a, from[i], r), *y = lab_get(b, to[i], q);
        assert_memory_equal(x, y, gk_parameters(&a->batch.size.shape) * sizeof *x);
        free(x);
        free(y);
    }
}

/* All that a step may have: minibatches, dropout, noise, decay towards the initial weights. */
#define BUSY                                                                                       \
    PAIRS, "task.p=7", "model.layers=2", "model.norm=post", "model.dropout=0.25", "optim.batch=5", \
        "optim.decay_to=init", "optim.warmup=0", "optim.lr=0.01"

static void a_run_is_the_same_in_a_batch(void **state)
{
    gk_config c[3];
    lab batch, alone;

    (void)state;
    CONFIG(&c[0], BUSY, "seed=1", "optim.weight_noise=0.1");
    CONFIG(&c[1], BUSY, "seed=2", "optim.weight_noise=0.2", "optim.seed=5");
    CONFIG(&c[2], BUSY, "seed=3", "optim.weight_noise=0.3", "optim.weight_decay=0.1");
    lab_open(&batch, c, 3, "auto", 2);
    lab_advance(&batch, 12);
    for (int r = 0; r < 3; r++) {
        lab_open(&alone, &c[r], 1, "auto", 1 + 2 * (r % 2));
        lab_advance(&alone, 12);
        same_bytes(&alone, 0, &batch, r);
        lab_close(&alone);
    }
    lab_close(&batch);
}

/* Five updates, then weights and moments taken to another batch for five more: ten updates. */
static void a_run_goes_on(void **state)
{
    gk_config c;
    lab whole, first, second;

    (void)state;
    CONFIG(&c, BUSY, "optim.weight_noise=0.1");
    lab_open(&whole, &c, 1, "auto", 1);
    lab_advance(&whole, 10);
    lab_open(&first, &c, 1, "auto", 1);
    lab_advance(&first, 5);
    gk_batch_get(&first.batch, 0);
    OK(first.be.sync(&first.be));
    lab_open(&second, &c, 1, "auto", 1);
    gk_stage_copy(&second.batch.stage, &first.batch.stage, &first.batch.size.shape);
    gk_batch_put(&second.batch, 0);
    gk_batch_set_slot(&second.batch, 0, &c, 5, -1);
    gk_batch_upload_slots(&second.batch);
    lab_advance(&second, 5);
    same_bytes(&whole, 0, &second, 0);
    lab_close(&whole);
    lab_close(&first);
    lab_close(&second);
}

/* Dropout and noise are there in a step, other ones in the next, and not in what is measured or
 * kept: at learning rate 0 a run stands still. */
static void noise_is_of_training_only(void **state)
{
    static const char *const noisy[] = {"model.dropout=0.4", "optim.weight_noise=0.2"};

    (void)state;
    for (int i = 0; i < 2; i++) {
        gk_config calm, wild;
        lab a, b;
        double plain[2], kept[2];
        CONFIG(&calm, PAIRS, "optim.lr=0");
        CONFIG(&wild, PAIRS, "optim.lr=0", noisy[i]);
        calm.device.plan = wild.device.plan = GK_PLAN_OPS;
        lab_open(&a, &calm, 1, "auto", 1);
        lab_open(&b, &wild, 1, "auto", 1);
        gk_evaluate(&a.batch.plan, &a.batch.data.train, plain);
        gk_evaluate(&b.batch.plan, &b.batch.data.train, kept);
        assert_memory_equal(plain, kept, sizeof plain);
        double loss = plain[0] / a.batch.data.train.B;
        lab_advance(&b, 1);
        double first = b.batch.slot[0].loss;
        lab_advance(&b, 1);
        double second = b.batch.slot[0].loss;
        assert_true(fabs(first - loss) > 1e-4 * loss && fabs(second - loss) > 1e-4 * loss);
        assert_true(fabs(second - first) > 1e-4 * loss);
        gk_evaluate(&b.batch.plan, &b.batch.data.train, kept);
        assert_memory_equal(plain, kept, sizeof plain);
        gk_real *start = lab_get(&a, &a.batch.model.params, 0),
                *end = lab_get(&b, &b.batch.model.params, 0);
        assert_memory_equal(start, end, gk_parameters(&a.batch.size.shape) * sizeof *start);
        free(start);
        free(end);
        lab_close(&a);
        lab_close(&b);
    }
}

/* Rows go through the network 4 at a time or all at once: the same gradient up to the rounding of
 * sums over the rows and positions of the batch, and the same activations dropped. */
static void blocks_do_not_matter(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(differentiated); i++) {
        gk_config c;
        lab l;
        double loss[2];
        gk_real *gradient[2];
        make_differentiated(&c, i);
        lab_open(&l, &c, 1, "ref", 1);
        for (int cut = 0; cut < 2; cut++) {
            if (cut) l.batch.model.rows = 4;
            loss[cut] = step_loss(&l);
            gradient[cut] = lab_get(&l, &l.batch.model.grads, 0);
        }
        size_t n = gk_parameters(&l.batch.size.shape), sums = (size_t)l.batch.data.train.B * 16;
        assert_near(loss[1], loss[0], gk_verify_limit(4, (double)sums));
        assert_error(error_of(gradient[1], gradient[0], n), gk_verify_limit(4, (double)sums));
        free(gradient[0]);
        free(gradient[1]);
        lab_close(&l);
    }
}

/* Weights go to a file and come back, in every family; a layer norm must not be missing. */
static void files_hold_every_family(void **state)
{
    char folder[] = P_tmpdir "/grokc-families-XXXXXX", path[64];

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/w.safetensors", folder);
    for (size_t i = 0; i < LENGTH(differentiated); i++) {
        gk_config c;
        gk_batch_size size;
        make_differentiated(&c, i);
        OK(gk_batch_size_of(&size, &c, 1));
        gk_shape *s = &size.shape, more = *s;
        size_t n = gk_parameters(s);
        gk_real *saved = gk_alloc(n, sizeof *saved), *loaded = gk_alloc(n, sizeof *loaded);
        OK(gk_init(saved, s, &c));
        OK(gk_checkpoint_save(path, s, saved, 0));
        OK(gk_checkpoint_load(path, s, loaded));
        assert_memory_equal(saved, loaded, n * sizeof *saved);
        more.final_norm = true;
        if (s->kind == GK_TRANSFORMER && !s->final_norm)
            assert_int_equal(gk_checkpoint_load(path, &more, NULL), GK_EDATA);
        free(saved);
        free(loaded);
    }
    unlink(path);
    rmdir(folder);
}

static void refuse(const char *const *sets, const char *why)
{
    gk_config c;
    gk_batch_size size;
    int n = 0;

    while (n < 20 && sets[n]) n++;
    gk_status status = gk_config_load(&c, NULL, sets, n);
    if (status == GK_OK) status = gk_batch_size_of(&size, &c, 1);
    if (status != GK_EUSAGE || !strstr(gk_message(), why))
        fail_msg("status %d, \"%s\" in place of \"%s\"", status, gk_message(), why);
}

static void what_makes_no_sense_is_refused(void **state)
{
    static const struct {
        const char *sets[20], *why;
    } bad[] = {
        {{"model.kind=mlp", "model.layers=2"}, "model.layers cannot be so with model.kind mlp"},
        {{"model.kind=mlp", "model.norm=pre"}, "model.norm cannot be so"},
        {{"model.kind=mlp", "model.final_norm=on"}, "model.final_norm cannot be so"},
        {{"model.kind=mlp", "model.attention_biases=on"}, "model.attention_biases cannot be so"},
        {{"model.kind=mlp", "model.unembed_bias=on"}, "model.unembed_bias cannot be so"},
        {{"model.kind=mlp", "model.positions=none"}, "model.positions cannot be so"},
        {{"model.kind=mlp", "model.dropout=0.1"}, "model.dropout cannot be so"},
        {{"model.kind=mlp", "model.init=torch:0"}, "model.init cannot be so"},
        {{"model.kind=mlp", "model.d_mlp=0"}, "model.d_mlp cannot be so"},
        {{"model.input=signs"}, "model.input is of model.kind mlp"},
        {{"model.dropout=1"}, "model.dropout must be below 1"},
        {{"model.dropout=0.1", "model.d_mlp=0"}, "model.dropout drops outputs of the MLP"},
        {{"model.residual=doubled"}, "model.residual: doubled is of models without MLP"},
        {{"model.kind=mlp", "model.residual=doubled"}, "model.residual cannot be so"},
        {{"optim.momentum=0.9"}, "optim.momentum is of optim.name sgd"},
        {{"optim.leftover=repeat"}, "optim.leftover is of minibatches"},
        {{"optim.momentum=1", "optim.name=sgd"}, "optim.momentum must be below 1"},
        {{"optim.decay=l2", "optim.name=sgd"}, "optim.decay is of optim.name adamw"},
        {{"loss.name=mse", "loss.form=f64"}, "loss.form is of loss.name cross_entropy"},
        {{"model.outputs=1"}, "model.outputs must be 0 or at least task.p"},
        {{"model.kind=mlp", "model.input=signs", "task.sequence=ab"},
         "signs are of tokens 0 and 1"},
        {{"model.kind=mlp", "task.end_token=on"},
         "an mlp scores one position, and task modular scores 2"},
        {{"task.name=digits", "task.examples=9", "model.outputs=9"}, "9 are too few for the 10"},
        {{"task.name=parity", "task.examples=9", "model.outputs=1"}, "loss.name cross_entropy of"},
        {{"device.plan=table", "model.norm=post"}, "layer norm does not factor"},
        {{"device.plan=table", "model.dropout=0.1"}, "dropout does not factor"},
        {{"device.plan=table", "optim.weight_noise=0.1"}, "not written for noise"},
        {{"device.plan=table", "optim.batch=100"}, "the whole training set"},
        {{"device.plan=table", "loss.name=mse"}, "written for cross-entropy"},
        {{"device.plan=table", "task.end_token=on"}, "device.plan: table cannot be"},
        {{"device.plan=table", "model.kind=mlp"}, "tables of an mlp hold for two tokens"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(bad); i++) refuse(bad[i].sets, bad[i].why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_are_pytorchs),
        cmocka_unit_test(gradients_are_differences),
        cmocka_unit_test(backends_agree),
        cmocka_unit_test(a_run_is_the_same_in_a_batch),
        cmocka_unit_test(a_run_goes_on),
        cmocka_unit_test(noise_is_of_training_only),
        cmocka_unit_test(blocks_do_not_matter),
        cmocka_unit_test(files_hold_every_family),
        cmocka_unit_test(what_makes_no_sense_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
