/* The table plan of networks without attention: gradients of both plans against the network
 * written out in double, a run alone against the same run in a batch, and which networks have
 * tables. */
#include "lib/support.h"

#include <float.h>

static const char *const kinds[][7] = {
    {"model.input=sum", "task.split=philox:1"},
    {"model.input=onehot", "task.split=philox:2"},
    {"model.input=sum", "model.biases=off"},
    {"model.input=onehot", "model.biases=off", "task.op=subtract"},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static void config_of(gk_config *config, int kind, const char *plan, int seed)
{
    char init[32];
    const char *set[16] = {"task.p=17",
                           "task.sequence=ab",
                           "task.train_fraction=0.5",
                           "model.kind=mlp",
                           "model.d_model=12",
                           "model.d_mlp=20",
                           "optim.warmup=0",
                           plan,
                           init};
    int n = 9;

    snprintf(init, sizeof init, "model.init=philox:%d", seed);
    for (int i = 0; kinds[kind][i]; i++) set[n++] = kinds[kind][i];
    make_config(config, set, n);
}

/* Packed weights and gradients; where the tensors begin: -1 where there is none. */
typedef struct net {
    gk_shape s;
    size_t n;
    gk_real *w;
    double *g, nearest; /* of all pre-activations to zero */
    int w_e, w_in, b_in, w_u, b_u;
} net;

static int begin_of(const gk_shape *s, const char *end)
{
    gk_tensor list[GK_TENSORS_MAX];
    int n = gk_tensors(list, s);

    for (int i = 0; i < n; i++)
        if (strstr(list[i].name, end)) return (int)list[i].packed;
    return -1;
}

/* Weights that are all different, biases too. */
static void net_open(net *x, const gk_config *config)
{
    gk_batch_size size;

    OK(gk_batch_size_of(&size, config, 1));
    x->s = size.shape;
    x->n = gk_parameters(&x->s);
    x->w = gk_alloc(x->n, sizeof *x->w);
    x->g = gk_alloc(x->n, sizeof *x->g);
    x->nearest = 1;
    for (size_t i = 0; i < x->n; i++) x->w[i] = (gk_real)(0.7 * sin(1.3 * (double)i * (double)i));
    x->w_e = begin_of(&x->s, "W_E");
    x->w_in = begin_of(&x->s, "W_in");
    x->b_in = begin_of(&x->s, "b_in");
    x->w_u = begin_of(&x->s, "W_U");
    x->b_u = begin_of(&x->s, "b_U");
}

static void net_close(net *x)
{
    free(x->w);
    free(x->g);
}

/* Input i of a pair: where its row of W_in begins, and how much of it comes in. */
static double input(const net *x, int i, const int32_t *token, int *row)
{
    *row = x->w_in + (x->w_e >= 0 ? i : token[i] + i * x->s.V) * x->s.F;
    return x->w_e < 0 ? 1
                      : (double)x->w[x->w_e + token[0] * x->s.D + i] +
                            (double)x->w[x->w_e + token[1] * x->s.D + i];
}

static double e_of(const net *x, const int32_t *token, int f)
{
    int inputs = x->w_e < 0 ? 2 : x->s.D, row;
    double e = x->b_in < 0 ? 0 : (double)x->w[x->b_in + f];

    for (int i = 0; i < inputs; i++) {
        double in = input(x, i, token, &row);
        e += in * (double)x->w[row + f];
    }
    return e;
}

/* What hidden unit f adds to the gradient, from d, the gradient of its pre-activation. */
static void unit_back(net *x, const int32_t *token, int f, double d)
{
    int inputs = x->w_e < 0 ? 2 : x->s.D, row;

    if (x->b_in >= 0) x->g[x->b_in + f] += d;
    for (int i = 0; i < inputs; i++) {
        double in = input(x, i, token, &row);
        x->g[row + f] += in * d;
        for (int t = 0; x->w_e >= 0 && t < 2; t++)
            x->g[x->w_e + token[t] * x->s.D + i] += d * (double)x->w[row + f];
    }
}

/* One pair: its loss; its share of the gradient is added. */
static double pair_loss(net *x, const int32_t *token, int label, double scale)
{
    enum { MOST = 32 };
    int F = x->s.F, C = x->s.C;
    double e[MOST], logit[MOST], sum = 0;

    assert_true(F <= MOST && C <= MOST);
    for (int f = 0; f < F; f++) {
        e[f] = e_of(x, token, f);
        x->nearest = fmin(x->nearest, fabs(e[f]));
    }
    for (int c = 0; c < C; c++) {
        logit[c] = x->b_u < 0 ? 0 : (double)x->w[x->b_u + c];
        for (int f = 0; f < F; f++) logit[c] += fmax(e[f], 0) * (double)x->w[x->w_u + f * C + c];
        sum += exp(logit[c]);
    }
    for (int c = 0; c < C; c++) {
        double d = scale * (exp(logit[c]) / sum - (c == label));
        if (x->b_u >= 0) x->g[x->b_u + c] += d;
        for (int f = 0; f < F; f++) x->g[x->w_u + f * C + c] += fmax(e[f], 0) * d;
        for (int f = 0; f < F; f++)
            if (e[f] > 0) unit_back(x, token, f, d * (double)x->w[x->w_u + f * C + c]);
    }
    return log(sum) - logit[label];
}

/* Mean loss and gradient of the training set. */
static double net_loss(net *x, const gk_config *config)
{
    gk_task task;
    int n_train;
    double loss = 0;

    OK(gk_task_open(&task, config));
    int *order = gk_alloc((size_t)task.n, sizeof *order);
    OK(gk_split(order, &n_train, &task, config));
    for (int i = 0; i < n_train; i++) {
        int32_t token[2], label;
        task.example(&task, order[i], token, &label);
        loss += pair_loss(x, token, label, 1.0 / n_train) / n_train;
    }
    free(order);
    gk_task_close(&task);
    return loss;
}

/* Sums of 12 to 150 products: both plans are off by a few dozen roundings at most. */
static void check_plan(const net *x, const gk_config *config, const char *device, double loss)
{
    double limit = 100 * (sizeof(gk_real) == 4 ? FLT_EPSILON : DBL_EPSILON) / 2, largest = 0;
    double sum[2];
    lab l;

    lab_open(&l, config, 1, device, 2);
    memcpy(l.batch.stage.params, x->w, x->n * sizeof *x->w);
    gk_batch_put(&l.batch, 0);
    assert_true(l.batch.plan.tables == (config->device.plan == GK_PLAN_TABLE));
    gk_gradients(&l.batch.plan);
    l.be.download(&l.be, sum, l.batch.data.train.sum, sizeof sum);
    gk_real *mine = lab_get(&l, &l.batch.model.grads, 0);
    CLOSE(sum[0] / l.batch.data.train.B, loss, limit);
    for (size_t i = 0; i < x->n; i++) largest = fmax(largest, fabs(x->g[i]));
    for (size_t i = 0; i < x->n; i++)
        if (!(fabs((double)mine[i] - x->g[i]) <= limit * largest))
            fail_msg("element %zu is %.17g, expected %.17g", i, (double)mine[i], x->g[i]);
    free(mine);
    lab_close(&l);
}

static void gradients_are_exact(void **state)
{
    static const char *const plans[] = {"device.plan=table", "device.plan=ops"};
    const char *help, *name;

    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        gk_config c;
        net x;
        config_of(&c, kind, plans[0], 0);
        net_open(&x, &c);
        double loss = net_loss(&x, &c);
        assert_true(x.nearest > 1e-5); /* rounding switches no unit */
        for (int i = 0; (name = gk_backend_name(i, &help)); i++) {
            gk_backend there;
            if (gk_backend_open(&there, name, NULL) != GK_OK) {
                print_message("skipped: %s: %s\n", name, gk_message());
                continue;
            }
            gk_backend_close(&there);
            for (int plan = 0; plan < 2; plan++) {
                config_of(&c, kind, plans[plan], 0);
                check_plan(&x, &c, name, loss);
            }
        }
        net_close(&x);
    }
}

static void a_run_is_the_same_in_a_batch(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        gk_config c[3];
        lab batch, alone;
        for (int r = 0; r < 3; r++) {
            config_of(&c[r], kind, "device.plan=table", r);
            c[r].optim.lr *= r + 1;
        }
        lab_open(&batch, c, 3, "auto", 2);
        lab_advance(&batch, 20);
        for (int r = 0; r < 3; r++) {
            lab_open(&alone, &c[r], 1, "auto", 1);
            lab_advance(&alone, 20);
            gk_real *a = lab_get(&alone, &alone.batch.model.params, 0),
                    *b = lab_get(&batch, &batch.batch.model.params, r);
            assert_memory_equal(a, b, gk_parameters(&alone.batch.size.shape) * sizeof *a);
            free(a);
            free(b);
            lab_close(&alone);
        }
        lab_close(&batch);
    }
}

static void plan_of(const char *set, const char *reason)
{
    const char *sets[] = {"task.sequence=ab", "model.kind=mlp", set}, *why;
    gk_config c;
    gk_batch_size size;
    bool tables;

    OK(gk_config_load(&c, NULL, sets, 3));
    OK(gk_batch_size_of(&size, &c, 1));
    OK(gk_plan_choose(&tables, &why, &c, &size.shape));
    assert_true(tables == !strcmp(reason, "exact"));
    if (!strstr(why, reason)) fail_msg("%s: %s", set, why);
}

static void test_validity(void **state)
{
    (void)state;
    plan_of("model.input=sum", "exact");
    plan_of("model.input=onehot", "exact");
    plan_of("task.sequence=ab=", "two tokens");
    plan_of("model.activation=gelu", "ReLU");
    plan_of("loss.name=mse", "cross-entropy");
    plan_of("optim.batch=20", "whole training set");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_validity),
        cmocka_unit_test(gradients_are_exact),
        cmocka_unit_test(a_run_is_the_same_in_a_batch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
