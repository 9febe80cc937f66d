/* Training on the cuda backend over the host shim, on both plans: against ref, replayed from a graph against enqueued step by
 * step, alone against in a batch, in all orders of threads and blocks. The host may not touch device memory meanwhile. */
#include "control.h"
#include "support.h"
#include "tolerance.h"

enum { STEPS = 10, RUNS = 3, SETS = 3 /* of tensors: weights, both moments */ };

static const char *const plans[] = {"ops", "table"};

static void config_of(gk_config *c, const char *plan, int r)
{
    static const char *const own[][2] = {{"optim.weight_decay=1", "optim.lr=0.01"},
                                         {"optim.weight_decay=0.1", "task.op=subtract"},
                                         {"optim.decay=l2", "optim.lr=0.003"}};
    char plan_set[32], seed[32];

    snprintf(plan_set, sizeof plan_set, "device.plan=%s", plan);
    snprintf(seed, sizeof seed, "seed=%d", r + 1);
    CONFIG(c, "task.p=7", "task.train_fraction=0.6", "model.d_model=6", "model.heads=2",
           "model.d_head=5", "model.d_mlp=9", "optim.warmup=2", plan_set, seed, own[r][0],
           own[r][1]);
}

/* Runs first .. first + R - 1, after STEPS updates. */
static void train(lab *l, const char *device, const char *plan, int first, int R)
{
    gk_config c[RUNS];

    gk_shim_reset();
    for (int r = 0; r < R; r++) config_of(&c[r], plan, first + r);
    lab_open(l, c, R, device, 1);
    gk_shim_guard_memory(1);
    lab_advance(l, STEPS);
    gk_shim_guard_memory(0);
}

static const gk_params *set_of(const lab *l, int i)
{
    const gk_model *m = &l->batch.model;

    return i == 0 ? &m->params : i == 1 ? &m->m : &m->v;
}

static void same_bytes(lab *a, int ra, lab *b, int rb)
{
    size_t bytes = gk_parameters(&a->batch.size.shape) * sizeof(gk_real);

    for (int i = 0; i < SETS; i++) {
        gk_real *x = lab_get(a, set_of(a, i), ra), *y = lab_get(b, set_of(b, i), rb);

        assert_memory_equal(x, y, bytes);
        free(x);
        free(y);
    }
    assert_memory_equal(&a->batch.slot[ra], &b->batch.slot[rb], sizeof a->batch.slot[ra]);
}

/* Ten steps end at ref's weights, up to float's rounding. AdamW divides a gradient by its own size, so that early on the
 * relative rounding error of a gradient, about 100 roundings, is one of the update, lr for each weight and step. */
static void test_like_ref(void **state)
{
    const double limit = STEPS * 0.01 * 100 * GK_REAL_EPSILON;

    (void)state;
    for (int p = 0; p < 2; p++) {
        lab ref, cuda;
        size_t n;

        train(&ref, "ref", plans[p], 0, 1);
        train(&cuda, "cuda", plans[p], 0, 1);
        n = gk_parameters(&ref.batch.size.shape);
        gk_real *x = lab_get(&cuda, set_of(&cuda, 0), 0), *y = lab_get(&ref, set_of(&ref, 0), 0);
        for (size_t i = 0; i < n; i++)
            if (!(fabs(x[i] - y[i]) <= limit))
                fail_msg("%s: weight %zu is %.9g, of ref %.9g", plans[p], i, x[i], y[i]);
        CLOSE(cuda.batch.slot[0].loss, ref.batch.slot[0].loss, 2e-6);
        assert_true(ref.batch.slot[0].loss < ref.batch.slot[0].loss_max); /* it learned something */
        free(x);
        free(y);
        lab_close(&ref);
        lab_close(&cuda);
    }
}
