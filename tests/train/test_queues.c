/* Which runs of a sweep share a queue: those that a batch takes side by side, and no fewer than
 * need be. For each key two values in a small config; what the batch refuses must not come to
 * it. */
#include "lib/sweep.h"

#include "gk/sweep_train.h"
#include "lib/tolerance.h"

#include <stdio.h>

/* What the other keys are: modular addition with one small block. */
static const char *const base[] = {
    "task.p=5",      "task.train_fraction=0.5", "model.d_model=4",
    "model.heads=2", "model.d_head=2",          "model.d_mlp=8",
};

enum { BASE = sizeof base / sizeof *base, ALSO = 3, RUNS = 3 };

typedef struct pair {
    const char *key, *values;
    const char *also[ALSO]; /* --set, after those of base */
} pair;

/* Side by side: numbers of a slot, seeds, examples, and all that is done at events. */
static const pair together[] = {
    {"seed", "1, 2", {0}},
    {"task.split", "'python:0', 'torch:0'", {0}},
    {"task.split", "'symmetric:0', 'symmetric:1'", {0}}, /* 12 pairs each */
    {"task.label_seed", "1, 2", {"task.op=random"}},
    {"task.label_noise", "0, 0.5", {0}},
    {"model.init", "'torch:0', 'philox:1', 'linear:2'", {0}},
    {"optim.lr", "0.001, 0.1", {0}},
    {"optim.weight_decay", "0, 1", {0}},
    {"optim.decay", "decoupled, l2", {0}},
    {"optim.momentum", "0, 0.9", {"optim.name=sgd"}},
    {"optim.beta1", "0, 0.9", {0}},
    {"optim.beta2", "0.98, 0.999", {0}},
    {"optim.eps", "0.001, 1.0e-8", {0}},
    {"optim.warmup", "0, 10", {0}},
    {"optim.weight_noise", "0.1, 0.2", {0}},
    {"optim.seed", "0, 1", {"optim.batch=3"}},
    {"optim.leftover", "wait, repeat", {"optim.batch=3"}},
    {"run.epochs", "10, 20", {0}},
    {"run.measure_every", "1, 2", {0}},
    {"run.measure_at", "null, 'log:3'", {0}},
    {"run.checkpoint_at", "none, 'log:3'", {0}},
    {"run.keep_state", "none, '1, 2'", {0}},
    {"run.stop_test_loss", "null, 0.1", {0}},
};

/* The batch computes one thing for all of its runs. */
static const pair apart[] = {
    {"task.name", "modular, group", {"task.group=Z7"}},
    {"task.p", "5, 7", {0}},
    {"task.train_fraction", "0.3, 0.5", {0}},
    {"task.sequence", "'ab=', 'aopb='", {0}},
    {"task.end_token", "'off', 'on'", {0}},
    {"task.split", "'symmetric:0', 'symmetric:2'", {0}}, /* 12 and 11 pairs */
    {"task.digits", "1, 2", {"task.name=digits", "optim.batch=3"}},
    {"task.examples", "0, 10", {"task.name=digits", "task.digits=1", "optim.batch=3"}},
    {"model.kind", "transformer, mlp", {"task.sequence=ab"}},
    {"model.input", "sum, onehot", {"model.kind=mlp", "task.sequence=ab"}},
    {"model.layers", "1, 2", {0}},
    {"model.d_model", "4, 5", {0}},
    {"model.heads", "1, 2", {0}},
    {"model.d_head", "2, 3", {0}},
    {"model.d_mlp", "0, 8", {0}},
    {"model.activation", "relu, gelu", {0}},
    {"model.biases", "'on', frozen", {0}},
    {"model.biases", "'on', 'off'", {0}},
    {"model.attention_biases", "'off', 'on'", {0}},
    {"model.unembed_bias", "'off', 'on'", {0}},
    {"model.norm", "none, pre", {0}},
    {"model.norm", "pre, post", {0}},
    {"model.final_norm", "'off', 'on'", {0}},
    {"model.residual", "plain, doubled", {"model.d_mlp=0"}},
    {"model.positions", "learned, sinusoidal", {0}},
    {"model.dropout", "0.1, 0.2", {0}},
    {"model.outputs", "5, 6", {0}},
    {"optim.name", "adamw, sgd", {0}},
    {"optim.decay_to", "zero, init", {0}},
    {"optim.weight_noise", "0, 0.1", {0}},
    {"optim.batch", "3, 4", {0}},
    {"loss.name", "cross_entropy, mse", {0}},
    {"loss.name", "hinge, mse", {0}},
    {"loss.form", "exact, f32", {0}},
    {"device.plan", "ops, table", {0}},
};

static void open_sweep(const pair *p)
{
    const char *sets[BASE + ALSO];
    char yaml[256], *dot;
    int n = 0;

    for (int i = 0; i < BASE; i++)
        if (strncmp(base[i], p->key, strlen(p->key))) sets[n++] = base[i];
    for (int i = 0; i < ALSO && p->also[i]; i++) sets[n++] = p->also[i];
    snprintf(yaml, sizeof yaml, "%s: [%s]", p->key, p->values);
    dot = strchr(p->key, '.');
    if (dot)
        snprintf(yaml, sizeof yaml, "%.*s: {%s: [%s]}", (int)(dot - p->key), p->key, dot + 1,
                 p->values);
    if (parse_with("x.yaml", yaml, sets, n) != GK_OK) fail_msg("%s: %s", yaml, gk_message());
    assert_in_range(sweep.n, 2, RUNS);
}

static int queues(void)
{
    gk_sweep_group *groups;
    int n;

    if (gk_sweep_groups(&groups, &n, &sweep, 0, 1) != GK_OK) fail_msg("%s", gk_message());
    gk_sweep_groups_free(groups, n);
    return n;
}

/* Does a batch take the runs of the sweep side by side? */
static bool fits(void)
{
    static gk_config config[RUNS];
    const gk_config *side[RUNS];
    gk_backend ref = open_ref();
    gk_batch batch;

    for (int i = 0; i < sweep.n; i++) {
        config[i] = config_of(i);
        side[i] = &config[i];
    }
    gk_status status = gk_batch_open(&batch, side, sweep.n, &ref);
    gk_batch_close(&batch);
    gk_backend_close(&ref);
    if (status != GK_OK && !strstr(gk_message(), "cannot train side by side"))
        fail_msg("%s", gk_message());
    return status == GK_OK;
}

static void test_together(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof together / sizeof *together; k++) {
        open_sweep(&together[k]);
        if (queues() != 1 || !fits()) fail_msg("%s: %d queues", together[k].key, queues());
    }
}

static void test_apart(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof apart / sizeof *apart; k++) {
        open_sweep(&apart[k]);
        if (fits()) fail_msg("%s: a batch takes %s", apart[k].key, apart[k].values);
        if (queues() != sweep.n) fail_msg("%s: %d queues", apart[k].key, queues());
    }
}

static bool is_in(const pair *list, size_t n, const char *key)
{
    for (size_t k = 0; k < n; k++)
        if (!strcmp(list[k].key, key)) return true;
    return false;
}

/* A new key of these groups must say where it belongs. */
static void test_every_key_is_listed(void **state)
{
    (void)state;
    for (int i = 0; i < GK_CONFIG_KEYS; i++) {
        const char *key = gk_config_keys[i].name;
        if (strncmp(key, "model.", 6) && strncmp(key, "optim.", 6) && strncmp(key, "loss.", 5))
            continue;
        if (!is_in(together, sizeof together / sizeof *together, key) &&
            !is_in(apart, sizeof apart / sizeof *apart, key))
            fail_msg("%s is in neither list", key);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_together),
        cmocka_unit_test(test_apart),
        cmocka_unit_test(test_every_key_is_listed),
    };

    return cmocka_run_group_tests(tests, NULL, close_sweep);
}
